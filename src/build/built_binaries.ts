/**
 * Binaries that go wrote some time ago, and may have been damaged since: go takes one for up to date
 * by the build ID in it, without a look at the rest. So what go wrote is recorded, and what was not
 * written just now has to be what the record says.
 * @module
 */
import { join } from "node:path";
import { ioFailure, isNotFound } from "../io/fail.ts";
import { Meter } from "../io/hash.ts";
import { removeIfThere } from "../io/remove.ts";
import { fileStream } from "../io/streams.ts";
import { buildIdOf } from "../layers/build_id.ts";
import type { Digest } from "../oci/digest.ts";

/** A binary as go wrote it. */
export interface BinaryRecord {
  /** Bytes. */
  readonly size: number;
  readonly digest: Digest;
  /** Nothing where flags leave it out. */
  readonly id?: string | undefined;
}

/** Records by the names of files. */
export type BinaryRecords = Map<string, BinaryRecord>;

/**
 * Has go make binaries, and knows afterwards what each of them has to be. One that go left as it was
 * is not read where its build ID is the one recorded: go has found that to be of the present sources,
 * and flags that fix an ID have go link anew each time. One that go left and nobody knows is made anew.
 *
 * @param folder where they are
 * @param records of what go wrote before; gets what it writes now
 * @param files names of the binaries
 * @param build runs go, which writes those that are not up to date
 * @throws {KodenoError} what `build` throws, and `IO_FAILED`
 */
export async function buildBinaries(
  folder: string,
  records: BinaryRecords,
  files: readonly string[],
  build: (files: readonly string[]) => Promise<void>,
): Promise<void> {
  const stateOf = async (file: string) => [file, await fileState(join(folder, file))] as const;
  const before = new Map(await Promise.all(files.map(stateOf)));
  await build(files);
  const doubtful: string[] = [];
  await Promise.all(files.map(async (file) => {
    const path = join(folder, file);
    const old = before.get(file);
    const now = await fileState(path);
    const isNew = old === undefined || (old.born !== undefined && now?.born !== old.born);
    if (isNew) records.set(file, await record(path));
    else if (!(await holds(path, records.get(file), old.born === undefined))) doubtful.push(file);
  }));
  if (doubtful.length > 0) await remakeBinaries(folder, records, doubtful, build);
}

/** Removes binaries, since go would leave them as they are, and has go write them. */
export async function remakeBinaries(
  folder: string,
  records: BinaryRecords,
  files: readonly string[],
  build: (files: readonly string[]) => Promise<void>,
): Promise<void> {
  for (const file of files) await removeIfThere(join(folder, file), { recursive: true });
  await build(files);
  for (const file of files) records.set(file, await record(join(folder, file)));
}

/** The record of a binary that was made. */
export function knownBinary(records: BinaryRecords, file: string): BinaryRecord {
  const found = records.get(file);
  if (found === undefined) throw new Error(`${file} was not made`);
  return found;
}

/** Whether a file is what was recorded, as far as go does not look. */
async function holds(path: string, known: BinaryRecord | undefined, read: boolean) {
  if (known?.size !== (await fileState(path))?.size) return false;
  if (known === undefined || known.id !== await buildIdOf(path)) return false;
  return known.id !== undefined && (!read || (await record(path)).digest === known.digest);
}

async function record(path: string): Promise<BinaryRecord> {
  try {
    const meter = new Meter();
    for await (const chunk of fileStream(await Deno.open(path))) meter.update(chunk);
    return { size: meter.bytes, digest: meter.digest(), id: await buildIdOf(path) };
  } catch (error) {
    throw ioFailure(`read ${path}`, error);
  }
}

interface FileState {
  readonly size: number;
  /** Which file it is, however often it was written; nothing where the file system cannot tell. */
  readonly born: string | undefined;
}

/** The state of a file, if there is one; what is none is removed. */
async function fileState(path: string): Promise<FileState | undefined> {
  try {
    const { size, isFile, ino, birthtime } = await Deno.lstat(path);
    // go removes what it replaces. The inode may be given out again, but not with the same time.
    if (isFile) return { size, born: birthtime ? `${ino} ${birthtime.getTime()}` : undefined };
  } catch (error) {
    if (isNotFound(error)) return undefined;
    throw ioFailure(`read ${path}`, error);
  }
  await removeIfThere(path, { recursive: true });
  return undefined;
}
