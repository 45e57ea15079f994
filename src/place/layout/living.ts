/**
 * Which entries of a layout live. Those with a name, and those that refer to nothing, are what people
 * have put there. One without a name that refers to another manifest (a signature, an SBOM) lives as
 * long as something that lives leads to its subject, and goes with it: when a name is removed or
 * moves, and else with `kodeno gc`. One whose subject is not in the layout at all lives, too: somebody
 * brought it alone, and nothing tells that the subject ever was there.
 * @module
 */
import type { Source } from "../../content/places.ts";
import { readGraphDocument } from "../../content/read.ts";
import { type GraphDocument, graphKey, hasSuccessors } from "../../content/successors.ts";
import { Walk } from "../../content/walk.ts";
import { KodenoError } from "../../errors.ts";
import type { NoteEvent } from "../../events.ts";
import type { Descriptor } from "../../oci/descriptor.ts";
import { entryName, listed } from "../../oci/entries.ts";

/** What {@link Living.look} found. */
export interface LivingEntries {
  /** Digests of all that living entries lead to, whether or not it is in the layout. */
  readonly reachable: ReadonlySet<string>;
  /** Living entries that refer to another manifest of the layout. */
  readonly attached: ReadonlySet<Descriptor>;
  /** Entries that refer to a manifest of the layout which nothing leads to. */
  readonly dead: ReadonlySet<Descriptor>;
}

/** What a manifest or index says of others. */
type Links = Pick<GraphDocument, "successors" | "subject">;

/** Looks at the graphs of a layout; reads each manifest once. */
export class Living {
  readonly #links = new Map<string, Links | undefined>();

  /** @param blobs those of the layout */
  constructor(readonly blobs: Pick<Source, "fetch">, readonly signal?: AbortSignal) {}

  /**
   * Tells which of some entries live.
   *
   * @param spares whether an entry that is dead lives on for now
   * @throws {KodenoError} `BAD_CONTENT` when a manifest is damaged, so that nobody can tell
   */
  async look(
    entries: readonly Descriptor[],
    spares: (entry: Descriptor) => Promise<boolean> = () => Promise.resolve(false),
  ): Promise<LivingEntries> {
    const reachable = new Set<string>();
    const walk = new Walk<unknown>(async (d, { below }) => {
      reachable.add(d.digest);
      const links = await this.#linksOf(d);
      if (links !== undefined) await below(links);
    }, { signal: this.signal });
    const attached = new Set<Descriptor>();
    /** Entries with their subjects, to which nothing was seen to lead so far. */
    const open = new Map<Descriptor, Descriptor>();
    for (const entry of entries) {
      const subject = isNameless(entry) ? (await this.#linksOf(entry))?.subject : undefined;
      if (subject !== undefined && await this.#isThere(subject)) open.set(entry, subject);
      else await walk.from(entry);
    }
    const attach = async (): Promise<void> => {
      for (let before = -1; before !== open.size;) {
        before = open.size;
        for (const [entry, subject] of open) {
          if (!reachable.has(subject.digest)) continue;
          open.delete(entry);
          attached.add(entry);
          await walk.from(entry);
        }
      }
    };
    await attach();
    for (const entry of open.keys()) {
      if (!(await spares(entry))) continue;
      open.delete(entry);
      await walk.from(entry);
      await attach();
    }
    return { reachable, attached, dead: new Set(open.keys()) };
  }

  /**
   * Entries without those that lose their subjects by a change.
   *
   * @param before entries as they were
   * @param after entries as they are to be; as they come back where nobody can tell
   */
  async afterChange(
    before: readonly Descriptor[],
    after: readonly Descriptor[],
  ): Promise<readonly Descriptor[]> {
    const digests = new Set(after.map(({ digest }) => digest));
    const went = before.some(({ digest }) => !digests.has(digest));
    if (!went || !after.some((entry) => isNameless(entry) && hasSuccessors(entry))) return after;
    try {
      const old = await this.look(before);
      const now = await this.look(after);
      const wasAttached = new Set([...old.attached].map(({ digest }) => digest));
      return after.filter((entry) => !(now.dead.has(entry) && wasAttached.has(entry.digest)));
    } catch (error) {
      // An image that is damaged may be removed all the same; gc tells of the others.
      if (error instanceof KodenoError && error.code === "BAD_CONTENT") return after;
      throw error;
    }
  }

  /** Nothing of what is not there: an index may name platforms that were never fetched. */
  async #linksOf(d: Descriptor): Promise<Links | undefined> {
    const key = graphKey(d);
    if (!hasSuccessors(d) || this.#links.has(key)) return this.#links.get(key);
    let links: Links | undefined;
    try {
      const { signal } = this;
      const { successors, subject } = await readGraphDocument(this.blobs, d, { signal });
      links = { successors, subject };
    } catch (error) {
      if (!(error instanceof KodenoError) || error.code !== "NOT_FOUND") throw error;
    }
    this.#links.set(key, links);
    return links;
  }

  async #isThere(d: Descriptor): Promise<boolean> {
    try {
      await (await this.blobs.fetch(d, { signal: this.signal })).cancel();
      return true;
    } catch (error) {
      if (error instanceof KodenoError && error.code === "NOT_FOUND") return false;
      // One of another size is there, too.
      if (error instanceof KodenoError && error.code === "BAD_CONTENT") return true;
      throw error;
    }
  }
}

/** Tells of entries that went with what they referred to. */
export function droppedNote(directory: string, dropped: readonly Descriptor[]): NoteEvent {
  const which = listed(dropped.map(({ digest }) => digest));
  const message = `Removed ${which} from layout ${directory}, too: what that referred to has no ` +
    "name any more";
  return { type: "note", level: "info", message };
}

function isNameless(entry: Descriptor): boolean {
  return entryName(entry) === undefined;
}
