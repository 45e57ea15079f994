/**
 * Where bundles are read from: a file, or what can be read but once.
 * @module
 */
import type { CallOptions } from "../content/places.ts";
import { KodenoError } from "../errors.ts";
import { ioFailure, openIfFile } from "../io/files.ts";
import { pipedChunks } from "../io/spool.ts";
import { CHUNK_BYTES, fileStream, reusedChunks } from "../io/streams.ts";
import { explainParts, findParts, noHeader, partsChunks } from "./parts.ts";
import type { BundleInput } from "./reader.ts";

/**
 * Opens a bundle to read it from its first byte on; `-` is stdin, and a pipe is read once. One in parts is
 * opened by the header (`FILE.000`) or by any of its parts.
 */
export async function openBundle(
  given: string | readonly string[],
  { signal }: CallOptions,
): Promise<BundleInput> {
  const [path = "-", ...more] = [given].flat();
  const what = path === "-" ? "bundle on stdin" : `bundle ${path}`;
  try {
    if (more.length === 0 && (path === "-" || (await Deno.stat(path)).isFifo)) {
      return { what, chunks: pipedChunks(path, what, signal) };
    }
    const parts = await findParts([path, ...more]);
    if (parts !== undefined) {
      return {
        what: parts.what,
        chunks: partsChunks(parts, { signal }),
        explain: (error) => explainParts(parts, error, { signal }),
      };
    }
    if (more.length > 0) throw noHeader("use", [path, ...more]);
    const file = await openIfFile(path);
    if (file === undefined) {
      const why = 'it is no file; name what "kodeno bundle create" has written';
      throw new KodenoError("BAD_PLACE", `Cannot use ${path} as a bundle: ${why}`);
    }
    return { what, chunks: reusedChunks(fileStream(file), { size: CHUNK_BYTES, signal }) };
  } catch (error) {
    throw ioFailure(`read ${what}`, error);
  }
}
