/**
 * Files that are large in other ways than by their bytes: each is read or refused soon, and in
 * little memory.
 * @module
 */
import assert from "node:assert/strict";
import { imageGraph, layoutWith } from "../support/image_graph.ts";
import { spawnKodeno } from "../support/kodeno.ts";
import { measured } from "../support/measured.ts";
import { type TempDir, tempDir } from "../support/temp.ts";

/** Many times what a run takes on a quiet machine, and far below what a square of the time takes. */
const SOON_MS = 30_000;
/** A run that reads nothing has some 80. */
const MOST_MIB = 400;
/** What a person reads of many faults. */
const MOST_SAID = 60_000;

/** A piece of text for each number, in as many bytes as asked for. */
function filled(bytes: number, piece: (i: number) => string, head = "", tail = ""): string {
  const parts = [head];
  let left = bytes - head.length - tail.length;
  let next = piece(0);
  for (let i = 1; next.length <= left; i++) {
    parts.push(next);
    left -= next.length;
    next = piece(i);
  }
  return parts.join("") + tail;
}

type Make = (bytes: number) => string;

const TOO_MANY = /over \d+ (keys, values, |lines|documents)/;
const TOO_LARGE = /larger than \d+ bytes/;

/** By what they have many of; each just fits the bounds, or is far beyond them. */
const KO_YAML: readonly (readonly [what: string, bytes: number, make: Make, why?: RegExp])[] = [
  ["labels", 240_000, (n) => filled(n, (i) => `  k${i}: 1\n`, "defaultLabels:\n")],
  [
    "labels without end",
    2_000_000,
    (n) => filled(n, (i) => `  k${i}: 1\n`, "defaultLabels:\n"),
    TOO_MANY,
  ],
  [
    "unknown keys, and a fault",
    180_000,
    (n) => filled(n, (i) => `k${i}: 1\n`, "defaultFlags: {}\n"),
    /found a map/,
  ],
  ["unknown keys", 180_000, (n) => filled(n, (i) => `k${i}: 1\n`)],
  ["unknown keys of entries", 80_000, (n) => filled(n, (i) => `- k${i}: 1\n`, "builds:\n")],
  ["builds", 150_000, (n) => filled(n, (i) => `- id: k${i}\n`, "builds:\n")],
  ["documents", 2_000_000, (n) => filled(n, () => "---\na: 1\n"), TOO_MANY],
  ["empty lines", 2_000_000, (n) => "\n".repeat(n), TOO_MANY],
  [
    "aliases",
    120_000,
    (n) => filled(n, (i) => `  k${i}: *a\n`, "defaultBaseImage: &a 1\ndefaultLabels:\n"),
  ],
  [
    "pairs in brackets",
    200_000,
    (n) => filled(n, (i) => `k${i}: a,`, "defaultFlags: [", "]\n"),
    /found a map/,
  ],
  ["one line", 120_000, (n) => filled(n, () => '{"id":"a"},', '{"builds":[', '{"id":"a"}]}')],
  ["brackets without end", 2_000_000, (n) => "[".repeat(n), /nested too deeply/],
  ["faults on one line", 150_000, (n) => "& ".repeat(n / 2), /at most one anchor/],
  ["closing brackets", 150_000, (n) => "]\n".repeat(n / 2), /unexpected flow-seq-end/],
  ["signs in one word", 2_000_000, (n) => "!".repeat(n), /does not parse: the !!!/],
  [
    "numbers where maps are wanted",
    120_000,
    (n) => filled(n, () => "- 1\n", "builds:\n"),
    /found 1; a map/,
  ],
  ["a long text", 2_000_000, (n) => `defaultBaseImage: "${"a".repeat(n - 30)}"\n`],
  ["bytes", 2_200_000, (n) => "a".repeat(n), TOO_LARGE],
];

const HEAD = "apiVersion: skaffold/v4beta11\nkind: Config\n";
const BUILD = `${HEAD}build:\n  artifacts:\n`;
const SKAFFOLD: typeof KO_YAML = [
  ["artifacts", 25_000, (n) => filled(n, (i) => `  - image: a${i}\n    ko: {}\n`, BUILD)],
  [
    "artifacts without end",
    200_000,
    (n) => filled(n, (i) => `  - image: a${i}\n    ko: {}\n`, BUILD),
    /at most 1000 are/,
  ],
  ["documents", 200_000, (n) => filled(n, () => `---\n${HEAD}`), TOO_MANY],
  [
    "requirements",
    150_000,
    (n) => filled(n, () => "- path: .\n", `${HEAD}requires:\n`),
    /it has no artifacts/,
  ],
];

const SPLIT = /over \d+ (documents|lines|keys, values, comments and lines); split the file$/m;
const KUBERNETES: typeof KO_YAML = [
  ["items", 800_000, (n) => filled(n, () => "- a\n"), SPLIT],
  ["items that fit", 270_000, (n) => filled(n, () => "- a\n")],
  ["documents", 4_500_000, (n) => filled(n, () => "---\na: 1\n"), SPLIT],
  [
    "objects",
    6_000_000,
    (n) => filled(n, (i) => `---\n${"a: [b, c, d, e, f, g, h, i, j]\n".repeat(30 + i % 2)}`),
    SPLIT,
  ],
  ["objects on one line", 570_000, (n) => filled(n, () => '{"a":"b"},', '{"items":[', "{}]}")],
  ["words", 6_000_000, (n) => `a: ${"a ".repeat(n / 2 - 5)}\n`],
  ["lines of a text", 1_200_000, (n) => `a: |\n${"  a\n".repeat(n / 4 - 5)}`],
  ["more lines of a text", 6_000_000, (n) => `a: |\n${"  a\n".repeat(n / 4 - 5)}`, SPLIT],
  ["comments", 6_000_000, (n) => "# a\n".repeat(n / 4), SPLIT],
  ["comments that fit", 6_000_000, (n) => `# ${"a".repeat(58)}\n`.repeat(n / 61)],
  ["a long key", 6_000_000, (n) => `${"a".repeat(n - 10)}: 1\n`, /at most 1024 chars/],
  ["brackets", 6_000_000, (n) => "[".repeat(n), /nested too deeply/],
  ["faults on one line", 340_000, (n) => "& ".repeat(n / 2), /at most one anchor/],
  ["closing brackets", 6_000_000, (n) => "]\n".repeat(n / 2), SPLIT],
  ["bytes", 7_000_000, (n) => "a".repeat(n), TOO_LARGE],
];

/** Writes each file and runs kodeno on it. */
async function tryAll(
  t: Deno.TestContext,
  name: string,
  args: readonly string[],
  files: typeof KO_YAML,
): Promise<void> {
  await using dir = await tempDir();
  for (const [what, bytes, make, why] of files) {
    await t.step(what, () => tryOne(dir, name, args, make(bytes), why));
  }
}

async function tryOne(
  dir: TempDir,
  name: string,
  args: readonly string[],
  text: string,
  why: RegExp | undefined,
): Promise<void> {
  await dir.write(name, text);
  const how = { cwd: dir.path, milliseconds: SOON_MS };
  const { code, stderr, mebibytes } = await measured(args, how);
  assert.equal(code, why === undefined ? 0 : 2, stderr.slice(0, 2000));
  if (why !== undefined) assert.match(stderr, why);
  assert.ok(stderr.length < MOST_SAID, `${stderr.length} characters`);
  assert.ok(mebibytes < MOST_MIB, `${mebibytes} MiB`);
}

Deno.test("bounds: a .ko.yaml of any kind ends soon", (t) =>
  tryAll(t, ".ko.yaml", ["config"], KO_YAML));

Deno.test("bounds: a skaffold.yaml of any kind ends soon", (t) =>
  tryAll(t, "skaffold.yaml", ["config", "-f", "skaffold.yaml"], SKAFFOLD));

const DOTENV: typeof KO_YAML = [
  ["blanks in a value", 1_000_000, (n) => `A=x${" ".repeat(n - 10)}y\n`],
  [
    "values that double",
    1000,
    (n) => filled(n, (i) => `A${i + 1}=$A${i}$A${i}\n`, "A0=xxxx\n"),
  ],
];

Deno.test("bounds: a skaffold.env of any kind ends soon", async (t) => {
  await using dir = await tempDir();
  await dir.write("skaffold.yaml", `${BUILD}  - image: a\n    ko: {}\n`);
  for (const [what, bytes, make] of DOTENV) {
    await t.step(
      what,
      () => tryOne(dir, "skaffold.env", ["config", "-f", "skaffold.yaml"], make(bytes), undefined),
    );
  }
});

Deno.test("bounds: a List loses half of many items soon", async (t) => {
  const item = (i: number) =>
    `{apiVersion: v1, kind: A${i % 2 ? ", metadata: {labels: {a: b}}" : ""}},`;
  const start = "{apiVersion: v1, kind: List, items: [";
  const files = [["items", 480_000, (n: number) => filled(n, item, start, "]}")]] as const;
  await tryAll(t, "k.yaml", ["resolve", "-f", "k.yaml", "-l", "a=b", "--push=false"], files);
});

Deno.test("bounds: Kubernetes YAML of any kind ends soon", (t) =>
  tryAll(t, "k.yaml", ["resolve", "-f", "k.yaml", "--push=false"], KUBERNETES));

Deno.test("bounds: an index.json of many entries is soon read, and merged", async (t) => {
  await using dir = await tempDir();
  const { root } = imageGraph();
  await layoutWith(dir, "L", { "app:v1": imageGraph() });
  const { mediaType, digest, size } = root.descriptor;
  const entry = (i: number) => {
    const tag = i % 3 === 0
      ? {}
      : { annotations: { "org.opencontainers.image.ref.name": `v${i}` } };
    return `${JSON.stringify({ mediaType, digest, size, ...tag })},`;
  };
  const tail = `${JSON.stringify(root.descriptor)}]}`;
  const text = filled(4_000_000, entry, '{"schemaVersion":2,"manifests":[', tail);
  await dir.write("L/index.json", text);
  for (const args of ["ls L", "inspect L", "tag L v1 w:1", "gc L", "merge out L", "merge out L"]) {
    await t.step(args, async () => {
      const how = { cwd: dir.path, milliseconds: SOON_MS };
      const { code, stderr, mebibytes } = await measured(args.split(" "), how);
      assert.equal(code, 0, stderr.slice(0, 2000));
      assert.ok(mebibytes < MOST_MIB, `${mebibytes} MiB`);
    });
  }
});

Deno.test("bounds: a signal ends work on a large file at once", async (t) => {
  await using dir = await tempDir();
  await dir.write(".ko.yaml", filled(200_000, (i) => `- id: k${i}\n`, "builds:\n"));
  await dir.write("k.yaml", filled(700_000, (i) => `k${i}: a,`, "a: [", "]\n"));
  const resolve = ["resolve", "-f", "k.yaml", "--push=false"];
  for (const [signal, ...args] of [["SIGINT", "config"], ["SIGTERM", ...resolve]] as const) {
    await t.step(args.join(" "), async () => {
      const child = spawnKodeno(args, { cwd: dir.path });
      const ended = child.output();
      await new Promise((resolve) => setTimeout(resolve, 250));
      child.kill(signal);
      const began = performance.now();
      assert.notEqual((await ended).code, 0);
      // A machine that is busy takes its time to look at signals, too.
      assert.ok(performance.now() - began < 10_000);
    });
  }
});
