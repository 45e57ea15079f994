/**
 * The layer with a package's `kodata` folder at `/var/run/ko`, in the bytes ko would write: links
 * are replaced by what they point to, and must not lead out of the tree.
 * @module
 */
import { Buffer } from "node:buffer";
import { basename, dirname, join } from "node:path";
import { KodenoError } from "../errors.ts";
import {
  type FileIdentity,
  findUp,
  identityFrom,
  ioFailure,
  isFolder,
  isInside,
  isNotFound,
  isSettled,
} from "../io/files.ts";
import { Folders, unspeakableName } from "../io/folder.ts";
import { WINDOWS_SECURITY } from "./binary_layer.ts";
import type { LayerEntry, LayerPlan } from "./layer.ts";

export interface KodataOptions {
  /** Operating system of the image; Windows has another folder layout and no links. */
  readonly os: string;
  /** Time of all entries, in seconds since 1970; default 0. */
  readonly mtime?: number | undefined;
  /** Folder that links may lead into beside the enclosing git root. */
  readonly allowedRoot?: string | undefined;
  /** Folder of the cache: with it, each build would put what the one before left into the image. */
  readonly cache?: string | undefined;
}

/**
 * Plans the layer of a package's static files, in its folder `kodata`. A package without any has a
 * layer, too, of the folder alone: as in ko, so that the layers of an image stay where they are.
 */
export async function planKodataLayer(
  packageDirectory: string,
  options: KodataOptions,
): Promise<LayerPlan> {
  const windows = options.os === "windows";
  const time = options.mtime === undefined ? {} : { mtime: options.mtime };
  const prefix = windows ? "Files/" : "/";
  const entries: LayerEntry[] = [];
  const identities: (FileIdentity & { name: string })[] = [];
  const directory = (name: string): void => {
    entries.push({ entry: { type: "dir", name, mode: 0o555, ...time } });
  };
  if (windows) ["Hives", "Files"].forEach(directory);
  for (const name of ["var", "var/run", "var/run/ko"]) directory(prefix + name);

  for await (const found of walk(join(packageDirectory, "kodata"), windows, options)) {
    const name = `${prefix}var/run/ko/${found.name}`;
    if (found.identity === undefined) directory(name);
    else {
      identities.push({ ...found.identity, name: found.name });
      const pax = windows ? { pax: WINDOWS_SECURITY } : {};
      const { size, path } = found.identity;
      entries.push({
        entry: { type: "file", name, mode: 0o555, size, ...time, ...pax },
        content: path,
        identity: found.identity,
      });
    }
  }
  const now = Date.now();
  const names = entries.map(({ entry }) => entry.name);
  return {
    key: ["kodata", options.mtime ?? 0, names, identities],
    entries,
    bytes: identities.reduce((sum, { size }) => sum + size, 0),
    settled: identities.every((identity) => isSettled(identity, now)),
  };
}

/** A file, or a folder, which has no identity; its name is relative to `kodata`, with slashes. */
type Found = { readonly name: string; readonly identity?: FileIdentity };

async function* walk(root: string, skipLinks: boolean, { allowedRoot, cache }: KodataOptions) {
  const real = await Deno.realPath(root).catch((error) => {
    if (!isNotFound(error)) throw ioFailure(`read ${root}`, error);
  });
  if (!real || !isFolder(real)) return;
  // `kodata` itself may be a link.
  const home = await Deno.realPath(dirname(root));
  const roots = [findUp(home, ".git"), await realPathOf(allowedRoot)]
    .filter((path) => path !== undefined);
  if (![home, ...roots].some((one) => isInside(one, real))) throw leaves(root, real);
  using folders = new Folders();
  const allowed = [real, ...roots];
  const never = await realPathOf(cache);
  yield* walkFolder(real, "", { folders, skipLinks, allowed, never, above: new Set() });
}

interface WalkOptions {
  readonly folders: Folders;
  readonly skipLinks: boolean;
  readonly allowed: readonly string[];
  readonly never: string | undefined;
  /** Real folders that the present one lies in, to find a link into itself. */
  readonly above: ReadonlySet<string>;
}

async function* walkFolder(folder: string, prefix: string, o: WalkOptions): AsyncGenerator<Found> {
  if (folder === o.never) throw bad(folder, "it is the cache; set KODENO_CACHE to another folder");
  const above = new Set([...o.above, folder]);
  for (const entry of entriesOf(folder, o.folders)) {
    const path = join(folder, entry.name);
    const inner = prefix + entry.name;
    const isLink = entry.info.isSymlink;
    if (isLink && o.skipLinks) continue;
    const { real, info } = isLink ? await followLink(path, o) : { ...entry, real: path };
    if (info.isDirectory) {
      if (above.has(real)) throw bad(path, "it is a link to a folder that it lies in");
      yield { name: inner };
      yield* walkFolder(real, `${inner}/`, { ...o, above });
    } else if (info.isFile) {
      yield { name: inner, identity: identityFrom(real, info) };
    } else {
      throw bad(path, "it is neither a file nor a folder");
    }
  }
}

type Entry = { readonly name: string; readonly info: Deno.FileInfo };

/** What is in a folder, in the order of the bytes of its names, which is Go's order of strings. */
function entriesOf(folder: string, folders: Folders): readonly Entry[] {
  return folders.lookInto(folder, (at, list) => {
    const { names, unspeakable: [other] } = list();
    if (other !== undefined) throw unspeakableName(`put all of ${folder} into an image`, other);
    return names.map((name) => ({ name, key: Buffer.from(name) }))
      .sort((a, b) => Buffer.compare(a.key, b.key))
      .map(({ name }) => ({ name, info: Deno.lstatSync(join(at, name)) }));
  });
}

async function followLink(path: string, { allowed, folders }: WalkOptions) {
  const real = await Deno.realPath(path).catch((error) => {
    throw bad(path, `it is a link ${isNotFound(error) ? "to nothing" : "that cannot be followed"}`);
  });
  if (!allowed.some((root) => isInside(root, real))) throw leaves(path, real);
  const look = (at: string) => Deno.lstatSync(join(at, basename(real)));
  return { real, info: folders.lookInto(dirname(real), look) };
}

async function realPathOf(path: string | undefined): Promise<string | undefined> {
  return path === undefined ? undefined : await Deno.realPath(path).catch(() => undefined);
}

function bad(path: string, why: string): KodenoError {
  return new KodenoError("BAD_SOURCE_FILE", `Cannot put ${path} into an image: ${why}`, { path });
}

function leaves(path: string, real: string): KodenoError {
  const why = `it is a link to ${real}, outside of kodata and of the git repository`;
  return bad(path, `${why}; move it inside, or set KO_DATA_PATH_ALLOWED_ROOT`);
}
