/**
 * Images that are brought blob by blob and become one archive in the end.
 * @module
 */
import type { CallOptions, OpenBlob, Place, Source } from "../../content/places.ts";
import { isWhole } from "../../content/walk.ts";
import { KodenoError } from "../../errors.ts";
import { SingleFlight } from "../../io/work.ts";
import { bareDescriptor, type Descriptor, parseDigest } from "../../oci/descriptor.ts";
import { namedEntry, withEach } from "../../oci/entries.ts";

/** What all places have in common that take an archive. */
export abstract class ArchiveCollector implements Place {
  /** What has arrived, by digest. */
  protected readonly blobs: Map<string, Descriptor> = new Map();
  /** Images that were named or kept. */
  protected entries: readonly Descriptor[] = [];
  readonly #pushing = new SingleFlight();

  /** The place, for messages: `archive x.tar`. */
  abstract readonly what: string;

  /** {@inheritDoc Place.check} */
  abstract check(options?: CallOptions): Promise<void>;

  /** {@inheritDoc Place.close} */
  abstract close(options?: CallOptions): Promise<void>;

  /** {@inheritDoc Place.undo} */
  abstract undo(): Promise<void>;

  /** Takes the bytes of a blob that has not arrived, and checks them. */
  protected abstract write(d: Descriptor, open: OpenBlob, options: CallOptions): Promise<void>;

  /** Has the manifests and indexes that have arrived. */
  protected abstract readonly documents: Pick<Source, "fetch">;

  /** {@inheritDoc Target.has} */
  async has(descriptor: Descriptor, options: CallOptions = {}): Promise<boolean> {
    options.signal?.throwIfAborted();
    const isThere = (d: Descriptor) => this.blobs.get(d.digest)?.size === d.size;
    return await isWhole(this.documents, descriptor, isThere, options);
  }

  /** {@inheritDoc Target.push} */
  async push(descriptor: Descriptor, open: OpenBlob, options: CallOptions = {}): Promise<void> {
    // Images that are copied side by side share a base: its layers are written once.
    await this.#pushing.do(descriptor.digest, async () => {
      options.signal?.throwIfAborted();
      const digest = parseDigest(descriptor.digest);
      if (this.blobs.has(digest)) return;
      await this.write(descriptor, open, options);
      this.blobs.set(digest, bareDescriptor(descriptor));
    });
  }

  /** {@inheritDoc Target.tag} */
  async tag(descriptor: Descriptor, ref: string, options: CallOptions = {}): Promise<void> {
    options.signal?.throwIfAborted();
    const entry = namedEntry(descriptor, ref);
    await this.#assertWhole("tag", descriptor, options);
    this.entries = withEach(this.entries, [entry]);
  }

  /**
   * Has the archive list a manifest or index without a name, as what refers to an image (a signature,
   * an SBOM); it is found by its digest.
   *
   * @throws {KodenoError} `NOT_FOUND` when it was not brought there
   */
  async keep(descriptor: Descriptor, options: CallOptions = {}): Promise<void> {
    await this.#assertWhole("keep", descriptor, options);
    if (this.entries.some(({ digest }) => digest === descriptor.digest)) return;
    this.entries = [...this.entries, bareDescriptor(descriptor)];
  }

  async #assertWhole(doing: string, d: Descriptor, options: CallOptions): Promise<void> {
    if (await this.has(d, options)) return;
    const why = "it was not brought there, or not whole";
    const message = `Cannot ${doing} ${d.digest} in ${this.what}: ${why}`;
    throw new KodenoError("NOT_FOUND", message);
  }
}
