/**
 * Where images of a layout go, and what they are called there, in a registry and in a daemon: by the
 * names they have. Pure.
 * @module
 */
import { posix } from "node:path";
import { KodenoError } from "../errors.ts";
import {
  parseReference,
  parseRepository,
  parseTag,
  shortName,
  splitHost,
} from "../oci/reference.ts";

/** How a repository is made from an image's name. */
export interface PushNaming {
  /** Prefix of repositories; without it an image goes where its name says. */
  readonly to?: string | undefined;
  /** `REPO` and the whole name, which is the default; beats the others. */
  readonly preserveImportPaths?: boolean | undefined;
  /** `REPO` and the last element of the name; beats `bare`. */
  readonly baseImportPaths?: boolean | undefined;
  /** `REPO` itself, for every image. */
  readonly bare?: boolean | undefined;
  /** Tags in the place of the image's own. */
  readonly tags?: readonly string[] | undefined;
}

/** An image of a layout, as far as its names go. */
interface NamedImage {
  readonly digest: string;
  /** `NAME:TAG` or `NAME@DIGEST`, where it has one. */
  readonly name?: string | undefined;
}

/** Where an image goes. */
export interface PushDestination {
  /** `HOST/PATH`. */
  readonly repository: string;
  /** None for an image that goes there by its digest alone. */
  readonly tags: readonly string[];
}

/**
 * The destination of each image, in their order: `REPO/NAME` with the name's own registry host taken
 * off, `REPO` itself with `bare` or for an image that has neither name nor tag, and without `to` what the
 * name says. Two different images do not get one name.
 */
export function planPush(
  images: readonly NamedImage[],
  naming: PushNaming,
): readonly PushDestination[] {
  const tags = naming.tags?.map(parseTag);
  const taken = new Map<string, string>();
  return images.map((image) => {
    const { digest } = image;
    const destination = { repository: repositoryOf(image, naming), tags: tags ?? tagsOf(image) };
    for (const tag of destination.tags) {
      const name = `${destination.repository}:${tag}`;
      const owner = taken.get(name) ?? digest;
      if (owner !== digest) {
        const isNamedSo = naming.bare || naming.baseImportPaths || naming.tags;
        const next = isNamedSo
          ? "choose one with --image, or leave --bare, --base-import-paths and --tag out"
          : "choose one with --image DIGEST";
        throw new KodenoError(
          "BAD_OPTION",
          `Cannot push two images as ${name}: they are ${owner} and ${digest}; ${next}`,
        );
      }
      taken.set(name, digest);
    }
    return destination;
  });
}

/** One that has no tag is found by its digest: a tag of ours might hide another one. */
function tagsOf({ name }: NamedImage): readonly string[] {
  if (name === undefined) return [];
  const { tag, digest } = parseReference(name);
  return tag === undefined && digest !== undefined ? [] : [tag ?? "latest"];
}

function repositoryOf(image: NamedImage, naming: PushNaming): string {
  const { to, bare, preserveImportPaths: isWhole } = naming;
  const isBase = naming.baseImportPaths && !isWhole;
  // A name of Docker Hub's says no registry either: every name without a host is written so.
  const name = image.name && parseReference(shortName(image.name)).name;
  if (to === undefined) {
    if (name && splitHost(name).host !== undefined) return name;
    throw new KodenoError(
      "BAD_REFERENCE",
      `Cannot push ${image.name ?? image.digest}: its name says no registry; ` +
        "say where with --to REPO (for Docker Hub, --to docker.io)",
    );
  }
  if (!name || (bare && !isBase && !isWhole)) return parseRepository(to);
  const { path } = splitHost(name);
  return parseRepository(posix.join(to, isBase ? posix.basename(path) : path));
}

/**
 * The name of an image below a domain, as `--local-domain` means it: its own registry host gives way,
 * and one that is there already stays.
 */
export function nameInDaemon(name: string, domain: string | undefined): string {
  const { name: repository, tag = "latest" } = parseReference(name);
  if (domain === undefined || repository.startsWith(`${domain}/`)) {
    return shortName(`${repository}:${tag}`);
  }
  const { path } = splitHost(shortName(repository));
  return `${parseReference(`${domain}/${path}:${tag}`).name}:${tag}`;
}

/**
 * What a daemon is to call images, in their order; an image of two names that are one there comes once.
 * Two different images of one name are `BAD_OPTION`. One without a name is found by its ID alone.
 */
export function planLoad<T extends NamedImage>(
  images: readonly T[],
  domain?: string,
): readonly T[] {
  const planned = new Map<string, T>();
  for (const image of images) {
    const name = image.name === undefined ? undefined : nameInDaemon(image.name, domain);
    const key = name === undefined ? image.digest : shortName(name);
    const { digest } = planned.get(key) ?? image;
    if (digest !== image.digest) {
      const which = `they are ${digest} and ${image.digest}; choose one with --image DIGEST`;
      throw new KodenoError("BAD_OPTION", `Cannot load two images as ${name}: ${which}`);
    }
    if (!planned.has(key)) planned.set(key, { ...image, name });
  }
  return [...planned.values()];
}
