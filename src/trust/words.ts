/**
 * What people call that which refers to an image, `signature`, `spdx sbom` or `signed provenance`, and
 * which of the images of a place that is.
 * @module
 */
import type { ImageReader } from "../content/reader.ts";
import { referrerEntry } from "../content/referrers.ts";
import { hasSuccessors, Walk } from "../content/walk.ts";
import type { Descriptor, Digest } from "../oci/descriptor.ts";
import { entryName } from "../oci/entries.ts";
import type { Index, Manifest } from "../oci/manifest.ts";
import { formatPlatform } from "../oci/platform.ts";
import { isBundleType, PREDICATE_NOTE } from "./bundle.ts";
import { sbomWords } from "./sbom_types.ts";
import { predicateWords, STATEMENT_NOTE, STATEMENT_TYPE } from "./statement.ts";

/** By artifact type, or by the type of the config where a manifest has no more; not those of SBOMs. */
const WORDS: ReadonlyMap<string, string> = new Map([
  ["application/vnd.cncf.notary.signature", "notary signature"],
  ["application/vnd.dev.cosign.artifact.sig.v1+json", "signature"],
  ["application/vnd.dev.cosign.artifact.att.v1+json", "attestation"],
  ["application/vnd.dev.cosign.artifact.sbom.v1+json", "sbom"],
  ["application/vnd.docker.attestation.manifest.v1+json", "attestation"],
]);

/**
 * The words for a manifest that refers to another; undefined for what nobody here knows.
 *
 * @param artifactType as a list of referrers has it
 */
export function artifactWords(
  artifactType: string | undefined,
  { annotations = {} }: Pick<Manifest | Index, "annotations">,
): string | undefined {
  if (isBundleType(artifactType)) {
    const said = annotations[PREDICATE_NOTE];
    const words = said === undefined ? undefined : predicateWords(said);
    return words === undefined ? "signature" : `signed ${words}`;
  }
  if (artifactType === STATEMENT_TYPE) {
    return predicateWords(annotations[STATEMENT_NOTE] ?? "");
  }
  return WORDS.get(artifactType ?? "") ?? sbomWords(artifactType ?? "");
}

/** What an entry refers to, and as what. */
interface About {
  /** `signature`; the artifact type where there is no word for that. */
  readonly artifact: string;
  /** The digest of what it refers to. */
  readonly subject: Digest;
  /** `app:v1 linux/amd64`, `spdx sbom of app:v1`, or the digest of what has no name. */
  readonly about: string;
  /** The entry that it belongs to, where it does. */
  readonly owner: Descriptor | undefined;
}

/** Levels of what refers to what refers to an image that are told of. */
const MAX_LEVELS = 8;

/** Tells of entries of a place what they refer to; of those with a name, and of images, nothing. */
export async function entriesAbout(
  reader: ImageReader,
  entries: readonly Descriptor[],
): Promise<ReadonlyMap<Descriptor, About>> {
  const said = new Map<string, Omit<About, "owner" | "about">>();
  for (const entry of entries.filter(hasSuccessors)) {
    const one = entryName(entry) === undefined ? await artifactOf(reader, entry) : undefined;
    if (one !== undefined) said.set(entry.digest, one);
  }
  const found = new Map<Descriptor, About>();
  if (said.size === 0) return found;
  const images = entries.filter((entry) => entryName(entry) || !said.has(entry.digest));
  const owners = await partsOf(reader, images);
  const lookUp = (digest: string, levels = 0): Pick<About, "about" | "owner"> => {
    const part = owners.get(digest);
    if (part !== undefined) return part;
    const one = levels < MAX_LEVELS ? said.get(digest) : undefined;
    if (one === undefined) return { about: digest, owner: undefined };
    const { about, owner } = lookUp(one.subject, levels + 1);
    return { about: `${one.artifact} of ${about}`, owner };
  };
  for (const entry of entries) {
    const one = entryName(entry) === undefined ? said.get(entry.digest) : undefined;
    if (one !== undefined) found.set(entry, { ...one, ...lookUp(one.subject) });
  }
  return found;
}

/** What a manifest that refers to another is. */
async function artifactOf(reader: ImageReader, d: Descriptor) {
  const document = await reader.document(d);
  const { subject, manifest, index } = document;
  const own = manifest ?? index;
  if (subject === undefined || own === undefined) return undefined;
  const { artifactType } = referrerEntry(d, document);
  return {
    artifact: artifactWords(artifactType, own) ?? artifactType ?? "referrer",
    subject: subject.digest,
  };
}

/** All manifests of entries by their digests, and what they are called; the first name counts. */
async function partsOf(reader: ImageReader, entries: readonly Descriptor[]) {
  const parts = new Map<string, Pick<About, "about" | "owner">>();
  const named = (entry: Descriptor) => entryName(entry) !== undefined;
  for (const owner of [...entries.filter(named), ...entries.filter((entry) => !named(entry))]) {
    const walk = new Walk<unknown>(async (d, { depth, below }) => {
      if (!parts.has(d.digest)) {
        const platform = depth > 0 && d.platform ? ` ${formatPlatform(d.platform)}` : "";
        parts.set(d.digest, { about: `${entryName(owner) ?? owner.digest}${platform}`, owner });
      }
      if (hasSuccessors(d)) await below((await reader.document(d)).index?.manifests ?? []);
    }, { signal: reader.signal, beyond: () => {} });
    await walk.from(owner);
  }
  return parts;
}

/** Entries of a place, each with those right behind it that refer to it. */
export function underOwners(
  entries: readonly Descriptor[],
  abouts: ReadonlyMap<Descriptor, About>,
): readonly Descriptor[] {
  const owned = Map.groupBy(entries, (entry) => abouts.get(entry)?.owner);
  return entries.flatMap((entry) =>
    abouts.get(entry)?.owner === undefined ? [entry, ...owned.get(entry) ?? []] : []
  );
}
