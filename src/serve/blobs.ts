/**
 * Bytes of blobs on their way to clients, with a bound on how many are open.
 * @module
 */
import { join } from "node:path";
import { KodenoError } from "../errors.ts";
import { readSome } from "../io/files.ts";
import type { Descriptor } from "../oci/descriptor.ts";
import { digestHex } from "../oci/digest.ts";
import type { Layout } from "../place/layout/layout.ts";
import { type ByteRange, type HttpContent, HttpError, serverBusy } from "./messages.ts";

/** Blobs open at once: most of the thousand files a process may have open are for connections. */
const MAX_OPEN = 192;
/** How long a request waits for one of them to be closed. */
const WAIT_MS = 20_000;

/** Opens the blobs of a layout for clients. */
export class BlobReader {
  #open = 0;
  readonly #waiting: ((error?: HttpError) => void)[] = [];

  /** Takes the layout. */
  constructor(readonly layout: Layout) {}

  /**
   * Checks that a blob is there.
   *
   * @throws {HttpError} 404
   */
  async check(blob: Descriptor): Promise<void> {
    (await this.#file(blob)).close();
  }

  /**
   * The bytes of a blob; whoever has them closes them.
   *
   * @throws {HttpError} 404, 503 when too many are being read
   */
  async read(blob: Descriptor, { start, end }: ByteRange): Promise<HttpContent> {
    await this.#enter();
    let file: Deno.FsFile | undefined;
    const close = (): void => {
      file?.close();
      this.#leave();
    };
    try {
      file = await this.#file(blob);
      if (start > 0) await file.seek(start, Deno.SeekMode.Start);
    } catch (error) {
      close();
      throw error;
    }
    return { read: reading(file, end - start), close };
  }

  async #file(blob: Descriptor): Promise<Deno.FsFile> {
    const unknown = new HttpError(404, "BLOB_UNKNOWN", "the layout does not hold this blob");
    try {
      // A link could lead out of the layout, and a pipe would be waited for.
      const path = join(this.layout.directory, "blobs", "sha256", digestHex(blob.digest));
      if (!(await Deno.lstat(path)).isFile) throw unknown;
      return await this.layout.openBlob(blob);
    } catch (error) {
      const code = error instanceof KodenoError ? error.code : "";
      const missing = error instanceof Deno.errors.NotFound || code === "NOT_FOUND";
      if (missing || code === "BAD_CONTENT") throw unknown;
      throw error;
    }
  }

  async #enter(): Promise<void> {
    if (this.#open < MAX_OPEN) {
      this.#open++;
      return;
    }
    await new Promise<void>((resolve, reject) => {
      const go = (error?: HttpError): void => {
        clearTimeout(late);
        if (error === undefined) resolve();
        else reject(error);
      };
      const late = setTimeout(() => {
        this.#waiting.splice(this.#waiting.indexOf(go), 1);
        go(serverBusy("too many blobs are being read"));
      }, WAIT_MS);
      this.#waiting.push(go);
    });
  }

  #leave(): void {
    const next = this.#waiting.shift();
    if (next === undefined) this.#open--;
    else next();
  }
}

/** The next bytes of a file, and no more. */
function reading(file: Deno.FsFile, length: number): HttpContent["read"] {
  let left = length;
  return async (into) => {
    if (left === 0) return null;
    const count = await readSome(file, into.subarray(0, left));
    // The connection is broken off: the client was told how many bytes there are.
    if (count === null) throw new Error("the blob became shorter");
    left -= count;
    return count;
  };
}
