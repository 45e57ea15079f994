/**
 * `kodeno apply`, `create`, `delete` and `run`: kubectl with images built first.
 * @module
 */
import { Command } from "commander";
import { type KubectlVerb, passToKubectl, runInCluster, sendToKubectl } from "../app/kubectl.ts";
import { addManifestFlags, addPushingBuildFlags } from "./manifest_flags.ts";
import { type ManifestFlags, resolveRequest } from "./manifest_flags.ts";
import { type BuildFlags, commandOptions } from "./build_flags.ts";
import { printNote } from "./output.ts";
import { watched } from "./progress.ts";
import { refuseStdout } from "./stdout_use.ts";

/** `kodeno apply` or `kodeno create`. */
export function sendCommand(verb: KubectlVerb): Command {
  const command = new Command(verb)
    .summary(`resolve Kubernetes objects and hand them to "kubectl ${verb}"`)
    .description(
      `Resolves Kubernetes objects as "kodeno resolve" does and hands them to\n` +
        `"kubectl ${verb} -f -". What follows a -- goes to kubectl.`,
    )
    .argument("[args...]", "arguments of kubectl");
  return addManifestFlags(command).addHelpText(
    "after",
    `
Examples:
  # build, push, and ${verb} all of config/
  KO_DOCKER_REPO=registry.local/team kodeno ${verb} -f config/

  # with flags of kubectl
  kodeno ${verb} -f config/ -- --namespace=prod`,
  ).action(async (args: readonly string[], flags: ManifestFlags) => {
    await refuseStdout(flags, verb);
    const request = { ...resolveRequest(flags), verb, args, watch: flags.watch };
    await watched({ verbose: flags.verbose }, (work) => sendToKubectl(request, work));
  });
}

/** `kodeno delete`. */
export function deleteCommand(): Command {
  return new Command("delete")
    .summary('the same as "kubectl delete"')
    .description('Runs "kubectl delete" with all arguments as they are. Nothing is built.')
    .argument("[args...]", "arguments of kubectl")
    .allowUnknownOption()
    .addHelpText("after", "\nExample:\n  kodeno delete -f config/ --ignore-not-found")
    .action(async () => {
      await watched({}, (work) => passToKubectl(Deno.args, work));
    });
}

/** `kodeno run`. */
export function runCommand(): Command {
  const command = new Command("run")
    .summary("build images and run them in the cluster")
    .description(
      'Builds and pushes images of main packages and runs each with "kubectl run", attached, and\n' +
        "removed when it ends. What follows a -- goes to kubectl.",
    )
    .argument("<patterns...>", "import paths or folders");
  return addPushingBuildFlags(command).addHelpText(
    "after",
    `
Examples:
  # build, push, and run
  KO_DOCKER_REPO=registry.local/team kodeno run ./cmd/app

  # with flags of kubectl, and arguments of the program
  kodeno run ./cmd/app -- --namespace=prod -- --port=80`,
  ).action(async (given: readonly string[], flags: BuildFlags) => {
    await refuseStdout(flags, "run");
    // The parser does not tell what stood before the dashes.
    const dashes = Deno.args.indexOf("--");
    const args = dashes < 0 ? [] : Deno.args.slice(dashes + 1);
    const patterns = given.slice(0, given.length - args.length);
    const request = { patterns, options: commandOptions(flags), args };
    await watched({ verbose: flags.verbose }, async (work) => {
      for (const argv of await runInCluster(request, work)) {
        printNote(`kubectl ${argv.join(" ")}`);
        await passToKubectl(argv, work);
      }
    });
  });
}
