/**
 * Asks a person on the terminal.
 * @module
 */
import process from "node:process";
import { createInterface } from "node:readline";
import { Writable } from "node:stream";
import { KodenoError } from "../errors.ts";

/** Asks for a line on stderr; a secret is not shown while it is typed. */
export async function askLine(
  question: string,
  signal: AbortSignal,
  isSecret = false,
): Promise<string> {
  signal.throwIfAborted();
  const show = (text: string): number => Deno.stderr.writeSync(new TextEncoder().encode(text));
  const muted = new Writable({ write: (_chunk, _encoding, done) => done() });
  const output = isSecret ? muted : process.stderr;
  const lines = createInterface({ input: process.stdin, output, terminal: true });
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  const abort = (): void => reject(signal.reason);
  signal.addEventListener("abort", abort);
  const interrupted = new KodenoError("INTERRUPTED", "Interrupted; nothing was kept");
  for (const event of ["SIGINT", "close"]) lines.once(event, () => reject(interrupted));
  if (isSecret) show(question);
  lines.question(question, resolve);
  try {
    return isSecret ? await promise : (await promise).trim();
  } finally {
    signal.removeEventListener("abort", abort);
    lines.close();
    // Nobody has echoed the Enter.
    if (isSecret) show("\n");
  }
}

/** Asks for the password of a key, where somebody can be asked. */
export async function askPassword(what: string, signal: AbortSignal): Promise<string> {
  if (!Deno.stdin.isTerminal()) {
    const why = "set KODENO_KEY_PASSWORD, since nobody can be asked for its password";
    throw new KodenoError("BAD_OPTION", `Cannot use the key: ${why}`);
  }
  return await askLine(`Password ${what}: `, signal, true);
}
