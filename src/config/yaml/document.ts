/**
 * YAML text to documents that know where each of their values stands. Values are plain: keys once
 * each, aliases and merge keys followed within bounds, and a key with nothing as its value counts as
 * absent, as Go's decoder has it.
 * @module
 */
import {
  type Alias,
  type Document,
  isAlias,
  isMap,
  isScalar,
  isSeq,
  type Node,
  type Pair,
  parseDocument,
  type Scalar,
  type YAMLMap,
} from "yaml";
import { undisturbed } from "../../undisturbed.ts";
import { composeYaml, explainYamlError, type YamlBounds, YamlFailure } from "./compose.ts";
import { type Fault, faultsError, type Path, Places, type Position } from "./faults.ts";
import { MAX_YAML_BYTES, readText } from "./read.ts";

/** What is asked of a file. */
interface YamlOptions {
  /** Whether it may hold several documents; default one. */
  readonly documents?: "one" | "many" | undefined;
  /** Most bytes it may have; default 2 MiB. */
  readonly maxBytes?: number | undefined;
  /** What errors call it; default its path. */
  readonly name?: string | undefined;
}

/** A file that was read. */
interface YamlFile {
  /** As the user named it. */
  readonly name: string;
  readonly text: string;
  /** What it holds, in its order; one that is empty where it holds nothing but comments. */
  readonly documents: readonly [YamlDocument, ...YamlDocument[]];
}

/** Which part of a key and its value is meant. */
type Part = "key" | "value";

/** One document of a file. */
export class YamlDocument {
  /** The file as the user named it. */
  readonly name: string;
  /** Maps, lists, text, numbers and booleans; undefined where the document is empty. */
  readonly value: unknown;
  readonly #places: Places;
  readonly #document: Document.Parsed;
  readonly #maps = new WeakMap<YAMLMap, ReadonlyMap<string, Pair>>();

  /** What aliases stand for. */
  readonly #targets: ReadonlyMap<Alias, Node>;

  /** Made by `parseYaml`. */
  constructor(name: string, places: Places, document: Document.Parsed, report: ReportFault) {
    const converter = new Converter(report);
    this.name = name;
    this.value = converter.value(document.contents);
    this.#targets = converter.targets;
    this.#places = places;
    this.#document = document;
  }

  /**
   * Where a value stands, or its key; where there is none, the nearest place above it.
   *
   * @param path keys and indexes from the root
   * @param part the value, or the key it belongs to
   */
  position(path: Path, part: Part = "value"): Position {
    return this.#places.of(this.#find(path, part).offset);
  }

  /** The text of a scalar as it is written in the file, such as `1.10`; only of plain ones. */
  plainText(path: Path): string | undefined {
    const { node, whole } = this.#find(path, "value");
    if (!whole || !isScalar(node) || node.type !== "PLAIN" || node.value === null) return undefined;
    return node.source;
  }

  /** A fault at a value or key of this document. */
  fault(path: Path, message: string, part: Part = "value"): Fault {
    return { file: this.name, ...this.position(path, part), message };
  }

  #find(path: Path, part: Part): { offset: number; node: unknown; whole: boolean } {
    let node = this.#follow(this.#document.contents);
    let offset = node?.range?.[0] ?? this.#document.range[0];
    for (const [depth, step] of path.entries()) {
      const [key, value] = this.#step(node, step);
      if (key === undefined && value === undefined) return { offset, node, whole: false };
      const wanted = part === "key" && depth === path.length - 1 ? key ?? value : value ?? key;
      offset = wanted?.range?.[0] ?? key?.range?.[0] ?? offset;
      node = this.#follow(value);
    }
    return { offset, node, whole: true };
  }

  /** The nodes of a key and its value; an item of a list has no key. */
  #step(node: unknown, step: string | number): readonly (Node | undefined)[] {
    if (isSeq(node)) return [undefined, node.items[Number(step)] as Node | undefined];
    const pair = isMap(node) ? this.#pairs(node).get(String(step)) : undefined;
    if (pair === undefined) return [];
    return [pair.key as Node, (pair.value ?? undefined) as Node | undefined];
  }

  /** The pairs of a map by their keys: its own, then those it merges, the first of each key. */
  #pairs(node: YAMLMap): ReadonlyMap<string, Pair> {
    const known = this.#maps.get(node);
    if (known !== undefined) return known;
    const pairs = new Map<string, Pair>();
    const add = (name: string | undefined, pair: Pair): void => {
      if (name !== undefined && !pairs.has(name)) pairs.set(name, pair);
    };
    for (const pair of node.items) add(keyText(pair.key), pair);
    for (const merge of node.items.filter(isMerge)) {
      const value = this.#follow(merge.value);
      for (const one of isSeq(value) ? value.items : [value]) {
        const map = this.#follow(one);
        if (isMap(map)) { for (const [name, pair] of this.#pairs(map)) add(name, pair); }
      }
    }
    this.#maps.set(node, pairs);
    return pairs;
  }

  #follow(node: unknown): Node | undefined {
    return isAlias(node) ? this.#targets.get(node) : (node ?? undefined) as Node | undefined;
  }
}

/**
 * Reads a YAML file.
 *
 * @throws {KodenoError} `BAD_CONFIG`: not there, too large (without reading it whole), not UTF-8, or
 *   not YAML; all faults of the text at once, a line each
 *
 * @example
 * ```ts
 * import { parseYaml } from "./document.ts";
 * const [document] = parseYaml("a:\n  - b: 1\n", "x.yaml").documents;
 * const { line, column } = document.position(["a", 0, "b"]);
 * if (line !== 2 || column !== 8) throw new Error(`${line}:${column}`);
 * ```
 */
export async function readYaml(path: string, options: YamlOptions = {}): Promise<YamlFile> {
  const name = options.name ?? path;
  return parseYaml(await readText(path, name, options.maxBytes ?? MAX_YAML_BYTES), name, options);
}

/**
 * Parses YAML 1.2 (with the merge keys of 1.1, which Go's parser reads, too).
 *
 * @param name what errors call the file
 * @throws {KodenoError} `BAD_CONFIG` with all faults of the text, a line each
 */
export function parseYaml(text: string, name: string, options: YamlOptions = {}): YamlFile {
  return undisturbed(() => parseNow(text, name, options));
}

function parseNow(text: string, name: string, options: YamlOptions): YamlFile {
  const faults: Fault[] = [];
  const places = new Places(text);
  const report: ReportFault = (offset, message) => {
    faults.push({ file: name, ...places.of(offset), message });
  };
  let parsed: readonly Document.Parsed[] = [];
  try {
    parsed = [...composeYaml(text, BOUNDS)];
  } catch (error) {
    if (!(error instanceof YamlFailure)) throw error;
    report(error.offset, error.message);
  }
  for (const error of parsed.flatMap(({ errors }) => errors)) {
    const { offset, message } = explainYamlError(error, text);
    report(offset, message);
  }
  if (faults.length > 0) throw faultsError(firstOfEachLine(faults));
  const [, second] = parsed;
  if (second !== undefined && options.documents !== "many") {
    report(second.range[0], `found ${parsed.length} documents; one is allowed: take the "---" out`);
  }
  const [first, ...others] = parsed.map((document) =>
    new YamlDocument(name, places, document, report)
  );
  if (faults.length > 0) throw faultsError(faults);
  const empty = (): YamlDocument => new YamlDocument(name, places, parseDocument(""), report);
  return { name, text, documents: [first ?? empty(), ...others] };
}

/** Some 25,000 lines of keys and values have as many pieces; each document is checked by itself. */
const BOUNDS: YamlBounds = {
  pieces: 180_000,
  documents: 1000,
  lines: 100_000,
  advice: "a configuration is not that long",
};

/** What follows on a line is mostly a consequence of its first fault. */
function firstOfEachLine(faults: readonly Fault[]): readonly Fault[] {
  const lines = new Map<number, Fault>();
  for (const fault of faults) if (!lines.has(fault.line)) lines.set(fault.line, fault);
  return [...lines.values()];
}

/** Gets each fault with its offset in the text. */
type ReportFault = (offset: number, message: string) => void;

/** Most values that aliases may add to a document; a bomb adds billions. */
const MAX_ALIASED_VALUES = 100_000;

interface Anchored {
  readonly node: Node;
  readonly value?: unknown;
  /** Values in it, itself included; none as long as it is being made, when an alias would hold itself. */
  readonly size?: number;
}

type Values = Record<string, unknown>;

/** The text of a key, or undefined where it is no text. */
export function keyText(key: unknown): string | undefined {
  if (!isScalar(key)) return undefined;
  return typeof key.value === "string" ? key.value : key.source ?? String(key.value);
}

/** Whether a pair takes over the keys of another map. */
function isMerge({ key }: Pair): boolean {
  return isScalar(key) && key.value === "<<" && key.type === "PLAIN";
}

/** Makes plain values of nodes; what cannot be used is reported and left out. */
class Converter {
  readonly targets = new Map<Alias, Node>();
  readonly #report: ReportFault;
  readonly #anchors = new Map<string, Anchored>();
  #count = 0;
  #aliased = 0;

  constructor(report: ReportFault) {
    this.#report = report;
  }

  value(node: unknown): unknown {
    if (isAlias(node)) return this.#alias(node);
    this.#count++;
    if (isScalar(node)) return this.#scalar(node);
    if (!isMap(node) && !isSeq(node)) return undefined;
    const { anchor } = node;
    const before = this.#count;
    if (anchor !== undefined) this.#anchors.set(anchor, { node });
    const value = isMap(node) ? this.#map(node) : node.items.map((item) => this.value(item));
    if (anchor !== undefined) {
      this.#anchors.set(anchor, { node, value, size: this.#count - before + 1 });
    }
    return value;
  }

  #scalar(node: Scalar): unknown {
    const value = node.value ?? undefined;
    if (node.anchor !== undefined) this.#anchors.set(node.anchor, { node, value, size: 1 });
    return value;
  }

  #alias(node: Alias): unknown {
    const at = node.range?.[0] ?? 0;
    const target = this.#anchors.get(node.source);
    if (target?.size === undefined) {
      const why = target !== undefined
        ? "which stands for a value that it is in itself"
        : `but nothing before it is called &${node.source}`;
      this.#report(at, `found alias *${node.source}, ${why}`);
      return undefined;
    }
    this.targets.set(node, target.node);
    const within = this.#aliased <= MAX_ALIASED_VALUES;
    this.#aliased += target.size;
    this.#count += target.size;
    if (this.#aliased <= MAX_ALIASED_VALUES) return target.value;
    if (within) {
      const most = `at most ${MAX_ALIASED_VALUES} are allowed`;
      this.#report(at, `found aliases that stand for ${this.#aliased} values; ${most}`);
    }
    return undefined;
  }

  #map(node: YAMLMap): Values {
    const own: Values = {};
    const merged: Values = {};
    const seen = new Set<string>();
    for (const pair of node.items) {
      const { key, value } = pair;
      const at = offsetOf(key) ?? offsetOf(value) ?? node.range?.[0] ?? 0;
      const name = keyText(key);
      if (name === undefined) {
        this.#report(
          at,
          `found ${isAlias(key) ? "an alias" : "no text"} as a key; text is allowed`,
        );
        this.value(value);
        continue;
      }
      if (seen.has(name)) {
        this.#report(at, `found key ${JSON.stringify(name)} a second time; once is allowed`);
      }
      seen.add(name);
      if (isScalar(key)) this.#scalar(key);
      const plain = this.value(value);
      if (isMerge(pair)) this.#merge(merged, plain, at);
      else if (plain !== undefined) set(own, name, plain);
    }
    for (const [name, value] of Object.entries(merged)) {
      if (!seen.has(name)) set(own, name, value);
    }
    return own;
  }

  /** Of several maps the first one that has a key gives its value. */
  #merge(into: Values, plain: unknown, at: number): void {
    for (const one of Array.isArray(plain) ? plain : [plain]) {
      if (one === null || typeof one !== "object" || Array.isArray(one)) {
        this.#report(
          at,
          'found "<<" with something that is no map; a map or a list of maps is allowed',
        );
        continue;
      }
      for (const [name, value] of Object.entries(one)) {
        if (!Object.hasOwn(into, name)) set(into, name, value);
      }
    }
  }
}

function offsetOf(node: unknown): number | undefined {
  const known = isScalar(node) || isMap(node) || isSeq(node) || isAlias(node);
  return known ? node.range?.[0] : undefined;
}

/** Sets a key, also one called `__proto__`, which would be lost otherwise. */
function set(values: Values, name: string, value: unknown): void {
  if (name !== "__proto__") values[name] = value;
  else {
    Object.defineProperty(values, name, {
      value,
      enumerable: true,
      configurable: true,
      writable: true,
    });
  }
}
