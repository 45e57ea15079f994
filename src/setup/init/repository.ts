/**
 * What a repository has: modules and their main packages, Dockerfiles, files that may hold Kubernetes
 * objects.
 * @module
 */
import { join, posix, relative, resolve, sep } from "node:path";
import { PASSED_OVER } from "../../config/checks.ts";
import { hasCode, KodenoError } from "../../errors.ts";
import type { GoCommand } from "../../go/command.ts";
import { listPackages, withoutVersion } from "../../go/list.ts";
import { ioFailure, isFolder } from "../../io/files.ts";

/** The absolute path of a folder that is to be looked at; by default the current one. */
export function lookedAt(folder = "."): string {
  const path = resolve(folder);
  if (isFolder(path)) return path;
  throw new KodenoError("BAD_OPTION", `Cannot look at ${path}: there is no such folder`);
}

/** What was found; all paths are relative to the folder, with slashes, sorted; "" is the folder. */
export interface RepositoryFiles {
  /** Folders with a `go.mod`. */
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
const DOCKERFILE =
  /^(?:(?:Dockerfile|Containerfile)(?:\.[\w.-]+)?|[\w.-]+\.(?:Dockerfile|Containerfile))$/i;

/**
 * Looks through a folder. Links are not followed; hidden folders, OCI layouts and folders of other
 * tools are passed over.
 */
export async function scanRepository(
  root: string,
  signal?: AbortSignal,
): Promise<RepositoryFiles> {
  const [modules, dockerfiles, yamls]: [string[], string[], string[]] = [[], [], []];
  const folders = new Set<string>();
  let left = MAX_ENTRIES;
  const open = [""];
  for (let folder = open.pop(); folder !== undefined && left > 0; folder = open.pop()) {
    signal?.throwIfAborted();
    const path = join(root, folder);
    const entries = await Array.fromAsync(Deno.readDir(path)).catch((error) => {
      // One that may not be read is none of those that are meant.
      if (error instanceof Deno.errors.PermissionDenied) return [];
      throw ioFailure(`read folder ${path}`, error);
    });
    if (entries.some(({ name }) => name === "oci-layout")) continue;
    folders.add(folder);
    left -= entries.length;
    for (const { name, isFile, isDirectory } of entries) {
      const path = posix.join(folder, name);
      if (isDirectory && !PASSED_OVER.test(name)) open.push(path);
      if (!isFile) continue;
      if (name === "go.mod") modules.push(folder);
      else if (DOCKERFILE.test(name) && !/\.dockerignore$/i.test(name)) dockerfiles.push(path);
      else if (/^[^.].*\.ya?ml$/.test(name)) yamls.push(path);
    }
  }
  for (const found of [modules, dockerfiles, yamls]) found.sort();
  return { modules, dockerfiles, yamls, folders, cut: left <= 0 };
}

/** A main package; folders are relative to the repository, "" for that itself. */
export interface GoProgram {
  readonly importPath: string;
  /** Folder of its module. */
  readonly module: string;
  /** Its own folder. */
  readonly folder: string;
  /** Names it among the others. */
  readonly id: string;
}

/** Lists the main packages of modules, as go does in each, with a note of each that it cannot list. */
export async function listPrograms(how: GoCommand, modules: readonly string[]) {
  const notes: string[] = [];
  const found: Omit<GoProgram, "id">[] = [];
  for (const module of modules) {
    const listed = await listHere(how, module, "./...");
    if (listed instanceof KodenoError) {
      notes.push(`${posix.join(module, "go.mod")} is left out: ${listed.message}`);
      continue;
    }
    for (const { Name, Dir, ImportPath } of listed) {
      if (Name !== "main" || Dir === undefined) continue;
      const folder = relative(how.directory, Dir).split(sep).join("/");
      found.push({ importPath: ImportPath, module, folder });
    }
  }
  const programs: GoProgram[] = [];
  for (const one of found.sort((a, b) => (a.folder < b.folder ? -1 : 1))) {
    // The last element of the import path but for a version, or more of it where that is taken.
    const elements = withoutVersion(one.importPath).split("/");
    const ids = elements.map((_, i) => elements.slice(-1 - i).join("-"));
    const id = ids.find((id) => programs.every((other) => other.id !== id)) ?? one.importPath;
    programs.push({ ...one, id });
  }
  return { programs, notes };
}

/** Whether go can find a main package from a module, be it of another one that it needs. */
export async function canList(how: GoCommand, module: string, path: string): Promise<boolean> {
  const listed = await listHere(how, module, path);
  return !(listed instanceof KodenoError) && listed.some(({ Name }) => Name === "main");
}

async function listHere(how: GoCommand, module: string, pattern: string) {
  const directory = join(how.directory, module);
  try {
    return await listPackages(how, [], { directory, patterns: [pattern] });
  } catch (error) {
    if (hasCode(error, "BAD_PACKAGE")) return error;
    throw error;
  }
}
