/**
 * The recipe of `kodeno inspect`: images as trees of plain values, or the bytes of one's documents.
 * @module
 */
import { resolveTransferConfig } from "../config/config.ts";
import type { TransferOptions } from "../config/options.ts";
import { attestedBy } from "../content/images.ts";
import { type ImageStore, isStore } from "../content/places.ts";
import { ImageReader, READ_BYTES } from "../content/reader.ts";
import { referrerEntry } from "../content/referrers.ts";
import { hasSuccessors, readDocument, Walk } from "../content/walk.ts";
import { KodenoError } from "../errors.ts";
import type { WorkOptions } from "../events.ts";
import { type LayerPart, layerPart } from "../image/layer_parts.ts";
import { Pool } from "../io/concurrency.ts";
import { bareDescriptor, type Descriptor, isIndexType } from "../oci/descriptor.ts";
import { entryName, namelessEntry } from "../oci/entries.ts";
import type { ImageConfig, Manifest } from "../oci/manifest.ts";
import { formatPlatform, statedPlatform } from "../oci/platform.ts";
import { giveUpNetwork, openImages, type PlaceName, placeToRead } from "../place/open.ts";
import { oneManifest, openToRead } from "../place/open_image.ts";
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

/** What was asked for. */
interface InspectRequest extends TransferOptions, WorkOptions {
  /** As `placeToRead` has it. */
  readonly place: string;
  /** The image in a layout or archive, where the place does not name one. */
  readonly name?: string | undefined;
  /** Takes the image of one platform alone. */
  readonly platform?: string | undefined;
}

/** Requests to a registry at once. */
const READ_AT_ONCE = 8;

/**
 * Looks at one image of any place, or at all of a layout or archive. A registry is asked once for an index
 * and twice for an image, its manifest and its config; not for layers, nor for what refers to an image.
 */
export async function inspect(request: InspectRequest): Promise<readonly InspectedImage[]> {
  const place = await placeOf(request);
  const { signal, emit, offline, platform } = request;
  if ((place.kind === "layout" || place.kind === "archive") && platform === undefined) {
    if (offline) await giveUpNetwork();
    return await inspectStore(await openImages(place.path, { signal, emit }), place.ref, signal);
  }
  await using image = await openToRead(place, toOpen(request));
  const { source, root, name } = image;
  const reader = new ImageReader(source, signal);
  if (isStore(source)) await reader.findReferrers(await source.entries());
  else await readAhead(reader, root);
  const found = await reader.image(root, isStore(source), entryName(root) ?? name);
  return [{ ...await inspectImage(reader, root), ...found }];
}

/** The bytes of an image's manifest or index, or of its config, as they are. */
export async function readRaw(
  what: "manifest" | "config",
  request: InspectRequest,
): Promise<Uint8Array> {
  const options = toOpen(request);
  await using image = await openToRead(await placeOf(request), options);
  const { source, root } = image;
  const d = what === "manifest" ? root : (await oneManifest(image, options)).config;
  return await readDocument(source, d, { signal: request.signal });
}

/** The place with the image that is wanted of it. */
async function placeOf({ place: text, name }: InspectRequest): Promise<PlaceName> {
  const place = await placeToRead(text);
  if (name === undefined) return place;
  if ("ref" in place && place.ref === "") return { ...place, ref: name };
  throw new KodenoError(
    "BAD_OPTION",
    `Cannot inspect ${text}: it names an image already; leave ${JSON.stringify(name)} out`,
  );
}

function toOpen(request: InspectRequest) {
  return {
    ...request,
    config: resolveTransferConfig(request),
    from: request.place,
    willRead: true,
  };
}

async function inspectStore(store: ImageStore, wanted: string, signal?: AbortSignal) {
  const entries = await store.entries();
  const reader = new ImageReader(store, signal);
  const abouts = await entriesAbout(reader, entries);
  const roots = wanted === ""
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

/** Has what is shown of an image read side by side: one after the other, a far registry takes long. */
async function readAhead(reader: ImageReader, root: Descriptor): Promise<void> {
  const pool = new Pool(READ_AT_ONCE);
  const walk = new Walk(async (d, { below }) => {
    const { index, manifest } = await pool.run(() => reader.document(d));
    if (manifest) await pool.run(() => reader.config(manifest.config));
    await below(index?.manifests.filter(hasSuccessors) ?? []);
  }, { parallel: true, signal: reader.signal, mostBytes: READ_BYTES, beyond: () => {} });
  if (hasSuccessors(root)) await walk.from(root);
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
  // A registry would be asked for each of them.
  const { problem } = isStore(reader.source) ? await reader.blob(d) : {};
  return { ...bareDescriptor(d), problem };
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
