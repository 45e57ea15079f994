/**
 * Patches of profiles: RFC 6902 with Skaffold's ways (`replace` where no `op` is said, `KEY=VALUE` as a
 * path element, `-` as the end of a list only for `add`).
 * @module
 */
import type { Origins } from "./origins.ts";

/** One entry of `patches`. */
export interface Patch {
  readonly op?: string | undefined;
  readonly path: string;
  readonly from?: string | undefined;
  readonly value?: unknown;
}

type Values = Record<string | number, unknown>;

/** What a patch cannot do, and which of its fields says so. */
export class PatchFailure extends Error {
  /** The field of the patch that cannot be followed. */
  readonly field: "op" | "path" | "from" | "value";

  /** Made by `applyPatch`. */
  constructor(field: "op" | "path" | "from" | "value", message: string) {
    super(message);
    this.field = field;
  }
}

/**
 * Applies a patch to a copy of a value; what it does not touch stays the same object.
 *
 * @throws {PatchFailure} when a path leads nowhere, or `test` finds another value
 */
export function applyPatch<T extends object>(root: T, patch: Patch, origins: Origins): T {
  const targets = patch.path.includes("=") ? find(root, patch.path) : [split(patch.path, "path")];
  if (targets.length === 0) {
    throw new PatchFailure("path", "nothing in the configuration matches it");
  }
  let result: object = root;
  for (const target of targets) result = perform(result, target, patch, origins);
  return result as T;
}

function split(pointer: string, field: "path" | "from"): readonly string[] {
  if (!pointer.startsWith("/")) throw new PatchFailure(field, 'it has to begin with "/"');
  return pointer.split("/").slice(1).map(unescape);
}

/** RFC 6901 section 4. */
function unescape(step: string): string {
  return step.replaceAll("~1", "/").replaceAll("~0", "~");
}

function perform(
  root: object,
  target: readonly string[],
  patch: Patch,
  origins: Origins,
): object {
  const { op = "replace", value, from = "" } = patch;
  const put = (into: object, what: unknown, insert = false): object =>
    edit(into, target, "path", origins, (container, key) => {
      if (insert && Array.isArray(container)) {
        container.splice(
          key === "-" ? container.length : index(key, container.length, "path"),
          0,
          what,
        );
      } else if (Array.isArray(container)) container[index(key, Infinity, "path")] = what;
      else (container as Values)[key] = what;
      origins.moved(container, key, patch, ["value"]);
    });
  switch (op) {
    case "add":
      return put(root, value, true);
    case "replace":
      if (get(root, target, "path") === undefined) {
        throw new PatchFailure("path", "there is nothing to replace; use op: add");
      }
      return put(root, value);
    case "remove":
      return remove(root, target, "path", origins);
    case "move": {
      const source = split(from, "from");
      const moved = get(root, source, "from");
      return put(remove(root, source, "from", origins), moved);
    }
    case "copy":
      return put(root, get(root, split(from, "from"), "from"));
    case "test":
      if (JSON.stringify(get(root, target, "path")) === JSON.stringify(value)) return root;
      throw new PatchFailure("value", "the configuration has another value there");
    default:
      throw new PatchFailure("op", "add, remove, replace, move, copy or test is allowed");
  }
}

function index(key: string, most: number, field: "path" | "from"): number {
  const at = /^\d+$/.test(key) ? Number(key) : NaN;
  // A list far longer than anyone writes would only take memory.
  if (at <= Math.min(most, 10_000)) return at;
  throw new PatchFailure(field, `"${key}" is no index of the list there`);
}

function child(container: unknown, key: string): unknown {
  if (Array.isArray(container)) return /^\d+$/.test(key) ? container[Number(key)] : undefined;
  if (container === null || typeof container !== "object") return undefined;
  return Object.hasOwn(container, key) ? (container as Values)[key] : undefined;
}

function get(root: unknown, path: readonly string[], field: "path" | "from"): unknown {
  let found = root;
  for (const [depth, key] of path.entries()) {
    if (found === null || typeof found !== "object") throw nowhere(field, path, depth);
    found = child(found, key);
  }
  return found;
}

function nowhere(field: "path" | "from", path: readonly string[], depth: number): PatchFailure {
  return new PatchFailure(field, `there is no "/${path.slice(0, depth).join("/")}" to go into`);
}

/** Copies the containers on the way, and lets the last one be changed. */
function edit(
  root: object,
  path: readonly string[],
  field: "path" | "from",
  origins: Origins,
  change: (container: object, key: string) => void,
): object {
  const copyAt = (container: unknown, depth: number): object => {
    if (container === null || typeof container !== "object") throw nowhere(field, path, depth);
    const copy: object = Array.isArray(container) ? [...container] : { ...container };
    origins.copied(container, copy);
    const key = path[depth] ?? "";
    if (depth === path.length - 1) change(copy, key);
    else (copy as Values)[key] = copyAt(child(container, key), depth + 1);
    return copy;
  };
  return copyAt(root, 0);
}

function remove(
  root: object,
  path: readonly string[],
  field: "path" | "from",
  origins: Origins,
): object {
  return edit(root, path, field, origins, (container, key) => {
    if (child(container, key) === undefined) {
      throw new PatchFailure(field, "there is nothing there");
    }
    if (Array.isArray(container)) container.splice(Number(key), 1);
    else delete (container as Values)[key];
  });
}

/** All paths that a pointer with `KEY=VALUE` elements stands for, as Skaffold's library finds them. */
function find(root: unknown, pointer: string): readonly (readonly string[])[] {
  let routes: readonly { readonly path: readonly string[]; readonly value: unknown }[] = [
    { path: [], value: root },
  ];
  for (const step of split(pointer, "path")) {
    const [key = "", wanted, ...more] = step.split("=");
    routes = routes.flatMap(({ path, value }) => {
      if (wanted !== undefined && more.length === 0) return holding(value, key, wanted, path);
      if (value === null || typeof value !== "object") return [];
      if (Array.isArray(value) && !/^(?:\d+|-)$/.test(step)) return [];
      return [{ path: [...path, step], value: child(value, step) ?? value }];
    });
  }
  return routes.map(({ path }) => path);
}

function holding(
  value: unknown,
  key: string,
  wanted: string,
  path: readonly string[],
): readonly { readonly path: readonly string[]; readonly value: unknown }[] {
  if (value === null || typeof value !== "object") return [];
  if (child(value, key) === wanted) return [{ path, value }];
  return Object.entries(value).flatMap(([step, inner]) =>
    holding(inner, key, wanted, [...path, step])
  );
}
