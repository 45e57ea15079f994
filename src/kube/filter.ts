/**
 * Which documents a selector picks: Kubernetes objects by their labels, and items of Lists.
 * @module
 */
import { keyText, YamlFailure } from "../config/yaml/document.ts";
import {
  type CST,
  type Document,
  isMap,
  isScalar,
  isSeq,
  type Scalar,
  type YAMLSeq,
} from "../npm/yaml.ts";
import type { Selector } from "./selector.ts";

/** A part of a text, in UTF-16 units. */
export interface Range {
  readonly start: number;
  readonly end: number;
}

/**
 * Takes items of a List that do not fit out of a document whose nodes know their tokens, and gives
 * their parts of the text; undefined when nothing of the document is left.
 */
export function takeOut(
  selector: Selector,
  document: Document.Parsed,
  text: string,
): readonly Range[] | undefined {
  const { contents: root, range: [offset] } = document;
  if (isNull(root)) return undefined;
  if (kindOf(root, offset) !== "List") return selector(labelsOf(root)) ? [] : undefined;
  const items = valueOf(root, "items", isSeq);
  if (items === undefined) throw new YamlFailure(offset, "a List has no items");
  const fits = items.items.map((item) => {
    if (!isNull(item)) kindOf(item, Object(item).range?.[0] ?? offset);
    return selector(labelsOf(item));
  });
  const last = fits.lastIndexOf(true);
  if (last < 0) return undefined;
  const bounds = items.flow ? boundsInBrackets(items) : boundsOfLines(items, text);
  items.items = items.items.filter((_, i) => fits[i]);
  const part = (start = 0, end = 0): Range => ({ start, end });
  const before = fits.slice(0, last).flatMap((fit, i) =>
    fit ? [] : [part(bounds[i]?.start, bounds[i + 1]?.start)]
  );
  // At the end the comma before goes, too.
  return last + 1 < fits.length ? [...before, part(bounds[last]?.end, bounds.at(-1)?.end)] : before;
}

/** Where items begin and end in a list in brackets: with their anchors and tags, without commas. */
function boundsInBrackets({ items, srcToken }: YAMLSeq): readonly Range[] {
  const isProperty = ({ type }: CST.SourceToken): boolean => type === "anchor" || type === "tag";
  const tokens = (srcToken as CST.FlowCollection).items.filter(({ start, value }) =>
    value !== undefined || start.some(isProperty)
  );
  return tokens.map(({ start, value }, i) => ({
    start: start.find(isProperty)?.offset ?? value?.offset ?? 0,
    end: Object(items[i]).range?.[1] ?? 0,
  }));
}

/** Where items begin and end that have a `-` each: whole lines, with the comments above them. */
function boundsOfLines({ items, srcToken }: YAMLSeq, text: string): readonly Range[] {
  const isDash = ({ type }: CST.SourceToken): boolean => type === "seq-item-ind";
  const lineOf = (offset: number): number => text.lastIndexOf("\n", offset - 1) + 1;
  const tokens = (srcToken as CST.BlockSequence).items.filter(({ start }) => start.some(isDash));
  const dashes = tokens.map(({ start }) => start.find(isDash)?.offset ?? 0);
  const lines = tokens.map(({ start }) =>
    lineOf(start.find((one) => one.type === "comment" || isDash(one))?.offset ?? 0)
  );
  let [first = 0] = lines;
  // After ":" a list may begin on the same line.
  const whole = text.slice(first, dashes[0]).trim() === "";
  // The comments above the first item are tokens of the key before.
  while (first > 0 && /^\s*#/.test(text.slice(lineOf(first - 1), first))) first = lineOf(first - 1);
  const starts = whole ? [first, ...lines.slice(1)] : dashes;
  return items.map((item, i) => ({
    start: starts[i] ?? 0,
    end: starts[i + 1] ?? Object(item).range?.[2] ?? 0,
  }));
}

function isNull(node: unknown): boolean {
  return node === null || isScalar(node) && node.value === null;
}

function kindOf(node: unknown, offset: number): string {
  const kind = valueOf(node, "kind", isText);
  if (valueOf(node, "apiVersion", isText) === undefined || kind === undefined) {
    throw new YamlFailure(offset, "a selector needs Kubernetes objects, with apiVersion and kind");
  }
  return kind.value;
}

function isText(node: unknown): node is Scalar<string> {
  return isScalar(node) && typeof node.value === "string";
}

/** The first value of a key that is as wanted. */
function valueOf<T>(
  node: unknown,
  name: string,
  wanted: (value: unknown) => value is T,
): T | undefined {
  if (!isMap(node)) return undefined;
  const values = node.items.filter(({ key }) => isText(key) && key.value === name);
  return values.map(({ value }) => value).find(wanted);
}

function labelsOf(node: unknown): ReadonlyMap<string, string> {
  const { items } = valueOf(valueOf(node, "metadata", isMap), "labels", isMap) ?? { items: [] };
  const labels = new Map<string, string>();
  for (const { key, value } of items) {
    // The first of two equal keys counts, as in ko.
    const name = keyText(key) ?? "";
    if (!labels.has(name)) labels.set(name, keyText(value) ?? "");
  }
  return labels;
}
