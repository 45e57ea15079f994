/**
 * How large the requests of an upload may be, as a registry or a proxy before it lets one find out.
 * @module
 */

/** The largest chunk that is tried after a stream was refused; it is held in memory. */
export const FIRST_CHUNK_BYTES = 4 * 1024 * 1024;
/** Smaller bodies are not refused for their size. */
const SMALLEST_CHUNK_BYTES = 64 * 1024;

/**
 * How much one request of any upload to a registry may carry: all there is, until it or a proxy before
 * it refuses that. Then half of it, and half of that, till one gets through.
 */
export class UploadSize {
  #most = Infinity;

  /** Bytes that a request may carry; infinite where a stream without a length is taken. */
  get most(): number {
    return this.#most;
  }

  /**
   * Takes a refusal of a body of so many bytes, infinite where it was refused for something else; gives
   * whether a smaller one, but not below `OCI-Chunk-Min-Length`, can be tried.
   */
  refuse(refused: number, smallest: number): boolean {
    if (refused <= SMALLEST_CHUNK_BYTES) return false;
    // Another upload may have found out the same in the meantime.
    if (this.#most > refused / 2 || this.#most === Infinity) {
      const half = 2 ** Math.ceil(Math.log2(refused) - 1);
      this.#most = Math.max(SMALLEST_CHUNK_BYTES, Math.min(FIRST_CHUNK_BYTES, half));
    }
    return Math.max(this.#most, smallest) < refused;
  }
}

/** The smallest chunk that a registry takes, as it says when an upload begins; 0 where it does not. */
export function smallestChunk(headers: Headers): number {
  const text = headers.get("oci-chunk-min-length") ?? "";
  return /^\d{1,12}$/.test(text) ? Number(text) : 0;
}
