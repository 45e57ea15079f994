/**
 * docs/json.md: what `--json` prints, from the schema of its lines.
 * @module
 */
import type { Command } from "../../src/npm/commander.ts";
import { lineSchema } from "../../src/cli/json_lines.ts";

/** What each command prints beside its notes: events, and its results. */
const PRINTED: Readonly<Record<string, string>> = {
  build: "stage, bytes, compiled, transfer; image, planned",
  watch: "stage, bytes, compiled, transfer, image; built",
  skaffold: "stage, bytes, compiled, transfer; image",
  deps: "-; an array of paths",
  plan: "-; plan",
  affected: "-; affected",
  lock: "stage; lock",
  sync: "-; an array of rules",
  push: "transfer; image",
  load: "transfer; image",
  pull: "transfer; image",
  copy: "transfer; image",
  merge: "transfer; image",
  "bundle create": "transfer; bundle",
  "bundle inspect": "-; bundle",
  "bundle verify": "-; bundle",
  "bundle join": "-; joined",
  "bundle apply": "-; bundle",
  "bundle receipt": "-; receipt",
  ls: "-; image",
  inspect: "-; image",
  digest: "-; digest",
  report: "-; report",
  diff: "-; diff",
  "check-base": "-; base",
  rebase: "transfer; image",
  tag: "-; image",
  rm: "-; image",
  gc: "-; gc",
  sign: "-; signature",
  attest: "-; signature",
  verify: "-; image",
  sbom: "-; sbom",
  rebuild: "-; rebuild",
  init: "-; init",
  doctor: "-; finding",
  config: "-; config",
  "cache info": "-; cache",
  "cache clean": "-; cache",
  version: "-; version",
};

const HEAD = `<!-- made by "deno task docs"; do not edit -->

# What --json prints

With \`--json\` a command prints a line of JSON on stdout for each event and each result. The \`type\` of
a line says which of those below it is. Results come last, when the work is done. Where a command
fails, the last line has the type \`error\`, be it that the command line is wrong; stderr has the
message for a person all the same, and [library.md](library.md) the list of the codes. A command that a signal ends there and then, as \`ls\`, prints none.
Commands without \`--json\` refuse it.

\`name\`, \`digest\`, \`size\`, \`platforms\` and \`references\` mean the same in every line. \`size\` of an
image is that of all its blobs, \`manifestSize\` that of its manifest or index alone. Fields that are
marked with a \`?\` are left out where there is nothing to say.

\`kodeno schema json\` prints the JSON Schema of a line.

<!-- test -->

\`\`\`sh
kodeno schema json > kodeno.schema.json
\`\`\`

\`--format\` prints the results alone, and no events: \`json\` as such lines, \`yaml\` as one document each, and
anything else as a template of Go's, with [sprig](https://masterminds.github.io/sprig/)'s functions and \`json\`,
that gets one result after the other. A template that cannot be parsed is refused before the work begins. What
a result does not have is \`<no value>\`, as in Go; of a result that a template cannot print, nothing is printed,
and the command fails. Results before that one stand. Failures are told on stderr alone. \`sign\`, \`attest\` and
\`sbom\` have a \`--format\` of their own, which is that of what they make.

<!-- test -->

\`\`\`sh
kodeno build ./cmd/app --format '{{index .references 0}}'
kodeno ls out --format '{{.name}} {{join "," .platforms}}'
kodeno inspect out app:latest --format '{{range .manifests}}{{.platform}} {{.digest}}{{end}}'
\`\`\`

\`deps --json\` and \`sync --json\` print one array, which is what Skaffold reads; after a failure they end
with the event as well.
`;

/** A JSON Schema, as far as it is read here. */
interface Schema {
  readonly $ref?: string;
  readonly type?: string;
  readonly const?: unknown;
  readonly enum?: readonly string[];
  readonly description?: string;
  readonly items?: Schema;
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly additionalProperties?: Schema | false;
  readonly required?: readonly string[];
}

/** Writes the page; a command whose lines nobody has told of is an error. */
export function jsonPage(program: Command): string {
  const commands = program.commands.flatMap((one) => one.commands.length > 0 ? one.commands : [one])
    .filter(({ options }) => options.some(({ long }) => long === "--json"));
  const rows = commands.map((command) => {
    const { parent } = command;
    const name = parent?.parent ? `${parent.name()} ${command.name()}` : command.name();
    const [events, results] = PRINTED[name]?.split("; ") ?? [];
    if (events === undefined) throw new Error(`nothing is said of ${name} --json`);
    return [`\`${name}\``, linked(events), linked(results ?? "")];
  });
  if (rows.length !== Object.keys(PRINTED).length) throw new Error("no command has these lines");
  const { $defs } = lineSchema() as { readonly $defs: Readonly<Record<string, Schema>> };
  const sections = Object.entries($defs).map(([name, schema]) =>
    [`## ${name}\n`, ...(schema.description ? [`${schema.description}\n`] : []), fields(schema), ""]
      .join("\n")
  );
  const table = rowsOf(["command", "events, beside notes", "results"], rows);
  return [HEAD, table, "", ...sections].join("\n");
}

function linked(names: string): string {
  return names.replaceAll(/^\w+$|\w+(?=,)|(?<=, )\w+/g, (name) => `[${name}](#${name})`);
}

function fields({ properties = {}, required = [] }: Schema): string {
  const rows = Object.entries(properties).filter(([name]) => name !== "type").map(
    ([name, schema]) => [
      `\`${name}\`${required.includes(name) ? "" : " ?"}`,
      typeOf(schema),
      (schema.description ?? "").replaceAll("|", "\\|"),
    ],
  );
  return rowsOf(["field", "value", "what it is"], rows);
}

function rowsOf(head: readonly string[], rows: readonly (readonly string[])[]): string {
  return [head, head.map(() => "---"), ...rows].map((cells) => `| ${cells.join(" | ")} |`).join(
    "\n",
  );
}

function typeOf(schema: Schema): string {
  const { $ref, type, items, properties, additionalProperties } = schema;
  if ($ref !== undefined) {
    const name = $ref.replace(/^.*\//, "");
    return `[${name}](#${name.toLowerCase()})`;
  }
  if (schema.enum && schema.enum.length < 9) {
    return schema.enum.map((one) => `\`${one}\``).join(", ");
  }
  if (schema.const !== undefined) return `\`${schema.const}\``;
  if (items !== undefined) return `list of ${typeOf(items)}`;
  if (properties !== undefined) {
    return `map of ${Object.keys(properties).map((one) => `\`${one}\``).join(", ")}`;
  }
  if (additionalProperties) return `map of ${typeOf(additionalProperties)}`;
  return { string: "text", integer: "number" }[type ?? ""] ?? type ?? "anything";
}
