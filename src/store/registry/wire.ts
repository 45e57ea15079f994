/**
 * Bytes over one connection, with bounds in time: reading into slabs that are handed on without a
 * copy, and writing that ends when the other side takes nothing more.
 * @module
 */
import { messageOf } from "../../errors.ts";

/** What a connection is to the code above it; a `Deno.Conn` is one. */
export interface ByteConn {
  /** Reads at least one byte; null at the end. */
  read(into: Uint8Array): Promise<number | null>;
  /** Writes some of the bytes; gives how many. */
  write(bytes: Uint8Array): Promise<number>;
  /** Ends it; what is being read or written fails. */
  close(): void;
}

/** Why a connection failed; only some of it gets better when tried again. */
export type ConnectionTrouble =
  | "refused"
  | "name"
  | "tls"
  | "certificate"
  | "timeout"
  | "closed"
  | "protocol"
  | "denied";

/** A connection that could not be made, or broke. */
export class ConnectionError extends Error {
  /**
   * @param trouble what kind of failure it is
   * @param message for a person: `the connection was closed`
   */
  constructor(readonly trouble: ConnectionTrouble, message: string, cause?: unknown) {
    super(message, { cause });
  }

  /** Whether trying again may help. */
  get transient(): boolean {
    return !["certificate", "denied", "protocol", "tls"].includes(this.trouble);
  }
}

const SLAB_BYTES = 256 * 1024;
const MIN_READ_BYTES = 16 * 1024;
/** Progress that gives the other side a new span of time: fewer bytes are a slow-loris. */
const PROGRESS_BYTES = 16 * 1024;

/** A connection with what was read ahead of need. */
export class Wire {
  readonly #conn: ByteConn;
  readonly #idleMs: number;
  #slab: Uint8Array<ArrayBuffer> = new Uint8Array(SLAB_BYTES);
  #start = 0;
  #end = 0;
  #reason: unknown;
  #closed = false;
  #waitedMs = 0;
  #progress = 0;

  /**
   * @param conn the connection; it is closed with the wire
   * @param idleMs how long the other side may take for 16 KiB, while it is waited for
   */
  constructor(conn: ByteConn, idleMs: number) {
    this.#conn = conn;
    this.#idleMs = idleMs;
  }

  /** Whether it can no longer be used. */
  get closed(): boolean {
    return this.#closed;
  }

  /** Bytes that were read and not yet taken. */
  get buffered(): number {
    return this.#end - this.#start;
  }

  /** Ends the connection; what is waiting on it throws the reason. */
  kill(reason: unknown): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#reason = reason;
    try {
      this.#conn.close();
    } catch {
      // It may have gone on its own.
    }
  }

  /** Some bytes, `max` at most; undefined at the end of the stream. */
  async read(max: number): Promise<Uint8Array | undefined> {
    if (this.buffered === 0 && !(await this.#fill())) return undefined;
    const from = this.#start;
    this.#start = Math.min(this.#end, from + max);
    return this.#slab.subarray(from, this.#start);
  }

  /** A line without its end, `limit` bytes at most; undefined when the stream ends before it. */
  async readLine(limit: number, untimed = false): Promise<string | undefined> {
    for (let seen = 0;;) {
      const at = this.#slab.subarray(this.#start + seen, this.#end).indexOf(0x0a);
      if ((at < 0 ? this.buffered : seen + at) > limit) {
        throw new ConnectionError("protocol", "the answer has too long a line");
      }
      if (at >= 0) {
        const line = this.#slab.subarray(this.#start, this.#start + seen + at);
        this.#start += seen + at + 1;
        return new TextDecoder("latin1").decode(line).replace(/\r$/, "");
      }
      seen = this.buffered;
      if (!(await this.#fill(untimed && seen === 0))) return undefined;
    }
  }

  /** Writes all bytes. */
  async write(bytes: Uint8Array): Promise<void> {
    for (let offset = 0; offset < bytes.length;) {
      const rest = bytes.subarray(offset);
      // Not closed when this fails: an answer that says why may have come already.
      offset += await this.#timed(
        this.#idleMs,
        () => this.#conn.write(rest),
        "took no bytes",
        false,
      );
    }
  }

  async #fill(untimed = false): Promise<boolean> {
    if (SLAB_BYTES - this.#end < MIN_READ_BYTES) {
      // What was handed out lives on in the old slab; only what is left moves.
      const left = this.#slab.subarray(this.#start, this.#end);
      this.#slab = new Uint8Array(SLAB_BYTES);
      this.#slab.set(left);
      this.#start = 0;
      this.#end = left.length;
    }
    const into = this.#slab.subarray(this.#end);
    const began = performance.now();
    const left = untimed ? undefined : Math.max(1, this.#idleMs - this.#waitedMs);
    const count = await this.#timed(left, () => this.#conn.read(into), "sent too little");
    if (count === null) return false;
    this.#end += count;
    this.#progress += count;
    this.#waitedMs += untimed ? 0 : performance.now() - began;
    if (this.#progress >= PROGRESS_BYTES) this.renew();
    return true;
  }

  /** Gives the other side a new span of time, as for a new answer. */
  renew(): void {
    this.#progress = 0;
    this.#waitedMs = 0;
  }

  async #timed<T>(
    ms: number | undefined,
    work: () => Promise<T>,
    late: string,
    closing = true,
  ): Promise<T> {
    if (this.#closed) throw this.#failure(undefined, true);
    const timer = ms === undefined ? undefined : setTimeout(() => {
      const seconds = Math.round(this.#idleMs / 100) / 10;
      this.kill(new ConnectionError("timeout", `the other side ${late} within ${seconds} s`));
    }, ms);
    try {
      return await work();
    } catch (error) {
      throw this.#failure(error, closing);
    } finally {
      clearTimeout(timer);
    }
  }

  #failure(error: unknown, closing: boolean): unknown {
    if (this.#reason !== undefined) return this.#reason;
    if (closing) this.kill(undefined);
    return new ConnectionError("closed", `the connection broke (${messageOf(error)})`, error);
  }
}
