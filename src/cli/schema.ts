/**
 * `kodeno schema`: JSON Schemas of configuration files.
 * @module
 */
import { Argument, Command } from "commander";
import { jsonSchema, SCHEMA_NAMES } from "../config/json_schema.ts";
import { printResult } from "./output.ts";

const EXAMPLES = `
Examples:
  # for the line "# yaml-language-server: $schema=ko.schema.json" of a .ko.yaml
  kodeno schema ko > ko.schema.json

  # the same of a skaffold.yaml
  kodeno schema skaffold > skaffold.schema.json`;

/** The command with its flags. */
export function schemaCommand(): Command {
  return new Command("schema")
    .description("Prints the JSON Schema of a configuration file, for editors.")
    .addArgument(new Argument("[file]", "which file").choices([...SCHEMA_NAMES]).default("ko"))
    .addHelpText("after", EXAMPLES)
    .action((name: string) => printResult(JSON.stringify(jsonSchema(name), null, 2)));
}
