/**
 * Which documents a selector picks: Kubernetes objects by their labels, and items of Lists.
 * @module
 */
import { type CST, type Document, isMap, isScalar, isSeq, type Scalar, type YAMLSeq } from "yaml";
import { YamlFailure } from "../config/yaml/compose.ts";
import { keyText } from "../config/yaml/plain.ts";
import type { Selector } from "./selector.ts";

/** A part of a text, in UTF-16 units. */
export interface Range {
  readonly start: number;
  readonly end: number;
}

/**
 * What a selector leaves out of a document: parts of the text, for items of a List that do not fit,
 * or undefined when nothing of it is left.
 *
 * @param document whose nodes know their tokens
 * @throws {YamlFailure} when it is no Kubernetes object, or a List without items
 */
export function leftOut(
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
  if (!fits.includes(true)) return undefined;
  const bounds = items.flow ? boundsInBrackets(items) : boundsOfLines(items, text);
  const last = fits.lastIndexOf(true);
  return fits.flatMap((fit, i): Range[] => {
    // What is left out at the end takes the comma before it along.
    if (i === last && i + 1 < fits.length) {
      return [{ start: bounds[i]?.end ?? 0, end: endOf(bounds) }];
    }
    return fit || i > last
      ? []
      : [{ start: bounds[i]?.start ?? 0, end: bounds[i + 1]?.start ?? 0 }];
  });
}

function endOf(bounds: readonly Range[]): number {
  return bounds.at(-1)?.end ?? 0;
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
  const tokens = (srcToken as CST.BlockSequence).items.filter(({ start }) => start.some(isDash));
  const dashes = tokens.map(({ start }) => start.find(isDash)?.offset ?? 0);
  const lines = tokens.map(({ start }, i) => {
    if (i === 0) return commentsAbove(lineOf(dashes[0] ?? 0, text), text);
    return lineOf(start.find((one) => one.type === "comment" || isDash(one))?.offset ?? 0, text);
  });
  // After ":" a list may begin on the same line.
  const [first = 0] = dashes;
  const starts = text.slice(lineOf(first, text), first).trim() === "" ? lines : dashes;
  return items.map((item, i) => ({
    start: starts[i] ?? 0,
    end: starts[i + 1] ?? Object(item).range?.[2] ?? 0,
  }));
}

/** Where the line of an offset begins. */
function lineOf(offset: number, text: string): number {
  return offset === 0 ? 0 : text.lastIndexOf("\n", offset - 1) + 1;
}

/** Where the comments begin that stand right above a line. */
function commentsAbove(line: number, text: string): number {
  let start = line;
  while (start > 0) {
    const before = lineOf(start - 1, text);
    if (!text.slice(before, start).trimStart().startsWith("#")) break;
    start = before;
  }
  return start;
}

function isNull(node: unknown): boolean {
  return node === null || isScalar(node) && node.value === null;
}

function kindOf(node: unknown, offset: number): string {
  const kind = textOf(valueOf(node, "kind", isText));
  if (valueOf(node, "apiVersion", isText) === undefined || kind === undefined) {
    throw new YamlFailure(offset, "a selector needs Kubernetes objects, with apiVersion and kind");
  }
  return kind;
}

function isText(node: unknown): node is Scalar<string> {
  return isScalar(node) && typeof node.value === "string";
}

function textOf(node: unknown): string | undefined {
  return isText(node) ? node.value : undefined;
}

/** The first value of a key that is as wanted. */
function valueOf<T>(
  node: unknown,
  name: string,
  wanted: (value: unknown) => value is T,
): T | undefined {
  if (!isMap(node)) return undefined;
  const values = node.items.filter(({ key }) => textOf(key) === name).map(({ value }) => value);
  return values.find(wanted);
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
