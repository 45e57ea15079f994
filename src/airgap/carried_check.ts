/**
 * What holds for all that a bundle carries beside images, wherever it is looked at: before it is written,
 * when it is verified, and before it is used.
 * @module
 */
import { tmpdir } from "node:os";
import type { CallOptions } from "../content/places.ts";
import { temporaryPath } from "../io/atomic.ts";
import { ioFailure, openWithRetry, writeAll } from "../io/files.ts";
import { CHUNK_BYTES, fileStream, reusedChunks } from "../io/streams.ts";
import { badBundle, type BundleDocument, type BundleModule } from "./document.ts";
import { type Lock, readLock } from "./lock.ts";
import { checkModule, refuseOtherSums, zipsOfModules } from "./modules.ts";
import { checkSource } from "./source_tree.ts";
import { LOCK } from "./sources.ts";

/** What a bundle says of what it carries. */
type Said = Pick<BundleDocument, "gomod" | "source"> & {
  readonly files: readonly Pick<BundleDocument["files"][number], "path">[];
};
type Chunks = AsyncIterable<Uint8Array>;

/** Checks the members of a bundle, in whatever order they come. */
export class CarriedCheck {
  readonly #zips: ReadonlyMap<string, BundleModule>;
  /** It comes behind the modules that it has sums of. */
  #lock: Lock | undefined;

  /** @throws {KodenoError} `BAD_CONTENT` for what cannot be by what the bundle says alone */
  constructor(readonly what: string, readonly said: Said) {
    const { path, folder = "" } = said.source ?? {};
    if (path !== undefined && !/^[^/]+\.tar$/.test(path)) {
      throw badBundle(what, `its source cannot be in ${JSON.stringify(path)}`);
    }
    if (folder.split("/").includes("..")) {
      throw badBundle(what, `its source leads out of it by ${JSON.stringify(folder)}`);
    }
    this.#zips = zipsOfModules(what, said);
  }

  /** Takes a member: the path of a file, or chunks, which are read to their end. */
  async take(name: string, from: string | Chunks, options: CallOptions = {}): Promise<void> {
    const { what, said } = this;
    const module = this.#zips.get(name);
    if (name === said.source?.path) {
      await checkSource(typeof from === "string" ? await chunksIn(from) : from, {
        ...options,
        what,
      });
    } else if (module !== undefined) {
      await inFile(from, (file) => checkModule(what, module, file, options));
    } else if (name === LOCK) {
      this.#lock = await inFile(from, (file) => readLock(file, `${LOCK} of ${what}`));
    }
  }

  /** When all have come. */
  end(): void {
    refuseOtherSums(this.what, this.#zips.values(), this.#lock);
  }
}

async function chunksIn(path: string): Promise<Chunks> {
  return reusedChunks(fileStream(await openWithRetry(path)), { size: CHUNK_BYTES });
}

/** Has a member in a file for as long as somebody reads it. */
async function inFile<T>(from: string | Chunks, use: (path: string) => Promise<T>): Promise<T> {
  if (typeof from === "string") return await use(from);
  const path = temporaryPath(tmpdir());
  try {
    {
      using file = await openWithRetry(path, { write: true, createNew: true, mode: 0o600 });
      for await (const chunk of from) writeAll(file, chunk);
    }
    return await use(path);
  } catch (error) {
    throw ioFailure(`keep what is checked in ${tmpdir()} (TMPDIR)`, error);
  } finally {
    await Deno.remove(path).catch(() => {});
  }
}
