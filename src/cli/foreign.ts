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
  copy: "convert cp export import mirror save",
  serve: "registry server",
  ls: "artifacts catalog image-list images list ps tags",
  inspect: "describe digest history manifest show",
  tag: "alias rename retag",
  rm: "del remove rmi untag",
  gc: "clean prune",
  merge: "append combine index join",
  login: "auth",
  init: "generate new setup",
  verify: "validate",
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
  "--format": "--json",
  "--insecure --plain-http --tls-verify --src-tls-verify --dest-tls-verify": "--insecure-registry",
  "--key": "--tls-key",
  "--label --labels -l": "--image-label",
  "--oci --out --output -o": "--oci-layout --json",
  "--port --publish -p": "--expose --listen",
  "--user -u": "--image-user --username",
  "--environment -e": "--image-env",
};

/** By the flag of others: what to do where the command has no flag for it. */
const ADVICE: Readonly<Record<string, string>> = {
  "--all --all-platforms --multi-arch -a": "all is taken where nothing is named",
  "--cache-dir": "set KODENO_CACHE",
  "--config": "set KO_CONFIG_PATH to the .ko.yaml",
  "--creds --dest-creds --password --src-creds --username": 'log in with "kodeno login" before',
  "--dest --destination --registry --repo --repository --to": "set KO_DOCKER_REPO",
  "--image --images": "name the image without a flag",
  "--quiet -q": "progress goes to stderr; 2>/dev/null leaves it out",
  "--sbom-dir": "kodeno writes no SBOM; leave it out",
  "--version": 'ask "kodeno version"',
};

/** What the command here is called that other tools call so. */
export function ownCommand(name: string): string | undefined {
  return Object.keys(COMMANDS).find((own) => COMMANDS[own]?.split(" ").includes(name));
}

/** What to say in the place of a flag that a command does not have, as far as it is known. */
export function insteadOf(flag: string, command: Command): string | undefined {
  const has = (name: string): boolean => command.options.some(({ long }) => long === name);
  const found = said(FLAGS, flag).flatMap((names) => names.split(" ")).find(has);
  if (found !== undefined) return `say ${found}`;
  if (has("--selector")) return "flags of kubectl stand behind a --";
  return said(ADVICE, flag)[0];
}

function said(table: Readonly<Record<string, string>>, flag: string): readonly string[] {
  return Object.entries(table).flatMap(([flags, text]) =>
    flags.split(" ").includes(flag) ? [text] : []
  );
}
