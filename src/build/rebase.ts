/**
 * An image on a new base, for all its platforms: the base that it stands on is looked for where it can be,
 * and the new one is opened as a build would open it.
 * @module
 */
import type { BuildConfig } from "../config/config.ts";
import { imagesWithPlatform } from "../content/images.ts";
import type { CallOptions, Source } from "../content/places.ts";
import { readDocument, readGraphDocument } from "../content/walk.ts";
import { hasCode, KodenoError, messageOf } from "../errors.ts";
import type { WorkOptions } from "../events.ts";
import { type BuiltImage, builtImage, type PlatformImage } from "../image/assemble.ts";
import { type Base, type BaseImage, statedBase, withoutBase } from "../image/base.ts";
import { isBuiltinBase } from "../image/builtin_base.ts";
import { builtPackage } from "../image/layer_parts.ts";
import { OwnParts } from "../image/rebase.ts";
import { type Descriptor, type Digest, isIndexType } from "../oci/descriptor.ts";
import { parseConfig } from "../oci/manifest.ts";
import { formatPlatform, platformMatches } from "../oci/platform.ts";
import { isReference, parseReference, splitHost } from "../oci/reference.ts";
import { openLayout } from "../place/layout/layout.ts";
import { parsePlace } from "../place/open.ts";
import { parseBase } from "./base_names.ts";
import { type BaseSet, keptBase } from "./bases.ts";
import { openBases } from "./open_bases.ts";

/** An image, and what it is to stand on. */
interface RebaseRequest extends WorkOptions {
  readonly source: Source;
  readonly root: Descriptor;
  /** What it is, for messages. */
  readonly what: string;
  /** The layout that it is in, where its base may be, too. */
  readonly layout?: string | undefined;
  readonly config: BuildConfig;
  /** The base images, as `--base-image` has them. */
  readonly base: string;
  readonly oldBase?: string | undefined;
}

/** Uses an image on a new base while what it stands on is open. */
export async function withRebased<T>(
  request: RebaseRequest,
  work: (image: BuiltImage) => Promise<T>,
): Promise<T> {
  const { source, root, what, config, signal, emit } = request;
  const how = { signal, emit };
  const { index, manifest } = await readGraphDocument(source, root, { signal });
  const images = await imagesOf(source, root, { signal });
  if (images.length === 0) throw cannot(what, "BAD_CONTENT", "it has no image of a platform");
  const choiceFor = (some: readonly BaseImage[]) => (baseImage: string) => ({
    baseImage,
    platforms: some.map(({ platform: { os, architecture, variant } }) => ({
      os,
      architecture,
      variant,
    })),
    origins: {},
  });
  const stated = statedBase((index ?? manifest)?.annotations);
  // What it stood on was trusted when it was built.
  const trusting = { ...config, baseDemand: { verifyKeys: [], policy: undefined } };
  await using oldBases = openBases(trusting, how);
  const whole = await oldBaseOf(oldBases, stated, choiceFor(images), request);
  // Told apart before anything is put together.
  const parts: OwnParts[] = [];
  for (const image of images) {
    // What ko says of an index is the digest of nothing; of its platforms it says what is there.
    const { name = stated.name, digest } = statedBase(image.manifest.annotations);
    const old = whole ??
      await oldBaseOf(oldBases, { name, digest }, choiceFor([image]), request);
    if (old === undefined && (digest ?? stated.digest) === undefined) {
      const why = "it does not say what it stands on; say with --old-base what that is";
      throw cannot(what, "NOT_FOUND", why);
    }
    const under = old && underOf(image, old);
    const part = new OwnParts(image, what, under);
    if (under === undefined) tellUncertain(part, request);
    parts.push(part);
  }
  await using bases = openBases(config, how);
  const base = await bases.open(choiceFor(images)(request.base));
  // One that was only made to hold attestations has none.
  const isOwn = (stated.name ?? stated.digest) !== undefined;
  const own = index && isOwn ? withoutBase(index.annotations) : undefined;
  const chosen = new Map<BaseImage, OwnParts>();
  for (const part of parts) {
    const one = newBaseOf(part.image, base.images.filter((image) => !chosen.has(image)));
    if (one === undefined) {
      const have = base.images.map(({ platform }) => formatPlatform(platform)).join(", ");
      const wanted = formatPlatform(part.image.platform);
      const why = `base image ${request.base} has no one image for ${wanted}, but ${have}`;
      throw cannot(what, "BAD_PLATFORM", why);
    }
    chosen.set(one, part);
  }
  // In the order of the base, as a build has them.
  const made = base.images.flatMap((one) => chosen.get(one)?.on(one, base.name, own) ?? []);
  const [first] = images;
  const importPath = (first && builtPackage(first.config)) ?? what;
  const annotations = own ?? parts[0]?.annotations ?? {};
  return await work(
    builtImage(importPath, made as [PlatformImage, ...PlatformImage[]], base, { annotations }),
  );
}

function cannot(what: string, code: "BAD_CONTENT" | "BAD_PLATFORM" | "NOT_FOUND", why: string) {
  return new KodenoError(code, `Cannot rebase ${what}: ${why}`);
}

async function imagesOf(
  source: Source,
  root: Descriptor,
  options: CallOptions,
): Promise<readonly BaseImage[]> {
  const images: BaseImage[] = [];
  for (const d of await imagesWithPlatform(source, root, options)) {
    const { manifest } = await readGraphDocument(source, d, options);
    if (manifest === undefined || d.platform === undefined) continue;
    const bytes = await readDocument(source, manifest.config, options);
    const config = parseConfig(bytes, `config ${manifest.config.digest}`);
    images.push({ platform: d.platform, manifest, config, digest: d.digest as Digest, source });
  }
  return images;
}

/** The image of a base for the platform of another one: that of a newer Windows, where there is but one. */
function newBaseOf(
  { platform }: BaseImage,
  images: readonly BaseImage[],
): BaseImage | undefined {
  const { os, architecture, variant, "os.version": version } = platform;
  // The last part of it is the build, which moves on.
  const build = version?.split(".").slice(0, 3).join(".");
  const exact = images.find((one) => formatPlatform(one.platform) === formatPlatform(platform));
  if (exact !== undefined) return exact;
  for (const osVersion of build === undefined ? [undefined] : [build, undefined]) {
    const spec = { os, architecture, variant, osVersion };
    const [one, ...others] = images.filter((image) => platformMatches(spec, image.platform));
    if (one !== undefined) return others.length === 0 ? one : undefined;
  }
  return undefined;
}

/** What an image stands on; of a base that kodeno makes only what is in its layer may have changed. */
function underOf(image: BaseImage, base: Base): BaseImage | undefined {
  const found =
    base.images.find(({ platform }) =>
      formatPlatform(platform) === formatPlatform(image.platform)
    ) ?? (base.images.length === 1 ? base.images[0] : undefined);
  const count = found?.config.rootfs.diff_ids.length ?? 0;
  if (found === undefined || !isBuiltinBase(base.name ?? "") || count === 0) return found;
  const diff_ids = image.config.rootfs.diff_ids.slice(0, count);
  return { ...found, config: { ...found.config, rootfs: { ...found.config.rootfs, diff_ids } } };
}

type Choice = Parameters<BaseSet["open"]>[0];

/** How it is told that a base cannot be had. */
const NOT_HAD = [
  "NOT_FOUND",
  "REGISTRY_FAILED",
  "UNAUTHORIZED",
  "BAD_PLACE",
  "BAD_PLATFORM",
] as const;

/** The base that an image stands on, wherever it can be had; nothing where it cannot. */
async function oldBaseOf(
  bases: BaseSet,
  { name, digest }: ReturnType<typeof statedBase>,
  choice: (baseImage: string) => Choice,
  { config, oldBase, base, layout, signal, emit }: RebaseRequest,
): Promise<Base | undefined> {
  if (oldBase !== undefined) return await bases.open(choice(oldBase));
  if (name !== undefined && isBuiltinBase(name)) return await bases.open(choice(name));
  if (digest === undefined) return undefined;
  const tries: string[] = [];
  const next = isBuiltinBase(base) ? undefined : parsePlace(base);
  const layouts = [next?.kind === "layout" ? next.path : undefined, layout];
  for (const path of new Set(layouts)) {
    if (path === undefined) continue;
    using store = await openLayout(path, { emit });
    for (const entry of await store.entries()) {
      if (!await hasImage(store, entry, digest, { signal })) continue;
      tries.push(`oci:${path}@${entry.digest}`);
      break;
    }
  }
  if (name !== undefined && isReference(name)) {
    const { name: repository, tag = "latest" } = parseReference(name);
    const kept = await keptBase(config.cache.directory, `${repository}:${tag}`);
    const isKept = kept && await hasImage(kept.source, kept.root, digest, { signal });
    if (isKept) tries.push(`${repository}@${kept.root.digest}`);
    if (splitHost(repository).host !== undefined) tries.push(`${repository}@${digest}`);
  }
  for (const one of tries) {
    try {
      return await bases.open(choice(one));
    } catch (error) {
      signal?.throwIfAborted();
      if (!hasCode(error, ...NOT_HAD)) throw error;
      emit?.({ type: "note", level: "verbose", message: messageOf(error) });
    }
  }
  return undefined;
}

/** Whether an image is one, or has it for a platform. */
async function hasImage(
  source: Source,
  root: Descriptor,
  digest: string,
  options: CallOptions,
): Promise<boolean> {
  if (root.digest === digest) return true;
  if (!isIndexType(root.mediaType)) return false;
  const { index } = await readGraphDocument(source, root, options).catch(() => ({
    index: undefined,
  }));
  return index?.manifests.some((one) => one.digest === digest) ?? false;
}

/** Tells what is kept that may be of a base which is not there. */
function tellUncertain({ image, uncertain }: OwnParts, { what, emit }: RebaseRequest): void {
  if (uncertain.length === 0) return;
  const message =
    `Warning: the base that ${what} (${formatPlatform(image.platform)}) stands on is ` +
    `not to be had; kept ${
      uncertain.join(", ")
    }, which may be of that; say with --old-base where it is`;
  emit?.({ type: "note", level: "warning", message });
}

/** Whether a base has to be asked for on a wire, as far as its name says. */
export function isFarBase(baseImage: string): boolean {
  if (isBuiltinBase(baseImage)) return false;
  const { kind } = parseBase({ baseImage, origins: {} });
  return kind === "daemon" || kind === "registry";
}
