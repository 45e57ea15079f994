/**
 * Documents against schemas: what a person is told, and where.
 * @module
 */
import assert from "node:assert/strict";
import { failsWith } from "../../../test/support/fails.ts";
import { z } from "../../npm/zod.ts";
import { checkYaml } from "./check.ts";
import { parseYaml } from "./document.ts";

const tool = z.strictObject({ image: z.string().optional() });
const schema = z.strictObject({
  name: z.string(),
  push: z.boolean().optional(),
  epoch: z.int().min(0).optional(),
  mode: z.enum(["fast", "small"]).optional(),
  labels: z.record(z.string(), z.string()).optional(),
  builds: z.array(z.strictObject({
    id: z.string().min(1).optional(),
    flags: z.array(z.string()).optional(),
    either: z.union([z.string(), z.array(z.string())]).optional(),
  })).optional(),
  odd: z.string().refine((text) => text === "odd", { error: '"odd" is allowed' }).optional(),
  other: tool.optional(),
});

Deno.test("check: a key that would be lost is told", async () => {
  const text = "name: a\nlabels: {a: b, __proto__: c}\n";
  const why = /^x\.yaml:2:16: labels: found key "__proto__", which no field and no label can have/;
  await failsWith("BAD_CONFIG", () => check(text), why);
});

function check(text: string, note?: (line: string) => void) {
  return checkYaml(parseYaml(text, "x.yaml"), schema, note && { note })[0];
}

async function faults(text: string): Promise<readonly string[]> {
  const error = await failsWith("BAD_CONFIG", () => check(text));
  assert.equal(error.exitCode, 2);
  return error.message.split("\n");
}

Deno.test("yaml check: each fault says where, what was found and what is allowed", async () => {
  const cases: readonly (readonly [text: string, fault: string])[] = [
    ["push: true\n", "1:1: name: found nothing; text is needed"],
    ["# nothing\n", "1:1: name: found nothing; text is needed"],
    ["name:\npush: true\n", "1:6: name: found nothing; text is needed"],
    ["- a\n", "1:1: found a list; a map is allowed"],
    ["text\n", '1:1: found "text"; a map is allowed'],
    ["name: [a]\n", "1:7: name: found a list; text is allowed"],
    ["name: a\npush: 'true'\n", '2:7: push: found "true"; true or false is allowed'],
    ["name: a\nepoch: 1.5\n", "2:8: epoch: found 1.5; a whole number is allowed"],
    ["name: a\nepoch: -1\n", "2:8: epoch: found -1; at least 0 is needed"],
    [
      "name: a\nmode: smal\n",
      '2:7: mode: found "smal"; "fast" or "small" is allowed; did you mean "small"?',
    ],
    ["name: a\nbuilds: {}\n", "2:9: builds: found a map; a list is allowed"],
    [
      "name: a\nbuilds:\n- id: ''\n",
      '3:7: builds[0].id: found ""; at least 1 character is needed',
    ],
    [
      "name: a\nbuilds:\n- id: x\n- glags: []\n",
      '4:3: builds[1]: found unknown field "glags"; did you mean "flags"? Allowed are id, flags, either',
    ],
    [
      "name: a\nbuilds:\n- either: {}\n",
      "3:11: builds[0].either: found a map; text or a list is allowed",
    ],
    [
      "name: a\nbuilds:\n- either: [{}]\n",
      "3:12: builds[0].either[0]: found a map; text is allowed",
    ],
    ["name: a\nlabels: {a.b: [1]}\n", '2:15: labels["a.b"]: found a list; text is allowed'],
    ["name: a\nodd: even\n", '2:6: odd: found "even"; "odd" is allowed'],
    [
      "name: \u{1f600}\nodd: [\u{1f600}, {]\n",
      "2:6: found [ that is never closed; put ] where it ends",
    ],
  ];
  for (const [text, fault] of cases) {
    const [first = ""] = await faults(text);
    assert.ok(first.startsWith(`x.yaml:${fault}`), `${first}\n${fault}`);
  }
});

Deno.test("yaml check: all faults of a file at once, in its order", async () => {
  const text = "builds:\n- flags: x\n- zzz: 1\nmode: no-such\npush: 3\n";
  const lines = await faults(text);
  assert.deepEqual(lines.map((line) => line.split(": ")[1]), [
    "name",
    "builds[0].flags",
    "builds[1]",
    "mode",
    "push",
  ]);
  const many = `name: a\nbuilds:\n${"- x: 1\n".repeat(60)}`;
  const told = await faults(many);
  assert.equal(told.length, 51);
  assert.equal(told.at(-1), "and 10 more");
});

Deno.test("yaml check: places are found through aliases and merge keys", async () => {
  const text = "name: a\nbuilds:\n- &b\n  flags: [1, {}]\n- *b\n- <<: *b\n  id: c\n";
  const lines = await faults(text);
  assert.deepEqual(
    lines,
    [0, 1, 2].map((build) =>
      `x.yaml:4:14: builds[${build}].flags[1]: found a map; text is allowed`
    ),
  );
});

Deno.test("yaml check: text is what is written, as in Go", () => {
  const text = "name: 1.10\npush: yes\nlabels: {a: 0x1F, b: true, c: 2001-01-01, d: ~, e: '5'}\n";
  assert.deepEqual(check(text), {
    name: "1.10",
    push: true,
    labels: { a: "0x1F", b: "true", c: "2001-01-01", e: "5" },
  });
  const shared = check("name: &n 1.0\nlabels: &l {a: *n, b: *n}\nother: {c: *l}\n", () => {});
  assert.deepEqual(shared.labels, { a: "1.0", b: "1.0" });
  assert.deepEqual(shared.other, { c: { a: 1, b: 1 } });
});

Deno.test("yaml check: an unknown key of another tool's is a note", () => {
  const notes: string[] = [];
  const value = check("name: a\nother:\n  imag: x\n  y: {z: 1}\n", (line) => notes.push(line));
  assert.deepEqual(value.other, { imag: "x", y: { z: 1 } });
  assert.deepEqual(notes, [
    'x.yaml:3:3: other: found unknown field "imag"; did you mean "image"? It is not read',
    'x.yaml:4:3: other: found unknown field "y"; it is not read',
  ]);
});

Deno.test("yaml check: the schema is a JSON Schema, too", () => {
  const made = z.toJSONSchema(schema);
  assert.equal(made.additionalProperties, false);
  assert.deepEqual(Object.keys(made.properties ?? {}).slice(0, 2), ["name", "push"]);
});
