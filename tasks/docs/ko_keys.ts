/**
 * Tables of the keys of `.ko.yaml`, from the schema that checks it.
 * @module
 */
import { jsonSchema } from "../../src/config/json_schema.ts";

/** A JSON Schema, as far as it is read here. */
interface Schema {
  readonly type?: string;
  readonly description?: string;
  readonly anyOf?: readonly Schema[];
  readonly items?: Schema;
  readonly properties?: Readonly<Record<string, Schema>>;
}

const FOREIGN = "a field of GoReleaser; not read";

/** Writes the tables. */
export function koTables(): string {
  const schema = jsonSchema("ko") as Schema;
  const { properties = {} } = schema;
  const build = properties["builds"]?.items?.properties ?? {};
  const foreign = Object.keys(build).filter((key) => build[key]?.description === FOREIGN);
  const own = Object.fromEntries(
    Object.entries(build).filter(([key]) => !foreign.includes(key)),
  );
  return [
    table("key", properties),
    "",
    "An entry of `builds`:",
    "",
    table("key", own),
    "",
    `Fields of GoReleaser's builds are passed over: ${
      foreign.map((one) => `\`${one}\``).join(", ")
    }.`,
  ].join("\n");
}

function table(title: string, properties: Readonly<Record<string, Schema>>): string {
  const rows = Object.entries(properties).map(([key, schema]) => [
    `\`${key}\``,
    typeOf(schema),
    (schema.description ?? "").replaceAll("|", "\\|"),
  ]);
  const lines = [[title, "value", "what it says"], ["---", "---", "---"], ...rows];
  return lines.map((cells) => `| ${cells.join(" | ")} |`).join("\n");
}

function typeOf({ type, anyOf }: Schema): string {
  if (anyOf !== undefined) return "list, or text";
  if (type === "array") return "list";
  return type === "object" ? "map" : type === "string" ? "text" : String(type);
}
