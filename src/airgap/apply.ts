/**
 * Bringing in what a bundle has: gathered and checked first, as a whole, and put where builds and other
 * commands look for it then. Each step can be taken again.
 * @module
 */
import { join } from "node:path";
import { baseCacheDirectory } from "../build/cache.ts";
import { prepareBases } from "../build/bases.ts";
import { inlineContent } from "../content/blobs.ts";
import { ContentCheck } from "../content/check.ts";
import type { CallOptions, ImageStore } from "../content/places.ts";
import { graphKey, hasSuccessors, readGraphDocument, Walk } from "../content/walk.ts";
import { KodenoError } from "../errors.ts";
import { linkOrCopy, makeFolder } from "../io/atomic.ts";
import { ioFailure, isFile, isTaken, openWithRetry } from "../io/files.ts";
import { withLock } from "../io/lock.ts";
import { fileStream } from "../io/streams.ts";
import { type Descriptor, isForeign, parseDigest } from "../oci/descriptor.ts";
import {
  entryName,
  findEntry,
  isBase,
  isNameless,
  listed,
  nameKey,
  nameOrDigest,
  repositoryOfPath,
  withEach,
} from "../oci/entries.ts";
import { blobPathIn, checkMarker } from "../place/layout/files.ts";
import { Layout, openLayout } from "../place/layout/layout.ts";
import type { VerificationKey } from "../trust/keys.ts";
import type { Policy } from "../trust/policy.ts";
import { claimsIn, refuseUnverified } from "../trust/verified.ts";
import {
  type Applied,
  appliedOrNone,
  FILES,
  newerThan,
  noteApplied,
  SOURCE_FOLDER,
  withBundle,
} from "./applied.ts";
import { CarriedCheck } from "./carried_check.ts";
import {
  badBundle,
  type BundleBlob,
  type BundleDocument,
  type BundleImage,
  type BundleModule,
} from "./document.ts";
import { newModules, prepareModules, refuseOmittedModules, refuseOtherModules } from "./modules.ts";
import { refuseOmitted } from "./omitted.ts";
import { type BundleInput, type BundleMember, type ReadBundle, readBundle } from "./reader.ts";
import { blobFileIn, wholeBlobFileIn } from "./present.ts";
import { refuseUnsigned } from "./signed.ts";
import { unpackSource } from "./source_tree.ts";
import { GOMOD, LOCK } from "./sources.ts";
import { StagedBundle } from "./stage.ts";
import { changesIn, type FileTree, makeChanges, type TreeChanges, treeIn } from "./tree.ts";

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
  /** Goes back to an older bundle, and replaces files of source and lock that somebody has changed. */
  readonly force?: boolean | undefined;
  /** Checks all and tells what would change; nothing does. */
  readonly dryRun?: boolean | undefined;
}

/** What was changed, or would be. */
interface Changes {
  /** Images that are new in the layout, or that a name stands for another one of. */
  readonly images: readonly (BundleImage & { readonly before?: string })[];
  /** Images that others are built on, of which kodeno's cache lacks something. */
  readonly bases: readonly BundleImage[];
  /** Modules that go's cache lacks. */
  readonly modules: readonly BundleModule[];
  /** Files of source and lock, below the directory. */
  readonly files: TreeChanges;
}

/** Where what was brought is now; what the bundle has not, is nowhere. */
interface Placed {
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
  /** The folder that has the files now that somebody had changed. */
  readonly kept: string | undefined;
  readonly changes: Changes;
}

/** The folders and files in the directory. */
export const APPLIED_LAYOUT = "out";
const KEPT = "kept-";

/**
 * Applies a bundle. Till all of it was read and checked nothing is changed but a folder that is hidden; it
 * goes after any failure, and stays when the work is interrupted, so that it goes on from there.
 */
export async function applyBundle(
  input: BundleInput,
  places: ApplyPlaces,
  options: ApplyOptions,
): Promise<Placed> {
  const { directory } = places;
  let made: readonly string[];
  try {
    made = await makeFolder(directory);
  } catch (error) {
    throw ioFailure(`make folder ${directory}`, error);
  }
  try {
    const work = () => new Applying(input, places, options).run();
    return await withLock(directory, work, options.signal);
  } finally {
    // Those that are empty: nothing was brought.
    for (const folder of made) await Deno.remove(folder).catch(() => {});
  }
}

/** One bundle on its way in. */
class Applying {
  #stage: StagedBundle | undefined;
  #carried: CarriedCheck | undefined;
  /** Files that were there before, by the digests of their blobs. */
  readonly #there = new Map<string, string>();

  constructor(
    readonly input: BundleInput,
    readonly places: ApplyPlaces,
    readonly options: ApplyOptions,
  ) {}

  get #layoutPath(): string {
    return join(this.places.directory, APPLIED_LAYOUT);
  }

  async run(): Promise<Placed> {
    const { options: { dryRun, signal }, places: { directory } } = this;
    using _ = await this.#held();
    try {
      const read = await this.#gather();
      const checked = await this.#check(read);
      const changes = await this.#changesOf(read, checked);
      // Till here anybody's bundle could be this one.
      if (!dryRun) await this.#stage?.removeOthers();
      const settled = dryRun ? undefined : await this.#settle(read, checked);
      await this.#stage?.remove();
      const { document, signature } = read;
      const { source } = document;
      return {
        document,
        signed: signature !== undefined,
        layout: checked.images.length > 0 ? this.#layoutPath : undefined,
        source: source && join(directory, SOURCE_FOLDER, source.folder ?? ""),
        lock: hasLock(document) ? join(directory, LOCK) : undefined,
        modules: checked.modules,
        goFolder: settled?.goFolder,
        kept: settled?.kept,
        changes,
      };
    } catch (error) {
      if (!signal?.aborted) await this.#stage?.remove().catch(() => {});
      throw error;
    }
  }

  /** Keeps what layout and cache have already from those who remove blobs. */
  async #held(): Promise<Disposable> {
    using stack = new globalThis.DisposableStack();
    const cache = new Layout(baseCacheDirectory(this.places.cache));
    stack.use(await cache.hold(this.options));
    const path = this.#layoutPath;
    if (isFile(join(path, "oci-layout"))) {
      stack.use(await (await openLayout(path)).hold(this.options));
    }
    return stack.move();
  }

  /** Reads the bundle once, to its end; keeps what is not there yet. */
  async #gather(): Promise<ReadBundle> {
    let source: string | undefined;
    const document = async (document: BundleDocument): Promise<void> => {
      const doing = `apply ${this.input.what}`;
      await refuseOmitted({ doing, document }, (one) => this.#isThere(one));
      if ((document.gomod?.omitted ?? []).length > 0) {
        const modules = await this.places.modules();
        await refuseOmittedModules({ doing, document }, modules, this.options);
      }
      source = document.source?.path;
      this.#carried = new CarriedCheck(this.input.what, document);
      this.#stage = await StagedBundle.open(this.places.directory, document);
    };
    const member = async (one: BundleMember, chunks: AsyncIterable<Uint8Array>): Promise<void> => {
      const stage = this.#stage;
      if (stage === undefined || !isWanted(one, source)) return;
      if (await stage.has(one, this.options)) return;
      if (one.kind === "blob" && await this.#isThere(one)) return;
      await stage.take(one, chunks);
    };
    return await readBundle(this.input, { document, member }, this.options);
  }

  /** Whether the layout or the cache has a blob, and has it whole; one that is damaged is brought again. */
  async #isThere(blob: BundleBlob): Promise<boolean> {
    if (this.#there.has(blob.digest)) return true;
    for (const folder of [this.#layoutPath, baseCacheDirectory(this.places.cache)]) {
      const path = await wholeBlobFileIn(folder, blob, this.options);
      if (path === undefined) continue;
      this.#there.set(blob.digest, path);
      return true;
    }
    return false;
  }

  /** The file that has a blob: gathered, or there before. */
  #placeOf(d: Pick<Descriptor, "digest" | "size">): string | undefined {
    return this.#stage && blobFileIn(this.#stage.folder, d) || this.#there.get(d.digest);
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
    const { options: { keys, policy, force, signal }, input: { what } } = this;
    refuseUnsigned({ what, bytes, signature }, keys);
    const images = entries.filter((entry) => !isBase(entry));
    if (policy !== undefined) {
      const store = this.#store(entries);
      const claims = await claimsIn(store, images, { signal });
      const content = new ContentCheck(store, { signal });
      await refuseUnverified(store, claims, policy, "applied", { content, signal });
    }
    const fileOf = (member: string): string => this.#path(member);
    for (const { path } of document.files) {
      // What unpacks it looks at the same.
      if (path !== document.source?.path) await this.#carried?.take(path, fileOf(path), { signal });
    }
    this.#carried?.end();
    const modules = document.gomod && await this.places.modules();
    if (modules !== undefined) await refuseOtherModules({ what, document }, modules);
    const before: Before = {
      applied: appliedOrNone(this.places.directory),
      named: await this.#namedThere(),
    };
    const files = await this.#filesOf(document, before);
    const newer = newerOf(document, images, files.changes, before);
    if (!force) this.#refuseChanges(document, newer, files.changes);
    if (images.length > 0) await checkMarker(this.#layoutPath, true);
    return { images, modules, files, before, isBack: newer !== undefined };
  }

  #path(member: string): string {
    return this.#stage?.path(member) ?? member;
  }

  /** Source and lock as they are to be, and what differs from that. */
  async #filesOf(document: BundleDocument, { applied }: Before): Promise<BroughtFiles> {
    const { places: { directory }, input: { what }, options: { signal } } = this;
    const [from, { source }, isLocked] = [this.#path("files"), document, hasLock(document)];
    await Deno.remove(from, { recursive: true }).catch(() => {});
    try {
      await Deno.mkdir(from, { recursive: true });
      if (isLocked) await linkOrCopy(this.#path(LOCK), join(from, LOCK), from);
    } catch (error) {
      throw ioFailure(`write ${from}`, error);
    }
    if (source !== undefined) {
      await unpackSource(this.#path(source.path), join(from, SOURCE_FOLDER), { what, signal });
    }
    // A source without a lock has none; of kinds that a bundle does not have it says nothing.
    const isOf = (path: string): boolean => source !== undefined || (isLocked && path === LOCK);
    const brought = [applied.files, applied.coming ?? {}].map((files) =>
      new Map(Object.entries(files).filter(([path]) => isOf(path)))
    );
    const wanted = await treeIn(from);
    const others = Object.entries(applied.files).filter(([path]) => !isOf(path));
    return {
      from,
      changes: await changesIn(directory, wanted, brought),
      all: new Map([...others, ...wanted]),
    };
  }

  /** Digests of what the layout has by now, by their names. */
  async #namedThere(): Promise<ReadonlyMap<string | undefined, string>> {
    if (!isFile(join(this.#layoutPath, "oci-layout"))) return new Map();
    using layout = await openLayout(this.#layoutPath);
    const named = (await layout.entries()).filter((one) => !isNameless(one));
    return new Map(named.map((one) => [nameKey(one), one.digest]));
  }

  /** Refuses what would take away what came later, or what somebody has made. */
  #refuseChanges(
    { sequence }: BundleDocument,
    newer: ReturnType<typeof newerOf>,
    { own }: TreeChanges,
  ): void {
    const { places: { directory }, input: { what } } = this;
    if (newer !== undefined) {
      const why = newer.sequence > sequence
        ? `it is bundle ${sequence}, and bundle ${newer.sequence} has come already`
        : `it has come before bundle ${newer.id}, and both are bundle ${sequence}`;
      const next = "bring a newer one, or go back to this one with --force";
      throw new KodenoError("BAD_PLACE", `Cannot apply ${what}: ${why}; ${next}`);
    }
    if (own.length === 0) return;
    const list = listed(own.map((path) => join(directory, path)));
    const why = `somebody has changed what it would replace: ${list}`;
    const next = "keep that elsewhere, or have it moved aside with --force";
    throw new KodenoError("BAD_PLACE", `Cannot apply ${what}: ${why}; ${next}`, { files: own });
  }

  /** What is new, of all that the bundle has. */
  async #changesOf(
    { document }: ReadBundle,
    { images, modules, before: { named }, files: { changes } }: Checked,
  ): Promise<Changes> {
    const isCached = ({ digest }: BundleImage): boolean =>
      isFile(blobPathIn(baseCacheDirectory(this.places.cache), { digest }));
    return {
      images: images.flatMap((one) => {
        const before = named.get(nameKey(one));
        const image = { name: entryName(one), digest: parseDigest(one.digest) };
        if (isNameless(one) || before === one.digest) return [];
        return [before === undefined ? image : { ...image, before }];
      }),
      bases: document.bases.filter((one) => !isCached(one)),
      modules: modules === undefined ? [] : await newModules(document, modules, this.options),
      files: changes,
    };
  }

  /**
   * Puts all in its place; what is there already is left. All that needs room or can be wrong is done before
   * the first of it can be seen, and what is left then are names and a few small files.
   */
  async #settle(
    { document, entries, bases: roots }: ReadBundle,
    { images, modules, isBack, before: { applied }, files: { from, changes, all } }: Checked,
  ): Promise<Pick<Placed, "goFolder" | "kept">> {
    const { options: { signal }, places: { directory, cache } } = this;
    const store = this.#store(entries);
    const kept: Parameters<typeof prepareBases>[1][number][] = [];
    for (const root of roots) {
      kept.push({ name: entryName(root), root, blobs: await this.#blobsOf(store, [root]) });
    }
    const blobs = await this.#blobsOf(store, images);
    const fileOf = (member: string): string => this.#path(member);
    await using brought = modules === undefined
      ? undefined
      : await prepareModules({ document, fileOf }, modules, { signal });
    await using bases = kept.length === 0 ? undefined : await prepareBases(cache, kept, { signal });
    await using layout = images.length === 0 ? undefined : await this.#prepareImages(images, blobs);
    const files = Object.fromEntries(all);
    const moved = this.#keptFolder();
    // Killed here, the next one still tells what this one has written from what a person has.
    await noteApplied(directory, { ...applied, coming: files });
    await bases?.settle();
    await layout?.settle();
    await brought?.settle();
    await makeChanges(directory, changes, { from, kept: moved });
    const baseBlobs = kept.flatMap(({ blobs }) =>
      blobs.map(({ d: { digest, size } }) => ({ digest: parseDigest(digest), size }))
    );
    const now = { document, images, bases: baseBlobs, files, isBack };
    await noteApplied(directory, withAll(applied, now));
    return { goFolder: brought?.goFolder, kept: changes.own.length > 0 ? moved : undefined };
  }

  /** A new folder for what is a person's own. */
  #keptFolder(): string {
    for (let i = 1;; i++) {
      const path = join(this.places.directory, `${KEPT}${i}`);
      if (!isTaken(path)) return path;
    }
  }

  /** Brings the blobs of images to the layout; nothing leads to them till they are settled. */
  async #prepareImages(images: readonly Descriptor[], blobs: readonly LocatedBlob[]) {
    const { signal } = this.options;
    const layout = await openLayout(this.#layoutPath, { create: true });
    // deno-lint-ignore no-undef -- the linter does not know it yet
    await using stack = new AsyncDisposableStack();
    stack.defer(() => layout.undo());
    stack.use(await layout.hold({ signal }));
    for (const { d, file } of blobs) {
      if (file !== blobPathIn(layout.directory, d)) await layout.adopt(d, file, { signal });
    }
    const settle = async (): Promise<void> => {
      await layout.change((before) => {
        const known = new Set(before.map(graphKey));
        const isNew = (entry: Descriptor) => !isNameless(entry) || !known.has(graphKey(entry));
        return withEach(before, images.filter(isNew));
      });
    };
    const made = stack.move();
    return { settle, [Symbol.asyncDispose]: () => made.disposeAsync() };
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

/** What is there before anything is changed. */
interface Before {
  readonly applied: Applied;
  /** Digests of what the layout has, by their names. */
  readonly named: ReadonlyMap<string | undefined, string>;
}

/** What was found out of a bundle that holds. */
interface Checked {
  readonly before: Before;
  readonly images: readonly Descriptor[];
  /** go's folder. */
  readonly modules: string | undefined;
  readonly files: BroughtFiles;
  /** Whether something newer is there. */
  readonly isBack: boolean;
}

/** Source and lock. */
interface BroughtFiles {
  /** The folder that has them. */
  readonly from: string;
  readonly changes: TreeChanges;
  /** What will have been brought then, by this bundle or those before. */
  readonly all: FileTree;
}

/** The bundle that has brought something newer of what would change. */
function newerOf(
  document: BundleDocument,
  images: readonly Descriptor[],
  { written, removed }: TreeChanges,
  { applied, named }: Before,
): ReturnType<typeof newerThan> {
  const changing = images.filter((one) => {
    const before = named.get(nameKey(one));
    return before !== undefined && before !== one.digest;
  }).map(nameOrDigest);
  if (written.length + removed.length > 0) changing.push(FILES);
  return newerThan(document, changing, applied);
}

function hasLock({ files }: BundleDocument): boolean {
  return files.some(({ path }) => path === LOCK);
}

/** What has come, with a bundle. */
function withAll(
  { bundles, bases, modules, source, ...before }: Applied,
  now: Pick<Applied, "bases" | "files"> & {
    readonly document: BundleDocument;
    readonly images: readonly Descriptor[];
    readonly isBack: boolean;
  },
): Applied {
  const { document, images, isBack } = now;
  const { id, sequence, gomod: { modules: more = [], omitted = [] } = {} } = document;
  const isOfFiles = document.source !== undefined || hasLock(document);
  const brought = [
    ...images.filter((one) => !isNameless(one)).map(nameOrDigest),
    ...isOfFiles ? [FILES] : [],
  ];
  return {
    version: before.version,
    bundles: withBundle({ bundles }, { id, sequence, brought, isBack }),
    bases: [...new Map([...bases, ...now.bases].map((one) => [one.digest, one])).values()],
    modules: [
      ...new Map(
        [...modules, ...more, ...omitted].map((one) => [`${one.path}@${one.version}`, one]),
      ).values(),
    ],
    source: document.source ?? source,
    files: now.files,
  };
}

/** Whether a member goes anywhere; those of a newer kodeno are checked, and left. */
function isWanted(member: BundleMember, source: string | undefined): boolean {
  if (member.kind === "blob") return true;
  const { path } = member;
  return path === LOCK || path === source || path.startsWith(`${GOMOD}/`);
}
