/**
 * The source that a bundle carries, unpacked into a folder of its own.
 * @module
 */
import { dirname, join, posix } from "node:path";
import type { CallOptions } from "../content/places.ts";
import { ioFailure, openWithRetry, writeAll } from "../io/files.ts";
import { CHUNK_BYTES, fileStream, reusedChunks } from "../io/streams.ts";
import { tarMembers } from "../place/archive/tar_members.ts";
import { badBundle } from "./document.ts";
import { StreamedBytes } from "./reader.ts";

/**
 * Unpacks a tar of files, folders and links into a new folder. No member is written through a link, and no
 * link leads out of it.
 */
export async function unpackSource(
  path: string,
  folder: string,
  { what, signal }: CallOptions & { readonly what: string },
): Promise<void> {
  const stream = fileStream(await openWithRetry(path));
  const chunks = reusedChunks(stream, { size: CHUNK_BYTES, signal });
  const bytes = new StreamedBytes(chunks);
  const links = new Set<string>();
  try {
    await Deno.mkdir(folder, { recursive: true });
    for await (const member of tarMembers(bytes, `with the source of ${what}`, signal)) {
      const { kind, name, offset, size, mode, target = "" } = member;
      const at = join(folder, name);
      for (let above = posix.dirname(name); above !== "."; above = posix.dirname(above)) {
        if (!links.has(above)) continue;
        throw badBundle(what, `${JSON.stringify(name)} of its source is below a link`);
      }
      await Deno.mkdir(kind === "folder" ? at : dirname(at), { recursive: true });
      if (kind === "link") {
        links.add(name);
        await Deno.symlink(posix.relative(posix.dirname(name), target) || ".", at);
      } else if (kind === "file") {
        const how = { write: true, createNew: true, mode: (mode & 0o111) === 0 ? 0o666 : 0o777 };
        using file = await openWithRetry(at, how);
        for await (const chunk of bytes.content(offset, size, what)) writeAll(file, chunk);
      }
    }
  } catch (error) {
    throw ioFailure(`unpack the source of ${what} into ${folder}`, error);
  } finally {
    await bytes.close();
  }
}
