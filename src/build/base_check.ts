/**
 * Whether images stand on what the names of their bases stand for now. Each base is asked for once, by
 * whatever number of images, and only its index or manifest is read.
 * @module
 */
import type { BuildConfig } from "../config/config.ts";
import { imagesWithPlatform } from "../content/images.ts";
import type { Blobs, CallOptions, ImageStore } from "../content/places.ts";
import { readDocument, readGraphDocument } from "../content/walk.ts";
import { hasCode, KodenoError, messageOf } from "../errors.ts";
import type { WorkOptions } from "../events.ts";
import { type BaseName, statedBase } from "../image/base.ts";
import { isBuiltinBase } from "../image/builtin_base.ts";
import { getOrSet } from "../io/concurrency.ts";
import { type Descriptor, isIndexType } from "../oci/descriptor.ts";
import { calledName, nameAndDigest } from "../oci/entries.ts";
import { parseConfig } from "../oci/manifest.ts";
import { formatPlatform, type Platform } from "../oci/platform.ts";
import { normalizeName, parseReference, splitHost } from "../oci/reference.ts";
import { openImages, openRegistries } from "../place/open.ts";
import { keptBase } from "./bases.ts";
import { openBases } from "./open_bases.ts";

/** What was found of the base of an image. */
export interface CheckedBase {
  /** Of the image. */
  readonly name: string | undefined;
  readonly digest: string;
  readonly references: readonly string[];
  /** As the image says it. */
  readonly base: BaseName;
  readonly status: "same" | "newer" | "unknown";
  /** What its name stands for now, where that is another one. */
  readonly newest: string | undefined;
  /** Platforms of the image that stand on something else than the base has for them now. */
  readonly platforms: readonly string[];
  /** Why it is unknown. */
  readonly why: string | undefined;
}

/** What a name stands for now. */
interface Newest {
  readonly root?: Descriptor | undefined;
  /** Why nobody can say. */
  readonly why?: string | undefined;
  /** Whether an image for a platform stands on it. */
  readonly hasBelow: (image: PartOfImage) => Promise<boolean | undefined>;
}

/** An image for one platform. */
interface PartOfImage {
  readonly platform: Platform | undefined;
  readonly base: BaseName;
  readonly diffIds: () => Promise<readonly string[]>;
}

interface CheckOptions extends WorkOptions {
  readonly config: BuildConfig;
  /** Layout or archive in which bases are looked for by their names, in the place of registries. */
  readonly bases?: string | undefined;
}

/** Checks images, one after the other; dispose of it in the end. */
export class BaseCheck implements AsyncDisposable {
  readonly #newest = new Map<string, Promise<Newest>>();
  // deno-lint-ignore no-undef -- the linter does not know it yet
  readonly #opened = new AsyncDisposableStack();
  #store: Promise<ImageStore> | undefined;
  /** What kept a base from being looked up, the first of all. */
  failure: unknown;

  constructor(readonly options: CheckOptions) {}

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#opened.disposeAsync();
  }

  /** Looks at an image in its place. */
  async of(source: Blobs, root: Descriptor, name: string | undefined): Promise<CheckedBase> {
    const { digest } = root;
    const { signal } = this.options;
    const { manifest, index } = await readGraphDocument(source, root, { signal });
    const base = statedBase((manifest ?? index)?.annotations);
    const all = { name, digest, references: [nameAndDigest(name, digest)], base };
    const unknown = (why: string) =>
      ({ ...all, status: "unknown", newest: undefined, platforms: [], why }) as const;
    const same = {
      ...all,
      status: "same",
      newest: undefined,
      platforms: [],
      why: undefined,
    } as const;
    if (base.name !== undefined && base.digest !== undefined) {
      const now = await this.#of(base.name);
      if (now.why !== undefined) return unknown(now.why);
      if (now.root?.digest === base.digest) return same;
    }
    const parts = await partsOf(source, root, base, { signal });
    const others: PartOfImage[] = [];
    for (const part of parts) {
      if (part.base.name === undefined) {
        return unknown("it does not say what it stands on, as images of kodeno and ko do");
      }
      const { why, hasBelow } = await this.#of(part.base.name);
      if (why !== undefined) return unknown(why);
      const isIt = await hasBelow(part);
      if (isIt === undefined) return unknown(`it does not say the digest of ${part.base.name}`);
      if (!isIt) others.push(part);
    }
    const [first] = others;
    if (first === undefined) return parts.length > 0 ? same : unknown("it has no image");
    const { root: newest } = await this.#of(first.base.name ?? "");
    const platforms = others.flatMap(({ platform }) => platform ? [formatPlatform(platform)] : []);
    return {
      ...all,
      base: base.name === undefined ? first.base : base,
      status: "newer",
      newest: newest?.digest,
      platforms,
      why: undefined,
    };
  }

  #of(name: string): Promise<Newest> {
    return getOrSet(this.#newest, name, () =>
      this.#ask(name).catch((error) => {
        this.options.signal?.throwIfAborted();
        if (!(error instanceof KodenoError)) throw error;
        this.failure ??= error;
        return nobodyKnows(messageOf(error));
      }));
  }

  async #ask(name: string): Promise<Newest> {
    const { config, bases, signal, emit } = this.options;
    if (name === "scratch") return { hasBelow: () => Promise.resolve(true) };
    if (isBuiltinBase(name)) return await this.#askBuiltin(name);
    const { name: repository, tag, digest } = parseReference(name);
    if (tag === undefined && digest !== undefined) {
      return nobodyKnows(`its base ${name} is named by a digest, which is the same for ever`);
    }
    if (bases !== undefined) {
      const store = await (this.#store ??= openImages(bases, { signal, emit }));
      const wanted = normalizeName(`${repository}:${tag ?? "latest"}`);
      const entry = (await store.entries()).find((one) => {
        const called = calledName(one, store.ownName);
        return called !== undefined && normalizeName(called) === wanted;
      });
      return entry ? found(store, entry, { signal }) : nobodyKnows(`${bases} has no ${name}`);
    }
    if (splitHost(repository).host === undefined) {
      return nobodyKnows(`its base ${name} is of no registry; say with --bases where it is`);
    }
    if (config.offline) {
      const kept = await keptBase(config.cache.directory, `${repository}:${tag ?? "latest"}`);
      if (kept !== undefined) return found(kept.source, kept.root, { signal });
      const next = "say with --bases where it is, or leave --offline out";
      return nobodyKnows(`the cache does not know its base ${name}; ${next}`);
    }
    const registries = this.#opened.use(await openRegistries(config.transfer, { emit }));
    const store = registries.open(repository);
    return found(store, await store.resolve(tag ?? "latest", { signal }), { signal });
  }

  /** The bases that kodeno makes are compared by what is in them: how they are packed may differ. */
  async #askBuiltin(baseImage: string): Promise<Newest> {
    const { config, signal, emit } = this.options;
    const bases = this.#opened.use(openBases(config, { signal, emit }));
    const platforms = [{ os: "linux", architecture: "amd64" }];
    const { images: [one] } = await bases.open({ baseImage, platforms, origins: {} });
    const own = one?.config.rootfs.diff_ids ?? [];
    return {
      hasBelow: async ({ diffIds }) => {
        const have = await diffIds();
        return own.every((id, i) => have[i] === id);
      },
    };
  }
}

const nobodyKnows = (why: string): Newest => ({ why, hasBelow: () => Promise.resolve(false) });

/** A base that is there; of an index its images are looked at where it is another one itself. */
function found(source: Blobs, root: Descriptor, options: CallOptions): Newest {
  let images: ReturnType<typeof imagesWithPlatform> | undefined;
  return {
    root,
    hasBelow: async ({ base: { digest } }) => {
      if (digest === undefined) return undefined;
      if (digest === root.digest) return true;
      if (!isIndexType(root.mediaType)) return false;
      images ??= imagesWithPlatform(source, root, options);
      return (await images).some((one) => one.digest === digest);
    },
  };
}

/** The images for single platforms, with what each says of its base, or all of them together. */
async function partsOf(
  source: Blobs,
  root: Descriptor,
  whole: BaseName,
  options: CallOptions,
): Promise<readonly PartOfImage[]> {
  const parts: PartOfImage[] = [];
  for (const d of await imagesWithPlatform(source, root, options)) {
    const { manifest } = await readGraphDocument(source, d, options).catch((error) => {
      // Of an index some may be left behind.
      if (d.digest !== root.digest && hasCode(error, "NOT_FOUND")) return { manifest: undefined };
      throw error;
    });
    if (manifest === undefined) continue;
    const { name = whole.name, digest } = statedBase(manifest.annotations);
    parts.push({
      platform: d.platform,
      base: { name, digest },
      diffIds: async () => {
        const bytes = await readDocument(source, manifest.config, options);
        return parseConfig(bytes, `config ${manifest.config.digest}`).rootfs.diff_ids;
      },
    });
  }
  return parts;
}
