/**
 * Opening files where a process may have few of them open at once: one that is too many waits for the
 * others, which are being read and written meanwhile and are closed soon.
 * @module
 */
import { messageOf } from "../errors.ts";

const WAIT_MS = 20;
/** Till whatever holds the others is taken for something that does not end. */
const MOST_WAITS = 250;

/** `Deno.open`, which waits for others to be closed where no more can be opened. */
export async function openPatiently(path: string, how?: Deno.OpenOptions): Promise<Deno.FsFile> {
  for (let waits = 0;; waits++) {
    try {
      return await Deno.open(path, how);
    } catch (error) {
      if (waits === MOST_WAITS || !/os error 24\b/.test(messageOf(error))) throw error;
      await new Promise((resolve) => setTimeout(resolve, WAIT_MS));
    }
  }
}
