/**
 * The file `oci-layout` that makes a folder a layout: telling one, and making one while other
 * processes may be doing the same (OCI image spec 1.1, image-layout.md).
 * @module
 */
import { join } from "node:path";
import { KodenoError } from "../../errors.ts";
import { isTemporary, linkFile, makeFolder } from "../../io/atomic.ts";
import { ioFailure, isNotFound } from "../../io/fail.ts";
import { writeAll } from "../../io/files.ts";
import { withLock } from "../../io/lock.ts";
import { encodeJson } from "../../oci/manifest.ts";
import { MediaType } from "../../oci/media_types.ts";
import { BLOBS, readIndexFile } from "./files.ts";

const VERSION = "1.0.0";
const MAX_MARKER_BYTES = 64 * 1024;
/** What a half-made layout of kodeno's can hold, next to its temporary files. */
const OWN_NAMES = new Set(["blobs", "index.json"]);

function notALayout(directory: string, why: string, next: string): KodenoError {
  return new KodenoError("BAD_PLACE", `Cannot use ${directory} as an OCI layout: ${why}; ${next}`);
}

/** What a folder is: a layout, one whose marker is damaged beside a whole index, or none yet. */
export type MarkerState = "whole" | "damaged" | "none";

/**
 * Whether a folder is a layout. `none` says that one can be made there, `damaged` that it is one all
 * the same: see {@link mendMarker}.
 *
 * @throws {KodenoError} `BAD_PLACE` when the path is a file or a folder with something else in it,
 * or when there is nothing and none is to be made
 */
export async function checkMarker(directory: string, create: boolean): Promise<MarkerState> {
  let text: string;
  try {
    text = await readMarker(directory);
  } catch (error) {
    if (error instanceof KodenoError) throw error;
    if (error instanceof Deno.errors.NotADirectory || await isNoFolder(directory)) {
      throw notALayout(directory, "it is a file", "name a folder");
    }
    if (!isNotFound(error)) throw ioFailure(`read layout ${directory}`, error);
    if (!create) throw notALayout(directory, "it has no oci-layout file", "name a layout folder");
    await checkEmpty(directory);
    return "none";
  }
  const version = versionIn(text);
  if (version?.startsWith("1.")) return "whole";
  if (version !== undefined) {
    const why = `its version is ${JSON.stringify(version)}`;
    throw notALayout(directory, why, `kodeno reads ${VERSION}`);
  }
  // A power cut that came before the file was on disk leaves it so.
  if (await readIndexFile(directory).then(() => true, () => false)) return "damaged";
  const why = `its oci-layout file ${isJson(text) ? "names no version" : "is not JSON"}`;
  throw notALayout(directory, why, "name a layout folder");
}

/** The version that a marker names, where it is whole. */
function versionIn(text: string): string | undefined {
  if (!isJson(text)) return undefined;
  const found = JSON.parse(text) as { imageLayoutVersion?: unknown } | null;
  return typeof found?.imageLayoutVersion === "string" ? found.imageLayoutVersion : undefined;
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

/**
 * Writes a damaged marker anew, in its place: the lock of the layout is held on it.
 *
 * @returns what was done, for a person; or why it could not be, which hinders nobody from reading
 */
export async function mendMarker(directory: string): Promise<string> {
  const path = join(directory, "oci-layout");
  const text = `oci-layout of layout ${directory}`;
  try {
    await withLock(path, async () => {
      if (versionIn(await readMarker(directory)) !== undefined) return;
      const file = await Deno.open(path, { write: true });
      try {
        const bytes = encodeJson({ imageLayoutVersion: VERSION });
        writeAll(file, bytes);
        await file.truncate(bytes.length);
        await file.sync();
      } finally {
        file.close();
      }
    });
    return `Mended ${text}: it was damaged, as by a power cut; its index.json is whole`;
  } catch (error) {
    const why = ioFailure(`mend ${text}`, error).message;
    return `${why}; it is read as its index.json says`;
  }
}

async function readMarker(directory: string): Promise<string> {
  const path = join(directory, "oci-layout");
  const { isFile, size } = await Deno.stat(path);
  // A pipe would be waited for, and honest ones have some thirty bytes.
  if (isFile && size <= MAX_MARKER_BYTES) return await Deno.readTextFile(path);
  const what = isFile ? `has ${size} bytes` : "is no file";
  throw notALayout(directory, `its oci-layout ${what}`, "name a layout folder");
}

/**
 * Makes a layout with an empty index. Other processes may do so at the same time: each file is
 * linked into place, which never replaces one, and the marker comes last, so that a folder with a
 * marker is a whole layout. (The lock of the layout is held on the marker: it is never replaced.)
 * The names in the folder are on disk with the first entry.
 */
export async function createMarker(directory: string): Promise<void> {
  const index = { schemaVersion: 2, mediaType: MediaType.index, manifests: [] };
  const link = (name: string, value: unknown) =>
    linkFile(join(directory, name), directory, encodeJson(value));
  try {
    await makeFolder(directory);
    await Deno.mkdir(join(directory, BLOBS), { recursive: true });
    await link("index.json", index);
    await link("oci-layout", { imageLayoutVersion: VERSION });
  } catch (error) {
    throw ioFailure(`make layout ${directory}`, error);
  }
}

async function checkEmpty(directory: string): Promise<void> {
  try {
    for await (const { name } of Deno.readDir(directory)) {
      if (OWN_NAMES.has(name) || isTemporary(name)) continue;
      const why = `it holds "${name}" and has no oci-layout file`;
      throw notALayout(directory, why, "name an empty or a new folder");
    }
  } catch (error) {
    if (!isNotFound(error)) throw ioFailure(`read folder ${directory}`, error);
  }
}

async function isNoFolder(path: string): Promise<boolean> {
  return await Deno.stat(path).then(({ isDirectory }) => !isDirectory, () => false);
}
