/**
 * What `kodeno deps --json` takes on a module of 2,000 packages, beside `go list -deps` of the same.
 * @module
 */
import { join } from "node:path";
import { environment, output, type Run, run } from "./process.ts";
import type { Row } from "./report.ts";
import type { Attempt } from "./rows.ts";
import type { Bounds } from "./scenarios.ts";
import { formatTimes, spreadOf } from "./statistics.ts";

/** The name of the row, for `--only`. */
export const DEPS = "deps";
/** Bounds of the time, in times of `go list -deps`. */
const BOUNDS: Bounds = { must: 1.2, aim: 1.1 };

const PACKAGES = 2000;
const FILES = 4;
const FUNCTIONS = 12;
const STANDARD = ["bytes", "encoding/json", "fmt", "net/http", "os", "sort", "strings", "time"];
/** How often each of the two is run; they take turns, so that both meet the same machine. */
const RUNS = 15;

/** Runs of both. */
export interface DepsRuns {
  readonly kodeno: readonly Run[];
  readonly go: readonly Run[];
}

/**
 * Measures both.
 *
 * @param work folder that the module is made in, and stays in
 * @throws when one of them fails, or they do not tell of the same packages
 */
export async function measureDeps(
  kodeno: string,
  work: string,
  repetitions = RUNS,
): Promise<DepsRuns> {
  const cwd = join(work, "modules", "packages");
  await makePackages(cwd);
  const env = environment();
  const own = { program: kodeno, args: ["deps", "--json", "./cmd/app"], env, cwd };
  const other = { program: "go", args: ["list", "-deps", "./cmd/app"], env, cwd };
  await check(await output(own), await output(other));
  const runs = { kodeno: [] as Run[], go: [] as Run[] };
  for (let round = 0; round < repetitions; round++) {
    runs.go.push(await run(other, false));
    runs.kodeno.push(await run(own, false));
  }
  return runs;
}

/** The row of the report. */
export function depsRow({ result, problem }: Attempt<DepsRuns>): Row {
  const work = "`kodeno deps --json`, 2,000 packages";
  const row = { work, unit: "x", bounds: BOUNDS } as const;
  if (result === undefined) return { ...row, kodeno: "-", other: "-", value: undefined, problem };
  const own = result.kodeno.map(({ ms }) => ms);
  const go = result.go.map(({ ms }) => ms);
  return {
    ...row,
    kodeno: formatTimes(own),
    other: `go list -deps ${formatTimes(go)}`,
    value: spreadOf(own).median / spreadOf(go).median,
  };
}

function check(files: string, packages: string): void {
  const found = (JSON.parse(files) as readonly string[]).length;
  const listed = packages.split("\n").filter((path) => path.startsWith("example.com/")).length;
  const wanted = PACKAGES * FILES + 2;
  if (found !== wanted) throw new Error(`kodeno deps tells ${found} files, not ${wanted}`);
  if (listed !== PACKAGES + 1) throw new Error(`go list -deps tells ${listed} packages`);
}

/** Makes the module, unless it is there: packages that import one another as the nodes of a tree. */
async function makePackages(folder: string): Promise<void> {
  if (await Deno.stat(folder).catch(() => undefined)) return;
  const half = `${folder}.new`;
  await Deno.remove(half, { recursive: true }).catch(() => {});
  await Deno.mkdir(join(half, "cmd", "app"), { recursive: true });
  await Deno.writeTextFile(join(half, "go.mod"), "module example.com/packages\n\ngo 1.24\n");
  const main = 'package main\n\nimport _ "example.com/packages/p0"\n\nfunc main() {}\n';
  await Deno.writeTextFile(join(half, "cmd", "app", "main.go"), main);
  for (let number = 0; number < PACKAGES; number++) {
    const to = join(half, `p${number}`);
    await Deno.mkdir(to);
    for (let file = 0; file < FILES; file++) {
      await Deno.writeTextFile(join(to, `f${file}.go`), source(number, file));
    }
  }
  await Deno.rename(half, folder);
}

function source(number: number, file: number): string {
  const below = file > 0 ? [] : [2 * number + 1, 2 * number + 2].filter((n) => n < PACKAGES);
  const imports = [
    ...STANDARD.filter((_, i) => (i + number + file) % 3 === 0),
    ...below.map((n) => `example.com/packages/p${n}`),
  ];
  const functions = Array.from({ length: FUNCTIONS }, (_, i) => `
// F${file}x${i} does next to nothing, in as many lines as a function has on the average.
func F${file}x${i}(values []int) int {
	sum := ${i}
	for _, value := range values {
		if value%2 == 0 {
			sum += value
		}
	}
	return sum
}
`);
  return [
    `package p${number}\n`,
    `\nimport (\n${imports.map((path) => `\t_ ${JSON.stringify(path)}\n`).join("")})\n`,
    ...functions,
  ].join("");
}
