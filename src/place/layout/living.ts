/**
 * Which entries of a layout live: those with a name, and those that refer to nothing, are what people
 * have put there. One without a name that refers to another manifest (a signature, an SBOM) lives as
 * long as something that lives leads to its subject, and goes with it, as does what has a tag of cosign's
 * for that: when a name is removed or moves,
 * and else with `kodeno gc`. One whose subject is not in the layout at all lives, too: somebody brought
 * it alone, and nothing tells that the subject ever was there.
 * @module
 */
import { join } from "node:path";
import { fetchBlob } from "../../content/blobs.ts";
import type { Blobs } from "../../content/places.ts";
import {
  type GraphDocument,
  graphKey,
  hasSuccessors,
  parseGraphDocument,
  readGraphDocument,
  Walk,
} from "../../content/walk.ts";
import { hasCode } from "../../errors.ts";
import { fileStream, readAll } from "../../io/streams.ts";
import { type Descriptor, digestParts } from "../../oci/descriptor.ts";
import { cosignSubject, isNameless } from "../../oci/entries.ts";
import { MAX_JSON_BYTES, oddity, ownType } from "../../oci/manifest.ts";
import { openFileOf } from "./files.ts";

type Links = Pick<GraphDocument, "successors" | "subject">;

/** Looks at the graphs of a layout; reads each manifest once. */
export class Living {
  readonly #links = new Map<string, Links | undefined>();

  constructor(
    readonly blobs: Blobs & { readonly directory: string },
    readonly signal?: AbortSignal,
  ) {}

  /**
   * Tells which of some entries live. `reachable`: digests of all that living ones lead to, whether or
   * not it is in the layout; `attached`: living ones that refer to another manifest of the layout;
   * `dead`: those that refer to one which nothing leads to, and that `spares` does not have live on.
   */
  async look(entries: readonly Descriptor[], spares = (_: Descriptor) => Promise.resolve(false)) {
    const reachable = new Set<string>();
    const walk = new Walk<unknown>(async (d, { below }) => {
      reachable.add(d.digest);
      await below(await this.#linksOf(d) ?? []);
    }, { signal: this.signal });
    const attached = new Set<Descriptor>();
    /** Entries with their subjects, to which nothing was seen to lead so far. */
    const open = new Map<Descriptor, Pick<Descriptor, "digest">>();
    for (const entry of entries) {
      // One that kodeno cannot use is not its to drop.
      const subject = oddity(entry) === undefined ? await this.#subjectOf(entry) : undefined;
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

  /** The entries after a change without those that lose their subjects by it. */
  async afterChange(before: readonly Descriptor[], after: readonly Descriptor[]) {
    const digests = new Set(after.map(({ digest }) => digest));
    const went = before.some(({ digest }) => !digests.has(digest));
    const mayRefer = (entry: Descriptor) =>
      hasSuccessors(entry) && (isNameless(entry) || cosignSubject(entry) !== undefined);
    if (!went || !after.some(mayRefer)) return after;
    try {
      const old = await this.look(before);
      const now = await this.look(after);
      const wasAttached = new Set([...old.attached].map(({ digest }) => digest));
      return after.filter((entry) => !(now.dead.has(entry) && wasAttached.has(entry.digest)));
    } catch (error) {
      // An image that is damaged may be removed all the same; gc tells of the others.
      if (hasCode(error, "BAD_CONTENT")) return after;
      throw error;
    }
  }

  async #subjectOf(entry: Descriptor): Promise<Pick<Descriptor, "digest"> | undefined> {
    if (isNameless(entry)) return (await this.#linksOf(entry))?.subject;
    const digest = cosignSubject(entry);
    return digest && { digest };
  }

  /** Nothing of what is not there: an index may name platforms that were never fetched. */
  async #linksOf(d: Descriptor): Promise<Links | undefined> {
    const key = graphKey(d);
    const isOdd = oddity(d) !== undefined;
    if (!hasSuccessors(d) && !isOdd || this.#links.has(key)) return this.#links.get(key);
    const reading = isOdd ? this.#readOdd(d) : readGraphDocument(this.blobs, d, this);
    const links = await reading.then(
      (document) => document && { successors: document.successors, subject: document.subject },
      (error) => {
        if (hasCode(error, "NOT_FOUND")) return undefined;
        throw error;
      },
    );
    this.#links.set(key, links);
    return links;
  }

  /**
   * What an entry leads to that kodeno cannot use, since others may: its digest is not checked. Nothing
   * can be there under a name that no blob can have.
   */
  async #readOdd(d: Descriptor): Promise<GraphDocument | undefined> {
    const parts = digestParts(d.digest);
    if (parts === undefined) return undefined;
    const { directory } = this.blobs;
    const path = join(directory, "blobs", parts.algorithm, parts.encoded);
    const what = `blob ${d.digest}`;
    using file = await openFileOf(directory, path, what);
    // So large a one is a layer.
    if (!hasSuccessors(d) && file.statSync().size > MAX_JSON_BYTES) return undefined;
    const bytes = await readAll(fileStream(file), MAX_JSON_BYTES, what);
    const known = { ...d, mediaType: hasSuccessors(d) ? d.mediaType : ownType(bytes) };
    return hasSuccessors(known) ? parseGraphDocument(known, bytes) : undefined;
  }

  async #isThere(d: Pick<Descriptor, "digest"> & Partial<Descriptor>): Promise<boolean> {
    try {
      const sized = { mediaType: "application/octet-stream", size: 0, ...d };
      await (await fetchBlob(this.blobs, sized, this)).cancel();
      return true;
    } catch (error) {
      // One of another size is there, too.
      if (hasCode(error, "NOT_FOUND", "BAD_CONTENT")) return error.code === "BAD_CONTENT";
      throw error;
    }
  }
}
