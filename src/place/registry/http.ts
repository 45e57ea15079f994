/**
 * One exchange of HTTP/1.1 over a wire (RFC 9112). The runtime's own `fetch` leaves out the
 * Content-Length of a stream, which registries ask for, and cannot leave a certificate unchecked.
 * @module
 */
import { bodyReader, bodyStream, emptyStream, readHead } from "./http_answer.ts";
import { ConnectionError, type Wire } from "./wire.ts";

/** What is sent along with a request. */
export interface RequestBody {
  /** Bytes. */
  readonly length: number;
  /** The bytes; a stream is read while it is sent. */
  readonly content: Uint8Array | AsyncIterable<Uint8Array>;
}

/** A request as it goes over the wire. */
export interface WireRequest {
  readonly method: string;
  /** Path and query; with a plain proxy the whole URL. */
  readonly target: string;
  readonly headers: Headers;
  readonly body?: RequestBody | undefined;
  /** How long the answer may take to begin, after all was sent. */
  readonly answerMs: number;
}

/** The answer. Its body has to be read to the end, or cancelled. */
export interface WireResponse {
  readonly status: number;
  readonly headers: Headers;
  readonly body: ReadableStream<Uint8Array>;
}

/** How long an answer may take to show up after the connection broke while sending. */
const GRACE_MS = 500;

/**
 * Sends a request and reads the head of the answer. When that comes before all was sent, sending
 * ends.
 *
 * @param done told when the body came to its end; `reusable` when the connection can take another
 * request
 * @throws {ConnectionError} and whatever the body's stream throws
 */
export async function exchange(
  wire: Wire,
  request: WireRequest,
  done: (reusable: boolean) => void,
): Promise<WireResponse> {
  wire.renew();
  let answered = false;
  let unblock: (() => void) | undefined;
  const head = readHead(wire);
  const note = () => {
    answered = true;
    unblock?.();
  };
  head.then(note, note);
  let complete = false;
  const write = (bytes: Uint8Array) =>
    new Promise<void>((resolve, reject) => {
      unblock = resolve;
      wire.write(bytes).then(resolve, reject);
    });
  try {
    complete = await send(request, write, () => answered);
  } catch (error) {
    // A registry that refuses may close at once: its answer says more than the broken connection.
    const grace = error instanceof ConnectionError && !wire.closed ? GRACE_MS : 0;
    if (!answered && grace > 0) await within(head, grace);
    if (!answered || grace === 0) {
      wire.kill(error);
      throw error;
    }
  }
  const late = setTimeout(() => {
    const seconds = Math.round(request.answerMs / 1000);
    wire.kill(new ConnectionError("timeout", `there was no answer within ${seconds} s`));
  }, request.answerMs);
  try {
    const { status, headers, keepAlive } = await head;
    const body = bodyReader(wire, request.method, status, headers);
    const reusable = complete && keepAlive && body.delimited;
    if (body.empty) {
      done(reusable);
      return { status, headers, body: emptyStream() };
    }
    return {
      status,
      headers,
      body: bodyStream(wire, body.read, (whole) => done(whole && reusable)),
    };
  } catch (error) {
    wire.kill(error);
    throw error;
  } finally {
    clearTimeout(late);
  }
}

/** Waits for a promise, but no longer than that; what becomes of it is seen elsewhere. */
async function within(promise: Promise<unknown>, ms: number): Promise<void> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise((resolve) => timer = setTimeout(resolve, ms));
  await Promise.race([promise.catch(() => {}), late]);
  clearTimeout(timer);
}

/** Sends head and body; false when the answer came before the end. */
async function send(
  { method, target, headers, body }: WireRequest,
  write: (bytes: Uint8Array) => Promise<void>,
  answered: () => boolean,
): Promise<boolean> {
  const lines = [`${method} ${target} HTTP/1.1`];
  if (body !== undefined) headers.set("content-length", String(body.length));
  for (const [name, value] of headers) lines.push(`${name}: ${value}`);
  const head = new TextEncoder().encode(lines.join("\r\n") + "\r\n\r\n");
  if (body === undefined) {
    await write(head);
    return true;
  }
  const { content } = body;
  if (content instanceof Uint8Array) {
    const whole = new Uint8Array(head.length + content.length);
    whole.set(head);
    whole.set(content, head.length);
    await write(whole);
    return true;
  }
  await write(head);
  let sent = 0;
  for await (const chunk of content) {
    if (answered()) return false;
    await write(chunk);
    sent += chunk.length;
  }
  if (sent !== body.length) throw new Error(`sent ${sent} bytes, not ${body.length}`);
  return true;
}
