/**
 * An archive as a place to read from: an OCI layout in a tar (OCI image spec 1.1, image-layout.md),
 * or what `docker save` writes. Nothing is unpacked.
 * @module
 */
import type { CallOptions, Source } from "../../content/places.ts";
import { hasSuccessors } from "../../content/successors.ts";
import { KodenoError } from "../../errors.ts";
import { bytesStream } from "../../io/streams.ts";
import { spoolInput } from "../../io/output.ts";
import type { Descriptor } from "../../oci/descriptor.ts";
import { digestHex, parseDigest } from "../../oci/digest.ts";
import { findEntry } from "../../oci/entries.ts";
import { MAX_JSON_BYTES } from "../../oci/limits.ts";
import { parseIndex } from "../../oci/manifest.ts";
import { type ArchiveContent, readDockerSave } from "./docker_save.ts";
import { badArchive, type Member, notAnArchive, TarFile } from "./tar_file.ts";

/**
 * Opens an archive of images. The headers of its members are read, their contents are not; the file
 * must stay as it is for as long as it is read.
 *
 * @param path the `.tar`, not compressed
 * @throws {KodenoError} `BAD_PLACE` for a file that is no archive of images, `BAD_CONTENT` for one
 * that is damaged or has members that lead out of it, `IO_FAILED` when it cannot be read
 */
export async function openArchive(
  path: string,
  options: CallOptions = {},
): Promise<ArchiveSource> {
  return await openScanned(await TarFile.open(path, options.signal), options);
}

/**
 * {@link openArchive} for what can be read but once: the standard input, a pipe. It is kept in a
 * temporary file till the archive is disposed of, or the process ends.
 *
 * @param path `-` is the standard input
 * @throws {KodenoError} as {@link openArchive}; `BAD_PLACE` for a terminal
 */
export async function openPipedArchive(
  path: string,
  options: CallOptions = {},
): Promise<ArchiveSource> {
  const name = path === "-" ? "stdin" : path;
  return await holdArchive(
    await spoolInput(path, `archive ${name}`, options.signal),
    name,
    options,
  );
}

/**
 * {@link openArchive} for a file that has no name; it is closed with the archive.
 *
 * @param name of the archive, in errors
 */
export async function holdArchive(
  file: Deno.FsFile,
  name: string,
  options: CallOptions = {},
): Promise<ArchiveSource> {
  const archive = await TarFile.hold(file, name, options.signal);
  try {
    return await openScanned(archive, options);
  } catch (error) {
    archive[Symbol.dispose]();
    throw error;
  }
}

async function openScanned(file: TarFile, options: CallOptions): Promise<ArchiveSource> {
  const index = file.find("index.json");
  if (index !== undefined && file.find("oci-layout") !== undefined) {
    return new ArchiveSource(file, await readLayout(file, index));
  }
  const list = file.find("manifest.json");
  if (list !== undefined) {
    return new ArchiveSource(file, await readDockerSave(file, list, options.signal));
  }
  throw notAnArchive(
    file.path,
    "it has neither oci-layout and index.json nor manifest.json",
    'name what "kodeno", "docker save" or an OCI tool wrote',
  );
}

async function readLayout(file: TarFile, index: Member): Promise<ArchiveContent> {
  const what = `index.json of archive ${file.path}`;
  const { manifests } = parseIndex(await file.bytes(index, MAX_JSON_BYTES, what), what);
  return {
    entries: manifests,
    find: (digest) => file.find(`blobs/sha256/${digestHex(digest)}`),
  };
}

/** Why a manifest may be missing, and what to do then. */
const PARTIAL =
  ': docker writes of an index the platforms that it has; choose one of them with "kodeno copy --platform"';

/** The images of an archive. Made by {@link openArchive}. */
export class ArchiveSource implements Source, Disposable {
  readonly #file: TarFile;
  readonly #content: ArchiveContent;

  /** Takes an archive that was scanned. @ignore */
  constructor(file: TarFile, content: ArchiveContent) {
    this.#file = file;
    this.#content = content;
  }

  /** Where it is. */
  get path(): string {
    return this.#file.path;
  }

  /** Lets go of what is held open; nothing is, where the archive is a file with a name. */
  [Symbol.dispose](): void {
    this.#file[Symbol.dispose]();
  }

  /** Its images, one entry per name, as in the `index.json` of a layout. */
  entries(): Promise<readonly Descriptor[]> {
    return Promise.resolve(this.#content.entries);
  }

  /** {@inheritDoc Source.resolve} */
  async resolve(ref: string, options: CallOptions = {}): Promise<Descriptor> {
    options.signal?.throwIfAborted();
    return findEntry(await this.entries(), ref, `archive ${this.path}`);
  }

  /** Whether it has a blob. */
  holds(descriptor: Descriptor): boolean {
    return this.#content.find(parseDigest(descriptor.digest)) !== undefined;
  }

  /** {@inheritDoc Source.fetch} */
  async fetch(
    descriptor: Descriptor,
    options: CallOptions = {},
  ): Promise<ReadableStream<Uint8Array>> {
    options.signal?.throwIfAborted();
    const digest = parseDigest(descriptor.digest);
    const found = this.#content.find(digest);
    if (found === undefined) {
      const message = `Cannot find blob ${digest} in archive ${this.path}`;
      throw new KodenoError("NOT_FOUND", message + (hasSuccessors(descriptor) ? PARTIAL : ""));
    }
    const size = found instanceof Uint8Array ? found.length : found.size;
    if (size !== descriptor.size) {
      const why = `its blob ${digest} has ${size} bytes, not the ${descriptor.size} named`;
      throw badArchive(this.path, why);
    }
    return found instanceof Uint8Array ? bytesStream(found) : await this.#file.stream(found);
  }
}
