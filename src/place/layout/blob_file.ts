/**
 * The file of a blob of a layout: written whole or not at all, and read whole or in parts.
 * @module
 */
import type { CallOptions, OpenBlob } from "../../content/places.ts";
import { writeSynced } from "../../io/atomic.ts";
import { ioFailure } from "../../io/fail.ts";
import { readSome, writeAll } from "../../io/files.ts";
import { Verifier } from "../../io/hash.ts";
import { fileStream, reusedChunks } from "../../io/streams.ts";
import type { Descriptor } from "../../oci/descriptor.ts";

/** An open blob; whoever has it closes it. */
export class BlobFile {
  readonly #file: Deno.FsFile;

  /** Takes a file that is open for reading, at its beginning. */
  constructor(file: Deno.FsFile) {
    this.#file = file;
  }

  /** All of it, from the present byte on; the end of the stream closes it. */
  stream(): ReadableStream<Uint8Array> {
    return fileStream(this.#file);
  }

  /** Goes on at a byte. */
  async seek(start: number): Promise<void> {
    await this.#file.seek(start, Deno.SeekMode.Start);
  }

  /** Fills memory from its beginning; gives how many bytes there were, null at the end. */
  async read(into: Uint8Array): Promise<number | null> {
    return await readSome(this.#file, into);
  }

  /** Ends the reading. */
  close(): void {
    this.#file.close();
  }
}

/**
 * Writes a blob, checked while it streams.
 *
 * @param directory of the layout
 * @param path of the blob
 * @throws {KodenoError} `BAD_CONTENT`, `IO_FAILED`
 */
export async function writeBlob(
  directory: string,
  path: string,
  descriptor: Descriptor,
  open: OpenBlob,
  options: CallOptions,
): Promise<void> {
  const verifier = new Verifier(descriptor);
  const stream = await open();
  try {
    await writeSynced(path, directory, async (file) => {
      for await (const chunk of reusedChunks(stream, { size: descriptor.size, ...options })) {
        verifier.update(chunk);
        writeAll(file, chunk);
      }
      verifier.finish();
    });
  } catch (error) {
    if (options.signal?.aborted) throw options.signal.reason;
    throw ioFailure(`write blob ${descriptor.digest} to layout ${directory}`, error);
  } finally {
    // When the file could not be made, nobody has read the stream.
    if (!stream.locked) await stream.cancel().catch(() => {});
  }
}
