/**
 * An OCI image layout on disk as a place (OCI image spec 1.1, image-layout.md). Blobs appear whole
 * or not at all; `index.json` is replaced under a lock that all kodeno processes share.
 * @module
 */
import { dirname, join } from "node:path";
import type { CallOptions, ImageStore, OpenBlob, Place } from "../../content/places.ts";
import { keptEntry } from "../../content/referrers.ts";
import { graphKey, hasSuccessors, isWhole, refuseOdd } from "../../content/walk.ts";
import { KodenoError } from "../../errors.ts";
import type { NoteEvent } from "../../events.ts";
import { linkOrCopy, removeStaleTemporaries, writeSynced } from "../../io/atomic.ts";
import { exists, ioFailure, isNotFound } from "../../io/files.ts";
import { DamagedBlob } from "../../io/hash.ts";
import { withLock } from "../../io/lock.ts";
import { fileStream } from "../../io/streams.ts";
import { orAborted, SingleFlight } from "../../io/concurrency.ts";
import { type Descriptor, isDigest } from "../../oci/descriptor.ts";
import {
  calledName,
  entriesEnding,
  findEntry,
  imageName,
  listed,
  namedEntry,
  notAmong,
  refName,
  repositoryName,
  repositoryOfPath,
  withEach,
} from "../../oci/entries.ts";
import { shortName } from "../../oci/reference.ts";
import { takeBlob } from "../take_blob.ts";
import {
  blobDigests,
  blobPathIn,
  BLOBS,
  checkMarker,
  checkOwnFolders,
  createMarker,
  type IndexFile,
  mendMarker,
  openFileOf,
  OTHER_BLOBS,
  readIndexFile,
  syncFolders,
  withEntries,
  writeIndexFile,
} from "./files.ts";
import { takeLease, withoutLeases } from "./leases.ts";
import { Living } from "./living.ts";

/** How long others are waited for before a layout that was made is left to them, in milliseconds. */
const UNDO_WAIT_MS = 200;

/** Lets go of what was found in layouts that nobody has any more. */
const forgotten = new FinalizationRegistry<Disposable>((holding) => holding[Symbol.dispose]());

/**
 * Opens a layout.
 *
 * @param directory its folder
 * @param options `create`: make it (and its parent folders) when it is not there; `emit`: told of what
 * had to be mended, and of what goes with an image that it refers to
 * @throws {KodenoError} `BAD_PLACE` when the path is a file, not a layout, or not there;
 * `IO_FAILED` when it cannot be made
 *
 * @example
 * ```ts
 * import { openLayout } from "@kodeno/kodeno";
 * const dir = await Deno.makeTempDir();
 * const layout = await openLayout(`${dir}/images`, { create: true });
 * if ((await layout.entries()).length !== 0) throw new Error();
 * await Deno.remove(dir, { recursive: true });
 * ```
 */
export async function openLayout(
  directory: string,
  options: { readonly create?: boolean; readonly emit?: ((event: NoteEvent) => void) | undefined } =
    {},
): Promise<Layout> {
  const { create = false, emit } = options;
  const state = await checkMarker(directory, create);
  if (state === "damaged") {
    emit?.({ type: "note", level: "warning", message: await mendMarker(directory) });
  }
  if (state !== "none") return new Layout(directory, undefined, emit);
  const folder = await Deno.stat(directory).catch(() => undefined);
  await createMarker(directory);
  return new Layout(directory, folder === undefined ? "folder" : "layout", emit);
}

/**
 * Entries of a layout and its blobs. Made by {@link openLayout}. What `copy` reads, finds or brings is
 * kept from `kodeno gc` till it ends; what {@link Layout.has} finds and {@link Layout.push} brings
 * outside of it, till {@link Layout.close} or the end of the process.
 */
export class Layout implements ImageStore, Place, Disposable {
  /** Which manifests were whole when they were looked at: a shared one is read once. */
  readonly #whole = new Set<string>();
  /** The list as it was read last. */
  #index: IndexFile | undefined;
  readonly #tidied: Promise<void>;
  #ownFolders: Promise<void> | undefined;

  readonly #pushing = new SingleFlight();
  /** Blobs that came in since the layout was opened. */
  readonly #pushed = new Set<string>();
  #isSettled = false;
  /** How often it is held, and what holds what was found or brought at other times. */
  #holds = 0;
  #lease: Promise<Disposable> | undefined;

  /** Takes a folder that is a layout; see {@link openLayout}, which makes sure of that. */
  constructor(
    /** Its folder. */
    readonly directory: string,
    /** What was made when it was opened, so that {@link undo} may remove it. */
    readonly made?: "layout" | "folder" | undefined,
    /** Told of what goes with an image that it refers to. */
    readonly emit?: (event: NoteEvent) => void,
  ) {
    this.#tidied = removeStaleTemporaries(directory);
  }

  /**
   * The entries of `index.json`, in its order.
   *
   * @throws {KodenoError} `BAD_CONTENT` when it is not an image index
   */
  async entries(): Promise<readonly Descriptor[]> {
    return (await this.#readIndex()).index.manifests;
  }

  async #readIndex(): Promise<IndexFile> {
    return this.#index = await readIndexFile(this.directory, this.#index);
  }

  /**
   * Keeps the blobs of the layout, those of entries that others remove, too, from `kodeno gc` till
   * what it gives is disposed of; waits while gc is at work. Reading then is as if nobody else were
   * there.
   */
  async hold({ signal }: CallOptions = {}): Promise<Disposable> {
    const stack = new globalThis.DisposableStack();
    stack.use(await takeLease(this.directory, signal));
    this.#holds++;
    stack.defer(() => this.#holds--);
    return stack;
  }

  /** Holds till {@link close}, or till nobody has the layout any more, unless it is held. */
  async #holdOn(signal?: AbortSignal): Promise<void> {
    if (this.#holds > 0) return;
    this.#lease ??= takeLease(this.directory).then((lease) => {
      forgotten.register(this, lease, this);
      return lease;
    });
    await orAborted(this.#lease, signal);
  }

  /** {@inheritDoc Place.check} */
  async check(): Promise<void> {
    await checkOwnFolders(this.directory, "write to");
  }

  /** Lets go of what was found or brought without {@link hold}; the layout can still be used. */
  close(): Promise<void> {
    this[Symbol.dispose]();
    return Promise.resolve();
  }

  /** {@link close}. */
  [Symbol.dispose](): void {
    forgotten.unregister(this);
    this.#lease?.then((lease) => lease[Symbol.dispose]());
    this.#lease = undefined;
  }

  /** {@inheritDoc Source.what} */
  get what(): string {
    return `layout ${this.directory}`;
  }

  /** {@inheritDoc ImageStore.ownName} */
  get ownName(): string {
    return repositoryOfPath(this.directory);
  }

  /** {@inheritDoc ImageStore.allBlobs} */
  async allBlobs(): Promise<readonly Descriptor[]> {
    const found = (await blobDigests(this.directory)).map(async (digest) => {
      // Somebody may have removed it meanwhile.
      const info = await Deno.stat(blobPathIn(this.directory, { digest })).catch(() => undefined);
      return info === undefined ? [] : [{ mediaType: "", digest, size: info.size }];
    });
    return (await Promise.all(found)).flat();
  }

  /** {@inheritDoc Source.resolve} */
  async resolve(ref: string, options: CallOptions = {}): Promise<Descriptor> {
    options.signal?.throwIfAborted();
    return findEntry(await this.entries(), ref, this.what, this.ownName);
  }

  /** {@inheritDoc Source.fetch} */
  async fetch(d: Descriptor, options: CallOptions = {}): Promise<ReadableStream<Uint8Array>> {
    options.signal?.throwIfAborted();
    return fileStream(await this.openBlob(d));
  }

  /**
   * Opens the file of a blob, for a reader that wants parts of it and closes it. Its bytes are as the
   * layout has them; only their number is checked.
   *
   * @throws {KodenoError} `NOT_FOUND`, `BAD_CONTENT` for another size
   */
  async openBlob(descriptor: Descriptor): Promise<Deno.FsFile> {
    const path = blobPathIn(this.directory, descriptor);
    const file = await openFileOf(this.directory, path, `blob ${descriptor.digest}`);
    const { size } = file.statSync();
    if (size === descriptor.size) return file;
    file.close();
    const why = `it has ${size} bytes, not the ${descriptor.size} named`;
    throw new DamagedBlob(descriptor, why, this.what);
  }

  /** {@inheritDoc Target.has} */
  async has(descriptor: Descriptor, options: CallOptions = {}): Promise<boolean> {
    options.signal?.throwIfAborted();
    await this.#holdOn(options.signal);
    return await this.isWhole(descriptor, options);
  }

  /**
   * {@link has} without a lease: for work under the lock of the layout, where one must not be waited
   * for. A manifest alone is not an image: somebody may have deleted a layer.
   */
  async isWhole(descriptor: Descriptor, options: CallOptions = {}): Promise<boolean> {
    const documents: string[] = [];
    const isThere = (d: Descriptor): boolean => {
      if (hasSuccessors(d)) documents.push(graphKey(d));
      return this.#hasFile(d);
    };
    const isKnown = (d: Descriptor) => this.#whole.has(graphKey(d));
    const whole = await isWhole(this, descriptor, isThere, { ...options, isKnown });
    for (const key of whole ? documents : []) this.#whole.add(key);
    return whole;
  }

  #hasFile(descriptor: Descriptor): boolean {
    try {
      const { isFile, size } = Deno.statSync(blobPathIn(this.directory, descriptor));
      return isFile && size === descriptor.size;
    } catch (error) {
      if (isNotFound(error)) return false;
      throw ioFailure(`look into ${this.what}`, error);
    }
  }

  /** {@inheritDoc Target.push} */
  async push(d: Descriptor, open: OpenBlob, { signal }: CallOptions = {}): Promise<void> {
    // Images that are copied side by side share a base: its layers are written once.
    await this.#pushing.do(d.digest, async () => {
      signal?.throwIfAborted();
      await this.#holdOn(signal);
      await (this.#ownFolders ??= checkOwnFolders(this.directory, "write to"));
      const path = blobPathIn(this.directory, d);
      await takeBlob(
        d,
        open,
        { signal },
        async (write) => {
          await this.#makeFolderOf(path);
          await writeSynced(path, this.directory, write);
        },
        (error) => ioFailure(`write blob ${d.digest} to ${this.what}`, error),
      );
      this.#pushed.add(path);
    });
  }

  /** Takes a blob from a file that has nothing else in it, was checked, is on disk and changes no more. */
  async adopt(d: Descriptor, file: string, { signal }: CallOptions = {}): Promise<void> {
    signal?.throwIfAborted();
    await this.#holdOn(signal);
    await (this.#ownFolders ??= checkOwnFolders(this.directory, "write to"));
    const path = blobPathIn(this.directory, d);
    try {
      await this.#makeFolderOf(path);
      await linkOrCopy(file, path, this.directory);
    } catch (error) {
      throw ioFailure(`write blob ${d.digest} to ${this.what}`, error);
    }
    this.#pushed.add(path);
  }

  /** Others leave out folders of blobs that they have none for, and so does kodeno with that of sha512. */
  async #makeFolderOf(path: string): Promise<void> {
    const folder = dirname(path);
    if (exists(folder)) return;
    await Deno.mkdir(folder).catch((error) => {
      if (!(error instanceof Deno.errors.AlreadyExists)) throw error;
    });
    // Its name is on disk with the next entry.
    this.#isSettled = false;
  }

  /**
   * Adds or replaces the entry of a name; all other entries stay. `NAME:TAG` or a tag alone.
   * {@inheritDoc Target.tag}
   */
  async tag(descriptor: Descriptor, ref: string, options: CallOptions = {}): Promise<void> {
    options.signal?.throwIfAborted();
    refuseOdd(this, descriptor);
    const entry = namedEntry(descriptor, ref);
    await this.change(async (entries) => withEach(entries, [await this.#present(entry, "tag")]));
  }

  /**
   * {@link tag}, of what is made of what the layout has, while nobody else changes its entries.
   *
   * @param make gets the entries as they are now, and puts what it makes into the layout
   */
  async tagMade(
    ref: string,
    make: (all: readonly Descriptor[]) => Promise<Descriptor>,
    options: CallOptions = {},
  ): Promise<void> {
    // A lease that has to be waited for under the lock is never given: gc has it, and waits for the lock.
    using _held = await this.hold(options);
    await this.change(async (entries) => {
      const entry = namedEntry(await make(entries), ref);
      return withEach(entries, [await this.#present(entry, "tag")]);
    });
  }

  /**
   * Adds entries without names, as of what refers to an image (signatures, SBOMs), all at once; they are
   * found by their digests.
   *
   * @throws {KodenoError} `NOT_FOUND` when one is not there, or not whole
   */
  async keep(all: readonly Descriptor[], options: CallOptions = {}): Promise<void> {
    options.signal?.throwIfAborted();
    if (await this.#keeps(all, options)) return;
    await this.change(async (entries) => {
      const digests = new Set(entries.map(({ digest }) => digest));
      const fresh: Descriptor[] = [];
      for (const d of all) {
        await this.#present(d, "keep");
        if (!digests.has(d.digest)) fresh.push(await keptEntry(this, d, options));
        digests.add(d.digest);
      }
      return fresh.length > 0 ? [...entries, ...fresh] : entries;
    });
  }

  /** Whether all have entries and are whole, as from the build before: then the lock is not needed. */
  async #keeps(all: readonly Descriptor[], options: CallOptions): Promise<boolean> {
    if (this.#pushed.size > 0) return false;
    const digests = new Set((await this.entries()).map(({ digest }) => digest));
    for (const d of all) if (!digests.has(d.digest) || !(await this.has(d, options))) return false;
    return true;
  }

  /** An entry that may be written, after a look at the disk under the lock. */
  async #present(entry: Descriptor, doing: string): Promise<Descriptor> {
    if (await this.isWhole(entry)) return entry;
    const what = `${entry.digest} in ${this.what}`;
    throw new KodenoError("NOT_FOUND", `Cannot ${doing} ${what}: it is not there, or not whole`);
  }

  /**
   * Removes entries: all of the names, or none when one of them is not there. Blobs stay, since others
   * may need them.
   *
   * @param names `NAME:TAG`, a `NAME` for all its tags, the last part of either, a tag for an entry
   * that has nothing else, or a digest for all entries of it
   * @returns the entries that were removed, and those that went with them: see {@link change}
   * @throws {KodenoError} `NOT_FOUND`, `IO_FAILED`
   */
  async remove(names: readonly string[]): Promise<readonly Descriptor[]> {
    const gone = new Set<Descriptor>();
    const more = await this.change((entries) => {
      for (const name of names) {
        const found = entriesMeant(entries, name, this);
        for (const entry of found) gone.add(entry);
        if (found.length > 0) continue;
        const what = `${JSON.stringify(name)} from ${this.what}`;
        throw new KodenoError("NOT_FOUND", `Cannot remove ${what}: ${notAmong(entries, name)}`);
      }
      return entries.filter((entry) => !gone.has(entry));
    });
    return [...gone, ...more];
  }

  /**
   * Takes back what failed work has left: a layout that was made for it and has no entry goes away,
   * with the blobs that came in, where nobody else is at work in it. One that was there before, or got
   * an entry, stays as it is; so does what cannot be removed.
   */
  async undo(): Promise<void> {
    if (this.made === undefined) return;
    await this.close();
    const remove = (...parts: string[]) => Deno.remove(join(this.directory, ...parts));
    const work = async (): Promise<void> => {
      if ((await this.entries()).length > 0) return;
      for (const path of this.#pushed) await Deno.remove(path);
      // Folders go only when they are empty: what another process put there keeps them.
      await remove(OTHER_BLOBS).catch(() => {});
      for (const part of [BLOBS, "blobs", "oci-layout", "index.json"]) await remove(part);
      if (this.made === "folder") await remove();
    };
    try {
      await withoutLeases(this.directory, UNDO_WAIT_MS, () => this.locked(work));
    } catch {
      // Something of somebody else's is there.
    }
  }

  /**
   * Runs work while no kodeno process changes the entries of the layout. What changes them itself
   * ({@link change}, {@link tag}) would wait for ever in it.
   */
  async locked<T>(work: () => Promise<T>): Promise<T> {
    return await withLock(join(this.directory, "oci-layout"), work);
  }

  /**
   * Replaces the entries under the lock of the layout, all at once; the same bytes are not written
   * again. At the end they are on disk with all that they lead to.
   *
   * What refers to something that the change has taken the last name of goes with it; see `Living`.
   *
   * @param change gets the entries as they are now
   * @returns entries that went with what they referred to
   * @throws {KodenoError} what `change` throws, and `IO_FAILED`
   */
  async change(
    change: (all: readonly Descriptor[]) => readonly Descriptor[] | Promise<readonly Descriptor[]>,
  ): Promise<readonly Descriptor[]> {
    try {
      await this.#tidied;
      return await this.locked(async () => {
        // What was seen before may be gone; under the lock nobody removes blobs.
        this.#whole.clear();
        const file = await this.#readIndex();
        const before = file.index.manifests;
        const changed = await change(before);
        const after = await new Living(this).afterChange(before, changed);
        // Comparing what is long takes longer than reading it.
        const next = after === before ? undefined : withEntries(this.directory, file, after);
        // Once for all blobs, whoever has brought them; at first also what others may just have made.
        if (next !== undefined || this.#pushed.size > 0 || !this.#isSettled) {
          await syncFolders(this.directory, !this.#isSettled);
          this.#isSettled = true;
        }
        if (next !== undefined) await writeIndexFile(this.directory, next);
        const left = new Set(after);
        const dropped = changed.filter((entry) => !left.has(entry));
        if (dropped.length > 0) {
          const what = `${listed(dropped.map(({ digest }) => digest))} from ${this.what}`;
          const message = `Removed ${what}, too: what that referred to has no name any more`;
          this.emit?.({ type: "note", level: "info", message });
        }
        return dropped;
      });
    } catch (error) {
      throw ioFailure(`write index.json of ${this.what}`, error);
    }
  }
}

/** Entries of a digest or a name; what stands in place of a digest may be another's name, and comes last. */
function entriesMeant(
  entries: readonly Descriptor[],
  name: string,
  { ownName, what }: Pick<Layout, "ownName" | "what">,
): readonly Descriptor[] {
  const called = entries.filter((entry) => isMeant(entry, name, ownName));
  if (called.length > 0) return called;
  const ending = entriesEnding(entries, name, what);
  return ending.length > 0 ? ending : entries.filter(({ digest }) => digest === name);
}

function isMeant(entry: Descriptor, name: string, own: string): boolean {
  // An entry may be named as if it were another one.
  if (isDigest(name)) return entry.digest === name;
  const whole = imageName(entry);
  if (whole === undefined && refName(entry) === name) return true;
  const names = [whole, calledName(entry, own), repositoryName(entry, own)];
  return names.includes(shortName(name));
}
