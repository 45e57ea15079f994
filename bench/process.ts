/**
 * One run of a program: how long it takes from its start to its end, and how much memory its own
 * process holds at most. What it prints goes nowhere, unless it fails: then it is run again to see.
 * @module
 */

/** What is run, where, and with which environment; nothing else is inherited. */
export interface Command {
  readonly program: string;
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  readonly cwd: string;
}

/** What a run came to. */
export interface Run {
  /** Wall time in milliseconds. */
  readonly ms: number;
  /** Most memory that the process itself held, without its children, in bytes. */
  readonly peakBytes: number;
}

/**
 * How often the memory of a process is looked at, in milliseconds. The kernel keeps the high-water
 * mark, so only what grows after the last look is missed.
 */
const LOOK_MS = 10;

function spawnOptions({ args, env, cwd }: Command): Deno.CommandOptions {
  return { args: [...args], env: { ...env }, clearEnv: true, cwd, stdin: "null" };
}

/**
 * Runs a program to its end.
 *
 * @param watch whether its memory is looked at, which a very short run would feel
 * @throws when it fails, with what it says when it is run once more
 */
export async function run(command: Command, watch = true): Promise<Run> {
  const options = { ...spawnOptions(command), stdout: "null", stderr: "null" } as const;
  const began = performance.now();
  const child = new Deno.Command(command.program, options).spawn();
  let ended = false;
  const status = child.status.finally(() => ended = true);
  const looking = watch ? highWaterMark(child.pid, () => ended) : Promise.resolve(0);
  const { code } = await status;
  const ms = performance.now() - began;
  const peakBytes = await looking;
  if (code !== 0) throw await failure(command, code);
  if (watch && peakBytes === 0) throw new Error("the memory of a process was not seen; see /proc");
  return { ms, peakBytes };
}

/** Looks at a process until it has ended; 0 when it was never seen. */
async function highWaterMark(pid: number, ended: () => boolean): Promise<number> {
  let peak = 0;
  while (!ended()) {
    const now = peakOf(pid);
    if (now === undefined) break;
    peak = Math.max(peak, now);
    await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
  }
  return peak;
}

/** Most memory that a process has held so far, in bytes; undefined when there is no such process. */
export function peakOf(pid: number): number | undefined {
  try {
    // A process that has ended and is not yet waited for has no such line.
    const status = Deno.readTextFileSync(`/proc/${pid}/status`);
    return Number(/^VmHWM:\s+(\d+) kB$/m.exec(status)?.[1] ?? 0) * 1024;
  } catch {
    return undefined;
  }
}

async function failure(command: Command, code: number): Promise<Error> {
  const again = new Deno.Command(command.program, {
    ...spawnOptions(command),
    stdout: "null",
    stderr: "piped",
  });
  const { stderr } = await again.output();
  const said = new TextDecoder().decode(stderr).trim();
  const line = [command.program, ...command.args].join(" ");
  return new Error(`${line}: exit code ${code}\n${said}`);
}

/**
 * Runs a helper and gives what it prints.
 *
 * @throws when it fails, with what it says
 */
export async function output(command: Command): Promise<string> {
  const options = { ...spawnOptions(command), stdout: "piped", stderr: "piped" } as const;
  const { code, stdout, stderr } = await new Deno.Command(command.program, options).output();
  const decoder = new TextDecoder();
  if (code === 0) return decoder.decode(stdout).trim();
  const line = [command.program, ...command.args].join(" ");
  throw new Error(`${line}: exit code ${code}\n${decoder.decode(stderr).trim()}`);
}

/** What the shell has set for builds of its own; the bench sets these itself or leaves them out. */
const NOT_INHERITED =
  /^(KO_.*|KODENO_.*|KOCACHE|SOURCE_DATE_EPOCH|GOOS|GOARCH|GOARM|GOAMD64|GOCACHE|GOWORK)$/;

/** The environment that both programs get, GOFLAGS included, with some variables added. */
export function environment(more: Readonly<Record<string, string>> = {}): Record<string, string> {
  const inherited = Object.entries(Deno.env.toObject());
  return {
    ...Object.fromEntries(inherited.filter(([name]) => !NOT_INHERITED.test(name))),
    ...more,
  };
}
