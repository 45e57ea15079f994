/**
 * Documents against zod schemas: every fault of a document with its place, what was found there and
 * what is allowed. Keys that a `z.looseObject` does not know are only notes.
 * @module
 */
import { didYouMean } from "../../errors.ts";
import { z } from "zod";
import { undisturbed } from "../../undisturbed.ts";
import type { YamlDocument } from "./document.ts";
import { type Fault, faultsError, formatFault, formatPath, type Path } from "./faults.ts";

/** A document that fits its schema. */
interface Checked<T> {
  readonly value: T;
  /** A line each for keys of other tools' objects that nobody knows. */
  readonly notes: readonly string[];
}

/** What a check found. */
type Outcome<T> =
  | { readonly ok: true } & Checked<T>
  | { readonly ok: false; readonly faults: readonly Fault[] };

/**
 * Checks a document; an empty one is an empty map. As in Go, a number or a boolean stands for the
 * text it is written as where text is wanted, and `yes`, `on`, `no` and `off` stand for booleans.
 *
 * @throws {KodenoError} `BAD_CONFIG` with a line for every fault:
 *   `FILE:LINE:COLUMN: path.to[0].field: found X; Y is allowed; did you mean "Z"?`
 *
 * @example
 * ```ts
 * import { z } from "zod";
 * import { parseYaml } from "./document.ts";
 * import { checkYaml } from "./check.ts";
 * const schema = z.strictObject({ version: z.string(), flags: z.array(z.string()).optional() });
 * const [document] = parseYaml("version: 1.10\n", "x.yaml");
 * const { value } = checkYaml(document, schema);
 * if (value.version !== "1.10") throw new Error();
 * ```
 */
export function checkYaml<S extends z.ZodType>(
  document: YamlDocument,
  schema: S,
): Checked<z.output<S>> {
  const outcome = tryYaml(document, schema);
  if (!outcome.ok) throw faultsError(outcome.faults);
  return outcome;
}

/**
 * As `checkYaml`, for a caller who has more faults to tell of.
 *
 * @param skip finds keys of the root that are for nobody, such as those that only hold anchors
 */
export function tryYaml<S extends z.ZodType>(
  document: YamlDocument,
  schema: S,
  skip: (key: string) => boolean = () => false,
): Outcome<z.output<S>> {
  return undisturbed(() => tryNow(document, schema, skip));
}

function tryNow<S extends z.ZodType>(
  document: YamlDocument,
  schema: S,
  skip: (key: string) => boolean,
): Outcome<z.output<S>> {
  const locate = ({ at, message, part }: Said): Fault => document.fault(at, message, part);
  let value: unknown = without(document.value ?? {}, skip);
  let result = schema.safeParse(value);
  if (!result.success) {
    const coerced = coerce(document, value, result.error.issues);
    if (coerced !== undefined) result = schema.safeParse(value = coerced);
  }
  if (!result.success) {
    const found = explainIssues(result.error.issues, value, schema);
    return { ok: false, faults: found.map(locate) };
  }
  const lost = pathsOf(value, "__proto__").map((at) =>
    keyOf(at, 'found key "__proto__", which no field and no label can have; use another name')
  );
  // Maps of texts lose it without a word.
  if (lost.length > 0) return { ok: false, faults: lost.map(locate) };
  const notes = foreignKeys(schema, value).map((at) => {
    const name = String(at.at(-1));
    const hint = didYouMean(name, keysAt(schema, at.slice(0, -1)));
    return formatFault(
      locate(keyOf(at, `found unknown field ${quote(name)}; it is not read${hint}`)),
    );
  });
  return { ok: true, value: result.data, notes };
}

function without(value: unknown, skip: (key: string) => boolean): unknown {
  if (value === null || typeof value !== "object" || Array.isArray(value)) return value;
  return Object.fromEntries(Object.entries(value).filter(([key]) => !skip(key)));
}

type Issue = z.core.$ZodIssue;

/** A message that names the path it is about, and the path it is shown at. */
interface Said {
  readonly at: Path;
  readonly part: "key" | "value";
  readonly message: string;
}

/** What a schema found wrong with a value, in words. */
export function explainIssues(
  issues: readonly Issue[],
  root: unknown,
  schema: z.ZodType,
  above: Path = [],
): readonly Said[] {
  return issues.flatMap((issue) => explain(issue, above, root, schema));
}

function about(path: Path, message: string): string {
  return path.length === 0 ? message : `${formatPath(path)}: ${message}`;
}

/** Says something of a key, which the map it is in is named by. */
function keyOf(at: Path, message: string): Said {
  return { at, part: "key", message: about(at.slice(0, -1), message) };
}

const YES = ["y", "Y", "yes", "Yes", "YES", "on", "On", "ON"];
const NO = ["n", "N", "no", "No", "NO", "off", "Off", "OFF"];

/** A copy with scalars as the schema wants them, or undefined where there are none to change. */
function coerce(document: YamlDocument, value: unknown, issues: readonly Issue[]): unknown {
  const changes: (readonly [Path, unknown])[] = [];
  for (const { code, path: keys, ...issue } of issues) {
    if (code !== "invalid_type" || !("expected" in issue)) continue;
    const path = stepsOf(keys);
    const written = document.plainText(path);
    if (written === undefined) continue;
    if (issue.expected === "string") changes.push([path, written]);
    if (issue.expected !== "boolean") continue;
    if (YES.includes(written)) changes.push([path, true]);
    if (NO.includes(written)) changes.push([path, false]);
  }
  // Aliases share their values, so only a copy may be changed.
  return changes.length === 0 ? undefined : replaceAll(value, changes);
}

function stepsOf(path: readonly PropertyKey[]): Path {
  return path.map((step) => typeof step === "symbol" ? String(step) : step);
}

/** What stands at a path; undefined where nothing does. */
export function valueAt(value: unknown, path: Path): unknown {
  let found = value;
  for (const step of path) {
    if (found === null || typeof found !== "object" || !Object.hasOwn(found, step)) {
      return undefined;
    }
    found = (found as Readonly<Record<string | number, unknown>>)[step];
  }
  return found;
}

function explain(issue: Issue, above: Path, root: unknown, schema: z.ZodType): readonly Said[] {
  const path = [...above, ...stepsOf(issue.path)];
  const value = valueAt(root, path);
  const say = (allowed: string): readonly Said[] => {
    const message = about(path, `found ${describe(value)}; ${allowed}`);
    return [{ at: path, part: "value", message }];
  };
  switch (issue.code) {
    case "unrecognized_keys": {
      const known = keysAt(schema, path);
      const allowed = `allowed are ${known.join(", ")}`;
      return issue.keys.map((key) => {
        const hint = didYouMean(key, known);
        return keyOf([...path, key], `found unknown field ${quote(key)}; ${allowed}${hint}`);
      });
    }
    case "invalid_union": {
      const branches = issue.errors.map((one) => explainIssues(one, root, schema, path));
      // The branch that got deepest is what was meant; at the same depth all are named.
      const depth = (said: readonly Said[]): number => Math.max(...said.map((s) => s.at.length));
      const deepest = Math.max(...branches.map(depth));
      const best = branches.find((said) => depth(said) === deepest && deepest > path.length);
      if (best !== undefined) return best;
      return say(`${wordsOf(issue.errors.flat().map(wordOf))} is allowed`);
    }
    case "invalid_type":
      return say(`${wordOf(issue)} is ${value === undefined ? "needed" : "allowed"}`);
    case "invalid_value": {
      const words = issue.values.map(quote);
      const hint = typeof value === "string" ? didYouMean(value, issue.values.map(String)) : "";
      return say(`${wordsOf(words)} is allowed${hint}`);
    }
    case "too_small":
      return say(`at least ${issue.minimum}${unitOf(issue.origin, issue.minimum)} is needed`);
    case "too_big":
      return say(`at most ${issue.maximum}${unitOf(issue.origin, issue.maximum)} is allowed`);
    default:
      // The schema's own words, which say what is allowed.
      return say(issue.message);
  }
}

const TYPE_WORDS: Readonly<Record<string, string>> = {
  string: "text",
  array: "a list",
  object: "a map",
  record: "a map",
  boolean: "true or false",
  number: "a number",
  int: "a whole number",
};

function wordOf(issue: Issue): string {
  if (issue.code === "invalid_value") return wordsOf(issue.values.map(quote));
  return issue.code === "invalid_type" ? TYPE_WORDS[issue.expected] ?? issue.expected : "another";
}

function unitOf(origin: string, count: number | bigint): string {
  const isOne = Number(count) === 1;
  if (origin === "string") return isOne ? " character" : " characters";
  return origin === "array" ? isOne ? " entry" : " entries" : "";
}

/** `a`, `a or b`, `a, b or c`. */
function wordsOf(words: readonly string[]): string {
  const [last = "", ...others] = [...new Set(words)].reverse();
  return others.length === 0 ? last : `${others.reverse().join(", ")} or ${last}`;
}

const quote = (value: unknown): string => JSON.stringify(value) ?? String(value);

const LONGEST_QUOTE = 60;

/** A value in a few words. */
function describe(value: unknown): string {
  if (value === undefined || value === null) return "nothing";
  if (Array.isArray(value)) return value.length === 0 ? "an empty list" : "a list";
  if (typeof value === "object") return "a map";
  const text = quote(value);
  return text.length <= LONGEST_QUOTE ? text : `${text.slice(0, LONGEST_QUOTE)}..."`;
}

/**
 * A copy of a value with others at some paths; each map and list on the way is copied once.
 *
 * @param changes where, and what stands there then
 * @param copied gets each map and list that was copied, with its copy
 */
export function replaceAll(
  value: unknown,
  changes: readonly (readonly [path: Path, wanted: unknown])[],
  copied?: (from: object, to: object) => void,
): unknown {
  const own = new Set<object>();
  return changes.reduce((root, [path, wanted]) => {
    if (path.length === 0) return wanted;
    return edit(root, path, (container, key) => Reflect.set(container, key, wanted), copied, own);
  }, value);
}

/**
 * A copy of a value that is changed at a path: of what is not on the way nothing is copied.
 *
 * @param change gets the copy of the map or list that holds the last step of the path
 * @param copied gets each map and list that was copied, with its copy
 * @param own copies that were made before, and that may be changed
 */
export function edit(
  value: unknown,
  path: Path,
  change: (container: object, key: string | number) => void,
  copied?: (from: object, to: object) => void,
  own: Set<object> = new Set(),
): unknown {
  const [key, ...rest] = path;
  if (value === null || typeof value !== "object" || key === undefined) {
    throw new TypeError("no such path");
  }
  const copy: object = own.has(value) ? value : Array.isArray(value) ? [...value] : { ...value };
  if (copy !== value) copied?.(value, copy);
  own.add(copy);
  if (rest.length === 0) change(copy, key);
  else Reflect.set(copy, key, edit(Reflect.get(value, key), rest, change, copied, own));
  return copy;
}

/** The paths to all keys of a name; each value is looked at once, however often it stands there. */
function pathsOf(root: unknown, name: string): readonly Path[] {
  const found: Path[] = [];
  const seen = new Set<unknown>();
  const queue: { readonly value: unknown; readonly path: Path }[] = [{ value: root, path: [] }];
  for (let next = queue.pop(); next !== undefined; next = queue.pop()) {
    const { value, path } = next;
    if (typeof value !== "object" || value === null || seen.has(value)) continue;
    seen.add(value);
    if (Object.hasOwn(value, name)) found.push([...path, name]);
    for (const [key, child] of Object.entries(value)) {
      if (typeof child !== "object") continue;
      queue.push({ value: child, path: [...path, Array.isArray(value) ? Number(key) : key] });
    }
  }
  return found;
}

/** A schema as the walks below see it. */
type Schema = z.core.$ZodType;

/** What an optional schema or a union is made of. */
function unwrap(schema: Schema): readonly Schema[] {
  if (schema instanceof z.ZodOptional) return unwrap(schema.unwrap());
  return schema instanceof z.ZodUnion ? schema.def.options.flatMap(unwrap) : [schema];
}

function childrenOf(schema: Schema, step: string | number): readonly Schema[] {
  if (schema instanceof z.ZodObject) {
    const shape: Readonly<Record<string, Schema>> = schema.def.shape;
    const child = Object.hasOwn(shape, step) ? shape[step] : undefined;
    return child === undefined ? [] : unwrap(child);
  }
  if (schema instanceof z.ZodArray) return unwrap(schema.def.element);
  if (schema instanceof z.ZodRecord) return unwrap(schema.def.valueType);
  return [];
}

/** The keys that the objects at this path know, sorted as the schema has them. */
function keysAt(schema: Schema, path: Path): readonly string[] {
  let found = unwrap(schema);
  for (const step of path) found = found.flatMap((one) => childrenOf(one, step));
  const objects = found.filter((one) => one instanceof z.ZodObject);
  return [...new Set(objects.flatMap((one) => Object.keys(one.def.shape)))];
}

/** An object of others: it lets unknown keys through (`z.looseObject`). */
function isForeign(schema: Schema): boolean {
  return schema instanceof z.ZodObject && schema.def.catchall instanceof z.ZodUnknown;
}

/** Paths of keys that no schema knows, in objects that let them through (`z.looseObject`). */
function foreignKeys(schema: Schema, value: unknown): readonly Path[] {
  const found: Path[] = [];
  const visit = (schemas: readonly Schema[], value: unknown, path: Path): void => {
    if (value === null || typeof value !== "object") return;
    const isList = Array.isArray(value);
    for (const [key, child] of Object.entries(value)) {
      const step = isList ? Number(key) : key;
      const children = schemas.flatMap((one) => childrenOf(one, step));
      if (children.length > 0) visit(children, child, [...path, step]);
      else if (!isList && schemas.some(isForeign)) found.push([...path, key]);
    }
  };
  visit(unwrap(schema), value, []);
  return found;
}
