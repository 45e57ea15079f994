/**
 * JSON Schemas of the files that kodeno reads, for editors.
 * @module
 */
import { z } from "zod";
import { koSchema } from "./ko_yaml.ts";
import { skaffoldSchema } from "./skaffold/schema.ts";

/** The files there is a schema of, by the names that `kodeno schema` offers. */
const SCHEMAS = new Map<string, readonly [title: string, schema: z.ZodType]>([
  ["ko", [".ko.yaml", koSchema()]],
  ["skaffold", ["skaffold.yaml, as far as kodeno reads it", skaffoldSchema]],
]);

/**
 * The JSON Schema (draft 2020-12) of a file, made of the schema that checks it.
 *
 * @returns undefined for a name that it does not know
 */
export function jsonSchema(name: string): Readonly<Record<string, unknown>> | undefined {
  const [title, schema] = SCHEMAS.get(name) ?? [];
  if (schema === undefined) return undefined;
  return { title, ...z.toJSONSchema(schema, { io: "input", unrepresentable: "any" }) };
}
