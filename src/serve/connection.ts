/**
 * One connection of a client: requests come in and answers go out, one after the other, each within
 * bounds of size and time. The runtime's own server (see server.ts) bounds neither a client that stops
 * reading nor one that sends byte by byte, and holds files and memory for both for ever.
 * @module
 */
import { Buffer } from "node:buffer";
import { STATUS_CODES } from "node:http";
import {
  type Handler,
  type HttpAnswer,
  type HttpContent,
  HttpError,
  type HttpRequest,
  MAX_HEAD_BYTES,
  parseRequest,
} from "./messages.ts";

/** Bounds of time, in milliseconds. */
export interface ConnectionTimes {
  /** From one answer to the next request. */
  readonly idleMs: number;
  /** From the first byte of a request to the end of its head. */
  readonly headMs: number;
  /** For {@link CHUNK_BYTES} of an answer: who takes less has stopped reading, or all but. */
  readonly chunkMs: number;
}

/** What holds where nothing else is said. */
export const USUAL_TIMES: ConnectionTimes = { idleMs: 60_000, headMs: 15_000, chunkMs: 60_000 };

/** Bytes of a blob that are read and sent at a time. */
const CHUNK_BYTES = 128 * 1024;
/** Memory for them that nobody needs at present: new one for each blob would be much garbage. */
const free: Uint8Array[] = [];
const MAX_FREE = 200;
/** Room for the head of a usual request. */
const HEAD_BYTES = 2048;
/** Most bytes and milliseconds of a body, which is read so that its sender looks at the answer. */
const MAX_BODY = 1024 * 1024;
const MAX_BODY_MS = 2000;

export class Connection {
  /** Settles when it is closed; never fails. */
  readonly closed: Promise<void>;
  readonly #deadline = new Deadline(() => this.close());
  readonly #heads = new HeadReader();
  readonly #memory = new Uint8Array(HEAD_BYTES);
  /** Whether it waits for a request, and could be closed without harm to anybody. */
  isIdle = true;
  #last = false;
  #open = true;

  constructor(
    readonly conn: Deno.Conn,
    readonly handler: Handler,
    readonly times: ConnectionTimes,
  ) {
    this.closed = this.#run().catch(() => {}).finally(() => this.close());
  }

  close(): void {
    if (!this.#open) return;
    this.#open = false;
    this.#deadline.close();
    try {
      this.conn.close();
    } catch {
      // The client was faster.
    }
  }

  /** Ends it after the answer that is under way, or at once where there is none. */
  finish(): void {
    this.#last = true;
    if (this.isIdle) this.close();
  }

  async #run(): Promise<void> {
    // Else the last bytes of a blob wait 40 ms for an acknowledgement. TLS has no such switch.
    if ("setNoDelay" in this.conn) (this.conn as Deno.TcpConn).setNoDelay(true);
    while (this.#open && !this.#last) {
      const head = await this.#readHead();
      if (head === undefined) return;
      this.isIdle = false;
      const request = parsed(head);
      const answer = await this.handler(request);
      const isSound = !(request instanceof HttpError);
      const stays = isSound && request.keepAlive && !this.#last;
      await this.#send(answer, isSound && request.method === "HEAD", stays);
      if (!stays) return isSound && !request.hasBody ? undefined : await this.#linger();
      this.isIdle = true;
    }
  }

  /** The head of the next request; undefined when none comes. */
  async #readHead(): Promise<RequestHead | undefined> {
    const { idleMs, headMs } = this.times;
    let began: number | undefined;
    for (;;) {
      const head = this.#heads.next();
      if (head !== undefined) return head;
      if (this.#heads.hasBegun) began ??= performance.now();
      const left = began === undefined ? idleMs : Math.max(1, headMs - (performance.now() - began));
      const count = await this.#deadline.within(left, () => this.conn.read(this.#memory));
      if (count === null) return undefined;
      this.#heads.add(this.#memory.subarray(0, count));
    }
  }

  async #send({ status, headers, body }: HttpAnswer, isHead: boolean, stays: boolean) {
    const content = body instanceof Uint8Array ? undefined : body;
    try {
      const lines = [`HTTP/1.1 ${status} ${STATUS_CODES[status] ?? "-"}`];
      for (const [name, value] of Object.entries(headers)) lines.push(`${name}: ${value}`);
      lines.push(`date: ${new Date().toUTCString()}`);
      lines.push(`connection: ${stays ? "keep-alive" : "close"}`);
      const head = new TextEncoder().encode(lines.join("\r\n") + "\r\n\r\n");
      const small = !isHead && body instanceof Uint8Array ? body : new Uint8Array(0);
      await this.#write(Buffer.concat([head, small]));
      if (!isHead && content !== undefined) await this.#sendContent(content);
    } finally {
      content?.close();
    }
  }

  async #sendContent(content: HttpContent): Promise<void> {
    const memory = free.pop() ?? new Uint8Array(CHUNK_BYTES);
    try {
      for (;;) {
        const count = await content.read(memory);
        if (count === null) return;
        await this.#write(memory.subarray(0, count));
      }
    } finally {
      if (free.length < MAX_FREE && !this.#deadline.hasLeftWork) free.push(memory);
    }
  }

  async #write(bytes: Uint8Array): Promise<void> {
    await this.#deadline.within(this.times.chunkMs, async () => {
      for (let at = 0; at < bytes.length;) at += await this.conn.write(bytes.subarray(at));
    });
  }

  /** Reads what a client may still be sending: one that is cut off may never look at the answer. */
  async #linger(): Promise<void> {
    await this.conn.closeWrite();
    const memory = new Uint8Array(16 * 1024);
    await this.#deadline.within(MAX_BODY_MS, async () => {
      for (let left = MAX_BODY; left > 0;) {
        left -= await this.conn.read(memory) ?? left;
      }
    });
  }
}

function parsed({ text, whole }: RequestHead): HttpRequest | HttpError {
  try {
    return parseRequest(text, whole);
  } catch (error) {
    if (error instanceof HttpError) return error;
    throw error;
  }
}

/** A head, a character a byte, without the empty line; `whole` unless it is too long. */
type RequestHead = { readonly text: string; readonly whole: boolean };

const HEAD_END = "\r\n\r\n";
/** Empty lines before a request, as some clients send after a body (RFC 9112, 2.2). */
const MAX_EMPTY_LINES = 4;

/** Finds where the head of a request ends, in the bytes of one connection as they come in. */
export class HeadReader {
  #text = "";
  /** Before it there is no end. */
  #searched = 0;
  #emptyLines = 0;

  /** Whether bytes of a head have come that is not whole yet. */
  get hasBegun(): boolean {
    return this.#text !== "";
  }

  add(bytes: Uint8Array): void {
    this.#text += new TextDecoder("latin1").decode(bytes);
  }

  /** The next head, where it can be told from what came so far. */
  next(): RequestHead | undefined {
    while (this.#text.startsWith("\r\n") && this.#emptyLines < MAX_EMPTY_LINES) {
      this.#text = this.#text.slice(2);
      this.#searched = 0;
      this.#emptyLines++;
    }
    const text = this.#text;
    const end = text.indexOf(HEAD_END, this.#searched);
    if (end >= 0) {
      this.#text = text.slice(end + HEAD_END.length);
      this.#searched = this.#emptyLines = 0;
      return { text: text.slice(0, end), whole: true };
    }
    // A client that tries TLS first waits for a word; none of it is a method.
    const mayBegin = /^(?:[A-Z]|\r?$)/.test(text);
    // Whoever ends lines so waits for an answer, and other readers would see another request.
    const bareLf = /(?<!\r)\n/g;
    bareLf.lastIndex = this.#searched;
    const isBad = !mayBegin || bareLf.test(text);
    this.#searched = Math.max(0, text.length - HEAD_END.length);
    if (!isBad && text.length < MAX_HEAD_BYTES) return undefined;
    // What will be refused ends the connection, with whatever follows.
    this.#text = "";
    return { text: mayBegin ? text : "", whole: isBad };
  }
}

/** Ends work that takes too long, one piece at a time. */
export class Deadline {
  /** Whether work was left that may still be going on, with the memory it was given. */
  hasLeftWork = false;
  #fail: ((reason: Error) => void) | undefined;

  /** `late` is called when a bound passes; it has to call {@link Deadline.close}. */
  constructor(readonly late: () => void) {}

  /** Does work for so long. Some runtimes never end a write whose connection was closed. */
  async within<T>(ms: number, work: () => Promise<T>): Promise<T> {
    const timer = setTimeout(this.late, ms);
    try {
      return await new Promise<T>((resolve, reject) => {
        this.#fail = reject;
        work().then(resolve, reject);
      });
    } finally {
      clearTimeout(timer);
      this.#fail = undefined;
    }
  }

  close(): void {
    this.hasLeftWork ||= this.#fail !== undefined;
    this.#fail?.(new Error("closed"));
  }
}
