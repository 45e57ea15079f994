/**
 * Looks at a layout that a program has made: whether everything is there, so that a run that makes
 * nothing is never fast, and how large the layers with the programs are.
 * @module
 */
import { join } from "node:path";

/** A layer that holds a program: what it is when unpacked, and how large it is when packed. */
export interface BinaryLayer {
  readonly diffId: string;
  readonly bytes: number;
}

interface Descriptor {
  readonly mediaType: string;
  readonly digest: string;
  readonly size: number;
}
interface Entry extends Descriptor {
  readonly artifactType?: string;
  readonly annotations?: Readonly<Record<string, string>>;
}
interface Index {
  readonly manifests: readonly Descriptor[];
}
interface Manifest {
  readonly config: Descriptor;
  readonly layers: readonly Descriptor[];
}
interface Config {
  readonly rootfs: { readonly diff_ids: readonly string[] };
}

/** Layers of an image on the one-layer base: the base's, kodata, the program. */
const LAYERS = 3;

/**
 * Checks the newest images of a layout.
 *
 * @param images how many there have to be; ko adds entries without end, and the last ones count
 * @param platforms how many each of them has to have
 * @returns the layers with the programs, one for each image and platform
 * @throws when an image, a platform or a blob is missing
 */
export async function checkLayout(
  layout: string,
  images: number,
  platforms: number,
): Promise<readonly BinaryLayer[]> {
  const entries = (await entriesOf(layout)).filter((one) => subjectOf(one) === undefined);
  const roots = new Map(entries.slice(-images).map((one) => [one.digest, one]));
  if (roots.size !== images) throw new Error(`${roots.size} images instead of ${images}`);
  const layers: BinaryLayer[] = [];
  for (const root of roots.values()) {
    const isIndex = /image\.index|manifest\.list/.test(root.mediaType);
    const children = isIndex ? (await document<Index>(layout, root)).manifests : [root];
    if (children.length !== platforms) {
      throw new Error(`${children.length} platforms instead of ${platforms}`);
    }
    for (const child of children) layers.push(await binaryLayer(layout, child));
  }
  return layers;
}

/**
 * Checks what refers to the images of a layout and to their platforms.
 *
 * @param types of artifacts that there has to be one of for each
 * @param subjects how many there are
 * @throws when one is missing
 */
export async function checkReferrers(
  layout: string,
  types: readonly string[],
  subjects: number,
): Promise<void> {
  const entries = await entriesOf(layout);
  for (const type of types) {
    const found = entries.filter(({ artifactType }) => artifactType === type);
    for (const one of found) await checkSize(layout, one);
    const { size } = new Set(found.map(subjectOf));
    if (size !== subjects) throw new Error(`${size} of ${subjects} have ${type} beside them`);
  }
}

async function entriesOf(layout: string): Promise<readonly Entry[]> {
  const index = JSON.parse(await Deno.readTextFile(join(layout, "index.json")));
  return index.manifests as readonly Entry[];
}

function subjectOf({ annotations }: Entry): string | undefined {
  return annotations?.["io.containerd.manifest.subject"];
}

async function binaryLayer(layout: string, descriptor: Descriptor): Promise<BinaryLayer> {
  const { config, layers } = await document<Manifest>(layout, descriptor);
  for (const layer of layers) await checkSize(layout, layer);
  const { rootfs: { diff_ids } } = await document<Config>(layout, config);
  const [layer, diffId] = [layers.at(-1), diff_ids.at(-1)];
  if (layers.length !== LAYERS || diff_ids.length !== LAYERS || !layer || !diffId) {
    throw new Error(`${layers.length} layers instead of ${LAYERS}`);
  }
  return { diffId, bytes: layer.size };
}

async function document<T>(layout: string, descriptor: Descriptor): Promise<T> {
  await checkSize(layout, descriptor);
  return JSON.parse(await Deno.readTextFile(blobPath(layout, descriptor))) as T;
}

async function checkSize(layout: string, descriptor: Descriptor): Promise<void> {
  const { size } = await Deno.stat(blobPath(layout, descriptor));
  if (size === descriptor.size) return;
  throw new Error(`blob ${descriptor.digest} has ${size} bytes instead of ${descriptor.size}`);
}

function blobPath(layout: string, { digest }: Descriptor): string {
  return join(layout, "blobs", ...digest.split(":"));
}
