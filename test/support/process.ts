/**
 * Running a program to its end, and what it said.
 * @module
 */
import assert from "node:assert/strict";
import { basename } from "node:path";

/** What a program said and how it ended. */
export interface Outcome {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** How a program is run; without `env` it gets the environment of the tests. */
export interface RunOptions {
  readonly cwd?: string;
  readonly env?: Readonly<Record<string, string>>;
}

/** Runs a program to its end, whatever that is. */
export async function run(
  program: string,
  args: readonly string[],
  { cwd, env }: RunOptions = {},
): Promise<Outcome> {
  const { code, stdout, stderr } = await new Deno.Command(program, {
    args: [...args],
    ...(cwd ? { cwd } : {}),
    ...(env ? { env: { ...env }, clearEnv: true } : {}),
    stdin: "null",
  }).output();
  const text = new TextDecoder();
  return { code, stdout: text.decode(stdout), stderr: text.decode(stderr) };
}

/** Runs a program that has to succeed; gives what it printed on stdout. */
export async function succeed(
  program: string,
  args: readonly string[],
  options: RunOptions = {},
): Promise<string> {
  const { code, stdout, stderr } = await run(program, args, options);
  assert.equal(code, 0, `${basename(program)} ${args.join(" ")}:\n${stderr}${stdout}`);
  return stdout;
}

/** Whether a process of this number is there and has not ended. */
export async function isRunning(pid: number): Promise<boolean> {
  // "Z" is one that has ended and that nobody has asked about yet.
  const stat = await Deno.readTextFile(`/proc/${pid}/stat`).catch(() => "");
  return stat !== "" && !/^\d+ \(.*\) Z/s.test(stat);
}

/** Numbers of the processes whose working directory or command line lies in a folder. */
export async function processesIn(folder: string): Promise<number[]> {
  const found: number[] = [];
  for await (const { name } of Deno.readDir("/proc")) {
    if (!/^\d+$/.test(name) || Number(name) === Deno.pid) continue;
    // A process may end between the listing and the reading.
    const cwd = await Deno.readLink(`/proc/${name}/cwd`).catch(() => "");
    const command = await Deno.readTextFile(`/proc/${name}/cmdline`).catch(() => "");
    const inside = cwd === folder || cwd.startsWith(`${folder}/`) || command.includes(folder);
    if (inside && await isRunning(Number(name))) found.push(Number(name));
  }
  return found;
}

/** Whether one of these processes has a command line like this, in which each word ends with a NUL. */
export async function runsIn(folder: string, pattern: RegExp): Promise<boolean> {
  return (await processesLike(folder, pattern)).length > 0;
}

/** Numbers of those of these processes whose command line is like this. */
export async function processesLike(folder: string, pattern: RegExp): Promise<number[]> {
  const all = await Promise.all((await processesIn(folder)).map(async (pid) => {
    const command = await Deno.readTextFile(`/proc/${pid}/cmdline`).catch(() => "");
    return pattern.test(command) ? [pid] : [];
  }));
  return all.flat();
}

/** Asks again and again until the answer is yes; fails after a while, naming what was waited for. */
export async function until(
  what: string,
  ask: () => Promise<boolean> | boolean,
  milliseconds = 20_000,
): Promise<void> {
  for (const giveUp = Date.now() + milliseconds; Date.now() < giveUp;) {
    if (await ask()) return;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  assert.fail(`waited ${milliseconds} ms for nothing: ${what}`);
}
