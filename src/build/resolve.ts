/**
 * The work of `kodeno resolve` and of what hands objects to kubectl: builds every package that
 * Kubernetes objects name as `ko://`, all in one go, and gives the objects with the images in their
 * stead.
 * @module
 */
import { koPath } from "../config/checks.ts";
import { type PublishConfig, resolveConfig } from "../config/config.ts";
import type { CommandOptions } from "../config/options.ts";
import type { Shard } from "../config/shard.ts";
import { hasCode, KodenoError } from "../errors.ts";
import type { WorkOptions } from "../events.ts";
import { cleanPattern, isLocalPattern } from "../go/list.ts";
import { allEnded, getOrSet, Pool } from "../io/concurrency.ts";
import type { KoReference, KubeManifest, TakesDocument } from "../kube/manifest.ts";
import { type ManifestQuery, readManifests } from "../kube/manifest_files.ts";
import { type AskedPart, askedPart, buildImages } from "./build_images.ts";
import { GoBuilder } from "./builder.ts";
import type { BuildLock } from "./inputs.ts";
import type { UnchangedImages } from "./reuse.ts";
import { partOf } from "./shards.ts";

export interface ResolveRequest {
  readonly manifests: ManifestQuery;
  /** Without `push`, images are pushed to the registry of `dockerRepo`, where it is one. */
  readonly options: CommandOptions;
  /** What images may be built from, and nothing else. */
  readonly lock?: BuildLock | undefined;
  /** What is said of images that have not changed. */
  readonly unchanged?: UnchangedImages | undefined;
}

/** A file of objects with images in it. */
export interface ResolvedManifest {
  /** Name of the file. */
  readonly file: string;
  /** Its text and a line `---`, so that the next one may follow. */
  readonly text: string;
}

/**
 * Reads, builds, publishes; then the texts can be taken one by one. A failure of one package says which
 * line named it.
 */
export async function resolve(
  request: ResolveRequest,
  options: WorkOptions = {},
): Promise<Iterable<ResolvedManifest>> {
  const manifests = await readManifests(request.manifests, options.signal);
  const references = new Map<string, KoReference>();
  for (const one of manifests.flatMap((manifest) => manifest.references)) {
    getOrSet(references, one.importPath, () => one);
  }
  for (const reference of references.values()) {
    const [, why] = NO_PACKAGE.find(([pattern]) => pattern.test(reference.importPath)) ?? [];
    if (why !== undefined) throw bad(reference, why);
  }
  const part = await askedPart(request.options);
  const { images, taken } = await buildAll({ ...request, part }, references, manifests, options);
  return taken.values().map((manifest) => {
    const text = manifest.print(images);
    // An empty line more would be one more line of a text that the file may end with.
    return { file: manifest.file, text: `${text}${/(?:^|\n)$/.test(text) ? "" : "\n"}---\n` };
  });
}

/** What a reference is not: it is one package, by its import path or by a folder from here. */
const NO_PACKAGE: readonly (readonly [pattern: RegExp, why: string])[] = [
  [/^$/, "it is empty"],
  [/\s/, "there is a blank in it"],
  [/\.\.\./, "it is a pattern, and has to be one package"],
  [/^\//, "it is a folder of this machine alone"],
];

function bad({ importPath, file, line }: KoReference, why: string): KodenoError {
  const name = JSON.stringify(`ko://${importPath}`);
  return new KodenoError(
    "BAD_PACKAGE",
    `Cannot build ${name} (${file}:${line}): ${why}; say the import path of a main package`,
    { file, line },
  );
}

/** What was built of manifests. */
interface Built {
  /** By what references name, as they have it. */
  readonly images: ReadonlyMap<string, string>;
  /** The manifests, with the documents of this shard. */
  readonly taken: readonly KubeManifest[];
}

async function buildAll(
  { options: given, lock, part, unchanged }: ResolveRequest & {
    readonly part: AskedPart | undefined;
  },
  references: ReadonlyMap<string, KoReference>,
  manifests: readonly KubeManifest[],
  options: WorkOptions,
): Promise<Built> {
  if (references.size === 0) {
    part?.checkNames?.(new Map());
    return { images: new Map(), taken: ofShard(manifests, part?.shard, new Map()) };
  }
  try {
    const config = await resolveConfig(given, { ...options, pushes: true });
    const paths = await importPathsOf(references, new GoBuilder(config.build), options);
    const taken = ofShard(manifests, part?.shard, paths);
    const own = new Set(taken.flatMap((one) => one.references.map(({ importPath }) => importPath)));
    const choose = () => new Set([...own].map((name) => paths.get(name) ?? ""));
    // With the scheme a path is no name of a folder.
    const patterns = [...paths.keys()].map((name) => `ko://${name}`);
    const built = { patterns, config, lock, part: part && { ...part, choose }, unchanged };
    const images = await buildImages(built, options);
    const named = [...references].filter(([name]) => own.has(name));
    return {
      taken,
      images: new Map(named.map(([name, reference]) => {
        const image = images.get(paths.get(name) ?? "");
        if (image === undefined) throw bad(reference, "it is no import path");
        return [name, inManifest(image, config.publish)];
      })),
    };
  } catch (error) {
    throw withPlace(error, [...references.values()]);
  }
}

/**
 * Manifests with the documents of a shard: those whose first image is of its part of all such images;
 * documents without images are those of the first. All shards one after the other have each once.
 */
function ofShard(
  manifests: readonly KubeManifest[],
  shard: Shard | undefined,
  paths: ReadonlyMap<string, string>,
): readonly KubeManifest[] {
  if (shard === undefined) return manifests;
  const pathOf = (name: string): string => paths.get(name) ?? name;
  const own = partOf(manifests.flatMap(({ heads }) => heads.map(pathOf)), shard);
  const takes: TakesDocument = ([head]) =>
    head === undefined ? shard.index === 1 : own.has(pathOf(head));
  return manifests.map((one) => one.only(takes));
}

/** How many folders go is asked of at once; each run of it uses several processors. */
const FOLDERS_AT_ONCE = 4;

/** The import path that each reference means; go is only asked of those that name a folder. */
async function importPathsOf(
  references: ReadonlyMap<string, KoReference>,
  builder: GoBuilder,
  options: WorkOptions,
): Promise<ReadonlyMap<string, string>> {
  const pool = new Pool(FOLDERS_AT_ONCE);
  const found = Array.from(references, async ([name, reference]) => {
    const clean = cleanPattern(name);
    if (!isLocalPattern(clean)) return [name, clean] as const;
    try {
      return [name, await pool.run(() => builder.qualify(clean, options))] as const;
    } catch (error) {
      // go names it from the root of its module.
      throw atPlace(error, reference);
    }
  });
  return new Map(await allEnded(found));
}

/**
 * A reference as ko puts it into manifests: of an image that was pushed, the tag is told only where
 * it is the one that was asked for, for it then is a release.
 */
function inManifest(image: string, { push, tarball, tags }: PublishConfig): string {
  const release = tags.length === 1 && tags[0] !== "latest";
  return release || !push && !tarball ? image : image.replace(/:[^:/@]*(?=@sha256:)/, "");
}

/** Adds to an error about a package the line that named it. */
function withPlace(error: unknown, references: readonly KoReference[]): unknown {
  if (!hasCode(error, "BAD_PACKAGE") || "file" in error.detail) return error;
  const pattern = String(error.detail["pattern"] ?? "");
  const named = cleanPattern(koPath(pattern) ?? pattern);
  const reference = references.find(({ importPath }) => cleanPattern(importPath) === named);
  return reference === undefined ? error : atPlace(error, reference);
}

/** Adds to an error about a package where it was named. */
export function atPlace(
  error: unknown,
  { file, line }: Pick<KoReference, "file" | "line">,
): unknown {
  if (!hasCode(error, "BAD_PACKAGE")) return error;
  const message = `${error.message}; ${file}:${line} names it`;
  return new KodenoError(error.code, message, { ...error.detail, file, line }, { cause: error });
}
