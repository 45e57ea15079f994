/**
 * The bytes of a blob in parts, for an upload that may have to begin in the middle: read once where
 * all goes well, checked as they go, and the last of them given only when all of them are right.
 * @module
 */
import type { OpenBlob } from "../../content/places.ts";
import { Verifier } from "../../io/hash.ts";
import { reusedChunks } from "../../io/streams.ts";
import type { Descriptor } from "../../oci/descriptor.ts";

/** Reads a blob for an upload. */
export class UploadBytes {
  #reading: AsyncGenerator<Uint8Array> | undefined;
  /** What was read and is not sent yet. */
  #rest: Uint8Array = new Uint8Array(0);
  #at = 0;

  /** Takes the blob and how it is opened; nothing is read yet. */
  constructor(
    readonly descriptor: Descriptor,
    readonly open: OpenBlob,
    readonly signal: AbortSignal | undefined,
  ) {}

  /**
   * Some of its bytes. What follows on the part before is read on; any other one is read from the
   * beginning of the blob, since all bytes are checked.
   *
   * @param offset where the part begins
   * @param length bytes
   * @throws {KodenoError} `BAD_CONTENT` before the last bytes of a blob that is not what it has to be
   */
  async *part(offset: number, length: number): AsyncGenerator<Uint8Array> {
    if (this.#reading === undefined || this.#at !== offset) await this.#begin(offset);
    let left = length;
    do {
      if (this.#rest.length === 0) {
        const { done, value } = await this.#next();
        if (done) return;
        this.#rest = value;
      }
      const bytes = this.#rest.subarray(0, left);
      this.#rest = this.#rest.subarray(bytes.length);
      this.#at += bytes.length;
      left -= bytes.length;
      yield bytes;
    } while (left > 0);
  }

  /** Ends the reading. */
  async close(): Promise<void> {
    const reading = this.#reading;
    this.#reading = undefined;
    await reading?.return(undefined);
  }

  async #begin(offset: number): Promise<void> {
    await this.close();
    this.#reading = checkedFrom(offset, this.descriptor, this.open, this.signal);
    this.#rest = new Uint8Array(0);
    this.#at = offset;
  }

  async #next(): Promise<IteratorResult<Uint8Array, void>> {
    return await this.#reading?.next() ?? { done: true, value: undefined };
  }
}

async function* checkedFrom(
  offset: number,
  descriptor: Descriptor,
  open: OpenBlob,
  signal: AbortSignal | undefined,
): AsyncGenerator<Uint8Array, void> {
  const verifier = new Verifier(descriptor);
  let skip = offset;
  let held: Uint8Array | undefined;
  // One chunk is held back, and the one before it is being sent.
  const options = { size: descriptor.size, keep: 1, signal };
  for await (const chunk of reusedChunks(await open(), options)) {
    verifier.update(chunk);
    const fresh = chunk.subarray(Math.min(skip, chunk.length));
    skip -= chunk.length - fresh.length;
    if (fresh.length === 0) continue;
    if (held !== undefined) yield held;
    held = fresh;
  }
  // Held back till here: without its last bytes the registry cannot take the blob for whole.
  verifier.finish();
  if (held !== undefined) yield held;
}
