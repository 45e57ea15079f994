/**
 * What names the content of a Go binary without reading all of it: the build ID that the linker
 * leaves near its start (Go's cmd/internal/buildid). The last of its four parts is a hash of the
 * content. go touches an up-to-date binary at each build, so its times tell nothing.
 * @module
 */
import { ioFailure } from "../io/fail.ts";
import { Meter } from "../io/hash.ts";
import { fileStream } from "../io/streams.ts";

/** go itself looks for the ID in so many bytes. */
const HEAD_BYTES = 32 * 1024;
/** action ID of the link, action and content ID of the main package, content ID of the link. */
const BUILD_ID = /[\w-]{20}\/[\w-]{20}\/[\w-]{20}\/[\w-]{20}/;

/** A binary as the layer cache knows it. */
export interface BinaryContent {
  /** Bytes. */
  readonly size: number;
  /** The build ID, or the digest of the whole file where the linker was told to leave it out. */
  readonly id: string;
}

/**
 * Names the content of a binary.
 *
 * @throws {KodenoError} `IO_FAILED`
 */
export async function binaryContent(path: string): Promise<BinaryContent> {
  try {
    const file = await Deno.open(path);
    const { size } = await file.stat();
    const head = new Uint8Array(HEAD_BYTES);
    const count = await file.read(head) ?? 0;
    const id = BUILD_ID.exec(new TextDecoder("latin1").decode(head.subarray(0, count)))?.[0];
    if (id !== undefined) {
      file.close();
      return { size, id };
    }
    await file.seek(0, Deno.SeekMode.Start);
    const meter = new Meter();
    for await (const chunk of fileStream(file)) meter.update(chunk);
    return { size, id: meter.digest() };
  } catch (error) {
    throw ioFailure(`read ${path}`, error);
  }
}
