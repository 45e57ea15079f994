/**
 * Locks on files between kodeno processes; the kernel ends them with the process.
 * @module
 */
import { ioFailure } from "./files.ts";
import { inTurn, orAborted } from "./concurrency.ts";

/** The last one in this process to hold or wait for the lock of a path. */
const last = new Map<string, Promise<void>>();

/** Runs `work` under the exclusive lock of a file; the signal ends the waiting, not the work. */
export async function withLock<T>(path: string, work: () => Promise<T>, signal?: AbortSignal) {
  // Within the process they queue up here. In the kernel each would hold one of the runtime's few
  // threads for file operations, and with the last of them the holder could not do any.
  return await inTurn(last, path, async () => {
    signal?.throwIfAborted();
    // NFS gives an exclusive lock only to who could write.
    const file = await Deno.open(path, { read: true, write: true }).catch(() => Deno.open(path));
    const locked = file.lock(true);
    try {
      await orAborted(locked, signal);
    } catch (error) {
      // The kernel does not take the question back: whatever it answers, the file is closed then.
      locked.catch(() => {}).finally(() => file.close());
      throw error;
    }
    using _ = file;
    return await work();
  });
}

/** Opens what is there with its shared lock, which many may hold; closing it lets go. */
export async function openShared(path: string): Promise<Deno.FsFile> {
  using stack = new globalThis.DisposableStack();
  const file = stack.use(Deno.openSync(path));
  await file.lock(false);
  stack.move();
  return file;
}

/** {@link withLock} on a file that is made when it is not there. */
export async function withLockFile<T>(path: string, work: () => Promise<T>, signal?: AbortSignal) {
  // Some keep records in it, which nobody else is to write, whatever the umask is.
  try {
    (await Deno.open(path, { write: true, create: true, mode: 0o644 })).close();
  } catch (error) {
    throw ioFailure(`lock ${path}`, error);
  }
  return await withLock(path, work, signal);
}
