/**
 * In what two images differ: platforms, documents, layers, files, and what go has left in programs.
 * @module
 */
import { attestedBy, imagesWithPlatform, withPlatforms } from "../content/images.ts";
import type { Blobs } from "../content/places.ts";
import { hasSuccessors, readDocument, readGraphDocument, whyUnknown } from "../content/walk.ts";
import { hasCode, KodenoError, messageOf } from "../errors.ts";
import type { WorkOptions } from "../events.ts";
import type { GoCommand } from "../go/command.ts";
import {
  type Descriptor,
  isDocumentType,
  isIndexType,
  MediaType,
  ociMediaType,
} from "../oci/descriptor.ts";
import {
  asWritten,
  type ImageConfig,
  type Index,
  type Manifest,
  parseConfig,
} from "../oci/manifest.ts";
import type { LayerReading } from "../image/layer_entries.ts";
import { formatPlatform } from "../oci/platform.ts";
import { type Change, changes } from "./documents.ts";
import type { FileChange } from "./files.ts";
import { layerChanges, type LayersChange, type SeenLayers } from "./layers.ts";
import { programChanges } from "./programs.ts";

/** An image in its place, or an index of several. */
interface ComparedImage {
  readonly source: Blobs;
  readonly root: Descriptor;
}

/** What has no like in the other image. */
interface Alone {
  readonly digest: string;
  readonly mediaType: string;
  readonly platform?: string | undefined;
  readonly artifactType?: string | undefined;
  /** The digest of the image that it is an attestation of; "" where it does not say. */
  readonly attested?: string | undefined;
}

/** A file that differs; `from` is the path in the first image of a program that is called otherwise. */
export interface ChangedFile extends FileChange {
  readonly from?: string | undefined;
  /** Of programs that go has built: in what of it they differ. */
  readonly program?: readonly Change[] | undefined;
}

/** Layers of one part that differ, with what there is to tell of the programs in them. */
export interface ChangedLayers extends LayersChange {
  readonly files: readonly ChangedFile[];
}

/** Two images for one platform. */
export interface ImagePair {
  readonly platform?: string | undefined;
  readonly isEqual: boolean;
  /** Digests of their manifests. */
  readonly a: string;
  readonly b: string;
  readonly manifest: readonly Change[];
  readonly config: readonly Change[];
  readonly layers: readonly ChangedLayers[];
}

/** In what two images or indexes differ. */
export interface ImagesDiff {
  /** Whether they are the same, byte by byte: their digests say so. */
  readonly isEqual: boolean;
  readonly a: string;
  readonly b: string;
  /** What only one index has: platforms, and attestations. */
  readonly onlyA: readonly Alone[];
  readonly onlyB: readonly Alone[];
  readonly index: readonly Change[];
  readonly images: readonly ImagePair[];
}

interface DiffOptions extends WorkOptions, LayerReading {
  /** What tells of programs. */
  readonly go: Pick<GoCommand, "command" | "environment">;
}

/** What a {@link Change} is called that is none of a member: of blanks, or the order of members. */
export const WRITTEN = "written";

/**
 * Compares two images; of indexes each platform with its like. What both have is not read.
 *
 * @throws {KodenoError} what reading gives; `BAD_CONTENT` also for what is neither image nor index
 */
export async function diffImages(
  a: ComparedImage,
  b: ComparedImage,
  options: DiffOptions,
): Promise<ImagesDiff> {
  const digests = { a: a.root.digest, b: b.root.digest };
  if (digests.a === digests.b) {
    return { isEqual: true, ...digests, onlyA: [], onlyB: [], index: [], images: [] };
  }
  for (const { root } of [a, b]) {
    if (hasSuccessors(root)) continue;
    throw new KodenoError("BAD_CONTENT", `Cannot compare ${root.digest}: ${whyUnknown(root)}`);
  }
  const [x, y] = [await partsOf(a, options), await partsOf(b, options)];
  const pairs = pairsOf(x, y);
  const images: ImagePair[] = [];
  for (const { platform, one, other } of pairs) {
    const pair = [{ ...a, root: one }, { ...b, root: other }] as const;
    images.push({ ...platform ? { platform } : {}, ...await diffPair(...pair, options) });
  }
  const isMet = new Set(pairs.flatMap(({ one, other }) => [one, other]));
  const alone = (own: Parts, other: Parts): readonly Alone[] => {
    const known = new Set(other.others.map(({ digest }) => digest));
    const images = own.images.filter((one) => !isMet.has(one));
    return [...images, ...own.others.filter(({ digest }) => !known.has(digest))].map(aloneOf);
  };
  const [onlyA, onlyB] = [alone(x, y), alone(y, x)];
  const index = indexChanges(x.index, y.index, pairs);
  const isTold = onlyA.length + onlyB.length + index.length > 0 ||
    images.some(({ isEqual }) => !isEqual);
  // Such as an index of what is in an index.
  const left = isTold ? index : [{ path: [WRITTEN] }];
  return { isEqual: false, ...digests, onlyA, onlyB, index: left, images };
}

/** What is below a root. */
interface Parts {
  readonly index: Index | undefined;
  readonly images: readonly Descriptor[];
  /** Attestations, and what else an index names. */
  readonly others: readonly Descriptor[];
}

async function partsOf({ source, root }: ComparedImage, options: WorkOptions): Promise<Parts> {
  const { index } = await readGraphDocument(source, root, options);
  if (index === undefined) {
    return { index, images: await withPlatforms(source, root, [root], options), others: [] };
  }
  const images = await imagesWithPlatform(source, root, options);
  const digests = new Set(images.map(({ digest }) => digest));
  const isOther = (d: Descriptor) => !digests.has(d.digest) && !isIndexType(d.mediaType);
  return { index, images, others: index.manifests.filter(isOther) };
}

interface Like {
  readonly platform: string | undefined;
  readonly one: Descriptor;
  readonly other: Descriptor;
}

/** Images that are for the same platform; two that are no indexes are whatever they are for. */
function pairsOf(x: Parts, y: Parts): readonly Like[] {
  if (x.index === undefined && y.index === undefined) {
    const [[one], [other]] = [x.images, y.images];
    return one && other ? [{ platform: undefined, one, other }] : [];
  }
  const left = [...y.images];
  return x.images.flatMap((one) => {
    const name = platformName(one);
    const at = left.findIndex((other) => platformName(other) === name);
    const [other] = at < 0 ? [] : left.splice(at, 1);
    return other ? [{ platform: name, one, other }] : [];
  });
}

function platformName({ platform }: Descriptor): string | undefined {
  return platform && formatPlatform(platform);
}

function aloneOf(d: Descriptor): Alone {
  const { digest, mediaType, artifactType } = d;
  const attested = attestedBy(d);
  const platform = attested === undefined ? platformName(d) : undefined;
  return {
    digest,
    mediaType,
    ...(platform === undefined ? {} : { platform }),
    ...(artifactType ? { artifactType } : {}),
    ...(attested === undefined ? {} : { attested }),
  };
}

/** What indexes say beside what they name, and of what both name. */
function indexChanges(
  a: Index | undefined,
  b: Index | undefined,
  pairs: readonly Like[],
): readonly Change[] {
  if (a === undefined && b === undefined) return [];
  if (a === undefined || b === undefined) {
    const kind = (index: Index | undefined) => index ? "an index" : "a manifest";
    return [{ path: ["kind"], a: kind(a), b: kind(b) }];
  }
  const own = (index: Index) => ({ ...asWritten(index), manifests: undefined });
  const ofEntries = pairs.flatMap(({ platform = "?", one, other }) =>
    changes(saidOf(one), saidOf(other), ["manifests", platform])
  );
  const found = [...changes(own(a), own(b)), ...ofEntries];
  if (found.length > 0) return found;
  const names = ({ manifests }: Index) => manifests.map((d) => platformName(d) ?? d.digest);
  const [x, y] = [names(a), names(b)];
  const inBoth = (own: readonly string[], other: readonly string[]): string => {
    const known = new Set(other);
    return own.filter((name) => known.has(name)).join(" ");
  };
  const [one, other] = [inBoth(x, y), inBoth(y, x)];
  return one === other ? [] : [{ path: ["manifests"], a: one, b: other }];
}

/** What is said of a blob beside what it is. */
function saidOf(d: Descriptor): Readonly<Record<string, unknown>> {
  return { ...asWritten(d), digest: undefined, size: undefined };
}

async function diffPair(
  a: ComparedImage,
  b: ComparedImage,
  options: DiffOptions,
): Promise<Omit<ImagePair, "platform">> {
  const digests = { a: a.root.digest, b: b.root.digest };
  if (digests.a === digests.b) {
    return { isEqual: true, ...digests, manifest: [], config: [], layers: [] };
  }
  const [x, y] = [await documentsOf(a, options), await documentsOf(b, options)];
  const seen = await layerChanges(x, y, options);
  const layers = await withPrograms(a.source, b.source, seen, options);
  const config = configChanges(x, y, seen.length === 0);
  return { isEqual: false, ...digests, manifest: manifestChanges(x, y), config, layers };
}

interface Documents {
  readonly source: Blobs;
  readonly manifest: Manifest;
  readonly config: ImageConfig | undefined;
}

async function documentsOf(
  { source, root }: ComparedImage,
  options: WorkOptions,
): Promise<Documents> {
  const { manifest } = await readGraphDocument(source, root, options);
  if (manifest === undefined || !isDocumentType(root.mediaType)) {
    throw new KodenoError("BAD_CONTENT", `Cannot compare ${root.digest}: it is no manifest`);
  }
  const { config: d } = manifest;
  if (ociMediaType(d.mediaType) !== MediaType.config) {
    return { source, manifest, config: undefined };
  }
  const bytes = await readDocument(source, d, options);
  return { source, manifest, config: parseConfig(bytes, `config ${d.digest}`) };
}

/** What manifests say of themselves, of their configs, and of layers in the same place. */
function manifestChanges(x: Documents, y: Documents): readonly Change[] {
  const own = ({ manifest }: Documents) => {
    const { config } = manifest;
    const digest = x.config && y.config ? undefined : config.digest;
    return {
      ...asWritten(manifest),
      config: { ...saidOf(config), digest },
      layers: undefined,
    };
  };
  const [a, b] = [x.manifest.layers, y.manifest.layers];
  const ofLayers = a.length !== b.length ? [] : a.flatMap((layer, i) => {
    const other = b[i];
    return other ? changes(saidOf(layer), saidOf(other), ["layers", `${i}`]) : [];
  });
  const found = [...changes(own(x), own(y)), ...ofLayers];
  const blobs = ({ manifest }: Documents) =>
    [manifest.config, ...manifest.layers].map(({ digest }) => digest).join();
  return found.length === 0 && blobs(x) === blobs(y) ? [{ path: [WRITTEN] }] : found;
}

/** What configs say, but for the layers, where these differ themselves. */
function configChanges(
  { config: a, manifest: { config: one } }: Documents,
  { config: b, manifest: { config: other } }: Documents,
  areLayersEqual: boolean,
): readonly Change[] {
  if (one.digest === other.digest || a === undefined || b === undefined) return [];
  const found = changes(asWritten(a), asWritten(b));
  if (found.length === 0) return [{ path: [WRITTEN] }];
  return areLayersEqual ? found : found.filter(({ path }) => path.join() !== "rootfs,diff_ids");
}

/** Looks into programs that differ. Without go nobody can, which is told of. */
async function withPrograms(
  a: Blobs,
  b: Blobs,
  all: readonly SeenLayers[],
  { go, ...options }: DiffOptions,
): Promise<readonly ChangedLayers[]> {
  const layers = all.map(({ change, programs }) => ({
    change: { ...change, files: renamed(change, programs) },
    programs,
  }));
  const found = layers.flatMap(({ change, programs }) =>
    change.files.flatMap((file) => {
      const [x, y] = programs ?? [];
      const { path, from = path } = file;
      const [one, other] = [x?.get(from), y?.get(path)];
      const isChanged = file.a?.digest !== file.b?.digest;
      if (!one || !other || !isChanged) return [];
      const pair = [
        { source: a, layer: one, path: from },
        { source: b, layer: other, path },
      ] as const;
      return [{ file, pair }];
    })
  );
  try {
    const told = await programChanges(found.map(({ pair }) => pair), go, options);
    const programs = new Map(found.map(({ file }, i) => [file, told[i]]));
    return layers.map(({ change }) => ({
      ...change,
      files: change.files.map((file) => {
        const program = programs.get(file);
        return program === undefined ? file : { ...file, program };
      }),
    }));
  } catch (error) {
    if (!hasCode(error, "GO_FAILED")) throw error;
    const message = `Left out what programs are made of: ${messageOf(error)}`;
    options.emit?.({ type: "note", level: "warning", message });
    return layers.map(({ change }) => change);
  }
}

/** The only program of a binary's layer is the same one, whatever it is called. */
function renamed(
  { part, files }: LayersChange,
  [a, b]: NonNullable<SeenLayers["programs"]> | readonly [] = [],
): readonly ChangedFile[] {
  const gone = files.filter((file) => a?.has(file.path) && file.b === undefined);
  const come = files.filter((file) => b?.has(file.path) && file.a === undefined);
  const [[one], [other]] = [gone, come];
  if (part !== "binary" || !one || !other || gone.length + come.length > 2) return files;
  return files.filter((file) => file !== one)
    .map((file) => file === other ? { ...file, from: one.path, a: one.a } : file);
}
