/**
 * What the images of a layout are called in a daemon, and which of them are one image for several
 * platforms. Pure.
 * @module
 */
import { KodenoError } from "../errors.ts";
import { formatPlatform, type Platform } from "../oci/platform.ts";
import { parseReference, shortName, splitHost } from "../oci/reference.ts";

/** An image of a layout, as far as a daemon names it. */
export interface LoadableImage {
  readonly digest: string;
  /** `NAME:TAG`, where it has a name. */
  readonly name?: string | undefined;
  /** As its entry says. */
  readonly platform?: Platform | undefined;
}

/** What gets one name: an image, or one image for each of several platforms. */
export interface LoadGroup<T extends LoadableImage> {
  /** Left out for what is found by its ID alone. */
  readonly name?: string | undefined;
  readonly images: readonly [T, ...T[]];
}

/**
 * The name of an image below a domain, as `--local-domain` means it: its own registry host gives way,
 * and one that is there already stays.
 *
 * @param name `NAME` or `NAME:TAG`
 * @throws {KodenoError} `BAD_REFERENCE`
 */
export function nameInDaemon(name: string, domain: string | undefined): string {
  const { name: repository, tag = "latest" } = parseReference(name);
  if (domain === undefined || repository.startsWith(`${domain}/`)) {
    return shortName(`${repository}:${tag}`);
  }
  return parseReference(`${domain}/${splitHost(shortName(repository)).path}:${tag}`).name +
    `:${tag}`;
}

/**
 * Groups images by what a daemon calls them, in their order. Images of one name, or without any, that
 * differ in the platform are an index that was written flat.
 *
 * @param domain see {@link nameInDaemon}
 * @throws {KodenoError} `BAD_REFERENCE`; `BAD_OPTION` when two images would get one name
 */
export function planLoad<T extends LoadableImage>(
  images: readonly T[],
  domain?: string,
): readonly LoadGroup<T>[] {
  const groups = new Map<string, { name?: string; images: [T, ...T[]] }>();
  const nameless = images.filter((image) => image.name === undefined);
  const isFlat = differInPlatform(nameless);
  for (const image of images) {
    const name = image.name === undefined ? undefined : nameInDaemon(image.name, domain);
    const key = name === undefined ? (isFlat ? "" : image.digest) : shortName(name);
    const group = groups.get(key);
    if (group === undefined) groups.set(key, { ...(name ? { name } : {}), images: [image] });
    else if (!group.images.some(({ digest }) => digest === image.digest)) group.images.push(image);
  }
  for (const { name, images: [first, second, ...more] } of groups.values()) {
    if (second === undefined || differInPlatform([first, second, ...more])) continue;
    throw new KodenoError(
      "BAD_OPTION",
      `Cannot load two images as ${name}: they are ${first.digest} and ${second.digest}; choose ` +
        "one with --image DIGEST",
    );
  }
  return [...groups.values()];
}

function differInPlatform(images: readonly LoadableImage[]): boolean {
  const platforms = images.map(({ platform }) => platform && formatPlatform(platform));
  return !platforms.includes(undefined) && new Set(platforms).size === images.length;
}
