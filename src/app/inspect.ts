/**
 * The recipe of `kodeno inspect`: the images of a layout or archive as trees of plain values.
 * @module
 */
import { attestedBy } from "../content/images.ts";
import { ImageReader, READ_BYTES } from "../content/reader.ts";
import { referrerEntry } from "../content/referrers.ts";
import { hasSuccessors, Walk } from "../content/walk.ts";
import { KodenoError } from "../errors.ts";
import type { WorkOptions } from "../events.ts";
import { type LayerPart, layerPart } from "../image/layer_parts.ts";
import { bareDescriptor, type Descriptor, isIndexType } from "../oci/descriptor.ts";
import { namelessEntry } from "../oci/entries.ts";
import type { ImageConfig, Manifest } from "../oci/manifest.ts";
import { formatPlatform, statedPlatform } from "../oci/platform.ts";
import { openImages, splitPlace } from "../place/open.ts";
import { artifactWords, entriesAbout } from "../trust/words.ts";

/** A blob that points to nothing. */
interface InspectedBlob extends Pick<Descriptor, "mediaType" | "digest" | "size"> {
  /** Why it cannot be used, where it is missing or damaged. */
  readonly problem?: string | undefined;
}

/** A layer of an image; whose it is, where the image says that ko or kodeno made it. */
export interface InspectedLayer extends InspectedBlob {
  readonly part?: LayerPart | undefined;
}

/** What an image runs. */
export type InspectedConfig = InspectedBlob & Partial<ReturnType<typeof settingsOf>>;

/** A manifest or an index with what is below it. */
export interface InspectedImage extends Omit<InspectedBlob, "size"> {
  readonly kind: "index" | "manifest" | "blob";
  /** Bytes of all its blobs, each counted once; unknown of what is below an index and no manifest. */
  readonly size?: number | undefined;
  /** Bytes of the manifest or index itself. */
  readonly manifestSize?: number | undefined;
  /** `NAME:TAG`, or a tag alone; of an entry. */
  readonly name?: string | undefined;
  readonly platform?: string | undefined;
  /** The digest of the image that it is an attestation of; "" where it does not say. */
  readonly attested?: string | undefined;
  readonly artifactType?: string | undefined;
  /** What it is, where it refers to another one: `signature`, `spdx sbom`. */
  readonly artifact?: string | undefined;
  /** What it refers to, where it does not stand below that: `app:v1 linux/amd64`, or a digest. */
  readonly about?: string | undefined;
  readonly annotations?: Readonly<Record<string, string>> | undefined;
  readonly manifests?: readonly InspectedImage[] | undefined;
  readonly config?: InspectedConfig | undefined;
  readonly layers?: readonly InspectedLayer[] | undefined;
  /** What says something about it: signatures, SBOMs, provenance. */
  readonly referrers?: readonly InspectedImage[] | undefined;
  /** Whether it stands elsewhere in the tree with all that is below it. */
  readonly repeated?: true | undefined;
}

/**
 * Looks at the images of a layout or archive, or at the one that `name` or the place says.
 *
 * @param place `PATH`, `PATH:NAME` or `PATH@DIGEST`
 */
export async function inspect(place: string, name?: string, { signal, emit }: WorkOptions = {}) {
  const { path, ref } = await splitPlace(place);
  if (ref !== undefined && name !== undefined) {
    throw new KodenoError(
      "BAD_OPTION",
      `Cannot inspect ${place}: it names an image already; leave ${JSON.stringify(name)} out`,
    );
  }
  const store = await openImages(path, { signal, emit });
  const entries = await store.entries();
  const wanted = name ?? ref;
  const reader = new ImageReader(store, signal);
  const abouts = await entriesAbout(reader, entries);
  const roots = wanted === undefined
    ? entries.filter((entry) => abouts.get(entry)?.owner === undefined)
    : [await store.resolve(wanted)];
  await reader.findReferrers(entries);
  const images: InspectedImage[] = [];
  for (const root of roots) {
    const about = abouts.get(entries.find(({ digest }) => digest === root.digest) ?? root)?.about;
    const inspected = await inspectImage(reader, root);
    images.push({ ...inspected, ...await reader.image(root, true), about });
  }
  return images;
}

/** An image with what is below it; what was told already is not told again. */
async function inspectImage(reader: ImageReader, root: Descriptor): Promise<InspectedImage> {
  const plain = (d: Descriptor): InspectedImage => {
    const { size, ...rest } = bareDescriptor(d);
    if (!hasSuccessors(d)) return { kind: "blob", ...rest, size, ...runsOn(d) };
    const kind = isIndexType(d.mediaType) ? "index" : "manifest";
    return { kind, ...rest, manifestSize: size, ...runsOn(d) };
  };
  /** What an index shows itself, such as attestations, which refer to its images, too. */
  const members = new Set<string>();
  const walk: Walk<InspectedImage> = new Walk(async (d, { below }) => {
    const each = async (children: readonly Descriptor[]): Promise<readonly InspectedImage[]> => {
      const found: InspectedImage[] = [];
      for (const child of children) {
        const [image] = await below([child]);
        found.push(image ?? { ...plain(child), repeated: true });
      }
      return found;
    };
    if (!hasSuccessors(d)) {
      const { annotations } = namelessEntry(d);
      return { ...plain(d), annotations, ...await inspectBlob(reader, d) };
    }
    const document = await reader.document(d);
    const { index, manifest, subject, problem } = document;
    const referring = async () => {
      const about = reader.referrersOf(d.digest);
      const found = await each(about.filter(({ digest }) => !members.has(digest)));
      return found.length > 0 ? found : undefined;
    };
    if (problem !== undefined) return { ...plain(d), problem, referrers: await referring() };
    const { artifactType } = subject ? referrerEntry(d, document) : {};
    const artifact = subject && artifactWords(artifactType, manifest ?? index ?? {});
    const { annotations } = index ?? manifest ?? {};
    for (const { digest } of index?.manifests ?? []) members.add(digest);
    const manifests = index && await each(index.manifests);
    const parts = manifest && await inspectManifest(reader, d, manifest);
    const referrers = await referring();
    return { ...plain(d), artifact, annotations, manifests, ...parts, referrers };
  }, {
    signal: reader.signal,
    mostBytes: READ_BYTES,
    beyond: (d) => ({ ...plain(d), problem: "too deep, or one of too many" }),
  });
  return await walk.from(root) ?? plain(root);
}

async function inspectManifest(
  reader: ImageReader,
  d: Descriptor,
  { config, layers, artifactType }: Manifest,
) {
  const run = await reader.config(config);
  const below: InspectedLayer[] = [];
  for (const [i, layer] of layers.entries()) {
    const part = run.config && layerPart(run.config, i - layers.length);
    below.push({ ...await inspectBlob(reader, layer), part });
  }
  const platform = d.platform ?? (run.config && statedPlatform(run.config));
  const { size } = await reader.summary(d, false);
  return {
    ...runsOn({ ...d, platform }),
    size,
    artifactType: artifactType || undefined,
    config: run.problem === undefined
      ? { ...await inspectBlob(reader, config), ...(run.config && settingsOf(run.config)) }
      : { ...bareDescriptor(config), problem: run.problem },
    layers: below,
  };
}

async function inspectBlob(reader: ImageReader, d: Descriptor): Promise<InspectedBlob> {
  return { ...bareDescriptor(d), problem: (await reader.blob(d)).problem };
}

/** Its platform; an attestation has none, and is about an image instead. */
function runsOn(d: Descriptor) {
  const attested = attestedBy(d);
  const platform = attested === undefined && d.platform ? formatPlatform(d.platform) : undefined;
  return { platform, attested };
}

function settingsOf({ created, config: run = {} }: ImageConfig) {
  return {
    created,
    user: run.User || undefined,
    workingDirectory: run.WorkingDir || undefined,
    entrypoint: run.Entrypoint ?? undefined,
    command: run.Cmd ?? undefined,
    environment: run.Env ?? undefined,
    ports: run.ExposedPorts ? Object.keys(run.ExposedPorts) : undefined,
    labels: run.Labels ?? undefined,
  };
}
