/**
 * Shapes of JSON documents, looked at before they are used. Every command reads documents, and the
 * library that checks the configuration takes a third of the time in which a small one is done.
 * @module
 */

/** Says what is wrong with a value, and where in it (`layers.0.size: ...`); undefined when nothing. */
export type Shape = (value: unknown, where: string) => string | undefined;

const misfit = (where: string, why: string): string => `${where || "the document"}: ${why}`;

function primitive(what: string, fits: (value: unknown) => boolean): Shape {
  return (value, where) => fits(value) ? undefined : misfit(where, `it is not ${what}`);
}

/** A string. */
export const anyText: Shape = primitive("a string", (value) => typeof value === "string");

/** Anything. */
export const anything: Shape = () => undefined;

/** A number of bytes. */
export const byteCount: Shape = primitive(
  "a number of bytes",
  (value) => Number.isSafeInteger(value) && Number(value) >= 0,
);

/** One certain value. */
export function exactly(only: string | number): Shape {
  return primitive(JSON.stringify(only), (value) => value === only);
}

/** A string that passes a test. */
export function matching(what: string, fits: (value: string) => boolean): Shape {
  return primitive(what, (value) => typeof value === "string" && fits(value));
}

/** What may be left out. */
export function optional(shape: Shape): Shape {
  return (value, where) => value === undefined ? undefined : shape(value, where);
}

/** What may be null. */
export function orNull(shape: Shape): Shape {
  return (value, where) => value === null ? undefined : shape(value, where);
}

/** A list. */
export function list(item: Shape): Shape {
  return (value, where) => {
    if (!Array.isArray(value)) return misfit(where, "it is not a list");
    return first(value.map((one, i) => [i, one, item]), where);
  };
}

/** An object whose fields, whatever they are called, have one shape. */
export function record(field: Shape): Shape {
  return (value, where) =>
    isObject(value)
      ? first(Object.entries(value).map(([name, one]) => [name, one, field]), where)
      : misfit(where, "it is not an object");
}

/** An object with some fields of certain shapes, and any others. */
export function object(fields: Readonly<Record<string, Shape>>): Shape {
  const shapes = Object.entries(fields);
  return (value, where) => {
    if (!isObject(value)) return misfit(where, "it is not an object");
    return first(shapes.map(([name, shape]) => [name, value[name], shape]), where);
  };
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** The first thing that is wrong with parts of a value. */
function first(
  parts: Iterable<readonly [key: string | number, value: unknown, shape: Shape]>,
  where: string,
): string | undefined {
  for (const [key, value, shape] of parts) {
    const found = shape(value, where === "" ? String(key) : `${where}.${key}`);
    if (found !== undefined) return found;
  }
  return undefined;
}
