/**
 * Which main packages the Dockerfiles of a repository build, and how.
 * @module
 */
import { join, posix } from "node:path";
import { messageOf } from "../../errors.ts";
import { readSmallText } from "../../io/files.ts";
import { type DockerBuild, readDockerBuild } from "./docker_build.ts";
import { LeftAlone } from "./left_alone.ts";
import type { Program } from "./programs.ts";
import type { Repository } from "./repository.ts";

/** A Dockerfile that was translated. */
export interface DockerProgram {
  /** Of the Dockerfile, relative to the repository. */
  readonly path: string;
  readonly build: DockerBuild;
}

/** By import path, and a line for each Dockerfile that has something to be told. */
export interface DockerPrograms {
  readonly byImportPath: ReadonlyMap<string, DockerProgram>;
  readonly notes: readonly string[];
}

const MAX_BYTES = 256 * 1024;

/**
 * Reads Dockerfiles. The build context is not in them: it is taken to be their folder, the
 * repository, or the module they lie in, whichever makes sense first.
 *
 * @param root absolute
 */
export function readDockerfiles(
  root: string,
  { dockerfiles, folders, modules }: Repository,
  programs: readonly Program[],
): DockerPrograms {
  const byImportPath = new Map<string, DockerProgram>();
  const notes: string[] = [];
  for (const path of dockerfiles) {
    try {
      const text = readText(join(root, path));
      const folder = posix.dirname(path) === "." ? "" : posix.dirname(path);
      const above = modules.filter((one) => one === "" || folder.startsWith(`${one}/`));
      const contexts = [...new Set([folder, "", ...above])];
      const { program, build } = translate(text, contexts, folders, programs);
      const other = byImportPath.get(program.importPath);
      if (other !== undefined) {
        throw new LeftAlone(`it builds ${program.importPath}, as ${other.path} does`);
      }
      byImportPath.set(program.importPath, { path, build });
      notes.push(...build.notes.map((note) => `${path}: ${note}`));
      notes.push(
        `${path}: the program is /ko-app/${posix.basename(program.importPath)} in the image; ` +
          'leave "command" out of objects that name it otherwise',
      );
    } catch (error) {
      if (!(error instanceof LeftAlone)) throw error;
      const at = error.line > 0 ? `${path}:${error.line}` : path;
      notes.push(`${at} is left alone: ${messageOf(error)}`);
    }
  }
  return { byImportPath, notes };
}

function readText(path: string): string {
  try {
    return readSmallText(path, MAX_BYTES);
  } catch (error) {
    throw new LeftAlone(`it cannot be read: ${messageOf(error)}`);
  }
}

function translate(
  text: string,
  contexts: readonly string[],
  folders: ReadonlySet<string>,
  programs: readonly Program[],
): { readonly program: Program; readonly build: DockerBuild } {
  let main = "";
  for (const context of contexts) {
    const build = readDockerBuild(text, (path) => folders.has(posix.join(context, path)));
    main = "path" in build.main ? build.main.path || "." : build.main.importPath;
    const program = programs.find((one) => isBuilt(one, context, build));
    if (program !== undefined) return { program, build };
  }
  throw new LeftAlone(`it builds ${main}, which is no main package here`);
}

function isBuilt({ importPath, folder }: Program, context: string, { main }: DockerBuild): boolean {
  if ("importPath" in main) return importPath === main.importPath;
  const path = posix.join(context, main.path);
  const plain = path === "." ? "" : path;
  if (!plain.endsWith(".go")) return folder === plain;
  const above = posix.dirname(plain);
  return folder === (above === "." ? "" : above);
}
