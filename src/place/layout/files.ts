/**
 * The files of a layout: its index, its blobs, their folders, and `oci-layout`, which makes a folder a
 * layout (OCI image spec 1.1, image-layout.md). Other processes may be at work on the same.
 * @module
 */
import { Buffer } from "node:buffer";
import { basename, dirname, join } from "node:path";
import { KodenoError, nearest } from "../../errors.ts";
import {
  isTemporary,
  linkFile,
  makeFolder,
  syncDirectory,
  syncParent,
  writeAtomically,
} from "../../io/atomic.ts";
import {
  entriesIn,
  exists,
  identityFrom,
  ioFailure,
  isNotFound,
  isSettled,
  openIfFile,
  writeAll,
} from "../../io/files.ts";
import { withLock } from "../../io/lock.ts";
import { fileStream, readAll } from "../../io/streams.ts";
import {
  blobFolder,
  blobPath,
  type Descriptor,
  type Digest,
  isDigest,
  MediaType,
} from "../../oci/descriptor.ts";
import {
  asWritten,
  encodeJson,
  type Index,
  MAX_JSON_BYTES,
  parseIndex,
} from "../../oci/manifest.ts";

/** The folder of the blobs that kodeno makes; the locks of a layout are held on it. */
export const BLOBS = blobFolder("sha256");
/** That of blobs which others made: where there are none, it is not there. */
export const OTHER_BLOBS = blobFolder("sha512");

export function blobPathIn(directory: string, descriptor: Pick<Descriptor, "digest">): string {
  return join(directory, blobPath(descriptor));
}

/** The list of a layout, and how it is written. */
export interface IndexFile {
  readonly bytes: Uint8Array;
  readonly index: Index;
  /** By which it is known again; nothing where its next change might not show. */
  readonly identity: string | undefined;
}

/** Reads the list of a layout; what was read of it before comes back where it is the same. */
export async function readIndexFile(directory: string, before?: IndexFile): Promise<IndexFile> {
  const what = `index.json of layout ${directory}`;
  const path = join(directory, "index.json");
  const file = await openFileOf(directory, path, what);
  const found = identityFrom(path, file.statSync());
  const identity = isSettled(found, Date.now()) ? JSON.stringify(found) : undefined;
  if (before !== undefined && identity !== undefined && before.identity === identity) {
    file.close();
    return before;
  }
  const bytes = await readAll(fileStream(file), MAX_JSON_BYTES, what);
  const isSame = before !== undefined && Buffer.compare(before.bytes, bytes) === 0;
  return isSame ? { ...before, identity } : { bytes, index: parseIndex(bytes, what), identity };
}

/** The bytes of an index with other entries, if they are others; never more than could be read again. */
export function withEntries(
  directory: string,
  file: IndexFile,
  manifests: readonly Descriptor[],
): Uint8Array | undefined {
  const { bytes, index } = file;
  const next = encodeJson({ ...asWritten(index), manifests: manifests.map(asWritten) });
  if (Buffer.compare(next, bytes) === 0) return undefined;
  if (next.length <= MAX_JSON_BYTES) return next;
  const why = `its index.json would have more than ${MAX_JSON_BYTES} bytes`;
  const help = "use another layout, or remove images with kodeno rm";
  throw new KodenoError("BAD_PLACE", `Cannot add to layout ${directory}: ${why}; ${help}`);
}

/** Replaces the index; it is on disk then. */
export async function writeIndexFile(directory: string, bytes: Uint8Array): Promise<void> {
  await writeAtomically(join(directory, "index.json"), directory, (file) => writeAll(file, bytes));
}

/**
 * Puts the names of blobs on disk, whoever has brought them: a power cut then takes none that an
 * entry leads to. With `all`, the folders above, too, which another process may just have made.
 */
export async function syncFolders(directory: string, all: boolean): Promise<void> {
  for (const folder of [BLOBS, OTHER_BLOBS]) {
    await syncDirectory(join(directory, folder)).catch((error) => {
      if (!isNotFound(error)) throw error;
    });
  }
  if (!all) return;
  await syncDirectory(join(directory, "blobs"));
  await syncDirectory(directory);
  await syncParent(directory);
}

export async function openFileOf(
  directory: string,
  path: string,
  what: string,
): Promise<Deno.FsFile> {
  const file = await openIfFile(path).catch((error) => {
    if (!isNotFound(error)) throw ioFailure(`read ${what}`, error);
    throw new KodenoError("NOT_FOUND", `Cannot find ${what} in layout ${directory}`);
  });
  if (file !== undefined) return file;
  throw new KodenoError("BAD_CONTENT", `Cannot read ${what}: it is no file`);
}

/**
 * Makes sure that what is written or removed is the layout's own. One that came from elsewhere may have
 * links in the place of its folders, and what those lead to belongs to somebody else.
 */
export async function checkOwnFolders(directory: string, doing: string): Promise<void> {
  for (const folder of ["blobs", BLOBS, OTHER_BLOBS]) {
    const info = await Deno.lstat(join(directory, folder)).catch((error) => {
      if (!isNotFound(error)) throw error;
    });
    if (!info || info.isDirectory) continue;
    const what = info.isSymlink ? "a link that leads elsewhere" : "no folder";
    const why = `its ${folder} is ${what}; copy the layout first`;
    throw new KodenoError("BAD_PLACE", `Cannot ${doing} layout ${directory}: ${why}`);
  }
}

const VERSION = "1.0.0";
const MAX_MARKER_BYTES = 64 * 1024;
/** What a half-made layout of kodeno's can hold, next to its temporary files. */
const OWN_NAMES = new Set(["blobs", "index.json"]);

function notALayout(directory: string, why: string, next = "name a layout folder"): KodenoError {
  return new KodenoError("BAD_PLACE", `Cannot use ${directory} as an OCI layout: ${why}; ${next}`);
}

/** What may have been meant by a path that leads nowhere, by the names beside it. */
async function neighbour(path: string): Promise<string | undefined> {
  const names = (await entriesIn(dirname(path))).map(({ name }) => name);
  const near = nearest(basename(path), names);
  return near && `did you mean ${JSON.stringify(join(dirname(path), near))}?`;
}

/**
 * Whether a folder is a layout. `none` says that one can be made there, `damaged` that it is one all
 * the same: see {@link mendMarker}.
 */
export async function checkMarker(
  directory: string,
  create: boolean,
): Promise<"whole" | "damaged" | "none"> {
  let text: string;
  try {
    text = readMarker(directory);
  } catch (error) {
    if (error instanceof KodenoError) throw error;
    const isFile = await Deno.stat(directory).then((info) => !info.isDirectory, () => false);
    if (isFile || error instanceof Deno.errors.NotADirectory) {
      throw notALayout(directory, "it is a file", "name a folder");
    }
    if (!isNotFound(error)) throw ioFailure(`read layout ${directory}`, error);
    if (!create) {
      if (exists(directory)) throw notALayout(directory, "it has no oci-layout file");
      const why = "there is no such file or folder";
      throw notALayout(directory, why, await neighbour(directory) ?? "name a layout or archive");
    }
    const entries = await Array.fromAsync(Deno.readDir(directory)).catch((error) => {
      if (!isNotFound(error)) throw ioFailure(`read folder ${directory}`, error);
    });
    const other = entries?.find(({ name }) => !OWN_NAMES.has(name) && !isTemporary(name));
    if (other === undefined) return "none";
    const why = `it holds "${other.name}" and has no oci-layout file`;
    throw notALayout(directory, why, "name an empty or a new folder");
  }
  const version = versionIn(text);
  if (version?.startsWith("1.")) return "whole";
  if (typeof version === "string") {
    const why = `its version is ${JSON.stringify(version)}`;
    throw notALayout(directory, why, `kodeno reads ${VERSION}`);
  }
  // A power cut that came before the file was on disk leaves it so.
  if (await readIndexFile(directory).then(() => true, () => false)) return "damaged";
  const why = version === null ? "names no version" : "is not JSON";
  throw notALayout(directory, `its oci-layout file ${why}`);
}

/** The version that a marker names; `null` for JSON that names none, nothing for what is no JSON. */
function versionIn(text: string): string | null | undefined {
  try {
    const { imageLayoutVersion: version } = Object(JSON.parse(text));
    return typeof version === "string" ? version : null;
  } catch {
    return undefined;
  }
}

/**
 * Writes a damaged marker anew, in its place: the lock of the layout is held on it. Tells a person what
 * was done, or why it could not be, which hinders nobody from reading.
 */
export async function mendMarker(directory: string): Promise<string> {
  const path = join(directory, "oci-layout");
  const text = `oci-layout of layout ${directory}`;
  try {
    await withLock(path, async () => {
      if (typeof versionIn(readMarker(directory)) === "string") return;
      using file = await Deno.open(path, { write: true });
      const bytes = encodeJson({ imageLayoutVersion: VERSION });
      writeAll(file, bytes);
      await file.truncate(bytes.length);
      await file.sync();
    });
    return `Mended ${text}: it was damaged, as by a power cut; its index.json is whole`;
  } catch (error) {
    return `${ioFailure(`mend ${text}`, error).message}; it is read as its index.json says`;
  }
}

function readMarker(directory: string): string {
  const path = join(directory, "oci-layout");
  const { isFile, size } = Deno.statSync(path);
  // A pipe would be waited for, and honest ones have some thirty bytes.
  if (isFile && size <= MAX_MARKER_BYTES) return Deno.readTextFileSync(path);
  const what = isFile ? `has ${size} bytes` : "is no file";
  throw notALayout(directory, `its oci-layout ${what}`);
}

/**
 * Makes a layout with an empty index. Other processes may do so at the same time: each file is
 * linked into place, which never replaces one, and the marker comes last, so that a folder with a
 * marker is a whole layout. (The lock of the layout is held on the marker: it is never replaced.)
 * The names in the folder are on disk with the first entry.
 */
export async function createMarker(directory: string): Promise<void> {
  const link = (name: string, value: unknown) =>
    linkFile(join(directory, name), directory, encodeJson(value));
  try {
    await makeFolder(directory);
    await Deno.mkdir(join(directory, BLOBS), { recursive: true });
    await link("index.json", { schemaVersion: 2, mediaType: MediaType.index, manifests: [] });
    await link("oci-layout", { imageLayoutVersion: VERSION });
  } catch (error) {
    throw ioFailure(`make layout ${directory}`, error);
  }
}

/** The blobs in a layout, whoever has them. */
export async function blobDigests(directory: string): Promise<readonly Digest[]> {
  const found: Digest[] = [];
  for (const algorithm of ["sha256", "sha512"] as const) {
    const folder = Deno.readDir(join(directory, blobFolder(algorithm)));
    const files = await Array.fromAsync(folder).catch((error) => {
      // A layout without blobs need not have the folder.
      if (!isNotFound(error)) throw error;
    });
    const names = files?.map(({ isFile, name }) => isFile ? `${algorithm}:${name}` : "") ?? [];
    found.push(...names.filter(isDigest).sort());
  }
  return found;
}
