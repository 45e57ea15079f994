/**
 * A file that comes by in pieces, and is kept in another one where it may be a program: go and what reads
 * programs need to move about in it.
 * @module
 */
import { dirname } from "node:path";
import { ioFailure, writeAll } from "../io/files.ts";
import { mayBeProgram } from "./build_info.ts";

/** Takes the content of a file; `path` is where a program is kept, in a folder for temporary files. */
export class KeptProgram {
  #file: Deno.FsFile | undefined;
  #begun = false;

  constructor(readonly path: string) {}

  /** Takes the next piece; what cannot be written is told as `IO_FAILED`. */
  write(chunk: Uint8Array): void {
    const isStart = !this.#begun;
    this.#begun ||= chunk.length > 0;
    try {
      if (isStart && mayBeProgram(chunk)) {
        // go passes over what cannot be run.
        this.#file = Deno.openSync(this.path, { write: true, createNew: true, mode: 0o700 });
      }
      if (this.#file) writeAll(this.#file, chunk);
    } catch (error) {
      this.#file?.close();
      throw ioFailure(`keep a program in ${dirname(this.path)} (TMPDIR) while it is read`, error);
    }
  }

  /** Whether it is kept, when all of it was taken. */
  end(): boolean {
    this.#file?.close();
    return this.#file !== undefined;
  }
}
