import assert from "node:assert/strict";
import { YAML_TEXTS } from "../../test/support/yaml_texts.ts";
import { KodenoError } from "../errors.ts";
import { readManifest } from "./manifest.ts";
import { parseSelector } from "./selector.ts";

const A = "reg.local/team/a@sha256:11";
const B = "reg.local/team/b@sha256:22";
const IMAGES = new Map([["example.com/a", A], ["example.com/b", B]]);

function resolved(text: string, selector?: string): string {
  const chosen = selector === undefined ? undefined : parseSelector(selector);
  return readManifest(text, "x.yaml", chosen).print(IMAGES);
}

Deno.test("manifest: every string that starts with ko:// is a reference, whatever its style", () => {
  const cases: readonly (readonly [text: string, expected: string])[] = [
    ["a: ko://example.com/a\n", `a: ${A}\n`],
    ["a: 'ko://example.com/a'\n", `a: '${A}'\n`],
    ['a: "ko://example.com/a"\n', `a: "${A}"\n`],
    ['a: "\\x6bo://example.com/a"\n', `a: "${A}"\n`],
    ["a: 'ko://example.com/a  '\n", `a: '${A}'\n`],
    ["a: |\n  ko://example.com/a\n", `a: |-\n  ${A}\n`],
    ["a: |+2  # why\r\n    \r\n", "a: |+2  # why\r\n    \r\n"],
    ["a: |2+ # why\r\n  ko://example.com/a \r\n\r\n", `a: |2- # why\r\n  ${A}\r\n\r\n`],
    ["? >\n   ko://example.com/a\n   \n: b\n", `? >-\n   ${A}\n   \n: b\n`],
    ["a: |\n  ko://example.com/a\n     \n\n", `a: |-\n  ${A}\n\n\n`],
    ["a: ! ko://example.com/a\n", `a: ! ${A}\n`],
    ["{ko://example.com/a: ko://example.com/b}", `{${A}: ${B}}`],
    ['{"ko://example.com/a":"ko://example.com/b"}', `{"${A}":"${B}"}`],
    ["\ufeffa:   ko://example.com/a   # x\r\n\r\n", `\ufeffa:   ${A}   # x\r\n\r\n`],
    ["a: >-\n  ko://example.com/a\n", `a: >-\n  ${A}\n`],
    ["a: !!str ko://example.com/a\n", `a: !!str ${A}\n`],
    ["a: [ko://example.com/a, ko://example.com/b]\n", `a: [${A}, ${B}]\n`],
    ["- ko://example.com/a\n", `- ${A}\n`],
    ["ko://example.com/a\n", `${A}\n`],
    ["ko://example.com/a: x\n", `${A}: x\n`],
    ["a: &image ko://example.com/a\nb: *image\n", `a: &image ${A}\nb: *image\n`],
    ['{"image": "ko://example.com/a"}\n', `{"image": "${A}"}\n`],
    ["a: ko://example.com/a # ko://example.com/b\n", `a: ${A} # ko://example.com/b\n`],
    ["a:\n  b: [\nko://example.com/a\n]\n  c: d\n", `a:\n  b: [\n${A}\n]\n  c: d\n`],
    // These are none.
    ["a: --image=ko://example.com/a\n", "a: --image=ko://example.com/a\n"],
    ["a: ' ko://example.com/a'\n", "a: ' ko://example.com/a'\n"],
    ["a: !own ko://example.com/a\n", "a: !own ko://example.com/a\n"],
    ["a: example.com/a\n", "a: example.com/a\n"],
    ["a: |\n  x\n  ko://example.com/a\n", "a: |\n  x\n  ko://example.com/a\n"],
  ];
  for (const [text, expected] of cases) assert.equal(resolved(text), expected, text);
});

Deno.test("manifest: a text without references is printed as it is", () => {
  for (const text of YAML_TEXTS) assert.equal(resolved(text), text);
});

Deno.test("manifest: an image that would be no text is put in quotes", () => {
  const text = "a: ko://example.com/a\nb: 'ko://example.com/a'\nc: [ko://example.com/a]\n";
  const manifest = readManifest(text, "x.yaml");
  for (const image of ["[::1]:5000/a@sha256:11", "1:20"]) {
    const expected = `a: "${image}"\nb: '${image}'\nc: ["${image}"]\n`;
    assert.equal(manifest.print(new Map([["example.com/a", image]])), expected);
  }
});

Deno.test("manifest: references tell file and line, in the order of the text", () => {
  const text =
    "a: 1\nb: ko://example.com/b\n---\nc:\n  - ko://example.com/a\n  - ko://x.org/\u00e9\n";
  const { references } = readManifest(text, "dir/x.yaml");
  assert.deepEqual(references, [
    { importPath: "example.com/b", file: "dir/x.yaml", line: 2 },
    { importPath: "example.com/a", file: "dir/x.yaml", line: 5 },
    { importPath: "x.org/\u00e9", file: "dir/x.yaml", line: 6 },
  ]);
  // What is no import path stays as it is, for the builder to refuse.
  const [bad] = readManifest("a: 'ko:// example.com/a '\n", "x.yaml").references;
  assert.equal(bad?.importPath, " example.com/a");
});

Deno.test("manifest: it can be printed again with other images", () => {
  const manifest = readManifest("a: ko://example.com/a\n", "x.yaml");
  assert.equal(manifest.print(IMAGES), `a: ${A}\n`);
  assert.equal(manifest.print(new Map([["example.com/a", B]])), `a: ${B}\n`);
});

const pod = (name: string, labels: string): string =>
  `apiVersion: v1\nkind: Pod\nmetadata:\n  name: ${name}\n  labels: ${labels}\n`;

Deno.test("manifest: a selector cuts documents out", () => {
  const [web, api] = [pod("a", "{app: web}"), pod("b", "{app: api}")];
  assert.equal(resolved(`${web}---\n${api}`, "app=api"), `---\n${api}`);
  assert.equal(resolved(`${web}---\n${api}`, "app=web"), web);
  assert.equal(
    resolved(`# x\n---  # y\n${web}\n---\n${api}# z\n`, "app=web"),
    `# x\n---  # y\n${web}\n`,
  );
  assert.equal(resolved(`${web}---\n${api}`, "app"), `${web}---\n${api}`);
  assert.equal(resolved(`${web}---\n${api}# end\n`, "app=none"), "");
  assert.equal(resolved(`---\n---\n${api}`, "app"), `---\n${api}`);
  // What comes behind "..." needs one before it.
  const ended = `---\n${api}...\n`;
  assert.equal(resolved(`${web}${ended}${web}`, "app=web"), `${web}...\n${web}`);
  assert.equal(resolved(`${web}...\n${ended}${web}`, "app=web"), `${web}...\n${web}`);
  // Without labels an object has none of them.
  const bare = "apiVersion: v1\nkind: Pod\n";
  assert.equal(resolved(bare, "!app"), bare);
  assert.equal(resolved(bare, "app"), "");
});

Deno.test("manifest: a selector cuts items of Lists out", () => {
  const list = (items: string, end = ""): string =>
    `apiVersion: v1 # one\nkind:   List\nitems:${items}${end}`;
  const items = ["web", "api", "db"].map((app) => pod("a", `{ app: ${app} }`));
  const braces = items.map((text, i) =>
    ["&x ", "!!map ", ""][i] +
    `{ ${
      text.trimEnd().replaceAll(/\n(?=\S)/g, ", ").replace(/: *\n +(.*)\n +(.*)/, ": { $1, $2 }")
    } }`
  );
  const lines = items.map((text, i) =>
    `  # ${i}\n  -   ${text.trimEnd().replaceAll("\n", "\n      ")}\n\n`
  );
  const flush = items.map((text, i) =>
    `- ${["&x\n  ", "", ""][i]}${text.trimEnd().replaceAll("\n", "\n  ")} # ${i}\n`
  );
  const kinds:
    readonly (readonly [parts: readonly string[], start: string, between: string, end: string])[] =
      [
        [braces, " [ ", " , ", "\n] # end\n"],
        [lines, " # the items\n", "", "more: 1\n"],
        [flush, "\n", "", ""],
      ];
  for (const [parts, start, between, end] of kinds) {
    const all = list(start + parts.join(between), end);
    for (const apps of [["web"], ["api"], ["db"], ["web", "api"], ["web", "db"], ["api", "db"]]) {
      const kept = parts.filter((part) => apps.some((app) => part.includes(`app: ${app}`)));
      // An empty line before what is cut out may stay.
      const lines = (text: string): string => text.replaceAll(/\n+/g, "\n");
      const cut = resolved(all, `app in (${apps})`);
      assert.equal(lines(cut), lines(list(start + kept.join(between), end)));
    }
    assert.equal(resolved(all, "app"), all);
    assert.equal(resolved(all, "app=none"), "");
  }
  // What stands between items goes with one of them.
  const commas = list(` [\n${braces[0]},\n # why\n${braces[1]},\n]\n`);
  assert.equal(resolved(commas, "app=web"), list(` [\n${braces[0]},\n]\n`));
  // An alias cannot do without what it stands for.
  const lost = list(`\n${flush[0]}${flush[1]}`, "more: *x\n");
  assert.equal(resolved(lost, "app=web"), list(`\n${flush[0]}`, "more: *x\n"));
  assert.throws(() => resolved(lost, "app=api"), /x\.yaml:\d+:7: there is no anchor "x" before/);
});

Deno.test("manifest: references of documents that are not selected are none", () => {
  const text = pod("a", "{app: web}") + "image: ko://example.com/a\n";
  assert.equal(readManifest(text, "x", parseSelector("app=api")).references.length, 0);
  assert.equal(readManifest(text, "x", parseSelector("app=web")).references.length, 1);
});

Deno.test("manifest: what is wrong is told with file, line and column", () => {
  const cases: readonly (readonly [text: string, why: RegExp, selector?: string])[] = [
    ["a: b\n c: d\n", /^Cannot read x\.yaml:1:4: found a key in a place of a value; give it /],
    ["a: [1, 2\n", /x\.yaml:1:4: found \[ that is never closed; put \] where it ends$/],
    ["a: 'b\n", /x\.yaml:1:4: found ' that is never closed; put ' where it ends$/],
    ["a: *b\n", /x\.yaml:1:4: there is no anchor "b" before$/],
    ["a: `b`\n", /x\.yaml:1:4: .*: plain value cannot start with reserved character `$/],
    ["a: \x01\n", /x\.yaml:1:4: a control character cannot stand in YAML$/],
    ["a: !x!y z\n", /x\.yaml:1:4: .*could not resolve tag: !x!y$/],
    ["a:\n\tb: c\n", /x\.yaml:2:1: found a tab as indentation; spaces are allowed$/],
    ["[".repeat(2000), /x\.yaml:1:501: found lists or maps nested too deeply/],
    ["- ".repeat(2000), /x\.yaml:1:1000: found lists or maps nested too deeply/],
    ["a: b\n", /x\.yaml:1:1: a selector needs Kubernetes objects/, "a=b"],
    ["apiVersion: 1\nkind: Pod\n", /a selector needs Kubernetes objects/, "a=b"],
    ["apiVersion: v1\nkind: List\n", /a List has no items/, "a=b"],
  ];
  for (const [text, why, selector] of cases) {
    assert.throws(() => resolved(text, selector), (error) => {
      assert.ok(error instanceof KodenoError, String(error));
      assert.equal(error.code, "BAD_CONFIG");
      assert.match(error.message, why);
      return !error.message.includes("\n");
    }, text.slice(0, 40));
  }
});

Deno.test("manifest: aliases are not followed, so that many of them weigh nothing", () => {
  const bomb = ["a: &a [x, x, x, x, x, x, x, x, x]"];
  for (const name of "bcdefghijk") {
    const before = String.fromCharCode(name.charCodeAt(0) - 1);
    bomb.push(`${name}: &${name} [${Array(9).fill(`*${before}`).join(", ")}]`);
  }
  const text = `${bomb.join("\n")}\nimage: ko://example.com/a\n`;
  assert.equal(resolved(text), text.replace("ko://example.com/a", A));
});
