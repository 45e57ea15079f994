/**
 * Locks between kodeno processes, held on a file by the kernel: they end with their process.
 * @module
 */

/**
 * Runs `work` while holding the exclusive lock of a file that exists.
 * Waits for as long as another process holds it.
 */
export async function withLock<T>(path: string, work: () => Promise<T>): Promise<T> {
  const file = await Deno.open(path, { read: true });
  try {
    await file.lock(true);
    return await work();
  } finally {
    file.close();
  }
}

/** {@link withLock} on a file that is made when it is not there. */
export async function withLockFile<T>(path: string, work: () => Promise<T>): Promise<T> {
  (await Deno.open(path, { write: true, create: true })).close();
  return await withLock(path, work);
}
