/**
 * YAML text and files: what is read, and what is refused with its place.
 * @module
 */
import assert from "node:assert/strict";
import { failsWith } from "../../../test/support/fails.ts";
import { tempDir } from "../../../test/support/temp.ts";
import { readText } from "../text.ts";
import { parseYaml, readYaml } from "./document.ts";

const valueOf = (text: string): unknown => parseYaml(text, "x.yaml")[0].value;

Deno.test("yaml: values are as Go's decoder has them", () => {
  const cases: readonly (readonly [text: string, value: unknown])[] = [
    ["", undefined],
    ["# nothing\n", undefined],
    ["\ufeffa: 1\n", { a: 1 }],
    ["a: yes\nb: 0o17\nc: 'x'\n", { a: "yes", b: 15, c: "x" }],
    ["a:\nb: ~\nc: null\nd: {}\n", { d: {} }],
    ["1: a\ntrue: b\n2.50: c\n", { 1: "a", true: "b", "2.50": "c" }],
    ["a: &x {b: 1}\nc: *x\n", { a: { b: 1 }, c: { b: 1 } }],
    ["a: &x {b: 1, c: 2}\nd:\n  <<: *x\n  c: 3\n", { a: { b: 1, c: 2 }, d: { b: 1, c: 3 } }],
    ["d: {<<: [{a: 1}, {a: 2, b: 3}]}\n", { d: { a: 1, b: 3 } }],
    ["'<<': 1\n", { "<<": 1 }],
    ["a: &x 1\na2: &x 2\nb: *x\n", { a: 1, a2: 2, b: 2 }],
    ["a: |\n  b\n  c\n", { a: "b\nc\n" }],
    ["a: 1\r\nb: 2\r\n", { a: 1, b: 2 }],
    ["a:\n  b: [\n1,\n{c: 2\n}\n]\n  d: 'e\nf'\ng: h\n", {
      a: { b: [1, { c: 2 }], d: "e f" },
      g: "h",
    }],
  ];
  for (const [text, value] of cases) assert.deepEqual(valueOf(text), value, text);
  const proto = valueOf("__proto__: {a: 1}\n");
  assert.deepEqual(Object.keys(proto as object), ["__proto__"]);
  assert.equal(({} as Record<string, unknown>)["a"], undefined);
});

Deno.test("yaml: several documents where they are allowed", () => {
  const documents = parseYaml("a: 1\n---\n# none\n---\nb: 2\n", "x.yaml", { many: true });
  assert.deepEqual(documents.map(({ value }) => value), [{ a: 1 }, undefined, { b: 2 }]);
  assert.deepEqual(documents[2]?.position(["b"]), { line: 5, column: 4 });
});

Deno.test("yaml: of several documents the first, whatever the others are", () => {
  const texts = ["a: 1\n---\nb: 2\n", "a: 1\n---\nb: [}\n", "a: 1\n---\n---\n", "a: 1\n---\n\t@\n"];
  for (const text of texts) {
    const notes: string[] = [];
    const note = (line: string) => notes.push(line);
    const found = parseYaml(text, "x.yaml", { note });
    assert.deepEqual(found.map(({ value }) => value), [{ a: 1 }], text);
    assert.deepEqual(notes, [
      "x.yaml:2:1: found another document; it is not read, the first one counts",
    ]);
  }
  const note = (line: string) => assert.fail(line);
  const [only] = parseYaml("# head\n---\na: 1\n...\n", "x.yaml", { note });
  assert.deepEqual(only.value, { a: 1 });
});

Deno.test("yaml: what does not parse says where and why", async () => {
  const cases: readonly (readonly [text: string, fault: RegExp])[] = [
    ["a:\n\tb: 1\n", /^x.yaml:2:1: found a tab as indentation; spaces are allowed$/],
    ["a:\n  - b\n \t- c\n", /^x.yaml:3:2: found a tab as indentation/],
    ["a: 1\nb: {c: 1, c: 2}\na: 2\n", /^x.yaml:2:11: .*"c" a second time.*\nx.yaml:3:1: .*"a"/],
    ["a: b: c\n", /^x.yaml:1:4: found a key in a place of a value/],
    ["a: 1\nb: 'x\nc: 2\n", /^x.yaml:2:4: found ' that is never closed; put ' where it ends$/],
    ['a: ["x\n', /^x.yaml:1:5: found " that is never closed; put " where it ends$/],
    [
      "a: 1\nb: [x, y\nc: {d: [1]}\n",
      /^x.yaml:2:4: found \[ that is never closed; put \] where[^\n]*$/,
    ],
    [
      "a:\n  - [1, 2\n  - [3, 4]\n",
      /^x.yaml:2:5: found \[ that is never closed; put \] where[^\n]*$/,
    ],
    ["a: {b: 1\n", /^x.yaml:1:4: found { that is never closed; put } where it ends$/],
    ["a: [1}\n", /^x.yaml:1:4: found \[ that is never closed; put \] where it ends$/],
    ["\ta: 1\nb: [\n", /^x.yaml:1:1: found a tab [^\n]*\nx.yaml:2:4: found \[ that is never/],
    ["a: @x\n", /^x.yaml:1:4: .*reserved character @$/],
    ["- a\nb: c\n", /^x.yaml:2:1: found YAML that does not parse: [^\n]*$/],
    ["a: *x\n", /^x.yaml:1:4: found alias \*x, but nothing before it is called &x$/],
    [
      "a: &x [*x]\n",
      /^x.yaml:1:8: found alias \*x, which stands for a value that it is in itself$/,
    ],
    ["? [a]\n: b\n", /^x.yaml:1:3: found no text as a key; text is allowed$/],
    ["<<: 1\n", /^x.yaml:1:1: found "<<" with something that is no map/],
    ["a: 1\n---\nb: 2\n", /^x.yaml:2:1: found 2 documents; one is allowed/],
    ["[".repeat(50_000), /^x.yaml:1:\d+: found lists or maps nested too deeply to read/],
  ];
  for (const [text, fault] of cases) {
    const error = await failsWith("BAD_CONFIG", () => valueOf(text), fault);
    assert.equal(error.exitCode, 2);
  }
});

Deno.test("yaml: aliases cannot make a document large", async () => {
  let bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x]\n";
  for (let level = 1; level < 20; level++) {
    const uses = Array(9).fill(`*a${level - 1}`).join(", ");
    bomb += `a${level}: &a${level} [${uses}]\n`;
  }
  await failsWith("BAD_CONFIG", () => valueOf(bomb), /^x.yaml:6:\d+: found aliases .* 100000 are/);
  const merged = bomb.replaceAll(
    /\[(.*)\]/g,
    (_, list: string) => `{${list.split(", ").map((one, key) => `k${key}: ${one}`).join(", ")}}`,
  );
  await failsWith("BAD_CONFIG", () => valueOf(merged), /^x.yaml:6:\d+: found aliases/);
});

Deno.test("yaml: aliases cannot make a document deep", async () => {
  const nested = (depth: number, inner: string) => "[".repeat(depth) + inner + "]".repeat(depth);
  const text = (depth: number) => `a: &a ${nested(250, "")}\nb: ${nested(depth, "*a")}\n`;
  assert.deepEqual(Object.keys(valueOf(text(249)) as object), ["a", "b"]);
  const why = /^x.yaml:2:254: found lists or maps nested too deeply to read/;
  await failsWith("BAD_CONFIG", () => valueOf(text(250)), why);
});

Deno.test("yaml: a file is bounded, UTF-8, and a file", async () => {
  await using temp = await tempDir();
  const read = (path: string): Promise<unknown> => readYaml(path, { name: "x.yaml" });
  const huge = await temp.write("huge.yaml", "");
  await Deno.truncate(huge, 50_000_000);
  await failsWith("BAD_CONFIG", () => read(huge), /^Cannot read x.yaml: it is larger than 2097152/);
  const cases: readonly (readonly [content: Uint8Array, fault: RegExp])[] = [
    [new Uint8Array([0x61, 0x3a, 0x0a, 0xc3, 0xa9, 0xff, 0x0a]), /^x.yaml:2:2: found byte 0xff, w/],
    [new Uint8Array([0xff, 0xfe, 0x61, 0x00]), /^x.yaml:1:1: found byte 0xff, .* as UTF-8$/],
    [new Uint8Array([0x61, 0xe2, 0x82]), /^x.yaml:1:2: found byte 0xe2, which is not UTF-8/],
    [new Uint8Array([0x61, 0x3a, 0x20, 0xed, 0xa0, 0x80]), /^x.yaml:1:4: found byte 0xed/],
  ];
  for (const [content, fault] of cases) {
    const path = await temp.write("bad.yaml", content);
    await failsWith("BAD_CONFIG", () => read(path), fault);
  }
  await failsWith("BAD_CONFIG", () => read(temp.path), /^Cannot read x.yaml: .*folder|directory/);
  await failsWith("BAD_CONFIG", () => read(temp.join("no")), /x.yaml: there is no such file$/);
  const good = await temp.write("good.yaml", "\ufeffa: 1\n");
  assert.deepEqual((await readYaml(good))[0].value, { a: 1 });
  assert.equal(await readText(good, "good.yaml", 8), "a: 1\n");
  await failsWith("BAD_CONFIG", () => readText(good, "good.yaml", 7), /larger than 7 bytes/);
});
