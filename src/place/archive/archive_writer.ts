/**
 * Writes an archive in one pass: at once an OCI layout (OCI image spec 1.1, image-layout.md) and what
 * `docker load` reads. What goes into it is known before its first byte, the two tables of contents
 * (`index.json` and Docker's `manifest.json`) among it. The same images give the same bytes.
 * @module
 */
import { tellUnknown } from "../../content/meter.ts";
import type { CallOptions, Source } from "../../content/places.ts";
import { readGraphDocument } from "../../content/read.ts";
import { hasSuccessors } from "../../content/successors.ts";
import { Walk } from "../../content/walk.ts";
import { KodenoError } from "../../errors.ts";
import type { Emit } from "../../events.ts";
import { makeFolder } from "../../io/atomic.ts";
import { ioFailure } from "../../io/fail.ts";
import { Verifier } from "../../io/hash.ts";
import { bytesStream, reusedChunks } from "../../io/streams.ts";
import { findOutput, isStdoutTerminal, outputFolder, writeOutput } from "../../io/output.ts";
import { Pool } from "../../io/work.ts";
import { TAR_END, tarHeader, tarPadding } from "../../io/tar_writer.ts";
import type { Descriptor } from "../../oci/descriptor.ts";
import { digestHex, parseDigest } from "../../oci/digest.ts";
import { entryName, imageName, namedEntry, withEach } from "../../oci/entries.ts";
import { encodeJson } from "../../oci/manifest.ts";
import { MediaType, ociMediaType } from "../../oci/media_types.ts";
import type { PlatformSpec } from "../../oci/platform.ts";
import { chooseImage, imagesBelow } from "./choose.ts";
import { notAnArchive } from "./tar_file.ts";

/** Manifests are kept for the writing, since reading them again may be a round trip; most bytes. */
const KEPT_BYTES = 16 * 1024 * 1024;
const CONCURRENCY = 4;

/** An image for an archive. */
export interface ArchiveEntry {
  /** Its manifest or index. */
  readonly descriptor: Descriptor;
  /** `NAME:TAG` or a tag alone, each; without one it is found by its digest. */
  readonly names: readonly string[];
}

/** How an archive is written. */
export interface ArchiveOptions extends CallOptions {
  /** Told of what goes in without what belongs to it, since nobody can tell what that is. */
  readonly emit?: Emit | undefined;
  /** Told of each blob, after it was written. */
  readonly onBlob?: ((descriptor: Descriptor) => void) | undefined;
  /** For a source that has checked its blobs itself, so that no byte is hashed twice. */
  readonly isVerified?: boolean | undefined;
}

/** What is written. */
export interface ArchivePlan {
  /** The entries of its `index.json`. */
  readonly entries: readonly Descriptor[];
  /** Each once, sorted by digest. */
  readonly blobs: readonly Descriptor[];
  /** Bytes of blobs that are at hand, by digest. */
  readonly kept: ReadonlyMap<string, Uint8Array>;
}

/**
 * Writes an archive of images. A file appears whole or not at all; see {@link writeOutput}.
 *
 * @param path of the `.tar`, folders above it are made; `-` is the standard output
 * @param source has the images
 * @param entries the images, in any order
 * @throws {KodenoError} `BAD_CONTENT`, `NOT_FOUND`, `BAD_REFERENCE` for an unusable name,
 * `BAD_PLACE` as {@link checkArchive}, `IO_FAILED`
 */
export async function writeArchive(
  path: string,
  source: Pick<Source, "fetch">,
  entries: readonly ArchiveEntry[],
  options: ArchiveOptions = {},
): Promise<void> {
  const { signal } = options;
  signal?.throwIfAborted();
  await checkArchive(path);
  const plan = await planArchive(source, entries, options);
  const near: Pick<Source, "fetch"> = {
    fetch: async (d, o) => {
      const bytes = plan.kept.get(d.digest);
      return bytes ? bytesStream(bytes) : await source.fetch(d, o);
    },
  };
  const documents = await archiveDocuments(near, plan.entries, undefined, options);
  const folder = await outputFolder(path);
  try {
    await makeFolder(folder);
  } catch (error) {
    throw ioFailure(`make folder ${folder}`, error);
  }
  await writeOutput(path, { what: archiveName(path), signal }, async (take) => {
    await take(documents);
    await take(FOLDERS);
    for (const d of plan.blobs) {
      signal?.throwIfAborted();
      const verifier = options.isVerified ? undefined : new Verifier(d);
      const stream = await near.fetch(d, options);
      await take(memberHeader(blobPath(d), d.size));
      for await (const chunk of reusedChunks(stream, { size: d.size, signal })) {
        verifier?.update(chunk);
        await take(chunk);
      }
      verifier?.finish();
      await take(memberPadding(d.size));
      options.onBlob?.(d);
    }
    await take(TAR_END);
  });
}

/**
 * Says before any work that an archive cannot be written to a path; makes nothing.
 *
 * @throws {KodenoError} `BAD_PLACE` for a folder and a terminal, `IO_FAILED`
 */
export async function checkArchive(path: string): Promise<void> {
  const { kind } = await findOutput(path);
  if (kind === "folder") throw notAnArchive(path, "it is a folder", "name a file");
  if (kind === "stdout" && isStdoutTerminal()) {
    const why = "it is a terminal; name a file, or say where it goes with > or |";
    throw new KodenoError("BAD_PLACE", `Cannot write an archive to stdout: ${why}`);
  }
}

/** An archive in errors. */
export function archiveName(path: string): string {
  return path === "-" ? "the archive on stdout" : `archive ${path}`;
}

/** The folders of the blobs, as members. */
export const FOLDERS: Uint8Array = joined(
  ["blobs/", "blobs/sha256/"].map((name) => tarHeader({ type: "dir", name, mode: 0o755 })),
);

/** The name of a blob's member (OCI image spec 1.1, image-layout.md). */
export function blobPath(descriptor: Descriptor): string {
  return `blobs/sha256/${digestHex(parseDigest(descriptor.digest))}`;
}

/** What goes before the content of a member. */
export function memberHeader(name: string, size: number): Uint8Array {
  return tarHeader({ type: "file", name, mode: 0o644, size });
}

/** What goes after the content of a member. */
export function memberPadding(size: number): Uint8Array {
  return new Uint8Array(tarPadding(size));
}

function joined(parts: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let offset = 0;
  for (const part of parts) {
    whole.set(part, offset);
    offset += part.length;
  }
  return whole;
}

/**
 * The members that say what an archive has.
 *
 * @param source has the manifests
 * @param platforms which image of several platforms `docker load` is to take, where its daemon takes
 * only one; see {@link chooseImage}
 */
export async function archiveDocuments(
  source: Pick<Source, "fetch">,
  entries: readonly Descriptor[],
  platforms?: readonly PlatformSpec[],
  options: CallOptions = {},
): Promise<Uint8Array> {
  const documents: [name: string, value: unknown][] = [
    ["oci-layout", { imageLayoutVersion: "1.0.0" }],
    ["index.json", { schemaVersion: 2, mediaType: MediaType.index, manifests: entries }],
    ["manifest.json", await dockerImages(source, entries, platforms, options)],
  ];
  return joined(documents.flatMap(([name, value]) => {
    const bytes = encodeJson(value);
    return [memberHeader(name, bytes.length), bytes, memberPadding(bytes.length)];
  }));
}

/**
 * Walks the graphs of all entries.
 *
 * @throws {KodenoError} `BAD_CONTENT`, `NOT_FOUND`, `BAD_REFERENCE` for an unusable name
 */
export async function planArchive(
  source: Pick<Source, "fetch">,
  entries: readonly ArchiveEntry[],
  options: ArchiveOptions = {},
): Promise<ArchivePlan> {
  const plan = indexEntries(entries);
  const blobs = new Map<string, Descriptor>();
  const kept = new Map<string, Uint8Array>();
  let keptBytes = 0;
  const pool = new Pool(CONCURRENCY);
  const walk = new Walk(async (d, { below }) => {
    const { size } = blobs.get(d.digest) ?? d;
    blobs.set(parseDigest(d.digest), d);
    if (size !== d.size) {
      const why = `it is named with ${size} and with ${d.size} bytes`;
      throw new KodenoError("BAD_CONTENT", `Cannot put blob ${d.digest} into an archive: ${why}`);
    }
    if (!hasSuccessors(d)) return;
    const document = await pool.run(() => readGraphDocument(source, d, options));
    if ((keptBytes += d.size) <= KEPT_BYTES) kept.set(d.digest, document.bytes);
    tellAll(document.index?.manifests ?? []);
    await below(document);
  }, { ...options, parallel: true });
  const tellAll = (all: readonly Descriptor[]): void => {
    for (const d of all) if (!hasSuccessors(d)) tellUnknown(d, options);
  };
  tellAll(entries.map(({ descriptor }) => descriptor));
  for (const { descriptor } of entries) await walk.from(descriptor);
  return { entries: plan, blobs: [...blobs.values()].sort(byDigest), kept };
}

const byDigest = (a: Descriptor, b: Descriptor): number => a.digest < b.digest ? -1 : 1;

/**
 * Named ones sorted by name, then those without a name, sorted by digest.
 *
 * @throws {KodenoError} `BAD_OPTION` when two images have one name, `BAD_REFERENCE`
 */
function indexEntries(entries: readonly ArchiveEntry[]): readonly Descriptor[] {
  let named: readonly Descriptor[] = [];
  const owners = new Map<string, string>();
  const nameless = new Map<string, Descriptor>();
  for (const { descriptor, names } of entries) {
    for (const name of names) {
      const entry = namedEntry(descriptor, name);
      const key = entryName(entry) ?? "";
      const owner = owners.get(key);
      if (owner !== undefined && owner !== descriptor.digest) {
        const what = `${key} is ${owner} and ${descriptor.digest}`;
        throw new KodenoError("BAD_OPTION", `Cannot write one archive of two images: ${what}`);
      }
      owners.set(key, descriptor.digest);
      named = withEach(named, [entry]);
    }
    if (names.length === 0) nameless.set(descriptor.digest, descriptor);
  }
  const rest = [...nameless.values()].sort(byDigest);
  return [...named, ...rest];
}

interface DockerImage {
  readonly Config: string;
  readonly RepoTags: string[] | null;
  readonly Layers: readonly string[];
}

/** Docker image spec 1.2, `manifest.json`: one item for each image, with all of its names. */
async function dockerImages(
  source: Pick<Source, "fetch">,
  index: readonly Descriptor[],
  platforms: readonly PlatformSpec[] | undefined,
  options: CallOptions,
): Promise<readonly DockerImage[]> {
  const items = new Map<string, DockerImage>();
  for (const entry of index) {
    const chosen = chooseImage(await imagesBelow(source, entry, options), platforms);
    if (chosen === undefined) continue;
    const { manifest } = await readGraphDocument(source, chosen, options);
    if (!manifest || ociMediaType(manifest.config.mediaType) !== MediaType.config) continue;
    const Config = blobPath(manifest.config);
    const name = imageName(entry);
    const RepoTags = [...items.get(Config)?.RepoTags ?? [], ...(name ? [name] : [])];
    items.set(Config, {
      Config,
      RepoTags: RepoTags.length > 0 ? RepoTags : null,
      Layers: manifest.layers.map(blobPath),
    });
  }
  return [...items.values()];
}
