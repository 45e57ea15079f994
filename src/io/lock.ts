/**
 * Locks between kodeno processes, held on a file by the kernel: they end with their process.
 * @module
 */

/** The last one in this process to hold or wait for the lock of a path. */
const last = new Map<string, Promise<unknown>>();

/**
 * Runs `work` while holding the exclusive lock of a file that exists.
 * Waits for as long as another process holds it.
 */
export async function withLock<T>(path: string, work: () => Promise<T>): Promise<T> {
  // Within the process they queue up here. In the kernel each would hold one of the runtime's few
  // threads for file operations, and with the last of them the holder could not do any.
  const turn = (last.get(path) ?? Promise.resolve()).then(() => lockAndRun(path, work));
  const ended = turn.then(() => {}, () => {});
  last.set(path, ended);
  try {
    return await turn;
  } finally {
    if (last.get(path) === ended) last.delete(path);
  }
}

async function lockAndRun<T>(path: string, work: () => Promise<T>): Promise<T> {
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
