/**
 * The images of a bundle that is made: which blobs they need, and where these are read from when their
 * turn comes; nothing is copied before.
 * @module
 */
import { fetchBlob } from "../content/blobs.ts";
import type { Blobs, CallOptions } from "../content/places.ts";
import { keptEntry } from "../content/referrers.ts";
import { hasSuccessors, readGraphDocument, refuseOdd, Walk } from "../content/walk.ts";
import { hasCode, KodenoError } from "../errors.ts";
import { Pool } from "../io/concurrency.ts";
import { bareDescriptor, type Descriptor, isForeign, parseDigest } from "../oci/descriptor.ts";
import { asBase, entryName, IMAGE_NAME, namedEntry, nameKey, withEach } from "../oci/entries.ts";
import type { BundleImage } from "./document.ts";

/** Blobs that are looked at side by side: those of a base may have to come over a wire. */
const AT_ONCE = 6;

/** A blob, and who has it. */
interface OwnedBlob {
  readonly d: Descriptor;
  readonly source: Blobs;
}

/** An image to be taken, as its place has it. */
interface AddedImage {
  readonly source: Blobs;
  /** An entry: the name that it has there is passed over. */
  readonly root: Descriptor;
  /** What it is called in the bundle; nothing leaves the entry as it is. */
  readonly name: string | undefined;
  /** `referrer`: it says something about another one, be it under a name. */
  readonly role: "image" | "base" | "referrer";
}

/** Collects images. */
export class BundleImages {
  /** What its readers list as images, in the order of their names. */
  readonly #named = new Map<string, BundleImage & { readonly role: AddedImage["role"] }>();
  /** What its readers build on, images among them. */
  readonly #bases = new Map<string, BundleImage>();
  readonly #blobs = new Map<string, OwnedBlob>();
  readonly #omitted = new Map<string, Descriptor>();
  readonly #left = new Map<string, Descriptor>();
  #entries: readonly Descriptor[] = [];
  #nameless = new Map<string, Descriptor>();

  /**
   * @param isThere tells what the place that it goes to has: that is left out
   * @param foreign has the foreign layers that an image's own place lacks; unless given, they are left out
   */
  constructor(
    readonly isThere?: (d: Descriptor) => boolean,
    readonly foreign?: Blobs,
  ) {}

  /**
   * Takes an image with all that it leads to.
   *
   * @throws {KodenoError} `NOT_FOUND` for what lacks a blob, `BAD_OPTION` for a second image of one name
   */
  async add(added: AddedImage, options: CallOptions = {}): Promise<void> {
    const { source, root, name, role } = added;
    await this.#walk(source, root, options);
    const entry = name === undefined
      ? await this.#entryOf(source, root, options)
      : name.includes("@")
      ? { ...bareDescriptor(root), annotations: { [IMAGE_NAME]: name } }
      : namedEntry(root, name);
    const listed = role === "base" ? asBase(entry) : entry;
    const key = nameKey(entry);
    if (key === undefined) {
      this.#nameless.set(entry.digest, listed);
      if (role === "image") this.#named.set(entry.digest, { digest: digestIn(entry), role });
      return;
    }
    const before = this.#named.get(key);
    if (before !== undefined && before.digest !== entry.digest) {
      const called = entryName(entry);
      const both = `${before.digest} and ${entry.digest}`;
      const why = `two images are called so (${both}); give one another name (kodeno tag)`;
      throw new KodenoError("BAD_OPTION", `Cannot bundle ${called}: ${why}`);
    }
    const image = { name: entryName(entry), digest: digestIn(entry) };
    if (role === "base") this.#bases.set(key, image);
    // An image that others are built on, too, is an entry like others.
    if (before !== undefined && before.role !== "base") return;
    this.#entries = withEach(this.#entries, [listed]);
    this.#named.set(key, { ...image, role });
  }

  /** The entries of `index.json`: those with names in their order, then those without. */
  entries(): readonly Descriptor[] {
    const named = new Set(this.#entries.map(({ digest }) => digest));
    const nameless = [...this.#nameless.values()].filter(({ digest }) => !named.has(digest));
    return [...this.#entries, ...nameless.sort(byDigest)];
  }

  /** Images of a role, by name; some have both. */
  images(role: "image" | "base"): readonly BundleImage[] {
    const found = role === "base"
      ? [...this.#bases.values()]
      : [...this.#named.values()].filter((one) => one.role === role);
    return found.map(({ name, digest }) => ({ ...(name === undefined ? {} : { name }), digest }))
      .sort((a, b) => `${a.name ?? ""}\n${a.digest}` < `${b.name ?? ""}\n${b.digest}` ? -1 : 1);
  }

  /** What is sent, by digest. */
  blobs(): readonly OwnedBlob[] {
    return [...this.#blobs.values()].sort((a, b) => byDigest(a.d, b.d));
  }

  /** What is left out since it is there, by digest. */
  omitted(): readonly Descriptor[] {
    return [...this.#omitted.values()].sort(byDigest);
  }

  /** Foreign layers that are left out since their license says so. */
  left(): readonly Descriptor[] {
    return [...this.#left.values()];
  }

  async #entryOf(source: Blobs, root: Descriptor, options: CallOptions): Promise<Descriptor> {
    return nameKey(root) === undefined ? await keptEntry(source, root, options) : root;
  }

  async #walk(source: Blobs, root: Descriptor, { signal }: CallOptions): Promise<void> {
    const pool = new Pool(AT_ONCE);
    const walk: Walk = new Walk(async (d, { below }) => {
      refuseOdd(source, d);
      const isDocument = hasSuccessors(d);
      const known = this.#blobs.get(d.digest);
      if (known === undefined || (isDocument && !hasSuccessors(known.d))) {
        await pool.run(() => this.#note(source, d, walk.signal));
      }
      if (isDocument) {
        await below(await pool.run(() => readGraphDocument(source, d, { signal: walk.signal })));
      }
    }, { parallel: true, signal });
    await walk.from(root);
  }

  async #note(source: Blobs, d: Descriptor, signal: AbortSignal | undefined): Promise<void> {
    if (this.isThere?.(d)) return void this.#omitted.set(d.digest, bareDescriptor(d));
    if (!hasSuccessors(d)) {
      // Better told now than behind a gigabyte of others.
      try {
        await (await fetchBlob(source, d, { signal })).cancel();
      } catch (error) {
        if (!isForeign(d) || !hasCode(error, "NOT_FOUND")) throw error;
        const { foreign } = this;
        if (foreign === undefined) return void this.#left.set(d.digest, d);
        this.#blobs.set(d.digest, { d, source: foreign });
        return;
      }
    }
    this.#blobs.set(d.digest, { d, source });
  }
}

const byDigest = (a: Descriptor, b: Descriptor): number => a.digest < b.digest ? -1 : 1;
const digestIn = ({ digest }: Descriptor) => parseDigest(digest);
