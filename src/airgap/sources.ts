/**
 * What else than images a bundle carries, so that images can be built behind a gap: Go modules, toolchains,
 * the source of a commit, and the lock.
 * @module
 */
import { dirname, join, posix, relative } from "node:path";
import type { OpenBlob } from "../content/places.ts";
import { hasCode, KodenoError } from "../errors.ts";
import type { WorkOptions } from "../events.ts";
import { archiveOfCommit, filesOfCommit, type HeadCommit, headCommit } from "../git/archive.ts";
import type { GitPlace } from "../git/git.ts";
import type { GoCommand } from "../go/command.ts";
import { type DelveVersion, writeDelveModule } from "../go/delve.ts";
import { goVersion, ProxyFiles } from "../go/download.ts";
import { exists, isInside, openWithRetry } from "../io/files.ts";
import { bytesStream, fileStream, reusedChunks } from "../io/streams.ts";
import { TAR_END } from "../io/tar_writer.ts";
import { listed } from "../oci/entries.ts";
import { broughtSource, presentSource, tarOf } from "./brought_source.ts";
import type { BundleDocument } from "./document.ts";
import { findLock } from "./find_lock.ts";
import { type CheckedSource, checkSource } from "./source_tree.ts";
import { type BundleMemberFile, memberOfBytes } from "./writer.ts";

/** The folder of the Go modules, as a proxy has them (`go help goproxy`). */
export const GOMOD = "gomod";
export const LOCK = "kodeno.lock";
const SOURCE = "source.tar";

/** Members, and what the document says of them. */
interface Carried extends Pick<BundleDocument, "gomod" | "source"> {
  readonly files: readonly BundleMemberFile[];
}

interface ModulesWanted {
  /** Where go runs. */
  readonly directories: readonly string[];
  /** Whether the modules that are built with there are wanted. */
  readonly modules: boolean;
  /** Platforms (`os/arch`) on which the Go that builds there is to run. */
  readonly toolchains: readonly string[];
  /** The debugger whose modules are wanted, too. */
  readonly delve?: DelveVersion | undefined;
}

/** Modules as a proxy has them, toolchains among them. */
export async function carriedModules(
  go: GoCommand,
  wanted: ModulesWanted & Pick<WorkOptions, "emit">,
): Promise<Carried> {
  const { directories, modules, toolchains: platforms, delve, emit } = wanted;
  const files = new ProxyFiles(go);
  for (const directory of modules ? directories : []) {
    const vendor = await files.addModules(directory);
    if (vendor === undefined) continue;
    const message =
      `Took no modules along for ${directory}: they are a part of its source, in ${vendor}`;
    emit?.({ type: "note", level: "info", message });
  }
  if (delve !== undefined) await addDelve(files, go, delve);
  const versions = platforms.length === 0
    ? []
    : await Promise.all(directories.map((directory) => goVersion({ ...go, directory })));
  const toolchains: string[] = [];
  for (const version of new Set(versions)) {
    for (const platform of platforms) {
      await files.addToolchain(version, platform);
      toolchains.push(`${version} ${platform}`);
    }
  }
  const tree = await files.tree();
  return {
    gomod: { modules: tree.modules, toolchains: toolchains.sort() },
    files: tree.files.map(({ name, at, digest, size }) => ({
      path: `${GOMOD}/${name}`,
      digest,
      size,
      at: typeof at === "string" ? at : undefined,
      open: async () =>
        typeof at === "string" ? fileStream(await openWithRetry(at)) : bytesStream(at),
    })),
  };
}

/** Takes the modules of the debugger. */
async function addDelve(files: ProxyFiles, go: GoCommand, delve: DelveVersion): Promise<void> {
  const version = await goVersion(go);
  const directory = await Deno.makeTempDir({ prefix: "kodeno-" });
  try {
    await writeDelveModule({ ...go, directory }, delve, version);
    await files.addModules(directory);
  } finally {
    await Deno.remove(directory, { recursive: true }).catch(() => {});
  }
}

interface SourceWanted extends Pick<WorkOptions, "emit"> {
  /** Though there is more than was committed. */
  readonly allowDirty?: boolean | undefined;
  /** Folders of other modules, which are a part of it. */
  readonly folders: readonly string[];
  /** The bundle itself, which is no change. */
  readonly output: string;
}

/** The source that a bundle has brought, as it is now. */
async function sourceBrought(
  brought: NonNullable<ReturnType<typeof broughtSource>>,
  { signal }: GitPlace,
  { folders, output, emit }: SourceWanted,
): Promise<Carried> {
  const { folder, source } = brought;
  const outside = (await Promise.all(folders.map(realPath)))
    .find((one) => !isInside(folder, one));
  if (outside !== undefined) {
    throw noSource(
      folder,
      `go.mod replaces a module by ${outside}, which is none of it; move it there`,
    );
  }
  const { files, changed } = await presentSource(brought, { output, signal });
  const open = () => Promise.resolve(tarOf(files, { signal }));
  const { digest, size } = await checkedSource(open, folder, { directory: folder, signal });
  const what = changed.length === 0
    ? "nothing is changed since"
    : `not as there: ${listed(changed)}`;
  const message = `Took the source in ${folder}, which is that of commit ${source.commit}; ${what}`;
  emit?.({ type: "note", level: "info", message });
  return {
    files: [{ path: SOURCE, digest, size, open }],
    source: { ...source, path: SOURCE, ...(changed.length === 0 ? {} : { changed }) },
  };
}

/**
 * The source of the commit that a folder has checked out; folders that are in other repositories come from
 * theirs, and all lie to each other as they did.
 */
export async function sourceOf(place: GitPlace, wanted: SourceWanted): Promise<Carried> {
  const brought = broughtSource(place.directory);
  if (brought !== undefined) return await sourceBrought(brought, place, wanted);
  const head = await listedCommit(place);
  const heads = [head];
  for (const folder of await Promise.all(wanted.folders.map(realPath))) {
    if (heads.some((one) => hasFolder(one, folder))) continue;
    const other = await listedCommit({ ...place, directory: folder }).catch((error) => {
      const next = "commit it to a repository, or leave --source out";
      const why = `go.mod replaces a module by ${folder}, which is in none; ${next}`;
      throw hasCode(error, "GIT_FAILED", "BAD_OPTION") ? noSource(head.folder, why) : error;
    });
    heads.push(other);
  }
  const dirty = [];
  for (const one of heads) if (await isDirty(one, wanted)) dirty.push(one);
  const top = commonFolder(heads.map(({ folder }) => folder));
  const parts = heads.map((one) => ({ ...one, prefix: relative(top, one.folder) }));
  const open = heads.length === 1
    ? () => archiveOfCommit(head, place)
    : await archiveOfCommits(parts, place);
  const { digest, size, names, links } = await checkedSource(open, head.folder, place);
  tellLeftOut(parts, { top, names, links }, wanted);
  const folder = relative(top, head.folder);
  return {
    files: [{ path: SOURCE, digest, size, open }],
    source: {
      path: SOURCE,
      ...(folder === "" ? {} : { folder }),
      commit: head.commit,
      dirty: dirty.length > 0,
    },
  };
}

interface ListedCommit extends HeadCommit, Awaited<ReturnType<typeof filesOfCommit>> {}

/** The commit that a folder has checked out, and what is in it. */
async function listedCommit(place: GitPlace): Promise<ListedCommit> {
  const head = await headCommit(place);
  return { ...head, ...await filesOfCommit(head, place) };
}

/** Whether a folder is one of a commit, and not of a submodule, which has a commit of its own. */
function hasFolder({ folder, submodules }: ListedCommit, path: string): boolean {
  return isInside(folder, path) && !submodules.some((one) => isInside(join(folder, one), path));
}

/** Reads a source as it will go along; refuses what nobody could unpack behind the gap. */
async function checkedSource(open: OpenBlob, folder: string, { signal }: GitPlace) {
  const chunks = reusedChunks(await open(), { size: Infinity, signal });
  try {
    return await checkSource(chunks, { what: folder, signal });
  } catch (error) {
    if (!hasCode(error, "BAD_CONTENT")) throw error;
    const why = error.message.replace(/^Cannot use [^:]*: /, "");
    throw noSource(folder, `${why}; change that, or leave --source out`);
  }
}

/** Tells what commits have and their tars have not, and which links lead to what is not in it. */
function tellLeftOut(
  parts: readonly (ListedCommit & { readonly prefix: string })[],
  { top, names, links }: Pick<CheckedSource, "names" | "links"> & { readonly top: string },
  { emit }: SourceWanted,
): void {
  const folders = new Set<string>();
  for (const name of names) {
    for (let at = posix.dirname(name); !folders.has(at); at = posix.dirname(at)) folders.add(at);
  }
  const has = (path: string): boolean => names.has(path) || folders.has(path);
  const all = (paths: (part: ListedCommit) => readonly string[]) =>
    parts.flatMap((part) => paths(part).map((path) => posix.join(part.prefix, path)));
  const lost = {
    "files with export-ignore": all(({ files }) => files).filter((path) => !has(path)),
    "submodules": all(({ submodules }) => submodules).filter((path) => !has(path)),
    "what links lead to": [...links].filter(([, to]) => !has(to) && exists(join(top, to)))
      .map(([name, to]) => `${to} of ${name}`),
  };
  for (const [what, paths] of Object.entries(lost)) {
    if (paths.length === 0) continue;
    const message = `Left out of the source ${what} (${listed(paths)}): what is built from that ` +
      "cannot be built behind the gap";
    emit?.({ type: "note", level: "warning", message });
  }
}

const realPath = (path: string): Promise<string> => Deno.realPath(path).catch(() => path);

function noSource(folder: string, why: string): KodenoError {
  return new KodenoError("BAD_OPTION", `Cannot take the source of ${folder}: ${why}`);
}

/** Whether there is more than the commit has, which is refused, or told where it may be. */
async function isDirty(
  { folder, commit, changes: lines }: HeadCommit,
  { allowDirty = false, output, emit }: SourceWanted,
): Promise<boolean> {
  const own = await realPath(output);
  const changes = lines.map((line) => line.replace(/^ ?\S+ /, ""))
    .filter((path) => join(folder, path) !== own);
  const [first] = changes;
  if (first === undefined) return false;
  if (!allowDirty) {
    const more = changes.length > 1 ? ` and ${changes.length - 1} more` : "";
    const next = "commit or ignore that, or leave it out with --allow-dirty";
    throw noSource(folder, `what is not committed would not be in it (${first}${more}); ${next}`);
  }
  const message =
    `Left out of the source what is not committed (${first}): it is that of commit ${commit}`;
  emit?.({ type: "note", level: "warning", message });
  return true;
}

/** The folder that all are in, or that one of them is. */
function commonFolder(folders: readonly string[]): string {
  let [common = ""] = folders;
  while (!folders.every((one) => isInside(common, one))) common = dirname(common);
  return common;
}

/** The tars of several commits, as one. */
async function archiveOfCommits(
  parts: readonly (HeadCommit & { readonly prefix: string })[],
  place: GitPlace,
): Promise<OpenBlob> {
  const sized = await Promise.all(parts.map(async (part) => {
    const prefix = part.prefix === "" ? "" : `${part.prefix}/`;
    const open = () => archiveOfCommit(part, { ...place, prefix });
    return { open, end: (await checkedSource(open, part.folder, place)).end };
  }));
  async function* bytes(): AsyncGenerator<Uint8Array> {
    for (const { open, end } of sized) {
      let left = end;
      for await (const chunk of reusedChunks(await open(), { size: Infinity, ...place })) {
        // Those who read it keep a chunk for longer than it holds.
        yield Uint8Array.from(chunk.subarray(0, left));
        left -= Math.min(left, chunk.length);
      }
    }
    yield TAR_END;
  }
  return () => Promise.resolve(ReadableStream.from(bytes()));
}

/** The lock that is in a folder or above, if there is one. */
export async function lockIn(directory: string): Promise<readonly BundleMemberFile[]> {
  const { path: at, isThere } = findLock(directory);
  return isThere ? [{ ...memberOfBytes(LOCK, await Deno.readFile(at)), at }] : [];
}
