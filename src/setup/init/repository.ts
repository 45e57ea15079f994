/**
 * The files of a repository that say what images it has: modules, Dockerfiles, Kubernetes objects.
 * @module
 */
import { join, posix } from "node:path";
import { ioFailure } from "../../io/fail.ts";

/** What was found; all paths are relative to the folder, with slashes, sorted. */
export interface Repository {
  /** Folders with a `go.mod`; "" for the folder itself. */
  readonly modules: readonly string[];
  readonly dockerfiles: readonly string[];
  /** YAML files that may hold Kubernetes objects. */
  readonly yamls: readonly string[];
  /** All folders, "" among them. */
  readonly folders: ReadonlySet<string>;
  /** Whether there was more than is looked at. */
  readonly cut: boolean;
}

/** More entries than a repository has that people would look through. */
const MAX_ENTRIES = 200_000;
/** Folders that hold nothing of the repository's own; go passes over most of them, too. */
const PASSED_OVER = new Set(["node_modules", "testdata", "vendor"]);
const DOCKERFILE =
  /^(?:(?:Dockerfile|Containerfile)(?:\.[\w.-]+)?|[\w.-]+\.(?:Dockerfile|Containerfile))$/i;
const IGNORE = /\.dockerignore$/i;

/**
 * Looks through a folder. Links are not followed; hidden folders, OCI layouts and folders of other
 * tools are passed over.
 *
 * @param root absolute
 * @throws {KodenoError} `IO_FAILED`; the signal's reason
 */
export async function scanRepository(root: string, signal?: AbortSignal): Promise<Repository> {
  const modules: string[] = [];
  const dockerfiles: string[] = [];
  const yamls: string[] = [];
  const folders = new Set<string>();
  let left = MAX_ENTRIES;
  const open = [""];
  for (let folder = open.pop(); folder !== undefined && left > 0; folder = open.pop()) {
    signal?.throwIfAborted();
    const entries = await entriesOf(join(root, folder));
    if (entries.some(({ name }) => name === "oci-layout")) continue;
    folders.add(folder);
    left -= entries.length;
    for (const { name, isFile, isDirectory } of entries) {
      const path = posix.join(folder, name);
      if (isDirectory && !/^[._]/.test(name) && !PASSED_OVER.has(name)) open.push(path);
      if (!isFile) continue;
      if (name === "go.mod") modules.push(folder);
      else if (DOCKERFILE.test(name) && !IGNORE.test(name)) dockerfiles.push(path);
      else if (/\.ya?ml$/.test(name) && !name.startsWith(".")) yamls.push(path);
    }
  }
  return {
    modules: modules.sort(),
    dockerfiles: dockerfiles.sort(),
    yamls: yamls.sort(),
    folders,
    cut: left <= 0,
  };
}

async function entriesOf(path: string): Promise<readonly Deno.DirEntry[]> {
  try {
    return await Array.fromAsync(Deno.readDir(path));
  } catch (error) {
    // One that may not be read is none of those that are meant.
    if (error instanceof Deno.errors.PermissionDenied) return [];
    throw ioFailure(`read folder ${path}`, error);
  }
}
