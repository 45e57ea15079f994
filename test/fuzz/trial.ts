/**
 * Runs a target many times in this process and tells what it came to; see `run.ts` for who watches.
 * @module
 */
import assert from "node:assert/strict";
import { Dice } from "../support/dice.ts";
import { tame } from "../support/tame.ts";
import type { TempDir } from "../support/temp.ts";
import type { FuzzBench, FuzzTarget } from "./target.ts";

/** What is run. */
export interface TrialOptions {
  readonly seed: number;
  /** The first mutation's number; another one than 0 repeats a part. */
  readonly from: number;
  readonly count: number;
}

/** Something that must not be. */
export interface Finding {
  readonly iteration: number;
  readonly what: string;
}

/** What a run came to. */
export interface TrialReport {
  /** How often each outcome was. */
  readonly outcomes: Readonly<Record<string, number>>;
  readonly findings: readonly Finding[];
  /** Milliseconds of the slowest mutation, and its number. */
  readonly slowest: readonly [milliseconds: number, iteration: number];
}

/** More findings are mostly the same again. */
const MOST_FINDINGS = 40;
/** One mutation takes some milliseconds; much more is a square of something. */
const MOST_MS = 20_000;

/** Chance for one mutation, the same whatever came before it. */
export function diceOf(seed: number, iteration: number): Dice {
  return new Dice(Math.imul(seed, 0x9e3779b1) ^ Math.imul(iteration + 1, 0x85ebca6b));
}

/** Runs a target; `begin` is told of each mutation before it is made. */
export async function tryTarget(
  target: FuzzTarget,
  folder: string,
  { seed, from, count }: TrialOptions,
  begin: (iteration: number) => void,
): Promise<TrialReport> {
  const outcomes: Record<string, number> = {};
  const findings: Finding[] = [];
  const slowest: [number, number] = [0, from];
  Deno.mkdirSync(`${folder}/in`);
  Deno.mkdirSync(`${folder}/outside`);
  const bench = await target.open(folder);
  const around = listing(folder);
  const files = new OpenFiles();
  for (let i = from; i < from + count && findings.length < MOST_FINDINGS; i++) {
    begin(i);
    const started = performance.now();
    try {
      const outcome = await once(bench, folder, diceOf(seed, i), around);
      await files.check();
      outcomes[outcome] = (outcomes[outcome] ?? 0) + 1;
    } catch (error) {
      findings.push({ iteration: i, what: error instanceof Error ? `${error.stack}` : `${error}` });
    }
    const took = performance.now() - started;
    if (took > slowest[0]) slowest.splice(0, 2, took, i);
    if (took > MOST_MS) findings.push({ iteration: i, what: `it took ${Math.round(took)} ms` });
  }
  return { outcomes, findings, slowest };
}

async function once(
  bench: FuzzBench,
  folder: string,
  dice: Dice,
  around: string,
): Promise<string> {
  empty(`${folder}/in`);
  bench.make(dice);
  const outcome = await bench.check(dice);
  assertKept(bench, folder, around);
  return outcome;
}

/** Makes room for the next input. */
function empty(folder: string): void {
  for (const { name } of Deno.readDirSync(folder)) {
    Deno.removeSync(`${folder}/${name}`, { recursive: true });
  }
}

/** Nothing is where nothing should be. */
function assertKept(bench: FuzzBench, folder: string, around: string): void {
  const names = [...Deno.readDirSync(`${folder}/in`)].map(({ name }) => name);
  for (const name of names) assert.ok(bench.names.has(name), `there is a new ${name}`);
  for (const name of names) assertTidy(`${folder}/in/${name}`);
  assert.equal(listing(folder), around, "something outside was written");
}

/** Runs all command lines of a target on one of its inputs, each as a process. */
export async function tryCommands(
  target: FuzzTarget,
  dir: TempDir,
  seed: number,
  iteration: number,
): Promise<void> {
  await Deno.mkdir(dir.join("in"));
  await Deno.mkdir(dir.join("outside"));
  const bench = await target.open(dir.path);
  const dice = diceOf(seed, iteration);
  bench.make(dice);
  for (const args of bench.commands(dice)) {
    const around = listing(dir.path);
    await tame(dir, args);
    assertKept(bench, dir.path, around);
  }
}

/** What is around the inputs. */
function listing(folder: string): string {
  const list = (path: string) => [...Deno.readDirSync(path)].map(({ name }) => name).sort();
  return JSON.stringify([list(folder), list(`${folder}/outside`)]);
}

/** Files that the runtime opens when it first needs them. */
const FILES_OF_RUNTIME = 8;

/** Sees to it that what was opened is closed again, if not at once. */
class OpenFiles {
  #most = this.#count() + FILES_OF_RUNTIME;

  async check(): Promise<void> {
    for (let wait = 0; this.#count() > this.#most; wait += 10) {
      if (wait > 300) {
        this.#most = this.#count() + FILES_OF_RUNTIME;
        assert.fail(`files stay open after this mutation, or after some before it`);
      }
      await new Promise((resolve) => setTimeout(resolve, wait));
    }
  }

  #count(): number {
    return [...Deno.readDirSync("/proc/self/fd")].length;
  }
}

/** No temporary files are left. */
function assertTidy(path: string): void {
  if (!Deno.lstatSync(path).isDirectory) return;
  for (const { name } of Deno.readDirSync(path)) {
    assert.ok(!name.endsWith(".tmp"), `${path} has ${name} left`);
  }
}
