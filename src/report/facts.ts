/**
 * What there is to know of images before they cross a gap: platforms, layers, programs, bases, and what is
 * said about them and by whom. Values; what a person sees is made of them alone.
 * @module
 */
import { attestedBy, imagesBelow } from "../content/images.ts";
import type { CallOptions, Source } from "../content/places.ts";
import { readDocument, readGraphDocument } from "../content/walk.ts";
import { statedBase } from "../image/base.ts";
import { type LayerPart, layerPart } from "../image/layer_parts.ts";
import { allEnded, Pool } from "../io/concurrency.ts";
import {
  COSIGN_TAGS,
  type CosignTagKind,
  type Descriptor,
  isIndexType,
  MediaType,
  ociMediaType,
} from "../oci/descriptor.ts";
import { type ImageConfig, type Manifest, parseConfig } from "../oci/manifest.ts";
import { formatPlatform, type Platform, statedPlatform } from "../oci/platform.ts";
import { statementsIn } from "../trust/in_index.ts";
import type { Policy } from "../trust/policy.ts";
import { verified } from "../trust/verified.ts";
import {
  isSbom,
  isSignature,
  legacyFacts,
  moduleKey,
  problemOf,
  referrerFacts,
  type ReportDocument,
  statementFacts,
} from "./documents.ts";
import type { LayerLooker, ReportLayer } from "./layers.ts";

/** An image in its place, and how what is beside it is found. */
export interface PlacedImage {
  readonly place: Source;
  readonly root: Descriptor;
  readonly name: string | undefined;
  /** What refers to it, to its platforms, or to one of these. */
  readonly referrers: readonly Descriptor[];
  readonly legacyOf: (
    subject: Descriptor,
    kind: CosignTagKind,
  ) => Promise<Descriptor | undefined>;
}

/** A layer of an image. */
interface PlacedLayer extends Pick<Descriptor, "digest" | "size" | "mediaType"> {
  readonly part?: LayerPart | undefined;
}

/** An image for one platform. */
export interface ReportPlatform {
  /** `os/arch[/variant]`; nothing where it does not say. */
  readonly platform: string | undefined;
  readonly digest: string;
  /** Bytes of its manifest, config and layers. */
  readonly size: number;
  readonly base?: { readonly name?: string | undefined; readonly digest?: string | undefined };
  /** What it runs, in the words of its config. */
  readonly run: Readonly<Record<string, string>>;
  readonly layers: readonly PlacedLayer[];
  readonly problem?: string | undefined;
}

/** Who has signed an image, as far as that was asked; keys by the SHA-256 of each, in base64. */
type Trust =
  | { readonly state: "trusted"; readonly by: readonly string[] }
  | { readonly state: "refused"; readonly why: string }
  | { readonly state: "signed" | "unsigned" };

/** An image, by whatever names. */
export interface ReportImage {
  readonly names: readonly string[];
  readonly digest: string;
  /** Bytes of all its blobs, each once. */
  readonly size: number;
  readonly platforms: readonly ReportPlatform[];
  readonly documents: readonly ReportDocument[];
  readonly trust: Trust;
  /** Modules of its programs that an SBOM of it should list and does not. */
  readonly unlisted: readonly string[];
  readonly problems: readonly string[];
}

/** All of a place. */
export interface ReportFacts {
  readonly images: readonly ReportImage[];
  /** By digest. */
  readonly layers: ReadonlyMap<string, ReportLayer>;
}

/** Images that are looked into at once; each may have a program in a temporary file. */
const LOOKED_AT_ONCE = 3;

/**
 * Looks into images of a place; names of one image are together, as they come. What cannot be read is told
 * in its place.
 *
 * @param policy who has to have signed them; without one that is not asked
 */
export async function reportFacts(
  source: Source,
  images: readonly PlacedImage[],
  policy: Policy | undefined,
  looker: LayerLooker,
): Promise<ReportFacts> {
  const { options } = looker;
  const byDigest = Map.groupBy<string, PlacedImage>(images, ({ root }) => root.digest);
  const firsts = [...byDigest.values()].flatMap(([first]) => first ?? []);
  // Whoever has to have signed an image is known by its name: each name is asked for.
  const found = policy && await verified(source, images, policy, options);
  const verdicts = found && Map.groupBy<string, typeof found[number]>(found, byRoot);
  // One is unpacked while the program of another is read.
  const pool = new Pool(LOOKED_AT_ONCE);
  const looking = firsts.map((first) => pool.run(() => imageFacts(first, looker)));
  const seen: ReportImage[] = [];
  const layers = new Map<string, ReportLayer>();
  for (const { image, layers: own } of await allEnded(looking)) {
    const { digest, documents } = image;
    for (const layer of own) layers.set(layer.digest, layer);
    const names = (byDigest.get(digest) ?? []).flatMap(({ name }) => name ?? []).sort();
    seen.push({ ...image, names, trust: trustOf(documents, verdicts?.get(digest)) });
  }
  return { images: seen, layers };
}

const byRoot = ({ image }: { readonly image: PlacedImage }): string => image.root.digest;

/** Who has signed an image, of what was found by its names. */
function trustOf(
  documents: readonly ReportDocument[],
  verdicts: Awaited<ReturnType<typeof verified>> | undefined,
): Trust {
  if (verdicts === undefined) return { state: documents.some(isSignature) ? "signed" : "unsigned" };
  const [fault] = verdicts.flatMap(({ faults }) => faults);
  return fault === undefined
    ? { state: "trusted", by: signersOf(verdicts) }
    : { state: "refused", why: fault };
}

function signersOf(verdicts: Awaited<ReturnType<typeof verified>>): readonly string[] {
  const keys = verdicts.flatMap(({ signatures }) => signatures.map(({ key }) => key.hint));
  return [...new Set(keys)].sort();
}

async function imageFacts(
  image: PlacedImage,
  looker: LayerLooker,
): Promise<{
  readonly image: Omit<ReportImage, "names" | "trust">;
  readonly layers: readonly ReportLayer[];
}> {
  const { place, root } = image;
  const layers = new Map<string, ReportLayer>();
  const { options } = looker;
  const problems: string[] = [];
  const platforms: ReportPlatform[] = [];
  const below = await imagesBelow(place, root, options).catch((error) => {
    problems.push(problemOf(error, options));
    return [];
  });
  const sizes = new Map([[root.digest, root.size]]);
  for (const one of below) {
    const { facts, blobs } = await platformFacts(place, one, options);
    if (facts.problem !== undefined) problems.push(facts.problem);
    for (const { digest, size } of [one, ...blobs]) sizes.set(digest, size);
    platforms.push(facts);
    for (const layer of blobs.slice(1)) {
      const seen = await looker.of(place, layer);
      layers.set(layer.digest, seen);
      if (seen.problem !== undefined) problems.push(`layer ${layer.digest}: ${seen.problem}`);
    }
  }
  const documents = await documentsOf(image, below, options);
  for (const { digest, what, problem } of documents) {
    if (problem !== undefined) problems.push(`${what} ${digest}: ${problem}`);
  }
  const found = {
    digest: root.digest,
    size: [...sizes.values()].reduce((sum, one) => sum + one, 0),
    platforms,
    documents,
    unlisted: unlistedModules(root, platforms, documents, layers),
    problems: [...new Set(problems)],
  };
  return { image: found, layers: [...layers.values()] };
}

async function platformFacts(place: Source, image: Descriptor, options: CallOptions) {
  const { digest } = image;
  const nameOf = (platform: Platform | undefined) => platform && formatPlatform(platform);
  const platform = nameOf(image.platform);
  const none: ReportPlatform = { platform, digest, size: image.size, run: {}, layers: [] };
  try {
    const { manifest } = await readGraphDocument(place, image, options);
    if (manifest === undefined) return { facts: none, blobs: [] };
    const { config: d, layers } = manifest;
    const config = ociMediaType(d.mediaType) === MediaType.config
      ? parseConfig(await readDocument(place, d, options), `config ${d.digest}`)
      : undefined;
    const placed = layers.map(({ digest, size, mediaType }, i): PlacedLayer => ({
      digest,
      size,
      mediaType,
      part: config && layerPart(config, i - layers.length),
    }));
    const blobs = [d, ...layers];
    const size = blobs.reduce((sum, one) => sum + one.size, image.size);
    const base = baseOf(manifest);
    const run = runOf(config ?? {});
    const known = { platform: platform ?? nameOf(config && statedPlatform(config)), run };
    return { facts: { ...none, ...known, size, layers: placed, ...base && { base } }, blobs };
  } catch (error) {
    return { facts: { ...none, problem: problemOf(error, options) }, blobs: [] };
  }
}

function baseOf({ annotations }: Manifest): ReportPlatform["base"] {
  const base = statedBase(annotations);
  return base.name === undefined && base.digest === undefined ? undefined : base;
}

function runOf(
  { created, config = {} }: Pick<Partial<ImageConfig>, "created" | "config">,
): Readonly<Record<string, string>> {
  const { Entrypoint = [], Cmd = [], Env = [], User, ExposedPorts = {}, Labels = {} } = config;
  const all = {
    created,
    entrypoint: [...Entrypoint ?? [], ...Cmd ?? []].join(" "),
    user: User || "root (nobody else is said)",
    ports: Object.keys(ExposedPorts ?? {}).join(", "),
    environment: (Env ?? []).join("\n"),
    labels: Object.entries(Labels ?? {}).map((pair) => pair.join("=")).join("\n"),
  };
  return Object.fromEntries(
    Object.entries(all).flatMap(([name, text]) => text ? [[name, String(text)] as const] : []),
  );
}

/** All that is said about an image and its platforms. */
async function documentsOf(
  { place, root, referrers, legacyOf }: PlacedImage,
  below: readonly Descriptor[],
  options: CallOptions,
): Promise<readonly ReportDocument[]> {
  const found: ReportDocument[] = [];
  for (const one of referrers) found.push(await referrerFacts(place, one, options));
  const subjects = [root, ...below.filter(({ digest }) => digest !== root.digest)];
  for (const subject of subjects) {
    for (const kind of COSIGN_TAGS) {
      const tagged = await legacyOf(subject, kind);
      if (tagged === undefined) continue;
      found.push(...await legacyFacts(place, subject, tagged, kind, options));
    }
  }
  const { index } = isIndexType(root.mediaType)
    ? await readGraphDocument(place, root, options).catch(() => ({ index: undefined }))
    : {};
  const inIndex = (index?.manifests ?? []).filter((one) => attestedBy(one) !== undefined);
  if (inIndex.length > 0) {
    for (const { about, statements } of await statementsIn(place, root, options)) {
      const { digest = "" } = inIndex.find((one) => attestedBy(one) === about.digest) ?? {};
      for (const one of statements) found.push(statementFacts(digest, about.digest, one));
    }
  }
  // A registry lists them in an order of its own.
  const keyOf = ({ what, digest }: ReportDocument): string => `${what} ${digest}`;
  return found.sort((a, b) => keyOf(a) < keyOf(b) ? -1 : 1);
}

/** Modules in the programs of a platform that none of its SBOMs has; nothing where it has no SBOM. */
function unlistedModules(
  root: Descriptor,
  platforms: readonly ReportPlatform[],
  documents: readonly ReportDocument[],
  layers: ReadonlyMap<string, ReportLayer>,
): readonly string[] {
  const found = new Set<string>();
  for (const { digest, layers: placed } of platforms) {
    const isOwn = ({ about }: ReportDocument) =>
      about === digest || (platforms.length === 1 && about === root.digest);
    const sboms = documents.filter((one) => isSbom(one) && isOwn(one) && one.modules !== undefined);
    if (sboms.length === 0) continue;
    const listed = new Set(sboms.flatMap(({ modules }) => [...modules ?? []]));
    const programs = placed.flatMap((layer) => layers.get(layer.digest)?.programs ?? []);
    for (const { path, version, by } of programs.flatMap(({ modules }) => modules)) {
      if (version === undefined && by === undefined) continue;
      const key = by?.includes("@") ? by.toLowerCase() : moduleKey(path, version ?? "");
      if (version !== undefined && !listed.has(key)) found.add(`${path}@${version}`);
    }
  }
  return [...found].sort();
}
