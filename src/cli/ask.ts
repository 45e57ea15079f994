/**
 * Asks a person on the terminal.
 * @module
 */
import { KodenoError } from "../errors.ts";

const ENTER = /[\r\n]/;
const CTRL_C = "\x03";
const CTRL_D = "\x04";
const CTRL_U = "\x15";
const BACKSPACE: readonly string[] = ["\b", "\x7f"];

/** Whether there is a person to ask. */
export function canAsk(): boolean {
  return Deno.stdin.isTerminal();
}

/**
 * Asks for a line.
 *
 * @param question what is shown, on stderr
 * @throws the signal's reason; {KodenoError} `INTERRUPTED` when there is no more to be read
 */
export async function askLine(question: string, signal: AbortSignal): Promise<string> {
  say(question);
  return (await readLine(signal, (line) => line)).trim();
}

/** Asks for a line that is not shown while it is typed. */
export async function askSecret(question: string, signal: AbortSignal): Promise<string> {
  say(question);
  Deno.stdin.setRaw(true);
  try {
    return await readLine(signal, edited);
  } finally {
    Deno.stdin.setRaw(false);
    // Nobody has echoed the Enter.
    say("\n");
  }
}

async function readLine(signal: AbortSignal, edit: (line: string) => string): Promise<string> {
  const decoder = new TextDecoder();
  const buffer = new Uint8Array(1024);
  let text = "";
  for (;;) {
    const count = await untilAborted(Deno.stdin.read(buffer), signal);
    text += decoder.decode(buffer.subarray(0, count ?? 0), { stream: true });
    if (count === null || text.includes(CTRL_C)) throw interrupted();
    const end = text.search(ENTER);
    const line = end < 0 ? text : text.slice(0, end);
    if (line === CTRL_D) throw interrupted();
    if (end >= 0) return edit(line);
  }
}

function interrupted(): KodenoError {
  return new KodenoError("INTERRUPTED", "Interrupted; nothing was kept");
}

/** What a terminal makes of the keys when nobody reads them raw. */
function edited(keys: string): string {
  const line: string[] = [];
  for (const key of keys) {
    if (BACKSPACE.includes(key)) line.pop();
    else if (key === CTRL_U) line.length = 0;
    else line.push(key);
  }
  return line.join("");
}

/** The read goes on behind it, until the process ends; nothing else reads from a terminal. */
async function untilAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  signal.throwIfAborted();
  const aborted = Promise.withResolvers<never>();
  const abort = () => aborted.reject(signal.reason);
  signal.addEventListener("abort", abort, { once: true });
  try {
    return await Promise.race([work, aborted.promise]);
  } finally {
    signal.removeEventListener("abort", abort);
  }
}

function say(text: string): void {
  Deno.stderr.writeSync(new TextEncoder().encode(text));
}
