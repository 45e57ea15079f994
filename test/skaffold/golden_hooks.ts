/**
 * Hooks around builds, and what the real Skaffold (v2.24, `skaffold build --push -t v1`) gives them: in
 * which order they run, where, and with which variables. `record.ts` checks it against a Skaffold.
 * @module
 */
import type { Registry } from "../parts/registry.ts";
import { goTool } from "../parts/tools.ts";
import { succeed } from "../support/process.ts";
import type { TempDir } from "../support/temp.ts";

/** A hook that writes down what it got. */
const hook = (name: string, rest = ""): string =>
  `{command: [sh, -c, 'echo "${name} in $(pwd)" >>"$LOG"; env | grep ^SKAFFOLD_ | sort >>"$LOG"']${rest}}`;

const FILES = {
  "go.mod": "module example.test/app\n",
  "main.go": "package main\n\nfunc main() {}\n",
  "lib/go.mod": "module example.test/lib\n",
  "lib/main.go": "package main\n\nfunc main() {}\n",
  "lib/hooks/run.sh": '#!/bin/sh\necho "script $1 in $(pwd)" >>"$LOG"\n',
  "skaffold.yaml": `apiVersion: skaffold/v4beta13
kind: Config
requires: [{path: lib}]
build:
  artifacts:
  - image: team/app
    context: .
    requires: [{image: lib}]
    ko: {fromImage: BASE}
    hooks:
      before: [${hook("before app")}, ${hook("other system", ", os: [plan9, windows]")}]
      after: [${hook("after app", ", os: [linux, darwin], dir: lib")}]
`,
  "lib/skaffold.yaml": `apiVersion: skaffold/v4beta13
kind: Config
build:
  artifacts:
  - image: lib
    ko: {fromImage: BASE}
    hooks:
      before: [${hook("before lib")}, {command: [./run.sh, "a b"], dir: hooks}]
      after: [${hook("after lib", ', dir: "."')}]
  hooks:
    before: [${hook("before all")}]
    after: [${hook("after all")}]
profiles:
- name: other
  build: {hooks: {after: [${hook("after all, by the profile")}]}}
`,
};

/** The variables of a hook, of an image or of none. */
const variables = (image?: string, context = ""): string =>
  `SKAFFOLD_BUILD_CONTEXT=${context}
SKAFFOLD_DEFAULT_REPO=REG/sk
SKAFFOLD_IMAGE=${image ? `REG/sk/${image}:v1` : ""}
SKAFFOLD_IMAGE_REPO=${image ? "REG/sk" : ""}
SKAFFOLD_IMAGE_TAG=${image ? "v1" : ""}
SKAFFOLD_PUSH_IMAGE=${image !== undefined}
SKAFFOLD_WORK_DIR=ROOT
`;

/** What the hooks write, with ROOT for the folder and REG for the host of the registry. */
export const HOOKS = [
  `before all in ROOT\n${variables()}`,
  `before lib in ROOT\n${variables("lib", "ROOT/lib")}`,
  "script a b in ROOT/lib/hooks\n",
  `after lib in ROOT/lib\n${variables("lib", "ROOT/lib")}`,
  `before app in ROOT\n${variables("team_app", "ROOT")}`,
  `after app in ROOT/lib\n${variables("team_app", "ROOT")}`,
  `after all, by the profile in ROOT\n${variables()}`,
].join("");

/** The profile that `HOOKS` is with. */
export const PROFILE = "other";

/** Writes the files, on a base image in a registry. */
export async function prepareHooks(folder: TempDir, { host }: Registry): Promise<void> {
  const base = `${host}/base:v1`;
  const crane = await goTool("crane");
  await folder.write("layer/x", "");
  await succeed("tar", ["-cf", folder.join("layer.tar"), "-C", folder.join("layer"), "x"]);
  await succeed(crane, ["append", "--oci-empty-base", "-f", folder.join("layer.tar"), "-t", base]);
  await succeed(crane, ["mutate", "--set-platform", "linux/amd64", base, "-t", base]);
  for (const [name, text] of Object.entries(FILES)) {
    const path = await folder.write(name, text.replaceAll("BASE", base));
    if (name.endsWith(".sh")) await Deno.chmod(path, 0o755);
  }
}

/** What hooks wrote, without what differs from run to run. */
export async function written(folder: TempDir, { host }: Registry): Promise<string> {
  const text = await Deno.readTextFile(folder.join("log"));
  return text.replaceAll(folder.path, "ROOT").replaceAll(host, "REG");
}
