/**
 * One connection of a client: requests come in and answers go out, one after the other, each within
 * bounds of size and time. The runtime's own server bounds neither a client that sends its request
 * byte by byte nor one that stops reading, and holds files and memory for both for ever.
 * @module
 */
import { Deadline } from "./deadline.ts";
import type { Handler } from "./handler.ts";
import { HeadReader, type RequestHead } from "./heads.ts";
import {
  type HttpAnswer,
  type HttpContent,
  HttpError,
  type HttpRequest,
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
/** Most bytes and milliseconds of a body, which is read so that its sender looks at the answer. */
const MAX_BODY = 1024 * 1024;
const MAX_BODY_MS = 2000;

/** Answers the requests of one connection. */
export class Connection {
  /** Settles when it is closed; never fails. */
  readonly closed: Promise<void>;
  readonly #deadline = new Deadline(() => this.close());
  #answering = false;
  #last = false;
  #open = true;
  readonly #heads = new HeadReader();

  /** Begins to listen to a client. */
  constructor(
    readonly conn: Deno.Conn,
    readonly handler: Handler,
    readonly times: ConnectionTimes,
  ) {
    this.closed = this.#run().catch(() => {}).finally(() => this.close());
  }

  /** Whether it waits for a request, and could be closed without harm to anybody. */
  get isIdle(): boolean {
    return !this.#answering;
  }

  /** Ends it at once. */
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
    // The last bytes of a blob would wait until those before them are acknowledged, some 40 ms.
    if (isTcp(this.conn)) this.conn.setNoDelay(true);
    while (this.#open && !this.#last) {
      const head = await this.#readHead();
      if (head === undefined) return;
      this.#answering = true;
      const { answer, request } = await this.#answer(head);
      const stays = request?.keepAlive === true && !this.#last;
      await this.#send(answer, request?.method === "HEAD", stays);
      if (!stays) return await this.#linger(request);
      this.#answering = false;
    }
  }

  async #answer(
    { text, whole }: RequestHead,
  ): Promise<{ readonly answer: HttpAnswer; readonly request?: HttpRequest }> {
    try {
      const request = parseRequest(text, whole);
      return { answer: await this.handler(request), request };
    } catch (error) {
      if (error instanceof HttpError) return { answer: await this.handler(error) };
      throw error;
    }
  }

  /** The head of the next request; undefined when none comes. */
  async #readHead(): Promise<RequestHead | undefined> {
    const { idleMs, headMs } = this.times;
    const heads = this.#heads;
    let began: number | undefined;
    for (;;) {
      const head = heads.next();
      if (head !== undefined) return head;
      if (heads.hasBegun) began ??= performance.now();
      const left = began === undefined ? idleMs : Math.max(1, headMs - (performance.now() - began));
      const count = await this.#deadline.within(left, () => this.conn.read(heads.room()));
      if (count === null) return undefined;
      heads.filled(count);
    }
  }

  async #send(
    { status, headers, body }: HttpAnswer,
    isHead: boolean,
    stays: boolean,
  ): Promise<void> {
    const content = body instanceof Uint8Array ? undefined : body;
    try {
      const lines = [`HTTP/1.1 ${status} ${REASONS[status] ?? "-"}`];
      for (const [name, value] of Object.entries(headers)) lines.push(`${name}: ${value}`);
      lines.push(
        `date: ${new Date().toUTCString()}`,
        `connection: ${stays ? "keep-alive" : "close"}`,
      );
      const head = new TextEncoder().encode(lines.join("\r\n") + "\r\n\r\n");
      const small = !isHead && body instanceof Uint8Array ? body : new Uint8Array(0);
      const first = new Uint8Array(head.length + small.length);
      first.set(head);
      first.set(small, head.length);
      await this.#write(first);
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
  async #linger(request: HttpRequest | undefined): Promise<void> {
    if (request !== undefined && !request.hasBody) return;
    await this.conn.closeWrite();
    const memory = new Uint8Array(16 * 1024);
    await this.#deadline.within(MAX_BODY_MS, async () => {
      for (let left = MAX_BODY; left > 0;) {
        const count = await this.conn.read(memory);
        if (count === null) return;
        left -= count;
      }
    });
  }
}

/** Not so for TLS, whose connections the runtime gives no such switch. */
function isTcp(conn: Deno.Conn): conn is Deno.TcpConn {
  return "setNoDelay" in conn;
}

const REASONS: Readonly<Record<number, string>> = {
  200: "OK",
  206: "Partial Content",
  304: "Not Modified",
  400: "Bad Request",
  404: "Not Found",
  405: "Method Not Allowed",
  414: "URI Too Long",
  416: "Range Not Satisfiable",
  431: "Request Header Fields Too Large",
  500: "Internal Server Error",
  501: "Not Implemented",
  503: "Service Unavailable",
  505: "HTTP Version Not Supported",
};
