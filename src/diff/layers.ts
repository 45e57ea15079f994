/**
 * In what the layers of two images differ. Layers that both have are not read; of the others, those of
 * the base, of kodata and of the binary are compared with their like, as the files that they leave.
 * @module
 */
import type { Blobs } from "../content/places.ts";
import { hasCode, messageOf } from "../errors.ts";
import type { LayerReading } from "../image/layer_entries.ts";
import { type LayerPart, layerPart } from "../image/layer_parts.ts";
import { allEnded } from "../io/concurrency.ts";
import { DamagedBlob } from "../io/hash.ts";
import { checkedChunks } from "../io/streams.ts";
import { fetchBlob } from "../content/blobs.ts";
import { bareDescriptor, type Descriptor, isForeign, ociMediaType } from "../oci/descriptor.ts";
import type { ImageConfig, Manifest } from "../oci/manifest.ts";
import { changedFiles, type FileChange, filesIn, type SeenFiles, unpackedDigest } from "./files.ts";

/** An image whose layers are compared. */
interface LayeredImage {
  readonly source: Blobs;
  readonly manifest: Manifest;
  /** Nothing of what is no image. */
  readonly config: ImageConfig | undefined;
}

interface Layer {
  readonly descriptor: Descriptor;
  readonly part: LayerPart | undefined;
  /** Its digest without packing, as the config says. */
  readonly diffId: string | undefined;
}

/** Layers of one part that two images have otherwise. */
export interface LayersChange {
  /** What they are, in an image of ko or kodeno. */
  readonly part?: LayerPart | undefined;
  /** How many of that part both have. */
  readonly same: number;
  /** Those that hold the same and are packed otherwise. */
  readonly repacked: readonly { readonly a: Descriptor; readonly b: Descriptor }[];
  /** Those that only one has, the lowest first. */
  readonly a: readonly Descriptor[];
  readonly b: readonly Descriptor[];
  /** Files that differ in those. */
  readonly files: readonly FileChange[];
  /** Why no file does, or why they were not looked at. */
  readonly note?: string | undefined;
}

/** What was seen of the layers that two have otherwise, for who wants to see more of the files. */
export interface SeenLayers {
  readonly change: LayersChange;
  readonly programs?: readonly [a: SeenFiles["programs"], b: SeenFiles["programs"]] | undefined;
}

type Pair = readonly [a: Layer, b: Layer];

/** Compares layers; nothing where all of them are the same, in the same order. */
export async function layerChanges(
  a: LayeredImage,
  b: LayeredImage,
  options: LayerReading,
): Promise<readonly SeenLayers[]> {
  const [all, others] = [layersOf(a), layersOf(b)];
  const haveParts = [all, others].every((list) => list.some(({ part }) => part !== undefined));
  const partOf = ({ part }: Layer) => haveParts ? part : undefined;
  const found: SeenLayers[] = [];
  for (const part of new Set([...all, ...others].map(partOf))) {
    const isOf = (layer: Layer): boolean => partOf(layer) === part;
    const change = await partChange(part, [a, all.filter(isOf)], [b, others.filter(isOf)], options);
    if (change !== undefined) found.push(change);
  }
  return found;
}

function layersOf({ manifest: { layers }, config }: LayeredImage): readonly Layer[] {
  const diffIds = config?.rootfs.diff_ids ?? [];
  const areTold = diffIds.length === layers.length;
  return layers.map((descriptor, i) => ({
    descriptor,
    part: config && layerPart(config, i - layers.length),
    diffId: areTold ? diffIds[i] : undefined,
  }));
}

async function partChange(
  part: LayerPart | undefined,
  [a, all]: readonly [LayeredImage, readonly Layer[]],
  [b, others]: readonly [LayeredImage, readonly Layer[]],
  options: LayerReading,
): Promise<SeenLayers | undefined> {
  const pairs = commonLayers(all, others);
  const common = new Set(pairs.flat());
  const packed = pairs.filter(([x, y]) => x.descriptor.digest !== y.descriptor.digest);
  const change = {
    ...(part ? { part } : {}),
    same: pairs.length - packed.length,
    repacked: packed.map(([x, y]) => ({ a: bare(x), b: bare(y) })),
    a: all.filter((layer) => !common.has(layer)).map(bare),
    b: others.filter((layer) => !common.has(layer)).map(bare),
    files: [],
  };
  if (change.a.length + change.b.length + packed.length === 0) return undefined;
  const layers = [[a.source, change.a], [b.source, change.b]] as const;
  const note = await readable(async () => {
    for (const [x, y] of packed) {
      const digests = [
        await unpackedDigest(a.source, x.descriptor, options),
        await unpackedDigest(b.source, y.descriptor, options),
      ];
      if (digests.some((digest) => digest !== x.diffId)) {
        return `the configs say ${x.diffId} of what has other content`;
      }
    }
    return undefined;
  }, [
    [a.source, packed.map(([x]) => x.descriptor)],
    [b.source, packed.map(([, y]) => y.descriptor)],
  ], options);
  if (note !== undefined) return { change: { ...change, note } };
  if (change.a.length + change.b.length === 0) return { change };
  const read = await readable(
    async () => {
      const seen = await allEnded([
        filesIn(a.source, change.a, options),
        filesIn(b.source, change.b, options),
      ]);
      const files = changedFiles(...seen);
      const odd = seen.map((one) => one.odd).find((why) => why !== undefined);
      const why = odd === undefined
        ? files.length === 0 ? await whyNoFile(layers, options) : undefined
        : `not all of it is a tar (${odd})`;
      const programs = [seen[0].programs, seen[1].programs] as const;
      return {
        change: { ...change, files, ...(why === undefined ? {} : { note: why }) },
        programs,
      };
    },
    layers,
    options,
  );
  return typeof read === "string" ? { change: { ...change, note: read } } : read;
}

function bare({ descriptor }: Layer): Descriptor {
  return bareDescriptor(descriptor);
}

type Layers = readonly [Blobs, readonly Descriptor[]];

/** Why layers are not the same that have the same files. */
async function whyNoFile(
  [[a, all], [b, others]]: readonly [Layers, Layers],
  options: LayerReading,
): Promise<string> {
  if (all.length !== others.length) return "the files are the same, in other layers";
  const digests = (list: readonly Descriptor[]) => list.map(({ digest }) => digest).sort().join();
  if (digests(all) === digests(others)) return "the same, in another order";
  for (const [i, layer] of all.entries()) {
    const other = others[i];
    const digest = await unpackedDigest(a, layer, options);
    if (other === undefined || await unpackedDigest(b, other, options) !== digest) {
      return "the files are the same; their order in the tar differs, or what else its heads say";
    }
  }
  return "the same, packed otherwise";
}

/** What reading layers gives, or why it gives nothing; what is damaged or missing is an error. */
async function readable<T>(
  work: () => Promise<T>,
  layers: readonly Layers[],
  options: LayerReading,
): Promise<T | string> {
  const other = layers.flatMap(([, all]) => all).find(({ mediaType }) => !isLayerType(mediaType));
  if (other !== undefined) return `not looked into: no layer, but ${other.mediaType}`;
  try {
    return await work();
  } catch (error) {
    const foreign = layers.flatMap(([, all]) => all).find(isForeign);
    if (foreign !== undefined && hasCode(error, "NOT_FOUND")) {
      return `not looked into: the foreign layer ${foreign.digest} is not there`;
    }
    if (!hasCode(error, "BAD_CONTENT") || error instanceof DamagedBlob) throw error;
    for (const [source, all] of layers) {
      for (const layer of all) await checkWhole(source, layer, options);
    }
    return `not looked into: ${messageOf(error)}`;
  }
}

/** Fails where a layer is not what its digest says: it is damaged then, and else odd. */
async function checkWhole(source: Blobs, layer: Descriptor, options: LayerReading) {
  const stream = await fetchBlob(source, layer, options);
  const how = { place: source.what, signal: options.signal };
  for await (const _ of checkedChunks(stream, layer, how));
}

function isLayerType(mediaType: string): boolean {
  return /^application\/vnd\.oci\.image\.layer\.[\w.]*v1\.tar(?:\+\w+)?$/.test(
    ociMediaType(mediaType),
  );
}

/** More would take long to put side by side. */
const MOST_COMPARED = 1_000_000;

/** The layers that two lists have in common, in their order: as many as there can be. */
function commonLayers(a: readonly Layer[], b: readonly Layer[]): readonly Pair[] {
  const isSame = (x: Layer | undefined, y: Layer | undefined): boolean =>
    x !== undefined && y !== undefined &&
    (x.descriptor.digest === y.descriptor.digest ||
      (x.diffId !== undefined && x.diffId === y.diffId));
  const pairAt = (i: number, j: number): readonly Pair[] => {
    const [x, y] = [a[i], b[j]];
    return x && y ? [[x, y]] : [];
  };
  const least = Math.min(a.length, b.length);
  let start = 0;
  while (start < least && isSame(a[start], b[start])) start++;
  let end = 0;
  while (end < least - start && isSame(a.at(-1 - end), b.at(-1 - end))) end++;
  const first = Array.from({ length: start }, (_, i) => pairAt(i, i)).flat();
  const last = Array.from(
    { length: end },
    (_, i) => pairAt(a.length - end + i, b.length - end + i),
  );
  const [rows, columns] = [a.length - start - end, b.length - start - end];
  if (rows * columns > MOST_COMPARED) return [...first, ...last.flat()];
  // How many are in common from here on.
  const most = Array.from({ length: rows + 1 }, () => new Uint32Array(columns + 1));
  const at = (i: number, j: number): number => most[i]?.[j] ?? 0;
  for (let i = rows - 1; i >= 0; i--) {
    const row = most[i];
    for (let j = columns - 1; row && j >= 0; j--) {
      row[j] = isSame(a[start + i], b[start + j])
        ? at(i + 1, j + 1) + 1
        : Math.max(at(i + 1, j), at(i, j + 1));
    }
  }
  const middle: Pair[] = [];
  for (let [i, j] = [0, 0]; i < rows && j < columns;) {
    if (isSame(a[start + i], b[start + j])) middle.push(...pairAt(start + i++, start + j++));
    else if (at(i + 1, j) >= at(i, j + 1)) i++;
    else j++;
  }
  return [...first, ...middle, ...last.flat()];
}
