/**
 * Files of Kubernetes objects in a repository, and the images they name.
 * @module
 */
import { join, posix } from "node:path";
import { parseYaml } from "../../config/yaml/document.ts";
import { KodenoError, messageOf } from "../../errors.ts";
import { readSmallText } from "../../io/files.ts";

/** A file of objects. */
export interface KubernetesFile {
  /** Relative to the repository. */
  readonly path: string;
  /** Import paths behind `ko://`, each once. */
  readonly references: readonly string[];
  /** Other names of images, each once. */
  readonly images: readonly string[];
}

/** The files, and a line for each that cannot be read, or that has a fault and names a `ko://` image. */
export interface KubernetesFiles {
  readonly files: readonly KubernetesFile[];
  readonly notes: readonly string[];
}

const MAX_BYTES = 1024 * 1024;
const SCHEME = "ko://";

/**
 * Reads files of Kubernetes objects among others.
 *
 * @param root absolute
 * @param paths relative to `root`
 */
export function findKubernetes(
  root: string,
  paths: readonly string[],
): KubernetesFiles {
  const files: KubernetesFile[] = [];
  const notes: string[] = [];
  // Charts are templates; what kustomize reads is no object of the cluster.
  const charts = paths.filter((path) => /(?:^|\/)Chart\.ya?ml$/.test(path)).map(posix.dirname);
  for (const path of paths) {
    let text: string;
    try {
      text = readSmallText(join(root, path), MAX_BYTES);
    } catch (error) {
      notes.push(`${path} is left out: ${messageOf(error)}`);
      continue;
    }
    if (!/^\s*["']?apiVersion["']?\s*:/m.test(text) || !/^\s*["']?kind["']?\s*:/m.test(text)) {
      continue;
    }
    if (charts.some((chart) => path.startsWith(`${chart}/templates/`))) {
      if (text.includes(SCHEME)) {
        notes.push(`${path} is left out: it is a template of a Helm chart`);
      }
      continue;
    }
    try {
      const documents = parseYaml(text, path, { documents: "many" }).documents;
      const objects = documents.map(({ value }) => value).filter(isObject);
      if (objects.length === 0) continue;
      const found = { references: new Set<string>(), images: new Set<string>() };
      for (const one of objects) collect(one, "", found);
      files.push({ path, references: [...found.references], images: [...found.images] });
    } catch (error) {
      if (!(error instanceof KodenoError)) throw error;
      if (text.includes(SCHEME)) {
        const [first = ""] = error.message.split("\n");
        notes.push(`${path} is left out: ${first}`);
      }
    }
  }
  return { files, notes };
}

function isObject(value: unknown): boolean {
  if (value === null || typeof value !== "object") return false;
  const { apiVersion, kind } = value as { apiVersion?: unknown; kind?: unknown };
  if (typeof apiVersion !== "string" || typeof kind !== "string") return false;
  return !/^(?:skaffold\/|kustomize\.config\.k8s\.io\/|kind\.x-k8s\.io\/)/.test(apiVersion);
}

function collect(
  value: unknown,
  key: string,
  found: { readonly references: Set<string>; readonly images: Set<string> },
): void {
  if (typeof value === "string") {
    if (value.startsWith(SCHEME)) found.references.add(value.slice(SCHEME.length).trim());
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
