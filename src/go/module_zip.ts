/**
 * The zip that a module comes in: its sum, as go.sum has it, and a toolchain that is unpacked from one.
 * @module
 */
import { Buffer } from "node:buffer";
import { dirname, join } from "node:path";
import { inflateRawSync } from "node:zlib";
import { KodenoError } from "../errors.ts";
import { yieldToEventLoop } from "../io/concurrency.ts";
import { ioFailure, isFile, isFolder, openWithRetry, writeAll } from "../io/files.ts";
import { Hasher } from "../io/hash.ts";
import { fromRandomAccessReaderPromise, RandomAccessReader } from "../npm/yauzl.ts";
import { digestHex } from "../oci/descriptor.ts";
import type { GoCommand } from "./command.ts";

/** A file in a zip, as the list at its end has it; its name is in the bytes that are there. */
interface ZipEntry {
  readonly fileName: Buffer;
  readonly compressionMethod: number;
  /** Bytes in the zip. */
  readonly compressedSize: number;
  readonly uncompressedSize: number;
}

/** A zip that is open. */
interface ZipFile {
  readonly eachEntry: () => AsyncIterable<ZipEntry>;
  readonly readLocalFileHeaderPromise: (
    entry: ZipEntry,
    options: { readonly minimal: true },
  ) => Promise<{ readonly fileDataStart: number }>;
}

/** How a file can be packed (APPNOTE.TXT 4.4.5). */
const STORED = 0;
const DEFLATED = 8;
/** Bytes of larger ones that are read at a time. */
const CHUNK_BYTES = 16 * 1024;
/** Files up to this are unpacked at once. */
const SMALL_BYTES = 1024 * 1024;

/** A line of a sum has names up to their end. */
const NEWLINE = 10;

/**
 * The sum of a module's zip: `h1:...` (`golang.org/x/mod/sumdb/dirhash`, Hash1). No byte of it is kept.
 *
 * @param what it is called in messages
 * @throws {KodenoError} `BAD_CONTENT` for what is no zip, or none of a module
 */
export async function zipSum(
  path: string,
  what: string,
  { signal }: Pick<GoCommand, "signal"> = {},
): Promise<string> {
  // By names in hex, which have the order of their bytes, and hold none of the memory that those lie in.
  const lines: (readonly [name: string, sum: string])[] = [];
  await eachFile(path, `read ${what}`, async (entry, content) => {
    signal?.throwIfAborted();
    if (entry.fileName.includes(NEWLINE)) throw new Error("a name in it has a line break");
    const hasher = new Hasher("sha256");
    for await (const chunk of content) hasher.update(chunk);
    lines.push([entry.fileName.toHex(), digestHex(hasher.digest())]);
  });
  const all = new Hasher("sha256");
  for (const [name, sum] of lines.sort(([a], [b]) => a < b ? -1 : 1)) {
    all.update(Buffer.concat([Buffer.from(`${sum}  `), Buffer.from(`${name}0a`, "hex")]));
  }
  return `h1:${Buffer.from(digestHex(all.digest()), "hex").toString("base64")}`;
}

/** Fills memory from an offset of a file on. */
function readAt(file: Deno.FsFile, offset: number, memory: Uint8Array): void {
  file.seekSync(offset, Deno.SeekMode.Start);
  for (let at = 0; at < memory.length;) {
    const count = file.readSync(memory.subarray(at));
    if (count === null) throw new Error("it ends early");
    at += count;
  }
}

/** Reads a zip without the runtime's threads, whose answers are most of the time that a toolchain takes. */
class ZipReader extends RandomAccessReader {
  constructor(readonly file: Deno.FsFile) {
    super();
  }

  read(
    buffer: Uint8Array,
    offset: number,
    length: number,
    position: number,
    done: (error: unknown) => void,
  ): void {
    try {
      readAt(this.file, position, buffer.subarray(offset, offset + length));
    } catch (error) {
      return done(error);
    }
    done(null);
  }
}

/**
 * Gives the bytes of a file in a zip; a chunk holds until the next one is asked for. Little memory is taken
 * for each: what streams of ten thousand files held would stay long behind their ends.
 */
function contentsOf(zip: ZipFile, file: Deno.FsFile) {
  const memory = new Uint8Array(SMALL_BYTES);
  async function* packedAt(offset: number, size: number, most: number) {
    for (let at = 0; at < size; at += most) {
      await yieldToEventLoop();
      const part = memory.subarray(0, Math.min(most, size - at));
      readAt(file, offset + at, part);
      yield part;
    }
  }
  async function* inflated(chunks: AsyncIterable<Uint8Array<ArrayBuffer>>) {
    const { readable, writable } = new DecompressionStream("deflate-raw");
    const writer = writable.getWriter();
    const feeding = (async () => {
      try {
        for await (const chunk of chunks) await writer.write(chunk);
        await writer.close();
      } catch (error) {
        await writer.abort(error);
      }
    })();
    yield* readable;
    await feeding;
  }
  return async function* (entry: ZipEntry): AsyncGenerator<Uint8Array> {
    const { compressionMethod: method, compressedSize, uncompressedSize: size } = entry;
    if (method !== STORED && method !== DEFLATED) throw new Error(`method ${method} has packed it`);
    const { fileDataStart } = await zip.readLocalFileHeaderPromise(entry, { minimal: true });
    const packed = (most: number) => packedAt(fileDataStart, compressedSize, most);
    let bytes = 0;
    if (method === DEFLATED && Math.max(compressedSize, size) <= SMALL_BYTES) {
      for await (const whole of packed(SMALL_BYTES)) {
        // With room for more than it has it is not asked for another piece of memory at the end.
        const chunk = inflateRawSync(whole, { chunkSize: size + 64, maxOutputLength: size + 64 });
        bytes += chunk.length;
        yield chunk;
      }
    } else {
      const chunks = packed(CHUNK_BYTES);
      for await (const chunk of method === STORED ? chunks : inflated(chunks)) {
        bytes += chunk.length;
        if (bytes > size) break;
        yield chunk;
      }
    }
    if (bytes !== size) throw new Error("a file in it has not the size that it says");
  };
}

async function eachFile(
  path: string,
  doing: string,
  take: (entry: ZipEntry, content: AsyncIterable<Uint8Array>) => Promise<void>,
): Promise<void> {
  try {
    const options = { autoClose: false, decodeStrings: false, lazyEntries: true };
    using file = await openWithRetry(path);
    const { size } = file.statSync();
    const reader = new ZipReader(file);
    const zip: ZipFile = await fromRandomAccessReaderPromise(reader, size, options);
    const contentOf = contentsOf(zip, file);
    for await (const entry of zip.eachEntry()) await take(entry, contentOf(entry));
  } catch (error) {
    // Others are of the zip: `Z_DATA_ERROR`.
    const { code } = error as { readonly code?: unknown };
    if (error instanceof KodenoError || /^E[A-Z]+$/.test(String(code))) {
      throw ioFailure(doing, error);
    }
    const why = error instanceof Error ? error.message : String(error);
    throw new KodenoError("BAD_CONTENT", `Cannot ${doing}: ${why}`, {}, { cause: error });
  }
}

/** What go runs of a toolchain (`cmd/go/internal/toolchain`, Exec); zips say no modes. */
const PROGRAM = /^(?:bin\/|pkg\/tool\/|lib\/(?:.*\/)?go_[^/]+_[^/]+_exec$)/;
const PACKED_GO_MOD = "src/_go.mod";
const GO_MOD = "src/go.mod";

interface ToolchainZip extends Pick<GoCommand, "signal"> {
  readonly path: string;
  /** Path and version, below which all its files are: `golang.org/toolchain@v0.0.1-go1.26.8.linux-amd64`. */
  readonly module: string;
}

/** Gives the files of a toolchain, by their paths in its folder. */
async function eachToolFile(
  { path, module, signal }: ToolchainZip,
  doing: string,
  take: (name: string, size: number, content: AsyncIterable<Uint8Array>) => Promise<void>,
): Promise<void> {
  await eachFile(path, `${doing} toolchain ${module}`, async (entry, content) => {
    signal?.throwIfAborted();
    const whole = entry.fileName.toString();
    const name = whole.startsWith(`${module}/`) ? whole.slice(module.length + 1) : "";
    if (name === "" || name.split("/").some((part) => /^(?:\.{0,2}|.*[\\:\0].*)$/.test(part))) {
      throw new Error(`${JSON.stringify(whole.slice(0, 300))} in it leads out of it`);
    }
    await take(name, entry.uncompressedSize, content);
  });
}

/**
 * Unpacks a toolchain into a new folder as go does.
 *
 * @throws {KodenoError} `BAD_CONTENT` for a zip that is none of it, `IO_FAILED`; files may be there then
 */
export async function unpackToolchain(zip: ToolchainZip, folder: string): Promise<void> {
  const folders = new Set<string>();
  await eachToolFile(zip, "unpack", async (name, _, content) => {
    const path = join(folder, name);
    if (!folders.has(dirname(path))) await Deno.mkdir(dirname(path), { recursive: true });
    folders.add(dirname(path));
    const mode = PROGRAM.test(name) ? 0o755 : 0o644;
    using file = await openWithRetry(path, { write: true, createNew: true, mode });
    for await (const chunk of content) writeAll(file, chunk);
    // A zip of a module has no other module in it; go has it back under its name.
    if (name === PACKED_GO_MOD) await Deno.copyFile(path, join(folder, GO_MOD));
  });
}

/**
 * Whether a folder has all of a toolchain: a power cut may have taken bytes of what was unpacked before.
 *
 * @throws {KodenoError} `BAD_CONTENT` for a zip that is none of it, `IO_FAILED`
 */
export async function isUnpacked(zip: ToolchainZip, folder: string): Promise<boolean> {
  let isSame = isFolder(folder);
  if (!isSame) return false;
  const memory = new Uint8Array(SMALL_BYTES);
  await eachToolFile(zip, "read", async (name, size, content) => {
    isSame &&= await hasBytes(join(folder, name), size, content, memory);
    if (name === PACKED_GO_MOD) isSame &&= sizeOf(join(folder, GO_MOD)) === size;
  });
  return isSame;
}

function sizeOf(path: string): number | undefined {
  return isFile(path) ? Deno.statSync(path).size : undefined;
}

async function hasBytes(
  path: string,
  size: number,
  content: AsyncIterable<Uint8Array>,
  memory: Uint8Array,
): Promise<boolean> {
  if (sizeOf(path) !== size) return false;
  using file = await openWithRetry(path);
  let offset = 0;
  for await (const chunk of content) {
    const there = memory.subarray(0, chunk.length);
    readAt(file, offset, there);
    if (Buffer.compare(there, chunk) !== 0) return false;
    offset += chunk.length;
  }
  return true;
}
