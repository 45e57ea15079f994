/**
 * The source that a bundle has brought, as it is now: behind a gap there may be no git. It goes back with
 * what was changed and added, and says which files are not as the commit has them.
 * @module
 */
import { basename, dirname, join, posix, relative, resolve } from "node:path";
import type { CallOptions } from "../content/places.ts";
import { KodenoError } from "../errors.ts";
import { isTemporary } from "../io/atomic.ts";
import { exists, ioFailure, isFile, isInside, openWithRetry, readSmallText } from "../io/files.ts";
import { Folders, unspeakableName } from "../io/folder.ts";
import { CHUNK_BYTES, fileStream, reusedChunks } from "../io/streams.ts";
import { TAR_END, type TarEntry, tarHeader, tarPadding } from "../io/tar_writer.ts";
import { ignore } from "../npm/ignore.ts";
import { appliedIn, SOURCE_FOLDER } from "./applied.ts";
import type { SourceOf } from "./document.ts";
import { isOfBundle } from "./parts.ts";
import { type FileTree, FOLDER, whatIs } from "./tree.ts";

/** What a bundle has brought. */
interface BroughtSource {
  /** The folder of the source. */
  readonly folder: string;
  readonly source: SourceOf;
  /** Its files as they were brought. */
  readonly files: FileTree;
}

/** A file or link of a source. */
interface SourceFile {
  readonly entry: TarEntry;
  /** Where it is. */
  readonly at: string;
  /** As a {@link FileTree} has it. */
  readonly what: string;
}

/**
 * The source of a bundle that a folder is in, where no repository of its own is nearer.
 *
 * @throws {KodenoError} `BAD_CONTENT` for a note of what came that is damaged
 */
export function broughtSource(start: string): BroughtSource | undefined {
  for (let folder = resolve(start); !exists(join(folder, ".git")); folder = dirname(folder)) {
    const applied = basename(folder) === SOURCE_FOLDER ? appliedIn(dirname(folder)) : undefined;
    if (applied?.source !== undefined) {
      const own = Object.entries(applied.files).flatMap(([path, what]) =>
        isInside(SOURCE_FOLDER, path) ? [[relative(SOURCE_FOLDER, path), what] as const] : []
      );
      return { folder, source: applied.source, files: new Map(own) };
    }
    if (dirname(folder) === folder) break;
  }
  return undefined;
}

/** The files of the source as they are now, and the paths of those that are not as the commit has them. */
export async function presentSource(
  { folder, source, files }: BroughtSource,
  { output, signal }: CallOptions & { readonly output: string },
): Promise<{ readonly files: readonly SourceFile[]; readonly changed: readonly string[] }> {
  const known = [...files.keys()];
  const found = await filesIn(folder, { known, output: resolve(output), signal });
  const changed = new Set(source.changed ?? []);
  for (const name of new Set([...known, ...found.keys()])) {
    if (found.get(name)?.what !== files.get(name)) changed.add(name);
  }
  const sorted = [...found].sort(([a], [b]) => a < b ? -1 : 1);
  return { files: sorted.map(([, file]) => file), changed: [...changed].sort() };
}

/** The tar of files: the same bytes for the same ones. */
export function tarOf(
  files: readonly SourceFile[],
  { signal }: CallOptions,
): ReadableStream<Uint8Array> {
  async function* bytes(): AsyncGenerator<Uint8Array> {
    for (const { entry, at } of files) {
      yield tarHeader(entry);
      const { type, size = 0 } = entry;
      if (type !== "file") continue;
      const stream = fileStream(await openWithRetry(at));
      for await (const chunk of reusedChunks(stream, { size, most: CHUNK_BYTES, signal })) {
        // Those who read it keep a chunk for longer than it holds.
        yield Uint8Array.from(chunk);
      }
      yield new Uint8Array(tarPadding(size));
    }
    yield TAR_END;
  }
  return ReadableStream.from(bytes());
}

interface Wanted extends CallOptions {
  /** Files that are a part of it whatever ignores them. */
  readonly known: readonly string[];
  /** A file that is none of it, nor are its parts. */
  readonly output: string;
}

/** Files and links of a folder by their paths; what git would not take is left. */
async function filesIn(
  root: string,
  { known, output, signal }: Wanted,
): Promise<ReadonlyMap<string, SourceFile>> {
  const found = new Map<string, SourceFile>();
  const take = async (name: string): Promise<void> => {
    signal?.throwIfAborted();
    const file = found.has(name) ? undefined : await fileAt(root, name);
    if (file !== undefined) found.set(name, file);
  };
  using folders = new Folders();
  const walk = async (prefix: string, above: readonly Rules[]): Promise<void> => {
    const folder = join(root, prefix);
    const { names, unspeakable: [other] } = folders.names(folder);
    if (other !== undefined) throw unspeakableName(`take the source of ${folder}`, other);
    const rules = [...above, ...rulesIn(folder, prefix)];
    for (const name of names) {
      const [path, at] = [posix.join(prefix, name), join(folder, name)];
      const isFolder = Deno.lstatSync(at).isDirectory;
      if (name === ".git" || isTemporary(name) || isOfBundle(at, output)) continue;
      // Images that were built are no source.
      if (isIgnored(path, isFolder, rules) || isFile(join(at, "oci-layout"))) continue;
      if (isFolder) await walk(path, rules);
      else await take(path);
    }
  };
  try {
    await walk("", []);
    for (const name of known) await take(name);
  } catch (error) {
    signal?.throwIfAborted();
    throw ioFailure(`read the source in ${root}`, error);
  }
  return found;
}

/** What a `.gitignore` says of the files below its folder. */
interface Rules {
  readonly prefix: string;
  readonly test: (path: string) => { readonly ignored: boolean; readonly unignored: boolean };
}

const MAX_RULES_BYTES = 1024 * 1024;

function rulesIn(folder: string, prefix: string): readonly Rules[] {
  const path = join(folder, ".gitignore");
  if (!isFile(path)) return [];
  const rules = ignore().add(readSmallText(path, MAX_RULES_BYTES));
  return [{ prefix, test: (path: string) => rules.test(path) }];
}

/** The last rule that says something of a path counts. */
function isIgnored(path: string, isFolder: boolean, rules: readonly Rules[]): boolean {
  let isLeft = false;
  for (const { prefix, test } of rules) {
    const { ignored, unignored } = test(`${posix.relative(prefix, path)}${isFolder ? "/" : ""}`);
    isLeft = ignored || (isLeft && !unignored);
  }
  return isLeft;
}

/** A file or link; nothing where it went, or a folder has come in its place. */
async function fileAt(root: string, name: string): Promise<SourceFile | undefined> {
  const at = join(root, name);
  const what = await whatIs(at);
  const [, kind, target = ""] = /^(link|file|program) ([^]*)$/.exec(what ?? "") ?? [];
  if (what === undefined || what === FOLDER) return undefined;
  if (kind === "link") {
    return { at, what, entry: { type: "symlink", name, mode: 0o777, linkname: target } };
  }
  if (kind === undefined) {
    const why = `${at} is neither a file nor a link; remove it, or name it in .gitignore`;
    throw new KodenoError("BAD_SOURCE_FILE", `Cannot take the source of ${root}: ${why}`);
  }
  const mode = kind === "program" ? 0o755 : 0o644;
  return { at, what, entry: { type: "file", name, mode, size: Deno.statSync(at).size } };
}
