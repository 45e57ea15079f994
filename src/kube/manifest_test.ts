import assert from "node:assert/strict";
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
    ["a: >-\n  ko://example.com/a\n", `a: >-\n  ${A}\n`],
    ["a: !!str ko://example.com/a\n", `a: !!str ${A}\n`],
    ["a: [ko://example.com/a, ko://example.com/b]\n", `a: ['${A}', '${B}']\n`],
    ["- ko://example.com/a\n", `- ${A}\n`],
    ["ko://example.com/a\n", `${A}\n`],
    ["ko://example.com/a: x\n", `${A}: x\n`],
    ["a: &image ko://example.com/a\nb: *image\n", `a: &image ${A}\nb: *image\n`],
    ['{"image": "ko://example.com/a"}\n', `{"image": "${A}"}\n`],
    ["a: ko://example.com/a # ko://example.com/b\n", `a: ${A} # ko://example.com/b\n`],
    // These are none.
    ["a: --image=ko://example.com/a\n", "a: --image=ko://example.com/a\n"],
    ["a: ' ko://example.com/a'\n", "a: ' ko://example.com/a'\n"],
    ["a: !own ko://example.com/a\n", "a: !own ko://example.com/a\n"],
    ["a: example.com/a\n", "a: example.com/a\n"],
    ["a: |\n  x\n  ko://example.com/a\n", "a: |\n  x\n  ko://example.com/a\n"],
  ];
  for (const [text, expected] of cases) assert.equal(resolved(text), expected, text);
});

Deno.test("manifest: a long key with a digest is written as YAML can read it", () => {
  const image = `reg.local/${"x".repeat(130)}@sha256:11`;
  const manifest = readManifest("ko://example.com/a: x\n", "x.yaml");
  assert.equal(manifest.print(new Map([["example.com/a", image]])), `? ${image}\n: x\n`);
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
});

Deno.test("manifest: it can be printed again with other images", () => {
  const manifest = readManifest("a: ko://example.com/a\n", "x.yaml");
  assert.equal(manifest.print(IMAGES), `a: ${A}\n`);
  assert.equal(manifest.print(new Map([["example.com/a", B]])), `a: ${B}\n`);
});

const pod = (name: string, labels: string): string =>
  `apiVersion: v1\nkind: Pod\nmetadata:\n  name: ${name}\n  labels: ${labels}\n`;

Deno.test("manifest: a selector picks documents and items of Lists", () => {
  const [web, api] = [pod("a", "{app: web}"), pod("b", "{app: api}")];
  assert.equal(resolved(`${web}---\n${api}`, "app=api"), api);
  assert.equal(resolved(`${web}---\n${api}`, "app"), `${web}---\n${api}`);
  assert.equal(resolved(`${web}---\n${api}`, "app=none"), "");
  assert.equal(resolved(`---\n---\n${api}`, "app"), api);
  // Without labels an object has none of them.
  const bare = "apiVersion: v1\nkind: Pod\n";
  assert.equal(resolved(bare, "!app"), bare);
  assert.equal(resolved(bare, "app"), "");
  const item = (text: string): string => `- ${text.trimEnd().replaceAll("\n", "\n  ")}\n`;
  const list = `apiVersion: v1\nkind: List\nitems:\n${item(web)}${item(api)}`;
  const kept = `apiVersion: v1\nkind: List\nitems:\n${item(api).replace(/^/gm, "  ").trimEnd()}\n`;
  assert.equal(resolved(list, "app=api"), kept);
  assert.equal(resolved(list, "app=none"), "");
});

Deno.test("manifest: references of documents that are not selected are none", () => {
  const text = pod("a", "{app: web}") + "image: ko://example.com/a\n";
  assert.equal(readManifest(text, "x", parseSelector("app=api")).references.length, 0);
  assert.equal(readManifest(text, "x", parseSelector("app=web")).references.length, 1);
});

Deno.test("manifest: what is wrong is told with file, line and column", () => {
  const cases: readonly (readonly [text: string, why: RegExp, selector?: string])[] = [
    ["a: b\n c: d\n", /^Cannot read x\.yaml:2:3: a ":" cannot follow this$/],
    ["a: [1, 2\n", /x\.yaml:2:1: there is no "," or "]" here/],
    ["a: 'b\n", /x\.yaml:1:4: a quote has no other half/],
    ["a: *b\n", /x\.yaml:1:4: there is no anchor "b" before/],
    ["a: `b`\n", /x\.yaml:1:4: "`" cannot start a value/],
    ["a: \x01\n", /x\.yaml:1:4: a control character cannot stand in YAML/],
    ["a: !x!y z\n", /x\.yaml:1:4: tag handle "!x!" is not known/],
    ["%YAML 1.2\n---\na: b\n", /x\.yaml:1:1: YAML "1\.2" is not known here/],
    ["[".repeat(2000), /nested deeper than 1000/],
    ["- ".repeat(2000), /nested deeper than 1000/],
    [" \t'b'\n", /x\.yaml:1:2: a tab cannot start a value; use spaces/],
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
