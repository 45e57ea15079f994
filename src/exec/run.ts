/**
 * Runs a program that a configuration of the user's names, as `cmd` of Skaffold's templates does.
 * @module
 */
import { endingWith, startProgram } from "./group.ts";

/** How it is run. */
export interface ProgramOptions {
  /** All variables; nothing is inherited. */
  readonly environment: Readonly<Record<string, string>>;
  readonly signal?: AbortSignal | undefined;
}

/** What a value of a template may be made of. */
const MAX_BYTES = 1024 * 1024;

/**
 * Runs a program to its end, or until it has printed more than a value can be.
 *
 * @returns what it prints, without the line break at its end
 * @throws {Error} that says what the program said, when it cannot be run, prints without end or fails;
 * the signal's reason when aborted
 */
export async function runProgram(
  name: string,
  args: readonly string[],
  { environment, signal }: ProgramOptions,
): Promise<string> {
  signal?.throwIfAborted();
  const child = startProgram([name, ...args], environment);
  const tooMuch = new AbortController();
  using _ = endingWith(child, signal ? AbortSignal.any([signal, tooMuch.signal]) : tooMuch.signal);
  const [stdout, stderr, { success, code }] = await Promise.all([
    textOf(child.stdout, tooMuch),
    textOf(child.stderr, tooMuch),
    child.status,
  ]);
  signal?.throwIfAborted();
  if (tooMuch.signal.aborted) throw new Error(`${name} prints more than ${MAX_BYTES} bytes`);
  if (success) return stdout.replace(/\r?\n$/, "");
  const [why = ""] = stderr.trim().split("\n");
  throw new Error(`${name} ended with exit code ${code}${why === "" ? "" : `: ${why}`}`);
}

async function textOf(stream: ReadableStream<Uint8Array>, tooMuch: AbortController) {
  const decoder = new TextDecoder();
  let text = "";
  for await (const chunk of stream) {
    if (text.length < MAX_BYTES) text += decoder.decode(chunk, { stream: true });
    else tooMuch.abort();
  }
  return text + decoder.decode();
}
