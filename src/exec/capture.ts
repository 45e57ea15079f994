/**
 * Runs a program whose answer is short: what it prints is kept up to a bound, and one that prints
 * more, or does not end, is ended.
 * @module
 */

/** How it is run. */
export interface CaptureOptions {
  readonly directory?: string | undefined;
  /** All variables; without them those of this process. */
  readonly environment?: Readonly<Record<string, string>> | undefined;
  /** Variables beside or instead of those. */
  readonly variables?: Readonly<Record<string, string>> | undefined;
  /** For its standard input; nothing unless given. */
  readonly input?: string | undefined;
  /** Most bytes of each of its outputs; default {@link MAX_ANSWER_BYTES}. */
  readonly maxBytes?: number | undefined;
  /** Milliseconds that it may take; default any. */
  readonly milliseconds?: number | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** What it said. */
export interface Captured {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
  /** Why it was ended before its end. */
  readonly cut?: "bytes" | "time";
}

/** Most bytes of an answer, unless said otherwise. */
export const MAX_ANSWER_BYTES = 1024 * 1024;

/**
 * Runs a program to its end, or till it has gone on too long.
 *
 * @throws {Deno.errors.NotFound} and others, when it cannot be started; the signal's reason
 */
export async function capture(
  command: string,
  args: readonly string[],
  options: CaptureOptions = {},
): Promise<Captured> {
  const { directory, environment, variables, input, milliseconds, signal } = options;
  const { maxBytes = MAX_ANSWER_BYTES } = options;
  signal?.throwIfAborted();
  const child = new Deno.Command(command, {
    args: [...args],
    ...(directory === undefined ? {} : { cwd: directory }),
    env: { ...environment, ...variables },
    clearEnv: environment !== undefined,
    stdin: input === undefined ? "null" : "piped",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const stopped = Promise.withResolvers<"bytes" | "time" | "signal">();
  const abort = (): void => stopped.resolve("signal");
  signal?.addEventListener("abort", abort, { once: true });
  const timer = milliseconds && setTimeout(() => stopped.resolve("time"), milliseconds);
  const outputs = [child.stdout, child.stderr].map((stream) => new Output(stream, maxBytes));
  const told = Promise.all(outputs.map(async (output) => {
    if (!await output.read()) stopped.resolve("bytes");
  }));
  if (input !== undefined) feed(child, input);
  try {
    const ended = Promise.all([child.status, told]).then(() => undefined);
    const cut = await Promise.race([ended, stopped.promise]);
    if (cut !== undefined) {
      kill(child);
      // What it has started and left behind has nobody to print to then.
      await Promise.all(outputs.map((output) => output.cancel()));
    }
    // What has more to say than it may has said it when its status comes.
    const { code } = await child.status;
    signal?.throwIfAborted();
    const [stdout = "", stderr = ""] = outputs.map((output) => output.text());
    const why = cut ?? (outputs.some((output) => output.isFull) ? "bytes" : undefined);
    return { code, stdout, stderr, ...(why === "bytes" || why === "time" ? { cut: why } : {}) };
  } finally {
    clearTimeout(timer);
    signal?.removeEventListener("abort", abort);
  }
}

function kill(child: Deno.ChildProcess): void {
  try {
    child.kill("SIGKILL");
  } catch {
    // It has ended by itself.
  }
}

/** One that does not read its input may have answered all the same. */
async function feed(child: Deno.ChildProcess, input: string): Promise<void> {
  try {
    const writer = child.stdin.getWriter();
    await writer.write(new TextEncoder().encode(input));
    await writer.close();
  } catch {
    // It has stopped reading.
  }
}

/** What comes out of a program, up to a bound. */
class Output {
  readonly #reader: ReadableStreamDefaultReader<Uint8Array>;
  readonly #maxBytes: number;
  readonly #chunks: Uint8Array[] = [];
  #length = 0;

  constructor(stream: ReadableStream<Uint8Array>, maxBytes: number) {
    this.#reader = stream.getReader();
    this.#maxBytes = maxBytes;
  }

  get isFull(): boolean {
    return this.#length > this.#maxBytes;
  }

  /** Reads to the end; gives false as soon as there is too much. */
  async read(): Promise<boolean> {
    for (;;) {
      const { value } = await this.#reader.read().catch(() => ({ value: undefined }));
      if (value === undefined) return true;
      this.#chunks.push(value);
      this.#length += value.length;
      if (this.isFull) return false;
    }
  }

  async cancel(): Promise<void> {
    await this.#reader.cancel().catch(() => {});
  }

  text(): string {
    const decoder = new TextDecoder();
    const parts = this.#chunks.map((chunk) => decoder.decode(chunk, { stream: true }));
    return (parts.join("") + decoder.decode()).slice(0, this.#maxBytes);
  }
}
