/**
 * The files that layers leave, as their heads and a digest of each, and in what those of two differ.
 * Contents are read once and not kept; what is kept of a file are some hundred bytes.
 * @module
 */
import type { Blobs } from "../content/places.ts";
import { KodenoError } from "../errors.ts";
import { mayBeProgram } from "../go/build_info.ts";
import { type LayerEntryHead, type LayerReading, readLayer } from "../image/layer_entries.ts";
import { LayerFiles, pathInImage, whiteoutOf } from "../image/layer_files.ts";
import { Hasher } from "../io/hash.ts";
import type { Descriptor, Digest } from "../oci/descriptor.ts";

/** What there is to know of a file in a layer. */
export interface LayerFile {
  readonly kind: string;
  readonly size?: number | undefined;
  /** In octal: `0755`. */
  readonly mode?: string | undefined;
  readonly uid?: number | undefined;
  readonly gid?: number | undefined;
  readonly user?: string | undefined;
  readonly group?: string | undefined;
  readonly modified?: string | undefined;
  /** What a link leads to. */
  readonly target?: string | undefined;
  /** `MAJOR,MINOR` of a device. */
  readonly device?: string | undefined;
  /** Of its content. */
  readonly digest?: Digest | undefined;
}

/** A file that two have otherwise; one that has not got it leaves it out. */
export interface FileChange {
  readonly path: string;
  readonly a?: LayerFile | undefined;
  readonly b?: LayerFile | undefined;
}

/** The files of some layers, one on top of the other. */
export interface SeenFiles {
  /** What {@link LayerFile} says, as text by the paths: so equal ones are equal, and take little memory. */
  readonly files: ReadonlyMap<string, string>;
  /** The layers that have the files which may be programs. */
  readonly programs: ReadonlyMap<string, Descriptor>;
  /** What of them is no entry of a tar, if something is. */
  readonly odd: string | undefined;
}

/** Characters of all paths and heads that are kept of some layers: those of some 400 000 files. */
const MOST_CHARACTERS = 64 * 1024 * 1024;

const KINDS: Readonly<Record<string, string>> = {
  File: "file",
  OldFile: "file",
  ContiguousFile: "file",
  Directory: "folder",
  SymbolicLink: "symlink",
  Link: "hard link",
  CharacterDevice: "character device",
  BlockDevice: "block device",
  FIFO: "pipe",
};

/** Reads layers, each of which has to be what its digest says. */
export async function filesIn(
  source: Blobs,
  layers: readonly Descriptor[],
  options: LayerReading,
): Promise<SeenFiles> {
  const files = new Map<string, string>();
  const programs = new Map<string, Descriptor>();
  let odd: string | undefined;
  let characters = 0;
  for (const layer of layers) {
    const own = new LayerFiles<string>();
    const take = (entry: LayerEntryHead) => {
      const path = pathInImage(entry.path);
      const kind = whiteoutOf(path) ? "whiteout" : KINDS[entry.type] ?? entry.type;
      own.see(path, kind === "folder");
      programs.delete(path);
      const keep = (digest?: Digest): void => {
        const text = JSON.stringify(keptOf(entry, kind, digest));
        characters += path.length + text.length;
        if (characters > MOST_CHARACTERS) {
          const why = "it has more files than anybody can compare";
          throw new KodenoError("BAD_CONTENT", `Cannot compare layer ${layer.digest}: ${why}`);
        }
        own.set(path, text);
      };
      if (kind !== "file") {
        keep();
        return undefined;
      }
      const content = new Hasher();
      return {
        write: (chunk: Uint8Array) => {
          if (content.bytes === 0 && mayBeProgram(chunk)) programs.set(path, layer);
          content.update(chunk);
        },
        end: () => keep(content.digest()),
      };
    };
    await readLayer(source, layer, take, {
      ...options,
      odd: (why) => odd ??= why,
    });
    own.putOn(files);
  }
  return { files, programs, odd };
}

/** The digest of a layer without its packing. */
export async function unpackedDigest(
  source: Blobs,
  layer: Descriptor,
  options: LayerReading,
): Promise<Digest> {
  const hasher = new Hasher();
  const unpacked = (chunk: Uint8Array): void => hasher.update(chunk);
  await readLayer(source, layer, () => undefined, { ...options, unpacked });
  return hasher.digest();
}

/** The files that only one has, or that differ, sorted by their paths. */
export function changedFiles(a: SeenFiles, b: SeenFiles): readonly FileChange[] {
  const paths = new Set<string>();
  for (const [path, text] of a.files) if (b.files.get(path) !== text) paths.add(path);
  for (const path of b.files.keys()) if (!a.files.has(path)) paths.add(path);
  const read = ({ files }: SeenFiles, path: string): LayerFile | undefined => {
    const text = files.get(path);
    if (text === undefined) return undefined;
    return fileOf(JSON.parse(text));
  };
  return [...paths].sort().map((path) => ({ path, a: read(a, path), b: read(b, path) }));
}

/** What is kept of a file, in the order in which {@link fileOf} reads it. */
function keptOf(entry: LayerEntryHead, kind: string, digest?: Digest) {
  const { size, mode, uid, gid, uname, gname, mtime, linkpath, devmaj, devmin } = entry;
  const isTime = mtime !== undefined && !Number.isNaN(mtime.getTime());
  return [
    kind,
    kind === "file" ? size : undefined,
    mode,
    uid,
    gid,
    uname || undefined,
    gname || undefined,
    isTime ? mtime.getTime() : undefined,
    linkpath || undefined,
    kind.endsWith("device") ? `${devmaj ?? 0},${devmin ?? 0}` : undefined,
    digest,
  ] as const;
}

type OrNull<List extends readonly unknown[]> = { readonly [I in keyof List]: List[I] | null };

function fileOf(kept: OrNull<ReturnType<typeof keptOf>>): LayerFile {
  const [kind, size, mode, uid, gid, user, group, time, target, device, digest] = kept;
  return {
    kind: kind ?? "",
    size: size ?? undefined,
    mode: mode?.toString(8).padStart(4, "0"),
    uid: uid ?? undefined,
    gid: gid ?? undefined,
    user: user ?? undefined,
    group: group ?? undefined,
    modified: typeof time === "number"
      ? new Date(time).toISOString().replace(".000Z", "Z")
      : undefined,
    target: target ?? undefined,
    device: device ?? undefined,
    digest: digest ?? undefined,
  };
}
