/**
 * The use case of `kodeno init`: configuration files for a repository that has none.
 * @module
 */
import { lstatSync } from "node:fs";
import { join, resolve } from "node:path";
import { KO_FILES, resolveBuildConfig } from "../config/config.ts";
import { type Environment, processEnvironment } from "../config/environment.ts";
import { jsonSchema } from "../config/json_schema.ts";
import { SKAFFOLD_FILES } from "../config/skaffold/options.ts";
import { KodenoError } from "../errors.ts";
import type { WorkOptions } from "../events.ts";
import type { GoCommand } from "../go/command.ts";
import { isFolder } from "../io/files.ts";
import { koText, namedImages, skaffoldText } from "../setup/init/config_texts.ts";
import { findKubernetes } from "../setup/init/kubernetes.ts";
import {
  canList,
  type GoProgram,
  listPrograms,
  type RepositoryFiles,
  scanRepository,
} from "../setup/init/repository.ts";
import { writeNew } from "../setup/init/write_new.ts";

/** A file that is proposed, or was written. */
interface ProposedFile {
  /** Relative to the repository. */
  readonly path: string;
  readonly text: string;
  /** Whether it is made by the program alone: nothing of it is a decision. */
  readonly generated: boolean;
}

/** What is proposed for a repository. */
export interface Proposal {
  /** The repository; absolute. */
  readonly directory: string;
  /** Import paths of its main packages. */
  readonly packages: readonly string[];
  readonly files: readonly ProposedFile[];
  /** Configuration files that are there, and stay as they are. */
  readonly present: readonly string[];
  /** What was left alone and why, and what to look at; a line each. */
  readonly notes: readonly string[];
}

/** How a repository is looked at. */
interface InitOptions extends Pick<WorkOptions, "signal"> {
  /** Default the current one. */
  readonly directory?: string | undefined;
  /** Lets go fetch nothing. */
  readonly offline?: boolean | undefined;
  readonly environment?: Environment | undefined;
}

/** Hidden, so that go passes over it. */
const SCHEMAS = { ko: ".kodeno/ko.schema.json", skaffold: ".kodeno/skaffold.schema.json" };

/**
 * Looks at a repository and proposes a `.ko.yaml` for its main packages, and a skaffold.yaml for the
 * images that its Kubernetes objects name, each where there is none. Writes nothing.
 *
 * @throws {KodenoError} `BAD_OPTION` for what is no folder, `BAD_PACKAGE` when there is no main
 * package, `GO_FAILED` without go, `IO_FAILED`
 */
export async function proposeInit(options: InitOptions = {}): Promise<Proposal> {
  const { offline, environment = processEnvironment(), signal } = options;
  const directory = resolve(options.directory ?? ".");
  if (!isFolder(directory)) {
    throw new KodenoError("BAD_OPTION", `Cannot look at ${directory}: there is no such folder`);
  }
  const repository = await scanRepository(directory, signal);
  const { go } = resolveBuildConfig({ workingDirectory: directory, offline, environment });
  const how: GoCommand = { ...go, directory, signal };
  const { programs, notes } = await listPrograms(how, repository.modules);
  if (programs.length === 0) {
    const why = repository.modules.length === 0
      ? 'there is no go.mod in it; run "go mod init" in the folder of the module'
      : notes[0] ?? "its modules have no main package";
    throw new KodenoError("BAD_PACKAGE", `Cannot propose images for ${directory}: ${why}`);
  }
  // Reads with libraries that nothing else needs.
  const { readDockerfiles } = await import("../setup/init/dockerfile.ts");
  const docker = readDockerfiles(directory, repository, programs);
  const present = KO_FILES.concat(SKAFFOLD_FILES).filter((name) => isThere(join(directory, name)));
  const has = (names: readonly string[]): boolean => names.some((name) => present.includes(name));
  // What is said of Dockerfiles is said of a new .ko.yaml.
  if (!has(KO_FILES)) notes.push(...docker.notes);
  if (repository.cut) notes.push("only a part was looked at: there are too many files");
  if (environment["KO_CONFIG_PATH"]) {
    notes.push("KO_CONFIG_PATH is set: builds read that file and not .ko.yaml");
  }
  const files: ProposedFile[] = [];
  const add = (path: string, text: string, schema: keyof typeof SCHEMAS): void => {
    files.push({ path, text, generated: false });
    const json = jsonSchema(schema);
    // A schema that is there will do.
    if (json === undefined || isThere(join(directory, SCHEMAS[schema]))) return;
    files.push({
      path: SCHEMAS[schema],
      text: `${JSON.stringify(json, null, 2)}\n`,
      generated: true,
    });
  };
  if (!has(KO_FILES)) add(".ko.yaml", koText(programs, docker.byImportPath, SCHEMAS.ko), "ko");
  if (!has(SKAFFOLD_FILES)) {
    const named = await imagesOfObjects(how, repository, programs, notes);
    const schema = jsonSchema("skaffold") === undefined ? undefined : SCHEMAS.skaffold;
    if (named.images.length > 0) {
      add("skaffold.yaml", skaffoldText(named, programs, docker.byImportPath, schema), "skaffold");
    }
  }
  const packages = programs.map(({ importPath }) => importPath);
  return { directory, packages, files, present, notes };
}

/** Whether there is something of this name, be it a link that leads nowhere. */
function isThere(path: string): boolean {
  return lstatSync(path, { throwIfNoEntry: false }) !== undefined;
}

/** @param notes takes a line for each thing that was left out */
async function imagesOfObjects(
  how: GoCommand,
  { modules, yamls }: RepositoryFiles,
  programs: readonly GoProgram[],
  notes: string[],
) {
  const { files, notes: ofFiles } = findKubernetes(how.directory, yamls);
  notes.push(...ofFiles);
  const places = new Map(programs.map(({ importPath, module }) => [importPath, module]));
  for (const { path, references } of files) {
    for (const importPath of references) {
      // A program of a dependency is built in the module that needs it.
      for (const module of modules) {
        if (places.has(importPath)) break;
        if (await canList(how, module, importPath)) places.set(importPath, module);
      }
      if (places.has(importPath)) continue;
      notes.push(`${path} names ko://${importPath}, which is no main package here`);
    }
  }
  const named = namedImages(files, programs, places);
  if (named.images.length === 0) {
    const why = files.length === 0
      ? "there are no Kubernetes objects"
      : "no object names one of its images";
    notes.push(`no skaffold.yaml is proposed: ${why}`);
  }
  return named;
}

/**
 * Writes the files of a proposal; one that has come meanwhile stays as it is.
 *
 * @returns the paths of those that were `written`, and of those that were `kept`
 * @throws {KodenoError} `IO_FAILED`
 */
export async function writeProposal({ directory, files }: Proposal) {
  const written: string[] = [];
  const kept: string[] = [];
  for (const { path, text } of files) {
    (await writeNew(join(directory, path), text) ? written : kept).push(path);
  }
  return { written, kept };
}
