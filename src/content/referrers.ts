/**
 * What refers to an image: signatures, SBOMs, provenance, and what refers to those; and the other
 * way round, what those are about: their subjects, which may be in another place.
 * @module
 */
import { hasCode } from "../errors.ts";
import {
  bareDescriptor,
  COSIGN_TAGS,
  cosignTag,
  type CosignTagKind,
  type Descriptor,
} from "../oci/descriptor.ts";
import {
  cosignSubject,
  isNameless,
  namelessEntry,
  REF_NAME,
  refName,
  SUBJECT,
} from "../oci/entries.ts";
import { type Index, oddity } from "../oci/manifest.ts";
import { copy, type CopyOptions } from "./copy.ts";
import { allEnded, forEach, Pool } from "../io/concurrency.ts";
import {
  type Blobs,
  type CallOptions,
  type ImageStore,
  isStore,
  type ListOptions,
  type Source,
  type Target,
} from "./places.ts";
import {
  type GraphDocument,
  hasSuccessors,
  readDocument,
  readGraphDocument,
  Walk,
} from "./walk.ts";
import { ImageReader } from "./reader.ts";

/** What a manifest is about, what that is about, and so on; the last may be missing. */
export async function subjectsOf(
  source: Blobs,
  root: Descriptor,
  options: CallOptions = {},
): Promise<{ readonly subjects: readonly Descriptor[]; readonly missing?: Descriptor }> {
  const subjects: Descriptor[] = [];
  let missing: Descriptor | undefined;
  const walk = new Walk(async (d, { depth, below }) => {
    if (depth > 0) subjects.push(d);
    if (!hasSuccessors(d)) return;
    try {
      const { subject } = await readGraphDocument(source, d, options);
      await below(subject ? [subject] : []);
    } catch (error) {
      if (depth === 0 || !hasCode(error, "NOT_FOUND")) throw error;
      missing = d;
    }
  }, options);
  await walk.from(root);
  return { subjects, ...(missing ? { missing } : {}) };
}

/** Requests at once. */
const MAX_ASKED = 16;
/** Small manifests with a small blob each; some images have very many of them. */
export const COPIED_AT_ONCE = 8;

/**
 * Gives a function that finds what refers to a root, to the images of an index, or to one of these
 * referrers, each once. A registry lists them; in a layout or archive they are among its entries or
 * below them, which are read once; a daemon keeps none.
 */
export async function referrerFinder(
  source: Source,
  { signal, tags = tagsOnce(source, { signal }) }: ListOptions = {},
): Promise<(root: Descriptor) => Promise<readonly Descriptor[]>> {
  const reader = new ImageReader(source, signal);
  // A daemon has entries, too, which nobody else can see.
  if (isStore(source)) {
    await reader.findReferrers(await source.entries());
  }
  return async (root) => {
    const images = (await imagesOf(source, root, { signal })).filter(hasSuccessors);
    const seen = new Set([root, ...images].map(({ digest }) => digest));
    const listed = new Map<string, readonly Descriptor[]>();
    const pool = new Pool(MAX_ASKED);
    // It has an end, though a registry may name ever new ones.
    const walk: Walk = new Walk(async (d, { depth, below }) => {
      const { signal } = walk;
      const ask = async () => {
        signal?.throwIfAborted();
        return await source.referrers?.(d, { signal, tags }) ?? reader.referrersOf(d.digest);
      };
      const found = await pool.run(ask);
      listed.set(d.digest, found);
      const fresh = found.filter(({ digest }) => !seen.has(digest));
      for (const { digest } of fresh) seen.add(digest);
      // The answer for the root tells how the others are asked for.
      await below(depth === 0 ? [...images, ...fresh] : fresh);
    }, { parallel: true, signal });
    await walk.from(root);
    return inOrder([root, ...images], listed);
  };
}

/** The manifests of an index; none of anything else. */
async function imagesOf(source: Source, root: Descriptor, options: CallOptions) {
  if (!hasSuccessors(root)) return [];
  return (await readGraphDocument(source, root, options)).index?.manifests ?? [];
}

/** Asks a place for its tags when they are wanted, once. */
function tagsOnce(source: Source, options: CallOptions): NonNullable<ListOptions["tags"]> {
  let asked: ReturnType<NonNullable<ListOptions["tags"]>> | undefined;
  return () => asked ??= source.fewTags?.(options) ?? Promise.resolve(undefined);
}

/** What was listed under some manifests, and under that, in the same order however it was answered. */
function inOrder(
  roots: readonly Descriptor[],
  listed: ReadonlyMap<string, readonly Descriptor[]>,
): readonly Descriptor[] {
  const all = new Map(roots.map((d) => [d.digest as string, d]));
  // What is added meanwhile comes by, too.
  for (const digest of all.keys()) {
    for (const one of listed.get(digest) ?? []) if (!all.has(one.digest)) all.set(one.digest, one);
  }
  return [...all.values()].slice(new Set(roots.map(({ digest }) => digest)).size);
}

/**
 * Gives a function that finds what stands under the tags of cosign's first form of signatures and
 * attestations: among the entries of a layout or archive, which are read once, or in a registry. A daemon
 * has none.
 */
export async function cosignTagFinder(
  source: Source,
  options: CallOptions = {},
): Promise<(subject: Descriptor, kind: CosignTagKind) => Promise<readonly Descriptor[]>> {
  if (isStore(source)) {
    const entries = await source.entries();
    const bySubject = Map.groupBy(entries, cosignSubject);
    return (subject, kind) =>
      Promise.resolve(cosignTagged(bySubject.get(subject.digest) ?? [], subject, kind));
  }
  return async (subject, kind) => {
    const found = await source.findTag?.(cosignTag(subject, kind), options);
    return found === undefined ? [] : [found];
  };
}

/** Those of some entries that have cosign's tag of a kind for a manifest. */
export function cosignTagged(
  entries: readonly Descriptor[],
  { digest }: Descriptor,
  kind: CosignTagKind,
): readonly Descriptor[] {
  return entries.filter((entry) =>
    cosignSubject(entry) === digest && refName(entry)?.endsWith(`.${kind}`)
  );
}

/** What is in a place about an image of it. */
export interface AboutImage {
  /** What refers to it, to its images, or to one of these. */
  readonly referrers: readonly Descriptor[];
  /** What has cosign's tag for being about one of these, as entries with that name. */
  readonly tagged: readonly Descriptor[];
  /** The digests of all of these. */
  readonly digests: ReadonlySet<string>;
}

/** Finds what is about an image, in whatever place. */
export async function findAbout(
  source: Source,
  root: Descriptor,
  { signal }: CallOptions = {},
): Promise<AboutImage> {
  const tags = tagsOnce(source, { signal });
  const find = await referrerFinder(source, { signal, tags });
  const [referrers, known] = await allEnded([find(root), tags()]);
  const all = [root, ...await imagesOf(source, root, { signal }), ...referrers];
  const digests = new Set<string>(all.map(({ digest }) => digest));
  if (isStore(source)) {
    const entries = await source.entries();
    const tagged = entries.filter((entry) => digests.has(cosignSubject(entry) ?? ""));
    return { referrers, tagged, digests };
  }
  if (source.findTag === undefined) return { referrers, tagged: [], digests };
  const asked = [...new Set(all.flatMap((d) => COSIGN_TAGS.map((kind) => cosignTag(d, kind))))]
    .filter((tag) => known?.has(tag) ?? true);
  const found = await forEach(asked, new Pool(MAX_ASKED), async (tag, signal) => {
    const d = await source.findTag?.(tag, { signal });
    return d && { ...d, annotations: { [REF_NAME]: tag } };
  }, signal);
  return { referrers, tagged: found.filter((d) => d !== undefined), digests };
}

/**
 * How a list of referrers has a manifest: with its type, which is that of the config where it says none,
 * and its annotations (distribution spec 1.1, "Listing Referrers").
 */
export function referrerEntry(
  d: Descriptor,
  { manifest, index }: Pick<GraphDocument, "manifest" | "index">,
): Descriptor {
  const { annotations, artifactType } = (manifest ?? index) as { artifactType?: unknown } & Index;
  const type = artifactType || manifest?.config.mediaType;
  return {
    ...bareDescriptor(d),
    ...(typeof type === "string" ? { artifactType: type } : {}),
    ...(annotations ? { annotations } : {}),
  };
}

/**
 * The entry that a layout or archive has of something without a name: where that refers to another
 * manifest, it says what it is and to which, so that nobody takes it for an image.
 */
export async function keptEntry(
  source: Blobs,
  d: Descriptor,
  options: CallOptions = {},
): Promise<Descriptor> {
  const entry = namelessEntry(d);
  return hasSuccessors(d) ? entryAbout(entry, await readGraphDocument(source, d, options)) : entry;
}

/** A nameless entry with what its document says of what it is, and what it is about. */
export function entryAbout(
  entry: Descriptor,
  document: Pick<GraphDocument, "manifest" | "index" | "subject">,
): Descriptor {
  const { subject } = document;
  if (subject === undefined || oddity(subject) !== undefined) return entry;
  const { artifactType } = referrerEntry(entry, document);
  const annotations = { ...entry.annotations, [SUBJECT]: subject.digest };
  return { ...entry, ...(artifactType ? { artifactType } : {}), annotations };
}

/** Copies manifests that refer to an image. A registry lists them then under their subject. */
export async function copyReferrers(
  source: Source,
  referrers: readonly Descriptor[],
  target: Target,
  options: CopyOptions,
): Promise<void> {
  await forEach(referrers, new Pool(COPIED_AT_ONCE), async (referrer, signal) => {
    let moved = false;
    const onBlob = (d: Descriptor, isMoved: boolean): void => {
      if (d.digest === referrer.digest) moved = isMoved;
      options.onBlob?.(d, isMoved);
    };
    await copy(source, referrer, target, { ...options, signal, onBlob });
    if (moved || target.listReferrer === undefined) return;
    const bytes = await readDocument(source, referrer, { signal });
    await target.listReferrer(referrer, bytes, { signal });
  }, options.signal);
}

/** Entries of a place that are images, and what it has about each of them. */
export interface WithReferrers {
  readonly images: readonly Descriptor[];
  /** By the digest of the image. */
  readonly referrers: ReadonlyMap<string, readonly Descriptor[]>;
}

/** Tells images from nameless entries that have one of them, or a part of it, as subject. */
export async function splitReferrers(
  store: ImageStore,
  all: readonly Descriptor[],
  entries: readonly Descriptor[],
  options: CallOptions = {},
): Promise<WithReferrers> {
  // Most places have none, and nothing needs to be read to see that.
  if (!all.some((e) => isNameless(e) && hasSuccessors(e))) {
    return { images: entries, referrers: new Map() };
  }
  const find = await referrerFinder(store, options);
  const referrers = new Map<string, readonly Descriptor[]>();
  for (const entry of entries) referrers.set(entry.digest, await find(entry));
  const about = new Set([...referrers.values()].flat().map(({ digest }) => digest));
  const images = entries.filter((entry) => !isNameless(entry) || !about.has(entry.digest));
  return { images, referrers };
}
