/**
 * A layout as repositories. Reads `index.json` again when it changed, and looks into manifests only
 * for the repositories that are asked for.
 * @module
 */
import { basename, join, resolve } from "node:path";
import { messageOf } from "../errors.ts";
import type { Descriptor } from "../oci/descriptor.ts";
import type { Layout } from "../store/layout/layout.ts";
import { type Contents, readContents } from "./contents.ts";
import { repositoryOfFolder, servedAs } from "./names.ts";

/** The images of one name. */
export interface Repository {
  /** Manifests and indexes by tag. */
  readonly tags: ReadonlyMap<string, Descriptor>;
  /** Everything that can be had in it. */
  contents(): Promise<Contents>;
}

/** What the index said, and when. */
interface Read {
  readonly stamp: string;
  readonly repositories: ReadonlyMap<string, CachedRepository>;
}

/** How long after a change another one may leave no trace in the time of a file. */
const RACY_MS = 100;
/** How long a repository that lacks a manifest is not looked at again. */
const INCOMPLETE_MS = 1000;

/** The repositories of a layout, as they are when they are asked for. */
export class LayoutView {
  readonly #layout: Layout;
  readonly #note: (message: string) => void;
  readonly #index: string;
  #read: Read | undefined;
  /** Told already; a client may ask a thousand times. */
  #told = "";
  /** Readings that have not ended, by their stamps. */
  readonly #reading = new Map<string, Promise<Read>>();

  /**
   * @param layout what is served
   * @param note told of what is odd in the layout
   */
  constructor(layout: Layout, note: (message: string) => void) {
    this.#layout = layout;
    this.#note = note;
    this.#index = join(layout.directory, "index.json");
  }

  /** Repositories by name. */
  async repositories(): Promise<ReadonlyMap<string, Repository>> {
    const stamp = await this.#stamp();
    if (stamp === undefined) return (await this.#readIndex("")).repositories;
    if (this.#read?.stamp === stamp) return this.#read.repositories;
    const reading = this.#reading.get(stamp) ?? this.#readIndex(stamp);
    this.#reading.set(stamp, reading);
    try {
      return (await reading).repositories;
    } finally {
      this.#reading.delete(stamp);
    }
  }

  /** Tells one state of the index from the next; nothing where that cannot be told yet. */
  async #stamp(): Promise<string | undefined> {
    try {
      const { mtime, size, ino } = await Deno.stat(this.#index);
      const time = mtime?.getTime() ?? 0;
      return Math.abs(Date.now() - time) < RACY_MS ? undefined : `${ino} ${size} ${time}`;
    } catch {
      return undefined;
    }
  }

  async #readIndex(stamp: string): Promise<Read> {
    try {
      const repositories = this.#group(await this.#layout.entries());
      return this.#read = { stamp, repositories };
    } catch (error) {
      // Tools that write in place leave half an index for a moment: what was there before holds.
      if (this.#read === undefined) throw error;
      this.#tell(`The layout is served as it was: ${messageOf(error)}`);
      return this.#read;
    }
  }

  #tell(message: string): void {
    if (message !== this.#told) this.#note(message);
    this.#told = message;
  }

  #group(entries: readonly Descriptor[]): ReadonlyMap<string, CachedRepository> {
    const own = repositoryOfFolder(basename(resolve(this.#layout.directory)));
    type Group = { readonly roots: Descriptor[]; readonly tags: Map<string, Descriptor> };
    const found = new Map<string, Group>();
    const unnamed: Descriptor[] = [];
    for (const entry of entries) {
      const { repository, tag } = servedAs(entry);
      if (repository === undefined) unnamed.push(entry);
      const name = repository ?? own;
      const group: Group = found.get(name) ?? { roots: [], tags: new Map() };
      found.set(name, group);
      const { roots, tags } = group;
      roots.push(entry);
      if (tag === undefined) continue;
      const other = tags.get(tag);
      if (other === undefined) tags.set(tag, entry);
      else if (other.digest !== entry.digest) {
        this.#tell(`${name}:${tag} is in the layout twice; the first one is served`);
      }
    }
    return new Map(
      [...found].map(([name, { roots, tags }]) => {
        const fresh = new CachedRepository(this.#layout, tags, roots, unnamed);
        fresh.takeOver(this.#read?.repositories.get(name));
        return [name, fresh];
      }),
    );
  }
}

/** A repository that keeps what it found until its entries change. */
class CachedRepository implements Repository {
  /** The same for the same entries, whose digests say what is below them. */
  readonly #key: string;
  #contents: Promise<Contents> | undefined;
  #until = Infinity;

  constructor(
    readonly layout: Layout,
    readonly tags: ReadonlyMap<string, Descriptor>,
    readonly roots: readonly Descriptor[],
    readonly unnamed: readonly Descriptor[],
  ) {
    this.#key = JSON.stringify([roots, unnamed]);
  }

  contents(): Promise<Contents> {
    if (this.#contents !== undefined && Date.now() < this.#until) return this.#contents;
    const reading = readContents(this.layout, this.roots, this.unnamed);
    this.#contents = reading;
    this.#until = Infinity;
    reading.then(({ complete }) => {
      if (!complete) this.#until = Date.now() + INCOMPLETE_MS;
    }, () => this.#until = 0);
    return reading;
  }

  /** Keeps what an earlier one found, where it still holds. */
  takeOver(earlier: CachedRepository | undefined): void {
    if (earlier === undefined || earlier.#key !== this.#key) return;
    this.#contents = earlier.#contents;
    this.#until = earlier.#until;
  }
}
