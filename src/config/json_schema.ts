/**
 * JSON Schemas of the files that kodeno reads, for editors.
 * @module
 */
import { z } from "../npm/zod.ts";
import { koSchema } from "./ko_yaml.ts";
import { policySchema } from "./policy_file.ts";
import { skaffoldSchema } from "./skaffold/schema.ts";

const SCHEMAS = {
  ko: [".ko.yaml", koSchema()],
  policy: ["a policy for images", policySchema],
  skaffold: ["skaffold.yaml, as far as kodeno reads it", skaffoldSchema],
} as const;

/** The JSON Schema (draft 2020-12) of a file, made of the schema that checks it. */
export function jsonSchema(name: keyof typeof SCHEMAS): Readonly<Record<string, unknown>> {
  const [title, schema] = SCHEMAS[name];
  return { title, ...z.toJSONSchema(schema, { io: "input", unrepresentable: "any" }) };
}
