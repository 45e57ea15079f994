/**
 * `kodeno apply`, `create`, `delete` and `run`: kubectl with images built first.
 * @module
 */
import { Command } from "commander";
import { type KubectlVerb, passToKubectl, runInCluster, sendToKubectl } from "../app/kubectl.ts";
import { type Given, withFlags } from "./flag.ts";
import { MANIFEST_FLAGS, PUSHING_FLAGS, resolveRequest } from "./flags.ts";
import { outputsOf, printNote, refuseStdout } from "./output.ts";
import { watched } from "./progress.ts";

/** `kodeno apply`. */
export const applyCommand = (): Command => sendingCommand("apply");
/** `kodeno create`. */
export const createCommand = (): Command => sendingCommand("create");

function sendingCommand(verb: KubectlVerb): Command {
  return withFlags(new Command(verb), MANIFEST_FLAGS)
    .description(
      `Resolves Kubernetes objects as "kodeno resolve" does and hands them to\n` +
        `"kubectl ${verb} -f -". What follows a -- goes to kubectl.`,
    )
    .argument("[args...]", "arguments of kubectl")
    .addHelpText(
      "after",
      `
Examples:
  # build, push, and ${verb} all of config/
  KO_DOCKER_REPO=registry.local/team kodeno ${verb} -f config/

  # with flags of kubectl
  kodeno ${verb} -f config/ -- --namespace=prod`,
    ).action(async (args: readonly string[], flags: Given<typeof MANIFEST_FLAGS>) => {
      await refuseStdout(outputsOf(flags), verb);
      const request = { ...resolveRequest(flags), verb, args, watch: flags.watch };
      await watched({ verbose: flags.verbose }, (work) => sendToKubectl(request, work));
    });
}

/** `kodeno delete`. */
export function deleteCommand(): Command {
  return new Command("delete")
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
  return withFlags(new Command("run"), PUSHING_FLAGS)
    .description(
      'Builds and pushes images of main packages and runs each with "kubectl run", attached, and\n' +
        "removed when it ends. What follows a -- goes to kubectl.",
    )
    .argument("<patterns...>", "import paths or folders")
    .addHelpText(
      "after",
      `
Examples:
  # build, push, and run
  KO_DOCKER_REPO=registry.local/team kodeno run ./cmd/app

  # with flags of kubectl, and arguments of the program
  kodeno run ./cmd/app -- --namespace=prod -- --port=80`,
    ).action(async (given: readonly string[], options: Given<typeof PUSHING_FLAGS>) => {
      await refuseStdout(outputsOf(options), "run");
      // The parser does not tell what stood before the dashes.
      const dashes = Deno.args.indexOf("--");
      const args = dashes < 0 ? [] : Deno.args.slice(dashes + 1);
      const patterns = given.slice(0, given.length - args.length);
      const request = { patterns, options, args };
      await watched({ verbose: options.verbose }, async (work) => {
        for (const argv of await runInCluster(request, work)) {
          printNote(`kubectl ${argv.join(" ")}`);
          await passToKubectl(argv, work);
        }
      });
    });
}
