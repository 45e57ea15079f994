/**
 * Input that has to be read more than once, such as an archive from a pipe: kept in a temporary file
 * without a name, which goes away with the process, however that ends.
 * @module
 */
import { tmpdir } from "node:os";
import { KodenoError, messageOf } from "../errors.ts";
import { removeStaleTemporaries, temporaryPath } from "./atomic.ts";
import { ioFailure, writeAll } from "./files.ts";
import { gunzipEach } from "./gunzip.ts";
import { findOutput, openPipe, PARTNER_MS } from "./output.ts";
import { orAborted, sleep } from "./concurrency.ts";

const CHUNK_BYTES = 256 * 1024;

/** What is unpacked in any case, and beyond that so many times as much as there is packed. */
const FREE_BYTES = 1024 ** 3;
const MAX_RATIO = 200;
const TOO_MUCH =
  `it unpacks to over ${MAX_RATIO} times as much; unpack it yourself if you trust it`;

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
  let spool: Deno.FsFile | undefined;
  try {
    for await (const chunk of pipedChunks(path, what, signal)) {
      spool ??= await openSpool();
      keep(spool, chunk, what);
    }
    return spool ?? await openSpool();
  } catch (error) {
    spool?.close();
    if (signal?.aborted) throw signal.reason;
    throw ioFailure(`read ${what}`, error);
  }
}

/** What stdin (`-`) or a pipe gives, to its end; a chunk holds until the next one is asked for. */
export async function* pipedChunks(
  path: string,
  what: string,
  signal?: AbortSignal,
): AsyncGenerator<Uint8Array> {
  const isStdin = path === "-";
  if (isStdin && (stdinTaken || Deno.stdin.isTerminal())) {
    const why = stdinTaken
      ? "it was read already; say - once"
      : "it is a terminal; say where it comes from with < or |, or name a file";
    throw new KodenoError("BAD_PLACE", `Cannot read ${what}: ${why}`);
  }
  stdinTaken ||= isStdin;
  // A pipe without a name has had its writer already.
  const waits = !isStdin && (await Deno.stat(path)).isFifo &&
    (await findOutput(path)).kind === "pipe";
  const file = isStdin ? undefined : await (waits ? openPipe(path, "read") : Deno.open(path));
  try {
    const input = file ?? Deno.stdin;
    const buffer = new Uint8Array(CHUNK_BYTES);
    for (let begun = !waits;;) {
      const count = await orAborted(input.read(buffer), signal);
      if (count === null) {
        if (begun) return;
        await sleep(PARTNER_MS, signal);
        continue;
      }
      begun = true;
      yield buffer.subarray(0, count);
    }
  } finally {
    file?.close();
  }
}

/**
 * Unpacks a gzip file of one member or several into a file of {@link openSpool}, which its taker closes.
 *
 * @throws {KodenoError} `BAD_CONTENT` for one that is damaged, or made to fill the disk
 */
export async function spoolGunzipped(
  packed: Deno.FsFile,
  what: string,
  signal?: AbortSignal,
): Promise<Deno.FsFile> {
  const bad = (why: string, cause?: unknown) =>
    new KodenoError("BAD_CONTENT", `Cannot unpack ${what}: ${why}`, {}, { cause });
  const spool = await openSpool();
  try {
    const most = Math.max(FREE_BYTES, MAX_RATIO * (await packed.stat()).size);
    let length = 0;
    const store = (chunk: Uint8Array): void => {
      length += chunk.length;
      if (length > most) throw bad(TOO_MUCH);
      keep(spool, chunk, what);
    };
    await packed.seek(0, Deno.SeekMode.Start);
    const how = { chunkSize: CHUNK_BYTES, signal };
    await gunzipEach(fileChunks(packed), store, how).catch((error) => {
      signal?.throwIfAborted();
      const isDamaged = /^Z_/.test(String((error as { code?: unknown }).code));
      throw isDamaged ? bad(`its gzip is damaged (${messageOf(error)})`, error) : error;
    });
    return spool;
  } catch (error) {
    spool.close();
    if (signal?.aborted) throw signal.reason;
    throw ioFailure(`unpack ${what}`, error);
  }
}

async function* fileChunks(file: Deno.FsFile): AsyncGenerator<Uint8Array> {
  for (;;) {
    const buffer = new Uint8Array(CHUNK_BYTES);
    const count = await file.read(buffer);
    if (count === null) return;
    yield buffer.subarray(0, count);
  }
}

/** Writes to a spool; a disk that is full is not one that the user has named. */
function keep(spool: Deno.FsFile, bytes: Uint8Array, what: string): void {
  try {
    writeAll(spool, bytes);
  } catch (error) {
    throw ioFailure(`keep ${what} in ${tmpdir()} (TMPDIR) while it is read`, error);
  }
}
