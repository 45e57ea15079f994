/**
 * How much one request of an upload may carry.
 * @module
 */

/** The largest chunk that is tried after a stream was refused; it is held in memory. */
export const FIRST_CHUNK_BYTES = 4 * 1024 * 1024;
/** Smaller bodies are not refused for their size. */
const SMALLEST_CHUNK_BYTES = 64 * 1024;

/**
 * How much one request of an upload may carry: all there is, until the registry or a proxy before it
 * refuses that. Then half of it, and half of that, till one gets through. All uploads to a registry
 * share it.
 */
export class UploadSize {
  #most = Infinity;

  /**
   * Bytes that a request may carry; infinite where a stream without a length is taken.
   *
   * @param smallest what the registry wants a chunk to have at least (`OCI-Chunk-Min-Length`)
   */
  most(smallest: number): number {
    return Math.max(this.#most, smallest);
  }

  /**
   * Takes a refusal of a body.
   *
   * @param refused bytes of that body; infinite where it was refused for something else
   * @param smallest as in {@link most}
   * @returns whether a smaller one can be tried
   */
  refuse(refused: number, smallest: number): boolean {
    if (refused <= SMALLEST_CHUNK_BYTES) return false;
    // Another upload may have found out the same in the meantime.
    if (this.#most > refused / 2 || this.#most === Infinity) {
      const half = 2 ** Math.ceil(Math.log2(refused) - 1);
      this.#most = Math.max(SMALLEST_CHUNK_BYTES, Math.min(FIRST_CHUNK_BYTES, half));
    }
    return this.most(smallest) < refused;
  }
}

/** The smallest chunk that a registry takes, as it says when an upload begins; 0 where it does not. */
export function smallestChunk(headers: Headers): number {
  const text = headers.get("oci-chunk-min-length") ?? "";
  return /^\d{1,12}$/.test(text) ? Number(text) : 0;
}
