/**
 * The zip that a module comes in: its sum, as go.sum has it, and a toolchain that is unpacked from one.
 * @module
 */
import { Buffer } from "node:buffer";
import { dirname, join } from "node:path";
import { KodenoError } from "../errors.ts";
import { removeStaleTemporaries, temporaryPath } from "../io/atomic.ts";
import { ioFailure, isFolder, openWithRetry, writeAll } from "../io/files.ts";
import { digestOf, Hasher } from "../io/hash.ts";
import { openPromise } from "../npm/yauzl.ts";
import type { GoCommand } from "./command.ts";

/** A file in a zip, as the list at its end has it; its name is in the bytes that are there. */
interface ZipEntry {
  readonly fileName: Buffer;
}

/** A zip that is open. */
interface ZipFile {
  readonly eachEntry: () => AsyncIterable<ZipEntry>;
  readonly openReadStreamPromise: (entry: ZipEntry) => Promise<AsyncIterable<Uint8Array>>;
  readonly close: () => void;
}

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
  const lines: { readonly name: Buffer; readonly sum: string }[] = [];
  await eachFile(path, what, async (zip, entry) => {
    signal?.throwIfAborted();
    if (entry.fileName.includes(NEWLINE)) throw new Error("a name in it has a line break");
    const hasher = new Hasher("sha256");
    for await (const chunk of await zip.openReadStreamPromise(entry)) hasher.update(chunk);
    lines.push({ name: entry.fileName, sum: hasher.digest().slice("sha256:".length) });
  });
  lines.sort((a, b) => Buffer.compare(a.name, b.name));
  const text = Buffer.concat(
    lines.flatMap(({ name, sum }) => [Buffer.from(`${sum}  `), name, Buffer.from("\n")]),
  );
  const hex = digestOf(text, "sha256").slice("sha256:".length);
  return `h1:${Buffer.from(hex, "hex").toString("base64")}`;
}

async function eachFile(
  path: string,
  what: string,
  take: (zip: ZipFile, entry: ZipEntry) => Promise<void>,
): Promise<void> {
  try {
    const options = { autoClose: false, decodeStrings: false, lazyEntries: true };
    const zip: ZipFile = await openPromise(path, options);
    try {
      for await (const entry of zip.eachEntry()) await take(zip, entry);
    } finally {
      zip.close();
    }
  } catch (error) {
    if (error instanceof KodenoError || (error as { code?: unknown }).code) {
      throw ioFailure(`read ${what}`, error);
    }
    const why = error instanceof Error ? error.message : String(error);
    throw new KodenoError("BAD_CONTENT", `Cannot read ${what}: ${why}`, {}, { cause: error });
  }
}

/** What go runs of a toolchain (`cmd/go/internal/toolchain`, Exec); zips say no modes. */
const PROGRAM = /^(?:bin\/|pkg\/tool\/|lib\/(?:.*\/)?go_[^/]+_[^/]+_exec$)/;

/**
 * Unpacks the zip of a toolchain (`golang.org/toolchain@v0.0.1-go1.26.8.linux-amd64`) as go does; the folder
 * is there when all of it is, and one that is there stays.
 *
 * @param module its path and version, below which all its files are
 */
export async function unpackToolchain(
  zipPath: string,
  module: string,
  folder: string,
  { signal }: Pick<GoCommand, "signal"> = {},
): Promise<void> {
  // Those of a process that was killed are as large as it is.
  await removeStaleTemporaries(dirname(folder));
  if (isFolder(folder)) return;
  const temporary = temporaryPath(dirname(folder));
  const write = async (name: string, content: AsyncIterable<Uint8Array>): Promise<void> => {
    const path = join(temporary, name);
    await Deno.mkdir(dirname(path), { recursive: true });
    const mode = PROGRAM.test(name) ? 0o755 : 0o644;
    using file = await openWithRetry(path, { write: true, createNew: true, mode });
    for await (const chunk of content) writeAll(file, chunk);
  };
  try {
    await Deno.mkdir(temporary, { recursive: true });
    await eachFile(zipPath, `toolchain ${module}`, async (zip, entry) => {
      signal?.throwIfAborted();
      const whole = entry.fileName.toString();
      const name = whole.startsWith(`${module}/`) ? whole.slice(module.length + 1) : "";
      if (name === "" || name.split("/").some((part) => /^(?:\.{0,2}|.*[\\:\0].*)$/.test(part))) {
        throw new Error(`${JSON.stringify(whole.slice(0, 300))} in it leads out of it`);
      }
      await write(name, await zip.openReadStreamPromise(entry));
      // A zip of a module has no other module in it; go has it back under its name.
      if (name !== "src/_go.mod") return;
      await write("src/go.mod", await zip.openReadStreamPromise(entry));
    });
    await Deno.rename(temporary, folder);
  } catch (error) {
    await Deno.remove(temporary, { recursive: true }).catch(() => {});
    // Another process was first.
    if (isFolder(folder)) return;
    throw ioFailure(`unpack ${module} into ${folder}`, error);
  }
}
