/**
 * Input that has to be read more than once, such as an archive from a pipe: kept in a temporary file
 * without a name, which goes away with the process, however that ends.
 * @module
 */
import { tmpdir } from "node:os";
import { KodenoError } from "../errors.ts";
import { orAborted } from "./work.ts";
import { removeStaleTemporaries, temporaryPath } from "./atomic.ts";
import { ioFailure } from "./fail.ts";
import { writeAll } from "./files.ts";
import { findOutput, openPipe, waitForPartner } from "./output.ts";

const CHUNK_BYTES = 256 * 1024;

let stdinTaken = false;

/**
 * Makes an empty file that only its maker can see.
 *
 * @param folder default the system's for temporary files
 */
export async function openSpool(folder: string = tmpdir()): Promise<Deno.FsFile> {
  const path = temporaryPath(folder);
  const options = { read: true, write: true, createNew: true, mode: 0o600 };
  const file = await Deno.open(path, options);
  // Where a file that is open cannot lose its name, the next one sweeps it.
  await Deno.remove(path).catch(() => removeStaleTemporaries(folder));
  return file;
}

/**
 * Reads the standard input or a pipe to its end into a file of {@link openSpool}; whoever takes it
 * closes it.
 *
 * @param path `-` is the standard input
 * @param what names it in errors: `archive from stdin`
 * @throws {KodenoError} `BAD_PLACE` for a terminal, `IO_FAILED`
 */
export async function spoolInput(
  path: string,
  what: string,
  signal?: AbortSignal,
): Promise<Deno.FsFile> {
  if (path === "-" && Deno.stdin.isTerminal()) {
    const why = "it is a terminal; say where it comes from with < or |, or name a file";
    throw new KodenoError("BAD_PLACE", `Cannot read ${what}: ${why}`);
  }
  if (path === "-" && stdinTaken) {
    throw new KodenoError("BAD_PLACE", `Cannot read ${what}: it was read already; say - once`);
  }
  stdinTaken ||= path === "-";
  let spool: Deno.FsFile | undefined;
  try {
    spool = await openSpool();
    const { isFifo = false } = path === "-" ? {} : await Deno.stat(path);
    // A pipe without a name has had its writer already.
    const waits = isFifo && (await findOutput(path)).kind === "pipe";
    const input = path === "-"
      ? Deno.stdin
      : waits
      ? await openPipe(path, "read")
      : await Deno.open(path);
    const buffer = new Uint8Array(CHUNK_BYTES);
    for (let begun = !waits;;) {
      const count = await orAborted(input.read(buffer), signal);
      if (count === null && begun) break;
      if (count === null) await waitForPartner(signal);
      else keep(spool, buffer.subarray(0, count), what);
      begun ||= count !== null;
    }
    if (input !== Deno.stdin) input.close();
    return spool;
  } catch (error) {
    spool?.close();
    if (signal?.aborted) throw signal.reason;
    throw ioFailure(`read ${what}`, error);
  }
}

/** The disk that is full is not one that the user has named. */
function keep(spool: Deno.FsFile, chunk: Uint8Array, what: string): void {
  try {
    writeAll(spool, chunk);
  } catch (error) {
    throw ioFailure(`keep ${what} in ${tmpdir()} (TMPDIR) while it is read`, error);
  }
}
