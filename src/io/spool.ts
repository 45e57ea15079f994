/**
 * Input that has to be read more than once, such as an archive from a pipe: kept in a temporary file
 * without a name, which goes away with the process, however that ends.
 * @module
 */
import { tmpdir } from "node:os";
import { KodenoError } from "../errors.ts";
import { removeStaleTemporaries, temporaryPath } from "./atomic.ts";
import { ioFailure, writeAll } from "./files.ts";
import { findOutput, openPipe, PARTNER_MS } from "./output.ts";
import { orAborted, sleep } from "./concurrency.ts";

const CHUNK_BYTES = 256 * 1024;

let stdinTaken = false;

/** Makes an empty file that only its maker can see. */
export async function openSpool(folder: string = tmpdir()): Promise<Deno.FsFile> {
  const path = temporaryPath(folder);
  const how = { read: true, write: true, createNew: true, mode: 0o600 };
  const file = await Deno.open(path, how);
  // Where a file that is open cannot lose its name, the next one sweeps it.
  await Deno.remove(path).catch(() => removeStaleTemporaries(folder));
  return file;
}

/** Reads stdin (`-`) or a pipe into a file of {@link openSpool}, which its taker closes. */
export async function spoolInput(
  path: string,
  what: string,
  signal?: AbortSignal,
): Promise<Deno.FsFile> {
  const isStdin = path === "-";
  if (isStdin && (stdinTaken || Deno.stdin.isTerminal())) {
    const why = stdinTaken
      ? "it was read already; say - once"
      : "it is a terminal; say where it comes from with < or |, or name a file";
    throw new KodenoError("BAD_PLACE", `Cannot read ${what}: ${why}`);
  }
  stdinTaken ||= isStdin;
  let spool: Deno.FsFile | undefined;
  try {
    spool = await openSpool();
    // A pipe without a name has had its writer already.
    const waits = !isStdin && (await Deno.stat(path)).isFifo &&
      (await findOutput(path)).kind === "pipe";
    const file = isStdin ? undefined : await (waits ? openPipe(path, "read") : Deno.open(path));
    const input = file ?? Deno.stdin;
    const buffer = new Uint8Array(CHUNK_BYTES);
    for (let begun = !waits;;) {
      const count = await orAborted(input.read(buffer), signal);
      if (count === null) {
        if (begun) break;
        await sleep(PARTNER_MS, signal);
        continue;
      }
      begun = true;
      try {
        writeAll(spool, buffer.subarray(0, count));
      } catch (error) {
        // The disk that is full is not one that the user has named.
        throw ioFailure(`keep ${what} in ${tmpdir()} (TMPDIR) while it is read`, error);
      }
    }
    file?.close();
    return spool;
  } catch (error) {
    spool?.close();
    if (signal?.aborted) throw signal.reason;
    throw ioFailure(`read ${what}`, error);
  }
}
