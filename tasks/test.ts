/**
 * Behind `deno task test`: brings the pinned tools, runs all tests, and sums up. The end-to-end tests
 * run the sources, or with `--binary PATH` that binary. What a missing part made it leave out is
 * named; with `--strict` that is a failure. `--coverage` tells how many lines of each room were run
 * in the tests' own process.
 * @module
 */
import { existsSync } from "node:fs";
import { resolve } from "node:path";
import { canBuild, goTool, goToolNames, goToolPath, howToGet } from "../test/parts/tools.ts";
import { ROOT } from "../test/support/kodeno.ts";
import { succeed } from "../test/support/process.ts";
import { names, tempDir } from "../test/support/temp.ts";

const END_TO_END = "test/e2e";

/** What one run of `deno test` came to. */
interface Pass {
  passed: number;
  failed: number;
  /** The tests that it ignored, each as "file: name". */
  ignored: string[];
  /** The missing parts, each with the places of the tests that need it. */
  leftOut: { part: string; test?: string }[];
}

interface Options {
  strict: boolean;
  coverage: boolean;
  binary: string | undefined;
  flags: string[];
  paths: string[];
}

function parseOptions(args: readonly string[]): Options {
  const options: Options = {
    strict: false,
    coverage: false,
    binary: undefined,
    flags: [],
    paths: [],
  };
  const rest = [...args];
  for (let arg = rest.shift(); arg !== undefined; arg = rest.shift()) {
    if (arg === "--strict") options.strict = true;
    else if (arg === "--coverage") options.coverage = true;
    else if (arg === "--binary") options.binary = rest.shift() ?? "";
    else if (arg.startsWith("--binary=")) options.binary = arg.slice("--binary=".length);
    else if (!arg.startsWith("-") && existsSync(arg)) options.paths.push(arg);
    else options.flags.push(arg);
  }
  if (options.binary !== undefined) {
    if (!existsSync(options.binary)) throw new Error(`--binary: no file ${options.binary}`);
    options.binary = resolve(options.binary);
  }
  return options;
}

/** Two at a time: each is a build that takes both cores for a while. */
async function bringTools(): Promise<void> {
  // What cannot be built here leaves its tests out, as a missing package does.
  const missing = goToolNames.filter((name) => !existsSync(goToolPath(name)) && canBuild(name));
  if (missing.length === 0) return;
  console.log(`bringing ${missing.join(", ")} with go install`);
  const bring = async () => {
    for (let name = missing.shift(); name; name = missing.shift()) await goTool(name);
  };
  await Promise.all([bring(), bring()]);
}

/** Runs tests; what they print is shown when `before` has ended. */
async function runPass(
  flags: string[],
  paths: string[],
  binary?: string,
  before?: Promise<unknown>,
): Promise<Pass> {
  await using folder = await tempDir();
  const report = folder.join("report.xml");
  const leftOut = folder.join("left-out");
  const env: Record<string, string> = { ...Deno.env.toObject(), KODENO_LEFT_OUT: leftOut };
  delete env.KODENO_BIN;
  if (binary) env.KODENO_BIN = binary;
  const args = ["test", "--no-prompt", "-A", `--junit-path=${report}`, ...flags, ...paths];
  const how = { args, env, clearEnv: true, cwd: ROOT, stdout: "piped" } as const;
  const { stdout, status } = new Deno.Command(Deno.execPath(), how).spawn();
  const [shown, kept] = stdout.tee();
  const show = async () => {
    await before?.catch(() => {});
    if (binary) console.log(`\n${paths.join(" ")} against ${binary}`);
    await shown.pipeTo(Deno.stdout.writable, { preventClose: true });
  };
  const [text, { success }] = await Promise.all([new Response(kept).text(), status, show()]);
  const { passed, failed } = readSummary(text);
  return {
    passed,
    // Whatever ends in failure without a count, such as a type error, is one.
    failed: success ? failed : Math.max(failed, 1),
    ignored: ignoredIn(await readIfThere(report)),
    leftOut: (await readIfThere(leftOut)).split("\n").filter(Boolean).map((l) => JSON.parse(l)),
  };
}

const readIfThere = (path: string) => existsSync(path) ? Deno.readTextFile(path) : "";

/** Reads `ok | 12 passed (3 steps) | 0 failed | 2 ignored`; the last one, as tests print too. */
function readSummary(output: string): { passed: number; failed: number } {
  // deno-lint-ignore no-control-regex
  const plain = output.replaceAll(/\x1b\[[0-9;]*m/g, "");
  const found = [...plain.matchAll(/^(?:ok|FAILED) \| (\d+) passed.*? \| (\d+) failed/gm)].at(-1);
  return { passed: Number(found?.[1] ?? 0), failed: Number(found?.[2] ?? 0) };
}

/** The tests that a report calls ignored; the summary only counts them. */
function ignoredIn(xml: string): string[] {
  const testcase = /<testcase name="([^"]*)" classname="([^"]*)"[^>]*>\s*<skipped\/>/g;
  return [...xml.matchAll(testcase)].map(([, name, file]) => `${file}: ${name}`);
}

/** Lines that were run and lines there are, of each folder of `src`, by what `deno coverage` tells. */
async function printCoverage(folder: string): Promise<void> {
  const args = ["coverage", "--lcov", "--include=/src/", "--exclude=_test\\.ts$", folder];
  const lcov = await succeed(Deno.execPath(), args, { cwd: ROOT });
  const rooms = new Map<string, { hit: number; all: number }>();
  for (const record of lcov.split("end_of_record")) {
    const [, room] = /^SF:.*\/src\/([^/\n]+)/m.exec(record) ?? [];
    if (room === undefined) continue;
    const count = (tag: string) => Number(new RegExp(`^${tag}:(\\d+)`, "m").exec(record)?.[1] ?? 0);
    for (const name of [room, "all"]) {
      const { hit, all } = rooms.get(name) ?? { hit: 0, all: 0 };
      rooms.set(name, { hit: hit + count("LH"), all: all + count("LF") });
    }
  }
  console.log("\ncoverage, lines run in the tests' own process:");
  for (const [room, { hit, all }] of [...rooms].sort(([a], [b]) => a < b ? -1 : 1)) {
    console.log(`  ${room.padEnd(14)} ${(100 * hit / all).toFixed(0).padStart(3)} % of ${all}`);
  }
}

/** All of `test/` but the end-to-end tests: what is named is not taken out again by `--ignore`. */
async function besideEndToEnd(): Promise<string[]> {
  const paths = (await names(`${ROOT}test`)).map((name) => `test/${name}`);
  return paths.filter((path) => path !== END_TO_END);
}

async function main(args: readonly string[]): Promise<boolean> {
  const { strict, coverage, binary, flags, paths } = parseOptions(args);
  await bringTools();
  await using profiles = await tempDir();
  const measuring = [`--coverage=${profiles.path}`, "--coverage-raw-data-only"];
  const measured = coverage ? [...flags, ...measuring] : flags;
  const passes: Pass[] = [];
  if (paths.length > 0 || !binary) {
    passes.push(await runPass(measured, paths.length > 0 ? paths : ["src", "test"], binary));
  } else {
    // Side by side: both wait for programs, servers and clocks more than they work.
    const beside = runPass(measured, ["src", ...await besideEndToEnd()]);
    passes.push(...await Promise.all([beside, runPass(flags, [END_TO_END], binary, beside)]));
  }

  const leftOut = Map.groupBy(passes.flatMap((pass) => pass.leftOut), ({ part }) => part);
  const ignored = passes.flatMap((pass) => pass.ignored);
  for (const [part, tests] of leftOut) {
    const count = new Set(tests.map(({ test }) => test)).size;
    console.log(`left out for want of ${part}: ${count} (to have it: ${howToGet(part)})`);
  }
  if (strict) { for (const name of ignored) console.log(`ignored: ${name}`); }

  const sum = (of: "passed" | "failed") => passes.reduce((total, pass) => total + pass[of], 0);
  let failed = sum("failed");
  // What the tests came to is told, whatever becomes of this.
  if (coverage) {
    await printCoverage(profiles.path).catch((error) => {
      console.error(error);
      failed++;
    });
  }
  console.log(`${sum("passed")} passed, ${failed} failed`);
  return failed === 0 && !(strict && leftOut.size + ignored.length > 0);
}

try {
  Deno.exitCode = await main(Deno.args) ? 0 : 1;
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  console.log("0 passed, 1 failed");
  Deno.exitCode = 1;
}
