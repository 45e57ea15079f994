/**
 * Runs a program in a container of a daemon, with bytes for its standard input (Docker Engine API
 * 1.41: POST /containers/ID/exec, POST /exec/ID/start, GET /exec/ID/json).
 * @module
 */
import { z } from "zod";
import type { CallOptions } from "../../content/places.ts";
import { messageOf } from "../../errors.ts";
import { type Asked, daemonFailure, daemonRefusal, parseAnswer } from "./answer.ts";
import type { DaemonClient } from "./client.ts";
import { formatEndpoint } from "./endpoint.ts";
import type { Hijacked } from "./hijack.ts";
import { readAhead } from "./read_ahead.ts";

/** What is kept of what a program says: the end of it. */
const MAX_OUTPUT = 64 * 1024;
/** How long a program may take to end by itself after its input was cut, in milliseconds. */
const PATIENCE_MS = 5000;
const FRAME_HEAD = 8;
/** No member of a tar begins like this, so that a reader of one does not take a part for all. */
const NO_TAR = new Uint8Array(1024).fill(0xff);

const idSchema = z.looseObject({ Id: z.string() });
const stateSchema = z.looseObject({
  Running: z.boolean().optional(),
  ExitCode: z.number().nullish(),
});

/** How a program ended. */
export interface Executed {
  readonly code: number;
  /** What it printed, its errors among it. */
  readonly output: string;
}

/** What a program gets. */
export interface ExecOptions extends CallOptions {
  /** Makes its standard input, a tar. */
  readonly input?: (() => AsyncGenerator<Uint8Array>) | undefined;
}

/**
 * Runs a program in a container to its end.
 *
 * @param container its ID
 * @returns how it ended; a program that is not there ends with 126 or 127
 * @throws {KodenoError} `IO_FAILED` for what the daemon does not do; what the input throws: then the
 * program got an input that is no tar
 */
export async function execute(
  client: DaemonClient,
  container: string,
  command: readonly string[],
  options: ExecOptions = {},
): Promise<Executed> {
  const { input, signal } = options;
  const asked = { where: formatEndpoint(client.endpoint), doing: `run ${command.join(" ")}` };
  const made = await client.ask("POST", `/containers/${encodeURIComponent(container)}/exec`, {
    json: {
      AttachStdin: input !== undefined,
      AttachStdout: true,
      AttachStderr: true,
      Cmd: command,
    },
    signal,
  });
  if (made.status !== 201) throw daemonRefusal(asked, made.status, made.text);
  const id = encodeURIComponent(parseAnswer(asked, idSchema, made.text).Id);
  const start = { Detach: false, Tty: false };
  using stream = await client.hijack(`/exec/${id}/start`, start, signal);
  if (stream.status !== 101 && stream.status !== 200) {
    throw daemonRefusal(asked, stream.status, stream.text);
  }
  const output = await converse(stream, asked, options);
  return { code: await exitCode(client, id, asked, options), output };
}

/** Sends the input while what the program says is read. */
async function converse(
  stream: Hijacked,
  asked: Asked,
  { input, signal }: ExecOptions,
): Promise<string> {
  const failed: { error?: unknown } = {};
  const sending = input === undefined ? undefined : send(stream, input(), failed);
  // The program may have ended before it read all; what it says tells more than that.
  sending?.catch(() => {});
  let timer: ReturnType<typeof setTimeout> | undefined;
  const giveUp = (): void => {
    timer ??= setTimeout(() => stream[Symbol.dispose](), PATIENCE_MS);
  };
  signal?.addEventListener("abort", giveUp, { once: true });
  if (signal?.aborted) giveUp();
  let output: string;
  try {
    output = await readOutput(stream.chunks());
  } catch (error) {
    if (signal?.aborted) throw signal.reason;
    throw daemonFailure(asked, `the connection broke (${messageOf(error)})`, error);
  } finally {
    clearTimeout(timer);
    signal?.removeEventListener("abort", giveUp);
    stream[Symbol.dispose]();
    await sending?.catch(() => {});
  }
  if (signal?.aborted) throw signal.reason;
  if ("error" in failed) throw failed.error;
  return output;
}

async function send(
  stream: Hijacked,
  input: AsyncGenerator<Uint8Array>,
  failed: { error?: unknown },
): Promise<void> {
  try {
    for await (const chunk of readAhead(input, failed)) await stream.write(chunk);
  } catch (error) {
    if (!("error" in failed)) throw error;
    // Without this, an input that is cut between two members would look whole.
    await stream.write(NO_TAR);
  }
  await stream.closeWrite();
}

/** The end of all that a program says, as text. */
async function readOutput(chunks: AsyncGenerator<Uint8Array>): Promise<string> {
  const decoder = new TextDecoder();
  let text = "";
  for await (const bytes of unframed(chunks)) {
    text = (text + decoder.decode(bytes, { stream: true })).slice(-MAX_OUTPUT);
  }
  return text.trim();
}

/**
 * What is in frames: a byte for the stream, three of zero, four for the length, and as many bytes.
 * What begins otherwise comes without frames.
 */
async function* unframed(chunks: AsyncGenerator<Uint8Array>): AsyncGenerator<Uint8Array> {
  let bytes = new Uint8Array();
  let left = 0;
  for await (const chunk of chunks) {
    const longer = new Uint8Array(bytes.length + chunk.length);
    longer.set(bytes);
    longer.set(chunk, bytes.length);
    bytes = longer;
    while (bytes.length > 0) {
      if (left === 0) {
        if (bytes[0] !== undefined && bytes[0] > 2) left = Infinity;
        else if (bytes.length < FRAME_HEAD) break;
        else {
          left = new DataView(bytes.buffer, bytes.byteOffset).getUint32(4);
          bytes = bytes.subarray(FRAME_HEAD);
        }
      }
      const count = Math.min(left, bytes.length);
      yield bytes.subarray(0, count);
      left -= count;
      bytes = bytes.subarray(count);
    }
  }
}

async function exitCode(
  client: DaemonClient,
  id: string,
  asked: Asked,
  options: CallOptions,
): Promise<number> {
  const { signal } = options;
  for (const end = Date.now() + PATIENCE_MS;;) {
    const { status, text } = await client.ask("GET", `/exec/${id}/json`, { signal });
    if (status !== 200) throw daemonRefusal(asked, status, text);
    const { Running, ExitCode } = parseAnswer(asked, stateSchema, text);
    if (!Running && typeof ExitCode === "number") return ExitCode;
    // Its output ends a moment before the daemon notes how it ended.
    if (Date.now() > end) throw daemonFailure(asked, "it does not say how that ended");
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
