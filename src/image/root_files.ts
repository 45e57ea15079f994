/**
 * The files of an image, found in as few layers as can say where they are, and their contents.
 * @module
 */
import { Buffer } from "node:buffer";
import type { Blobs } from "../content/places.ts";
import { KodenoError } from "../errors.ts";
import type { Descriptor } from "../oci/descriptor.ts";
import { type LayerReading, unpackFailure } from "./layer_entries.ts";
import { readEntries, type RootEntry } from "./layer_tar.ts";
import { type Found, type Leaf, RootTree } from "./root_tree.ts";

/** What is kept of the file that is looked for, so that its layer has not to be read again, in bytes. */
const HELD_BYTES = 16 * 1024 * 1024;
/** Characters of all paths that are kept, with some for what else there is of each: of some 400 000 files. */
const MOST_CHARACTERS = 64 * 1024 * 1024;
const ENTRY_CHARACTERS = 64;

interface RootOptions extends LayerReading {
  /** Where layers have what is in drive C: in a folder `Files`. */
  readonly isWindows?: boolean | undefined;
}

/** A file whose content is at hand. */
interface Held {
  readonly layer: number;
  readonly at: number;
  readonly chunks: Uint8Array[];
}

/** An image's files. Layers are read from the topmost on, each to its end and checked. */
export class RootFiles {
  readonly #heads = new Map<number, readonly RootEntry[]>();
  #characters = 0;
  #held: Held | undefined;

  /** @param layers of the image, the lowest first */
  constructor(
    readonly source: Blobs,
    readonly layers: readonly Descriptor[],
    readonly options: RootOptions = {},
  ) {}

  /**
   * What is at a path, from the root. Layers that cannot change it are not read: the topmost ones say it,
   * unless one of them has an entry and does not tell of the folders above it, which may be links in a layer
   * below. Of the layers that say it all entries count: a later one of the same name beats it, and only at
   * its end a layer shows to be what its digest says.
   *
   * @throws {KodenoError} `BAD_CONTENT` for layers that cannot be unpacked, and what reading them gives
   */
  async find(path: string): Promise<Found> {
    for (let lowest = this.layers.length;; lowest--) {
      const tree = this.#tree(lowest);
      const found = tree.find(path);
      if (lowest === 0 || (tree.isSettled && found.kind !== "unknown")) return found;
      await this.#read(lowest - 1, path);
    }
  }

  /** All files, of all layers. */
  async tree(): Promise<RootTree> {
    for (const layer of this.layers.keys()) await this.#read(layer);
    return this.#tree(0);
  }

  /** The content of a file, in pieces that each hold until the next one is asked for. */
  async writeTo(leaf: Leaf, take: (chunk: Uint8Array) => Promise<void> | void): Promise<void> {
    const { layer, at } = leaf;
    const held = this.#held;
    if (held?.layer === layer && held.at === at) {
      for (const chunk of held.chunks) await take(chunk);
      return;
    }
    let isDone = false;
    await this.contents(layer, new Set([at]), async (_, __, content) => {
      for await (const chunk of content) await take(chunk);
      isDone = true;
    });
    if (!isDone) throw new Error("the layer has other entries than before");
  }

  /** Reads some files of a layer, by which of its entries they are, in their order. */
  async contents(
    layer: number,
    wanted: ReadonlySet<number>,
    take: (at: number, entry: RootEntry, content: AsyncIterable<Uint8Array>) => Promise<void>,
  ): Promise<void> {
    let at = 0;
    await readEntries(this.source, this.#layer(layer), async (entry, content) => {
      if (wanted.has(at)) await take(at, entry, content());
      at++;
    }, this.options);
  }

  #layer(layer: number): Descriptor {
    const found = this.layers[layer];
    if (found === undefined) throw new RangeError(`there is no layer ${layer}`);
    return found;
  }

  /** What the layers that are known leave: those from `lowest` on. */
  #tree(lowest: number): RootTree {
    const tree = new RootTree(lowest === 0);
    for (let layer = lowest; layer < this.layers.length; layer++) {
      const descriptor = this.#layer(layer);
      try {
        this.#heads.get(layer)?.forEach((entry, at) => tree.put(layer, at, entry));
      } catch (error) {
        throw unpackFailure(descriptor, error);
      }
    }
    return tree;
  }

  async #read(layer: number, path?: string): Promise<void> {
    const heads: RootEntry[] = [];
    const { isWindows = false } = this.options;
    const descriptor = this.#layer(layer);
    let held: Held | undefined;
    await readEntries(this.source, descriptor, async (entry, content) => {
      const at = heads.length;
      const named = isWindows
        ? { ...entry, path: entry.path.replace(/^\/Files(?=\/|$)/, "") || "/" }
        : entry;
      heads.push(named);
      const more = Object.values(entry.attributes).reduce((sum, { length }) => sum + length, 0);
      this.#characters += entry.path.length + entry.target.length + more + ENTRY_CHARACTERS;
      if (this.#characters > MOST_CHARACTERS) {
        const why = "the image has more files than anybody can look at";
        throw new KodenoError("BAD_CONTENT", `Cannot read layer ${descriptor.digest}: ${why}`);
      }
      if (named.path !== path) return;
      held = { layer, at, chunks: [] };
      if (entry.kind !== "file" || entry.size > HELD_BYTES) return;
      for await (const chunk of content()) held.chunks.push(Buffer.from(chunk));
    }, this.options);
    const { at = -1, chunks = [] } = held ?? {};
    const isWhole = chunks.reduce((sum, { length }) => sum + length, 0) === heads[at]?.size;
    if (this.#held === undefined && isWhole) this.#held = held;
    this.#heads.set(layer, heads);
  }
}
