/**
 * The commands for Kubernetes: `kodeno resolve`, and `apply`, `create`, `delete` and `run`, which are
 * kubectl with images built first.
 * @module
 */
import { fromCommand } from "./arguments.ts";
import { command, type Commands } from "./command.ts";
import { type Flags, type Given, texts } from "./flag.ts";
import { PART_FLAGS, PUSHING_FLAGS, UNCHANGED_FLAGS } from "./flags.ts";
import { printNote, printText } from "./output.ts";

/** What commands are told that build what Kubernetes objects name. */
const MANIFEST_FLAGS = {
  files: texts(`-f, --filename <list>  files or folders, with commas; - is stdin (default: none)`),
  recursive: "-R, --recursive  read folders recursively",
  selector:
    "-l, --selector <labels>  only objects with these labels, as app=web,!canary (default: all)",
  watch: "-W, --watch  do it again whenever a file changes, until Ctrl-C",
  ...PUSHING_FLAGS,
  ...PART_FLAGS,
  ...UNCHANGED_FLAGS,
} satisfies Flags;

const resolve = command({
  about: `Builds the Go main packages that Kubernetes objects name as ko://IMPORTPATH or
    ko://./FOLDER, pushes the images to KO_DOCKER_REPO, and prints the objects with the references of
    the images in place of these names.`,
  flags: MANIFEST_FLAGS,
  examples: {
    "build and push the images of config/, and print the objects with their digests":
      "KO_DOCKER_REPO=registry.local/team kodeno resolve -f config/ > release.yaml",
    "only some objects, images loaded into the Docker daemon":
      "kodeno resolve -L -f config/ -R -l app=web",
    'without a registry: images stay in the layout "out"':
      "kodeno resolve --push=false -f pod.yaml",
  },
  view: true,
  run: async (given, work) => {
    const { printResolved } = await import("../app/resolve.ts");
    await printResolved(requestOf(given), printText, { ...work, watch: given.watch });
  },
});

/** What manifests, images and places the flags ask for. */
function requestOf(options: Given<typeof MANIFEST_FLAGS>) {
  const { files = [], recursive, selector } = options;
  return { manifests: { files, recursive, selector, stdin: () => Deno.stdin.readable }, options };
}

const sending = (verb: "apply" | "create") =>
  command({
    about: `Resolves Kubernetes objects as "kodeno resolve" does and passes them to "kubectl
      ${verb} -f -". Arguments after -- go to kubectl.`,
    words: ["[args...]  arguments of kubectl"],
    flags: MANIFEST_FLAGS,
    examples: {
      [`build, push, and ${verb} all of config/`]:
        `KO_DOCKER_REPO=registry.local/team kodeno ${verb} -f config/`,
      "with flags of kubectl": `kodeno ${verb} -f config/ -- --namespace=prod`,
    },
    view: true,
    run: async (given, work, args) => {
      const { sendToKubectl } = await import("../app/kubectl.ts");
      const all = [verb, "-f", "-", ...args];
      await sendToKubectl(requestOf(given), all, { ...work, watch: given.watch });
    },
  });

const remove = command({
  about: 'Runs "kubectl delete" with the arguments as they are. Builds nothing.',
  words: ["[args...]  arguments of kubectl"],
  examples: "kodeno delete -f config/ --ignore-not-found",
  takesAny: true,
  run: async (_, work) =>
    (await import("../app/kubectl.ts")).passToKubectl(fromCommand(Deno.args), work),
});

const run = command({
  about: `Builds and pushes images of main packages and runs each with "kubectl run", attached, and
    removed when it ends. Arguments after -- go to kubectl.`,
  words: ["<patterns...>  import paths or folders"],
  flags: PUSHING_FLAGS,
  examples: {
    "build, push, and run": "KO_DOCKER_REPO=registry.local/team kodeno run ./cmd/app",
    "with flags of kubectl, and arguments of the program":
      "kodeno run ./cmd/app -- --namespace=prod -- --port=80",
  },
  view: true,
  run: async (options, work, words) => {
    const { passToKubectl } = await import("../app/kubectl.ts");
    const { runInCluster } = await import("../app/run.ts");
    // The parser does not tell what stood before the dashes.
    const dashes = Deno.args.indexOf("--");
    const args = dashes < 0 ? [] : Deno.args.slice(dashes + 1);
    const patterns = words.slice(0, words.length - args.length);
    for (const argv of await runInCluster(patterns, options, args, work)) {
      work.tell(() => printNote(`kubectl ${argv.join(" ")}`));
      await passToKubectl(argv, work);
    }
  },
});

export default {
  resolve,
  apply: sending("apply"),
  create: sending("create"),
  delete: remove,
  run,
} satisfies Commands;
