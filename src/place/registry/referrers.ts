/**
 * What refers to a manifest by its `subject` (distribution spec 1.1, "Listing Referrers").
 * @module
 */
import type { CallOptions } from "../../content/places.ts";
import type { Descriptor } from "../../oci/descriptor.ts";
import { parseDigest } from "../../oci/digest.ts";
import { parseIndex } from "../../oci/manifest.ts";
import { MediaType } from "../../oci/media_types.ts";
import type { Repository } from "./blobs.ts";
import type { Call } from "./client.ts";
import { pagesOf } from "./listing.ts";
import { readReferrersTag } from "./referrers_tag.ts";

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
  return await askReferrers(repository, subject, options) ??
    (await readReferrersTag(repository, subject, options)).index?.manifests ?? [];
}

/**
 * What the registry's own API says; undefined where it has none.
 *
 * @throws {KodenoError} `BAD_CONTENT` when the registry gives something else
 */
export async function askReferrers(
  { client, endpoint }: Repository,
  subject: Descriptor,
  options: CallOptions,
): Promise<readonly Descriptor[] | undefined> {
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
  return pages > 0 ? [...found.values()] : undefined;
}
