/**
 * How much one request of an upload may carry: all there is, until the registry or a proxy before it
 * says that a body is too large (413). Then half of it, and half of that, till one gets through.
 * @module
 */

/** The largest chunk that is tried after a whole blob was refused. */
const FIRST_CHUNK_BYTES = 16 * 1024 * 1024;
/** Smaller bodies are not refused for their size. */
const SMALLEST_CHUNK_BYTES = 64 * 1024;

/** What is known of one registry; all uploads to it share it. */
export class UploadSize {
  #most = Infinity;

  /**
   * Bytes that a request may carry.
   *
   * @param smallest what the registry wants a chunk to have at least (`OCI-Chunk-Min-Length`)
   */
  most(smallest: number): number {
    return Math.max(this.#most, smallest);
  }

  /**
   * Takes a refusal of a body for its size.
   *
   * @param refused bytes of that body
   * @param smallest as in {@link most}
   * @returns whether a smaller one can be tried
   */
  refuse(refused: number, smallest: number): boolean {
    if (refused <= SMALLEST_CHUNK_BYTES) return false;
    // Another upload may have found out the same in the meantime.
    if (this.#most > refused / 2) {
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
