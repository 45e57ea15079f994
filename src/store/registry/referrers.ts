/**
 * What refers to a manifest by its `subject`: the referrers API, and the tag that stands in for it
 * on older registries (distribution spec 1.1, "Listing Referrers" and "Referrers Tag Schema").
 * @module
 */
import type { CallOptions } from "../../content/places.ts";
import { KodenoError } from "../../errors.ts";
import { digestOf } from "../../io/hash.ts";
import type { Descriptor } from "../../oci/descriptor.ts";
import { digestHex, parseDigest } from "../../oci/digest.ts";
import { encodeJson, type Index, parseIndex } from "../../oci/manifest.ts";
import { parseManifest } from "../../oci/manifest.ts";
import { isIndexType, MediaType } from "../../oci/media_types.ts";
import type { Repository } from "./blobs.ts";
import type { Call } from "./client.ts";
import { pagesOf } from "./listing.ts";
import { type Document, getManifest, putManifest } from "./manifests.ts";

/**
 * The manifests that refer to one.
 *
 * @throws {KodenoError} `BAD_CONTENT` when the registry gives something else
 */
export async function listReferrers(
  repository: Repository,
  subject: Descriptor,
  options: CallOptions,
): Promise<readonly Descriptor[]> {
  const { client, endpoint } = repository;
  const call: Call = {
    doing: `list referrers of ${endpoint.name}@${parseDigest(subject.digest)}`,
    method: "GET",
    to: `/v2/${endpoint.path}/referrers/${subject.digest}`,
    scopes: [{ path: endpoint.path, actions: ["pull"] }],
    headers: { accept: MediaType.index },
    signal: options.signal,
  };
  const found = new Map<string, Descriptor>();
  let pages = 0;
  for await (const { bytes } of pagesOf(client, call)) {
    pages++;
    const { manifests } = parseIndex(bytes, `referrers of ${endpoint.name}@${subject.digest}`);
    for (const one of manifests) found.set(one.digest, one);
  }
  if (pages > 0) return [...found.values()];
  return (await readTagIndex(repository, subject, options))?.manifests ?? [];
}

/** The tag under which referrers are listed where there is no API. */
export function referrersTag(subject: Descriptor): string {
  return `sha256-${digestHex(parseDigest(subject.digest))}`;
}

/** Adds one at a time, since an index is read, changed and written. */
const adding = new Map<string, Promise<unknown>>();

/**
 * Lists a manifest that was just pushed under the tag of its subject, as whoever pushes has to do
 * for a registry that has no referrers API.
 */
export async function addReferrer(
  repository: Repository,
  subject: Descriptor,
  referrer: Document,
  options: CallOptions,
): Promise<void> {
  const { client, endpoint } = repository;
  const key = `${client.registry}/${endpoint.path}@${subject.digest}`;
  const turn = (adding.get(key) ?? Promise.resolve())
    .then(() => addNow(repository, subject, referrer, options));
  const ended = turn.catch(() => {});
  adding.set(key, ended);
  try {
    await turn;
  } finally {
    if (adding.get(key) === ended) adding.delete(key);
  }
}

async function addNow(
  repository: Repository,
  subject: Descriptor,
  referrer: Document,
  options: CallOptions,
): Promise<void> {
  const index = await readTagIndex(repository, subject, options);
  const { manifests = [] } = index ?? {};
  const entry = describe(referrer);
  if (manifests.some(({ digest }) => digest === entry.digest)) return;
  const bytes = encodeJson({
    schemaVersion: 2,
    mediaType: MediaType.index,
    ...index,
    manifests: [...manifests, entry],
  });
  const descriptor = { mediaType: MediaType.index, digest: digestOf(bytes), size: bytes.length };
  await putManifest(repository, referrersTag(subject), { descriptor, bytes }, options);
}

async function readTagIndex(
  repository: Repository,
  subject: Descriptor,
  options: CallOptions,
): Promise<Index | undefined> {
  const tag = referrersTag(subject);
  try {
    const { descriptor, bytes } = await getManifest(repository, tag, options);
    // Somebody may have an image of that name.
    if (!isIndexType(descriptor.mediaType)) return undefined;
    return parseIndex(bytes, `${repository.endpoint.name}:${tag}`);
  } catch (error) {
    if (error instanceof KodenoError && error.code === "NOT_FOUND") return undefined;
    throw error;
  }
}

/** What an index of referrers says of one: the three fields, its type and its annotations. */
function describe({ descriptor, bytes }: Document): Descriptor {
  const what = `blob ${descriptor.digest}`;
  if (isIndexType(descriptor.mediaType)) {
    const value = parseIndex(bytes, what) as Index & { readonly artifactType?: string };
    return withDetails(descriptor, value.artifactType, value.annotations);
  }
  const { artifactType, config, annotations } = parseManifest(bytes, what);
  return withDetails(descriptor, artifactType ?? config.mediaType, annotations);
}

function withDetails(
  { mediaType, digest, size }: Descriptor,
  artifactType: string | undefined,
  annotations: Readonly<Record<string, string>> | undefined,
): Descriptor {
  return {
    mediaType,
    digest,
    size,
    ...(artifactType ? { artifactType } : {}),
    ...(annotations ? { annotations } : {}),
  };
}
