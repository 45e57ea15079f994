/**
 * Bringing in what a bundle has: gathered and checked first, as a whole, and put where builds and other
 * commands look for it then. Each step can be taken again.
 * @module
 */
import { join } from "node:path";
import { baseCacheDirectory } from "../build/cache.ts";
import { keepBase } from "../build/bases.ts";
import { inlineContent } from "../content/blobs.ts";
import { ContentCheck } from "../content/check.ts";
import type { CallOptions, ImageStore } from "../content/places.ts";
import { graphKey, hasSuccessors, readGraphDocument, Walk } from "../content/walk.ts";
import { KodenoError } from "../errors.ts";
import { linkOrCopy, syncDirectory } from "../io/atomic.ts";
import { exists, ioFailure, isFile, isTaken, openWithRetry } from "../io/files.ts";
import { withLock } from "../io/lock.ts";
import { fileStream } from "../io/streams.ts";
import { type Descriptor, isForeign } from "../oci/descriptor.ts";
import {
  entryName,
  findEntry,
  isBase,
  isNameless,
  repositoryOfPath,
  withEach,
} from "../oci/entries.ts";
import { blobPathIn, checkMarker } from "../place/layout/files.ts";
import { openLayout } from "../place/layout/layout.ts";
import type { VerificationKey } from "../trust/keys.ts";
import type { Policy } from "../trust/policy.ts";
import { claimsIn, refuseUnverified } from "../trust/verified.ts";
import { badBundle, type BundleDocument } from "./document.ts";
import { readLock } from "./lock.ts";
import { noteApplied } from "./last_applied.ts";
import {
  checkModules,
  refuseOmittedModules,
  refuseOtherModules,
  settleModules,
} from "./modules.ts";
import { refuseOmitted } from "./omitted.ts";
import { type BundleInput, type BundleMember, type ReadBundle, readBundle } from "./reader.ts";
import { refuseUnsigned } from "./signed.ts";
import { differingFile, sameBytes, unpackSource } from "./source_tree.ts";
import { GOMOD, LOCK } from "./sources.ts";
import { StagedBundle } from "./stage.ts";

/** Where a bundle goes. */
interface ApplyPlaces {
  /** The folder for images, source and lock. */
  readonly directory: string;
  /** kodeno's cache, which has the bases. */
  readonly cache: string;
  /** go's modules. */
  readonly modules: () => Promise<string>;
}

interface ApplyOptions extends CallOptions {
  /** One of which has to have signed the bundle; none where nobody has to. */
  readonly keys: readonly VerificationKey[];
  /** What its images have to be. */
  readonly policy?: Policy | undefined;
  /** Replaces source and lock that are there and differ. */
  readonly force?: boolean | undefined;
}

/** Where what was brought is now; what the bundle has not, is nowhere. */
interface Applied {
  readonly document: BundleDocument;
  readonly signed: boolean;
  /** The layout with its images. */
  readonly layout: string | undefined;
  /** The folder of the repository; others that it needs may lie beside. */
  readonly source: string | undefined;
  readonly lock: string | undefined;
  /** go's folder of modules. */
  readonly modules: string | undefined;
  /** The folder with the go of a toolchain that runs here. */
  readonly goFolder: string | undefined;
}

/** The folders and files in the directory. */
const LAYOUT = "out";
const SOURCE = "source";

/**
 * Applies a bundle. Till all of it was read and checked nothing is changed but a folder that is hidden; it
 * goes after any failure, and stays when the work is interrupted, so that it goes on from there.
 */
export async function applyBundle(
  input: BundleInput,
  places: ApplyPlaces,
  options: ApplyOptions,
): Promise<Applied> {
  const { directory } = places;
  const isNew = !exists(directory);
  try {
    await Deno.mkdir(directory, { recursive: true });
  } catch (error) {
    throw ioFailure(`make folder ${directory}`, error);
  }
  try {
    return await withLock(
      directory,
      () => new Applying(input, places, options).run(),
      options.signal,
    );
  } catch (error) {
    if (isNew) await Deno.remove(directory).catch(() => {});
    throw error;
  }
}

/** One bundle on its way in. */
class Applying {
  #stage: StagedBundle | undefined;

  constructor(
    readonly input: BundleInput,
    readonly places: ApplyPlaces,
    readonly options: ApplyOptions,
  ) {}

  get #layoutPath(): string {
    return join(this.places.directory, LAYOUT);
  }

  async run(): Promise<Applied> {
    const { signal } = this.options;
    using _ = await this.#held();
    try {
      const read = await this.#gather();
      const checked = await this.#check(read);
      const applied = await this.#settle(read, checked);
      await this.#stage?.remove();
      return applied;
    } catch (error) {
      if (!signal?.aborted) await this.#stage?.remove().catch(() => {});
      throw error;
    }
  }

  /** Keeps what the layout has already from those who remove blobs. */
  async #held(): Promise<Disposable> {
    const path = this.#layoutPath;
    if (!isFile(join(path, "oci-layout"))) return new globalThis.DisposableStack();
    return await (await openLayout(path)).hold(this.options);
  }

  /** Reads the bundle once, to its end; keeps what is not there yet. */
  async #gather(): Promise<ReadBundle> {
    let source: string | undefined;
    const document = async (document: BundleDocument): Promise<void> => {
      const doing = `apply ${this.input.what}`;
      await refuseOmitted({ doing, document }, (one) => this.#placeOf(one) !== undefined);
      if ((document.gomod?.omitted ?? []).length > 0) {
        await refuseOmittedModules({ doing, document }, await this.places.modules());
      }
      source = document.source?.path;
      if (source !== undefined && !/^[^/]+\.tar$/.test(source)) {
        throw badBundle(this.input.what, `its source cannot be in ${JSON.stringify(source)}`);
      }
      const { folder = "" } = document.source ?? {};
      if (folder.split("/").includes("..")) {
        throw badBundle(this.input.what, `its source leads out of it by ${JSON.stringify(folder)}`);
      }
      this.#stage = await StagedBundle.open(this.places.directory, document);
    };
    const member = async (one: BundleMember, chunks: AsyncIterable<Uint8Array>): Promise<void> => {
      const stage = this.#stage;
      if (stage === undefined || stage.has(one) || !isWanted(one, source)) return;
      if (one.kind === "blob" && this.#placeOf(one) !== undefined) return;
      await stage.take(one, chunks);
    };
    return await readBundle(this.input, { document, member }, this.options);
  }

  /** The file that has a blob: gathered, in the layout, or in the cache. */
  #placeOf(d: Pick<Descriptor, "digest" | "size">): string | undefined {
    const folders = [this.#stage?.folder, this.#layoutPath, baseCacheDirectory(this.places.cache)];
    return folders.map((folder) => folder && blobPathIn(folder, d)).find((path) => {
      try {
        return path && Deno.statSync(path).size === d.size;
      } catch {
        return false;
      }
    }) || undefined;
  }

  /** Its images, wherever their blobs are. */
  #store(entries: readonly Descriptor[]): ImageStore {
    const { what } = this.input;
    const ownName = repositoryOfPath(this.#layoutPath);
    return {
      what,
      ownName,
      entries: () => Promise.resolve(entries),
      resolve: (ref) => Promise.resolve(findEntry(entries, ref, what, ownName)),
      fetch: async (d) => {
        const path = this.#placeOf(d);
        if (path !== undefined) return fileStream(await openWithRetry(path));
        throw new KodenoError("NOT_FOUND", `Cannot find blob ${d.digest} in ${what}`);
      },
    };
  }

  /** All that can be wrong with it but for the bytes of its members. */
  async #check({ document, bytes, signature, entries }: ReadBundle): Promise<Checked> {
    const { places: { directory }, options: { keys, policy, force, signal } } = this;
    const { what } = this.input;
    refuseUnsigned({ what, bytes, signature }, keys);
    const images = entries.filter((entry) => !isBase(entry));
    if (policy !== undefined) {
      const store = this.#store(entries);
      const claims = await claimsIn(store, images, { signal });
      const content = new ContentCheck(store, { signal });
      await refuseUnverified(store, claims, policy, "applied", { content, signal });
    }
    const fileOf = (member: string): string => this.#path(member);
    const isLocked = document.files.some(({ path }) => path === LOCK);
    const lock = isLocked ? await readLock(fileOf(LOCK), `${LOCK} of ${what}`) : undefined;
    await checkModules({ what, document, fileOf, lock }, { signal });
    const modules = document.gomod && await this.places.modules();
    if (modules !== undefined) await refuseOtherModules({ what, document }, modules);
    const source = document.source && await this.#unpacked(document.source.path);
    const targets = { source: join(directory, SOURCE), lock: join(directory, LOCK) };
    if (!force) {
      const isOther = isLocked && isFile(targets.lock) &&
        !(await sameBytes(targets.lock, fileOf(LOCK)));
      if (isOther) throw this.#isOther(targets.lock);
      const changed = source === undefined || !isTaken(targets.source)
        ? undefined
        : await differingFile(source, targets.source);
      if (changed !== undefined) throw this.#isOther(join(targets.source, changed));
    }
    if (images.length > 0) await checkMarker(this.#layoutPath, true);
    return { images, modules, source, isLocked, targets };
  }

  #path(member: string): string {
    return this.#stage?.path(member) ?? member;
  }

  #isOther(path: string): KodenoError {
    const why = `${path} is there, and is not what it has`;
    const next = "say another folder with --to, or replace source and lock with --force";
    return new KodenoError("BAD_PLACE", `Cannot apply ${this.input.what}: ${why}; ${next}`);
  }

  async #unpacked(member: string): Promise<string> {
    const folder = this.#path("unpacked");
    await Deno.remove(folder, { recursive: true }).catch(() => {});
    const { what } = this.input;
    await unpackSource(this.#path(member), folder, { what, signal: this.options.signal });
    return folder;
  }

  /** Puts all in its place; what is there already is left. */
  async #settle(
    { document, bytes, entries, signature }: ReadBundle,
    { images, modules, source, isLocked, targets }: Checked,
  ): Promise<Applied> {
    const { signal } = this.options;
    const store = this.#store(entries);
    for (const root of entries.filter(isBase)) {
      const blobs = await this.#blobsOf(store, [root]);
      await keepBase(this.places.cache, { name: entryName(root), root, blobs }, { signal });
    }
    const fileOf = (member: string): string => this.#path(member);
    const { goFolder } = modules === undefined
      ? { goFolder: undefined }
      : await settleModules({ document, fileOf }, modules, { signal });
    if (isLocked) await this.#settleFile(fileOf(LOCK), targets.lock);
    if (source !== undefined) await this.#settleFolder(source, targets.source);
    if (images.length > 0) {
      await this.#settleImages(store, images);
      await noteApplied(this.#layoutPath, { document, bytes });
    }
    return {
      document,
      signed: signature !== undefined,
      layout: images.length > 0 ? this.#layoutPath : undefined,
      source: source && join(targets.source, document.source?.folder ?? ""),
      lock: isLocked ? targets.lock : undefined,
      modules,
      goFolder,
    };
  }

  async #settleFile(from: string, to: string): Promise<void> {
    try {
      await linkOrCopy(from, to, this.places.directory);
      await syncDirectory(this.places.directory);
    } catch (error) {
      throw ioFailure(`write ${to}`, error);
    }
  }

  async #settleFolder(from: string, to: string): Promise<void> {
    try {
      if (isTaken(to)) {
        if (await differingFile(from, to) === undefined) return;
        await Deno.rename(to, this.#path("replaced"));
      }
      await Deno.rename(from, to);
      await syncDirectory(this.places.directory);
    } catch (error) {
      throw ioFailure(`write ${to}`, error);
    }
  }

  async #settleImages(store: ImageStore, images: readonly Descriptor[]): Promise<void> {
    const { signal } = this.options;
    const layout = await openLayout(this.#layoutPath, { create: true });
    try {
      using _ = await layout.hold({ signal });
      for (const { d, file } of await this.#blobsOf(store, images)) {
        if (file !== blobPathIn(layout.directory, d)) await layout.adopt(d, file, { signal });
      }
      await layout.change((before) => {
        const known = new Set(before.map(graphKey));
        const isNew = (entry: Descriptor) => !isNameless(entry) || !known.has(graphKey(entry));
        return withEach(before, images.filter(isNew));
      });
    } catch (error) {
      await layout.undo();
      throw error;
    }
  }

  /** All blobs of images, children first, and the files that have them. */
  async #blobsOf(store: ImageStore, roots: readonly Descriptor[]): Promise<readonly LocatedBlob[]> {
    const { signal } = this.options;
    const found = new Map<string, LocatedBlob>();
    const walk = new Walk(async (d, { below }) => {
      if (hasSuccessors(d)) await below(await readGraphDocument(store, d, { signal }));
      const file = this.#placeOf(d);
      if (file !== undefined) found.set(graphKey(d), { d, file });
      else if (!isForeign(d) && inlineContent(d) === undefined) {
        throw badBundle(this.input.what, `an image needs ${d.digest}, which went meanwhile`);
      }
    }, { signal });
    for (const root of roots) await walk.from(root);
    return [...found.values()];
  }
}

interface LocatedBlob {
  readonly d: Descriptor;
  readonly file: string;
}

/** What was found out of a bundle that holds. */
interface Checked {
  readonly images: readonly Descriptor[];
  /** go's folder. */
  readonly modules: string | undefined;
  /** The folder that the source is unpacked in. */
  readonly source: string | undefined;
  readonly isLocked: boolean;
  readonly targets: { readonly source: string; readonly lock: string };
}

/** Whether a member goes anywhere; those of a newer kodeno are checked, and left. */
function isWanted(member: BundleMember, source: string | undefined): boolean {
  if (member.kind === "blob") return true;
  const { path } = member;
  return path === LOCK || path === source || path.startsWith(`${GOMOD}/`);
}
