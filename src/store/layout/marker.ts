/**
 * The file `oci-layout` that makes a folder a layout: telling one, and making one while other
 * processes may be doing the same (OCI image spec 1.1, image-layout.md).
 * @module
 */
import { join } from "node:path";
import { KodenoError } from "../../errors.ts";
import { isTemporary, temporaryPath } from "../../io/atomic.ts";
import { ioFailure, isNotFound } from "../../io/fail.ts";
import { encodeJson } from "../../oci/manifest.ts";
import { MediaType } from "../../oci/media_types.ts";

const VERSION = "1.0.0";
const MAX_MARKER_BYTES = 64 * 1024;
/** What a half-made layout of kodeno's can hold, next to its temporary files. */
const OWN_NAMES = new Set(["blobs", "index.json"]);

function notALayout(directory: string, why: string, next: string): KodenoError {
  return new KodenoError("BAD_PLACE", `Cannot use ${directory} as an OCI layout: ${why}; ${next}`);
}

/**
 * Whether a folder is a layout. `false` says that one can be made there.
 *
 * @throws {KodenoError} `BAD_PLACE` when the path is a file or a folder with something else in it,
 * or when there is nothing and none is to be made
 */
export async function checkMarker(directory: string, create: boolean): Promise<boolean> {
  let text: string;
  try {
    text = await readMarker(directory);
  } catch (error) {
    if (error instanceof KodenoError) throw error;
    if (error instanceof Deno.errors.NotADirectory || await isFile(directory)) {
      throw notALayout(directory, "it is a file", "name a folder");
    }
    if (!isNotFound(error)) throw ioFailure(`read layout ${directory}`, error);
    if (!create) throw notALayout(directory, "it has no oci-layout file", "name a layout folder");
    await checkEmpty(directory);
    return false;
  }
  let version: unknown;
  try {
    version = (JSON.parse(text) as { imageLayoutVersion?: unknown } | null)?.imageLayoutVersion;
  } catch {
    throw notALayout(directory, "its oci-layout file is not JSON", "name a layout folder");
  }
  if (typeof version === "string" && version.startsWith("1.")) return true;
  throw notALayout(
    directory,
    `its version is ${JSON.stringify(version)}`,
    `kodeno reads ${VERSION}`,
  );
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
 */
export async function createMarker(directory: string): Promise<void> {
  const emptyIndex = { schemaVersion: 2, mediaType: MediaType.index, manifests: [] };
  try {
    await Deno.mkdir(join(directory, "blobs", "sha256"), { recursive: true });
    await linkNew(directory, "index.json", emptyIndex);
    await linkNew(directory, "oci-layout", { imageLayoutVersion: VERSION });
  } catch (error) {
    throw ioFailure(`make layout ${directory}`, error);
  }
}

async function linkNew(directory: string, name: string, value: unknown): Promise<void> {
  const temporary = temporaryPath(directory);
  try {
    await Deno.writeFile(temporary, encodeJson(value));
    await Deno.link(temporary, join(directory, name));
  } catch (error) {
    if (!(error instanceof Deno.errors.AlreadyExists)) throw error;
  } finally {
    await Deno.remove(temporary).catch(() => {});
  }
}

async function checkEmpty(directory: string): Promise<void> {
  try {
    for await (const { name } of Deno.readDir(directory)) {
      if (OWN_NAMES.has(name) || isTemporary(name)) continue;
      throw notALayout(
        directory,
        `it holds "${name}" and has no oci-layout file`,
        "name an empty or a new folder",
      );
    }
  } catch (error) {
    if (!isNotFound(error)) throw ioFailure(`read folder ${directory}`, error);
  }
}

async function isFile(path: string): Promise<boolean> {
  try {
    return !(await Deno.stat(path)).isDirectory;
  } catch {
    return false;
  }
}
