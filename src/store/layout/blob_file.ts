/**
 * A blob of a layout that is open for reading: whole, or in parts.
 * @module
 */
import { readSome } from "../../io/file_bytes.ts";
import { fileStream } from "../../io/streams.ts";

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
