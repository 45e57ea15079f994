/**
 * What `kodeno deps --json` takes on a module of 2,000 packages, and `kodeno plan` on one of 240
 * small services, beside `go list -deps` of the same.
 * @module
 */
import { join } from "node:path";
import { type Command, environment, output, type Run, run } from "./process.ts";
import type { Row } from "./report.ts";
import type { Attempt } from "./rows.ts";
import type { Bounds } from "./scenarios.ts";
import { formatTimes, spreadOf } from "./statistics.ts";

/** The name of the row, for `--only`. */
export const DEPS = "deps";
/** Bounds of the time, in times of `go list -deps`. */
const BOUNDS: Bounds = { must: 1.2, aim: 1.1 };
/** The name of the row of `kodeno plan`. */
export const PLAN = "plan";
const PLAN_BOUNDS: Bounds = { must: 1.3, aim: 1.2 };
const SERVICES = 240;
const LIBRARIES = 60;
/** How many of the libraries each service needs. */
const NEEDED = 8;

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
  /** Of `plan`, runs of go that tell the names of packages alone. */
  readonly names?: readonly Run[];
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
  return await inTurns(own, other, repetitions);
}

/**
 * Measures `kodeno plan`, and go, on a module of many programs that are small services.
 *
 * @throws when one of them fails, or not all programs are planned
 */
export async function measurePlan(kodeno: string, work: string): Promise<DepsRuns> {
  const cwd = join(work, "modules", "services");
  await makeServices(cwd);
  const how = { env: environment(), cwd };
  const own = { program: kodeno, args: ["plan", "--json", "./..."], ...how };
  // This tells of files and modules, too, as a plan has to know them.
  const other = { program: "go", args: ["list", "-deps", "-json", "./..."], ...how };
  const names = { program: "go", args: ["list", "-deps", "./..."], ...how };
  const { images } = JSON.parse(await output(own));
  if (images.length !== SERVICES) throw new Error(`it plans ${images.length} images`);
  return await inTurns(own, other, RUNS, names);
}

async function inTurns(
  own: Command,
  other: Command,
  repetitions: number,
  names?: Command,
): Promise<DepsRuns> {
  const runs = { kodeno: [] as Run[], go: [] as Run[], ...names && { names: [] as Run[] } };
  for (let round = 0; round < repetitions; round++) {
    runs.go.push(await run(other, false));
    runs.kodeno.push(await run(own, false));
    if (names !== undefined) runs.names?.push(await run(names, false));
  }
  return runs;
}

/** The row of the report. */
export function depsRow(attempt: Attempt<DepsRuns>): Row {
  return besideGo({ work: "`kodeno deps --json`, 2,000 packages", bounds: BOUNDS }, attempt);
}

/** The row of the report. */
export function planRow(attempt: Attempt<DepsRuns>): Row {
  return besideGo({ work: "`kodeno plan --json`, 240 services", bounds: PLAN_BOUNDS }, attempt);
}

function besideGo(
  what: Pick<Row, "bounds" | "work">,
  { result, problem }: Attempt<DepsRuns>,
): Row {
  const row = { ...what, unit: "x" } as const;
  if (result === undefined) return { ...row, kodeno: "-", other: "-", value: undefined, problem };
  const own = result.kodeno.map(({ ms }) => ms);
  const go = result.go.map(({ ms }) => ms);
  const names = result.names?.map(({ ms }) => ms);
  const other = names === undefined
    ? `go list -deps ${formatTimes(go)}`
    : `go list -deps -json ${formatTimes(go)}; names alone ${formatTimes(names)}`;
  return {
    ...row,
    kodeno: formatTimes(own),
    other,
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

/** Makes the module, unless it is there. */
async function makeServices(folder: string): Promise<void> {
  if (await Deno.stat(folder).catch(() => undefined)) return;
  const half = `${folder}.new`;
  await Deno.remove(half, { recursive: true }).catch(() => {});
  await Deno.mkdir(half, { recursive: true });
  await Deno.writeTextFile(join(half, "go.mod"), "module example.com/services\n\ngo 1.24\n");
  const write = async (name: string, text: string) => {
    await Deno.mkdir(join(half, name), { recursive: true });
    await Deno.writeTextFile(join(half, name, "main.go"), text);
  };
  for (let i = 0; i < LIBRARIES; i++) {
    await write(`lib/p${i}`, `package p${i}\n\nimport "strconv"\n\nvar V = strconv.Itoa(${i})\n`);
  }
  for (let i = 0; i < SERVICES; i++) {
    const needed = Array.from({ length: NEEDED }, (_, k) => `p${(i * 7 + k * 11) % LIBRARIES}`);
    const imports = needed.map((name) => `\t"example.com/services/lib/${name}"\n`).join("");
    const values = needed.map((name) => `${name}.V`).join(" + ");
    const handler = `func(w http.ResponseWriter, _ *http.Request) {
\t\tif err := json.NewEncoder(w).Encode(${values}); err != nil {
\t\t\tlog.Print(err)
\t\t}
\t}`;
    await write(
      `cmd/s${i}`,
      `package main\n\nimport (\n\t"encoding/json"\n\t"log"\n\t"net/http"\n\n${imports})\n\n` +
        `func main() {\n\thttp.HandleFunc("/", ${handler})\n\tlog.Fatal(http.ListenAndServe(":80", nil))\n}\n`,
    );
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
