/**
 * An archive as a place to read from: an OCI layout in a tar (OCI image spec 1.1, image-layout.md),
 * or what `docker save` writes. Nothing is unpacked.
 * @module
 */
import { Buffer } from "node:buffer";
import { posix } from "node:path";
import type { CallOptions, Source } from "../../content/places.ts";
import { hasCode, KodenoError, messageOf } from "../../errors.ts";
import { ioFailure, openIfFile, readSomeAt } from "../../io/files.ts";
import { digestOf, hashed } from "../../io/hash.ts";
import { spoolGunzipped, spoolInput } from "../../io/spool.ts";
import { bytesStream, byteStream, readAll, reusedChunks } from "../../io/streams.ts";
import { tarPadding } from "../../io/tar_writer.ts";
import { Header, Pax } from "../../npm/tar.ts";
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

/** How an archive is opened. */
export interface OpenArchiveOptions extends CallOptions {
  /** The file, where it has no name to open it by: it is closed with the archive. */
  readonly held?: Deno.FsFile | undefined;
}

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
    const index = file.find("index.json");
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
    return found instanceof Uint8Array ? bytesStream(found) : await this.#file.stream(found);
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

interface Compression {
  /** Of the program that undoes it with `-dc`, too. */
  readonly name: "gzip" | "zstd" | "xz" | "bzip2";
  /** What OCI calls a layer that it was done to. */
  readonly layer?: string;
  readonly isStart: (text: string) => boolean;
}

/** So many bytes tell compressions apart. */
const MAGIC_BYTES = 10;
const COMPRESSIONS: readonly Compression[] = [
  { name: "gzip", layer: MediaType.layerGzip, isStart: (text) => text.startsWith("\x1f\x8b") },
  {
    name: "zstd",
    layer: `${MediaType.layer}+zstd`,
    // The second form is a frame to be skipped, with which some writers begin.
    isStart: (text) =>
      text.startsWith("\x28\xb5\x2f\xfd") ||
      ((text.charCodeAt(0) & 0xf0) === 0x50 && text.slice(1, 4) === "\x2a\x4d\x18"),
  },
  { name: "xz", isStart: (text) => text.startsWith("\xfd7zXZ\0") },
  // A member of a tar may be called BZh.
  { name: "bzip2", isStart: (text) => text.startsWith("BZh") && text.slice(4, 10) === "1AY&SY" },
];

function compressionOf(start: Uint8Array): Compression | undefined {
  const text = String.fromCharCode(...start.subarray(0, MAGIC_BYTES));
  return COMPRESSIONS.find(({ isStart }) => isStart(text));
}

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

const BLOCK_BYTES = 512;
const WINDOW_BYTES = 64 * 1024;
/** Go's reader has the same bound for what extends a header. */
const MAX_EXTENSION_BYTES = 1024 * 1024;
/** A folder of images has some thousands; an archive of empty members must not fill the memory. */
const MAX_MEMBERS = 200_000;
/** No honest archive has a longer chain of links. */
const MAX_LINKS = 8;

/** Where the content of a file is, in bytes from the archive's start. */
type Member = { readonly offset: number; readonly size: number };

class TarFile implements Disposable {
  private constructor(
    readonly path: string,
    /** By name; a link is the name it leads to. */
    private readonly members: ReadonlyMap<string, Member | string>,
    /** Which file it was. */
    private readonly stamp: string,
    private readonly held: Deno.FsFile | undefined,
  ) {}

  /**
   * Scans a file. One that is held, or was unpacked, has no name to open it by, and stays open till the
   * end, or till an error; of any other nothing stays open.
   */
  static async open(
    path: string,
    { signal, held }: OpenArchiveOptions,
  ): Promise<TarFile> {
    let file = held ?? await openFile(path);
    let isHeld = held !== undefined;
    try {
      if (await isGzip(file, path)) {
        const plain = await spoolGunzipped(file, `archive ${path}`, signal);
        file.close();
        [file, isHeld] = [plain, true];
      }
      const info = await file.stat();
      const members = await scanMembers(file, path, info.size, signal);
      if (!isHeld) file.close();
      return new TarFile(path, members, stampOf(info), isHeld ? file : undefined);
    } catch (error) {
      file.close();
      if (signal?.aborted) throw signal.reason;
      throw ioFailure(`read archive ${path}`, error);
    }
  }

  [Symbol.dispose](): void {
    this.held?.[Symbol.dispose]();
  }

  /** The file of a name, links followed; undefined where there is none. */
  find(name: string): Member | undefined {
    let found: Member | string | undefined = name;
    for (let links = 0; links <= MAX_LINKS + 1; links++) {
      if (typeof found !== "string") return found;
      found = this.members.get(found);
    }
    if (typeof found !== "string") return found;
    throw badArchive(this.path, `its member ${JSON.stringify(name)} is a link that does not end`);
  }

  /** The first bytes of a member, or all of it. */
  async stream({ offset, size }: Member, most = size): Promise<ReadableStream<Uint8Array>> {
    const part = { offset, size: Math.min(most, size) };
    if (this.held !== undefined) return partStream(this.held, part, this.path, () => {});
    const file = await openFile(this.path);
    try {
      // Offsets hold for one file only: a new one under the same name is another.
      if (stampOf(await file.stat()) !== this.stamp) {
        throw badArchive(this.path, "it was changed while it was read; run it again");
      }
      return partStream(file, part, this.path, () => file.close());
    } catch (error) {
      file.close();
      throw ioFailure(`read archive ${this.path}`, error);
    }
  }
}

async function openFile(path: string): Promise<Deno.FsFile> {
  const file = await openIfFile(path).catch((error) => {
    throw ioFailure(`read archive ${path}`, error);
  });
  if (file !== undefined) return file;
  throw notAnArchive(path, "it is no file");
}

function stampOf({ dev, ino, size, mtime }: Deno.FileInfo): string {
  return [dev, ino, size, mtime?.getTime()].join(" ");
}

/** Bytes of a file that others may read, too; `close` comes at the end, on error and on cancel. */
function partStream(file: Deno.FsFile, part: Member, path: string, close: () => void) {
  let { offset, size: left } = part;
  return byteStream(async (memory) => {
    try {
      const count = left === 0 ? 0 : await readSomeAt(file, offset, memory.subarray(0, left));
      if (count === null) throw badArchive(path, "it ends early: it was cut while it was read");
      left -= count;
      offset += count;
      if (count === 0) close();
      return memory.subarray(0, count);
    } catch (error) {
      close();
      throw error;
    }
  }, close);
}

/** Reads pieces of a file by offset, with one system call for many small ones. */
class Window {
  #start = 0;
  #bytes = Buffer.alloc(0);

  constructor(readonly file: Deno.FsFile) {}

  /** The bytes there; fewer where the file ends. */
  async at(offset: number, length: number): Promise<Buffer> {
    const isHere = offset >= this.#start && offset + length <= this.#start + this.#bytes.length;
    if (!isHere) {
      const buffer = Buffer.alloc(Math.max(WINDOW_BYTES, length));
      let filled = 0;
      for (let count: number | null = 0; count !== null && filled < length;) {
        count = await readSomeAt(this.file, offset + filled, buffer.subarray(filled));
        filled += count ?? 0;
      }
      [this.#start, this.#bytes] = [offset, buffer.subarray(0, filled)];
    }
    return this.#bytes.subarray(offset - this.#start, offset - this.#start + length);
  }
}

/** What pax records or GNU members say about the member after them. */
type Extension = Pick<Pax, "path" | "linkpath" | "size">;

async function scanMembers(file: Deno.FsFile, path: string, length: number, signal?: AbortSignal) {
  const window = new Window(file);
  const found = new Map<string, Member | string>();
  let extension: Extension = {};
  let members = 0;

  for (let offset = 0;;) {
    signal?.throwIfAborted();
    const block = await window.at(offset, BLOCK_BYTES);
    if (block.length < BLOCK_BYTES) throw badArchive(path, `it ends early, after ${length} bytes`);
    const damaged = `the tar header at byte ${offset} is damaged`;
    let header: Header;
    try {
      header = new Header(block);
    } catch (error) {
      // A number beyond those that are exact.
      throw badArchive(path, damaged, error);
    }
    if (header.nullBlock) return found;
    if (!header.cksumValid) {
      if (offset === 0) throw notAnArchive(path, "it is not a tar file");
      throw badArchive(path, damaged);
    }
    if (++members > MAX_MEMBERS) throw badArchive(path, `it has over ${MAX_MEMBERS} members`);

    const extends_ = EXTENSION.test(header.type);
    const size = (extends_ ? undefined : extension.size) ?? header.size;
    const content = offset + BLOCK_BYTES;
    const label = JSON.stringify(header.path);
    if (size === undefined || !Number.isSafeInteger(size)) {
      throw badArchive(path, `the size of its member ${label} is no number`);
    }
    if (content + size > length) {
      const why = `its member ${label} should have ${size} bytes`;
      throw badArchive(path, `it ends early, after ${length} bytes: ${why}`);
    }
    offset = content + size + tarPadding(size);

    if (extends_) {
      if (size > MAX_EXTENSION_BYTES) throw badArchive(path, `the header of ${label} is too large`);
      const bytes = await window.at(content, size);
      extension = { ...extension, ...readExtension(header.type, bytes) };
      continue;
    }
    const name = memberName(path, extension.path ?? header.path ?? "");
    const target = extension.linkpath ?? header.linkpath ?? "";
    extension = {};
    if (header.type === "Directory" || name === ".") continue;
    // Which of the two is meant would depend on the reader.
    if (found.has(name)) throw badArchive(path, `it has member ${JSON.stringify(name)} twice`);
    if (FILE.test(header.type)) found.set(name, { offset: content, size });
    else if (size === 0 && LINK.test(header.type)) {
      // A symlink's target is relative to its folder, that of a hard link to the archive's root.
      const folder = header.type === "SymbolicLink" ? posix.dirname(name) : ".";
      found.set(name, linkTarget(path, name, folder, target));
    } else {
      const what = `${JSON.stringify(name)} is a ${header.type} of ${size} bytes`;
      throw badArchive(path, `its member ${what}; images have files and links`);
    }
  }
}

const FILE = /^(?:Old|Contiguous)?File$/;
const LINK = /^(?:Symbolic)?Link$/;
const EXTENSION = /^(?:(?:Global)?ExtendedHeader|NextFileHasLong(?:Path|Linkpath))$/;

function readExtension(type: string, bytes: Buffer): Extension {
  const text = bytes.toString("utf8");
  if (type === "NextFileHasLongPath") return { path: text.replace(/\0[^]*$/, "") };
  if (type === "NextFileHasLongLinkpath") return { linkpath: text.replace(/\0[^]*$/, "") };
  // A comment for all members (git writes one); what a global record renames has no meaning.
  if (type === "GlobalExtendedHeader") return {};
  const { path, linkpath, size } = Pax.parse(text);
  const told = Object.entries({ path, linkpath, size }).filter(([, value]) => value !== undefined);
  return Object.fromEntries(told);
}

/** Whether it is compressed with gzip; with anything else it is refused, with the way to read it. */
async function isGzip(file: Deno.FsFile, path: string): Promise<boolean> {
  const block = await new Window(file).at(0, BLOCK_BYTES);
  if (block.length === 0) throw notAnArchive(path, "it is empty");
  const name = compressionOf(block)?.name;
  if (name === "gzip") return true;
  if (name !== undefined) {
    const next = `run "${name} -d" on it first`;
    throw notAnArchive(path, `it is compressed with ${name}`, next, { compression: name });
  }
  if (block.length < BLOCK_BYTES) throw notAnArchive(path, `it has only ${block.length} bytes`);
  return false;
}

function leadsOut(name: string): boolean {
  return name.startsWith("/") || name.split("/").includes("..") || name.includes("\0");
}

/** A member's name without leading `./` and trailing slash; `.` for the folder itself. */
function memberName(archive: string, name: string): string {
  if (name === "" || leadsOut(name)) {
    throw badArchive(archive, `its member ${JSON.stringify(name)} leads out of it`);
  }
  const plain = posix.normalize(name);
  return plain.endsWith("/") ? plain.slice(0, -1) || "." : plain;
}

/** The member that a link names. `docker save` writes a symlink for a layer that is there twice. */
function linkTarget(archive: string, name: string, folder: string, target: string): string {
  const to = posix.join(folder, target);
  if (target !== "" && !target.startsWith("/") && !leadsOut(to)) return to;
  const what = `its member ${JSON.stringify(name)} is a link to ${JSON.stringify(target)}`;
  throw badArchive(archive, `${what}, outside of it`);
}
