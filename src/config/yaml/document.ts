/**
 * YAML text to documents that know where each of their values stands. Values are plain: keys once
 * each, aliases and merge keys followed within bounds, and a key with nothing as its value counts as
 * absent, as Go's decoder has it. The library is fed piece by piece: what is too much for it is noticed
 * while it is read, since a node of its trees takes some hundred times the memory of its text.
 * @module
 */
import {
  type Alias,
  Composer,
  type Document,
  isAlias,
  isMap,
  isScalar,
  isSeq,
  Lexer,
  type Node,
  type Pair,
  parseDocument,
  Parser,
  type Scalar,
  type YAMLError,
  type YAMLMap,
} from "../../npm/yaml.ts";
import { isObject } from "../../oci/manifest.ts";
import { uninterruptible } from "../../signals.ts";
import { readText } from "../text.ts";
import {
  type Fault,
  faultsError,
  formatFault,
  type Path,
  Places,
  type Position,
} from "./faults.ts";

interface YamlOptions {
  /** Whether a file may hold several documents; default one. */
  readonly many?: boolean | undefined;
  /** Where one is allowed: takes a line for those behind it, which are not looked at then. */
  readonly note?: ((line: string) => void) | undefined;
  /** What errors call it; default its path. */
  readonly name?: string | undefined;
}

/** What a text holds, in its order; one that is empty where it holds nothing but comments. */
export type YamlDocuments = readonly [YamlDocument, ...YamlDocument[]];

type Part = "key" | "value";
/** Gets each fault with its offset in the text. */
type ReportFault = (offset: number, message: string) => void;
type Values = Record<string, unknown>;

/** Most bytes of a file; those of people have some thousand. */
const MAX_YAML_BYTES = 2 * 1024 * 1024;
/** Most values that aliases may add to a document; a bomb adds billions. */
const MAX_ALIASED_VALUES = 100_000;

interface Anchored {
  readonly node: Node;
  readonly value?: unknown;
  /** Values in it, itself included; none as long as it is being made, when an alias would hold itself. */
  readonly size?: number;
  /** Lists and maps in each other, itself included. */
  readonly height?: number;
}

/** One document of a file. */
export class YamlDocument {
  /** Maps, lists, text, numbers and booleans; undefined where the document is empty. */
  readonly value: unknown;
  readonly #places: Places;
  readonly #document: Document.Parsed;
  readonly #report: ReportFault;
  /** The nodes in each list, and the pairs of each map by their keys, also of those it merges. */
  readonly #inner = new WeakMap<object, readonly unknown[] | ReadonlyMap<string, Pair>>();
  /** What aliases stand for. */
  readonly #targets = new Map<Alias, Node>();
  readonly #anchors = new Map<string, Anchored>();
  /** Values so far, and those of them that aliases stand for. */
  #count = 0;
  #aliased = 0;
  /** Lists and maps around what is being made, and the most of them that were in each other. */
  #level = 0;
  #deepest = 0;

  /** Made by `parseYaml`, of a file as the user named it; what cannot be used is reported and left out. */
  constructor(
    readonly name: string,
    places: Places,
    document: Document.Parsed,
    report: ReportFault,
  ) {
    this.#places = places;
    this.#document = document;
    this.#report = report;
    this.value = this.#plain(document.contents);
  }

  /** Where a value stands, or its key; where there is none, the nearest place above it. */
  position(path: Path, part: Part = "value"): Position {
    return this.#places.of(this.#find(path, part).offset);
  }

  /** The text of a scalar as it is written in the file, such as `1.10`; only of plain ones. */
  plainText(path: Path): string | undefined {
    const { node: found } = this.#find(path, "value");
    const node = isAlias(found) ? this.#targets.get(found) : found;
    if (!isScalar(node) || node.type !== "PLAIN" || node.value === null) return undefined;
    return node.source;
  }

  /** A fault at a value or key of this document. */
  fault(path: Path, message: string, part: Part = "value"): Fault {
    return { file: this.name, ...this.position(path, part), message };
  }

  /** The node at a path, where there is one, and where what is nearest to it stands. */
  #find(path: Path, part: Part): { readonly offset: number; readonly node: unknown } {
    let [node, value]: unknown[] = [this.#document.contents, this.value];
    let offset = offsetOf(node) ?? this.#document.range[0];
    for (const [depth, step] of path.entries()) {
      const inner = this.#inner.get(Object(value));
      const pair = inner instanceof Map ? inner.get(String(step)) : undefined;
      node = inner instanceof Map ? pair?.value : Reflect.get(inner ?? [], step);
      const isKey = part === "key" && depth === path.length - 1;
      const [first, second] = isKey ? [pair?.key, node] : [node, pair?.key];
      const found = offsetOf(first) ?? offsetOf(second);
      if (found === undefined) return { offset, node: undefined };
      offset = found;
      value = Reflect.get(Object(value), step);
    }
    return { offset, node };
  }

  #plain(node: unknown): unknown {
    if (isAlias(node)) return this.#alias(node);
    this.#count++;
    if (isScalar(node)) return this.#scalar(node);
    if (!isMap(node) && !isSeq(node)) return undefined;
    const { anchor } = node;
    const [count, deepest] = [this.#count, this.#deepest];
    if (anchor !== undefined) this.#anchors.set(anchor, { node });
    this.#deepest = ++this.#level;
    const value = isMap(node) ? this.#map(node) : node.items.map((item) => this.#plain(item));
    if (isSeq(node)) this.#inner.set(value, node.items);
    const height = this.#deepest - --this.#level;
    if (anchor !== undefined) {
      this.#anchors.set(anchor, { node, value, size: this.#count - count + 1, height });
    }
    this.#deepest = Math.max(deepest, this.#deepest);
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
    this.#targets.set(node, target.node);
    const depth = this.#level + (target.height ?? 0);
    this.#deepest = Math.max(this.#deepest, depth);
    if (depth > MAX_DEPTH) {
      this.#report(at, TOO_DEEP);
      return undefined;
    }
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
    const pairs = new Map<string, Pair>();
    this.#inner.set(own, pairs);
    const merged: object[] = [];
    for (const pair of node.items) {
      const { key, value } = pair;
      const at = offsetOf(key) ?? offsetOf(value) ?? node.range?.[0] ?? 0;
      const name = keyText(key);
      if (name === undefined) {
        const found = isAlias(key) ? "an alias" : "no text";
        this.#report(at, `found ${found} as a key; text is allowed`);
        this.#plain(value);
        continue;
      }
      if (pairs.has(name)) {
        this.#report(at, `found key ${JSON.stringify(name)} a second time; once is allowed`);
      }
      pairs.set(name, pair);
      if (isScalar(key)) this.#scalar(key);
      const plain = this.#plain(value);
      const isMerge = isScalar(key) && key.value === "<<" && key.type === "PLAIN";
      if (isMerge) merged.push(...this.#mergedMaps(plain, at));
      else if (plain !== undefined) set(own, name, plain);
    }
    // Its own keys beat those it merges; of several maps the first one that has a key gives its value.
    for (const one of merged) {
      const inner = this.#inner.get(one);
      for (const [name, value] of Object.entries(one)) {
        if (pairs.has(name)) continue;
        set(own, name, value);
        const pair = inner instanceof Map ? inner.get(name) : undefined;
        if (pair !== undefined) pairs.set(name, pair);
      }
    }
    return own;
  }

  #mergedMaps(plain: unknown, at: number): readonly object[] {
    return [plain].flat().filter((one): one is object => {
      if (isObject(one)) return true;
      const allowed = "a map or a list of maps is allowed";
      this.#report(at, `found "<<" with something that is no map; ${allowed}`);
      return false;
    });
  }
}

/** The text of a key, or undefined where it is no text. */
export function keyText(key: unknown): string | undefined {
  if (!isScalar(key)) return undefined;
  return typeof key.value === "string" ? key.value : key.source ?? String(key.value);
}

function offsetOf(node: unknown): number | undefined {
  const known = isScalar(node) || isMap(node) || isSeq(node) || isAlias(node);
  return known ? node.range?.[0] : undefined;
}

/** Sets a key, also one called `__proto__`, which would be lost otherwise. */
function set(values: Values, name: string, value: unknown): void {
  const own = { value, enumerable: true, configurable: true, writable: true };
  if (name === "__proto__") Object.defineProperty(values, name, own);
  else values[name] = value;
}

/** Reads a file, at most `MAX_YAML_BYTES` of it; throws as `readText` and `parseYaml` do. */
export async function readYaml(path: string, options: YamlOptions = {}): Promise<YamlDocuments> {
  const name = options.name ?? path;
  return parseYaml(await readText(path, name, MAX_YAML_BYTES), name, options);
}

/**
 * Parses YAML 1.2 (with the merge keys of 1.1, which Go's parser reads, too); throws `BAD_CONFIG` with
 * all faults of the text, a line each.
 */
export function parseYaml(text: string, name: string, options: YamlOptions = {}): YamlDocuments {
  return uninterruptible(() => parseNow(text, name, options));
}

function parseNow(text: string, name: string, options: YamlOptions): YamlDocuments {
  const faults: Fault[] = [];
  const places = new Places(text);
  const report: ReportFault = (offset, message) => {
    faults.push({ file: name, ...places.of(offset), message });
  };
  const { many, note } = options;
  const parsed: Document.Parsed[] = [];
  let end = text.length;
  try {
    for (const document of composeYaml(text, BOUNDS)) {
      if (note !== undefined && !many && parsed.length === 1) {
        end = document.range[0] - 1;
        const message = "found another document; it is not read, the first one counts";
        note(formatFault({ file: name, ...places.of(end + 1), message }));
        break;
      }
      parsed.push(document);
    }
  } catch (error) {
    if (!(error instanceof YamlFailure)) throw error;
    report(error.offset, error.message);
  }
  // Some of what is wrong behind a document is told of it.
  const errors = parsed.flatMap((one) => one.errors).filter(({ pos: [at] }) => at <= end);
  for (const { offset, message } of explainYamlErrors(errors, text)) report(offset, message);
  // What follows on a line is mostly a consequence of its first fault.
  const lines = Map.groupBy(faults, ({ line }) => line);
  if (faults.length > 0) throw faultsError([...lines.values()].flatMap(([first]) => first ?? []));
  const [, second] = parsed;
  if (second !== undefined && !many) {
    report(second.range[0], `found ${parsed.length} documents; one is allowed: take the "---" out`);
  }
  const [first, ...others] = parsed.map((document) =>
    new YamlDocument(name, places, document, report)
  );
  if (faults.length > 0) throw faultsError(faults);
  const one = first ?? new YamlDocument(name, places, parseDocument(""), report);
  return [one, ...others];
}

/** Some 25,000 lines of keys and values have as many pieces; each document is checked by itself. */
const BOUNDS: YamlBounds = {
  pieces: 180_000,
  documents: 1000,
  lines: 100_000,
  advice: "a configuration is not that long",
};

/** How much of a text is read. */
export interface YamlBounds {
  /** Most pieces: keys, values, comments, line breaks and signs such as `-` each count as one. */
  readonly pieces: number;
  /** Most pieces of one document, where that is less: only one at a time is in memory. */
  readonly documentPieces?: number;
  readonly documents: number;
  /** Most lines: a text over many lines is put together from as many parts. */
  readonly lines: number;
  /** Ends the message about a text that has more. */
  readonly advice: string;
}

/** Where reading ended, as an offset in UTF-16 units, and why. */
export class YamlFailure extends Error {
  override readonly name = "YamlFailure";

  constructor(readonly offset: number, message: string) {
    super(message);
  }
}

/** After so many faults nobody wants to know the next one. */
const MAX_FAULTS = 1000;
/** Most lists and maps in each other, aliases followed; the library's recursion takes some 800. */
const MAX_DEPTH = 500;
const TOO_DEEP = "found lists or maps nested too deeply to read; say it with fewer levels";

/** Keys that are there twice are found by `YamlDocument`: the library takes a square of the time. */
const OPTIONS = { prettyErrors: false, uniqueKeys: false, logLevel: "silent" } as const;

/**
 * Parses a text, one document after the other; their errors are in them, and with `keepTokens` the
 * tokens that nodes are made of. Throws a `YamlFailure` for what is beyond the bounds.
 */
export function* composeYaml(
  text: string,
  bounds: YamlBounds,
  keepTokens = false,
): Generator<Document.Parsed> {
  const tooMuch = (offset: number, what: string) =>
    new YamlFailure(offset, `found over ${what}; ${bounds.advice}`);
  let lines = 0;
  for (let at = text.indexOf("\n"); at >= 0; at = text.indexOf("\n", at + 1)) {
    if (++lines > bounds.lines) throw tooMuch(at, `${bounds.lines} lines`);
  }
  const { pieces: most, documentPieces = most } = bounds;
  const parser = new Parser();
  const composer = new Composer({ ...OPTIONS, keepSourceTokens: keepTokens });
  let [pieces, before, documents, faults] = [0, 0, 0, 0];
  try {
    for (const piece of lenientLexer().lex(text)) {
      for (const token of parser.next(piece)) {
        if (token.type === "error") faults++;
        if (token.type === "document") before = pieces;
        for (const document of composer.next(token)) {
          if (++documents > bounds.documents) {
            throw tooMuch(parser.offset, `${bounds.documents} documents`);
          }
          yield document;
        }
      }
      if (faults > MAX_FAULTS) break;
      if (parser.stack.length > MAX_DEPTH) throw new YamlFailure(parser.offset, TOO_DEEP);
      if (++pieces > most || pieces - before > documentPieces) {
        const limit = pieces > most ? most : documentPieces;
        throw tooMuch(parser.offset, `${limit} keys, values, comments and lines`);
      }
    }
    for (const token of parser.end()) yield* composer.next(token);
    yield* composer.end();
  } catch (error) {
    if (error instanceof RangeError) throw new YamlFailure(parser.offset, TOO_DEEP);
    throw error;
  }
}

/**
 * Lines within brackets and quotes may begin anywhere, as for Go's parser: files of people have such
 * lines. The library wants them farther in than the key they belong to, and has no option for that.
 */
function lenientLexer(): Lexer {
  const lexer = new Lexer();
  for (const name of ["parseFlowCollection", "parseQuotedScalar"]) {
    const parse: () => Generator<string, unknown> = Reflect.get(lexer, name);
    Reflect.set(lexer, name, function* () {
      const indent: unknown = Reflect.get(lexer, "indentNext");
      Reflect.set(lexer, "indentNext", 0);
      const next = yield* parse.call(lexer);
      Reflect.set(lexer, "indentNext", indent);
      return next;
    });
  }
  return lexer;
}

/** What the library's codes mean to a person. */
const MEANINGS: Readonly<Record<string, string>> = {
  TAB_AS_INDENT: "found a tab as indentation; spaces are allowed",
  BAD_INDENT: "found text that is not indented as the lines around it; indent it as they are",
  BLOCK_AS_IMPLICIT_KEY: "found a key in a place of a value; " +
    "give it a line of its own, as far in as its neighbours, or put quotes around the value",
};

/**
 * Errors of the library as a person understands them, and where their causes stand, the first one first:
 * what stands in a bracket or quotes that are never closed is none of its own. Only so many of the others
 * are looked at: one line may have more than anybody reads.
 */
export function explainYamlErrors(
  errors: readonly YAMLError[],
  text: string,
  most = Infinity,
): readonly YamlFailure[] {
  const isOpen = ({ message }: YAMLError) => /^(?:Flow .* end with|Missing closing)/.test(message);
  const ends = errors.filter(isOpen).map(({ pos: [at] }) => at);
  const opened = ends.length > 0 ? leftOpen(text, new Set(ends)) : undefined;
  const explained = errors.slice(0, most).map((error) => explainYamlError(error, text));
  return [...explained, ...opened ? [opened] : []]
    .filter((one) => opened === undefined || one === opened || one.offset < opened.offset)
    .sort((a, b) => a.offset - b.offset);
}

const CLOSING: Readonly<Record<string, string>> = { "[": "]", "{": "}" };

/** The first bracket or quote that is not closed, where what it begins ends at one of some offsets. */
function leftOpen(text: string, ends: ReadonlySet<number>): YamlFailure | undefined {
  const failure = (offset: number, sign: string, closing = CLOSING[sign]) =>
    new YamlFailure(offset, `found ${sign} that is never closed; put ${closing} where it ends`);
  const open: { readonly at: number; readonly sign: string }[] = [];
  let at = 0;
  for (const piece of lenientLexer().lex(text)) {
    // The lexer's own signs are not in the text; one of them is for a bracket that stays open.
    const isOwn = ["\x02", "\x18", "\x1f"].includes(piece);
    if (isOwn && piece !== "\x18") continue;
    const isEnd = isOwn || piece === "]" || piece === "}";
    if (isEnd && CLOSING[open.at(-1)?.sign ?? ""] !== piece && ends.has(at)) break;
    if (isEnd) open.pop();
    if (CLOSING[piece] !== undefined) open.push({ at, sign: piece });
    const [quote] = /^["']/.exec(piece) ?? [];
    if (quote && ends.has(at + piece.length)) return failure(at, quote, quote);
    if (!isOwn) at += piece.length;
  }
  const [first] = open;
  return first && failure(first.at, first.sign);
}

/** An error of the library as a person understands it, and where its cause stands. */
function explainYamlError({ code, message, pos: [at] }: YAMLError, text: string) {
  // The library names some tabs by what they break.
  const start = text.lastIndexOf("\n", at - 1) + 1;
  const indent = /^[ \t]*/.exec(text.slice(start, start + 200))?.[0] ?? "";
  const tab = indent.indexOf("\t");
  if (tab >= 0) return new YamlFailure(start + tab, MEANINGS["TAB_AS_INDENT"] ?? message);
  if (message.startsWith("Maximum call stack")) return new YamlFailure(at, TOO_DEEP);
  const [first = message] = message.split("\n");
  const plain = `found YAML that does not parse: ${first.charAt(0).toLowerCase()}${first.slice(1)}`;
  // The library says "indented" of brackets that are not closed, too.
  return new YamlFailure(at, first.startsWith("Flow ") ? plain : MEANINGS[code] ?? plain);
}
