/**
 * The recipe of `kodeno init`: configuration files for a repository that has none.
 * @module
 */
import { dirname, join } from "node:path";
import { KO_FILES, resolveBuildConfig } from "../config/config.ts";
import { processEnvironment } from "../config/environment.ts";
import { jsonSchema } from "../config/json_schema.ts";
import { SKAFFOLD_FILES } from "../config/skaffold/options.ts";
import { KodenoError } from "../errors.ts";
import type { WorkOptions } from "../events.ts";
import type { GoCommand } from "../go/command.ts";
import { linkFile, makeFolder, removeStaleTemporaries, syncParent } from "../io/atomic.ts";
import { ioFailure, isTaken } from "../io/files.ts";
import { koText, skaffoldText } from "../setup/init/config_texts.ts";
import { findImages } from "../setup/init/kubernetes.ts";
import { listPrograms, lookedAt, scanRepository } from "../setup/init/repository.ts";

/** A file that is proposed, or was written. */
interface ProposedFile {
  /** Relative to the repository. */
  readonly path: string;
  readonly text: string;
  /** Whether it is made by the program alone: nothing of it is a decision. */
  readonly generated: boolean;
}

interface InitOptions extends Pick<WorkOptions, "signal"> {
  /** Default the current one. */
  readonly directory?: string | undefined;
  /** Lets go fetch nothing. */
  readonly offline?: boolean | undefined;
}

/** What is proposed for a repository. */
export type Proposal = Awaited<ReturnType<typeof proposeInit>>;

/**
 * Looks at a repository and proposes a `.ko.yaml` for its main packages, and a skaffold.yaml for the
 * images that its Kubernetes objects name, each where there is none. Writes nothing.
 *
 * @returns its main `packages`; the `files`; configuration files that are `present`, and stay as they
 * are; `notes` of what was left alone and why, and of what to look at
 */
export async function proposeInit({ offline, signal, ...options }: InitOptions) {
  const environment = processEnvironment();
  const directory = lookedAt(options.directory);
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
  const isThere = (path: string): boolean => isTaken(join(directory, path));
  const present = KO_FILES.concat(SKAFFOLD_FILES).filter(isThere);
  const has = (names: readonly string[]): boolean => names.some((name) => present.includes(name));
  // What is said of Dockerfiles is said of a new .ko.yaml.
  if (!has(KO_FILES)) notes.push(...docker.notes);
  if (repository.cut) notes.push("only a part was looked at: there are too many files");
  if (environment["KO_CONFIG_PATH"]) {
    notes.push("KO_CONFIG_PATH is set: builds read that file and not .ko.yaml");
  }
  const files: ProposedFile[] = [];
  const add = (path: string, name: "ko" | "skaffold", textWith: (schema: string) => string) => {
    // Hidden, so that go passes over it.
    const schema = `.kodeno/${name}.schema.json`;
    files.push({ path, text: textWith(schema), generated: false });
    // A schema that is there will do.
    if (isThere(schema)) return;
    const text = `${JSON.stringify(jsonSchema(name), null, 2)}\n`;
    files.push({ path: schema, text, generated: true });
  };
  if (!has(KO_FILES)) {
    add(".ko.yaml", "ko", (schema) => koText(programs, docker.byImportPath, schema));
  }
  if (!has(SKAFFOLD_FILES)) {
    const named = await findImages(how, repository, programs);
    notes.push(...named.notes);
    const text = (schema: string) => skaffoldText(named, programs, docker.byImportPath, schema);
    if (named.images.length > 0) add("skaffold.yaml", "skaffold", text);
  }
  const packages = programs.map(({ importPath }) => importPath);
  return { directory, packages, files, present, notes };
}

/** Writes the files of a proposal: the paths `written`; those that have come meanwhile are `kept`. */
export async function writeProposal({ directory, files }: Proposal) {
  const written: string[] = [];
  const kept: string[] = [];
  for (const { path, text } of files) {
    (await writeNew(join(directory, path), text) ? written : kept).push(path);
  }
  return { written, kept };
}

/**
 * Writes a file whole, or not at all, and makes the folders above it; false when there is something of
 * this name, be it a link that leads nowhere: it stays.
 */
export async function writeNew(path: string, text: string): Promise<boolean> {
  const folder = dirname(path);
  try {
    await makeFolder(folder);
    await removeStaleTemporaries(folder);
    if (!(await linkFile(path, folder, new TextEncoder().encode(text)))) return false;
    await syncParent(path);
    return true;
  } catch (error) {
    throw ioFailure(`write ${path}`, error);
  }
}
