/**
 * The entries of a layout's `index.json`: which names a manifest has, and how one more is added.
 * Descriptors in, descriptors out (OCI image spec 1.1, image-layout.md and annotations.md).
 * @module
 */
import { basename, resolve } from "node:path";
import { didYouMean, KodenoError } from "../errors.ts";
import {
  bareDescriptor,
  type Descriptor,
  type Digest,
  isDigest,
  isDocumentType,
} from "./descriptor.ts";
import { asWritten, oddity } from "./manifest.ts";
import {
  isReference,
  isTag,
  normalizeName,
  parseImageName,
  parseReference,
  refuseScheme,
  shortName,
  withoutTag,
} from "./reference.ts";

/** How the names of archives end. */
export const ARCHIVE_ENDING = /\.(?:tar(?:\.gz)?|tgz)$/;
/** The tag, as every reader of layouts knows it. */
export const REF_NAME = "org.opencontainers.image.ref.name";
/** The whole name with its tag, normalized, as BuildKit writes it and containerd looks it up. */
export const IMAGE_NAME = "io.containerd.image.name";

/** The digest of what an entry refers to, as containerd writes it: it makes no image of one that has it. */
export const SUBJECT = "io.containerd.manifest.subject";

/** Marks what a bundle has along since images are built on it. */
const ROLE = "dev.kodeno.role";
const BASE = "base";

/** Names in a message, and characters of each: more are not read by anybody. */
const MAX_LISTED = 20;
const MAX_NAME = 300;

/** Names that were read; they are compared again and again, and entries do not change. */
const shortNames = new WeakMap<Descriptor, string>();

/**
 * The name (`NAME:TAG`) of an entry, where it has one: the short form of what is written there, by
 * which it is shown and compared. A name that says no registry has no host in it; one that says a
 * digest and no tag (`NAME@DIGEST`) stays so.
 */
export function imageName(entry: Descriptor): string | undefined {
  const known = shortNames.get(entry);
  if (known !== undefined) return known;
  const name = writtenName(entry);
  if (name !== undefined) shortNames.set(entry, shortName(name));
  return shortNames.get(entry);
}

/**
 * As it is written, with a tag: where it belongs, or whole where a tag belongs, as podman and skopeo
 * do. What could be the name of no image counts only where nothing else is written, not even a tag.
 */
function writtenName(entry: Descriptor): string | undefined {
  const [image, ref] = [entry.annotations?.[IMAGE_NAME], refName(entry)];
  const written = [image, ref && /[:/]/.test(ref) ? ref : undefined].filter((text) => text);
  const usable = written.find((text) => text && isReference(text));
  if (usable === undefined) return ref && isTag(ref) ? undefined : written[0];
  const { name, tag, digest } = parseReference(usable);
  if (tag === undefined && digest !== undefined) return usable;
  return `${name}:${tag ?? (ref && tagIn(ref)) ?? "latest"}`;
}

/** The tag that a text is, or that a whole name has. */
function tagIn(text: string): string | undefined {
  if (isTag(text)) return text;
  return isReference(text) ? parseReference(text).tag : undefined;
}

/** {@link calledName} without its tag or digest, in the short form: that of all its tags. */
export function repositoryName(entry: Descriptor, own?: string): string | undefined {
  const name = imageName(entry);
  if (name !== undefined && isReference(name)) return shortName(parseReference(name).name);
  return own !== undefined && calledName(entry, own) !== undefined ? own : undefined;
}

/**
 * What an image is called wherever it goes, and by a server: its whole name, else its tag under `own`,
 * the name of its folder or archive, or alone. What no registry could have is no name.
 */
export function calledName(entry: Descriptor, own?: string): string | undefined {
  const name = imageName(entry);
  if (name !== undefined && isReference(name)) return name;
  const tag = refName(entry);
  if (tag === undefined || !isTag(tag)) return undefined;
  return own === undefined ? tag : `${own}:${tag}`;
}

/** {@link calledName} where names have tags, as in a daemon; one of a digest alone is none there. */
export function taggedName(entry: Descriptor, own?: string): string | undefined {
  const name = calledName(entry, own);
  return name?.includes("@") ? undefined : name;
}

/** What stands where a tag belongs; a digest there, which the entry has anyway, says no name. */
export function refName(entry: Descriptor): string | undefined {
  const ref = entry.annotations?.[REF_NAME];
  return ref && !isDigest(ref) ? ref : undefined;
}

/** What a person calls an entry: its whole name, else its tag. */
export function entryName(entry: Descriptor): string | undefined {
  return imageName(entry) ?? refName(entry);
}

/** The digest of what signatures, attestations or an SBOM are about that cosign's first form has a tag for. */
export function cosignSubject(entry: Descriptor): Digest | undefined {
  const hex = /(?:^|:)sha256-([0-9a-f]{64})\.(?:sig|att|sbom)$/.exec(refName(entry) ?? "")?.[1];
  return hex === undefined ? undefined : `sha256:${hex}`;
}

/** An entry of a bundle for an image that others are built on. */
export function asBase(entry: Descriptor): Descriptor {
  return { ...entry, annotations: { ...entry.annotations, [ROLE]: BASE } };
}

/** Whether an entry is of {@link asBase}. */
export function isBase(entry: Descriptor): boolean {
  return entry.annotations?.[ROLE] === BASE;
}

/** Whether a person can call an entry by its digest alone. */
export function isNameless(entry: Descriptor): boolean {
  return entryName(entry) === undefined;
}

export function nameOrDigest(entry: Descriptor): string {
  return entryName(entry) ?? entry.digest;
}

/** A name with the digest behind it, where it does not say that already; the digest of what has none. */
export function nameAndDigest(name: string | undefined, digest: string): string {
  if (!name) return digest;
  return name.endsWith(`@${digest}`) ? name : `${name}@${digest}`;
}

/** A repository's name made of that of the folder, or of the file without its ending, at a path. */
export function repositoryOfPath(path: string): string {
  const name = basename(resolve(path)).toLowerCase().replace(ARCHIVE_ENDING, "");
  const words = name.match(/[a-z0-9]+/g) ?? [];
  return words.join("-").slice(0, 128) || "layout";
}

/** A list in a message: the first texts, and how many more there are. */
export function listed(texts: readonly string[], most: number = MAX_LISTED): string {
  const more = texts.length - most;
  return `${texts.slice(0, most).join(", ")}${more > 0 ? ` and ${more} more` : ""}`;
}

/** Names of entries for messages, as a person tells them apart; with digests, if asked for. */
function listNames(entries: readonly Descriptor[], withDigests = false): string {
  if (entries.length === 0) return "it has no images";
  const texts = entries.map((entry) => {
    const name = entryName(entry)?.slice(0, MAX_NAME);
    return name && withDigests ? `${name} (${entry.digest})` : name ?? entry.digest;
  });
  return `it has ${listed(texts)}`;
}

/**
 * Entries whose names end in a text that begins behind a slash: with their tags, else, as all tags of a
 * repository, without.
 */
function endingIn(entries: readonly Descriptor[], ref: string): readonly Descriptor[] {
  const ends = (name: string | undefined) => name?.endsWith(`/${ref}`) ?? false;
  const whole = entries.filter((entry) => ends(imageName(entry)));
  return whole.length > 0 ? whole : entries.filter((entry) => ends(repositoryName(entry)));
}

/**
 * The entries that the last part of a name means; none where nothing ends so. Those of several
 * repositories are `BAD_REFERENCE`.
 */
export function entriesEnding(
  entries: readonly Descriptor[],
  ref: string,
  where: string,
): readonly Descriptor[] {
  const found = endingIn(entries, ref);
  if (new Set(found.map((entry) => repositoryName(entry))).size > 1) {
    throw ambiguous(found, ref, where);
  }
  return found;
}

function ambiguous(found: readonly Descriptor[], ref: string, where: string): KodenoError {
  const names = new Set(found.map(entryName));
  // Where the names do not tell them apart, only the digests do.
  const [list, next] = names.size === found.length
    ? [listNames(found), "say one of these names"]
    : [listNames(found, true), "say one of these digests"];
  const which = `Cannot tell which image is meant by ${JSON.stringify(ref)} in ${where}`;
  return new KodenoError("BAD_REFERENCE", `${which}: ${list}; ${next}`);
}

/** What a place has where it does not have what was asked for, and what may have been meant. */
export function notAmong(entries: readonly Descriptor[], ref: string): string {
  const names = entries.flatMap((entry) => {
    const name = entryName(entry) ?? "";
    const last = name.slice(name.lastIndexOf("/") + 1);
    return [name, withoutTag(name), last, withoutTag(last)];
  });
  return `${listNames(entries)}${didYouMean(ref, names)}`;
}

/**
 * Finds an entry by digest, whole name, its last part, or tag, which may stand under the name of the
 * place, `own`; a name without a tag is `latest`, else any one. With a digest behind it, a name is one
 * of that image. The empty string stands for the only one. Entries with a tag of cosign's or without a
 * name, most often about the others, count for it only where there are no others, plain blobs after
 * those, and what cannot be used where there is nothing else. Several of different digests are
 * `BAD_REFERENCE`.
 */
export function findEntry(
  entries: readonly Descriptor[],
  ref: string,
  where: string,
  own?: string,
): Descriptor {
  const isImageLike = (entry: Descriptor) =>
    !isNameless(entry) && isDocumentType(entry.mediaType) && !oddity(entry);
  const [short, latest] = [shortName(ref), shortName(`${ref}:latest`)];
  const tests: readonly ((entry: Descriptor) => boolean)[] = ref === ""
    ? [
      (entry) => isImageLike(entry) && cosignSubject(entry) === undefined,
      isImageLike,
      (entry) => isDocumentType(entry.mediaType) && !oddity(entry),
      (entry) => !oddity(entry),
      () => true,
    ]
    : isDigest(ref)
    ? [({ digest }) => digest === ref]
    : [
      (entry) => imageName(entry) === short,
      (entry) => imageName(entry) === latest,
      (entry) => refName(entry) === ref || tagIn(imageName(entry) ?? "") === ref,
      (entry) => own !== undefined && calledName(entry, own) === short,
      (entry) => repositoryName(entry, own) === short,
    ];
  let found: readonly Descriptor[] = [];
  for (const test of tests) if (found.length === 0) found = entries.filter(test);
  for (const end of [`${ref}:latest`, ref]) {
    if (found.length === 0) found = endingIn(entries, end);
  }
  const [first] = found;
  if (first === undefined) {
    const [, name, digest = ""] = /^(.+)@(.+)$/.exec(ref) ?? [];
    const those = isDigest(digest) ? entries.filter((entry) => entry.digest === digest) : [];
    if (name && those.length > 0) return findEntry(those, name, where, own);
    refuseScheme(ref);
    const wanted = ref === "" ? "an image" : `image ${JSON.stringify(ref)}`;
    const has = notAmong(entries, ref);
    throw new KodenoError("NOT_FOUND", `Cannot find ${wanted} in ${where}: ${has}`);
  }
  if (found.some((entry) => entry.digest !== first.digest)) throw ambiguous(found, ref, where);
  return first;
}

/** The entry that names a manifest: `NAME:TAG`, or a tag alone. */
export function namedEntry(descriptor: Descriptor, ref: string): Descriptor {
  const { platform } = descriptor;
  const { name, tag } = parseImageName(ref);
  const annotations = {
    ...aboutBlob(descriptor),
    ...(name === undefined ? {} : { [IMAGE_NAME]: normalizeName(`${name}:${tag}`) }),
    [REF_NAME]: tag,
  };
  return { ...bareDescriptor(descriptor), annotations, ...(platform ? { platform } : {}) };
}

/** The entry of something without a name. */
export function namelessEntry(descriptor: Descriptor): Descriptor {
  const { artifactType, platform } = descriptor;
  const annotations = aboutBlob(descriptor);
  return {
    ...bareDescriptor(descriptor),
    ...(artifactType ? { artifactType } : {}),
    ...(platform ? { platform } : {}),
    ...(Object.keys(annotations).length > 0 ? { annotations } : {}),
  };
}

/** What an entry says of a plain blob; a manifest or index says of itself what it is. */
function aboutBlob({ mediaType, annotations }: Descriptor): Record<string, string> {
  if (isDocumentType(mediaType)) return {};
  const { [REF_NAME]: _tag, [IMAGE_NAME]: _name, ...about } = annotations ?? {};
  return about;
}

/**
 * Entries with more, one after the other, or with those of the same names replaced. All others stay as
 * they are, where they are. A new one goes before the first whose name sorts after its own, so that
 * the order in which images are finished does not show in the bytes; one without a name goes to the
 * end. Their names are written normalized. Where all are there already, the very same list comes back.
 */
export function withEach(
  entries: readonly Descriptor[],
  added: readonly Descriptor[],
): readonly Descriptor[] {
  const all = [...entries];
  let isSame = true;
  const named = Map.groupBy(entries, nameKey);
  // The highest name up to each place: never falling, so that places are found in few steps.
  const highest: string[] = [];
  for (const entry of entries) highest.push(higher(highest.at(-1), sortKey(entry)));
  for (const one of added) {
    const entry = normalizedEntry(one);
    const key = nameKey(entry);
    const [same, ...more] = key === undefined ? [] : named.get(key) ?? [];
    if (same !== undefined && more.length === 0 && isWrittenAs(same, entry)) continue;
    isSame = false;
    if (same === undefined) {
      const at = key === undefined ? all.length : placeAfter(highest, sortKey(entry));
      highest.splice(at, 0, higher(highest[at - 1], sortKey(entry)));
      all.splice(at, 0, entry);
    } else {
      all[all.indexOf(same)] = entry;
      // Twice in what another tool wrote; they had one name, so that no highest one goes with them.
      for (const other of more) {
        const at = all.indexOf(other);
        all.splice(at, 1);
        highest.splice(at, 1);
      }
    }
    named.set(key, [entry]);
  }
  return isSame ? entries : all;
}

function isWrittenAs(entry: Descriptor, other: Descriptor): boolean {
  return entry.digest === other.digest &&
    JSON.stringify(asWritten(entry)) === JSON.stringify(asWritten(other));
}

const nameKeys = new WeakMap<Descriptor, string | undefined>();

/** What no two entries share: the name, or the tag of one that has no more. */
export function nameKey(entry: Descriptor): string | undefined {
  // Each image that comes into a layout is compared with all that are there.
  if (nameKeys.has(entry)) return nameKeys.get(entry);
  const tag = refName(entry);
  const key = imageName(entry) ?? (tag === undefined ? undefined : `\n${tag}`);
  nameKeys.set(entry, key);
  return key;
}

const sortKey = (entry: Descriptor): string => entryName(entry) ?? "";
const higher = (a: string | undefined, b: string): string => a === undefined || b > a ? b : a;

/** The first place whose highest name sorts after one. */
function placeAfter(highest: readonly string[], name: string): number {
  let [low, high] = [0, highest.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((highest[middle] ?? "") > name) high = middle;
    else low = middle + 1;
  }
  return low;
}

function normalizedEntry(entry: Descriptor): Descriptor {
  const name = writtenName(entry);
  const whole = name && normalizeName(name);
  if (!whole || whole === entry.annotations?.[IMAGE_NAME]) return entry;
  return { ...entry, annotations: { ...entry.annotations, [IMAGE_NAME]: whole } };
}
