/**
 * The use case of `kodeno init`: configuration files for a repository that has none.
 * @module
 */
import { join, resolve } from "node:path";
import { resolveBuildConfig } from "../config/config.ts";
import { type Environment, processEnvironment } from "../config/environment.ts";
import { jsonSchema } from "../config/json_schema.ts";
import { KO_FILES } from "../config/find_ko_file.ts";
import { KodenoError } from "../errors.ts";
import { type DockerProgram, readDockerfiles } from "../setup/init/docker_programs.ts";
import { koText } from "../setup/init/ko_text.ts";
import { findKubernetes, type KubernetesFile } from "../setup/init/kubernetes.ts";
import { canList, listPrograms, type Program } from "../setup/init/programs.ts";
import { scanRepository } from "../setup/init/repository.ts";
import { skaffoldText, wantedFiles, wantedImages } from "../setup/init/skaffold_text.ts";
import { isThere, writeNew } from "../setup/init/write_new.ts";
import type { GoCommand } from "../go/command.ts";

/** A file that is proposed, or was written. */
export interface ProposedFile {
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
export interface InitOptions {
  /** Default the current one. */
  readonly directory?: string | undefined;
  /** Lets go fetch nothing. */
  readonly offline?: boolean | undefined;
  readonly environment?: Environment | undefined;
  readonly signal?: AbortSignal | undefined;
}

const SKAFFOLD_FILES = ["skaffold.yaml", "skaffold.yml"];
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
  if (!(await Deno.stat(directory).catch(() => undefined))?.isDirectory) {
    throw new KodenoError("BAD_OPTION", `Cannot look at ${directory}: there is no such folder`);
  }
  const repository = await scanRepository(directory, signal);
  const { go } = resolveBuildConfig({ workingDirectory: directory, offline, environment });
  const how: GoCommand = { ...go, directory, signal };
  const { programs, notes: ofModules } = await listPrograms(how, directory, repository.modules);
  if (programs.length === 0) {
    const why = repository.modules.length === 0
      ? 'there is no go.mod in it; run "go mod init" in the folder of the module'
      : ofModules[0] ?? "its modules have no main package";
    throw new KodenoError("BAD_PACKAGE", `Cannot propose images for ${directory}: ${why}`);
  }
  const docker = readDockerfiles(directory, repository, programs);
  const [koFile, skaffoldFile] = await Promise.all(
    [KO_FILES, SKAFFOLD_FILES].map((names) => firstThere(directory, names)),
  );
  // What is said of Dockerfiles is said of a new .ko.yaml.
  const notes = [...ofModules, ...(koFile === undefined ? docker.notes : [])];
  if (repository.cut) notes.push("only a part was looked at: there are too many files");
  if (environment["KO_CONFIG_PATH"]) {
    notes.push("KO_CONFIG_PATH is set: builds read that file and not .ko.yaml");
  }
  const proposed: ProposedFile[] = [];
  const add = (path: string, text: string, generated = false): void => {
    proposed.push({ path, text, generated });
  };
  if (koFile === undefined) {
    add(".ko.yaml", koText(programs, docker.byImportPath, SCHEMAS.ko));
    add(SCHEMAS.ko, schemaText("ko"), true);
  }
  if (skaffoldFile === undefined) {
    const kubernetes = findKubernetes(directory, repository.yamls);
    notes.push(...kubernetes.notes);
    const skaffold = await skaffoldFor(how, {
      programs,
      modules: repository.modules,
      docker: docker.byImportPath,
      files: kubernetes.files,
    });
    notes.push(...skaffold.notes);
    if (skaffold.text !== undefined) {
      add("skaffold.yaml", skaffold.text);
      if (jsonSchema("skaffold") !== undefined) {
        add(SCHEMAS.skaffold, schemaText("skaffold"), true);
      }
    }
  }
  const known = await Promise.all(proposed.map(({ path }) => isThere(join(directory, path))));
  return {
    directory,
    packages: programs.map(({ importPath }) => importPath),
    // A schema that is there will do.
    files: proposed.filter((_, i) => !known[i]),
    present: [koFile, skaffoldFile].filter((name) => name !== undefined),
    notes,
  };
}

async function firstThere(
  directory: string,
  names: readonly string[],
): Promise<string | undefined> {
  for (const name of names) if (await isThere(join(directory, name))) return name;
  return undefined;
}

function schemaText(name: string): string {
  return `${JSON.stringify(jsonSchema(name), null, 2)}\n`;
}

interface Sources {
  readonly programs: readonly Program[];
  readonly modules: readonly string[];
  readonly docker: ReadonlyMap<string, DockerProgram>;
  readonly files: readonly KubernetesFile[];
}

async function skaffoldFor(
  how: GoCommand,
  { programs, modules, docker, files }: Sources,
): Promise<{ readonly text?: string; readonly notes: readonly string[] }> {
  const notes: string[] = [];
  const places = new Map(programs.map(({ importPath, module }) => [importPath, module]));
  for (const { path, references } of files) {
    for (const importPath of references) {
      // A program of a dependency is built in the module that needs it.
      for (const module of modules) {
        if (places.has(importPath)) break;
        if (await canList(how, join(how.directory, module), importPath)) {
          places.set(importPath, module);
        }
      }
      if (places.has(importPath)) continue;
      notes.push(`${path} names ko://${importPath}, which is no main package here`);
    }
  }
  const images = wantedImages(files, programs, places);
  if (images.length === 0) {
    const why = files.length === 0
      ? "there are no Kubernetes objects"
      : "no object names one of its images";
    return { notes: [...notes, `no skaffold.yaml is proposed: ${why}`] };
  }
  const schema = jsonSchema("skaffold") === undefined ? undefined : SCHEMAS.skaffold;
  const manifests = wantedFiles(files, images);
  return { text: skaffoldText(images, manifests, { programs, docker, schema }), notes };
}

/** What became of the files of a proposal. */
export interface Written {
  readonly written: readonly string[];
  /** There was something of their name by then. */
  readonly kept: readonly string[];
}

/**
 * Writes the files of a proposal; one that has come meanwhile stays as it is.
 *
 * @throws {KodenoError} `IO_FAILED`
 */
export async function writeProposal({ directory, files }: Proposal): Promise<Written> {
  const written: string[] = [];
  const kept: string[] = [];
  for (const { path, text } of files) {
    (await writeNew(join(directory, path), text) ? written : kept).push(path);
  }
  return { written, kept };
}
