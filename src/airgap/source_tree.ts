/**
 * The source that a bundle carries: checked, and unpacked into a folder of its own.
 * @module
 */
import { dirname, join, posix } from "node:path";
import type { CallOptions } from "../content/places.ts";
import { ioFailure, openWithRetry, writeAll } from "../io/files.ts";
import { type hashed, Hasher } from "../io/hash.ts";
import { CHUNK_BYTES, fileStream, reusedChunks } from "../io/streams.ts";
import { StreamedBytes } from "../io/tar_reader.ts";
import { tarPadding } from "../io/tar_writer.ts";
import { tarMembers } from "../place/archive/tar_members.ts";
import { badBundle } from "./document.ts";
import { endsEarly } from "./reader.ts";

type Chunks = AsyncIterable<Uint8Array>;
type SourceOptions = CallOptions & {
  /** Whose source it is: `bundle x.tar`. */
  readonly what: string;
};

/**
 * The members of a tar with a source, to its end. What holds for one wherever it is looked at: no member
 * is below a link, and no link leads out of it.
 */
async function* sourceMembers(chunks: Chunks, { what, signal }: SourceOptions) {
  const bytes = new StreamedBytes(chunks[Symbol.asyncIterator]());
  const links = new Set<string>();
  try {
    for await (const member of tarMembers(bytes, `with the source of ${what}`, signal)) {
      const { kind, name, offset, size } = member;
      for (let above = posix.dirname(name); above !== "."; above = posix.dirname(above)) {
        if (!links.has(above)) continue;
        throw badBundle(what, `${JSON.stringify(name)} of its source is below a link`);
      }
      if (kind === "link") links.add(name);
      yield { ...member, content: () => bytes.content(offset, size, endsEarly(what)) };
    }
    await bytes.end((why) => badBundle(what, why));
  } finally {
    await bytes.close();
  }
}

/** A source that holds. */
export interface CheckedSource extends Awaited<ReturnType<typeof hashed>> {
  /** Where its members end, in bytes. */
  readonly end: number;
  /** Its files and links. */
  readonly names: ReadonlySet<string>;
  /** What links lead to, in the tree. */
  readonly links: ReadonlyMap<string, string>;
}

/** Reads a tar with a source, and refuses one that nobody could unpack. */
export async function checkSource(
  chunks: Chunks,
  options: SourceOptions,
): Promise<CheckedSource> {
  const hasher = new Hasher();
  const seen = (async function* () {
    for await (const chunk of chunks) {
      hasher.update(chunk);
      yield chunk;
    }
  })();
  const names = new Set<string>();
  const links = new Map<string, string>();
  let end = 0;
  for await (const { kind, name, offset, size, target = "" } of sourceMembers(seen, options)) {
    end = offset + size + tarPadding(size);
    if (kind !== "folder") names.add(name);
    if (kind === "link") links.set(name, target);
  }
  return { digest: hasher.digest(), size: hasher.bytes, end, names, links };
}

/** Unpacks a tar of files, folders and links into a new folder. */
export async function unpackSource(
  path: string,
  folder: string,
  options: SourceOptions,
): Promise<void> {
  try {
    await Deno.mkdir(folder, { recursive: true });
    const stream = fileStream(await openWithRetry(path));
    const chunks = reusedChunks(stream, { size: CHUNK_BYTES, signal: options.signal });
    for await (const member of sourceMembers(chunks, options)) {
      const { kind, name, mode, target = "" } = member;
      const at = join(folder, name);
      await Deno.mkdir(kind === "folder" ? at : dirname(at), { recursive: true });
      if (kind === "link") {
        await Deno.symlink(posix.relative(posix.dirname(name), target) || ".", at);
      } else if (kind === "file") {
        const how = { write: true, createNew: true, mode: (mode & 0o111) === 0 ? 0o666 : 0o777 };
        using file = await openWithRetry(at, how);
        for await (const chunk of member.content()) writeAll(file, chunk);
      }
    }
  } catch (error) {
    throw ioFailure(`unpack the source of ${options.what} into ${folder}`, error);
  }
}
