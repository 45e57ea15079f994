/**
 * Where two documents differ: configs, manifests and indexes, member by member, whatever these are.
 * @module
 */
import { isObject } from "../oci/manifest.ts";

/** A member of a document that another one has otherwise; what one of them lacks is left out. */
export interface Change {
  /** The way to it: names of members, numbers in lists, and of `Env` the names of variables. */
  readonly path: readonly string[];
  readonly a?: unknown;
  readonly b?: unknown;
}

/** All members of which two values differ, in the order in which they are written. */
export function changes(
  a: unknown,
  b: unknown,
  path: readonly string[] = [],
): readonly Change[] {
  // What is not there is as good as empty, so that each of the other's members is told of.
  if (a === undefined && isFull(b, path)) return changes(Array.isArray(b) ? [] : {}, b, path);
  if (b === undefined && isFull(a, path)) return changes(a, Array.isArray(a) ? [] : {}, path);
  if (isObject(a) && isObject(b)) {
    const names = new Set([...Object.keys(a), ...Object.keys(b)]);
    return [...names].flatMap((name) => changes(own(a, name), own(b, name), [...path, name]));
  }
  if (Array.isArray(a) && Array.isArray(b)) {
    const [x, y] = isOfVariables(path) ? [variablesOf(a), variablesOf(b)] : [];
    if (x !== undefined && y !== undefined) {
      const found = changes(x, y, path);
      if (found.length > 0) return found;
    } else if (a.length === b.length && [...a, ...b].every(isObject)) {
      return a.flatMap((one, i) => changes(one, b[i], [...path, `${i}`]));
    }
  }
  if (isSame(a, b)) return [];
  return [{ path, ...(a === undefined ? {} : { a }), ...(b === undefined ? {} : { b }) }];
}

/** Whether there are things of different names in a value. */
function isFull(value: unknown, path: readonly string[]): boolean {
  if (Array.isArray(value)) {
    return isOfVariables(path) && value.length > 0 && variablesOf(value) !== undefined;
  }
  return isObject(value) && Object.keys(value).length > 0;
}

/** A member of an object, and nothing that all objects have. */
function own(value: Readonly<Record<string, unknown>>, name: string): unknown {
  return Object.hasOwn(value, name) ? value[name] : undefined;
}

function isOfVariables(path: readonly string[]): boolean {
  return path.at(-1) === "Env";
}

/** `NAME=VALUE` each, by the names; nothing where it is not such a list. */
function variablesOf(list: readonly unknown[]): Readonly<Record<string, string>> | undefined {
  const pairs = list.map((one) => /^([^=]*)=(.*)$/s.exec(String(one)) ?? []);
  const names = new Set(pairs.map(([, name]) => name));
  if (names.size < list.length || names.has(undefined)) return undefined;
  return Object.fromEntries(pairs.map(([, name = "", value = ""]) => [name, value]));
}

function isSame(a: unknown, b: unknown): boolean {
  if (isObject(a) && isObject(b)) return changes(a, b).length === 0;
  if (!Array.isArray(a) || !Array.isArray(b)) return a === b;
  return a.length === b.length && a.every((one, i) => isSame(one, b[i]));
}
