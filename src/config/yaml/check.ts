/**
 * Documents against zod schemas: every fault of a document with its place, what was found there and
 * what is allowed.
 * @module
 */
import { didYouMean } from "../../errors.ts";
import { z } from "../../npm/zod.ts";
import { uninterruptible } from "../../signals.ts";
import type { YamlDocument, YamlDocuments } from "./document.ts";
import { type Fault, faultsError, formatFault, formatPath, type Path } from "./faults.ts";

/** How documents are checked. */
interface CheckOptions {
  /** Finds keys of the root that are for nobody, such as those that only hold anchors. */
  readonly skip?: (key: string) => boolean;
  /**
   * Takes a line for each key that nobody knows, which is then no fault; a document that has one is
   * given as it stands in the file, not as the schema makes it.
   */
  readonly note?: (line: string) => void;
  /** Names the field that such a key, in the map at a path, stands for, where it is in another one. */
  readonly meant?: ((path: Path, key: string) => string | undefined) | undefined;
}

/**
 * Checks the documents of a file; an empty one is an empty map. As in Go, a number or a boolean
 * stands for the text it is written as where text is wanted, and `yes`, `on`, `no` and `off` stand
 * for booleans.
 *
 * @throws {KodenoError} `BAD_CONFIG` with a line for every fault:
 *   `FILE:LINE:COLUMN: path.to[0].field: found X; Y is allowed`
 */
export function checkYaml<S extends z.ZodType>(
  documents: YamlDocuments,
  schema: S,
  options: CheckOptions = {},
): readonly [z.output<S>, ...z.output<S>[]] {
  return uninterruptible(() => {
    const faults: Fault[] = [];
    const check = (document: YamlDocument) => checkOne(document, schema, options, faults);
    const [first, ...others] = documents;
    const values = [check(first), ...others.map(check)] as const;
    if (faults.length > 0) throw faultsError(faults);
    return values;
  });
}

function checkOne<S extends z.ZodType>(
  document: YamlDocument,
  schema: S,
  { skip, note, meant }: CheckOptions,
  faults: Fault[],
): z.output<S> {
  const unread = note && { allowed: "It is not read", meant };
  const locate = ({ at, message, part }: Issue): Fault => document.fault(at, message, part);
  const given = without(document.value ?? {}, skip);
  const { value, data, issues } = fit(schema, given, (path) => document.plainText(path));
  for (const issue of issues) {
    const found = explain(issue, value, unread).map(locate);
    if (note && isUnread(issue)) found.map(formatFault).forEach((line) => note(line));
    else faults.push(...found);
  }
  if (issues.every((issue) => note && isUnread(issue))) {
    // Maps of texts lose it without a word.
    const why = 'found key "__proto__", which no field and no label can have; use another name';
    faults.push(...pathsOf("__proto__", value).map((at) => locate(keyOf(at, why))));
  }
  return data as z.output<S>;
}

function isUnread({ code }: ZodIssue): boolean {
  return code === "unrecognized_keys";
}

function without(value: unknown, skip: CheckOptions["skip"]): unknown {
  if (skip === undefined || !isContainer(value) || Array.isArray(value)) return value;
  return Object.fromEntries(Object.entries(value).filter(([key]) => !skip(key)));
}

type ZodIssue = z.core.$ZodIssue;

/** Gives the names of the fields that an object has; of the issue itself zod leaves them out. */
const fieldNames: z.core.$ZodErrorMap = ({ code, inst }) =>
  code === "unrecognized_keys" && inst instanceof z.ZodObject
    ? Object.keys(inst.shape).join(", ")
    : undefined;

/**
 * Puts scalars of a value as a schema wants them, by the texts that they are written as, and gives what
 * the schema makes of that, or what is wrong with it.
 */
export function fit(
  schema: z.ZodType,
  value: unknown,
  written: (path: Path) => string | undefined,
  copied?: Copied,
): { readonly value: unknown; readonly data: unknown; readonly issues: readonly ZodIssue[] } {
  let { data = value, error } = schema.safeParse(value, { error: fieldNames });
  const changes = (error?.issues ?? []).flatMap((issue) => {
    if (issue.code !== "invalid_type") return [];
    const path = stepsOf(issue.path);
    const wanted = coerced(issue.expected, written(path));
    return wanted === undefined ? [] : [{ path, wanted }];
  });
  if (changes.length > 0) {
    // Aliases share their values, so only a copy may be changed.
    const copy = deepCopy(value, copied);
    for (const { path, wanted } of changes) {
      Reflect.set(Object(valueAt(copy, path.slice(0, -1))), path.at(-1) ?? "", wanted);
    }
    ({ data = copy, error } = schema.safeParse(value = copy, { error: fieldNames }));
  }
  return { value, data, issues: error?.issues ?? [] };
}

const YES = ["y", "Y", "yes", "Yes", "YES", "on", "On", "ON"];
const NO = ["n", "N", "no", "No", "NO", "off", "Off", "OFF"];

function coerced(expected: string, written: string | undefined): unknown {
  if (written === undefined || expected === "string") return written;
  if (expected !== "boolean") return undefined;
  const isYes = YES.includes(written);
  return isYes || NO.includes(written) ? isYes : undefined;
}

/** A message that names the path it is about, and the path it is shown at. */
type Issue = Pick<Fault, "message"> & { readonly at: Path; readonly part: "key" | "value" };

function about(path: Path, message: string): string {
  return path.length === 0 ? message : `${formatPath(path)}: ${message}`;
}

/** Says something of a key, which the map it is in is named by. */
function keyOf(at: Path, message: string): Issue {
  return { at, part: "key", message: about(at.slice(0, -1), message) };
}

function stepsOf(path: readonly PropertyKey[]): Path {
  return path.map((step) => typeof step === "symbol" ? String(step) : step);
}

function isContainer(value: unknown): value is Readonly<Record<string | number, unknown>> {
  return value !== null && typeof value === "object";
}

/** What stands at a path; undefined where nothing does. */
export function valueAt(value: unknown, path: Path): unknown {
  return path.reduce<unknown>(
    (found, step) => isContainer(found) && Object.hasOwn(found, step) ? found[step] : undefined,
    value,
  );
}

/** What is said of keys that nobody knows, in the place of what is allowed. */
type Unread = { readonly allowed: string } & Pick<CheckOptions, "meant">;

/** An issue in words. */
export function explain(
  issue: ZodIssue,
  root: unknown,
  unread?: Unread,
  above: Path = [],
): readonly Issue[] {
  const path = [...above, ...stepsOf(issue.path)];
  const value = valueAt(root, path);
  const say = (allowed: string): readonly Issue[] => {
    const message = about(path, `found ${describe(value)}; ${allowed}`);
    return [{ at: path, part: "value", message }];
  };
  switch (issue.code) {
    case "unrecognized_keys": {
      const known = issue.message.split(", ");
      const allowed = unread?.allowed ?? `Allowed are ${issue.message}`;
      return issue.keys.map((key) => {
        const meant = unread?.meant?.(path, key);
        const hint = meant === undefined
          ? didYouMean(key, known)
          : `; did you mean ${quote(meant)}?`;
        // What was meant is read before a list of all that could have been.
        const why = hint === ""
          ? `; ${allowed.charAt(0).toLowerCase()}${allowed.slice(1)}`
          : `${hint} ${allowed}`;
        return keyOf([...path, key], `found unknown field ${quote(key)}${why}`);
      });
    }
    case "invalid_union": {
      const branches = issue.errors.map((all) =>
        all.flatMap((one) => explain(one, root, unread, path))
      );
      // The branch that got deepest is what was meant; at the same depth all are named.
      const depth = (all: readonly Issue[]): number => Math.max(...all.map(({ at }) => at.length));
      const deepest = Math.max(...branches.map(depth));
      const best = branches.find((all) => depth(all) === deepest && deepest > path.length);
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

function wordOf(issue: ZodIssue): string {
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
  return new Intl.ListFormat("en-GB", { type: "disjunction" }).format(new Set(words));
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

/** Gets each map and list that was copied, with its copy. */
type Copied = (from: object, to: object) => void;

/** A copy that shares nothing with its original. */
export function deepCopy(value: unknown, copied?: Copied): unknown {
  if (!isContainer(value)) return value;
  const copy = Array.isArray(value)
    ? value.map((one) => deepCopy(one, copied))
    : Object.fromEntries(Object.entries(value).map(([key, one]) => [key, deepCopy(one, copied)]));
  copied?.(value, copy);
  return copy;
}

/** The paths to all keys of a name; each value is looked at once, however often it stands there. */
function pathsOf(
  name: string,
  value: unknown,
  path: Path = [],
  seen = new Set<unknown>(),
): readonly Path[] {
  if (!isContainer(value) || seen.has(value)) return [];
  seen.add(value);
  const inner = Object.entries(value).filter(([, child]) => isContainer(child));
  const below = inner.flatMap(([key, child]) =>
    pathsOf(name, child, [...path, Array.isArray(value) ? Number(key) : key], seen)
  );
  return Object.hasOwn(value, name) ? [[...path, name], ...below] : below;
}
