/**
 * Kubernetes objects as inputs.
 * @module
 */
import assert from "node:assert/strict";
import { readManifests } from "../../src/kube/manifest_files.ts";
import { isMap, isScalar, isSeq, parseAllDocuments, type YAMLMap } from "../../src/npm/yaml.ts";
import type { Dice } from "../support/dice.ts";
import { YAML_TEXTS } from "../support/yaml_texts.ts";
import { attempt, type FuzzBench, type FuzzTarget, outcomeOf } from "./target.ts";
import { mutateYaml, readYamlValues } from "./yaml_text.ts";

const TEXT = `# The web server.
apiVersion: apps/v1
kind: Deployment
metadata:
  name: web # its name
  labels: &labels {app: web, tier: "1"}
  annotations:
    note: |
      ko://example.com/not-this one
    folded: >-
      some long text
      over lines
spec:
  template:
    metadata: {labels: *labels}
    spec:
      containers:
        # the first
        - name: a
          image: ko://example.com/app # built
          args: ['--x', "ko://example.com/arg", 'it''s']
        - {name: b, image: "ko://example.com/other"}
      ko://example.com/key: 1

---
kind: List
items:
- kind: Pod
  metadata: {labels: {app: other}}
  spec:
    <<: {restartPolicy: Never}
    containers: [{image: ko://example.com/app}]
`;

const LISTS = `# first
apiVersion: v1
kind: Pod
metadata: {labels: {app: web}}
image: ko://example.com/app
...
---
apiVersion: v1
kind: List
items:
  # the first
  - apiVersion: v1
    kind: Pod
    metadata: {labels: {app: web}}
    image: ko://example.com/app

  # the second
  - &second
    apiVersion: v1
    kind: Pod
    note: |
      # no comment
  # the third
  - apiVersion: v1
    kind: Pod
    metadata:
      labels:
        app: other
    image: 'ko://example.com/other'
more: 1
---
{"apiVersion": "v1", "kind": "List", "items": [
  {"apiVersion": "v1", "kind": "Pod", "metadata": {"labels": {"app": "web"}}},
  {"apiVersion": "v1", "kind": "Pod", "image": "ko://example.com/app"}
]}
`;

const WORDS = [
  "ko://example.com/app",
  "ko://",
  "KO://example.com/app",
  " ko://example.com/app",
  "ko://example.com/app ",
  "ko://example.com/app\n",
  "kind",
  "items",
  "metadata",
  "labels",
  "app",
  "<<",
];

const TEXTS = [...YAML_TEXTS, ...Array<string>(20).fill(TEXT), ...Array<string>(20).fill(LISTS)];

/** The files that are fuzzed. */
export const KUBERNETES_YAML: FuzzTarget = {
  name: "kubernetes",
  open(folder: string): FuzzBench {
    const path = `${folder}/in/pod.yaml`;
    return {
      names: new Set(["pod.yaml"]),
      make: (dice: Dice) => {
        const text = dice.pick(TEXTS);
        // A text of comments alone has no value to change.
        const fit = readYamlValues(text)?.length ? text : TEXT;
        Deno.writeFileSync(path, mutateYaml(fit, dice, WORDS));
      },
      check: (dice: Dice) => check(path, dice),
      commands: () => [["resolve", "-f", "pod.yaml", "--offline"]],
    };
  },
};

async function check(path: string, dice: Dice): Promise<string> {
  const selector = dice.pick([undefined, undefined, undefined, "app=web", "!app"]);
  const read = await attempt(async () => (await readManifests({ files: [path], selector }))[0]);
  if (read.value === undefined) return outcomeOf(read);
  const { references, print } = read.value;
  const paths = [...new Set(references.map(({ importPath }) => importPath))];
  const images = new Map(paths.map((one, i) => [one, `reg.local/app${i}@sha256:0000`]));
  const printed = print(images);
  await assertReadable(path, printed);
  const text = new TextDecoder("utf-8", { ignoreBOM: true }).decode(Deno.readFileSync(path));
  const same = print(new Map(paths.map((one) => [one, `ko://${one}`])));
  if (selector !== undefined) return assertSelected(text, same, selector);
  // What has blanks in it is no package, and may be many lines.
  if (!paths.some((one) => /\s/.test(one))) assertLeftAlone(text, same);
  const before = readMaps(text);
  const after = readMaps(printed);
  // Aliases may be too many to be followed.
  if (before === undefined || after === undefined) return "ok, not compared";
  if (before.some((one) => holdsItself(one))) return "ok, in itself";
  const resolved = (one: string) =>
    one.startsWith("ko://") ? images.get(one.trim().slice(5)) ?? one : one;
  assert.deepEqual(
    after.map((one) => plainOf(one)),
    before.map((one) => plainOf(one, resolved)),
    "what was printed says something else",
  );
  // What has a tag of its own is no text.
  if (!text.includes("!")) {
    assert.doesNotMatch(JSON.stringify(after.map((one) => plainOf(one))), /[[,]"ko:\/\//);
  }
  return "ok";
}

/**
 * With references instead of images nothing changes, but where a scalar is written in another way
 * than by its value alone.
 */
function assertLeftAlone(text: string, printed: string): void {
  const [before, after] = [text.split("\n"), printed.split("\n")];
  // A reference may go over many lines.
  if (before.length !== after.length) {
    assert.ok(after.length < before.length && text.includes("ko:"), "lines came or went");
    return;
  }
  for (const [i, line] of before.entries()) {
    if (line === after[i]) continue;
    // Quotes with blanks or escapes in them, the first line of a block, and blanks behind it.
    assert.match(line, /ko:\/\/|\\|[|>][-+\d]*(?:\s|$)|^\s*$/, "a line was changed");
  }
}

/** What is left says what the selected part of the text does. */
function assertSelected(text: string, printed: string, selector: string): string {
  const fits = (node: unknown): boolean => {
    const labels = isMap(node) ? node.getIn(["metadata", "labels"], true) : undefined;
    const value = isMap(labels) ? labels.get("app", true) : undefined;
    return selector === "!app"
      ? !(isMap(labels) && labels.has("app"))
      : isScalar(value) && value.value === "web";
  };
  const documents = parseAllDocuments(text, { logLevel: "silent" });
  if (!Array.isArray(documents) || documents.some(({ errors }) => errors.length > 0)) {
    // Such as keys that are there twice.
    return "ok, selected, not compared";
  }
  const expected: unknown[] = [];
  try {
    for (const document of documents) {
      const root = document.contents as YAMLMap | null;
      if (root === null || isScalar(root) && root.value === null) continue;
      const items = root.get("kind") === "List" ? root.get("items") : undefined;
      if (isSeq(items)) items.items = items.items.filter(fits);
      if (isSeq(items) ? items.items.length > 0 : fits(root)) {
        expected.push(document.toJS({ mapAsMap: true }));
      }
    }
  } catch {
    // Aliases of what is left out.
    return "ok, selected, not compared";
  }
  const after = readMaps(printed);
  if (after === undefined || expected.some((one) => holdsItself(one))) {
    return "ok, selected, not compared";
  }
  const trimmed = (one: string) => one.startsWith("ko://") ? one.trim() : one;
  assert.deepEqual(
    after.filter((one) => one !== null).map((one) => plainOf(one, trimmed)),
    expected.map((one) => plainOf(one, trimmed)),
    "something else is left",
  );
  return `ok, selected ${expected.length > 0 ? "some" : "none"}`;
}

/** A key may be a map. */
const readMaps = (text: string) => readYamlValues(text, { mapAsMap: true });

/** What was printed can be read again. */
async function assertReadable(path: string, text: string): Promise<void> {
  const again = path.replace("in/pod", "outside/again");
  Deno.writeTextFileSync(again, text);
  try {
    await readManifests({ files: [again] });
  } finally {
    Deno.removeSync(again);
  }
}

/** Whether an alias stands for a value that it is in. */
function holdsItself(value: unknown, above: readonly unknown[] = []): boolean {
  if (typeof value !== "object" || value === null) return false;
  if (above.includes(value)) return true;
  const below = value instanceof Map ? [...value].flat() : Array.isArray(value) ? value : [];
  return below.some((one) => holdsItself(one, [...above, value]));
}

/**
 * A value without maps, whose texts, be they keys, items or values, went through a change; of keys
 * that are the same then, the last one counts.
 */
function plainOf(value: unknown, change: (text: string) => string = (text) => text): unknown {
  if (typeof value === "string") return change(value);
  if (Array.isArray(value)) return value.map((one) => plainOf(one, change));
  if (!(value instanceof Map)) return value;
  const pairs = [...value].map(([key, one]) =>
    [plainOf(key, change), plainOf(one, change)] as const
  );
  return [...new Map(pairs)].map((pair) => [...pair]);
}
