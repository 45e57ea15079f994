/**
 * What is demanded of base images, and their signatures in the cache: there they are for builds without a
 * network, and are looked at each time that the base is.
 * @module
 */
import type { CallOptions, Source } from "../content/places.ts";
import { KodenoError } from "../errors.ts";
import type { Records } from "../io/records.ts";
import { bareDescriptor, cosignTag, type Descriptor } from "../oci/descriptor.ts";
import { isBundleType } from "../trust/bundle.ts";
import type { Policy } from "../trust/policy.ts";
import { verified } from "../trust/verified.ts";

/** A base image, and who asks for it. */
interface AskedBase {
  readonly root: Descriptor;
  /** What a policy knows it by. */
  readonly name: string | undefined;
  /** As it was named. */
  readonly baseImage: string;
}

/** Signatures of an image as the cache knows them; the blobs of them are in it. */
interface KeptSignatures {
  readonly referrers: readonly Descriptor[];
  /** What cosign's tags for it name, by the tag. */
  readonly tags: Readonly<Record<string, Descriptor>>;
}

/**
 * Refuses a base image that is not what a policy demands.
 *
 * @throws {KodenoError} `NOT_TRUSTED`
 */
export async function refuseBase(
  source: Source,
  base: AskedBase,
  policy: Policy,
  { signal }: CallOptions,
): Promise<void> {
  const why = await faultOf(source, base, policy, { signal });
  if (why !== undefined) throw notTrusted(base, why);
}

/**
 * As {@link refuseBase}, of a base image of a registry. The signatures that are in the cache count; where
 * they are not enough, the registry is asked, and what it has is kept.
 *
 * @param cached reads through the cache
 * @param registry lists what refers to the image; undefined offline
 */
export async function refuseCachedBase(
  cached: Source,
  base: AskedBase,
  policy: Policy,
  { registry, records, signal }: CallOptions & {
    readonly registry: Source | undefined;
    readonly records: Records;
  },
): Promise<void> {
  const { root, baseImage } = base;
  const key = `signatures and statements of ${root.digest}`;
  const kept = records.known(key) as KeptSignatures | undefined;
  let why = kept && await faultOf(withSignatures(cached, root, kept), base, policy, { signal });
  if (kept !== undefined && why === undefined) return;
  if (registry !== undefined) {
    const listed = await registry.referrers?.(root, { signal }) ?? [];
    const isBundle = ({ artifactType }: Descriptor) =>
      artifactType === undefined || isBundleType(artifactType);
    const referrers = listed.filter(isBundle).map((d) => ({
      ...bareDescriptor(d),
      ...(d.artifactType === undefined ? {} : { artifactType: d.artifactType }),
    }));
    const tags: Record<string, Descriptor> = {};
    for (const kind of ["sig", "att"] as const) {
      const tag = cosignTag(root, kind);
      const tagged = await registry.findTag?.(tag, { signal });
      if (tagged !== undefined) tags[tag] = bareDescriptor(tagged);
    }
    const found = { referrers, tags };
    why = await faultOf(withSignatures(cached, root, found), base, policy, { signal });
    if (why === undefined) return await records.remember(key, found);
  } else if (kept === undefined) {
    const none = { referrers: [], tags: {} };
    // A rule may demand no signature.
    why = await faultOf(withSignatures(cached, root, none), base, policy, { signal });
    if (why === undefined) return;
    const next =
      `bring it with its signatures (kodeno pull ${baseImage} --oci-layout bases) and use ` +
      "oci:bases";
    why +=
      "; offline only the signatures in the cache count, and it has none of this image: build " +
      `once with the network, or ${next}`;
  }
  throw notTrusted(base, why);
}

function notTrusted({ baseImage }: AskedBase, why: string | undefined): KodenoError {
  return new KodenoError("NOT_TRUSTED", `Cannot use base image ${baseImage}: ${why}`);
}

async function faultOf(
  source: Source,
  { root, name }: AskedBase,
  policy: Policy,
  options: CallOptions,
): Promise<string | undefined> {
  const [verdict] = await verified(source, [{ root, name }], policy, options);
  return verdict?.faults[0];
}

/** What is read through the cache, with signatures of an image in the place of all that it has. */
function withSignatures(cached: Source, root: Descriptor, kept: KeptSignatures): Source {
  const isRoot = ({ digest }: Descriptor) => digest === root.digest;
  return {
    resolve: (ref, options) => cached.resolve(ref, options),
    fetch: (d, options) => cached.fetch(d, options),
    referrers: (d) => Promise.resolve(isRoot(d) ? kept.referrers : []),
    findTag: (tag) => Promise.resolve(kept.tags[tag]),
  };
}
