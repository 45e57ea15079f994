/**
 * Runs kodeno as its users do: the binary that KODENO_BIN names, or the sources with the Deno that
 * runs the tests.
 * @module
 */
import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { type Outcome, run } from "./process.ts";
import type { TempDir } from "./temp.ts";

/** The project's folder. */
export const ROOT = fileURLToPath(new URL("../..", import.meta.url));

/** How kodeno is run. */
export interface KodenoOptions {
  readonly cwd?: string;
  /** Beside {@link kodenoEnvironment}. */
  readonly env?: Readonly<Record<string, string>>;
  /** Nothing unless given; what is piped is closed by the caller. */
  readonly stdin?: "null" | "piped";
}

/** The compiled binary, for those who can run no sources; undefined where there is none. */
export function kodenoBinary(): string | undefined {
  const compiled = `${ROOT}dist/kodeno`;
  return Deno.env.get("KODENO_BIN") || (existsSync(compiled) ? compiled : undefined);
}

/** The program and the arguments before its own. */
export function kodenoCommand(): readonly [string, ...string[]] {
  const binary = Deno.env.get("KODENO_BIN");
  if (binary) return [binary];
  return [Deno.execPath(), "run", "-A", "--no-prompt", `${ROOT}cli.ts`];
}

/** {@link kodenoCommand} as words of a shell, which a line for `bash -c` begins with. */
export function kodenoWords(): string {
  return kodenoCommand().map((word) => `'${word}'`).join(" ");
}

/**
 * Variables that shape a build: what the tests' caller has set must not show in them. Nor are lines counted
 * of programs that tests end at any time, which leaves half a profile.
 */
const SHAPING =
  /^(KO_|KODENO_|SKAFFOLD_|KOCACHE$|GO(OS|ARCH|ARM|AMD64|FLAGS|WORK)$|SOURCE_DATE_EPOCH$|DENO_COVERAGE_DIR$)/;

let cache: string | undefined;

/** One cache for the tests of a file, for speed; tests of the cache name their own. */
function sharedCache(): string {
  if (cache !== undefined) return cache;
  const folder = cache = Deno.makeTempDirSync({ prefix: "kodeno-test-cache-" });
  globalThis.addEventListener("unload", () => Deno.removeSync(folder, { recursive: true }));
  return folder;
}

/** The environment that kodeno gets, with a cache for tests. */
export function kodenoEnvironment(
  env: Readonly<Record<string, string>> = {},
): Record<string, string> {
  const own = Object.entries(Deno.env.toObject()).filter(([name]) => !SHAPING.test(name));
  const { KODENO_CACHE = sharedCache() } = env;
  return { ...Object.fromEntries(own), ...env, KODENO_CACHE };
}

/** Runs kodeno to its end. */
export async function kodeno(
  args: readonly string[],
  options: KodenoOptions = {},
): Promise<Outcome> {
  const [program, ...before] = kodenoCommand();
  return await run(program, [...before, ...args], {
    ...options,
    env: kodenoEnvironment(options.env),
  });
}

/** Runs kodeno in a folder; it has to succeed. */
export async function done(
  dir: TempDir,
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<string> {
  const { code, stdout, stderr } = await kodeno(args, { cwd: dir.path, env });
  assert.equal(code, 0, `${args.join(" ")}:\n${stderr}`);
  return stdout.trimEnd();
}

/** Where the Deno that runs the sources has its cache, for those who give kodeno another home. */
export function denoDirectory(): string {
  return Deno.env.get("DENO_DIR") ?? join(Deno.env.get("HOME") ?? "", ".cache", "deno");
}

/** Starts kodeno; both of its outputs are piped. */
export function spawnKodeno(
  args: readonly string[],
  { cwd, env, stdin = "null" }: KodenoOptions = {},
): Deno.ChildProcess {
  const [program, ...before] = kodenoCommand();
  return new Deno.Command(program, {
    args: [...before, ...args],
    ...(cwd ? { cwd } : {}),
    env: kodenoEnvironment(env),
    clearEnv: true,
    stdin,
    stdout: "piped",
    stderr: "piped",
  }).spawn();
}
