/**
 * A tar of all files of an image, as they are when its layers are unpacked.
 * @module
 */
import { KodenoError } from "../errors.ts";
import type { TakeBytes } from "../io/output.ts";
import { TAR_END, type TarEntry, tarHeader, tarPadding } from "../io/tar_writer.ts";
import type { RootEntry } from "./layer_tar.ts";
import type { RootFiles } from "./root_files.ts";
import type { Leaf } from "./root_tree.ts";

/** Bytes that are written at once, where they come in pieces: most headers have 512. */
const GATHERED_BYTES = 256 * 1024;

const TYPES = {
  file: "file",
  folder: "dir",
  symlink: "symlink",
  link: "link",
  character: "character",
  block: "block",
  pipe: "pipe",
} as const;

/**
 * Writes the tar: first the folders, sorted, then what has no content, then files in the order in which their
 * layers have them, and behind a file its other names. So each is below a folder that is there, a hard
 * link leads to what was before it, and the same image gives the same bytes. Layers are read twice, but for
 * those of which no content is left: all have to be known before the first byte is, and contents do not
 * stay in memory. Owners are numbers alone: a name is somebody else where it is unpacked.
 *
 * @throws {KodenoError} `BAD_CONTENT` for what cannot be unpacked or told, and what reading layers gives
 */
export async function writeRoot(files: RootFiles, take: TakeBytes): Promise<void> {
  const names = new Map<Leaf, string[]>();
  const out = new Gathered(take);
  for (const [path, node] of (await files.tree()).all()) {
    const { target = "" } = node.entry ?? {};
    if (/\ufffd/.test(path + target)) throw refusal(path, "its name or target is not UTF-8");

    if (node.kind === "folder") {
      if (node.entry !== undefined) await out.put(headerOf(path, node.entry));
    } else {
      const known = names.get(node);
      if (known === undefined) names.set(node, [path]);
      else known.push(path);
    }
  }
  const later = new Map<number, Map<number, readonly string[]>>();
  for (const [leaf, paths] of names) {
    const { layer, at, entry } = leaf;
    if (entry.odd !== undefined) throw refusal(paths[0] ?? "", `it is ${entry.odd}`);
    if (entry.size === 0 || entry.kind !== "file") await out.putAll(entry, paths);
    else later.set(layer, (later.get(layer) ?? new Map()).set(at, paths));
  }
  for (const [layer, wanted] of [...later].sort(([a], [b]) => a - b)) {
    let left = wanted.size;
    await files.contents(layer, new Set(wanted.keys()), async (at, entry, content) => {
      left--;
      await out.putAll(entry, wanted.get(at) ?? [], content);
    });
    if (left > 0) throw new Error("a layer has other entries than before");
  }
  await out.put(TAR_END);
  await out.flush();
}

function refusal(path: string, why: string): KodenoError {
  return new KodenoError("BAD_CONTENT", `Cannot export ${path}: ${why}`, { path });
}

function headerOf(path: string, entry: RootEntry): Uint8Array {
  const { kind, mode, uid, gid, mtime, target, device, attributes, size } = entry;
  const name = kind === "folder" ? `${path.slice(1) || "."}/` : path.slice(1);
  const header: TarEntry = { type: TYPES[kind], name, mode, uid, gid, mtime, pax: attributes };
  if (kind === "file") return tarHeader({ ...header, size });
  if (kind === "symlink" || kind === "link") return tarHeader({ ...header, linkname: target });
  return tarHeader(kind === "folder" || kind === "pipe" ? header : { ...header, device });
}

/** Pieces as they are written: many small ones at once. */
class Gathered {
  readonly #memory = new Uint8Array(GATHERED_BYTES);
  #filled = 0;

  constructor(readonly take: TakeBytes) {}

  /** What has one or several names. */
  async putAll(
    entry: RootEntry,
    [path = "", ...others]: readonly string[],
    content: AsyncIterable<Uint8Array> | readonly Uint8Array[] = [],
  ): Promise<void> {
    await this.put(headerOf(path, entry));
    for await (const chunk of content) await this.put(chunk);
    await this.put(new Uint8Array(tarPadding(entry.kind === "file" ? entry.size : 0)));
    for (const other of others) {
      const link = { ...entry, kind: "link", target: path.slice(1), attributes: {} } as const;
      await this.put(headerOf(other, link));
    }
  }

  /** Takes a piece, which has to hold until it is taken. */
  async put(piece: Uint8Array): Promise<void> {
    if (this.#filled + piece.length > GATHERED_BYTES) await this.flush();
    if (piece.length > GATHERED_BYTES) return await this.take(piece);
    this.#memory.set(piece, this.#filled);
    this.#filled += piece.length;
  }

  async flush(): Promise<void> {
    if (this.#filled > 0) await this.take(this.#memory.subarray(0, this.#filled));
    this.#filled = 0;
  }
}
