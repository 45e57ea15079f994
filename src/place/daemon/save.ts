/**
 * A daemon as a place to read from: it writes one image as an archive, which is kept in a temporary
 * file for as long as it is read. Its layers are not compressed.
 * @module
 */
import type { CallOptions, Source } from "../../content/places.ts";
import { ioFailure } from "../../io/fail.ts";
import { writeAll } from "../../io/files.ts";
import { openSpool } from "../../io/spool.ts";
import type { Descriptor } from "../../oci/descriptor.ts";
import { isDigest } from "../../oci/digest.ts";
import { parseReference } from "../../oci/reference.ts";
import { type ArchiveSource, holdArchive } from "../archive/archive_source.ts";
import { presentImage } from "../archive/present.ts";
import type { Daemon } from "./daemon.ts";

/** Where {@link openDaemonImage} keeps its file. */
export interface SaveOptions extends CallOptions {
  /** A folder with room for the image; that of the system for temporary files unless given. */
  readonly directory?: string | undefined;
}

/** An image of a daemon. */
export class DaemonImage implements Source, AsyncDisposable {
  readonly #archive: ArchiveSource;
  /** Its manifest, made from what the daemon says. */
  readonly root: Descriptor;
  /** Whose only image there it is; left out for what is there as a whole. */
  readonly index: Descriptor | undefined;
  /** As it was asked for. */
  readonly name: string;

  /** Takes the archive that the daemon wrote. */
  constructor(archive: ArchiveSource, root: Descriptor, name: string, index?: Descriptor) {
    this.#archive = archive;
    this.root = root;
    this.name = name;
    this.index = index;
  }

  /** {@inheritDoc Source.resolve} */
  async resolve(ref: string, options?: CallOptions): Promise<Descriptor> {
    return ref === this.name ? this.root : await this.#archive.resolve(ref, options);
  }

  /** {@inheritDoc Source.fetch} */
  async fetch(d: Descriptor, options?: CallOptions): Promise<ReadableStream<Uint8Array>> {
    return await this.#archive.fetch(d, options);
  }

  /** Lets go of the temporary file. */
  [Symbol.asyncDispose](): Promise<void> {
    this.#archive[Symbol.dispose]();
    return Promise.resolve();
  }
}

/**
 * Has a daemon write an image, and opens it.
 *
 * @param name `NAME[:TAG]` (its tag is `latest`) or the ID of an image
 * @returns the image; dispose of it when it was read
 * @throws {KodenoError} `NOT_FOUND` when the daemon does not have it, `BAD_REFERENCE`, `IO_FAILED`,
 * `BAD_CONTENT` when what it wrote is damaged
 */
export async function openDaemonImage(
  daemon: Daemon,
  name: string,
  options: SaveOptions = {},
): Promise<DaemonImage> {
  using response = await daemon.save(exactName(name), options);
  const { directory, signal } = options;
  let file: Deno.FsFile | undefined;
  try {
    file = await openSpool(directory);
    for await (const chunk of response.body) writeAll(file, chunk);
    const where = `${name} of the Docker daemon`;
    const archive = await holdArchive(file, where, { signal });
    // All names it has there are of the one image.
    const index = await archive.resolve("");
    const root = await presentImage(archive, index, { signal });
    return new DaemonImage(archive, root, name, root.digest === index.digest ? undefined : index);
  } catch (error) {
    file?.[Symbol.dispose]();
    if (signal?.aborted) throw signal.reason;
    throw ioFailure(`save image ${name} of the Docker daemon at ${daemon.where}`, error);
  }
}

/** Whether a daemon is asked for an image by its ID, or the beginning of it: that is no name. */
export function isImageId(text: string): boolean {
  return isDigest(text) || /^[0-9a-f]{12,64}$/.test(text);
}

/** Without a tag the daemon would write all images of the name. */
function exactName(text: string): string {
  if (isImageId(text)) return text;
  const { tag, digest } = parseReference(text);
  return tag === undefined && digest === undefined ? `${text}:latest` : text;
}
