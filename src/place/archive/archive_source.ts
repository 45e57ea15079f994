/**
 * An archive as a place to read from: an OCI layout in a tar (OCI image spec 1.1, image-layout.md),
 * or what `docker save` writes. Nothing is unpacked.
 * @module
 */
import { z } from "zod";
import type { CallOptions, Source } from "../../content/places.ts";
import { hasSuccessors } from "../../content/walk.ts";
import { KodenoError, messageOf } from "../../errors.ts";
import { digestOf, Hasher } from "../../io/hash.ts";
import { spoolInput } from "../../io/output.ts";
import { bytesStream, readAll, reusedChunks } from "../../io/streams.ts";
import {
  type Descriptor,
  type Digest,
  digestHex,
  MediaType,
  parseDigest,
} from "../../oci/descriptor.ts";
import { findEntry, namedEntry } from "../../oci/entries.ts";
import { encodeJson, MAX_JSON_BYTES, parseConfig, parseIndex } from "../../oci/manifest.ts";
import type { Platform } from "../../oci/platform.ts";
import { badArchive, type Member, notAnArchive, TarFile } from "./tar_file.ts";

/** How an archive is opened. */
export interface OpenArchiveOptions extends CallOptions {
  /** The file, where it has no name to open it by: it is closed with the archive. */
  readonly held?: Deno.FsFile | undefined;
}

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
  { signal, held }: OpenArchiveOptions = {},
): Promise<ArchiveSource> {
  const file = await TarFile.open(path, signal, held);
  try {
    const index = file.find("index.json");
    if (index !== undefined && file.find("oci-layout") !== undefined) {
      return new ArchiveSource(file, await readLayout(file, index));
    }
    const list = file.find("manifest.json");
    if (list !== undefined) {
      return new ArchiveSource(file, await readDockerSave(file, list, signal));
    }
    throw notAnArchive(
      path,
      "it has neither oci-layout and index.json nor manifest.json",
      'name what "kodeno", "docker save" or an OCI tool wrote',
    );
  } catch (error) {
    file[Symbol.dispose]();
    throw error;
  }
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
  const held = await spoolInput(path, `archive ${name}`, options.signal);
  return await openArchive(name, { ...options, held });
}

async function readLayout(file: TarFile, index: Member): Promise<ArchiveContent> {
  const what = `index.json of archive ${file.path}`;
  const { manifests } = parseIndex(await small(file, index), what);
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

  /** {@inheritDoc Source.what} */
  get what(): string {
    return `archive ${this.path}`;
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

/** What an archive has: its named images, and where each blob is. */
interface ArchiveContent {
  /** As they would stand in an `index.json`. */
  readonly entries: readonly Descriptor[];
  /** Bytes at hand or a part of the file. */
  find(digest: Digest): Member | Uint8Array | undefined;
}

const strings = z.array(z.string()).nullish();
const schema = z.array(z.looseObject({ Config: z.string(), RepoTags: strings, Layers: strings }));
type Item = z.infer<typeof schema>[number];

/** How a layer begins tells what it is; `docker save` compresses none, other programs do. */
const COMPRESSIONS: readonly (readonly [type: string, magic: readonly number[]])[] = [
  [MediaType.layerGzip, [0x1f, 0x8b]],
  [`${MediaType.layer}+zstd`, [0x28, 0xb5, 0x2f, 0xfd]],
];

/**
 * Reads what `docker save` writes (Docker image spec 1.2: `manifest.json`, a config and a tar per
 * layer) as OCI images: the bytes of the configs stay, only manifests are made for them.
 */
async function readDockerSave(
  archive: TarFile,
  list: Member,
  signal?: AbortSignal,
): Promise<ArchiveContent> {
  const blobs = new Map<string, Member | Uint8Array>();
  const layers = new Map<Member, Descriptor>();
  const entries: Descriptor[] = [];

  const layer = async (name: string, diffId: Digest): Promise<Descriptor> => {
    const member = memberOf(archive, name);
    const known = layers.get(member);
    if (known !== undefined) return known;
    const start = await readAll(await archive.stream(member, 4), 4, name);
    const type = COMPRESSIONS.find(([, magic]) => magic.every((byte, i) => start[i] === byte))?.[0];
    // A layer that is not compressed has the digest that the config names; readers check it.
    const digest = type === undefined ? diffId : await hash(archive, member, signal);
    const described = { mediaType: type ?? MediaType.layer, digest, size: member.size };
    layers.set(member, described);
    blobs.set(digest, member);
    return described;
  };

  for (const item of await readList(archive, list)) {
    const bytes = await small(archive, memberOf(archive, item.Config));
    const config = parseConfig(bytes, `member ${item.Config} of archive ${archive.path}`);
    const diffIds = config.rootfs.diff_ids;
    const names = item.Layers ?? [];
    if (names.length !== diffIds.length) {
      const why = `has ${names.length} layers, and its config names ${diffIds.length}`;
      throw badArchive(archive.path, `image ${item.Config} ${why}`);
    }
    const described: Descriptor[] = [];
    for (const [i, diffId] of diffIds.entries()) {
      described.push(await layer(names[i] ?? "", diffId));
    }
    const digest = digestOf(bytes);
    blobs.set(digest, bytes);
    const manifest = encodeJson({
      schemaVersion: 2,
      mediaType: MediaType.manifest,
      config: { mediaType: MediaType.config, digest, size: bytes.length },
      layers: described,
    });
    const root = {
      mediaType: MediaType.manifest,
      digest: digestOf(manifest),
      size: manifest.length,
      platform: platformOf(config),
    };
    blobs.set(root.digest, manifest);
    entries.push(...named(archive, root, item));
  }
  return { entries, find: (digest) => blobs.get(digest) };
}

async function readList(archive: TarFile, list: Member): Promise<readonly Item[]> {
  const text = new TextDecoder().decode(await small(archive, list));
  try {
    return schema.parse(JSON.parse(text));
  } catch (error) {
    throw badArchive(archive.path, "its manifest.json is not a list of images", error);
  }
}

function named(archive: TarFile, root: Descriptor, item: Item): Descriptor[] {
  try {
    const tags = item.RepoTags ?? [];
    return tags.length === 0 ? [root] : tags.map((tag) => namedEntry(root, tag));
  } catch (error) {
    if (!(error instanceof KodenoError)) throw error;
    throw badArchive(archive.path, `its manifest.json is damaged: ${messageOf(error)}`, error);
  }
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

async function hash(archive: TarFile, member: Member, signal?: AbortSignal): Promise<Digest> {
  const meter = new Hasher();
  const { size } = member;
  for await (const chunk of reusedChunks(await archive.stream(member), { size, signal })) {
    meter.update(chunk);
  }
  return meter.digest();
}

function platformOf(config: Platform): Platform {
  const { os, architecture, variant } = config;
  const version = config["os.version"];
  return {
    os,
    architecture,
    ...(variant ? { variant } : {}),
    ...(version ? { "os.version": version } : {}),
  };
}
