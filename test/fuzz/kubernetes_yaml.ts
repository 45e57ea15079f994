/**
 * Kubernetes objects as inputs.
 * @module
 */
import assert from "node:assert/strict";
import { readManifests } from "../../src/kube/manifest_files.ts";
import type { Dice } from "../support/dice.ts";
import { CHANGED, KEPT } from "../support/yaml_cases.ts";
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

const IMAGE = "reg.local/app@sha256:0000";
const TEXTS = [TEXT, TEXT, TEXT, ...KEPT, ...CHANGED.map(([text]) => text).filter((text) => text)];

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
  const images = new Map(references.map(({ importPath }) => [importPath, IMAGE]));
  const printed = print(images);
  await assertReadable(path, printed);
  if (selector !== undefined) return "ok, selected";
  const text = new TextDecoder().decode(Deno.readFileSync(path));
  // For ko these end a line, as in YAML 1.1; and a block that has no line end at its end gets none.
  const before = /\r(?!\n)|[\x85\u2028\u2029]|[^\n]$/.test(text) ? undefined : readMaps(text);
  const after = readMaps(printed);
  // What ko prints, too, is not always what the other reader takes.
  if (before === undefined || after === undefined) return "ok, not compared";
  if (before.some((one) => holdsItself(one))) return "ok, in itself";
  const resolved = (text: string) => text.startsWith("ko://") ? IMAGE : text;
  const plain = (values: readonly unknown[]): unknown =>
    values.filter((one) => one !== null && one !== undefined).map((one) => plainOf(one, resolved));
  assert.deepEqual(plain(after), plain(before), "what was printed says something else");
  // What has a tag of its own is no text.
  if (!text.includes("!")) {
    assert.doesNotMatch(JSON.stringify(after.map((one) => plainOf(one))), /[[,]"ko:\/\//);
  }
  return "ok";
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

/** A value without maps, whose texts, be they keys, items or values, went through a change. */
function plainOf(value: unknown, change: (text: string) => string = (text) => text): unknown {
  if (typeof value === "string") return change(value);
  if (Array.isArray(value)) return value.map((one) => plainOf(one, change));
  if (!(value instanceof Map)) return value;
  return [...value].map(([key, one]) => [plainOf(key, change), plainOf(one, change)]);
}
