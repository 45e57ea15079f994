/**
 * Comparing values as `eq`, `lt` and their siblings do.
 * @module
 */
import { compareText, GoInt, typeOf, type Value } from "./value.ts";

type Kind = "bool" | "int" | "float" | "string" | "none";

/** Kinds that can be compared with one another; all whole numbers are one kind. */
function kindOf(value: Value): Kind {
  if (typeof value === "string") return "string";
  if (typeof value === "boolean") return "bool";
  if (typeof value === "number") return "float";
  return value instanceof GoInt ? "int" : "none";
}

const isNil = (value: Value): boolean => value === null || value === undefined;

function same(one: Value, other: Value): boolean {
  const kind = kindOf(one);
  if (kind !== kindOf(other)) {
    if (isNil(one) || isNil(other)) return false;
    throw new Error(`a ${typeOf(one)} cannot be compared with a ${typeOf(other)}`);
  }
  if (kind !== "none") {
    return one instanceof GoInt && other instanceof GoInt
      ? one.value === other.value
      : one === other;
  }
  if (isNil(one) || isNil(other)) return isNil(one) === isNil(other);
  throw new Error(`a ${typeOf(one)} cannot be compared`);
}

/**
 * Whether a value equals any of the others.
 *
 * @throws {Error} for kinds that do not go together, and where there is no other
 */
export function eq(one: Value, others: readonly Value[]): boolean {
  if (others.length === 0) throw new Error("there is nothing to compare with");
  return others.some((other) => same(one, other));
}

/**
 * Whether the first is the smaller one.
 *
 * @throws {Error} for kinds that do not go together or have no order
 */
export function lt(one: Value, other: Value): boolean {
  const kind = kindOf(one);
  for (const value of [one, other]) {
    if (kindOf(value) === "none") throw new Error(`a ${typeOf(value)} cannot be compared`);
  }
  if (kind !== kindOf(other)) {
    throw new Error(`a ${typeOf(one)} cannot be compared with a ${typeOf(other)}`);
  }
  if (typeof one === "string" && typeof other === "string") return compareText(one, other) < 0;
  if (typeof one === "number" && typeof other === "number") return one < other;
  if (one instanceof GoInt && other instanceof GoInt) return one.value < other.value;
  throw new Error(`a ${typeOf(one)} has no order`);
}
