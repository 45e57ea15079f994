/**
 * The main packages of a repository, as go lists them in each of its modules.
 * @module
 */
import { join, posix, relative, sep } from "node:path";
import { KodenoError } from "../../errors.ts";
import type { GoCommand } from "../../go/command.ts";
import { listPackages } from "../../go/list.ts";

/** A main package. */
export interface Program {
  readonly importPath: string;
  /** Of its module, relative to the repository; "" for the repository itself. */
  readonly module: string;
  /** Of the package, relative to the repository. */
  readonly folder: string;
  /** Names it among the others. */
  readonly id: string;
}

/** What go says of a repository. */
export interface Programs {
  readonly programs: readonly Program[];
  /** A line for each module that go cannot list. */
  readonly notes: readonly string[];
}

/**
 * Lists main packages.
 *
 * @param how runs go; its folder does not matter
 * @param root absolute
 * @param modules folders with a `go.mod`, relative to `root`
 * @throws {KodenoError} `GO_FAILED` without go
 */
export async function listPrograms(
  how: GoCommand,
  root: string,
  modules: readonly string[],
): Promise<Programs> {
  const notes: string[] = [];
  const found: Omit<Program, "id">[] = [];
  for (const module of modules) {
    try {
      const directory = join(root, module);
      for (
        const { Name, Dir, ImportPath } of await listPackages(how, [], {
          directory,
          patterns: ["./..."],
        })
      ) {
        if (Name !== "main" || Dir === undefined) continue;
        const folder = relative(root, Dir).split(sep).join("/");
        found.push({ importPath: ImportPath, module, folder });
      }
    } catch (error) {
      if (!(error instanceof KodenoError) || error.code !== "BAD_PACKAGE") throw error;
      notes.push(`${module === "" ? "go.mod" : `${module}/go.mod`} is left out: ${error.message}`);
    }
  }
  const ids = new Set<string>();
  const programs = found.sort((a, b) => (a.folder < b.folder ? -1 : 1)).map((one) => {
    const id = freeId(one.importPath, ids);
    ids.add(id);
    return { ...one, id };
  });
  return { programs, notes };
}

/** Whether go can find a package from a module, be it of another one that it needs. */
export async function canList(how: GoCommand, directory: string, path: string): Promise<boolean> {
  try {
    const listed = await listPackages(how, [], { directory, patterns: [path] });
    return listed.some(({ Name }) => Name === "main");
  } catch (error) {
    if (error instanceof KodenoError && error.code === "BAD_PACKAGE") return false;
    throw error;
  }
}

/** The last element of the import path but for a version, or more of it where that is taken. */
export function programName(importPath: string): string {
  return posix.basename(importPath.replace(/(?<=.)\/v\d+$/, ""));
}

function freeId(importPath: string, taken: ReadonlySet<string>): string {
  const elements = importPath.replace(/(?<=.)\/v\d+$/, "").split("/");
  for (let count = 1; count <= elements.length; count++) {
    const id = elements.slice(-count).join("-");
    if (!taken.has(id)) return id;
  }
  return importPath;
}
