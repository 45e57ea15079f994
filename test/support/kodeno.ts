/**
 * Runs kodeno as its users do: the binary that KODENO_BIN names, or the sources with the Deno that
 * runs the tests.
 * @module
 */
import { fileURLToPath } from "node:url";
import { type Outcome, run } from "./process.ts";

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

/** The program and the arguments before its own. */
export function kodenoCommand(): readonly [string, ...string[]] {
  const binary = Deno.env.get("KODENO_BIN");
  if (binary) return [binary];
  return [Deno.execPath(), "run", "-A", "--no-prompt", `${ROOT}cli.ts`];
}

/** Variables that shape a build: what the tests' caller has set must not show in them. */
const SHAPING = /^(KO_|KODENO_|KOCACHE$|GO(OS|ARCH|ARM|AMD64|FLAGS|WORK)$|SOURCE_DATE_EPOCH$)/;

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
