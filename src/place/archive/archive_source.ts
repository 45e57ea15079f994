/**
 * An archive as a place to read from: an OCI layout in a tar (OCI image spec 1.1, image-layout.md),
 * or what `docker save` writes. Nothing is unpacked.
 * @module
 */
import type { CallOptions, OpenBlob, Source } from "../../content/places.ts";
import { hasCode, KodenoError, messageOf } from "../../errors.ts";
import { digestOf, hashed } from "../../io/hash.ts";
import { spoolInput } from "../../io/spool.ts";
import { bytesStream, readAll, reusedChunks } from "../../io/streams.ts";
import { z } from "../../npm/zod.ts";
import {
  blobPath,
  type Descriptor,
  type Digest,
  isDigest,
  MediaType,
  parseDigest,
} from "../../oci/descriptor.ts";
import { findEntry, IMAGE_NAME, namedEntry, repositoryOfPath } from "../../oci/entries.ts";
import {
  encodeJson,
  MAX_JSON_BYTES,
  oddDescriptor,
  oddity,
  parseConfig,
  parseIndex,
} from "../../oci/manifest.ts";
import { statedPlatform } from "../../oci/platform.ts";
import { badArchive, notAnArchive } from "./collector.ts";
import { compressionOf, MAGIC_BYTES } from "../../io/compression.ts";
import { type Member, type OpenArchiveOptions, TarFile } from "./tar_file.ts";

/**
 * Opens an archive of images. The headers of its members are read, their contents are not; the file
 * must stay as it is for as long as it is read.
 *
 * @param path the `.tar`, or one that gzip has compressed, which is unpacked into a temporary file; what
 * other programs compress is to be unpacked before
 * @throws {KodenoError} `BAD_PLACE` for a file that is no archive of images, `BAD_CONTENT` for one
 * that is damaged or has members that lead out of it, `IO_FAILED` when it cannot be read
 */
export async function openArchive(
  path: string,
  options: OpenArchiveOptions = {},
): Promise<ArchiveSource> {
  const { signal } = options;
  const file = await TarFile.open(path, options);
  try {
    const index = file.find(INDEX);
    if (index && file.find("oci-layout")) {
      const { manifests } = parseIndex(await small(file, index), `index.json of archive ${path}`);
      const find = (digest: Digest) => file.find(blobPath({ digest }));
      return new ArchiveSource(file, { entries: manifests, find });
    }
    const list = file.find("manifest.json");
    if (list) return new ArchiveSource(file, await readDockerSave(file, list, signal));
    const why = "it has neither oci-layout and index.json nor manifest.json";
    throw notAnArchive(path, why, 'name what "kodeno", "docker save" or an OCI tool wrote');
  } catch (error) {
    file[Symbol.dispose]();
    throw error;
  }
}

/**
 * {@link openArchive} for what can be read but once: the standard input (`-`), a pipe. It is kept in a
 * temporary file till the archive is disposed of, or the process ends.
 */
export async function openPipedArchive(
  path: string,
  { signal }: CallOptions,
): Promise<ArchiveSource> {
  const name = path === "-" ? "stdin" : path;
  const held = await spoolInput(path, `archive ${name}`, signal);
  return await openArchive(name, { signal, held });
}

/** A part of an archive as it is: members with their headers. */
interface ArchivePart {
  readonly size: number;
  readonly open: OpenBlob;
}

/** An archive as the bytes of its `index.json`, and all others. */
interface AroundIndex {
  readonly index: Uint8Array;
  readonly before: ArchivePart;
  readonly behind: ArchivePart;
}

/** The file of an archive that lists what is in it. */
export const INDEX = "index.json";

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

  /** {@inheritDoc Source.what} */
  get what(): string {
    return `archive ${this.path}`;
  }

  /** {@inheritDoc ImageStore.ownName} */
  get ownName(): string {
    return repositoryOfPath(this.path);
  }

  /** Lets go of what is held open: of a file with a name that gzip has not compressed, nothing. */
  [Symbol.dispose](): void {
    this.#file[Symbol.dispose]();
  }

  /** Its images, one entry per name, as in the `index.json` of a layout. */
  entries(): Promise<readonly Descriptor[]> {
    return Promise.resolve(this.#content.entries);
  }

  /** {@inheritDoc ImageStore.allBlobs} */
  allBlobs(): Promise<readonly Descriptor[]> {
    const found: Descriptor[] = [];
    for (const name of this.#file.names()) {
      const [, algorithm, hex] = /^blobs\/(sha256|sha512)\/([0-9a-f]+)$/.exec(name) ?? [];
      const digest = `${algorithm}:${hex}`;
      const member = isDigest(digest) ? this.#content.find(digest) : undefined;
      if (isDigest(digest) && member !== undefined && !(member instanceof Uint8Array)) {
        found.push({ mediaType: "", digest, size: member.size });
      }
    }
    return Promise.resolve(found);
  }

  /**
   * Its `index.json`, and opens what is before and behind that, for whoever writes it anew with another.
   *
   * @throws {KodenoError} `BAD_PLACE` for what is compressed, a pipe, or has none
   * @ignore
   */
  async aroundIndex(): Promise<AroundIndex> {
    const file = this.#file;
    const [before, behind] = file.around(INDEX);
    const index = await small(file, memberOf(file, INDEX));
    const part = (member: Member): ArchivePart => ({
      size: member.size,
      open: () => file.stream(member),
    });
    return { index, before: part(before), behind: part(behind) };
  }

  /** {@inheritDoc Source.resolve} */
  async resolve(ref: string, options: CallOptions = {}): Promise<Descriptor> {
    options.signal?.throwIfAborted();
    return findEntry(await this.entries(), ref, this.what, this.ownName);
  }

  /** Whether it has a blob. */
  holds(descriptor: Descriptor): boolean {
    const { digest } = descriptor;
    return isDigest(digest) && this.#content.find(digest) !== undefined;
  }

  /** {@inheritDoc Source.fetch} */
  async fetch(d: Descriptor, options: CallOptions = {}): Promise<ReadableStream<Uint8Array>> {
    options.signal?.throwIfAborted();
    return await this.fetchPart(d, { start: 0, end: d.size });
  }

  /**
   * Some of the bytes of a blob, for whoever asks for parts of it.
   *
   * @throws {KodenoError} as {@link fetch}
   * @ignore
   */
  async fetchPart(
    d: Descriptor,
    { start, end }: { readonly start: number; readonly end: number },
  ): Promise<ReadableStream<Uint8Array>> {
    const digest = parseDigest(d.digest);
    const found = this.#content.find(digest);
    if (found === undefined) {
      throw new KodenoError("NOT_FOUND", `Cannot find blob ${digest} in ${this.what}`);
    }
    const size = found instanceof Uint8Array ? found.length : found.size;
    if (size !== d.size) {
      const why = `its blob ${digest} has ${size} bytes, not the ${d.size} named`;
      throw badArchive(this.path, why);
    }
    if (found instanceof Uint8Array) return bytesStream(found.subarray(start, end));
    return await this.#file.stream({ offset: found.offset + start, size: end - start });
  }
}

interface ArchiveContent {
  /** As they would stand in an `index.json`. */
  readonly entries: readonly Descriptor[];
  /** Bytes at hand or a part of the file. */
  find(digest: Digest): Member | Uint8Array | undefined;
}

const texts = z.array(z.string().nullish()).nullish();
const listSchema = z.array(z.unknown()).nullable();
const itemSchema = z.looseObject({ Config: z.string(), RepoTags: texts, Layers: texts });
const namesSchema = itemSchema.pick({ RepoTags: true });
type Names = z.infer<typeof namesSchema>;

/**
 * Reads what `docker save` writes (Docker image spec 1.2: `manifest.json`, a config and a tar per
 * layer) as OCI images: the bytes of the configs stay, only manifests are made for them.
 */
async function readDockerSave(archive: TarFile, list: Member, signal?: AbortSignal) {
  const blobs = new Map<string, Member | Uint8Array>();
  const known = new Map<Member, Descriptor>();
  const entries: Descriptor[] = [];

  const add = (mediaType: string, bytes: Uint8Array): Descriptor => {
    const digest = digestOf(bytes);
    blobs.set(digest, bytes);
    return { mediaType, digest, size: bytes.length };
  };
  const layer = async (name: string, diffId: Digest): Promise<Descriptor> => {
    const member = memberOf(archive, name);
    if (known.has(member)) return known.get(member) as Descriptor;
    const start = await readAll(await archive.stream(member, MAGIC_BYTES), MAGIC_BYTES, name);
    const compression = compressionOf(start);
    if (compression !== undefined && compression.layer === undefined) {
      const why = `layer ${name} is compressed with ${compression.name}, which OCI's are not`;
      throw badArchive(archive.path, why);
    }
    // `docker save` compresses none, other programs do. One that is not compressed has the digest that
    // the config names; readers check it.
    const mediaType = compression?.layer ?? MediaType.layer;
    const { size } = member;
    const digest = mediaType === MediaType.layer
      ? diffId
      : (await hashed(reusedChunks(await archive.stream(member), { size, signal }))).digest;
    const described = { mediaType, digest, size };
    known.set(member, described);
    blobs.set(digest, member);
    return described;
  };

  const read = async (value: unknown): Promise<void> => {
    const { data: item, error } = itemSchema.safeParse(value);
    if (item === undefined) {
      throw badArchive(archive.path, "an item of its manifest.json is no image", error);
    }
    const bytes = await small(archive, memberOf(archive, item.Config));
    const config = parseConfig(bytes, `member ${item.Config} of archive ${archive.path}`);
    const { diff_ids: diffIds } = config.rootfs;
    const names = item.Layers ?? [];
    if (names.length !== diffIds.length) {
      const why = `has ${names.length} layers, and its config names ${diffIds.length}`;
      throw badArchive(archive.path, `image ${item.Config} ${why}`);
    }
    const layers = await Array.fromAsync(diffIds, (diffId, i) => layer(names[i] ?? "", diffId));
    const head = { schemaVersion: 2, mediaType: MediaType.manifest };
    const manifest = encodeJson({ ...head, config: add(MediaType.config, bytes), layers });
    const platform = statedPlatform(config);
    const root = { ...add(MediaType.manifest, manifest), ...(platform ? { platform } : {}) };
    entries.push(...entriesOf(item, root));
  };
  let items: readonly unknown[];
  const text = new TextDecoder().decode(await small(archive, list));
  try {
    items = listSchema.parse(JSON.parse(text)) ?? [];
  } catch (error) {
    throw badArchive(archive.path, "its manifest.json is not a list of images", error);
  }
  let failure: unknown;
  for (const item of items) {
    try {
      await read(item);
    } catch (error) {
      if (!hasCode(error, "BAD_CONTENT")) throw error;
      failure ??= error;
      const why = messageOf(error);
      const root = { mediaType: MediaType.manifest } as Descriptor;
      const odd = entriesOf(namesSchema.safeParse(item).data, root);
      entries.push(...odd.map((entry) => oddDescriptor(entry, why)));
    }
  }
  // An image that cannot be read does not hinder others.
  if (failure !== undefined && entries.every(oddity)) throw failure;
  return { entries, find: (digest: Digest) => blobs.get(digest) };
}

/** An entry for each name of an image, or one without. */
function entriesOf(names: Names | undefined, root: Descriptor): readonly Descriptor[] {
  const tags = (names?.RepoTags ?? []).flatMap((tag) => tag || []);
  return tags.length === 0 ? [root] : tags.map((tag) => {
    try {
      return namedEntry(root, tag);
    } catch (error) {
      if (!(error instanceof KodenoError)) throw error;
      // One that nobody can use is told of by commands, as where an index.json has it.
      return { ...root, annotations: { [IMAGE_NAME]: tag } };
    }
  });
}

function memberOf(archive: TarFile, name: string): Member {
  const member = archive.find(name);
  if (member !== undefined) return member;
  const why = `its manifest.json names ${JSON.stringify(name.slice(0, 200))}, which it has not`;
  throw badArchive(archive.path, why);
}

async function small(archive: TarFile, member: Member): Promise<Uint8Array> {
  const what = `a document of archive ${archive.path}`;
  return await readAll(await archive.stream(member), MAX_JSON_BYTES, what);
}
