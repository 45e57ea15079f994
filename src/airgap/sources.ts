/**
 * What else than images a bundle carries, so that images can be built behind a gap: Go modules, toolchains,
 * the source of a commit, and the lock.
 * @module
 */
import { join } from "node:path";
import { KodenoError } from "../errors.ts";
import type { WorkOptions } from "../events.ts";
import { archiveOfCommit, headCommit } from "../git/archive.ts";
import type { GitPlace } from "../git/git.ts";
import type { GoCommand } from "../go/command.ts";
import { goVersion, ProxyFiles } from "../go/download.ts";
import { isInside, openWithRetry } from "../io/files.ts";
import { hashed } from "../io/hash.ts";
import { bytesStream, fileStream, reusedChunks } from "../io/streams.ts";
import type { BundleDocument } from "./document.ts";
import { findLock } from "./find_lock.ts";
import { type BundleMemberFile, memberOfBytes } from "./writer.ts";

/** The folder of the Go modules, as a proxy has them (`go help goproxy`). */
const GOMOD = "gomod";
const LOCK = "kodeno.lock";
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
}

/** Modules as a proxy has them, toolchains among them. */
export async function carriedModules(
  go: GoCommand,
  { directories, modules, toolchains: platforms, emit }: ModulesWanted & Pick<WorkOptions, "emit">,
): Promise<Carried> {
  const files = new ProxyFiles(go);
  for (const directory of modules ? directories : []) {
    const vendor = await files.addModules(directory);
    if (vendor === undefined) continue;
    const message =
      `Took no modules along for ${directory}: they are a part of its source, in ${vendor}`;
    emit?.({ type: "note", level: "info", message });
  }
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
      open: async () =>
        typeof at === "string" ? fileStream(await openWithRetry(at)) : bytesStream(at),
    })),
  };
}

/** The source of the commit that a folder has checked out. */
export async function sourceOf(
  place: GitPlace,
  { allowDirty = false, folders, output, emit }: Pick<WorkOptions, "emit"> & {
    readonly allowDirty?: boolean | undefined;
    /** Folders of other modules, which have to be a part of it. */
    readonly folders: readonly string[];
    /** The bundle itself, which is no change. */
    readonly output: string;
  },
): Promise<Carried> {
  const head = await headCommit(place);
  const refuse = (why: string) =>
    new KodenoError("BAD_OPTION", `Cannot take the source of ${head.folder}: ${why}`);
  const outside = folders.find((folder) => !isInside(head.folder, folder));
  if (outside !== undefined) {
    const next = "bring it into the repository, or leave --source out";
    throw refuse(`go.mod replaces a module by ${outside}, which is not in it; ${next}`);
  }
  const own = await Deno.realPath(output).catch(() => output);
  const changes = head.changes.map((line) => line.replace(/^ ?\S+ /, ""))
    .filter((path) => join(head.folder, path) !== own);
  const [first] = changes;
  if (first !== undefined && !allowDirty) {
    const more = changes.length > 1 ? ` and ${changes.length - 1} more` : "";
    const next = "commit or ignore that, or leave it out with --allow-dirty";
    throw refuse(`what is not committed would not be in it (${first}${more}); ${next}`);
  }
  const dirty = first !== undefined;
  if (dirty) {
    const message =
      `Left out of the source what is not committed (${first}): it is that of commit ` +
      head.commit;
    emit?.({ type: "note", level: "warning", message });
  }
  const open = () => archiveOfCommit(head, place);
  const { digest, size } = await hashed(reusedChunks(await open(), { size: Infinity, ...place }));
  return {
    files: [{ path: SOURCE, digest, size, open }],
    source: { path: SOURCE, commit: head.commit, dirty },
  };
}

/** The lock that is in a folder or above, if there is one. */
export async function lockIn(directory: string): Promise<readonly BundleMemberFile[]> {
  const { path, isThere } = findLock(directory);
  return isThere ? [memberOfBytes(LOCK, await Deno.readFile(path))] : [];
}
