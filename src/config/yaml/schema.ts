/**
 * Questions about zod schemas: which keys are known at a place, and which keys of a value are not.
 * @module
 */
import { z } from "zod";
import type { Path } from "./faults.ts";

/** A schema as the walks below see it. */
type Schema = z.core.$ZodType;

/** What a schema is made around, such as the inner one of an optional one. */
function unwrap(schema: Schema): readonly Schema[] {
  if (schema instanceof z.ZodOptional || schema instanceof z.ZodNullable) {
    return unwrap(schema.unwrap());
  }
  if (
    schema instanceof z.ZodDefault || schema instanceof z.ZodPrefault ||
    schema instanceof z.ZodReadonly || schema instanceof z.ZodCatch
  ) return unwrap(schema.def.innerType);
  if (schema instanceof z.ZodLazy) return unwrap(schema.def.getter());
  if (schema instanceof z.ZodPipe) return unwrap(schema.def.in);
  if (schema instanceof z.ZodUnion) return schema.def.options.flatMap(unwrap);
  return [schema];
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

/** Schemas that a value at this path may have to fit; several for a union. */
export function schemasAt(schema: Schema, path: Path): readonly Schema[] {
  let found = unwrap(schema);
  for (const step of path) found = found.flatMap((one) => childrenOf(one, step));
  return found;
}

/** The keys that the objects at this path know, sorted as the schema has them. */
export function keysAt(schema: Schema, path: Path): readonly string[] {
  const objects = schemasAt(schema, path).filter((one) => one instanceof z.ZodObject);
  return [...new Set(objects.flatMap((one) => Object.keys(one.def.shape)))];
}

/** An object of others: it lets unknown keys through (`z.looseObject`). */
function isForeign(schema: Schema): boolean {
  return schema instanceof z.ZodObject && schema.def.catchall instanceof z.ZodUnknown;
}

/** Paths of keys that no schema knows, in objects that let them through (`z.looseObject`). */
export function foreignKeys(schema: Schema, value: unknown): readonly Path[] {
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
