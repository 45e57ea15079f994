/**
 * Statements that a key is to sign once it is known where they are missing: what a place has of the same
 * key is not signed again.
 * @module
 */
import { imagesBelow } from "../content/images.ts";
import type { CallOptions, ImageStore, Source } from "../content/places.ts";
import { referrerFinder } from "../content/referrers.ts";
import { hasCode } from "../errors.ts";
import { getOrSet, Pool } from "../io/concurrency.ts";
import { digestOf } from "../io/hash.ts";
import { type Descriptor, parseDigest } from "../oci/descriptor.ts";
import type { Attachment } from "./attachment.ts";
import { statementBundle } from "./bundle.ts";
import type { Signer, VerificationKey } from "./keys.ts";
import { isSaid, signaturesBy } from "./signatures.ts";
import { encodeStatement, SIGNED, type UnsignedStatement } from "./statement.ts";

/** A statement about an image or a platform of one. */
export interface ToSign {
  /** What is to be signed. */
  readonly statement: UnsignedStatement;
  /** Of whoever signs. */
  readonly key: VerificationKey;
  /** Signs it; a second time it is the same signature. */
  sign(): Promise<Attachment>;
  /** Whether that is so of another build, too. */
  readonly isRepeatable?: boolean | undefined;
}

/** Signs statements of many images, each once, one after the other: a token does one thing at a time. */
export class StatementSigner {
  readonly #signed = new Map<string, Promise<Attachment>>();
  readonly #pool = new Pool(1);

  constructor(readonly signer: Signer) {}

  /** A statement that is signed when it is asked for. */
  of(statement: UnsignedStatement): ToSign {
    const sign = () =>
      getOrSet(
        this.#signed,
        digestOf(statement.bytes),
        () => this.#pool.run(() => statementBundle(statement, this.signer), 0),
      );
    const { key, isRepeatable } = this.signer;
    return { statement, key, sign, isRepeatable };
  }

  /** The signatures of an image: of its index, and of each platform. */
  async ofImage(
    source: Source,
    root: Descriptor,
    options: CallOptions,
  ): Promise<readonly ToSign[]> {
    const below = await imagesBelow(source, root, options);
    const all = new Map([root, ...below].map((d) => [d.digest, d]));
    return [...all.values()].map((image) => {
      const digest = parseDigest(image.digest);
      const bytes = encodeStatement(digest, SIGNED, {}, { annotations: {} });
      return this.of({ image, predicateType: SIGNED, bytes });
    });
  }
}

/** Signs what places lack. What a place has is looked at once, before the first image comes. */
export class MissingSignatures {
  readonly #finders = new Map<Source, ReturnType<typeof referrerFinder>>();
  /** Digests of the entries that a layout had at first. */
  readonly #listed = new Map<Source, Promise<ReadonlySet<string>>>();

  /** The bundles of statements about an image that a place has none of. */
  async of(
    place: Source,
    root: Descriptor,
    all: readonly ToSign[],
    options: CallOptions,
  ): Promise<readonly Attachment[]> {
    const open = await this.#unknown(place, all);
    if (open.length === 0) return [];
    const finder = this.#finders.get(place) ?? referrerFinder(place, options);
    this.#finders.set(place, finder);
    const find = await finder;
    const referrers = await find(root).catch((error) => {
      // Most often it comes only now.
      if (!hasCode(error, "NOT_FOUND")) throw error;
      return [];
    });
    const missing: Attachment[] = [];
    for (const some of Map.groupBy(open, ({ statement }) => statement.image.digest).values()) {
      const [first] = some;
      if (first === undefined) continue;
      const { statement: { image }, key } = first;
      const signed = { source: place, image, referrers, legacy: [] };
      const there = referrers.length === 0 ? [] : await signaturesBy([key], signed, options);
      for (const one of some) {
        if (!there.some((found) => isSaid(found, one.statement))) missing.push(await one.sign());
      }
    }
    return missing;
  }

  /** Those that a layout does not list as they would be signed here: most often that is all there is to see. */
  async #unknown(place: Source, all: readonly ToSign[]): Promise<readonly ToSign[]> {
    if (!("entries" in place && typeof place.entries === "function")) return all;
    let listed = this.#listed.get(place);
    if (listed === undefined) {
      const entries: Promise<readonly Descriptor[]> = (place as ImageStore).entries();
      listed = entries.then((some) => new Set(some.map(({ digest }) => digest)));
      this.#listed.set(place, listed);
    }
    const digests = await listed;
    const unknown: ToSign[] = [];
    for (const one of all) {
      const made = one.isRepeatable ? await one.sign() : undefined;
      if (made === undefined || !digests.has(made.manifest.descriptor.digest)) unknown.push(one);
    }
    return unknown;
  }
}
