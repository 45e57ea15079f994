/**
 * Unpacking what gzip has packed, chunk by chunk.
 * @module
 */
import { Readable, Writable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { createGunzip } from "node:zlib";

/**
 * Unpacks gzip of one member or several, and hands it on; the next comes when it is taken. What `take` or the chunks throw comes back;
 * errors about the gzip itself have a `code` that begins with `Z_`.
 */
export async function gunzipEach(
  chunks: AsyncIterable<Uint8Array>,
  take: (chunk: Uint8Array) => Promise<void> | void,
  { chunkSize, signal }: { readonly chunkSize: number; readonly signal?: AbortSignal | undefined },
): Promise<void> {
  // Reading by a loop would now and then fail where bytes follow the end of what is packed.
  const taker = new Writable({
    write(chunk: Uint8Array, _, done) {
      try {
        const taking = take(chunk);
        if (taking === undefined) done();
        else taking.then(() => done(), done);
      } catch (error) {
        done(error as Error);
      }
    },
  });
  const input = Readable.from(chunks, { objectMode: true, highWaterMark: 1 });
  const options = signal ? { signal } : {};
  try {
    await pipeline(input, createGunzip({ chunkSize }), taker, options);
  } finally {
    input.destroy();
  }
}
