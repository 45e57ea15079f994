/**
 * Which files are in the layers of a base image, by their names alone.
 * @module
 */
import { Buffer } from "node:buffer";
import { posix } from "node:path";
import type { CallOptions } from "../content/places.ts";
import { KodenoError, messageOf } from "../errors.ts";
import { gunzipEach } from "../io/gunzip.ts";
import { CHUNK_BYTES, chunksOf } from "../io/streams.ts";
import { type Descriptor, ociMediaType } from "../oci/descriptor.ts";
import type { BaseImage } from "./base.ts";

/** More than what a program is linked to lies behind, unpacked. */
const MOST_BYTES = 8 * 1024 ** 3;
const FOUND = new Error("all names were found");

/**
 * Those of some names that no file or link in a base image has, in whatever folder. Layers are read from
 * the lowest on, until all are found: what one above takes away again counts as there.
 *
 * @throws {KodenoError} `BAD_CONTENT` for a layer that cannot be unpacked, and what fetching gives
 */
export async function namesNotIn(
  { manifest, source }: Pick<BaseImage, "manifest" | "source">,
  names: readonly string[],
  options: CallOptions = {},
): Promise<readonly string[]> {
  const left = new Set(names);
  for (const layer of manifest.layers) {
    if (left.size === 0) break;
    await eachName(layer, await source.fetch(layer, options), (name) => {
      left.delete(name);
      return left.size > 0;
    }, options.signal);
  }
  return [...left];
}

/** Hands on the name of each entry of a layer, without its folders, until one is the last wanted. */
async function eachName(
  layer: Descriptor,
  stream: ReadableStream<Uint8Array>,
  take: (name: string) => boolean,
  signal: AbortSignal | undefined,
): Promise<void> {
  // Only what is linked to libraries waits for its code.
  const { Parser } = await import("../npm/tar_parser.ts");
  let goesOn = true;
  let length = 0;
  const parser = new Parser({
    filter: (path) => {
      goesOn &&= take(posix.basename(path));
      return false;
    },
  });
  const see = (chunk: Uint8Array): void => {
    length += chunk.length;
    if (length > MOST_BYTES) throw new Error("it is too large");
    parser.write(Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength));
    if (!goesOn) throw FOUND;
  };
  const chunks = chunksOf(stream, signal);
  try {
    const type = ociMediaType(layer.mediaType);
    if (type.endsWith("+zstd")) throw new Error("it is packed with zstd");
    if (type.endsWith("gzip")) await gunzipEach(chunks, see, { chunkSize: CHUNK_BYTES, signal });
    else for await (const chunk of chunks) see(chunk);
  } catch (error) {
    signal?.throwIfAborted();
    if (error === FOUND) return;
    const message = `Cannot unpack layer ${layer.digest}: ${messageOf(error)}`;
    throw new KodenoError("BAD_CONTENT", message, {}, { cause: error });
  } finally {
    await chunks.return(undefined);
  }
}
