/**
 * YAML text to documents that know where each of their values stands.
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
  visit,
  type YAMLMap,
} from "yaml";
import { undisturbed } from "../../undisturbed.ts";
import { composeYaml, explainYamlError, type YamlBounds, YamlFailure } from "./compose.ts";
import { type Fault, faultsError, type Path, Places, type Position } from "./faults.ts";
import { isMerge, keyText, plainValue, type ReportFault } from "./plain.ts";
import { MAX_YAML_BYTES, readText } from "./read.ts";

/** What is asked of a file. */
export interface YamlOptions {
  /** Whether it may hold several documents; default one. */
  readonly documents?: "one" | "many" | undefined;
  /** Most bytes it may have; default 2 MiB. */
  readonly maxBytes?: number | undefined;
  /** What errors call it; default its path. */
  readonly name?: string | undefined;
}

/** A file that was read. */
export interface YamlFile {
  /** As the user named it. */
  readonly name: string;
  readonly text: string;
  /** What it holds, in its order; one that is empty where it holds nothing but comments. */
  readonly documents: readonly [YamlDocument, ...YamlDocument[]];
}

/** Which part of a key and its value is meant. */
export type Part = "key" | "value";

/** One document of a file. */
export class YamlDocument {
  /** The file as the user named it. */
  readonly name: string;
  /** Maps, lists, text, numbers and booleans; undefined where the document is empty. */
  readonly value: unknown;
  readonly #places: Places;
  readonly #document: Document.Parsed;
  readonly #maps = new WeakMap<YAMLMap, ReadonlyMap<string, Pair>>();

  #targets: ReadonlyMap<Alias, Node> | undefined;

  /** Made by `parseYaml`. */
  constructor(name: string, places: Places, document: Document.Parsed, value: unknown) {
    this.name = name;
    this.value = value;
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
    if (!isAlias(node)) return (node ?? undefined) as Node | undefined;
    return (this.#targets ??= aliasTargets(this.#document)).get(node);
  }
}

/** What each alias of a document stands for: the last node before it that has the name. */
function aliasTargets(document: Document.Parsed): ReadonlyMap<Alias, Node> {
  const anchors = new Map<string, Node>();
  const targets = new Map<Alias, Node>();
  visit(document, {
    Value: (_, node) => {
      if (node.anchor) anchors.set(node.anchor, node);
    },
    Alias: (_, node) => {
      const target = anchors.get(node.source);
      if (target !== undefined) targets.set(node, target);
    },
  });
  return targets;
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
    new YamlDocument(name, places, document, plainValue(document.contents, report))
  );
  if (faults.length > 0) throw faultsError(faults);
  const empty = (): YamlDocument => new YamlDocument(name, places, parseDocument(""), undefined);
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
