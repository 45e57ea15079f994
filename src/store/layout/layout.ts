/**
 * An OCI image layout on disk as a place (OCI image spec 1.1, image-layout.md). Blobs appear whole
 * or not at all; `index.json` is replaced under a lock that all kodeno processes share.
 * @module
 */
import { join } from "node:path";
import { isWhole } from "../../content/bounds.ts";
import type { CallOptions, OpenBlob, Source, Target } from "../../content/places.ts";
import { readDocument } from "../../content/read.ts";
import { hasSuccessors, successors } from "../../content/successors.ts";
import { KodenoError } from "../../errors.ts";
import {
  removeStaleTemporaries,
  syncDirectory,
  writeFileAtomically,
  writeSynced,
} from "../../io/atomic.ts";
import { ioFailure, isNotFound } from "../../io/fail.ts";
import { Verifier } from "../../io/hash.ts";
import { withLock } from "../../io/lock.ts";
import { InFlight } from "../../io/in_flight.ts";
import { lentChunks } from "../../io/lent.ts";
import { writeAll } from "../../io/file_bytes.ts";
import { fileStream, readAll } from "../../io/streams.ts";
import type { Descriptor } from "../../oci/descriptor.ts";
import { digestHex, parseDigest } from "../../oci/digest.ts";
import { findEntry, namedEntry, withEntry } from "../../oci/entries.ts";
import { MAX_JSON_BYTES } from "../../oci/limits.ts";
import { encodeJson, parseIndex } from "../../oci/manifest.ts";
import { BlobFile } from "./blob_file.ts";
import { checkOwnFolders } from "./folders.ts";
import { checkMarker, createMarker } from "./marker.ts";

/** The folder of the blobs. */
const BLOBS = ["blobs", "sha256"] as const;

/**
 * Opens a layout.
 *
 * @param directory its folder
 * @param options `create`: make it (and its parent folders) when it is not there
 * @throws {KodenoError} `BAD_PLACE` when the path is a file, not a layout, or not there;
 * `IO_FAILED` when it cannot be made
 *
 * @example
 * ```ts
 * import { openLayout } from "../../../mod.ts";
 * const dir = await Deno.makeTempDir();
 * const layout = await openLayout(`${dir}/images`, { create: true });
 * if ((await layout.entries()).length !== 0) throw new Error();
 * await Deno.remove(dir, { recursive: true });
 * ```
 */
export async function openLayout(
  directory: string,
  options: { readonly create?: boolean } = {},
): Promise<Layout> {
  const exists = await checkMarker(directory, options.create ?? false);
  if (exists) return new Layout(directory);
  const folder = await Deno.stat(directory).catch(() => undefined);
  await createMarker(directory);
  return new Layout(directory, folder === undefined ? "folder" : "layout");
}

/** Entries of a layout and its blobs. Made by {@link openLayout}. */
export class Layout implements Source, Target {
  /** Manifests known to be whole, so that a shared child is looked at once. */
  readonly #whole = new Set<string>();
  readonly #tidied: Promise<void>;
  #ownFolders: Promise<void> | undefined;

  /** Blobs that are just being written. */
  readonly #pushing = new InFlight();
  /** Blobs that came in since the layout was opened. */
  readonly #pushed = new Set<string>();

  /** Its folder. */
  readonly directory: string;
  /** What was made when it was opened, so that {@link undo} may remove it. */
  readonly made: "nothing" | "layout" | "folder";

  /** Takes a folder that is a layout; see {@link openLayout}, which makes sure of that. */
  constructor(directory: string, made: "nothing" | "layout" | "folder" = "nothing") {
    this.directory = directory;
    this.made = made;
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

  /** {@inheritDoc Source.resolve} */
  async resolve(ref: string, options: CallOptions = {}): Promise<Descriptor> {
    options.signal?.throwIfAborted();
    return findEntry(await this.entries(), ref, `layout ${this.directory}`);
  }

  /** {@inheritDoc Source.fetch} */
  async fetch(
    descriptor: Descriptor,
    options: CallOptions = {},
  ): Promise<ReadableStream<Uint8Array>> {
    options.signal?.throwIfAborted();
    return (await this.openBlob(descriptor)).stream();
  }

  /**
   * Opens a blob, for a reader that wants parts of it and closes it. Its bytes are as the layout has
   * them; only their number is checked.
   *
   * @throws {KodenoError} `NOT_FOUND`, `BAD_CONTENT` for another size
   */
  async openBlob(descriptor: Descriptor): Promise<BlobFile> {
    const path = this.#blobPath(descriptor);
    const file = await this.#open(path, `blob ${descriptor.digest}`);
    const { size } = await file.stat();
    if (size === descriptor.size) return new BlobFile(file);
    file.close();
    throw new KodenoError(
      "BAD_CONTENT",
      `Cannot use blob ${descriptor.digest} of layout ${this.directory}: it has ${size} bytes, not ` +
        `the ${descriptor.size} named; the layout is damaged or was changed`,
    );
  }

  /** {@inheritDoc Target.has} */
  async has(descriptor: Descriptor, options: CallOptions = {}): Promise<boolean> {
    options.signal?.throwIfAborted();
    const documents: string[] = [];
    const whole = await isWhole(descriptor, async (d) => {
      options.signal?.throwIfAborted();
      if (this.#whole.has(d.digest)) return [];
      if (!(await this.#hasFile(d))) return undefined;
      if (!hasSuccessors(d)) return [];
      documents.push(d.digest);
      // A manifest alone is not an image: somebody may have deleted a layer.
      return successors(d, await readDocument(this, d, options));
    });
    if (whole) { for (const digest of documents) this.#whole.add(digest); }
    return whole;
  }

  async #hasFile(descriptor: Descriptor): Promise<boolean> {
    try {
      const { isFile, size } = await Deno.stat(this.#blobPath(descriptor));
      return isFile && size === descriptor.size;
    } catch (error) {
      if (isNotFound(error)) return false;
      throw ioFailure(`look into layout ${this.directory}`, error);
    }
  }

  /** {@inheritDoc Target.push} */
  async push(descriptor: Descriptor, open: OpenBlob, options: CallOptions = {}): Promise<void> {
    // Images that are copied side by side share a base: its layers are written once.
    await this.#pushing.share(descriptor.digest, () => this.#write(descriptor, open, options));
  }

  async #write(descriptor: Descriptor, open: OpenBlob, options: CallOptions): Promise<void> {
    options.signal?.throwIfAborted();
    const path = this.#blobPath(descriptor);
    const verifier = new Verifier(descriptor);
    await (this.#ownFolders ??= checkOwnFolders(this.directory, "write to"));
    const stream = await open();
    try {
      await writeSynced(path, this.directory, async (file) => {
        for await (const chunk of lentChunks(stream, { size: descriptor.size, ...options })) {
          verifier.update(chunk);
          writeAll(file, chunk);
        }
        verifier.finish();
      });
      this.#pushed.add(path);
    } catch (error) {
      if (options.signal?.aborted) throw options.signal.reason;
      throw ioFailure(`write blob ${descriptor.digest} to layout ${this.directory}`, error);
    } finally {
      // When the file could not be made, nobody has read the stream.
      if (!stream.locked) await stream.cancel().catch(() => {});
    }
  }

  /**
   * Adds or replaces the entry of a name; all other entries stay. `NAME:TAG` or a tag alone.
   * {@inheritDoc Target.tag}
   */
  async tag(descriptor: Descriptor, ref: string, options: CallOptions = {}): Promise<void> {
    options.signal?.throwIfAborted();
    const entry = namedEntry(descriptor, ref);
    await this.change(async (entries) => {
      // Under the lock nobody collects garbage, so what is looked at now stays.
      this.#whole.clear();
      if (await this.has(descriptor)) return withEntry(entries, entry);
      throw new KodenoError(
        "NOT_FOUND",
        `Cannot tag ${descriptor.digest} in layout ${this.directory}: it is not there, or not whole`,
      );
    });
  }

  /**
   * Takes back what failed work has left: a layout that was made for it and has no entry goes away,
   * with the blobs that came in. One that was there before, or got an entry, stays as it is.
   */
  async undo(): Promise<void> {
    if (this.made === "nothing") return;
    const remove = (...parts: string[]) => Deno.remove(join(this.directory, ...parts));
    try {
      await this.locked(async () => {
        if ((await this.entries()).length > 0) return;
        for (const path of this.#pushed) await Deno.remove(path);
        // Folders go only when they are empty: what another process put there keeps them.
        await remove("blobs", "sha256");
        await remove("blobs");
        await remove("oci-layout");
        await remove("index.json");
        if (this.made === "folder") await remove();
      });
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
   * again.
   *
   * @param change gets the entries as they are now
   * @throws {KodenoError} what `change` throws, and `IO_FAILED`
   */
  async change(
    change: (entries: readonly Descriptor[]) => Promise<readonly Descriptor[]>,
  ): Promise<void> {
    try {
      await this.#tidied;
      await this.locked(async () => {
        const { bytes, index } = await this.#readIndex();
        const next = encodeJson({ ...index, manifests: await change(index.manifests) });
        const same = sameBytes(bytes, next);
        // Once for all blobs, whoever has brought them: an entry leads to none that a power cut takes.
        if (!same || this.#pushed.size > 0) await syncDirectory(join(this.directory, ...BLOBS));
        if (same) return;
        if (next.length > MAX_JSON_BYTES) throw tooManyEntries(this.directory);
        await writeFileAtomically(join(this.directory, "index.json"), this.directory, next);
      });
    } catch (error) {
      throw ioFailure(`write index.json of layout ${this.directory}`, error);
    }
  }

  async #readIndex() {
    const what = `index.json of layout ${this.directory}`;
    const file = await this.#open(join(this.directory, "index.json"), what);
    const bytes = await readAll(fileStream(file), MAX_JSON_BYTES, what);
    return { bytes, index: parseIndex(bytes, what) };
  }

  async #open(path: string, what: string): Promise<Deno.FsFile> {
    try {
      // A pipe would be waited for.
      if ((await Deno.stat(path)).isFile) return await Deno.open(path);
    } catch (error) {
      if (!isNotFound(error)) throw ioFailure(`read ${what}`, error);
      throw new KodenoError("NOT_FOUND", `Cannot find ${what} in layout ${this.directory}`);
    }
    throw new KodenoError("BAD_CONTENT", `Cannot read ${what}: it is no file`);
  }

  #blobPath(descriptor: Descriptor): string {
    return join(this.directory, ...BLOBS, digestHex(parseDigest(descriptor.digest)));
  }
}

/** What could not be read again is not written. */
function tooManyEntries(directory: string): KodenoError {
  const why = `its index.json would have more than ${MAX_JSON_BYTES} bytes`;
  const next = "use another layout, or remove images with kodeno rm";
  return new KodenoError("BAD_PLACE", `Cannot add to layout ${directory}: ${why}; ${next}`);
}

function sameBytes(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, i) => byte === b[i]);
}
