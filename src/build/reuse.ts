/**
 * Images that are taken from where they were built before, since nothing that they are built from has
 * changed: found by the names that they would get now, all of them before anything is built.
 * @module
 */
import { posix } from "node:path";
import type { BuildConfig, PublishConfig } from "../config/config.ts";
import { imagesWithPlatform } from "../content/images.ts";
import type { CallOptions, Source } from "../content/places.ts";
import { referrerFinder } from "../content/referrers.ts";
import { hasCode, KodenoError } from "../errors.ts";
import type { WorkOptions } from "../events.ts";
import type { BuiltImage } from "../image/assemble.ts";
import { forEach, Pool } from "../io/concurrency.ts";
import type { Descriptor } from "../oci/descriptor.ts";
import { listed } from "../oci/entries.ts";
import { formatPlatform, formatPlatformSpec, platformMatches } from "../oci/platform.ts";
import { isTag, shortName } from "../oci/reference.ts";
import { openRegistries, openSource, placeToRead } from "../place/open.ts";

/** An image of an earlier build. */
export interface ReusedImage {
  /** As if it were built. */
  readonly image: BuiltImage;
  /** What refers to it where it is read from, and goes along. */
  readonly referrers: readonly Descriptor[];
}

/** What is asked of images that have not changed. */
export interface UnchangedImages {
  /** The commit, as it was named. */
  readonly since: string;
  /** The place that has them; they are left out where there is none. */
  readonly reuse?: string | undefined;
  /** Finds those that have to be built, by their import paths. */
  affected(
    config: BuildConfig,
    patterns: readonly string[],
    work: WorkOptions,
  ): Promise<ReadonlySet<string>>;
}

/**
 * Takes images, given by their import paths with the names that they would get now, and the tag where that
 * is not one for all.
 */
export type TakeReused = (
  names: ReadonlyMap<string, string>,
  tag?: string,
) => Promise<readonly ReusedImage[]>;

/** Images that are looked for at once. */
const LOOKED_AT_ONCE = 8;

/**
 * Opens the place of earlier images, which stays there till what was opened is disposed of.
 *
 * @returns what takes them; `NOT_FOUND` where one is not there, `BAD_CONTENT` for other platforms
 */
export async function openReuse(
  { reuse = "", since }: Pick<UnchangedImages, "reuse" | "since">,
  build: BuildConfig,
  publish: PublishConfig,
  opened: AsyncDisposableStack,
  work: WorkOptions,
): Promise<TakeReused> {
  const { signal, emit } = work;
  const place = await placeToRead(reuse);
  const bad = (why: string): KodenoError =>
    new KodenoError("BAD_OPTION", `Cannot reuse images of ${reuse}: ${why}`);
  const next = "name a layout, an archive, or the repository in a registry that images are below";
  if (place.kind === "daemon" || place.kind === "kind") {
    throw bad(`what is loaded there is not whole; ${next}`);
  }
  const said = place.kind === "registry" ? place.reference.tag : place.ref || undefined;
  const isDigest = place.kind === "registry" && place.reference.digest !== undefined;
  if (isDigest || (said !== undefined && !isTag(said))) {
    throw bad("a tag may stand behind it, and no name or digest of one image");
  }
  let open: (
    name: string,
    tag: string,
  ) => Promise<{ readonly source: Source; readonly ref: string }>;
  if (place.kind === "registry") {
    const { name: prefix } = place.reference;
    const registries = opened.use(
      await openRegistries(build.transfer, { named: [prefix], emit }),
    );
    open = (name, tag) => Promise.resolve({ source: registries.open(name), ref: tag });
  } else {
    const { source } = await openSource({ ...place, ref: "" }, build.transfer, opened, work);
    open = (name, tag) => Promise.resolve({ source, ref: `${shortName(name)}:${tag}` });
  }
  const nameThere = (name: string): string =>
    place.kind === "registry" ? nameBelow(place.reference.name, name, publish.repository) : name;

  return async (names, given = publish.tags[0] ?? "latest") => {
    const tag = said ?? given;
    const missing: string[] = [];
    const find = async ([importPath, own]: readonly [string, string]) => {
      const name = nameThere(own);
      const { source, ref } = await open(name, tag);
      try {
        const root = await source.resolve(ref, { signal });
        return [await reused({ importPath, source, root }, build, work)];
      } catch (error) {
        if (!hasCode(error, "NOT_FOUND")) throw error;
        missing.push(`${name}:${tag}`);
        return [];
      }
    };
    const found = await forEach([...names], new Pool(LOOKED_AT_ONCE), find, signal);
    if (missing.length === 0) return found.flat();
    const [what, is] = [listed(missing.sort()), missing.length === 1 ? "it is" : "they are"];
    throw new KodenoError(
      "NOT_FOUND",
      `Cannot take ${what} from ${reuse}: ${is} not there, and not built anew since nothing has ` +
        `changed since ${since}; leave --affected-since out, or name with --reuse who has ` +
        (missing.length === 1 ? "it" : "them"),
    );
  };
}

/** What an image is called below a repository that stands in the place of the own one. */
function nameBelow(prefix: string, name: string, repository: string): string {
  if (repository === "") return posix.join(prefix, name);
  return name === repository ? prefix : posix.join(prefix, posix.relative(repository, name));
}

/** An image of a place as one that was built. */
async function reused(
  { importPath, source, root }: {
    readonly importPath: string;
    readonly source: Source;
    readonly root: Descriptor;
  },
  { image: { platforms: asked }, builds }: BuildConfig,
  { signal }: WorkOptions,
): Promise<ReusedImage> {
  const [images, find] = await Promise.all([
    imagesWithPlatform(source, root, { signal }),
    referrerFinder(source, { signal }),
  ]);
  const platforms = images.flatMap(({ platform }) => platform ?? []);
  const isWhole = asked === "all" || builds.length > 0 ||
    platforms.length === asked.length &&
      asked.every((spec) => platforms.some((one) => platformMatches(spec, one)));
  if (!isWhole) {
    const [is, wanted] = [platforms.map(formatPlatform), asked.map(formatPlatformSpec)];
    throw new KodenoError(
      "BAD_CONTENT",
      `Cannot take the image of ${importPath}: it is for ${listed(is) || "no platform"}, and ` +
        `${listed(wanted)} is asked for; leave --affected-since out once`,
    );
  }
  const resolve: Source["resolve"] = (ref, o) =>
    ref === "" || ref === root.digest ? Promise.resolve(root) : source.resolve(ref, o);
  const image: BuiltImage = Object.freeze({
    importPath,
    root,
    platforms: platforms.map(formatPlatform),
    ownLayers: [],
    resolve,
    fetch: (d: Descriptor, o?: CallOptions) => source.fetch(d, o),
  });
  return { image, referrers: await find(root) };
}
