/**
 * Bytes over one connection, with bounds in time: lines, bytes read straight into memory that the
 * reader lends, and writing that ends when the other side takes nothing more.
 * @module
 */
import { messageOf } from "../../errors.ts";
import type { Memory } from "../../io/streams.ts";

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
  | "client-certificate"
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
    const lasting = ["certificate", "client-certificate", "denied", "protocol", "tls"];
    return !lasting.includes(this.trouble);
  }
}

/** Alerts of TLS about what the other side was shown, or was not; they may come late. */
const CERTIFICATE_ALERT =
  /fatal alert: (?:Certificate|BadCertificate|UnsupportedCertificate|UnknownCA|AccessDenied)/i;

/** What it means that a host ends a connection over the certificate of kodeno's, if it does. */
export function certificateAlert(error: unknown): ConnectionError | undefined {
  if (!CERTIFICATE_ALERT.test(messageOf(error))) return undefined;
  const why = "it lets in only who shows a client certificate that it knows";
  return new ConnectionError("client-certificate", why, error);
}

/** Room for the longest line of an answer, and some of what follows on it. */
const SLAB_BYTES = 64 * 1024;
/** Progress that gives the other side a new span of time: fewer bytes are a slow-loris. */
const PROGRESS_BYTES = 16 * 1024;

/** A connection with what was read ahead of need. */
export class Wire {
  readonly #conn: ByteConn;
  readonly #idleMs: number;
  /** Ends what is being read or written: some versions of the runtime never end a write. */
  readonly #waiting = new Set<(reason: unknown) => void>();
  readonly #slab: Memory = new Uint8Array(SLAB_BYTES);
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
    for (const fail of this.#waiting) fail(reason);
  }

  /** Fills memory with what comes next, from its beginning; the filled part, empty at the end. */
  async read(memory: Memory): Promise<Memory> {
    const left = Math.min(this.buffered, memory.length);
    if (left === 0) return memory.subarray(0, await this.#receive(memory) ?? 0);
    memory.set(this.#slab.subarray(this.#start, this.#start + left));
    this.#start += left;
    return memory.subarray(0, left);
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
    if (this.#end === SLAB_BYTES) {
      this.#slab.copyWithin(0, this.#start);
      this.#end -= this.#start;
      this.#start = 0;
    }
    const count = await this.#receive(this.#slab.subarray(this.#end), untimed);
    this.#end += count ?? 0;
    return count !== null;
  }

  /** Reads from the connection itself; null at its end. */
  async #receive(into: Memory, untimed = false): Promise<number | null> {
    const began = performance.now();
    const left = untimed ? undefined : Math.max(1, this.#idleMs - this.#waitedMs);
    const count = await this.#timed(left, () => this.#conn.read(into), "sent too little");
    if (count === null) return null;
    this.#progress += count;
    this.#waitedMs += untimed ? 0 : performance.now() - began;
    if (this.#progress >= PROGRESS_BYTES) this.renew();
    return count;
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
    let fail: ((reason: unknown) => void) | undefined;
    try {
      return await new Promise<T>((resolve, reject) => {
        this.#waiting.add(fail = reject);
        work().then(resolve, reject);
      });
    } catch (error) {
      throw this.#failure(error, closing);
    } finally {
      clearTimeout(timer);
      if (fail) this.#waiting.delete(fail);
    }
  }

  #failure(error: unknown, closing: boolean): unknown {
    if (this.#reason !== undefined) return this.#reason;
    if (closing) this.kill(undefined);
    return certificateAlert(error) ??
      new ConnectionError("closed", `the connection broke (${messageOf(error)})`, error);
  }
}
