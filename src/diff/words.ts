/**
 * What a person is told of how two images differ: lines below lines, and the one that matters most.
 * @module
 */
import type { Descriptor } from "../oci/descriptor.ts";
import type { Change } from "./documents.ts";
import type { LayerFile } from "./files.ts";
import {
  type ChangedFile,
  type ChangedLayers,
  type ImagePair,
  type ImagesDiff,
  WRITTEN,
} from "./images.ts";

/** Something that differs: what one has, what the other has, and what there is to tell below it. */
export interface Difference {
  readonly what: string;
  readonly a?: string | undefined;
  readonly b?: string | undefined;
  /** Short ones that stand on one line. */
  readonly facts?: readonly string[] | undefined;
  readonly below?: readonly Difference[] | undefined;
}

/** Characters of a value that anybody reads. */
const MOST_SHOWN = 1000;

/** All that differs, in the order of the parts of an image. */
export function differences(diff: ImagesDiff): readonly Difference[] {
  const { onlyA, onlyB, index, images } = diff;
  const alone = ({ platform, attested, artifactType, mediaType }: ImagesDiff["onlyA"][number]) =>
    platform ?? (attested === undefined ? artifactType ?? mediaType : "attestation");
  return [
    ...onlyA.map((one) => ({ what: alone(one), a: one.digest })),
    ...onlyB.map((one) => ({ what: alone(one), b: one.digest })),
    ...below("index", index.map((one) => changed(one, "the index"))),
    ...images.filter(({ isEqual }) => !isEqual).flatMap((pair) =>
      pair.platform === undefined
        ? sectionsOf(pair)
        : [{ what: pair.platform, below: sectionsOf(pair) }]
    ),
  ];
}

/** The one difference of two images that explains most, in a line; nothing where they are the same. */
export function firstDifference(diff: ImagesDiff): string | undefined {
  if (diff.isEqual) return undefined;
  const pair = diff.images.find(({ isEqual }) => !isEqual);
  // What was built comes before what is said of it.
  const layers = OF_BUILD.flatMap((part) => pair?.layers.filter((one) => one.part === part) ?? []);
  const isOther = ({ a, b, note }: ChangedLayers) => a.length + b.length > 0 || note !== undefined;
  const sections = [
    ...layers.filter(isOther).map((one): Difference => {
      const { facts, below: blobs = [] } = layersWords(one);
      const files = one.files.map(fileWords);
      const below = files.length > 0 ? files : one.note === undefined ? blobs : undefined;
      return { what: layersName(one), facts, below };
    }),
    ...(pair ? sectionsOf({ ...pair, layers: layers.filter((one) => !isOther(one)) }) : []),
    ...differences({ ...diff, images: [] }),
  ];
  const words = pair?.platform ? [pair.platform] : [];
  let [next] = sections;
  while (next !== undefined) {
    words.push(next.what);
    const [below] = next.below ?? [];
    if (below === undefined) words.push(...valuesOf(next));
    next = below;
  }
  return words.join(": ");
}

const OF_BUILD: readonly ChangedLayers["part"][] = [
  "binary",
  "debugger",
  "kodata",
  "base",
  undefined,
];

function valuesOf({ a, b, facts = [] }: Difference): readonly string[] {
  const isTold = a !== undefined || b !== undefined;
  const text = (value: string | undefined): string =>
    value === undefined ? "nothing" : value || "there";
  const values = isTold ? [`${text(a)} -> ${text(b)}`] : [];
  return [...values, ...(facts.length > 0 ? [facts.join(", ")] : [])];
}

function sectionsOf({ manifest, config, layers }: ImagePair): readonly Difference[] {
  return [
    ...below("manifest", manifest.map((one) => changed(one, "the manifest"))),
    ...below("config", config.flatMap(configWords)),
    ...layers.map(layersWords),
  ];
}

function below(what: string, all: readonly Difference[]): readonly Difference[] {
  return all.length > 0 ? [{ what, below: all }] : [];
}

const LAYERS: Readonly<Record<NonNullable<ChangedLayers["part"]>, string>> = {
  base: "layers of the base image",
  kodata: "layer of kodata",
  debugger: "layer of the debugger",
  binary: "layer of the binary",
};

function layersName({ part }: ChangedLayers): string {
  return part === undefined ? "layers" : LAYERS[part];
}

function layersWords(layers: ChangedLayers): Difference {
  const { same, repacked, a, b, files, note } = layers;
  const facts = [
    ...(same > 0 ? [`${same} the same`] : []),
    ...(repacked.length > 0 ? [`${repacked.length} packed otherwise`] : []),
    ...(note === undefined ? [] : [note]),
  ];
  const told = ({ digest, size }: Descriptor) => `${digest} ${size} bytes`;
  const blobs = [
    ...a.map((one) => ({ what: told(one), a: "" })),
    ...b.map((one) => ({ what: told(one), b: "" })),
  ];
  return { what: layersName(layers), facts, below: [...blobs, ...files.map(fileWords)] };
}

function fileWords({ path, from, a, b, program }: ChangedFile): Difference {
  if (a === undefined || b === undefined) {
    const text = headWords(a ?? b ?? { kind: "" });
    return { what: path, ...(a ? { a: text } : { b: text }) };
  }
  const names = new Set([...Object.keys(a), ...Object.keys(b)] as (keyof LayerFile)[]);
  names.delete("digest");
  const facts = [...names].filter((name) => a[name] !== b[name])
    .map((name) => `${FACTS[name] ?? name} ${a[name] ?? "none"} -> ${b[name] ?? "none"}`);
  if (from !== undefined) facts.unshift(`was ${from}`);
  if (a.digest !== b.digest && a.size === b.size) facts.push("content");
  if (program?.length === 0) {
    facts.push("the same modules and settings: sources differ, or what go does not note of flags");
  }
  return { what: path, facts, below: program?.map(programWords) };
}

const FACTS: Partial<Record<keyof LayerFile, string>> = {
  modified: "time",
  target: "leads to",
};

/** A file that only one has. */
function headWords({ kind, size, mode, target }: LayerFile): string {
  const words = [kind, ...(mode ? [mode] : [])];
  if (target !== undefined) words.push(`to ${target}`);
  if (size !== undefined) words.push(`${size} bytes`);
  return words.join(" ");
}

function programWords({ path: [kind = "", name], ...change }: Change): Difference {
  const what = { modules: "module", settings: "setting", package: "main package" }[kind] ?? kind;
  return changed({ ...change, path: name === undefined ? [what] : [`${what} ${name}`] });
}

/** What members of a config are called that people set. */
const MEMBERS: Readonly<Record<string, string>> = {
  Cmd: "command",
  Entrypoint: "entrypoint",
  Env: "env",
  ExposedPorts: "port",
  Labels: "label",
  StopSignal: "stop signal",
  User: "user",
  Volumes: "volume",
  WorkingDir: "working directory",
};

function configWords(change: Change): readonly Difference[] {
  const { path: [first = "", second = "", ...rest], a, b } = change;
  if (first === "config" && second !== "") {
    const name = MEMBERS[second] ?? second;
    return [changed({ ...change, path: [name, ...rest] })];
  }
  if (first !== "history") return [changed(change, "the config")];
  if (second !== "") {
    return [changed({ ...change, path: ["history", `${Number(second) + 1}`, ...rest] })];
  }
  // Of histories that are not equally long, the steps that only one has.
  const steps = (all: unknown) => (Array.isArray(all) ? all : []).map((one) => JSON.stringify(one));
  const [x, y] = [steps(a), steps(b)];
  const only = (own: readonly string[], other: readonly string[]) => {
    const known = new Set(other);
    return own.filter((one) => !known.has(one)).map(cut);
  };
  const found = [
    ...only(x, y).map((one) => ({ what: "history", a: one })),
    ...only(y, x).map((one) => ({ what: "history", b: one })),
  ];
  const count = (all: readonly string[]) => `${all.length} steps`;
  return found.length > 0 ? found : [{ what: "history", a: count(x), b: count(y) }];
}

function changed(change: Change, document?: string): Difference {
  const { path } = change;
  if (path.join() === WRITTEN) {
    return { what: `${document} says the same, written otherwise` };
  }
  const [first, ...rest] = path;
  const what = first === "annotations" && rest.length > 0
    ? `annotation ${rest.join(".")}`
    : path.join(" ");
  return {
    what,
    ...("a" in change ? { a: valueText(change.a) } : {}),
    ...("b" in change ? { b: valueText(change.b) } : {}),
  };
}

function valueText(value: unknown): string {
  const isEmpty = typeof value === "object" && value !== null && Object.keys(value).length === 0;
  if (isEmpty && !Array.isArray(value)) return "";
  const isPlain = typeof value === "string" && /^\S(?:.*\S)?$/.test(value);
  return cut(isPlain ? value : JSON.stringify(value));
}

function cut(text: string): string {
  const { length } = text;
  return length <= MOST_SHOWN ? text : `${text.slice(0, MOST_SHOWN)}... (${length} characters)`;
}
