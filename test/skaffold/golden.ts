/**
 * Repositories with a skaffold.yaml, and what the real Skaffold (v2.24, `skaffold build --dry-run -q`)
 * makes of them: names and tags. `record.ts` checks the table against a Skaffold that is given to it.
 * @module
 */
import type { SkaffoldOptions } from "../../src/config/skaffold/options.ts";
import type { GitRepository } from "../support/git_repository.ts";
import { SETTINGS } from "./golden_settings.ts";

/** One repository, one call, one answer. */
export interface GoldenCase {
  readonly what: string;
  readonly files: Readonly<Record<string, string>>;
  /** After the first commit of all files. */
  readonly then?: (repository: GitRepository) => Promise<unknown>;
  /** Whether the files stay outside of git altogether. */
  readonly noGit?: boolean;
  readonly options?: SkaffoldOptions;
  /** Files of the home folder. */
  readonly home?: Readonly<Record<string, string>>;
  /** Image names of the file, and what they become. */
  readonly images: Readonly<Record<string, string>>;
}

const HEADER = "apiVersion: skaffold/v4beta13\nkind: Config\n";

/** A skaffold.yaml with an artifact for each name, and what else `build` says. */
function config(images: readonly string[], build = "", rest = ""): string {
  const artifacts = images.map((image) => `  - image: ${image}\n    ko: {}\n`).join("");
  return `${HEADER}build:\n${build}  artifacts:\n${artifacts}${rest}`;
}

const MAIN = {
  "main.go": "package main\n\nfunc main() {}\n",
  "go.mod": "module example.com/app\n",
};
const app = (build = "", rest = ""): Readonly<Record<string, string>> => ({
  ...MAIN,
  "skaffold.yaml": config(["app"], build, rest),
});
const named = (...images: readonly string[]): Readonly<Record<string, string>> => ({
  ...MAIN,
  "skaffold.yaml": config(images),
});
const policy = (text: string): Readonly<Record<string, string>> =>
  app(`  tagPolicy:\n${text.replaceAll(/^/gm, "    ")}\n`);
const repo = (defaultRepo: string): { readonly options: SkaffoldOptions } => ({
  options: { defaultRepo, tag: "v1" },
});
const LONG = `example.com/${"a-long-nam/".repeat(22)}cmd`;

const NAMES: readonly GoldenCase[] = [
  {
    what: "no default repo leaves names as they are",
    files: named(
      "app",
      "gcr.io/k8s-skaffold/app",
      "Docker.io/App/Upper",
      "ko://example.com/App/cmd",
    ),
    options: { tag: "v1" },
    images: {
      "app": "app:v1",
      "gcr.io/k8s-skaffold/app": "gcr.io/k8s-skaffold/app:v1",
      "Docker.io/App/Upper": "Docker.io/App/Upper:v1",
      "ko://example.com/App/cmd": "ko://example.com/App/cmd:v1",
    },
  },
  {
    what: "ports in a default repo",
    files: named("app", "a/b"),
    ...repo("127.0.0.1:5001/sk"),
    images: { "app": "127.0.0.1:5001/sk/app:v1", "a/b": "127.0.0.1:5001/sk/a_b:v1" },
  },
  {
    what: "port in the name",
    files: named("localhost:5000/a/b"),
    ...repo("reg.example.com:80"),
    images: { "localhost:5000/a/b": "reg.example.com:80/localhost_5000_a_b:v1" },
  },
  {
    what: "an import path",
    files: named("ko://example.com/hello/cmd/hello"),
    ...repo("127.0.0.1:5001/sk"),
    images: {
      "ko://example.com/hello/cmd/hello": "127.0.0.1:5001/sk/example_com_hello_cmd_hello:v1",
    },
  },
  {
    what: "upper case in an import path",
    files: named("ko://github.com/GoogleContainerTools/skaffold"),
    ...repo("ghcr.io/me"),
    images: {
      "ko://github.com/GoogleContainerTools/skaffold":
        "ghcr.io/me/github_com_googlecontainertools_skaffold:v1",
    },
  },
  {
    what: "upper case in the default repo",
    files: named("App/Cmd"),
    ...repo("reg.example.com/Me"),
    images: { "App/Cmd": "reg.example.com/Me/app_cmd:v1" },
  },
  {
    what: "gcr.io under itself",
    files: named("gcr.io/k8s-skaffold/example/app"),
    ...repo("gcr.io/k8s-skaffold"),
    images: { "gcr.io/k8s-skaffold/example/app": "gcr.io/k8s-skaffold/example/app:v1" },
  },
  {
    what: "gcr.io with the same project and more",
    files: named("gcr.io/k8s-skaffold/example/app"),
    ...repo("gcr.io/k8s-skaffold/staging"),
    images: { "gcr.io/k8s-skaffold/example/app": "gcr.io/k8s-skaffold/staging/example/app:v1" },
  },
  {
    what: "gcr.io with another project",
    files: named("gcr.io/k8s-skaffold/example/app"),
    ...repo("us.gcr.io/my-project"),
    images: {
      "gcr.io/k8s-skaffold/example/app": "us.gcr.io/my-project/gcr.io/k8s-skaffold/example/app:v1",
    },
  },
  {
    what: "gcr.io and a plain name",
    files: named("a/b/c", "ko://example.com/App"),
    ...repo("gcr.io/k8s-skaffold"),
    images: {
      "a/b/c": "gcr.io/k8s-skaffold/a/b/c:v1",
      "ko://example.com/App": "gcr.io/k8s-skaffold/example.com/app:v1",
    },
  },
  {
    what: "gcr.io without a project",
    files: named("a/b/c"),
    ...repo("gcr.io"),
    images: { "a/b/c": "gcr.io/a_b_c:v1" },
  },
  {
    what: "Artifact Registry",
    files: named("us-docker.pkg.dev/my-project/x/app"),
    ...repo("us-docker.pkg.dev/my-project/y"),
    images: { "us-docker.pkg.dev/my-project/x/app": "us-docker.pkg.dev/my-project/y/x/app:v1" },
  },
  {
    what: "a name that begins as the default repo does",
    files: named("ghcr.io/me/app", "ghcr.io/meow/app"),
    ...repo("ghcr.io/me"),
    images: { "ghcr.io/me/app": "ghcr.io/me/app:v1", "ghcr.io/meow/app": "ghcr.io/meow/app:v1" },
  },
  {
    what: "a long name is cut off",
    files: named(LONG),
    ...repo("reg.example.com/sk"),
    images: {
      "example.com/a-long-nam/a-long-nam/a-long-nam/a-long-nam/a-long-nam/a-long-nam/a-long-nam/a-long-nam/a-long-nam/a-long-nam/a-long-nam/a-long-nam/a-long-nam/a-long-nam/a-long-nam/a-long-nam/a-long-nam/a-long-nam/a-long-nam/a-long-nam/a-long-nam/a-long-nam/cmd":
        "reg.example.com/sk/example_com_a-long-nam_a-long-nam_a-long-nam_a-long-nam_a-long-nam_a-long-nam_a-long-nam_a-long-nam_a-long-nam_a-long-nam_a-long-nam_a-long-nam_a-long-nam_a-long-nam_a-long-nam_a-long-nam_a-long-nam_a-long-nam_a-long-nam_a-long-nam_a-lo:v1",
    },
  },
  {
    what: "a long name is cut off at Google's, too",
    files: named(LONG),
    ...repo("gcr.io/k8s-skaffold"),
    images: {
      "example.com/a-long-nam/a-long-nam/a-long-nam/a-long-nam/a-long-nam/a-long-nam/a-long-nam/a-long-nam/a-long-nam/a-long-nam/a-long-nam/a-long-nam/a-long-nam/a-long-nam/a-long-nam/a-long-nam/a-long-nam/a-long-nam/a-long-nam/a-long-nam/a-long-nam/a-long-nam/cmd":
        "gcr.io/k8s-skaffold/example.com/a-long-nam/a-long-nam/a-long-nam/a-long-nam/a-long-nam/a-long-nam/a-long-nam/a-long-nam/a-long-nam/a-long-nam/a-long-nam/a-long-nam/a-long-nam/a-long-nam/a-long-nam/a-long-nam/a-long-nam/a-long-nam/a-long-nam/a-long-nam/a-l:v1",
    },
  },
  {
    what: "dots, dashes and underscores",
    files: named("a.b/c-d/e_f__g"),
    ...repo("reg.example.com"),
    images: { "a.b/c-d/e_f__g": "reg.example.com/a_b_c-d_e_f__g:v1" },
  },
  {
    what: "the default repo of the environment",
    files: named("a/b"),
    options: { tag: "v1", environment: { SKAFFOLD_DEFAULT_REPO: "reg.example.com/env" } },
    images: { "a/b": "reg.example.com/env/a_b:v1" },
  },
  {
    what: "an empty default repo beats that of the environment",
    files: named("a/b"),
    options: {
      tag: "v1",
      defaultRepo: "",
      environment: { SKAFFOLD_DEFAULT_REPO: "reg.example.com" },
    },
    images: { "a/b": "a/b:v1" },
  },
];

const TAGS: readonly GoldenCase[] = [
  { what: "gitCommit of a clean tree", files: app(), images: { "app": "app:899baee" } },
  {
    what: "gitCommit of a changed file",
    files: app(),
    then: (r) => r.write({ "main.go": "package x\n" }),
    images: { "app": "app:899baee-dirty" },
  },
  {
    what: "gitCommit of a file that git does not know",
    files: app(),
    then: (r) => r.write({ new: "" }),
    images: { "app": "app:899baee-dirty" },
  },
  {
    what: "gitCommit of an ignored file",
    files: { ...app(), ".gitignore": "*.log\n" },
    then: (r) => r.write({ "x.log": "" }),
    images: { "app": "app:23f62d4" },
  },
  {
    what: "gitCommit of a tag on HEAD",
    files: app(),
    then: (r) => r.git("tag", "v1.2.0"),
    images: { "app": "app:v1.2.0" },
  },
  {
    what: "gitCommit after a tag",
    files: app(),
    then: async (r) => {
      await r.git("tag", "v1.2.0");
      await r.commit("second", { "x.txt": "x" });
    },
    images: { "app": "app:v1.2.0-1-gdfc6802" },
  },
  {
    what: "gitCommit of a tag with a slash",
    files: app(),
    then: (r) => r.git("tag", "release/1.2"),
    images: { "app": "app:release_1.2" },
  },
  {
    what: "gitCommit CommitSha",
    files: policy("gitCommit: {variant: CommitSha}"),
    images: { "app": "app:e501e484cb5b5945a8a790095d28c8f9e50cb609" },
  },
  {
    what: "gitCommit AbbrevCommitSha",
    files: policy("gitCommit: {variant: abbrevcommitsha}"),
    images: { "app": "app:d7f8b49" },
  },
  {
    what: "gitCommit TreeSha",
    files: policy("gitCommit: {variant: TreeSha}"),
    images: { "app": "app:6f2b3eb6211da53dde735c55b7121c818e4c739c" },
  },
  {
    what: "gitCommit AbbrevTreeSha",
    files: policy("gitCommit: {variant: AbbrevTreeSha}"),
    images: { "app": "app:eba9150" },
  },
  {
    what: "gitCommit Branches",
    files: policy("gitCommit: {variant: Branches}"),
    then: (r) => r.git("checkout", "-q", "-b", "feature/x"),
    images: { "app": "app:feature_x" },
  },
  {
    what: "gitCommit with a prefix and no look at changes",
    files: policy("gitCommit:\n  prefix: pre-\n  ignoreChanges: true"),
    then: (r) => r.write({ "main.go": "package x\n" }),
    images: { "app": "app:pre-890ef65" },
  },
  {
    what: "gitCommit looks at the context alone",
    files: {
      "a/main.go": "package main\n",
      "b/main.go": "package main\n",
      "skaffold.yaml":
        `${HEADER}build:\n  tagPolicy: {gitCommit: {variant: TreeSha}}\n  artifacts:\n` +
        "  - {image: a, context: a, ko: {}}\n  - {image: b, context: b, ko: {}}\n",
    },
    then: (r) => r.write({ "b/main.go": "package x\n" }),
    images: {
      "a": "a:ba409971a884f49b23f11903c3a900e9c3a51fb9",
      "b": "b:ba409971a884f49b23f11903c3a900e9c3a51fb9-dirty",
    },
  },
  {
    what: "gitCommit in a sub-module",
    files: {
      ...MAIN,
      "skaffold.yaml": `${HEADER}build:\n  artifacts:\n  - {image: app, ko: {}}\n` +
        "  - {image: sub, context: sub, ko: {}}\n",
    },
    then: async (r) => {
      await r.write({ "sub/main.go": "package main\n" });
      await r.git("-C", "sub", "init", "-q");
      await r.git("-C", "sub", "add", "--all");
      await r.git("-C", "sub", "commit", "-q", "-m", "sub");
      await r.git("-c", "advice.addEmbeddedRepo=false", "add", "sub");
      await r.git("commit", "-q", "-m", "with sub");
    },
    images: { "app": "app:c07c9e1", "sub": "sub:3f02e12" },
  },
  {
    what: "gitCommit without a repository",
    files: app(),
    noGit: true,
    images: { "app": "app:latest" },
  },
  { what: "sha256", files: policy("sha256: {}"), images: { "app": "app:latest" } },
  {
    what: "dateTime",
    files: policy("dateTime: {format: fixed_MST, timezone: Asia/Tokyo}"),
    images: { "app": "app:fixed_JST" },
  },
  {
    what: "dateTime in a zone that is none",
    files: policy("dateTime: {timezone: Nowhere}"),
    images: { "app": "app:latest" },
  },
  {
    what: "envTemplate",
    files: policy(
      'envTemplate: {template: "{{.A}}-{{.IMAGE_NAME | upper}}-{{default \\"none\\" .B}}"}',
    ),
    options: { environment: { A: "x.y" } },
    images: { "app": "app:x.y-APP-none" },
  },
  {
    what: "envTemplate of what is not set",
    files: policy('envTemplate: {template: "{{.NOT_SET}}"}'),
    images: { "app": "app:latest" },
  },
  {
    what: "envTemplate that makes no tag",
    files: policy('envTemplate: {template: "{{.A}}"}'),
    options: { environment: { A: "a b/c" } },
    images: { "app": "app:latest" },
  },
  {
    what: "customTemplate",
    files: policy(
      'customTemplate:\n  template: "{{.GIT}}_{{.SHA}}_{{.WHO}}_{{.MINE}}"\n  components:\n' +
        '  - {name: WHO, envTemplate: {template: "{{.USER_NAME}}"}}\n' +
        "  - {name: MINE, gitCommit: {variant: AbbrevTreeSha, prefix: t}}",
    ),
    options: { environment: { USER_NAME: "me" } },
    images: { "app": "app:62b02d8_latest_me_t0558f07" },
  },
  {
    what: "customTemplate of an unknown component",
    files: policy('customTemplate: {template: "{{.NO}}"}'),
    images: { "app": "app:latest" },
  },
  {
    what: "inputDigest of all Go files",
    files: policy("inputDigest: {}"),
    images: { "app": "app:83346ad58cb165f84f187f120c1ed6dc893844727dc2433d8e7df4cee91e6dfb" },
  },
  {
    what: "inputDigest of paths",
    files: {
      ...MAIN,
      "kodata/a.txt": "a",
      "sub/x_test.go": "package x\n",
      "skaffold.yaml":
        `${HEADER}build:\n  tagPolicy: {inputDigest: {}}\n  artifacts:\n  - image: app\n` +
        '    ko: {dependencies: {paths: [go.mod, "**/*.go", kodata], ignore: ["**/*_test.go"]}}\n',
    },
    images: { "app": "app:68338d914506b42705be210fc235c29e5c14b1644a4eef00b444bd422e092bf4" },
  },
  {
    what: "inputDigest with what an artifact requires",
    files: {
      "a/main.go": "package main // a\n",
      "b/main.go": "package main // b\n",
      "skaffold.yaml": `${HEADER}build:\n  tagPolicy: {inputDigest: {}}\n  artifacts:\n` +
        "  - {image: a, context: a, requires: [{image: b}], ko: {}}\n  - {image: b, context: ./b, ko: {}}\n",
    },
    images: {
      "a": "a:752fd5f3863e99b0f3c6ea9a772212cf2abb5c622ad99a967c94e6e9a123a731",
      "b": "b:100e8e4e3dd55f059b1838379695a4d8171e7bb564f5b1edec27f205c18a2379",
    },
  },
  {
    what: "inputDigest sorts the files of all artifacts",
    files: {
      "a/main.go": "package main // a\n",
      "z/main.go": "package main // z\n",
      "skaffold.yaml": `${HEADER}build:\n  tagPolicy: {inputDigest: {}}\n  artifacts:\n` +
        "  - {image: z, context: z, requires: [{image: a}], ko: {}}\n  - {image: a, context: a, ko: {}}\n",
    },
    images: {
      "z": "z:ee1394142b363bf974dc35cbb2a19ef7b6046357e5e9c96733bbe0c04751e05e",
      "a": "a:76a75e0b8830e2e3d43b7e9f2dfdb0e81d452112dfed5923aa7f6742ae2803bc",
    },
  },
  {
    what: "inputDigest of a pattern that matches nothing",
    files: {
      ...MAIN,
      "skaffold.yaml": `${HEADER}build:\n  tagPolicy: {inputDigest: {}}\n  artifacts:\n` +
        "  - {image: app, ko: {dependencies: {paths: [none]}}}\n",
    },
    images: { "app": "app:latest" },
  },
  {
    what: "a tag that was asked for",
    files: policy("sha256: {}"),
    options: { tag: "V1.2" },
    images: { "app": "app:V1.2" },
  },
];

const profile = (text: string): Readonly<Record<string, string>> =>
  app("  tagPolicy: {sha256: {}}\n", `profiles:\n${text}\n`);
const tagged = (name: string, more = "") =>
  `- name: ${name}\n${more}  build: {tagPolicy: {envTemplate: {template: ${name}}}}`;

const PROFILES: readonly GoldenCase[] = [
  {
    what: "a profile by name",
    files: profile(tagged("one")),
    options: { profiles: ["one"] },
    images: { "app": "app:one" },
  },
  {
    what: "a profile that nobody asks for",
    files: profile(tagged("one")),
    images: { "app": "app:latest" },
  },
  {
    what: "the last profile wins",
    files: profile(`${tagged("one")}\n${tagged("two")}`),
    options: { profiles: ["two", "one"] },
    images: { "app": "app:one" },
  },
  {
    what: "a profile by a variable",
    files: profile(tagged("one", "  activation: [{env: MODE=^dev}]\n")),
    options: { environment: { MODE: "develop" } },
    images: { "app": "app:one" },
  },
  {
    what: "a profile by a variable that is another",
    files: profile(tagged("one", '  activation: [{env: "MODE=!dev"}]\n')),
    options: { environment: { MODE: "dev" } },
    images: { "app": "app:latest" },
  },
  {
    what: "a profile by a variable that is not set",
    files: profile(tagged("one", "  activation: [{env: MODE=}]\n")),
    images: { "app": "app:one" },
  },
  {
    what: "a profile by the command",
    files: profile(tagged("one", "  activation: [{command: build}]\n")),
    images: { "app": "app:one" },
  },
  {
    what: "a profile by another command",
    files: profile(tagged("one", "  activation: [{command: dev}, {command: run}]\n")),
    images: { "app": "app:latest" },
  },
  {
    what: "a profile by the Kubernetes context",
    files: profile(tagged("one", "  activation: [{kubeContext: ^mini}]\n")),
    options: { kubeContext: "minikube" },
    images: { "app": "app:one" },
  },
  {
    what: "a profile that needs all of its activations",
    files: profile(
      tagged(
        "one",
        "  requiresAllActivations: true\n  activation: [{env: A=1}, {command: build}]\n",
      ),
    ),
    options: { environment: { A: "2" } },
    images: { "app": "app:latest" },
  },
  {
    what: "a profile that is turned off",
    files: profile(tagged("one", "  activation: [{command: build}]\n")),
    options: { profiles: ["-one"] },
    images: { "app": "app:latest" },
  },
  {
    what: "no profile by itself",
    files: profile(tagged("one", "  activation: [{command: build}]\n")),
    options: { profileAutoActivation: false },
    images: { "app": "app:latest" },
  },
  {
    what: "artifacts of a profile stand for all others",
    files: profile("- name: one\n  build: {artifacts: [{image: other, ko: {}}]}"),
    options: { profiles: ["one"] },
    images: { "other": "other:latest" },
  },
  {
    what: "an empty list of a profile says nothing",
    files: profile("- name: one\n  build: {artifacts: []}"),
    options: { profiles: ["one"] },
    images: { "app": "app:latest" },
  },
  {
    what: "patches",
    files: profile(
      "- name: one\n  patches:\n  - {path: /build/artifacts/0/image, value: patched}\n" +
        "  - {op: add, path: /build/artifacts/-, value: {image: added, ko: {}}}\n" +
        "  - {op: add, path: /build/artifacts/0, value: {image: first, ko: {}}}\n" +
        "  - {op: remove, path: /build/tagPolicy/sha256}\n" +
        "  - {op: add, path: /build/tagPolicy/envTemplate, value: {template: v2}}",
    ),
    options: { profiles: ["one"] },
    images: { "first": "first:v2", "patched": "patched:v2", "added": "added:v2" },
  },
  {
    what: "a patch that looks for its artifact",
    files: {
      ...named("a", "b"),
      "skaffold.yaml": config(["a", "b"], "  tagPolicy: {sha256: {}}\n") +
        "profiles:\n- name: one\n  patches:\n" +
        "  - {op: replace, path: /build/artifacts/image=b/image, value: found}\n",
    },
    options: { profiles: ["one"] },
    images: { "a": "a:latest", "found": "found:latest" },
  },
  {
    what: "patches that move and copy",
    files: {
      ...named("a", "b"),
      "skaffold.yaml": config(["a", "b"], "  tagPolicy: {sha256: {}}\n") +
        "profiles:\n- name: one\n  patches:\n" +
        "  - {op: test, path: /build/artifacts/1/image, value: b}\n" +
        "  - {op: move, from: /build/artifacts/1, path: /build/artifacts/2}\n" +
        "  - {op: copy, from: /build/artifacts/0, path: /build/artifacts/1}\n" +
        "  - {op: replace, path: /build/artifacts/1/image, value: copied}\n",
    },
    options: { profiles: ["one"] },
    images: { "a": "a:latest", "copied": "copied:latest", "b": "b:latest" },
  },
];

const other = (name: string, image: string, rest = ""): string =>
  `${HEADER}metadata: {name: ${name}}\n${rest}build:\n  tagPolicy: {sha256: {}}\n` +
  `  artifacts: [{image: ${image}, ko: {}}]\n`;

const CONFIGS: readonly GoldenCase[] = [
  {
    what: "a configuration that requires another",
    files: {
      ...MAIN,
      "skaffold.yaml": other("top", "top", "requires: [{path: ./lib}]\n"),
      "lib/skaffold.yaml": other("lib", "lib"),
    },
    images: { "lib": "lib:latest", "top": "top:latest" },
  },
  {
    what: "contexts of a required configuration are relative to it",
    files: {
      ...MAIN,
      "skaffold.yaml": `${HEADER}requires: [{path: lib/skaffold.yaml}]\n`,
      "lib/skaffold.yaml": `${HEADER}build:\n  tagPolicy: {inputDigest: {}}\n` +
        "  artifacts: [{image: lib, context: cmd, ko: {}}]\n",
      "lib/cmd/main.go": "package main\n",
    },
    images: { "lib": "lib:67d210eea6c500921967ae27361cea2f95ee336296d6a183f99f7d216b3b4f81" },
  },
  {
    what: "contexts of a file in a folder are relative to the working directory",
    files: {
      "main.go": "package main\n",
      "cfg/skaffold.yaml": config(["app"], "  tagPolicy: {inputDigest: {}}\n"),
    },
    options: { file: "cfg/skaffold.yaml" },
    images: { "app": "app:67d210eea6c500921967ae27361cea2f95ee336296d6a183f99f7d216b3b4f81" },
  },
  {
    what: "documents by name",
    files: {
      ...MAIN,
      "skaffold.yaml": `${other("a", "a")}---\n${
        other("b", "b", "requires: [{configs: [c]}]\n")
      }---\n${other("c", "c")}`,
    },
    options: { modules: ["b"] },
    images: { "c": "c:latest", "b": "b:latest" },
  },
  {
    what: "all documents of a file, each once",
    files: {
      ...MAIN,
      "skaffold.yaml": `${other("a", "a", "requires: [{configs: [b]}]\n")}---\n${
        other("b", "b", "requires: [{configs: [a]}]\n")
      }`,
    },
    images: { "b": "b:latest", "a": "a:latest" },
  },
  {
    what: "profiles of required configurations",
    files: {
      ...MAIN,
      "skaffold.yaml": other(
        "top",
        "top",
        "requires: [{path: lib, activeProfiles: [{name: two, activatedBy: [one]}]}]\n",
      ) + `profiles:\n${tagged("one")}\n`,
      "lib/skaffold.yaml": other("lib", "lib") + `profiles:\n${tagged("two")}\n`,
    },
    options: { profiles: ["one"], propagateProfiles: false },
    images: { "lib": "lib:two", "top": "top:one" },
  },
  {
    what: "named profiles hold everywhere",
    files: {
      ...MAIN,
      "skaffold.yaml": other("top", "top", "requires: [{path: lib}]\n"),
      "lib/skaffold.yaml": other("lib", "lib") + `profiles:\n${tagged("one")}\n`,
    },
    options: { profiles: ["one"] },
    images: { "lib": "lib:one", "top": "top:latest" },
  },
  {
    what: "images by a part of their names",
    files: named("team/web", "team/worker", "db"),
    options: { images: ["team/w"], tag: "v1" },
    images: { "team/web": "team/web:v1", "team/worker": "team/worker:v1" },
  },
  {
    what: "an old version",
    files: {
      ...MAIN,
      "skaffold.yaml":
        "apiVersion: skaffold/v2beta27\nkind: Config\nbuild:\n  tagPolicy: {sha256: {}}\n" +
        "  artifacts:\n  - image: app\n    ko: {flags: [-v], platforms: [linux/arm64], main: ./...}\n",
    },
    images: { "app": "app:latest" },
  },
  {
    what: "anchors under keys with a dot, and merge keys",
    files: {
      ...MAIN,
      "skaffold.yaml":
        `${HEADER}.ko: &ko {ko: {}}\nbuild:\n  tagPolicy: {sha256: {}}\n  artifacts:\n` +
        "  - {<<: *ko, image: a}\n  - <<: *ko\n    image: b\n",
    },
    images: { "a": "a:latest", "b": "b:latest" },
  },
];

/** All cases. */
export const GOLDEN: readonly GoldenCase[] = [
  ...NAMES,
  ...TAGS,
  ...PROFILES,
  ...CONFIGS,
  ...SETTINGS,
];
