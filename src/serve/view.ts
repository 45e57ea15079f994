/**
 * A layout or archive as repositories, and what can be had in each. Reads `index.json` again when it changed,
 * and looks into manifests only for the repositories that are asked for.
 * @module
 */
import { join } from "node:path";
import type { Blobs, ImageStore } from "../content/places.ts";
import { referrerEntry } from "../content/referrers.ts";
import { type GraphDocument, hasSuccessors, readGraphDocument, Walk } from "../content/walk.ts";
import { hasCode, messageOf } from "../errors.ts";
import { digestOf } from "../io/hash.ts";
import { getOrSet } from "../io/concurrency.ts";
import { type Descriptor, isDigest, MediaType, referrersTag } from "../oci/descriptor.ts";
import {
  calledName,
  entryName,
  nameOrDigest,
  refName,
  repositoryName,
  SUBJECT,
} from "../oci/entries.ts";
import { encodeJson, oddity } from "../oci/manifest.ts";
import { parseReference, shortName, splitHost } from "../oci/reference.ts";
import { type WholeImages, wholeImages } from "../place/flat_index.ts";
import type { ArchiveSource } from "../place/archive/archive_source.ts";
import type { Layout } from "../place/layout/layout.ts";

/** What can be served; an archive stays as it is. */
export type ServedPlace = Layout | ArchiveSource;

type Repositories = ReadonlyMap<string, ServedRepository>;

interface ReadIndex {
  readonly stamp: string;
  /** How long it holds where the index stays what it is, in milliseconds since 1970. */
  readonly until: number;
  /** By path, whatever registry their images are of. */
  readonly byPath: Repositories;
  /** By the name with its registry, where it says one. */
  readonly byName: Repositories;
}

interface ServedEntry {
  readonly entry: Descriptor;
  readonly path: string;
  /** The path with its registry, where the entry says one. */
  readonly name: string;
  /** Left out where it can be had by digest only. */
  readonly tag: string | undefined;
  /** Whether it says a path. */
  readonly isNamed: boolean;
}

/** Which entries of a layout are served; it is asked again when these change, and when its time is over. */
export type Show = (images: ImageStore, entries: readonly Descriptor[]) => Promise<{
  readonly shown: readonly Descriptor[];
  /** In milliseconds since 1970. */
  readonly until: number;
}>;

/** What is served; all where nobody chooses. */
async function showing(show: Show | undefined, ...of: Parameters<Show>): ReturnType<Show> {
  return await show?.(...of) ?? { shown: of[1], until: Infinity };
}

export interface ViewOptions {
  /** Whether what refers to images is served, too; default true. */
  readonly referrers?: boolean | undefined;
  /** Default all. */
  readonly show?: Show | undefined;
}

/** How long after a change another one may leave no trace in the time of a file. */
const RACY_MS = 100;
/** How long a repository that lacks a manifest is not looked at again. */
const INCOMPLETE_MS = 1000;

/** The repositories of a layout, as they are when they are asked for. */
export class LayoutView {
  #read: ReadIndex | undefined;
  /** Told already; a client may ask a thousand times. */
  #told = "";
  /** Readings that have not ended, by their stamps. */
  readonly #reading = new Map<string, Promise<ReadIndex>>();

  /** The images of the layout, also those that were written flat. */
  readonly images: WholeImages;

  constructor(
    readonly layout: ServedPlace,
    readonly note: (message: string) => void,
    readonly options: ViewOptions = {},
  ) {
    this.images = wholeImages(layout);
  }

  async paths(): Promise<Iterable<string>> {
    return (await this.#current()).byPath.keys();
  }

  /**
   * A repository by its path. The official images of Docker Hub are asked for under `library/`, and
   * names without a registry mean those. A client that came here as to a mirror says whose images
   * it means (containerd does); it gets none that says to be of another registry.
   */
  async repository(path: string, registry?: string): Promise<ServedRepository | undefined> {
    const { byPath, byName } = await this.#current();
    if (!registry) return byPath.get(path) ?? byName.get(shortName(`docker.io/${path}`));
    const says = byName.get(shortName(`${registry}/${path}`));
    return says ?? (splitHost(path).host === undefined ? byName.get(path) : undefined);
  }

  async #current(): Promise<ReadIndex> {
    const stamp = await this.#stamp();
    if (stamp === undefined) return await this.#readIndex("");
    if (this.#read?.stamp === stamp && Date.now() < this.#read.until) return this.#read;
    const read = () => this.#readIndex(stamp).finally(() => this.#reading.delete(stamp));
    return await getOrSet(this.#reading, stamp, read);
  }

  /** Tells one state of the index from the next; nothing where that cannot be told yet. */
  async #stamp(): Promise<string | undefined> {
    if (!("directory" in this.layout)) return "archive";
    try {
      const { mtime, size, ino } = await Deno.stat(join(this.layout.directory, "index.json"));
      const time = mtime?.getTime() ?? 0;
      return Math.abs(Date.now() - time) < RACY_MS ? undefined : `${ino} ${size} ${time}`;
    } catch {
      return undefined;
    }
  }

  async #readIndex(stamp: string): Promise<ReadIndex> {
    try {
      const { ownName } = this.layout;
      const entries = await this.images.entries();
      for (const entry of entries) {
        const why = oddity(entry);
        if (why !== undefined) this.#tell(`Left out ${nameOrDigest(entry)}: ${why}`);
      }
      const known = entries.filter((entry) => !oddity(entry));
      const { shown, until } = await showing(this.options.show, this.images, known);
      const served = shown.map((entry) => servedAs(entry, ownName));
      const free = served.filter(({ isNamed }) => !isNamed).map(({ entry }) => entry);
      const unnamed = new Unnamed(this.images, this.options.referrers === false ? [] : free);
      const byPath = this.#group(served, unnamed, ({ path }) => path, this.#read?.byPath);
      const byName = this.#group(served, unnamed, ({ name }) => name, this.#read?.byName, byPath);
      return this.#read = { stamp, until, byPath, byName };
    } catch (error) {
      // Tools that write in place leave half an index for a moment: what was there before holds.
      if (this.#read === undefined || Date.now() >= this.#read.until) throw error;
      this.#tell(`The layout is served as it was: ${messageOf(error)}`);
      return this.#read;
    }
  }

  #tell(message: string): void {
    if (message !== this.#told) this.note(message);
    this.#told = message;
  }

  #group(
    all: readonly ServedEntry[],
    unnamed: Unnamed,
    nameOf: (served: ServedEntry) => string,
    earlier: Repositories | undefined,
    byPath?: Repositories,
  ): Repositories {
    const groups = [...Map.groupBy(all, nameOf)].map(([name, members]) => {
      // Most paths have the images of one registry, or of none.
      const same = byPath?.get(members[0]?.path ?? "");
      if (same?.roots.length === members.length) return [name, same] as const;
      const roots = members.map(({ entry }) => entry);
      // The same entries lead to the same: their digests say what is below them.
      const key = JSON.stringify([roots, unnamed.key]);
      const known = earlier?.get(name);
      if (known?.key === key) return [name, known] as const;
      const tags = new Map<string, Descriptor>();
      for (const { entry, tag } of members) {
        if (tag === undefined) continue;
        const other = tags.get(tag);
        if (other === undefined) tags.set(tag, entry);
        else if (other.digest !== entry.digest) {
          this.#tell(`${name}:${tag} is in the layout twice; the first one is served`);
        }
      }
      return [
        name,
        new ServedRepository(
          this.images,
          key,
          tags,
          roots,
          unnamed,
          this.options.referrers ?? true,
        ),
      ] as const;
    });
    return new Map(groups);
  }
}

/** Entries of a layout that may refer to something in any of its repositories. */
class Unnamed {
  /** Tells them from others. */
  readonly key: string;
  readonly #subjects = new Map<string, string>();

  constructor(readonly images: Blobs, readonly entries: readonly Descriptor[]) {
    this.key = digestOf(encodeJson(entries));
  }

  /**
   * What one refers to, if to anything; most entries say so themselves, and the others are read once.
   *
   * @throws {KodenoError} `NOT_FOUND`, `BAD_CONTENT`
   */
  async subjectOf(entry: Descriptor): Promise<string> {
    const said = entry.annotations?.[SUBJECT] ?? this.#subjects.get(entry.digest);
    if (said !== undefined) return said;
    const document = hasSuccessors(entry) ? await readGraphDocument(this.images, entry) : undefined;
    const subject = document?.subject?.digest ?? "";
    this.#subjects.set(entry.digest, subject);
    return subject;
  }
}

/** The images of one name; what was found is kept until its entries change. */
export class ServedRepository {
  #contents: ReturnType<typeof readContents> | undefined;
  #until = Infinity;

  constructor(
    readonly images: Blobs,
    readonly key: string,
    readonly tags: ReadonlyMap<string, Descriptor>,
    readonly roots: readonly Descriptor[],
    readonly unnamed: Unnamed,
    readonly withReferrers: boolean,
  ) {}

  /** What a list of all that refers to something is called, or its digest, which was told before. */
  async list(ref: string): Promise<ServedList | undefined> {
    const { referrers, listTags, lists } = await this.contents();
    const known = lists.get(ref);
    if (known !== undefined) return known;
    const manifests = referrers.get(listTags.get(ref) ?? "");
    if (manifests === undefined) return undefined;
    const mediaType = MediaType.index;
    const bytes = encodeJson({ schemaVersion: 2, mediaType, manifests });
    const list = { descriptor: { mediaType, digest: digestOf(bytes), size: bytes.length }, bytes };
    lists.set(ref, list).set(list.descriptor.digest, list);
    return list;
  }

  contents(): ReturnType<typeof readContents> {
    if (this.#contents !== undefined && Date.now() < this.#until) return this.#contents;
    const reading = readContents(this);
    this.#contents = reading;
    this.#until = Infinity;
    reading.then(({ complete }) => {
      if (!complete) this.#until = Date.now() + INCOMPLETE_MS;
    }, () => this.#until = 0);
    return reading;
  }
}

/** A list of what refers to a manifest, as a registry without an API for that has it under a tag. */
interface ServedList {
  readonly descriptor: Descriptor;
  readonly bytes: Uint8Array;
}

/** The repository and tag of an entry. */
function servedAs(entry: Descriptor, own: string): ServedEntry {
  const isNamed = repositoryName(entry) !== undefined;
  const { name: whole, tag } = parseReference(calledName(entry, own) ?? own);
  const name = shortName(whole);
  return { entry, path: splitHost(name).path, name, tag, isNamed };
}

/** Tags of what only refers to an image: an index of referrers, and what cosign makes. */
const OF_ANOTHER = /^sha\d+-[0-9a-f]{64}/;

/** The images of a layout that are whole enough, each by a name it can be pulled by. */
export async function pullNames(layout: ServedPlace, show?: Show): Promise<readonly string[]> {
  const images = wholeImages(layout);
  const names = new Map<string, string>();
  const entries = await images.entries();
  for (const entry of (await showing(show, images, entries)).shown) {
    const { digest } = entry;
    if (names.has(digest) || oddity(entry) || !hasSuccessors(entry)) continue;
    const { path, tag, isNamed } = servedAs(entry, layout.ownName);
    const document = await readGraphDocument(images, entry).catch(() => undefined);
    const refers = OF_ANOTHER.test(tag ?? "") || (!isNamed && document?.subject !== undefined);
    if (document === undefined || refers) continue;
    names.set(digest, tag === undefined ? `${path}@${digest}` : `${path}:${tag}`);
  }
  return [...names.values()];
}

/**
 * Walks a repository from its entries, and from the nameless ones of the layout that refer to
 * something in it. A manifest that is not in the layout, or damaged, leads nowhere.
 */
async function readContents({ images, roots, unnamed, withReferrers }: ServedRepository) {
  const blobs = new Map<string, Descriptor>();
  /** Manifests that have a subject, by its digest, as the referrers API lists them. */
  const referrers = new Map<string, Descriptor[]>();
  /** Blobs by what a list of what refers to them is called where a registry has no API for that. */
  const listTags = new Map<string, string>();
  /** Whether all manifests were there and well-formed. */
  let complete = true;
  const seen = async <T>(work: Promise<T>): Promise<T | undefined> => {
    try {
      return await work;
    } catch (error) {
      if (!hasCode(error, "NOT_FOUND", "BAD_CONTENT")) throw error;
      complete = false;
      return undefined;
    }
  };
  const read = async (d: Descriptor): Promise<GraphDocument | undefined> =>
    hasSuccessors(d) ? await seen(readGraphDocument(images, d)) : undefined;
  const walk = new Walk<unknown>(async (d, { below }) => {
    const document = await read(d);
    // The same bytes may be named as a plain blob first, and as a manifest after it.
    if (document !== undefined || !blobs.has(d.digest)) blobs.set(d.digest, d);
    if (isDigest(d.digest)) listTags.set(referrersTag(d), d.digest);
    if (document === undefined) return;
    const { subject } = document;
    if (subject && withReferrers) {
      getOrSet(referrers, subject.digest, () => []).push(referrerEntry(d, document));
    }
    await below(document);
  }, { beyond: () => {} });
  for (const root of roots) {
    const isLeft = !withReferrers && entryName(root) === undefined && (await read(root))?.subject;
    if (!isLeft) await walk.from(root);
  }
  const about = new Map<string, Descriptor[]>();
  // One after the other: a process may open so many files only.
  for (const entry of unnamed.entries) {
    const subject = await seen(unnamed.subjectOf(entry));
    for (const one of [subject, refName(entry)]) {
      if (one) getOrSet(about, one, () => []).push(entry);
    }
  }
  // What these lead to comes by, too: a signature may refer to an SBOM that refers to the image.
  for (const d of blobs.values()) {
    const list = isDigest(d.digest) ? about.get(referrersTag(d)) : undefined;
    for (const entry of [...about.get(d.digest) ?? [], ...list ?? []]) await walk.from(entry);
  }
  const lists = new Map<string, ServedList>();
  return { blobs, referrers, listTags, lists, complete };
}
