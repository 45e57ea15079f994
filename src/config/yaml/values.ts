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
