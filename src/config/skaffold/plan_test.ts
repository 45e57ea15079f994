/**
 * What a skaffold.yaml comes to, and what a person is told of one that is wrong.
 * @module
 */
import assert from "node:assert/strict";
import type { ErrorCode } from "../../errors.ts";
import { failsWith } from "../../../test/support/fails.ts";
import { type TempDir, tempDir } from "../../../test/support/temp.ts";
import type { SkaffoldOptions } from "./options.ts";
import { inBuildOrder, planSkaffold, type SkaffoldArtifact, type SkaffoldPlan } from "./plan.ts";

const HEAD = "apiVersion: skaffold/v4beta13\nkind: Config\n";
const PARTS = {
  gitTag: () => Promise.resolve("abc1234"),
  now: () => new Date("2024-01-02T03:04:05.670Z"),
  host: { os: "linux", arch: "amd64" },
};

/** A folder with a skaffold.yaml that says `text` after its head, which has two lines. */
async function folder(
  text: string,
  files: Readonly<Record<string, string>> = {},
): Promise<TempDir> {
  const dir = await tempDir();
  await dir.write("skaffold.yaml", text.startsWith("apiVersion") ? text : HEAD + text);
  for (const [name, content] of Object.entries(files)) await dir.write(name, content);
  return dir;
}

async function plan(
  text: string,
  options: SkaffoldOptions = {},
  files: Readonly<Record<string, string>> = {},
): Promise<SkaffoldPlan> {
  await using dir = await folder(text, files);
  return await planSkaffold({ environment: {}, ...options, workingDirectory: dir.path }, PARTS);
}

async function one(ko: string, options: SkaffoldOptions = {}): Promise<SkaffoldArtifact> {
  const { artifacts: [artifact] } = await plan(
    `build:\n  artifacts:\n  - image: app\n${ko}`,
    options,
  );
  assert.ok(artifact);
  return artifact;
}

Deno.test("skaffold plan: every field of ko, under both of its names", async () => {
  const rest =
    "      env: [A=b]\n      ldflags: [-s]\n      asmflags: [-D, X]\n      gcflags: [-m]\n" +
    "      labels: {a: 1.10}\n      sourceDateEpoch: 7\n      fromImage: scratch\n" +
    "      dependencies: {paths: [go.mod], ignore: [x]}\n";
  const today = await one(
    `    ko:\n      main: ./cmd\n      flags: [-v]\n${rest}    platforms: [arm64]\n`,
  );
  const design = await one(
    `    ko:\n      target: ./cmd\n      args: [-v]\n      platforms: [arm64]\n${rest}`,
  );
  for (const artifact of [today, design]) {
    assert.deepEqual({ ...artifact.source.values }, {
      baseImage: "scratch",
      platforms: ["linux/arm64"],
      env: ["A=b"],
      flags: ["-v"],
      ldflags: ["-s"],
      asmflags: ["-D", "X"],
      gcflags: ["-m"],
      labels: { a: "1.10" },
      sourceDateEpoch: 7,
    });
    const { main, replacesKoBuilds, tag } = artifact;
    assert.deepEqual([main, replacesKoBuilds, tag], ["./cmd", true, "abc1234"]);
  }
  const from = (artifact: SkaffoldArtifact) =>
    (["baseImage", "platforms", "flags", "env"] as const).map((field) =>
      artifact.source.from(field)
    );
  const lines = (...numbers: readonly number[]) => numbers.map((line) => `skaffold.yaml:${line}`);
  assert.deepEqual(from(today), lines(15, 17, 8, 9));
  assert.deepEqual(from(design), lines(16, 9, 8, 10));
});

Deno.test("skaffold plan: what is left out says nothing", async () => {
  const artifact = await one("    ko: {}\n");
  const said = Object.entries(artifact.source.values).filter(([, value]) => value !== undefined);
  assert.deepEqual(said, []);
  assert.deepEqual([artifact.main, artifact.replacesKoBuilds], [".", false]);
  assert.equal(artifact.context, artifact.workingDirectory);
});

Deno.test("skaffold plan: an import path says what is built, whatever main says", async () => {
  const text =
    "build:\n  artifacts:\n  - image: ko://example.com/App/cmd\n    ko: {main: ./other}\n";
  const { artifacts: [artifact] } = await plan(text, { defaultRepo: "reg.example.com/x" });
  assert.equal(artifact?.main, "example.com/App/cmd");
  assert.equal(artifact?.repository, "reg.example.com/x/example_com_app_cmd");
  const { artifacts: [plain] } = await plan(text);
  assert.equal(plain?.reference, "ko://example.com/App/cmd:abc1234");
  assert.equal(plain?.repository, "example.com/app/cmd");
});

Deno.test("skaffold plan: templates see the environment and the image", async () => {
  const artifact = await one(
    "    ko:\n" +
      "      env: ['A={{.Env.X}}']\n" +
      "      flags: ['-tags={{default \"none\" .TAGS}}']\n" +
      "      ldflags: ['-X a={{.IMAGE_REPO}}|{{.IMAGE_NAME}}|{{.IMAGE_TAG}}']\n" +
      "      labels: {v: '{{.X | upper}}'}\n",
    { defaultRepo: "reg.example.com/x", environment: { X: 'q" \n--x' } },
  );
  const { env, flags, ldflags, labels } = artifact.source.values;
  assert.deepEqual({ env, flags, ldflags, labels }, {
    // One argument each, whatever is in them.
    env: ['A=q" \n--x'],
    flags: ["-tags=none"],
    ldflags: ["-X a=reg.example.com/x|app|abc1234"],
    labels: { v: 'Q" \n--X' },
  });
  // Provenance tells of the image, and not of the environment.
  const untold = ["-tags=none", 'A=q" \n--x', 'Q" \n--X'];
  assert.deepEqual([...artifact.source.untold ?? []].sort(), untold);
});

Deno.test("skaffold plan: debug mode keeps what a debugger needs", async () => {
  const { source } = await one("    ko: {}\n", { debug: true });
  assert.deepEqual([source.values.disableOptimizations, source.values.trimpath], [true, false]);
  assert.equal(source.from("trimpath"), "debug mode");
});

Deno.test("skaffold plan: platforms of the command line, the build and the artifact", async () => {
  const cases:
    readonly (readonly [build: string, artifact: string, asked: string[], found: unknown])[] = [
      ["", "", [], undefined],
      ["[linux/amd64]", "", [], ["linux/amd64"]],
      ["[linux/amd64]", "", ["linux/arm64"], ["linux/arm64"]],
      ["[linux/amd64, linux/arm64]", "[linux/arm64/v8]", [], ["linux/arm64"]],
      ["[all]", "[linux/arm64]", [], ["linux/arm64"]],
      ["", "[linux/arm64]", ["all"], ["linux/arm64"]],
      ["", "", ["all"], ["all"]],
      ["", "[windows]", [], ["windows/amd64"]],
    ];
  for (const [build, artifact, platforms, found] of cases) {
    const text =
      `build:\n  platforms: ${build || "[]"}\n  artifacts:\n  - image: app\n    ko: {}\n` +
      `    platforms: ${artifact || "[]"}\n`;
    const { artifacts } = await plan(text, { platforms });
    assert.deepEqual(
      artifacts[0]?.source.values.platforms,
      found,
      JSON.stringify([build, artifact]),
    );
  }
});

Deno.test("skaffold plan: artifacts of other builders are left alone, with a note", async () => {
  const found = await plan(
    "build:\n  local: {push: true}\n  insecureRegistries: [a:80]\n  artifacts:\n" +
      "  - {image: a, docker: {dockerfile: x, anything: [1]}}\n  - {image: b, ko: {}}\n" +
      "  - image: ko://example.com/c\n  - {image: d, custom: {buildCommand: x}}\n" +
      "deploy: {kubectl: {}, whatever: 1}\n",
  );
  assert.deepEqual(
    found.artifacts.map(({ imageName, push, insecureRegistries }) => [
      imageName,
      push,
      insecureRegistries,
    ]),
    [["b", true, ["a:80"]]],
  );
  assert.deepEqual(found.skipped.map(({ imageName, builder }) => `${imageName} ${builder}`), [
    "a docker",
    "ko://example.com/c docker",
    "d custom",
  ]);
  assert.deepEqual(found.notes, [
    "skaffold.yaml:7:13: image a has builder docker; kodeno leaves it alone",
    "skaffold.yaml:9:12: image ko://example.com/c has no builder, which is docker; " +
    'say "ko: {}" to have kodeno build it',
    "skaffold.yaml:10:13: image d has builder custom; kodeno leaves it alone",
  ]);
});

Deno.test("skaffold plan: a profile's kind of build stands in the place of the other", async () => {
  const text = "build:\n  local: {push: true}\n  artifacts: [{image: app, ko: {}}]\n" +
    "profiles:\n- {name: cloud, build: {googleCloudBuild: {}}}\n" +
    "- {name: local, build: {local: {push: false}}}\n";
  const push = async (...profiles: string[]) => (await plan(text, { profiles })).artifacts[0]?.push;
  assert.deepEqual([await push(), await push("cloud"), await push("local")], [
    true,
    undefined,
    false,
  ]);
});

Deno.test("skaffold plan: a number in a patch is text by its value, as in Skaffold", async () => {
  const labels = "/build/artifacts/0/ko/labels";
  const text = `${ARTIFACTS.replace("{}", "{labels: {a: x}}")}profiles:\n- name: p\n  patches:\n` +
    `  - {op: add, path: ${labels}/b, value: 1.10}\n` +
    `  - {op: copy, path: ${labels}/c, from: ${labels}/b}\n`;
  const { artifacts: [artifact] } = await plan(text, { profiles: ["p"] });
  assert.deepEqual(artifact?.source.values.labels, { a: "x", b: "1.1", c: "1.1" });
});

Deno.test("skaffold plan: a policy that comes to nothing is latest, with a note", async () => {
  const text = "build:\n  tagPolicy: {envTemplate: {template: '{{.NOT_SET}}'}}\n" +
    "  artifacts: [{image: app, ko: {}}]\n";
  const { artifacts: [artifact], notes } = await plan(text);
  assert.equal(artifact?.reference, "app:latest");
  assert.match(notes[0] ?? "", /^skaffold.yaml:5:23: image app is tagged latest, .*NOT_SET/);
});

Deno.test("skaffold plan: the time is that of the caller", async () => {
  const text = "build:\n  tagPolicy: {dateTime: {timezone: Europe/Berlin}}\n" +
    "  artifacts: [{image: app, ko: {}}]\n";
  assert.equal((await plan(text)).artifacts[0]?.tag, "2024-01-02_04-04-05.67_CET");
});

const ARTIFACTS = "build:\n  artifacts:\n  - image: app\n    ko: {}\n";
const patched = (patch: string) => `${ARTIFACTS}profiles:\n- name: p\n  patches:\n  - ${patch}\n`;

Deno.test("skaffold plan: what is wrong says where, what was found and what is allowed", async () => {
  const cases: readonly (readonly [text: string, fault: RegExp, options?: SkaffoldOptions])[] = [
    [
      "apiVersion: skaffold/v9\nkind: Config\n",
      /^1:13: apiVersion: found "skaffold\/v9"; skaffold\/v2beta15 to/,
    ],
    [
      "apiVersion: skaffold/v3\nkind: Confg\n",
      /^2:7: kind: found "Confg"; "Config" is allowed; did you mean/,
    ],
    [
      "biuld: {}\n",
      /^3:1: found unknown field "biuld"; did you mean "build"\? Allowed are apiVersion, /,
    ],
    ["build: []\n", /^3:8: build: found an empty list; a map is allowed$/],
    ["build:\n\tartifacts: []\n", /^4:1: found a tab as indentation/],
    ["build: {}\nbuild: {}\n", /^4:1: found key "build" a second time/],
    [
      "build:\n  artifacts: [{ko: {}}]\n",
      /^4:15: build.artifacts\[0\].image: found nothing; text is needed$/,
    ],
    [
      ARTIFACTS.replace("{}", "{mian: .}"),
      /^6:10: build.artifacts\[0\].ko: found unknown field "mian"; did you mean "main"\? Allowed are /,
    ],
    [
      ARTIFACTS.replace("{}", "{flags: -v}"),
      /^6:17: build.artifacts\[0\].ko.flags: found "-v"; a list is allowed$/,
    ],
    [
      ARTIFACTS.replace("{}", "{env: [A]}"),
      /^6:16: build.artifacts\[0\].ko.env\[0\]: found "A"; NAME=VALUE is allowed$/,
    ],
    [
      ARTIFACTS.replace("{}", "{main: a, target: b}"),
      /^6:27: .*target: found "b"; either main or target is allowed/,
    ],
    [
      ARTIFACTS.replace("{}", "{sourceDateEpoch: soon}"),
      /^6:27: .*sourceDateEpoch: found "soon"; a number is allowed$/,
    ],
    [
      `${ARTIFACTS}    docker: {}\n`,
      /^7:13: build.artifacts\[0\].docker: found a map; one of ko, docker, .* is allowed$/,
    ],
    [
      "build:\n  tagPolicy: {sha256: {}, gitCommit: {}}\n",
      /^4:2\d: build.tagPolicy.sha256: .*one of gitCommit, sha256/,
    ],
    [
      "build:\n  tagPolicy: {gitCommit: {variant: Tag}}\n",
      /^4:36: .*variant: found "Tag"; Tags, CommitSha, .* is allowed$/,
    ],
    [
      "build:\n  local: {}\n  cluster: {}\n",
      /^5:12: build.cluster: found a map; one of local, googleCloudBuild, cluster/,
    ],
    [
      `${ARTIFACTS}  - image: app\n    ko: {}\n`,
      /^7:12: image: found "app", which is there already, in line 5 of skaffold.yaml/,
    ],
    [
      ARTIFACTS.replace("app", "app:v1"),
      /^5:12: image: found "app:v1", which has a tag; leave it to tagPolicy$/,
    ],
    [ARTIFACTS.replace("app", "a//b"), /^5:12: image: found "a\/\/b", which is no image name$/],
    [
      `${ARTIFACTS}    requires: [{image: ap}]\n`,
      /^7:24: requires: found "ap", which no artifact builds; did you mean "app"\?$/,
    ],
    [
      `${ARTIFACTS}    requires: [{image: app}]\n`,
      /^7:5: requires: found a circle .*: app -> app$/,
    ],
    [
      "build:\n  artifacts:\n  - {image: a, requires: [{image: b}], ko: {}}\n" +
      "  - {image: b, requires: [{image: c}], ko: {}}\n  - {image: c, requires: [{image: a}], ko: {}}\n",
      /^5:16: requires: found a circle of images that wait for each other: a -> b -> c -> a$/,
    ],
    [
      `${ARTIFACTS}    context: no\n`,
      /^7:14: context: found "no"; a folder is allowed \(of image app\)$/,
    ],
    [
      ARTIFACTS.replace("{}", "{dir: no}"),
      /^6:15: ko.dir: found "no"; a folder in the context is allowed$/,
    ],
    [
      ARTIFACTS.replace("{}", "{dir: ../..}"),
      /^6:15: ko.dir: found "..\/.."; a path in the repository is allowed$/,
    ],
    [
      ARTIFACTS.replace("{}", "{dependencies: {paths: ['../*.go']}}"),
      /^6:33: ko.dependencies.paths\[0\]: found "..\/\*.go"; a path in/,
    ],
    [ARTIFACTS.replace("{}", "{flags: ['{{.NOT_SET}}']}"), /^6:18: ko.flags.0: .*NOT_SET/],
    [ARTIFACTS.replace("{}", "{labels: {a: '{{'}}"), /^6:22: ko.labels.a: /],
    [
      `${ARTIFACTS}    platforms: [linux/arm64]\n`,
      /^7:16: platforms: found linux\/arm64, none of which is in the wanted linux\/386$/,
      { platforms: ["linux/386"] },
    ],
    [
      `${ARTIFACTS}profiles: [{name: a, activation: [{env: X}]}]\n`,
      /^7:41: env: found "X"; NAME=VALUE is allowed$/,
    ],
    [
      `${ARTIFACTS}profiles: [{activation: []}]\n`,
      /^7:12: profiles\[0\].name: found nothing; text is needed$/,
    ],
    [patched("{path: build}"), /^10:12: path: found "build"; it has to begin with "\/"$/, {
      profiles: ["p"],
    }],
    [
      patched("{path: /build/nothing, value: 1}"),
      /^10:12: path: found "\/build\/nothing"; there is nothing to replace/,
      { profiles: ["p"] },
    ],
    [
      patched("{op: add, path: /build/artifacts/7, value: 1}"),
      /^10:21: path: .*"7" is no index of the list there$/,
      { profiles: ["p"] },
    ],
    [
      patched("{op: change, path: /build}"),
      /^10:10: profiles\[0\].patches\[0\].op: found "change"; "add", /,
    ],
    [
      patched("{op: test, path: /kind, value: x}"),
      /^10:36: value: found "x"; the configuration has another value there$/,
      { profiles: ["p"] },
    ],
    [
      patched("{path: /build/artifacts/0/ko, value: {flag: 1}}"),
      /^10:43: build.artifacts\[0\].ko: found unknown field "flag"; .*\(after the patches of profile p\)$/,
      { profiles: ["p"] },
    ],
    [
      "requires: [{git: {repo: x}}]\n",
      /^3:13: requires: found git; a local path is allowed: fetch it and name its path$/,
    ],
    [
      "requires: [{path: no}]\n",
      /^3:19: requires: found "no", but there is no such file or folder$/,
    ],
    [
      "metadata: {name: a}\nrequires: [{configs: [b]}]\n",
      /^4:23: requires: found "b", but skaffold.yaml has no configuration/,
    ],
    [
      `metadata: {name: a}\n---\n${HEAD}metadata: {name: a}\n`,
      /^7:18: metadata.name: found "a" a second time; once is allowed$/,
    ],
  ];
  for (const [text, fault, options] of cases) {
    const error = await failsWith("BAD_CONFIG", () => plan(text, options));
    assert.equal(error.exitCode, 2);
    assert.ok(error.message.startsWith("skaffold.yaml:"), error.message);
    assert.match(error.message.slice("skaffold.yaml:".length), fault, text);
    assert.equal(error.message.split("\n").length, 1, error.message);
  }
});

Deno.test("skaffold plan: patches that copy a value into itself come to an end", async () => {
  const value = "/build/artifacts/0/docker";
  const copies = (length: number, to: (i: number) => string): string => {
    const patches = Array.from({ length }, (_, i) => to(i))
      .map((path) => `  - {op: copy, from: ${value}, path: ${value}/${path}}\n`);
    const artifact = "build:\n  artifacts:\n  - {image: b, docker: {}}\n";
    return `${artifact}profiles:\n- name: p\n  patches:\n${patches.join("")}`;
  };
  const cases: readonly (readonly [text: string, fault: RegExp])[] = [
    [copies(40, (i) => `a${i}`), /^.*\/a16"; all patches together may put in 100000 values/],
    [
      copies(10, (i) => "a/".repeat(2 ** i - 1) + "a"),
      /^.*(?:\/a){256}"; .*, 500 lists and maps deep\n/,
    ],
  ];
  for (const [text, fault] of cases) {
    await failsWith("BAD_CONFIG", () => plan(text, { profiles: ["p"] }), fault);
  }
});

Deno.test("skaffold plan: all faults of a file at once", async () => {
  const text =
    "build:\n  artifacts:\n  - image: app\n    ko: {flag: [x]}\n  - ko: 1\nprofiles:\n- nam: p\n";
  const error = await failsWith("BAD_CONFIG", () => plan(text));
  const places = error.message.split("\n").map((line) => line.split(": ")[0]);
  assert.deepEqual(places, ["6:10", "7:5", "7:9", "9:3", "9:3"].map((at) => `skaffold.yaml:${at}`));
  const two = `build:\n  artifacts: 1\n---\n${HEAD}build: 2\n`;
  const both = await failsWith("BAD_CONFIG", () => plan(two));
  assert.equal(both.message.split("\n").length, 2, both.message);
});

Deno.test("skaffold plan: a component of a customTemplate is one that is said or Skaffold's own", async () => {
  const tagged = (name: string, components = "[]") =>
    plan(
      `${ARTIFACTS}  tagPolicy:\n    customTemplate:\n      template: "{{.${name}}}"\n` +
        `      components: ${components}\n`,
    );
  for (const name of ["NO", "constructor", "toString", "__proto__"]) {
    const { artifacts: [artifact], notes } = await tagged(name);
    assert.equal(artifact?.tag, "latest");
    assert.equal(notes.length, 1);
    assert.ok(notes[0]?.endsWith(`: customTemplate has no component ${name}`), notes[0]);
  }
  for (const name of ["MINE", "constructor", "__proto__"]) {
    const own = `[{name: ${name}, envTemplate: {template: mine}}]`;
    const { artifacts: [artifact], notes } = await tagged(name, own);
    assert.deepEqual([artifact?.tag, notes], ["mine", []]);
  }
});

Deno.test("skaffold plan: what the command line asks for has to be there", async () => {
  const text = `${ARTIFACTS}metadata: {name: one}\nprofiles: [{name: small}]\n`;
  const cases: readonly (readonly [SkaffoldOptions, ErrorCode, RegExp])[] = [
    [
      { profiles: ["smal"] },
      "BAD_CONFIG",
      /profile "smal": .* there are small; did you mean "small"\?$/,
    ],
    [{ profiles: ["-x"] }, "BAD_CONFIG", /profile "x"/],
    [{ modules: ["two"] }, "BAD_CONFIG", /module "two": .* there are one/],
    [
      { images: ["ap", "web"] },
      "BAD_OPTION",
      /image "web": skaffold.yaml has no such image; there are app/,
    ],
    [{ tag: "a b" }, "BAD_REFERENCE", /tag "a b"/],
    [{ file: "no.yaml" }, "BAD_CONFIG", /^Cannot read no.yaml: there is no such file$/],
  ];
  for (const [options, code, fault] of cases) {
    const error = await failsWith(code, () => plan(text, options), fault);
    assert.equal(error.exitCode, 2);
  }
});

Deno.test("skaffold plan: a file that is hostile is refused whole", async () => {
  await using dir = await folder("");
  const read = () => planSkaffold({ environment: {}, workingDirectory: dir.path }, PARTS);
  await Deno.truncate(dir.join("skaffold.yaml"), 50_000_000);
  await failsWith("BAD_CONFIG", read, /^Cannot read skaffold.yaml: it is larger than/);
  await dir.write("skaffold.yaml", new Uint8Array([0x61, 0x3a, 0xff]));
  await failsWith("BAD_CONFIG", read, /^skaffold.yaml:1:3: found byte 0xff/);
  let bomb = "";
  for (let i = 0; i < 12; i++) {
    bomb += `.a${i}: &a${i} [${Array(9).fill(i ? `*a${i - 1}` : "x")}]\n`;
  }
  await dir.write("skaffold.yaml", HEAD + bomb);
  await failsWith("BAD_CONFIG", read, /^skaffold.yaml:8:\d+: found aliases/);
});

Deno.test("skaffold plan: many that require many have an end", async () => {
  const layers = Array.from({ length: 40 }, (_, i) => `[{image: a${i + 1}}, {image: b${i + 1}}]`);
  const artifacts = [...layers, "[]"].flatMap((requires, i) =>
    ["a", "b"].map((name) => `  - {image: ${name}${i}, ko: {}, requires: ${requires}}\n`)
  ).join("");
  const found = await plan(
    `build:\n  tagPolicy: {inputDigest: {}}\n  artifacts:\n${artifacts}`,
  );
  assert.equal(found.artifacts.length, 82);
  assert.match(
    found.notes[0] ?? "",
    /image a0 is tagged latest.*: a0 requires others over 1000 times/,
  );
  const order = [...inBuildOrder(found.artifacts)].map(([, { imageName }]) => imageName);
  assert.deepEqual(order.slice(0, 4), ["a40", "b40", "a39", "b39"]);
  assert.equal(order.length, 82);
});

Deno.test("skaffold plan: the Kubernetes context is that of kubectl's configuration", async () => {
  const profiles = "profiles:\n- name: p\n  activation: [{kubeContext: ^mini}]\n" +
    "  build: {tagPolicy: {sha256: {}}}\n";
  await using dir = await folder(ARTIFACTS + profiles);
  const kube = await dir.write("kube", "apiVersion: v1\ncurrent-context: minikube\n");
  const tag = async (environment: Readonly<Record<string, string>>) =>
    (await planSkaffold({ environment, workingDirectory: dir.path }, PARTS)).artifacts[0]?.tag;
  assert.equal(await tag({ KUBECONFIG: `${dir.join("no")}:${kube}` }), "latest");
  assert.equal(await tag({ HOME: dir.path }), "abc1234");
});

Deno.test("skaffold plan: nobody changes it afterwards", async () => {
  const found = await plan(ARTIFACTS);
  for (const part of [found, found.artifacts[0], found.artifacts[0]?.source.values]) {
    assert.ok(Object.isFrozen(part));
  }
});
