/**
 * Statements that a key is to sign once it is known where they are missing: what a place has of the same
 * key is not signed again.
 * @module
 */
import { imagesBelow } from "../content/images.ts";
import { type CallOptions, isStore, type Source } from "../content/places.ts";
import { referrerFinder } from "../content/referrers.ts";
import { hasCode } from "../errors.ts";
import { getOrSet, Pool } from "../io/concurrency.ts";
import { digestOf } from "../io/hash.ts";
import type { Records } from "../io/records.ts";
import { type Descriptor, parseDigest } from "../oci/descriptor.ts";
import type { Attachment } from "./attachment.ts";
import { statementBundle } from "./bundle.ts";
import type { Signer, VerificationKey } from "./keys.ts";
import { isSaid, signaturesBy } from "./signatures.ts";
import { encodeStatement, SIGNED, type UnsignedStatement } from "./statement.ts";

/** Changes when the same statement and key would give another manifest. */
const FORMAT = 1;

/** A statement about an image or a platform of one. */
export interface ToSign {
  /** What is to be signed. */
  readonly statement: UnsignedStatement;
  /** Of whoever signs. */
  key(): Promise<VerificationKey>;
  /** Signs it; a second time it is the same signature. */
  sign(): Promise<Attachment>;
  /** The manifest that comes of it; nothing where another build gives another one. */
  manifest(): Promise<string | undefined>;
}

/** What a key has signed before: who has all of that needs neither the key nor its password. */
interface SignedBefore {
  readonly records: Records;
  /** Of the file with the key. */
  readonly keyDigest: string;
}

/** Signs statements of many images, each once, one after the other: a token does one thing at a time. */
export class StatementSigner {
  readonly #signed = new Map<string, Promise<Attachment>>();
  readonly #pool = new Pool(1);

  /** @param open gives the key, as often as it is asked */
  constructor(readonly open: () => Promise<Signer>, readonly before?: SignedBefore) {}

  /** A statement that is signed when it is asked for. */
  of(statement: UnsignedStatement): ToSign {
    const { open, before } = this;
    const digest = digestOf(statement.bytes);
    const sign = () =>
      getOrSet(
        this.#signed,
        digest,
        () => this.#pool.run(async () => await statementBundle(statement, await open()), 0),
      );
    const record = JSON.stringify([FORMAT, before?.keyDigest, statement.image, digest]);
    const manifest = async () => {
      const known = before?.records.known(record);
      if (typeof known === "string") return known;
      if (!(await open()).isRepeatable) return undefined;
      const made = (await sign()).manifest.descriptor.digest;
      await before?.records.remember(record, made);
      return made;
    };
    return { statement, sign, manifest, key: async () => (await open()).key };
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
      const { statement: { image } } = first;
      const signed = { source: place, image, referrers, legacy: [] };
      const there = referrers.length === 0
        ? []
        : await signaturesBy([await first.key()], signed, options);
      for (const one of some) {
        if (!there.some((found) => isSaid(found, one.statement))) missing.push(await one.sign());
      }
    }
    return missing;
  }

  /** Those that a layout does not list as they would be signed here: most often that is all there is to see. */
  async #unknown(place: Source, all: readonly ToSign[]): Promise<readonly ToSign[]> {
    if (!isStore(place)) return all;
    let listed = this.#listed.get(place);
    if (listed === undefined) {
      listed = place.entries().then((some) => new Set(some.map(({ digest }) => digest)));
      this.#listed.set(place, listed);
    }
    const digests = await listed;
    const unknown: ToSign[] = [];
    for (const one of all) {
      const made = await one.manifest();
      if (made === undefined || !digests.has(made)) unknown.push(one);
    }
    return unknown;
  }
}
