/**
 * Files are read and written without the runtime's threads: to hand a chunk from one processor to the
 * next and back takes longer than to copy it. In between, other things have their turn.
 * @module
 */
import { setImmediate } from "node:timers";

/**
 * Bytes of a file written at a time. The system takes larger pieces into larger pages, which are
 * farther from the processor than the small ones that were just let go.
 */
const WRITE_BYTES = 64 * 1024;
/** How long files may be read and written without a look at what else has happened. */
const TURN_MS = 8;

let turned = 0;

/** Lets signals, timers and connections have their turn, when it is time for that. */
async function turn(): Promise<void> {
  if (performance.now() - turned < TURN_MS) return;
  await new Promise((resolve) => setImmediate(resolve));
  turned = performance.now();
}

/** What a file that is open for reading is needed for. */
export interface ReadableFile {
  readSync(memory: Uint8Array): number | null;
  close(): void;
}

/**
 * Fills memory from its beginning with what comes next in a file.
 *
 * @param file a real one: a pipe would stop everything
 * @returns how many bytes there were; null at the end
 */
export async function readSome(file: ReadableFile, memory: Uint8Array): Promise<number | null> {
  await turn();
  return file.readSync(memory);
}

/** {@link readSome} from an offset on, whoever else reads the same file meanwhile. */
export async function readSomeAt(
  file: Deno.FsFile,
  offset: number,
  memory: Uint8Array,
): Promise<number | null> {
  await turn();
  file.seekSync(offset, Deno.SeekMode.Start);
  return file.readSync(memory);
}

/** Writes all of a chunk to a file, which may take less at a time. */
export function writeAll(file: Deno.FsFile, chunk: Uint8Array): void {
  for (let offset = 0; offset < chunk.length;) {
    offset += file.writeSync(chunk.subarray(offset, offset + WRITE_BYTES));
  }
}
