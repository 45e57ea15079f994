/**
 * Which documents a selector picks: Kubernetes objects by their labels, and items of Lists.
 * @module
 */
import type { Selector } from "./selector.ts";
import { isNull, isString, type YamlNode } from "./yaml/node.ts";
import { yamlError } from "./yaml/failure.ts";

/**
 * Whether a document fits. Items of a List that do not fit are taken out of it.
 *
 * @throws {YamlError} when it is no Kubernetes object, or a List without items
 */
export function selects(selector: Selector, document: YamlNode): boolean {
  const root = document.content[0];
  if (root === undefined || isNull(root)) return false;
  if (kindOf(root) !== "List") return selector(labelsOf(root));
  const items = valueOf(root, "items", ({ kind }) => kind === "sequence");
  if (items === undefined) throw wrong(root, "a List has no items");
  items.content = items.content.filter((item) => {
    if (!isNull(item)) kindOf(item);
    return selector(labelsOf(item));
  });
  return items.content.length > 0;
}

function wrong({ row }: YamlNode, problem: string): Error {
  return yamlError(problem, { line: row, column: 1 });
}

function kindOf(node: YamlNode): string {
  const kind = valueOf(node, "kind", isString);
  if (valueOf(node, "apiVersion", isString) === undefined || kind === undefined) {
    throw wrong(node, "a selector needs Kubernetes objects, with apiVersion and kind");
  }
  return kind.value;
}

/** The first value of a key that is as wanted. */
function valueOf(
  { kind, content }: YamlNode,
  name: string,
  wanted: (value: YamlNode) => boolean,
): YamlNode | undefined {
  if (kind !== "mapping") return undefined;
  for (let i = 0; i < content.length; i += 2) {
    const key = content[i];
    const value = content[i + 1];
    if (key === undefined || value === undefined) continue;
    if (isString(key) && key.value === name && wanted(value)) return value;
  }
  return undefined;
}

function labelsOf(node: YamlNode): ReadonlyMap<string, string> {
  const isMapping = ({ kind }: YamlNode): boolean => kind === "mapping";
  const metadata = valueOf(node, "metadata", isMapping);
  const { content = [] } = metadata && valueOf(metadata, "labels", isMapping) || {};
  const labels = new Map<string, string>();
  for (let i = 0; i < content.length; i += 2) {
    const key = content[i]?.value ?? "";
    // The first of two equal keys counts, as in ko.
    if (!labels.has(key)) labels.set(key, content[i + 1]?.value ?? "");
  }
  return labels;
}
