/**
 * JSON Schemas of the files that kodeno reads, for editors.
 * @module
 */
import { z } from "zod";
import { koSchema } from "./ko_yaml.ts";
import { skaffoldSchema } from "./skaffold/schema.ts";

/** The files there is a schema of, by the names that `kodeno schema` offers. */
const SCHEMAS: Readonly<
  Record<string, { readonly title: string; readonly make: () => z.ZodType }>
> = {
  ko: { title: ".ko.yaml", make: () => koSchema() },
  skaffold: { title: "skaffold.yaml, as far as kodeno reads it", make: () => skaffoldSchema },
};

/**
 * The JSON Schema (draft 2020-12) of a file, made of the schema that checks it.
 *
 * @returns undefined for a name that it does not know
 */
export function jsonSchema(name: string): Readonly<Record<string, unknown>> | undefined {
  const found = Object.hasOwn(SCHEMAS, name) ? SCHEMAS[name] : undefined;
  if (found === undefined) return undefined;
  const schema = z.toJSONSchema(found.make(), { io: "input", unrepresentable: "any" });
  return { title: found.title, ...schema };
}
