/**
 * The one runner of other programs, without a shell.
 *
 * What one prints is kept up to a bound (`cut` says when it was ended for that, or for its time),
 * goes to a function as text while it comes, or to the terminal. A program that cannot be started
 * is a {@link StartError}; how one that failed has ended says {@link howEnded}. Those that a
 * configuration of the user's names are the first of a process group, so that all that they have
 * started ends with them.
 * @module
 */
import { setPriority } from "node:os";
import { KodenoError, messageOf } from "../errors.ts";

export interface RunOptions {
  readonly command: readonly string[];
  readonly directory?: string | undefined;
  /** All variables; without them those of this process. */
  readonly environment?: Readonly<Record<string, string>> | undefined;
  /** Variables beside or instead of those. */
  readonly variables?: Readonly<Record<string, string>> | undefined;
  /** Its standard input: that of this process, or what it gets piece by piece; default nothing. */
  readonly stdin?: "inherit" | string | Iterable<string> | ReadableStream<Uint8Array> | undefined;
  /**
   * Where its output goes, and what it complains of; both are kept unless given. A stream stays open at
   * its end.
   */
  readonly stdout?: "inherit" | ((text: string) => void) | WritableStream<Uint8Array> | undefined;
  readonly stderr?: "inherit" | ((text: string) => void) | undefined;
  /** Most bytes that are kept of each; default {@link MAX_OUTPUT_BYTES}. */
  readonly maxBytes?: number | undefined;
  /** Milliseconds that it may take; default any. */
  readonly milliseconds?: number | undefined;
  /** Whether it is the first of a process group, so that all that it has started ends with it. */
  readonly group?: boolean | undefined;
  /** How long its outputs are read after its end while others hold them; default for ever. */
  readonly lingerMs?: number | undefined;
  /** How far it stands back behind others, as `nice`; default not at all. */
  readonly niceness?: number | undefined;
  readonly signal?: AbortSignal | undefined;
}

export interface RunResult {
  readonly code: number;
  readonly killedBy: string | undefined;
  readonly stdout: string;
  readonly stderr: string;
  /** Why it was ended before its end: it printed too much, or took too long. */
  readonly cut: "bytes" | "time" | undefined;
}

/** Most bytes that are kept of an output, unless said otherwise. */
export const MAX_OUTPUT_BYTES = 1024 * 1024;
/** How long a program may take to stop by itself before it is killed, in milliseconds. */
const GRACE_MS = 3000;

/**
 * A program that cannot be started: its folder is none, it is not there, or there is another reason.
 * The message says which, for the end of a sentence.
 */
export class StartError extends Error {
  constructor(readonly lacks: "folder" | "program" | undefined, message: string, cause?: unknown) {
    super(message, { cause });
  }
}

/**
 * Runs a program to its end. It is killed when its input fails, or a function that gets its output,
 * and that is thrown; an abort interrupts it first.
 */
export async function runProgram(options: RunOptions): Promise<RunResult> {
  const { signal, milliseconds, lingerMs, maxBytes = MAX_OUTPUT_BYTES } = options;
  signal?.throwIfAborted();
  const input = inputOf(options.stdin)?.getReader();
  let child: Deno.ChildProcess;
  try {
    child = start(options);
  } catch (error) {
    input?.cancel().catch(() => {});
    throw await startError(options, error);
  }
  try {
    // What it starts later stands back, too.
    if (options.niceness) setPriority(child.pid, options.niceness);
  } catch {
    // It has ended by itself, or the system does not know priorities.
  }
  const output = (which: "stdout" | "stderr"): Output => {
    const reader = options[which] === "inherit" ? undefined : child[which].getReader();
    return new Output(reader, options[which], maxBytes);
  };
  const outputs = [output("stdout"), output("stderr")] as const;
  let cut: RunResult["cut"];
  let failure: { readonly error: unknown } | undefined;
  const letGo = () => outputs.forEach((output) => output.cancel());
  const kill = (): void => {
    send(child, "SIGKILL", options.group);
    // What it has started and left behind has nobody to print to then.
    letGo();
  };
  const fail = (error: unknown): void => {
    failure ??= { error };
    kill();
  };
  const timers: ReturnType<typeof setTimeout>[] = [];
  const later = (then: () => void, ms: number) => timers.push(setTimeout(then, ms));
  const interrupt = (): void => {
    // It may have work folders to remove, and locks to give back.
    send(child, "SIGINT", options.group);
    later(kill, GRACE_MS);
  };
  const end = (why: RunResult["cut"]): void => {
    cut ??= why;
    kill();
  };
  signal?.addEventListener("abort", interrupt, { once: true });
  if (milliseconds !== undefined) later(() => end("time"), milliseconds);
  try {
    const fed = input && feed(child, input).catch(fail);
    const read = Promise.all(outputs.map(async (output) => {
      if (!await output.read()) end("bytes");
    })).catch(fail);
    const { code, signal: killedBy } = await child.status;
    if (lingerMs !== undefined) later(letGo, lingerMs);
    await read;
    input?.cancel().catch(() => {});
    await fed;
    signal?.throwIfAborted();
    if (failure !== undefined) throw failure.error;
    const [{ text: stdout }, { text: stderr }] = outputs;
    return { code, killedBy: killedBy ?? undefined, stdout, stderr, cut };
  } finally {
    signal?.removeEventListener("abort", interrupt);
    timers.forEach(clearTimeout);
  }
}

/** `ended with exit code 1` or the like, for the middle of a sentence. */
export function howEnded({ code, killedBy }: Pick<RunResult, "code" | "killedBy">): string {
  return killedBy === undefined ? `ended with exit code ${code}` : `was ended by ${killedBy}`;
}

function start(options: RunOptions): Deno.ChildProcess {
  const { command: [program = "", ...args], directory, environment, variables } = options;
  const { stdin, stdout, stderr, group } = options;
  return new Deno.Command(program, {
    args,
    ...(directory === undefined ? {} : { cwd: directory }),
    env: { ...environment, ...variables },
    clearEnv: environment !== undefined,
    stdin: stdin === undefined ? "null" : stdin === "inherit" ? "inherit" : "piped",
    stdout: stdout === "inherit" ? stdout : "piped",
    stderr: stderr === "inherit" ? stderr : "piped",
    ...(group ? { detached: true } : {}),
  }).spawn();
}

async function startError({ command, directory }: RunOptions, error: unknown): Promise<StartError> {
  const [program = ""] = command;
  const folder = directory === undefined || await Deno.stat(directory).catch(() => undefined);
  if (folder !== true && !folder?.isDirectory) {
    return new StartError("folder", `${directory} is not a folder`, error);
  }
  if (!(error instanceof Deno.errors.NotFound)) {
    return new StartError(undefined, messageOf(error), error);
  }
  const where = /[/\\]/.test(program) ? "" : " on PATH";
  return new StartError("program", `there is no program ${program}${where}`, error);
}

function send({ pid }: Deno.ChildProcess, signal: Deno.Signal, group = false): void {
  try {
    // Windows has no groups of this kind.
    Deno.kill(group && Deno.build.os !== "windows" ? -pid : pid, signal);
  } catch {
    // It has ended by itself.
  }
}

function inputOf(stdin: RunOptions["stdin"]): ReadableStream<Uint8Array> | undefined {
  if (stdin === undefined || stdin === "inherit") return undefined;
  if (stdin instanceof ReadableStream) return stdin;
  const texts = typeof stdin === "string" ? [stdin] : stdin;
  return ReadableStream.from(texts).pipeThrough(new TextEncoderStream());
}

/** @throws what the input fails with, and nothing else: the program may have stopped reading */
async function feed(
  child: Deno.ChildProcess,
  input: ReadableStreamDefaultReader<Uint8Array>,
): Promise<void> {
  const writer = child.stdin.getWriter();
  for (;;) {
    const { value } = await input.read().catch(async (error) => {
      await writer.abort(error).catch(() => {});
      throw error;
    });
    try {
      await (value === undefined ? writer.close() : writer.write(value));
    } catch {
      // Its exit code and its own words say why.
      return;
    }
    if (value === undefined) return;
  }
}

/** What comes out of a program: handed on to a function, or else kept up to a bound. */
class Output {
  text = "";

  constructor(
    readonly reader: ReadableStreamDefaultReader<Uint8Array> | undefined,
    readonly take: RunOptions["stdout"],
    readonly maxBytes: number,
  ) {}

  /** Reads to the end; gives false as soon as there is too much. */
  async read(): Promise<boolean> {
    const decoder = new TextDecoder();
    const { take } = this;
    if (take instanceof WritableStream) return await this.#pour(take.getWriter());
    let left = typeof take === "function" ? Infinity : this.maxBytes;
    for (;;) {
      // What has ended, or was left, has no more to say.
      const { value } = await this.reader?.read().catch(() => undefined) ?? {};
      const isEnd = value === undefined || value.length > left;
      const text = decoder.decode(value?.subarray(0, left), { stream: !isEnd });
      if (typeof take === "function") take(text);
      else this.text += text;
      if (isEnd) return value === undefined;
      left -= value.length;
    }
  }

  async #pour(writer: WritableStreamDefaultWriter<Uint8Array>): Promise<true> {
    for (;;) {
      const { value } = await this.reader?.read().catch(() => undefined) ?? {};
      if (value === undefined) break;
      await writer.write(value);
    }
    writer.releaseLock();
    return true;
  }

  cancel(): void {
    this.reader?.cancel().catch(() => {});
  }
}

/** How long what a hook has left running may hold its outputs, in milliseconds; as in Skaffold. */
const LINGER_MS = 2000;
/** A line that is longer is handed on in pieces. */
const MAX_LINE = 16 * 1024;

/** What a program prints, as `cmd` of Skaffold's templates has it: without its last line break. */
export async function commandOutput(
  command: readonly string[],
  how: Pick<RunOptions, "environment" | "signal">,
): Promise<string> {
  const [name = ""] = command;
  const result = await runProgram({ ...how, command, group: true });
  if (result.cut) throw new Error(`${name} prints more than ${MAX_OUTPUT_BYTES} bytes`);
  if (result.code === 0) return result.stdout.replace(/\r?\n$/, "");
  const [why = ""] = result.stderr.trim().split("\n");
  throw new Error(`${name} ${howEnded(result)}${why === "" ? "" : `: ${why}`}`);
}

/**
 * Runs a command around a build to its end; `name` is what errors (`HOOK_FAILED`) call it, and
 * `take` gets each line of its stdout and stderr.
 */
export async function runHook(
  { name, take, ...how }:
    & Pick<RunOptions, "command" | "environment" | "signal" | "directory">
    & { readonly name: string; readonly take: (line: string) => void },
): Promise<void> {
  const failed = (why: string, cause?: unknown): KodenoError =>
    new KodenoError("HOOK_FAILED", `Cannot build: ${name} ${why}`, {}, { cause });
  const [stdout, stderr] = [new Lines(take), new Lines(take)];
  const result = await runProgram({
    ...how,
    group: true,
    lingerMs: LINGER_MS,
    stdout: (text) => stdout.add(text),
    stderr: (text) => stderr.add(text),
  }).catch((error) => {
    if (!(error instanceof StartError)) throw error;
    throw failed(`cannot be run: ${error.message}`, error);
  });
  stdout.end();
  stderr.end();
  if (result.code !== 0) throw failed(howEnded(result));
}

/** Cuts text into lines. */
class Lines {
  #rest = "";

  constructor(readonly take: (line: string) => void) {}

  add(text: string): void {
    const all = (this.#rest + text).split(/\r?\n/);
    this.#rest = all.pop() ?? "";
    all.forEach(this.take);
    if (this.#rest.length > MAX_LINE) this.end();
  }

  end(): void {
    if (this.#rest !== "") this.take(this.#rest);
    this.#rest = "";
  }
}
