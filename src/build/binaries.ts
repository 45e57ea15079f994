/**
 * The folders that `go build` writes into. They stay, so that go finds its own work again; each has
 * a lock beside it, whose time tells when the folder was last used, and which holds what go wrote there:
 * go takes a binary for up to date by the build ID in it, without a look at the rest, so what was not
 * written just now has to be what the record says.
 * @module
 */
import { basename, dirname, join } from "node:path";
import { buildIdOf } from "../go/build.ts";
import { ioFailure, isNotFound, removeIfThere } from "../io/files.ts";
import { withLockFile } from "../io/lock.ts";
import { isOwnFile, readSealed, seal } from "../io/records.ts";
import { hashedFile } from "../io/streams.ts";

/** The folder of all binaries in a cache. */
export function binaryRoot(cacheDirectory: string): string {
  return join(cacheDirectory, "bin");
}

/** What a lock holds while its folder is being built into. */
const BUSY = "busy\n";
/** Whoever else uses the cache has no business there. */
const MODE = 0o700;

/**
 * Runs `work` with a folder to itself: no other process builds into it or removes it meanwhile. The
 * signal ends the waiting for one.
 */
export async function withBinaryFolder<T>(
  path: string,
  work: (binaries: Binaries) => Promise<T>,
  signal?: AbortSignal,
): Promise<T> {
  const lock = lockOf(path);
  try {
    // Not with the folder itself: its mode would be that of all above it, too.
    await Deno.mkdir(dirname(path), { recursive: true });
  } catch (error) {
    throw ioFailure(`make folder ${path}`, error);
  }
  return await withLockFile(lock, async () => {
    const records = await begin(path, lock);
    try {
      return await work(new Binaries(path, records));
    } finally {
      // In its place: others may be waiting for this very file. A lock that does not say what is there
      // costs time, and is no reason to fail, or to hide why the work has failed.
      await Deno.writeTextFile(lock, seal(basename(path), [...records])).catch(() => {});
    }
  }, signal);
}

/**
 * Marks a folder as busy; the time of the lock tells when it was last used, too. Where the lock does
 * not say what is there, nothing is: when the last holder was killed, half a binary may lie there,
 * which go takes for a whole one.
 */
async function begin(path: string, lock: string): Promise<BinaryRecords> {
  try {
    const sealed = readSealed(lock, basename(path));
    const folder = await Deno.lstat(path).catch(() => undefined);
    const known = sealed !== undefined && folder?.isDirectory && isOwnFile(folder);
    if (!known) {
      await removeIfThere(path, { recursive: true });
      await Deno.mkdir(path, { mode: MODE });
    }
    await Deno.writeTextFile(lock, BUSY);
    return new Map(known ? sealed as [] : []);
  } catch (error) {
    throw ioFailure(`prepare folder ${path}`, error);
  }
}

interface BinaryFolder {
  readonly path: string;
  /** How many it has, and the bytes of all of them. */
  readonly binaries: number;
  readonly size: number;
  /** When it was last used, in milliseconds since 1970. */
  readonly used: number;
}

/** All folders of binaries. */
export async function listBinaryFolders(root: string): Promise<readonly BinaryFolder[]> {
  try {
    const found: BinaryFolder[] = [];
    for await (const { name, isDirectory } of Deno.readDir(root)) {
      const path = join(root, name);
      const sizes = isDirectory ? await sizesIn(path) : undefined;
      if (sizes === undefined) continue;
      // A process may have been killed before it made the lock.
      const lock = await Deno.stat(lockOf(path)).catch(() => undefined);
      const size = sizes.reduce((sum, one) => sum + one, 0);
      found.push({ path, binaries: sizes.length, size, used: lock?.mtime?.getTime() ?? 0 });
    }
    return found;
  } catch (error) {
    if (isNotFound(error)) return [];
    throw ioFailure(`read folder ${root}`, error);
  }
}

/** Sizes of the files in a folder; nothing for one that just went, or that is another user's. */
async function sizesIn(path: string): Promise<readonly number[] | undefined> {
  try {
    const names = await Array.fromAsync(Deno.readDir(path), ({ name }) => name);
    return await Promise.all(names.map(async (name) => (await Deno.stat(join(path, name))).size));
  } catch (error) {
    if (isNotFound(error) || error instanceof Deno.errors.PermissionDenied) return undefined;
    throw error;
  }
}

/**
 * Removes a folder of binaries; builds that use it are waited for. The lock stays: without it two
 * processes might hold it.
 */
export function removeBinaryFolder(path: string): Promise<unknown> {
  return withLockFile(lockOf(path), () => removeIfThere(path, { recursive: true }));
}

function lockOf(path: string): string {
  return `${path}.lock`;
}

/** Binaries as go wrote them, by the names of files; their `id` is nothing where flags leave it out. */
type BinaryRecords = Map<string, Awaited<ReturnType<typeof record>>>;

/** Runs go for some of the binaries, which writes those that are not up to date. */
type Build = (files: readonly string[]) => Promise<void>;

/** The binaries in a folder, and what go wrote there. */
class Binaries {
  constructor(readonly folder: string, readonly records: BinaryRecords) {}

  /**
   * Has go make binaries, and knows afterwards what each of them has to be. One that go left as it was
   * is not read where its build ID is the one recorded: go has found that to be of the present sources,
   * and flags that fix an ID have go link anew each time. One that go left and nobody knows is made
   * anew.
   */
  async make(files: readonly string[], build: Build): Promise<void> {
    const stateOf = async (file: string) =>
      [file, await fileState(join(this.folder, file))] as const;
    const before = new Map(await Promise.all(files.map(stateOf)));
    await build(files);
    const doubtful: string[] = [];
    await Promise.all(files.map(async (file) => {
      const path = join(this.folder, file);
      const known = this.records.get(file);
      const old = before.get(file);
      const now = await fileState(path);
      const isNew = old === undefined || (old.born !== undefined && now?.born !== old.born);
      if (isNew) this.records.set(file, await record(path));
      else if (!(await holds(path, known, old.born === undefined))) doubtful.push(file);
    }));
    if (doubtful.length > 0) await this.remake(doubtful, build);
  }

  /** Removes binaries, since go would leave them as they are, and has go write them. */
  async remake(files: readonly string[], build: Build): Promise<void> {
    for (const file of files) await removeIfThere(join(this.folder, file), { recursive: true });
    await build(files);
    for (const file of files) this.records.set(file, await record(join(this.folder, file)));
  }
}

/** Whether a file is what was recorded, as far as go does not look. */
async function holds(path: string, known: ReturnType<BinaryRecords["get"]>, read: boolean) {
  if (known?.size !== (await fileState(path))?.size) return false;
  if (known === undefined || known.id !== await buildIdOf(path)) return false;
  return known.id !== undefined && (!read || (await record(path)).digest === known.digest);
}

async function record(path: string) {
  try {
    return { ...await hashedFile(await Deno.open(path)), id: await buildIdOf(path) };
  } catch (error) {
    throw ioFailure(`read ${path}`, error);
  }
}

/**
 * The state of a file, if there is one: its size, and in `born` which file it is, however often it was
 * written, where the file system can tell. What is no file is removed.
 */
async function fileState(path: string) {
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
