/**
 * One connection of a client: requests come in and answers go out, one after the other, each within
 * bounds of size and time. The runtime's own server bounds neither a client that sends its request
 * byte by byte nor one that stops reading, and holds files and memory for both for ever.
 * @module
 */
import type { Handler } from "./handler.ts";
import {
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

/** The head of a request, without the empty line at its end. */
export interface RequestHead {
  /** A character a byte. */
  readonly text: string;
  /** Whether the empty line was found, or what is there can be no request; else it is too long. */
  readonly whole: boolean;
}

/** Room for the head of a usual request. */
const FIRST_HEAD_BYTES = 2048;
const HEAD_END = new TextEncoder().encode("\r\n\r\n");
const [CR, LF] = [13, 10];
/** Empty lines before a request, as some clients send after a body (RFC 9112, 2.2). */
const MAX_EMPTY_LINES = 4;

/** Takes the bytes of one connection. */
export class HeadReader {
  #buffer: Uint8Array = new Uint8Array(FIRST_HEAD_BYTES);
  #length = 0;
  /** Before it there is no end. */
  #searched = 0;
  #emptyLines = 0;

  /** Whether bytes of a head have come that is not whole yet. */
  get hasBegun(): boolean {
    return this.#length > 0;
  }

  /** Memory for the next bytes; how many came is said by {@link filled}. */
  room(): Uint8Array {
    if (this.#length === this.#buffer.length) this.#buffer = grown(this.#buffer, 4 * this.#length);
    return this.#buffer.subarray(this.#length);
  }

  /** Takes the first bytes of {@link room}. */
  filled(count: number): void {
    this.#length += count;
  }

  /** The next head, where it can be told from what came so far. */
  next(): RequestHead | undefined {
    const buffer = this.#buffer;
    while (
      this.#length > 1 && buffer[0] === CR && buffer[1] === LF && this.#emptyLines < MAX_EMPTY_LINES
    ) {
      buffer.copyWithin(0, 2, this.#length);
      this.#length -= 2;
      this.#searched = 0;
      this.#emptyLines++;
    }
    const bytes = buffer.subarray(0, this.#length);
    const end = indexOfEnd(bytes, this.#searched);
    if (end >= 0) {
      const rest = bytes.subarray(end + HEAD_END.length);
      const text = latin1(bytes.subarray(0, end));
      this.#buffer = grown(rest, Math.max(FIRST_HEAD_BYTES, rest.length));
      this.#length = rest.length;
      this.#searched = this.#emptyLines = 0;
      return { text, whole: true };
    }
    // A client that tries TLS first waits for a word; none of it is a method.
    const mayBegin = bytes.length === 0 || isCapital(bytes[0] ?? 0) ||
      (bytes.length === 1 && bytes[0] === CR);
    if (!mayBegin) return this.#giveUp("", true);
    // Whoever ends lines so waits for an answer, and other readers would see another request.
    if (hasBareLf(bytes, this.#searched)) return this.#giveUp(latin1(bytes), true);
    if (bytes.length >= MAX_HEAD_BYTES) return this.#giveUp(latin1(bytes), false);
    this.#searched = Math.max(0, bytes.length - HEAD_END.length);
    return undefined;
  }

  /** What will be refused ends the connection, with whatever follows. */
  #giveUp(text: string, whole: boolean): RequestHead {
    this.#length = 0;
    return { text, whole };
  }
}

/** Whether a line ends without a carriage return. */
function hasBareLf(bytes: Uint8Array, from: number): boolean {
  for (let at = bytes.indexOf(LF, from); at >= 0; at = bytes.indexOf(LF, at + 1)) {
    if (bytes[at - 1] !== CR) return true;
  }
  return false;
}

function indexOfEnd(bytes: Uint8Array, from: number): number {
  for (let at = bytes.indexOf(CR, from); at >= 0; at = bytes.indexOf(CR, at + 1)) {
    if (HEAD_END.every((byte, i) => bytes[at + i] === byte)) return at;
  }
  return -1;
}

function grown(bytes: Uint8Array, length: number): Uint8Array {
  const larger = new Uint8Array(length);
  larger.set(bytes);
  return larger;
}

function isCapital(byte: number): boolean {
  return byte >= 0x41 && byte <= 0x5a;
}

function latin1(bytes: Uint8Array): string {
  return new TextDecoder("latin1").decode(bytes);
}

/** Ends work that takes too long, one piece at a time. */
export class Deadline {
  #due = Infinity;
  #firesAt = Infinity;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #fail: ((reason: Error) => void) | undefined;

  /** @param late called when a bound passes; it has to call {@link Deadline.close} */
  constructor(readonly late: () => void) {}

  /** Whether work was left that may still be going on, with the memory it was given. */
  get hasLeftWork(): boolean {
    return this.#leftWork;
  }
  #leftWork = false;

  /**
   * Does work, which may take so many milliseconds. It is not waited for any longer: some versions of
   * the runtime never end a write whose connection was closed.
   */
  async within<T>(ms: number, work: () => Promise<T>): Promise<T> {
    this.#due = performance.now() + ms;
    // A timer that fires earlier looks again; one that fires later would be too late.
    if (this.#firesAt > this.#due) this.#arm(ms);
    try {
      return await new Promise<T>((resolve, reject) => {
        this.#fail = reject;
        work().then(resolve, reject);
      });
    } finally {
      this.#due = Infinity;
      this.#fail = undefined;
    }
  }

  /** Ends the timer, and the work that is being done. */
  close(): void {
    clearTimeout(this.#timer);
    this.#due = this.#firesAt = Infinity;
    this.#leftWork ||= this.#fail !== undefined;
    this.#fail?.(new Error("closed"));
  }

  #arm(ms: number): void {
    clearTimeout(this.#timer);
    this.#firesAt = performance.now() + ms;
    this.#timer = setTimeout(() => this.#fire(), ms);
  }

  #fire(): void {
    this.#firesAt = Infinity;
    if (this.#due === Infinity) return;
    const left = this.#due - performance.now();
    if (left > 0) this.#arm(left);
    else this.late();
  }
}
