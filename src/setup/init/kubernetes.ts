/**
 * Files of Kubernetes objects in a repository, and the images they name.
 * @module
 */
import { join, posix } from "node:path";
import { koPath } from "../../config/checks.ts";
import { parseYaml } from "../../config/yaml/document.ts";
import { KodenoError, messageOf } from "../../errors.ts";
import type { GoCommand } from "../../go/command.ts";
import { withoutVersion } from "../../go/list.ts";
import { readSmallText } from "../../io/files.ts";
import { withoutTag } from "../../oci/reference.ts";
import { canList, type GoProgram, type RepositoryFiles } from "./repository.ts";

/** A file of objects, with the import paths behind `ko://` and other names of images in it. */
interface KubernetesFile {
  readonly path: string;
  readonly references: Set<string>;
  readonly images: Set<string>;
}

/** What a file of objects has somewhere. */
const KEYS = [/^\s*["']?apiVersion["']?\s*:/m, /^\s*["']?kind["']?\s*:/m];
/** Of objects that are none of a cluster. */
const TOOLS = /^(?:skaffold\/|kustomize\.config\.k8s\.io\/|kind\.x-k8s\.io\/)/;

/** The images to build, and the files that they are of. */
export type NamedImages = Awaited<ReturnType<typeof findImages>>;

/**
 * The images among those of objects that are made of main packages: those with `ko://`, and those
 * named as exactly one main package is; and the files that name one of them, with those in the same
 * folders. What is left out is noted.
 */
export async function findImages(
  how: GoCommand,
  { modules, yamls }: RepositoryFiles,
  programs: readonly GoProgram[],
) {
  const { files, notes } = findKubernetes(how.directory, yamls);
  const places = new Map(programs.map(({ importPath, module }) => [importPath, module]));
  const found = new Map<string, Record<"image" | "importPath" | "module", string>>();
  const folders = new Set<string>();
  const add = (path: string, image: string, importPath: string, module: string): void => {
    found.set(image, { image, importPath, module });
    folders.add(posix.dirname(path));
  };
  for (const { path, references } of files) {
    for (const importPath of references) {
      // A program of a dependency is built in the module that needs it.
      for (const module of modules) {
        if (places.has(importPath)) break;
        if (await canList(how, module, importPath)) places.set(importPath, module);
      }
      const module = places.get(importPath);
      if (module !== undefined) add(path, `ko://${importPath}`, importPath, module);
      else notes.push(`${path} names ko://${importPath}, which is no main package here`);
    }
  }
  for (const { path, images } of files) {
    for (const given of images) {
      const image = withoutTag(given.replace(/@sha\d+:.*$/, ""));
      const [program, ...others] = programs.filter(({ importPath }) =>
        posix.basename(withoutVersion(importPath)) === posix.basename(image)
      );
      // A name that needs a template is Helm's or somebody else's.
      if (program === undefined || others.length > 0 || !/^[\w./:-]+$/.test(image)) continue;
      add(path, image, program.importPath, program.module);
    }
  }
  if (found.size === 0) {
    const why = files.length === 0
      ? "there are no Kubernetes objects"
      : "no object names one of its images";
    notes.push(`no skaffold.yaml is proposed: ${why}`);
  }
  const paths = files.map(({ path }) => path);
  const manifests = paths.filter((path) => folders.has(posix.dirname(path)));
  return { images: [...found.values()], manifests, notes };
}

/**
 * Reads files of Kubernetes objects among others, whose paths are relative to a root; with a note of
 * each that cannot be read, or that has a fault and names a `ko://` image.
 */
function findKubernetes(root: string, paths: readonly string[]) {
  const files: KubernetesFile[] = [];
  const notes: string[] = [];
  const leaveOut = (path: string, why: string): unknown =>
    notes.push(`${path} is left out: ${why}`);
  const charts = paths.filter((path) => /(?:^|\/)Chart\.ya?ml$/.test(path)).map(posix.dirname);
  for (const path of paths) {
    let text: string;
    try {
      text = readSmallText(join(root, path), 1024 * 1024);
    } catch (error) {
      leaveOut(path, messageOf(error));
      continue;
    }
    if (!KEYS.every((key) => key.test(text))) continue;
    const isReferring = text.includes("ko://");
    if (charts.some((chart) => path.startsWith(`${chart}/templates/`))) {
      if (isReferring) leaveOut(path, "it is a template of a Helm chart");
      continue;
    }
    try {
      const objects = parseYaml(text, path, { many: true })
        .map(({ value }) => value).filter(isObject);
      const file: KubernetesFile = { path, references: new Set(), images: new Set() };
      for (const one of objects) collect(one, "", file);
      if (objects.length > 0) files.push(file);
    } catch (error) {
      if (!(error instanceof KodenoError)) throw error;
      if (isReferring) leaveOut(path, error.message.split("\n")[0] ?? "");
    }
  }
  return { files, notes };
}

function isObject(value: unknown): boolean {
  const { apiVersion, kind } = (value ?? {}) as { apiVersion?: unknown; kind?: unknown };
  return typeof apiVersion === "string" && typeof kind === "string" && !TOOLS.test(apiVersion);
}

function collect(value: unknown, key: string, found: KubernetesFile): void {
  if (typeof value === "string") {
    const importPath = koPath(value);
    if (importPath !== undefined) found.references.add(importPath.trim());
    else if (key === "image" && value !== "") found.images.add(value);
  } else if (Array.isArray(value)) {
    for (const one of value) collect(one, key, found);
  } else if (value !== null && typeof value === "object") {
    for (const [name, one] of Object.entries(value)) {
      collect(name, "", found);
      collect(one, name, found);
    }
  }
}
