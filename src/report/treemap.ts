/**
 * What takes the space, as areas: each layer of a place once, and of layers with programs whose code it is.
 * @module
 */
import { hierarchy, treemap } from "../npm/d3_hierarchy.ts";
import type { ReportFacts } from "./facts.ts";
import { type ReportLayer, STANDARD } from "./layers.ts";

/** What an area stands for. */
type AreaKind = "base" | "data" | "layer" | "main" | "module" | "rest" | "standard";

/** Bytes as they are carried, and what they are of. */
export interface Area {
  readonly name: string;
  readonly kind: AreaKind;
  readonly bytes: number;
  readonly parts?: readonly Area[] | undefined;
}

/** A rectangle in hundredths of the width and of the height of its map. */
interface Rectangle extends Omit<Area, "parts"> {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
  /** 1 for a layer, 2 for a part of one. */
  readonly depth: number;
}

/** Layers that have an area of their own, and parts of each. */
const LAYERS = 24;
const PARTS = 10;

/** The areas of all layers, the largest first; many small ones share one. */
export function areasOf({ images, layers }: ReportFacts): readonly Area[] {
  const named = new Map<string, Area>();
  for (const { names: [name = ""], digest, platforms } of images) {
    for (const { base, layers: placed, platform = "" } of platforms) {
      for (const { digest: layer, part } of placed) {
        const facts = layers.get(layer);
        if (named.has(layer) || facts === undefined) continue;
        const own = name || digest.slice(0, 19);
        const [program] = facts.programs;
        const called = part === "base"
          ? `base ${base?.name ?? ""}`.trim()
          : part === "kodata"
          ? `kodata of ${own}`
          : `${program?.package ?? own} ${platform}`;
        const kind = part === "base" ? "base" : part === "kodata" ? "data" : "layer";
        named.set(layer, { name: called, kind, bytes: facts.size, parts: partsOf(facts) });
      }
    }
  }
  return joined([...named.values()], LAYERS, "more layers");
}

/** Whose the bytes of a layer are: by its code, and by its files, in the proportions of their sizes. */
function partsOf({ size, unpacked, programs, largest }: ReportLayer): readonly Area[] | undefined {
  if (programs.length === 0 || unpacked === 0) return undefined;
  const scale = size / unpacked;
  const parts: Area[] = largest.map(({ path, size }) => ({
    name: path,
    kind: "data",
    bytes: size,
  }));
  for (const { code, size, main, package: path } of programs) {
    const own = main?.path ?? path;
    let left = size;
    for (const { module, bytes } of code) {
      const kind = module === STANDARD ? "standard" : module === own ? "main" : "module";
      const name = module === STANDARD ? "Go's standard library" : module;
      parts.push({ name, kind, bytes });
      left -= bytes;
    }
    parts.push({ name: "data, tables and symbols", kind: "rest", bytes: Math.max(0, left) });
  }
  return joined(parts.map((one) => ({ ...one, bytes: one.bytes * scale })), PARTS, "others");
}

/** The largest of some areas, and one for all others. */
function joined(areas: readonly Area[], most: number, others: string): readonly Area[] {
  const sorted = areas.toSorted((a, b) => b.bytes - a.bytes || (a.name < b.name ? -1 : 1));
  const [first, left] = [sorted.slice(0, most), sorted.slice(most)];
  if (left.length === 0) return first;
  const bytes = left.reduce((sum, one) => sum + one.bytes, 0);
  return [...first, { name: `${left.length} ${others}`, kind: "rest", bytes }];
}

/** Places areas on a map that is twice as wide as it is high. */
export function rectanglesOf(areas: readonly Area[]): readonly Rectangle[] {
  interface Node extends Partial<Omit<Area, "parts">> {
    readonly parts?: readonly Node[] | undefined;
  }
  const root = hierarchy<Node>({ parts: areas }, ({ parts }) => parts)
    // What has parts is as large as they are together.
    .sum(({ parts, bytes = 0 }) => parts === undefined ? bytes : 0);
  const placed = treemap<Node>().size([200, 100]).paddingInner(0.3)
    .paddingTop(({ depth, children }) => depth === 1 && children ? 5 : 0)(root);
  return placed.descendants().flatMap(({ data, depth, x0, x1, y0, y1 }): readonly Rectangle[] => {
    const { name, kind, bytes } = data;
    if (name === undefined || kind === undefined || bytes === undefined) return [];
    return [{ name, kind, bytes, depth, x: x0 / 2, width: (x1 - x0) / 2, y: y0, height: y1 - y0 }];
  });
}
