/**
 * The entries of a layer with all that is kept of them when it is unpacked, and their contents, which are
 * read only as fast as they are taken.
 * @module
 */
import { posix } from "node:path";
import { fetchBlob } from "../content/blobs.ts";
import type { Blobs } from "../content/places.ts";
import { Verifier } from "../io/hash.ts";
import { observed } from "../io/streams.ts";
import { StreamedBytes, type TarHead, tarHeads } from "../io/tar_reader.ts";
import type { Descriptor } from "../oci/descriptor.ts";
import { type LayerReading, unpackEach, unpackFailure } from "./layer_entries.ts";

/** What an entry can be. */
type EntryKind = "file" | "folder" | "symlink" | "link" | "character" | "block" | "pipe";

/** An entry of a layer. */
export interface RootEntry {
  /** From the root of the layer: `/etc/passwd`; `/` is the root itself. */
  readonly path: string;
  readonly kind: EntryKind;
  /** Bytes of a file's content. */
  readonly size: number;
  /** Permission, set-id and sticky bits. */
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  /** Whole seconds since 1970. */
  readonly mtime: number;
  /** What a link leads to, as it stands there. */
  readonly target: string;
  /** Major and minor number of a device. */
  readonly device: readonly [major: number, minor: number];
  /** Extended attributes, as pax records: `SCHILY.xattr.security.capability`. */
  readonly attributes: Readonly<Record<string, Uint8Array>>;
  /** Why its content cannot be told, where it cannot. */
  readonly odd?: string | undefined;
}

const KINDS: Readonly<Record<string, EntryKind>> = {
  File: "file",
  OldFile: "file",
  ContiguousFile: "file",
  Directory: "folder",
  SymbolicLink: "symlink",
  Link: "link",
  CharacterDevice: "character",
  BlockDevice: "block",
  FIFO: "pipe",
};
const ATTRIBUTE = /^SCHILY\.xattr\./;
/** No file has a longer path (Linux, PATH_MAX). */
const LONGEST_PATH = 4096;

/**
 * Tells of each entry of a layer, in their order, which is waited for; `content` is to be read meanwhile,
 * if at all. At its end the layer has to be what its digest says.
 *
 * @throws {KodenoError} `BAD_CONTENT` for a layer that cannot be unpacked, or has entries that lead out of
 * it; and what reading it gives
 */
export async function readEntries(
  source: Blobs,
  layer: Descriptor,
  take: (
    entry: RootEntry,
    content: () => AsyncIterable<Uint8Array>,
  ) => Promise<void> | void,
  options: LayerReading = {},
): Promise<void> {
  const { signal } = options;
  const verifier = new Verifier(layer, source.what);
  const stream = await fetchBlob(source, layer, options);
  const seen = observed(stream, (chunk) => verifier.update(chunk));
  const chunks = pulled((take) => unpackEach(layer, seen, take, signal));
  const bytes = new StreamedBytes(chunks);
  const bad = (why: string) => new Error(why);
  const rules = { bad, notTar: () => new Error("it is no tar"), mayLackEnd: true, signal };
  try {
    for await (const head of tarHeads(bytes, rules)) {
      const content = () => bytes.content(head.offset, head.size, bad);
      await take(entryOf(head), content);
    }
    // What stands behind the end of a tar is nobody's, but its digest is of that, too.
    while (!(await chunks.next()).done);
  } catch (error) {
    signal?.throwIfAborted();
    throw unpackFailure(layer, error);
  } finally {
    await bytes.close();
  }
  verifier.finish();
}

function entryOf(head: TarHead): RootEntry {
  const { header, records } = head;
  const { uid, gid, mode = 0, devmaj = 0, devmin = 0 } = header;
  const name = JSON.stringify(head.path.slice(0, 300));
  const known = KINDS[header.type];
  // Old tars say so of folders, and a pax record may have the slash.
  const kind = known === "file" && head.path.endsWith("/") ? "folder" : known ?? "file";
  if (head.path === "" || /\0/.test(head.path + head.linkpath)) {
    throw new Error(`the name of its entry ${name} is none`);
  }
  const path = posix.normalize(head.path).replace(/^\/+/, "").replace(/\/$/, "");
  if (path === ".." || path.startsWith("../")) throw new Error(`its entry ${name} leads out of it`);
  if (path.length > LONGEST_PATH) throw new Error(`the path of its entry ${name} is too long`);
  const isSparse = records.keys().some((key) => key.startsWith("GNU.sparse."));
  const odd = isSparse || header.type === "SparseFile"
    ? "a sparse file as only GNU tar writes it"
    : known === undefined && `of the type ${header.type}, which no layer has`;
  const attributes = [...records].filter(([key]) => ATTRIBUTE.test(key));
  return {
    path: path === "." ? "/" : `/${path}`,
    kind,
    size: head.size,
    mode: mode & 0o7777,
    uid: numberIn(records, "uid") ?? whole(uid),
    gid: numberIn(records, "gid") ?? whole(gid),
    mtime: numberIn(records, "mtime") ?? whole((header.mtime?.getTime() ?? 0) / 1000),
    target: head.linkpath,
    device: [whole(devmaj), whole(devmin)],
    attributes: Object.fromEntries(attributes),
    ...(odd ? { odd } : {}),
  };
}

/** A field that is left empty, as some writers do, is 0. */
function whole(value: number | undefined): number {
  const floor = Math.floor(value ?? 0);
  return Number.isSafeInteger(floor) ? floor : 0;
}

function numberIn(records: TarHead["records"], key: string): number | undefined {
  const text = records.get(key)?.toString();
  return text === undefined || text.trim() === "" ? undefined : whole(Number(text));
}

/** What `run` hands on, as who asks for it gets it; a chunk holds until the next one is asked for. */
async function* pulled(
  run: (take: (chunk: Uint8Array) => Promise<void>) => Promise<void>,
): AsyncGenerator<Uint8Array> {
  let given: Uint8Array | undefined;
  let isLeft = false;
  let come = Promise.withResolvers<void>();
  let taken = Promise.withResolvers<void>();
  const work = run(async (chunk) => {
    if (isLeft) throw LEFT;
    taken = Promise.withResolvers();
    given = chunk;
    come.resolve();
    await taken.promise;
    if (isLeft) throw LEFT;
  }).finally(() => come.resolve());
  // Whoever waits for it is told; nobody may.
  work.catch(() => {});
  try {
    for (;;) {
      await come.promise;
      if (given === undefined) return await work;
      const chunk = given;
      given = undefined;
      come = Promise.withResolvers();
      yield chunk;
      taken.resolve();
    }
  } finally {
    isLeft = true;
    taken.resolve();
    await work.catch(() => {});
  }
}

/** Ends what unpacks a layer that nobody reads any more. */
const LEFT = new Error("nobody reads it any more");
