/**
 * Changes of nested values that leave the original as it is.
 * @module
 */
import type { Path } from "./faults.ts";

/**
 * A copy of a value with another one at a path; what is not on the way stays the same object.
 *
 * @param change makes the new value from the old one
 * @param copied gets each map and list that was copied, with its copy
 */
export function replaceAt(
  value: unknown,
  path: Path,
  change: (found: unknown) => unknown,
  copied: (from: object, to: object) => void = () => {},
): unknown {
  const [step, ...rest] = path;
  if (step === undefined || value === null || typeof value !== "object") return change(value);
  const copy: object = Array.isArray(value) ? [...value] : { ...value };
  copied(value, copy);
  const inner = replaceAt(Reflect.get(copy, step), rest, change, copied);
  Reflect.set(copy, step, inner);
  return copy;
}

/**
 * A copy of a value with others at some paths; each map and list on the way is copied once.
 *
 * @param changes where, and what stands there then
 */
export function replaceAll(
  value: unknown,
  changes: readonly (readonly [path: Path, wanted: unknown])[],
): unknown {
  const root = { value };
  const own = new Set<unknown>([root]);
  for (const [path, wanted] of changes) {
    const steps = ["value", ...path];
    const last = steps.pop();
    let at: object = root;
    for (const step of steps) {
      const found: unknown = Reflect.get(at, step);
      if (found === null || typeof found !== "object") throw new TypeError("no such path");
      const next = own.has(found) ? found : Array.isArray(found) ? [...found] : { ...found };
      own.add(next);
      Reflect.set(at, step, next);
      at = next;
    }
    if (last !== undefined) Reflect.set(at, last, wanted);
  }
  return root.value;
}

/** The paths to all keys of a name; each value is looked at once, however often it stands there. */
export function pathsOf(root: unknown, name: string): readonly Path[] {
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
