/**
 * The report: rows with what must hold, and `bench/RESULTS.md` around them.
 * @module
 */
import type { Bounds } from "./scenarios.ts";
import { significant } from "./statistics.ts";

/** One row of the table; `value` is what the bounds are for. */
export interface Row {
  readonly work: string;
  /** What kodeno needed, and what the other program needed. */
  readonly kodeno: string;
  readonly other: string;
  /** Undefined when it could not be measured; `problem` then says why. */
  readonly value: number | undefined;
  /** `of ko`, `MB`, `x`. */
  readonly unit: string;
  readonly bounds: Bounds;
  readonly problem?: string | undefined;
}

/** A line of the second table: what is told without a bound. */
export interface Information {
  readonly work: string;
  readonly kodenoMemory: string;
  readonly koMemory: string;
  readonly kodenoTime: string;
  readonly koTime: string;
  readonly cachedKoTime: string;
}

/** The same for images that are moved. */
export interface TransferInformation {
  readonly work: string;
  readonly kodenoMemory: string;
  readonly kodenoTime: string;
  readonly other: string;
  readonly otherTime: string;
}

/** Where and with what it was measured: names and values. */
export type Machine = ReadonlyArray<readonly [name: string, value: string]>;

/** Whether a row is as it must be. */
export function holds({ value, bounds }: Row): boolean {
  return value !== undefined && value <= bounds.must;
}

function verdict(row: Row): string {
  if (row.value === undefined) return "**not measured**";
  if (!holds(row)) return "**no**";
  const { aim } = row.bounds;
  return aim === undefined ? "yes" : row.value <= aim ? "yes, the aim too" : "yes, not the aim";
}

function table(head: readonly string[], lines: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]): string => `| ${cells.join(" | ")} |\n`;
  return line(head) + line(head.map(() => "---")) + lines.map(line).join("");
}

/** The cells of a line of a table. */
const cellsOf = (line: string): string[] => line.split("|").slice(1, -1).map((c) => c.trim());
const isTableLine = (line: string): boolean => line.startsWith("| ");

/** What rows came to in an earlier report, by their work. */
export function earlierResults(report: string): ReadonlyMap<string, string> {
  const [rows = ""] = report.split("\n## ");
  return new Map(
    rows.split("\n").filter(isTableLine).map((line) => {
      const cells = cellsOf(line);
      // From the end: a report may have a column before it, which tells of a still earlier one.
      return [cells[0] ?? "", cells.at(-4) ?? ""];
    }),
  );
}

/**
 * An earlier report with rows that were measured again alone: each takes the place of the one of the same
 * work, or comes last. Below the table is said which these are.
 *
 * @param date when they were measured, as it is told
 */
export function withRows(report: string, rows: readonly Row[], date: string): string {
  const [top = "", ...chapters] = report.split("\n## ");
  const lines = top.split("\n");
  const [from, to] = [lines.findIndex(isTableLine), lines.findLastIndex(isTableLine) + 1];
  const [head = "", rule = "", ...earlier] = lines.slice(from, to);
  const all = new Map(earlier.map((line) => [cellsOf(line)[0], cellsOf(line)]));
  for (const line of rowsTable(rows).trimEnd().split("\n").slice(2)) {
    const cells = cellsOf(line);
    if (head.includes("| before ")) cells.splice(3, 0, all.get(cells[0])?.[3] ?? "-");
    all.set(cells[0], cells);
  }
  const bad = [...all.values()].filter((cells) => cells.at(-1)?.startsWith("**")).length;
  const written = lines.slice(0, from).join("\n").replace(
    /(do not edit\. ).*/,
    `$1${told(bad, all.size)}`,
  );
  const notes = lines.slice(to).join("\n").trimEnd().split(/\n(?=- )/)
    .filter((note) => !rows.some(({ work }) => note.startsWith(`- ${work}: `)));
  const again = rows.map(({ work, problem = "" }) =>
    `- ${work}: measured alone on ${date} ${problem}`
  );
  const table = [...all.values()].map((cells) => `| ${cells.join(" | ")} |`);
  return [
    [written, head, rule, ...table, notes.join("\n"), "", ...again, ""].join("\n"),
    ...chapters,
  ].join("\n## ");
}

function told(bad: number, all: number): string {
  return bad === 0 ? "All rows hold." : `**${bad} of ${all} rows do not hold.**`;
}

/** The table of rows with bounds; with what they came to before, where that is known. */
export function rowsTable(rows: readonly Row[], before?: ReadonlyMap<string, string>): string {
  const head = ["work", "kodeno", "compared with", "result", "must", "aim", "holds"];
  if (before !== undefined) head.splice(3, 0, "before");
  return table(
    head,
    rows.map((row) => {
      const { work, kodeno, other, value, unit, bounds: { must, aim } } = row;
      const result = value === undefined ? "-" : `${significant(value)} ${unit}`;
      const bounds = [`<= ${must} ${unit}`, aim === undefined ? "-" : `<= ${aim} ${unit}`];
      const earlier = before === undefined ? [] : [before.get(work) ?? "-"];
      return [work, kodeno, other, ...earlier, result, ...bounds, verdict(row)];
    }),
  );
}

function informationTable(lines: readonly Information[]): string {
  const head = ["work", "kodeno memory", "ko memory", "kodeno", "ko", "ko with KOCACHE"];
  return table(
    head,
    lines.map((l) => [
      ...[l.work, l.kodenoMemory, l.koMemory],
      ...[l.kodenoTime, l.koTime, l.cachedKoTime],
    ]),
  );
}

function transferTable(lines: readonly TransferInformation[]): string {
  const head = ["work", "kodeno memory", "kodeno", "compared with", "its time"];
  return table(
    head,
    lines.map((l) => [l.work, l.kodenoMemory, l.kodenoTime, l.other, l.otherTime]),
  );
}

/** The whole report as Markdown. */
export function report(
  rows: readonly Row[],
  information: readonly Information[],
  transfers: readonly TransferInformation[],
  machine: Machine,
  before?: ReadonlyMap<string, string>,
): string {
  const problems = rows.filter(({ problem }) => problem !== undefined);
  const bad = rows.filter((row) => !holds(row)).length;
  return `# kodeno and ko, measured

Written by \`deno task bench\`; do not edit. ${told(bad, rows.length)}

${rowsTable(rows, before)}
Three numbers are the least, the median and the most of the runs; results are ratios of medians.
${problems.map(({ work, problem }) => `\n- ${work}: ${problem}`).join("")}
## How

The compiled binary and ko build the same programs on the same base image into an OCI layout each,
taking turns (kodeno, ko, kodeno, ko, ...). kodeno reads the base image from a layout; ko can only
read it from a registry, which runs on the same machine. ko runs with \`--push=false --sbom=none\`.
After each run its layout is checked: all images and platforms are there, all blobs have their
sizes, and both programs have packed the same bytes. "Nothing changed" means that the same build was
done right before; "cold" means a new \`GOCACHE\`, a new layer cache and a new layout in each run.
Memory is the high-water mark of the program's own process, without the go commands it runs.

The image that is moved has 8 platforms and 17 layers, which gzip has made half of what they hold.
Registries and the Docker daemon are real ones on the same machine; a push goes into an empty
registry, a pull into a new layout, and an image that was loaded is removed before the next run.
What came out is checked: all blobs and the tag in the registry's storage, all bytes of a layout, the
ID of an image in the daemon. \`kodeno serve\` and docker-registry are asked by the same crane; their
time is that of all pulls together, and the memory is the server's. The layout that is verified has 20
layers of 50 MB, which both sides have just read; that it is all looked at is seen before.

![Time of the longest of 1, 2, 4 and 8 shards](scale.svg)

A shard is a process that is kept to one core, with a new \`GOCACHE\` and a new layer cache; as many
run at once as there are cores. Its time is that of its processor. The programs import nothing, so
that compiling what all need, which each shard does again, is Go's runtime alone. Bytes read are
those of kodeno and of the go commands, mapped files left out. [docs/scale.md](../docs/scale.md) says what follows for more machines.

## Memory and time of each row, for information

${informationTable(information)}
${transferTable(transfers)}
## Where

${table(["what", "value"], machine)}
## Again

\`\`\`sh
deno task compile        # makes dist/kodeno; or set KODENO_BIN
deno task bench          # everything; writes this file
deno task bench --quick  # few runs; only prints
deno task bench --only same-30          # only prints
deno task bench --only same-30 --write  # in this file, too
deno task bench --before OLD.md  # beside the results in another report
\`\`\`

It needs Go, git, \`docker-registry\`, and for one row root, \`dockerd\` and \`docker\`.
\`BENCH_HAULER\` names a hauler, which has one row more.
\`BENCH_DENO\` names the Deno that compiled the binary, where it is not the one that runs the bench.
"Before" is the binary of an earlier commit (\`KODENO_BIN\`), measured on the same machine.
`;
}
