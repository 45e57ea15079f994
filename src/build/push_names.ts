/**
 * Where the images of a layout go in a registry: repositories and tags from the names they have.
 * Pure.
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
  readonly preserve?: boolean | undefined;
  /** `REPO` and the last element of the name; beats `bare`. */
  readonly base?: boolean | undefined;
  /** `REPO` itself, for every image. */
  readonly bare?: boolean | undefined;
  /** Tags in the place of the image's own. */
  readonly tags?: readonly string[] | undefined;
}

/** An image of a layout, as far as its names go. */
export interface NamedImage {
  readonly digest: string;
  /** `NAME:TAG`, where it has a whole name. */
  readonly name?: string | undefined;
  /** Its tag, where it has one. */
  readonly tag?: string | undefined;
}

/** Where an image goes. */
export interface Destination {
  /** `HOST/PATH`. */
  readonly repository: string;
  /** None for an image that goes there by its digest alone. */
  readonly tags: readonly string[];
}

/**
 * The destination of each image, in their order: `REPO/NAME` with the name's own registry host
 * taken off, `REPO` itself with `bare` or for an image without a name, and without `to` what the
 * name says.
 *
 * @throws {KodenoError} `BAD_REFERENCE` for a name that says no registry when there is no `to`;
 * `BAD_OPTION` when two different images would get one name
 *
 * @example
 * ```ts
 * import { planPush } from "./push_names.ts";
 * const digest = "sha256:" + "0".repeat(64);
 * const [d] = planPush([{ digest, name: "reg.local/team/app:v1", tag: "v1" }], { to: "other.local/x" });
 * if (d?.repository !== "other.local/x/team/app" || d.tags[0] !== "v1") throw new Error();
 * ```
 */
export function planPush(
  images: readonly NamedImage[],
  naming: PushNaming,
): readonly Destination[] {
  const tags = naming.tags?.map(parseTag);
  const taken = new Map<string, string>();
  return images.map((image) => {
    const repository = repositoryOf(image, naming);
    const destination = { repository, tags: tags ?? tagsOf(image) };
    for (const tag of destination.tags) {
      const name = `${repository}:${tag}`;
      const owner = taken.get(name);
      if (owner !== undefined && owner !== image.digest) {
        const isNamedSo = naming.bare || naming.base || naming.tags;
        const next = isNamedSo
          ? "choose one with --image, or leave --bare, --base-import-paths and --tag out"
          : "choose one with --image DIGEST";
        throw new KodenoError(
          "BAD_OPTION",
          `Cannot push two images as ${name}: they are ${owner} and ${image.digest}; ${next}`,
        );
      }
      taken.set(name, image.digest);
    }
    return destination;
  });
}

/** One that has neither name nor tag is found by its digest: a tag of ours might hide another one. */
function tagsOf({ name, tag }: NamedImage): readonly string[] {
  if (name !== undefined) return [parseReference(name).tag ?? "latest"];
  return tag === undefined ? [] : [parseTag(tag)];
}

function repositoryOf(image: NamedImage, naming: PushNaming): string {
  const { to, preserve = false, base = false, bare = false } = naming;
  // A name of Docker Hub's says no registry either: every name without a host is written so.
  const name = image.name && parseReference(shortName(image.name)).name;
  if (to === undefined) {
    if (name && splitHost(name).host !== undefined) return name;
    throw new KodenoError(
      "BAD_REFERENCE",
      `Cannot push ${image.name ?? image.tag ?? image.digest}: its name says no registry; ` +
        "say where with --to REPO (for Docker Hub, --to docker.io)",
    );
  }
  if (!name || (bare && !base && !preserve)) return parseRepository(to);
  const { path } = splitHost(name);
  return parseRepository(posix.join(to, base && !preserve ? posix.basename(path) : path));
}
