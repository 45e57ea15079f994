/**
 * The build ID that the linker leaves near the start of a Go binary (Go's cmd/internal/buildid), by
 * which alone go takes a binary for up to date.
 * @module
 */
import { ioFailure } from "../io/files.ts";

/** go itself looks for the ID in so many bytes. */
const HEAD_BYTES = 32 * 1024;
/** action ID of the link, action and content ID of the main package, content ID of the link. */
const BUILD_ID = /[\w-]{20}\/[\w-]{20}\/[\w-]{20}\/[\w-]{20}/;

/** Reads the build ID of a binary; nothing where the linker was told to leave it out. */
export async function buildIdOf(path: string): Promise<string | undefined> {
  try {
    using file = await Deno.open(path);
    const head = new Uint8Array(HEAD_BYTES);
    const count = file.readSync(head) ?? 0;
    return BUILD_ID.exec(new TextDecoder("latin1").decode(head.subarray(0, count)))?.[0];
  } catch (error) {
    throw ioFailure(`read ${path}`, error);
  }
}
