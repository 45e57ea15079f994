/**
 * A blob of a layout that is read in parts, without a thread for each of them: see `io/turn.ts`.
 * @module
 */
import { turn } from "../../io/turn.ts";

/** An open blob; whoever has it closes it. */
export class BlobFile {
  /** Takes a file that is open for reading, at its beginning. */
  constructor(readonly file: Deno.FsFile) {}

  /** Goes on at a byte. */
  async seek(start: number): Promise<void> {
    await this.file.seek(start, Deno.SeekMode.Start);
  }

  /** Fills memory from its beginning; gives how many bytes there were, null at the end. */
  async read(into: Uint8Array): Promise<number | null> {
    await turn();
    return this.file.readSync(into);
  }

  /** Ends the reading. */
  close(): void {
    this.file.close();
  }
}
