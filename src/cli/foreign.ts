/**
 * Commands and flags that other tools have, and what says the same here.
 * @module
 */
import type { Command } from "../npm/commander.ts";

/** By the command here: those of Docker, buildx, skopeo, crane, oras and Skaffold. */
const COMMANDS: Readonly<Record<string, string>> = {
  build: "bake compile image make",
  watch: "debug dev up",
  push: "upload",
  pull: "download fetch",
  copy: "convert cp import mirror save",
  serve: "registry server",
  ls: "artifacts catalog image-list images list ps tags",
  inspect: "describe history manifest show",
  tag: "alias rename retag",
  rm: "del remove rmi untag",
  gc: "clean prune",
  merge: "append combine index join",
  login: "auth",
  init: "generate new setup",
  verify: "validate",
  diff: "cmp compare difference",
  doctor: "check diagnose env info lint",
};

/** By the flag of others: flags here, of which the first counts that the command has. */
const FLAGS: Readonly<Record<string, string>> = {
  "--addr --address --bind --host": "--listen",
  "--annotation --annotations": "--image-annotation",
  "--arch --os --platforms": "--platform",
  "--archive --tar": "--tarball",
  "--args --cmd --entrypoint": "--entrypoint-arg",
  "--base --from": "--base-image",
  "--build-arg": "--ldflags",
  "--ca --ca-cert --cacert": "--ca-file",
  "--cert": "--tls-cert --ca-file",
  "--concurrency --parallelism --workers": "--jobs",
  "--daemon --load": "--local",
  "--debug": "--disable-optimizations --verbose",
  "--dest --destination --registry --repo --repository": "--to",
  "--file": "--filename",
  "--insecure --plain-http --tls-verify --src-tls-verify --dest-tls-verify": "--insecure-registry",
  "--key": "--tls-key",
  "--label --labels -l": "--image-label",
  "--oci --out --output -o": "--oci-layout --json",
  "--port --publish -p": "--expose --listen",
  "--user -u": "--image-user --username",
  "--environment -e": "--image-env",
};

/** What to do where a command has no flag for it, and which argument it then has. */
const ADVICE: readonly (readonly [flags: string, advice: string, argument?: RegExp])[] = [
  ["--all --all-platforms --all-tags --multi-arch -a", "all is taken where nothing is named"],
  ["--cache-dir", "set KODENO_CACHE"],
  ["--config", "set KO_CONFIG_PATH to the .ko.yaml"],
  [
    "--creds --dest-creds --password --src-creds --username",
    'log in with "kodeno login" before',
    /^(?:layout\|archive|reference|source)$/,
  ],
  ["--dest --destination --registry --repo --repository --to", "set KO_DOCKER_REPO", /^patterns?$/],
  ["--name", "KO_DOCKER_REPO and the import path are the name; see --bare", /^patterns?$/],
  ["--image --images --name", "name the image without a flag", /^names?$|^source$/],
  ["--dir --input --layout --oci-layout -i", "name the layout without a flag", /^layout/],
  ["--quiet -q", "progress goes to stderr; 2>/dev/null leaves it out"],
  ["--version", 'ask "kodeno version"'],
];
/** Commands whose arguments behind a "--" are kubectl's. */
export const OF_KUBECTL: readonly string[] = ["apply", "create", "run"];

/** What the command here is called that other tools call so. */
export function ownCommand(name: string): string | undefined {
  return Object.keys(COMMANDS).find((own) => COMMANDS[own]?.split(" ").includes(name));
}

/** What to say in the place of a flag that a command does not have, as far as it is known. */
export function insteadOf(flag: string, command: Command): string | undefined {
  const isOne = (flags: string): boolean => flags.split(" ").includes(flag);
  const has = (name: string): boolean => command.options.some(({ long }) => long === name);
  const own = Object.entries(FLAGS).flatMap(([flags, names]) =>
    isOne(flags) ? names.split(" ") : []
  ).find(has);
  if (own !== undefined) return `say ${own}`;
  const words = command.registeredArguments.map((argument) => argument.name());
  const [, advice] =
    ADVICE.find(([flags, , argument]) =>
      isOne(flags) && (argument === undefined || words.some((word) => argument.test(word)))
    ) ?? [];
  return advice;
}
