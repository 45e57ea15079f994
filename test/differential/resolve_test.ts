/**
 * Equal to ko: what becomes of Kubernetes objects. The objects are the same but for digests: ko's
 * images differ from kodeno's in who is named as their author. The text is the user's, byte for byte,
 * but for the references.
 * @module
 */
import assert from "node:assert/strict";
import { parseAllDocuments } from "../../src/npm/yaml.ts";
import { startDockerd } from "../parts/dockerd.ts";
import { goTool, needs } from "../parts/tools.ts";
import { goModule, printer } from "../support/go_module.ts";
import { kodeno, kodenoEnvironment } from "../support/kodeno.ts";
import { type Outcome, run } from "../support/process.ts";
import { filesBelow } from "../support/temp.ts";
import { CHANGED_BY_KO, YAML_TEXTS } from "../support/yaml_texts.ts";
import { type Lab, openLab, succeeded } from "./lab.ts";
import { bringModule } from "./programs.ts";

const A = "ko://example.com/App/cmd/a";
const B = "ko://example.com/App/cmd/b";

const POD = `# The pod.
apiVersion: v1
kind: Pod
metadata:
  name: pod   # its name
  labels: { app: web }
spec:
  containers:
  # The first.
  - image: ${A}
    name: one
    args: ["${B}", '--other=${B}', "a rather long argument, for the line to be broken", "x", "y"]

  - image: "${B}"   # in quotes
    command:
    - |
      ${A}
    # The end.
---
apiVersion: v1
kind: ConfigMap
metadata:
  annotations:
    json: '{"image": "${A}"}'
data:
  image: &image ${A}
  again: *image
  folded: >-
    ${B}
  ${A}: key
`;
const LIST = JSON.stringify({
  apiVersion: "v1",
  kind: "List",
  items: [
    { apiVersion: "v1", kind: "Pod", metadata: { labels: { app: "web" } }, image: A },
    { apiVersion: "v1", kind: "Pod", metadata: { labels: { app: "api" } }, image: B },
  ],
});
const FILES: Readonly<Record<string, string>> = {
  "config/b-pod.yaml": POD,
  "config/B-list.json": LIST,
  "config/a-empty.yaml": "",
  "config/c-comment.yaml": "# Nothing else.\n",
  "config/d-plain.yaml": "a:   b\nc:\n- d\n",
  "config/e-skipped.yml": "a: b\n",
  "config/f-skipped.txt": "a: b\n",
  "config/.hidden.yaml": "hidden: true\n",
  "config/sub/nested.yaml": `image: ${B}\n`,
  "selected.yaml": `${LIST}\n---\n${POD.split("---")[0]}`,
};

const CONFIG = [
  "config/.hidden.yaml",
  "config/B-list.json",
  "config/a-empty.yaml",
  "config/b-pod.yaml",
  "config/c-comment.yaml",
  "config/d-plain.yaml",
];
const ONE = ["config/b-pod.yaml"];

/** Lists of arguments that both know, and the files that are printed whole. */
const ARGUMENTS: readonly (readonly [args: readonly string[], files?: readonly string[]])[] = [
  [["-f", "config"], CONFIG],
  [["-f", "config/"], CONFIG],
  [["-f", "./config/../config", "-R"], [...CONFIG, "config/sub/nested.yaml"]],
  [
    ["--filename", "config/e-skipped.yml,config/b-pod.yaml", "--filename=config/B-list.json"],
    ["config/e-skipped.yml", "config/b-pod.yaml", "config/B-list.json"],
  ],
  [["-f", "selected.yaml", "-l", "app=web"]],
  [["-f", "selected.yaml", "--selector", "app in (api, none)"]],
  [["-f", "selected.yaml", "-l", "app notin (web,api)"]],
  [["-f", "config/b-pod.yaml", "-B"], ONE],
  [["-f", "config/b-pod.yaml", "-P", "-t", "v1"], ONE],
  [["-f", "config/b-pod.yaml", "-t", "v1,v2"], ONE],
  [["-f", "config/b-pod.yaml", "-t", "latest,v2"], ONE],
  [["-f", "config/b-pod.yaml", "-t", "v1", "--tag-only"], ONE],
  // Without -B, ko's names for images that it does not push are others than for those it does.
  [["-f", "config/b-pod.yaml", "--push=false", "-B"], ONE],
  [["-f", "config/b-pod.yaml", "--push=true"], ONE],
];

async function resolveWithKo(lab: Lab, args: readonly string[], cwd: string): Promise<Outcome> {
  const { reference } = await lab.base("plain");
  const env = kodenoEnvironment(environment(lab, { KO_DEFAULTBASEIMAGE: reference }));
  return await run(await goTool("ko"), ["resolve", "--sbom=none", ...args], { cwd, env });
}

function environment(lab: Lab, more: Readonly<Record<string, string>> = {}) {
  return lab.environment({ KO_DOCKER_REPO: `${lab.registry.host}/some/team`, ...more });
}

/** The objects of a text, but for digests; documents of nothing count for nobody. */
function objectsOf(text: string): readonly unknown[] {
  const documents = parseAllDocuments(text.replaceAll(/(?<=@sha256:)[0-9a-f]{64}/g, "0"), {
    uniqueKeys: false,
    logLevel: "silent",
  });
  assert.ok(Array.isArray(documents));
  for (const { errors } of documents) assert.deepEqual(errors, []);
  return documents.map((one) => one.toJS()).filter((one) => one !== null);
}

/** What is printed of files, if their references are taken for images of two names. */
function expectedText(files: readonly string[]): string {
  const texts = files.map((name) => `${FILES[name]}\n---\n`.replace(/^\n|(?<=\n)\n(?=---\n$)/, ""));
  // The end of the line is no part of an image.
  return texts.join("").replace("- |\n", "- |-\n");
}

/** A printed text with references again: images are called a or b. */
function withReferences(text: string): string {
  const image = /[\w.:/-]*\b([ab])(?:-[0-9a-f]{32})?(?::\w+)?(?:@sha256:[0-9a-f]{64}|(?<=:v1))/g;
  return text.replaceAll(image, (_, name) => name === "a" ? A : B);
}

async function compare(lab: Lab, args: readonly string[], cwd: string): Promise<string> {
  const { layout } = await lab.base("plain");
  const theirs = succeeded("ko", await resolveWithKo(lab, args, cwd));
  const more = [`--base-image=${layout}`, ...args];
  const done = await kodeno(["resolve", ...more], { cwd, env: environment(lab) });
  const ours = succeeded("kodeno", done);
  assert.deepEqual(objectsOf(ours), objectsOf(theirs), args.join(" "));
  return ours;
}

Deno.test({
  name: "equal to ko: resolved Kubernetes objects",
  ...needs("docker-registry"),
  async fn(t) {
    await using lab = await openLab();
    const cwd = lab.dir.join("work");
    // Its import path has capitals, which no name of an image may have.
    const program = { "cmd/a/main.go": printer("a"), "cmd/b/main.go": printer("b") };
    await goModule(lab.dir, "example.com/App", program, "work");
    for (const [name, text] of Object.entries(FILES)) await lab.dir.write(`work/${name}`, text);
    for (const [args, files] of ARGUMENTS) {
      await t.step(args.join(" "), async () => {
        const printed = await compare(lab, args, cwd);
        assert.ok(!/: ko:/.test(printed), printed);
        if (files !== undefined) assert.equal(withReferences(printed), expectedText(files));
      });
    }
  },
});

Deno.test({
  name: "equal to ko: Kubernetes objects with images in a Docker daemon",
  ...needs("root", "dockerd", "docker-registry"),
  async fn() {
    await using lab = await openLab();
    await using dockerd = await startDockerd();
    const cwd = lab.dir.join("work");
    await goModule(lab.dir, "example.com/App", { "cmd/a/main.go": printer("a") }, "work");
    await lab.dir.write("work/a.yaml", `image: ${A}\n`);
    const { layout, reference } = await lab.base("plain");
    const env = lab.environment({ DOCKER_HOST: dockerd.host, KO_DEFAULTBASEIMAGE: reference });
    for (const args of [["-L"], ["-L", "-P", "-t", "v1"]]) {
      const all = ["resolve", "-f", "a.yaml", ...args];
      const theirs = await run(await goTool("ko"), all, { cwd, env: kodenoEnvironment(env) });
      const ours = await kodeno([...all, `--base-image=${layout}`], { cwd, env });
      const plain = (text: string) => objectsOf(text.replace(/:[0-9a-f]{64}$/m, ""));
      const printed = succeeded("kodeno", ours);
      assert.deepEqual(plain(printed), plain(succeeded("ko", theirs)));
      const image = /image: (\S+)/.exec(printed)?.[1] ?? "";
      const { code, stderr } = await dockerd.docker("image", "inspect", image);
      assert.equal(code, 0, stderr);
    }
  },
});

Deno.test({
  name: "equal to ko: what YAML of all kinds says",
  ...needs("docker-registry"),
  async fn() {
    await using lab = await openLab();
    const env = kodenoEnvironment(environment(lab));
    const ko = await goTool("ko");
    const texts = YAML_TEXTS.filter((text) => !CHANGED_BY_KO.includes(text));
    // Numbers of the same length: ko takes files in the order of their names.
    for (const [i, text] of texts.entries()) await lab.dir.write(`yaml/${100 + i}.yaml`, text);
    const printed = await run(ko, ["resolve", "-f", "yaml"], { cwd: lab.dir.path, env });
    assert.deepEqual(objectsOf(succeeded("ko", printed)), texts.flatMap(objectsOf));
  },
});

/** Modules that come with the objects they are run as. */
const REPOSITORIES: readonly (readonly [module: string, folder: string, documents: number])[] = [
  ["knative.dev/serving@v0.44.0", "config", 40],
  ["github.com/tektoncd/pipeline@v1.0.0", "config", 40],
];

Deno.test({
  name: "equal to ko: objects of real repositories",
  ...needs("docker-registry"),
  async fn(t) {
    await using lab = await openLab();
    for (const [module, folder, documents] of REPOSITORIES) {
      await t.step(module, async () => {
        const cwd = lab.dir.join(module.replaceAll("/", "-"));
        await bringModule(module, cwd);
        // Building all they name takes long; what is compared is the way they are printed.
        const texts: string[] = [];
        for (const name of await filesBelow(`${cwd}/${folder}`)) {
          const file = `${cwd}/${folder}/${name}`;
          const text = (await Deno.readTextFile(file)).replaceAll("ko://", "at/");
          await Deno.writeTextFile(file, text);
          if (/\.(?:yaml|json)$/.test(name)) texts.push(text);
        }
        const printed = await compare(lab, ["-R", "-f", folder], cwd);
        for (const text of texts) assert.ok(printed.includes(text), text);
        assert.ok(printed.split("\n---\n").length > documents, "documents");
      });
    }
    await t.step("github.com/google/ko@v0.19.1, with its image", async () => {
      const cwd = lab.dir.join("ko");
      await bringModule("github.com/google/ko@v0.19.1", cwd);
      const printed = await compare(lab, ["-f", "test"], cwd);
      assert.match(printed, /image: 127\.0\.0\.1:\d+\/some\/team\/test-[0-9a-f]{32}@sha256:/);
    });
  },
});
