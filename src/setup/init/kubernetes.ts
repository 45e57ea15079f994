/**
 * Files of Kubernetes objects in a repository, and the images they name.
 * @module
 */
import { join, posix } from "node:path";
import { koPath } from "../../config/checks.ts";
import { parseYaml } from "../../config/yaml/document.ts";
import { KodenoError, messageOf } from "../../errors.ts";
import { readSmallText } from "../../io/files.ts";

/** A file of objects. */
export interface KubernetesFile {
  /** Relative to the repository. */
  readonly path: string;
  /** Import paths behind `ko://`, each once. */
  readonly references: ReadonlySet<string>;
  /** Other names of images, each once. */
  readonly images: ReadonlySet<string>;
}

/** Of objects that are none of a cluster. */
const TOOLS = /^(?:skaffold\/|kustomize\.config\.k8s\.io\/|kind\.x-k8s\.io\/)/;

/**
 * Reads files of Kubernetes objects among others.
 *
 * @param root absolute
 * @param paths relative to `root`
 * @returns the files, and a line for each that cannot be read, or that has a fault and names a `ko://`
 * image
 */
export function findKubernetes(root: string, paths: readonly string[]) {
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
    if (
      !["apiVersion", "kind"].every((key) =>
        new RegExp(`^\\s*["']?${key}["']?\\s*:`, "m").test(text)
      )
    ) {
      continue;
    }
    const isReferring = text.includes("ko://");
    if (charts.some((chart) => path.startsWith(`${chart}/templates/`))) {
      if (isReferring) leaveOut(path, "it is a template of a Helm chart");
      continue;
    }
    try {
      const objects = parseYaml(text, path, { documents: "many" })
        .map(({ value }) => value).filter(isObject);
      const file = { path, references: new Set<string>(), images: new Set<string>() };
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

function collect(
  value: unknown,
  key: string,
  found: { readonly references: Set<string>; readonly images: Set<string> },
): void {
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
