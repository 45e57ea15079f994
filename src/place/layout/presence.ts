/**
 * Which blobs a layout has: a file of its size, and for a manifest all that it leads to.
 * @module
 */
import type { CallOptions, Source } from "../../content/places.ts";
import { graphKey, hasSuccessors } from "../../content/successors.ts";
import { isWhole } from "../../content/walk.ts";
import { ioFailure, isNotFound } from "../../io/fail.ts";
import type { Descriptor } from "../../oci/descriptor.ts";
import { blobPathIn } from "./files.ts";

/** Looks for blobs, and remembers which manifests were whole, so that a shared one is read once. */
export class Presence {
  readonly #whole = new Set<string>();

  /** @param blobs those of the layout in `directory` */
  constructor(readonly directory: string, readonly blobs: Pick<Source, "fetch">) {}

  /** Forgets what it saw. */
  forget(): void {
    this.#whole.clear();
  }

  /** Whether a blob is there; a manifest alone is not an image: somebody may have deleted a layer. */
  async isWhole(descriptor: Descriptor, options: CallOptions): Promise<boolean> {
    const documents: string[] = [];
    const isThere = async (d: Descriptor): Promise<boolean> => {
      if (hasSuccessors(d)) documents.push(graphKey(d));
      return await this.#hasFile(d);
    };
    const isKnown = (d: Descriptor) => this.#whole.has(graphKey(d));
    const whole = await isWhole(this.blobs, descriptor, isThere, { ...options, isKnown });
    if (whole) { for (const key of documents) this.#whole.add(key); }
    return whole;
  }

  async #hasFile(descriptor: Descriptor): Promise<boolean> {
    try {
      const { isFile, size } = await Deno.stat(blobPathIn(this.directory, descriptor));
      return isFile && size === descriptor.size;
    } catch (error) {
      if (isNotFound(error)) return false;
      throw ioFailure(`look into layout ${this.directory}`, error);
    }
  }
}
