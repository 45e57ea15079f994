/**
 * Makes the next chunks of a body while the present one is sent.
 * @module
 */

/** Chunks made ahead, so that reading and hashing go on while the daemon takes what it got. */
const AHEAD = 3;

/**
 * The chunks of a generator, some of them asked for before they are wanted.
 *
 * @param failed gets what the generator throws, which tells it from an error of the connection
 */
export async function* readAhead(
  chunks: AsyncGenerator<Uint8Array>,
  failed: { error?: unknown },
): AsyncGenerator<Uint8Array> {
  const coming: Promise<IteratorResult<Uint8Array>>[] = [];
  try {
    for (;;) {
      while (coming.length < AHEAD) {
        const next = chunks.next();
        next.catch(() => {});
        coming.push(next);
      }
      const next = await coming.shift();
      if (next === undefined || next.done) return;
      yield next.value;
    }
  } catch (error) {
    failed.error = error;
    throw error;
  } finally {
    await chunks.return(undefined);
  }
}
