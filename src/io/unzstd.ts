/**
 * Unpacking what zstd has packed, chunk by chunk (RFC 8878). The runtime can do that with one frame at
 * most, and not at all in Deno 2.6.
 * @module
 */
import { Decompress } from "../npm/fzstd.ts";

/** What readers have to keep of a frame; no more is asked of them (RFC 8878, 3.1.1.1.2). */
const MAX_WINDOW = 8 * 1024 ** 2;
/** Windows of all blocks together, each of which the library moves: twice what 8 GB have. */
const MAX_MOVED = 2 ** 40;

/**
 * Unpacks frames one after the other, and hands them on; the next comes when it is taken. What `take` or
 * the chunks throw comes back.
 *
 * @throws {Error} for what zstd has not packed, and what would take too much memory or time
 */
export async function unzstdEach(
  chunks: AsyncIterable<Uint8Array>,
  take: (chunk: Uint8Array) => Promise<void> | void,
): Promise<void> {
  const frames = new Frames();
  const unpacked: Uint8Array[] = [];
  const library = new Decompress((chunk) => unpacked.push(chunk));
  const push = async (part: Uint8Array, isEnd = false): Promise<void> => {
    library.push(part, isEnd);
    for (const one of unpacked.splice(0)) await take(one);
  };
  for await (const chunk of chunks) {
    let from = 0;
    // Block by block: a few bytes may be many megabytes, and nobody is to hold more than those of a block.
    for (const end of frames.ends(chunk)) {
      // It keeps what is no whole block yet, and chunks may be written over.
      await push(chunk.slice(from, end));
      from = end;
    }
    if (from < chunk.length) await push(chunk.slice(from));
  }
  await push(new Uint8Array(0), true);
}

const [MAGIC, SKIPPED] = [0xfd2fb528, 0x184d2a5];
const DICTIONARY = [0, 1, 2, 4];
const CONTENT_SIZE = [0, 2, 4, 8];

/** What the head of a frame says. */
interface Frame {
  /** Bytes that are to be kept of it. */
  readonly window: number;
  readonly hasSum: boolean;
}

/** Looks at the heads of frames and blocks, and passes over the rest. */
class Frames {
  /** Bytes to pass over, and those of a head that is not whole yet. */
  #over = 0;
  #head: number[] = [];
  #moved = 0;
  #frame: Frame | undefined;

  /** Where blocks of a chunk end, and what is to be passed over. */
  *ends(chunk: Uint8Array): Generator<number> {
    for (let at = 0; at < chunk.length;) {
      if (this.#over > 0) {
        const passed = Math.min(this.#over, chunk.length - at);
        this.#over -= passed;
        at += passed;
        if (this.#over === 0) yield at;
        continue;
      }
      this.#head.push(chunk[at++] ?? 0);
      if (this.#frame === undefined ? this.#readFrame() : this.#readBlock(this.#frame)) {
        this.#head = [];
      }
    }
  }

  /** Whether the head was whole. */
  #readFrame(): boolean {
    if (this.#head.length < 5) return false;
    const head = new DataView(Uint8Array.from(this.#head).buffer);
    const magic = head.getUint32(0, true);
    if (magic >>> 4 === SKIPPED) {
      if (head.byteLength < 8) return false;
      this.#over = head.getUint32(4, true);
      return true;
    }
    // What it is then is the library's to say.
    if (magic !== MAGIC) return false;
    const flags = head.getUint8(4);
    const isSingle = (flags & 0x20) !== 0;
    const sizeBytes = CONTENT_SIZE[flags >> 6] || (isSingle ? 1 : 0);
    const sizeAt = 5 + (isSingle ? 0 : 1) + (DICTIONARY[flags & 3] ?? 0);
    if (head.byteLength < sizeAt + sizeBytes) return false;
    const window = isSingle ? contentSize(head, sizeAt, sizeBytes) : windowSize(head.getUint8(5));
    if (window > MAX_WINDOW) {
      throw new Error(`it was packed with a window of ${window} bytes, more than ${MAX_WINDOW}`);
    }
    this.#frame = { window, hasSum: (flags & 4) !== 0 };
    return true;
  }

  #readBlock({ window, hasSum }: Frame): boolean {
    const [low = 0, middle = 0, high] = this.#head;
    if (high === undefined) return false;
    const head = low | middle << 8 | high << 16;
    this.#moved += window;
    if (this.#moved > MAX_MOVED) throw new Error("it has too many blocks");
    const isRepeated = (head >> 1 & 3) === 1;
    this.#over = isRepeated ? 1 : head >> 3;
    if ((head & 1) !== 0) {
      this.#over += hasSum ? 4 : 0;
      this.#frame = undefined;
    }
    return true;
  }
}

function windowSize(descriptor: number): number {
  const base = 2 ** (10 + (descriptor >> 3));
  return base + base / 8 * (descriptor & 7);
}

function contentSize(head: DataView, at: number, bytes: number): number {
  if (bytes === 1) return head.getUint8(at);
  if (bytes === 2) return head.getUint16(at, true) + 256;
  return bytes === 4 ? head.getUint32(at, true) : Number(head.getBigUint64(at, true));
}
