/**
 * Finding where the head of a request ends, in bytes as they come in. Pure.
 * @module
 */
import { MAX_HEAD_BYTES } from "./messages.ts";

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
