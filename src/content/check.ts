/**
 * Whether the content of a place is what its descriptors say: each blob is there with its digest and its
 * size, and of its type. Reads on after a fault, and reads each blob once, however many images have it.
 * @module
 */
import { hasCode, KodenoError } from "../errors.ts";
import { Pool } from "../io/concurrency.ts";
import { checkedChunks } from "../io/streams.ts";
import { type Descriptor, isForeign, MediaType, ociMediaType } from "../oci/descriptor.ts";
import { parseConfig } from "../oci/manifest.ts";
import { fetchBlob } from "./blobs.ts";
import type { Blobs, CallOptions } from "./places.ts";
import {
  type GraphDocument,
  hasSuccessors,
  readDocument,
  readGraphDocument,
  refuseOdd,
  Walk,
} from "./walk.ts";

/** What {@link verify} read. */
export interface Verified {
  /** Different blobs, the root among them. */
  readonly blobs: number;
  /** Bytes of all blobs. */
  readonly bytes: number;
}

/** What was read without a fault, and each fault. */
export interface Checked extends Verified {
  /** `BAD_CONTENT` and `NOT_FOUND`. */
  readonly failures: readonly KodenoError[];
}

/** What came of a look at one blob. */
interface Look {
  readonly d: Descriptor;
  readonly failures: readonly KodenoError[];
  /** What a manifest or index leads to. */
  readonly successors: readonly Descriptor[];
  /** Of a foreign layer, which an image is whole without. */
  readonly isMissing: boolean;
}

/**
 * Blobs read at once: one is hashed while others are read. Hashing takes one processor at 1.5 GB a second,
 * with the instructions that it has for that; several threads of it were not faster, for what each costs.
 */
const AT_ONCE = 4;

/** How content is looked at. */
export interface CheckOptions extends CallOptions {
  /** Whether blobs have to be of the types that they are named with, as far as their bytes tell. */
  readonly types?: boolean | undefined;
  /** Tells one state of a blob from the next, for whoever checks again: what is as it was is not read. */
  readonly stampOf?: ((d: Descriptor) => Promise<string | undefined>) | undefined;
}

/** Checks the content of one place. */
export class ContentCheck {
  readonly #looks = new Map<string, { readonly stamp: string | undefined; look: Promise<Look> }>();
  readonly #digests = new Set<string>();
  readonly #pool = new Pool(AT_ONCE);

  /** Looks at nothing yet. */
  constructor(readonly source: Blobs, readonly options: CheckOptions = {}) {}

  /** Whether a blob was come by. */
  hasMet(digest: string): boolean {
    return this.#digests.has(digest);
  }

  /**
   * Checks all that some roots lead to, but for foreign layers.
   *
   * @throws {KodenoError} where it cannot be told, as when a registry does not answer
   */
  async graph(roots: readonly Descriptor[]): Promise<Checked> {
    const looking: Promise<Look>[] = [];
    const failures: KodenoError[] = [];
    const walk = new Walk(async (d, { below }) => {
      const look = this.#look(d);
      // It is waited for below, with all others.
      look.catch(() => {});
      looking.push(look);
      if (hasSuccessors(d)) await below((await look).successors);
    }, this.options);
    for (const root of roots) await catching(failures, () => walk.from(root));
    await Promise.allSettled(looking);
    const looks = await Promise.all(looking);
    const good = looks.filter((one) => one.failures.length === 0 && !one.isMissing);
    return {
      failures: [...looks.flatMap((one) => one.failures), ...failures],
      blobs: good.length,
      bytes: good.reduce((sum, { d }) => sum + d.size, 0),
    };
  }

  async #look(d: Descriptor): Promise<Look> {
    this.#digests.add(d.digest);
    const stamp = await this.options.stampOf?.(d);
    const key = JSON.stringify([d.digest, d.size, d.mediaType]);
    const known = this.#looks.get(key);
    if (known !== undefined && known.stamp === stamp) return await known.look;
    const look = this.#lookAt(d);
    this.#looks.set(key, { stamp, look });
    // Why it could not be told is no answer for whoever asks again.
    look.catch(() => this.#looks.delete(key));
    return await look;
  }

  async #lookAt(d: Descriptor): Promise<Look> {
    const failures: KodenoError[] = [];
    let [successors, isMissing]: [readonly Descriptor[], boolean] = [[], false];
    // Documents lead to more work.
    const weight = hasSuccessors(d) ? Infinity : d.size;
    const look = async (): Promise<void> => {
      refuseOdd(this.source, d);
      if (!hasSuccessors(d)) isMissing = !await this.#content(d);
      else successors = await this.#document(d, failures);
    };
    await catching(failures, () => this.#pool.run(look, weight));
    return { d, failures, successors, isMissing };
  }

  /** Reads a blob; false for a foreign one that is not there. */
  async #content(d: Descriptor): Promise<boolean> {
    const { source, options } = this;
    const stream = await fetchBlob(source, d, options).catch((error) => {
      if (!isForeign(d) || !hasCode(error, "NOT_FOUND")) throw error;
    });
    if (stream === undefined) return false;
    let start = new Uint8Array(0);
    for await (const chunk of checkedChunks(stream, d, { ...options, place: source.what })) {
      // Its memory is used again.
      if (start.length === 0) start = chunk.slice(0, MAGIC_BYTES);
    }
    const [said, found] = [compressionNamed(d), compressionIn(start)];
    if (!options.types || said === undefined || start.length < MAGIC_BYTES) return true;
    if (said === found) return true;
    throw this.#wrongType(d, `its bytes are ${found === "none" ? `not ${said}` : found}`);
  }

  async #document(d: Descriptor, failures: KodenoError[]): Promise<readonly Descriptor[]> {
    const document = await readGraphDocument(this.source, d, this.options);
    if (!this.options.types) return document.successors;
    const { mediaType } = document.manifest ?? document.index ?? {};
    if (mediaType !== undefined && mediaType !== d.mediaType) {
      failures.push(this.#wrongType(d, `it says that it is ${JSON.stringify(mediaType)}`));
    }
    await this.#config(document, failures);
    return document.successors;
  }

  /** The config of an image tells of as many layers as the image has; of what is damaged its own look tells. */
  async #config({ manifest, subject }: GraphDocument, failures: KodenoError[]): Promise<void> {
    const { config, layers = [] } = manifest ?? {};
    if (!config || subject || ociMediaType(config.mediaType) !== MediaType.config) return;
    const bytes = await readDocument(this.source, config, this.options).catch((error) => {
      if (!hasCode(error, "BAD_CONTENT", "NOT_FOUND")) throw error;
    });
    if (bytes === undefined) return;
    await catching(failures, () => {
      const { rootfs } = parseConfig(bytes, `config ${config.digest}`);
      const ids = rootfs.diff_ids.length;
      if (ids === layers.length) return;
      const why = `it tells of ${ids} layers, its manifest of ${layers.length}`;
      throw new KodenoError("BAD_CONTENT", `Cannot use config ${config.digest}: ${why}`);
    });
  }

  #wrongType({ digest, mediaType }: Descriptor, why: string): KodenoError {
    const of = this.source.what === undefined ? "" : ` of ${this.source.what}`;
    const message = `Cannot use ${digest}${of} as ${JSON.stringify(mediaType)}: ${why}`;
    return new KodenoError("BAD_CONTENT", message, { digest });
  }
}

/** Has what is wrong with content be one of some failures. */
async function catching(failures: KodenoError[], work: () => unknown): Promise<void> {
  try {
    await work();
  } catch (error) {
    if (!hasCode(error, "BAD_CONTENT", "NOT_FOUND")) throw error;
    failures.push(error);
  }
}

const MAGIC_BYTES = 4;
type Compression = "gzip" | "zstd" | "none";

/** How a layer is compressed, as its type says; undefined for what is no layer. */
function compressionNamed({ mediaType }: Descriptor): Compression | undefined {
  const [, how] = /\.layer\.(?:.*\.)?v1\.tar(?:\+(gzip|zstd))?$/.exec(ociMediaType(mediaType)) ?? [
    undefined,
    "",
  ];
  return how === "" ? undefined : (how as Compression | undefined) ?? "none";
}

/** How bytes are compressed, as their start says (RFC 1952, RFC 8878). */
function compressionIn([a, b, c, d]: Uint8Array): Compression {
  if (a === 0x1f && b === 0x8b) return "gzip";
  if (b === 0xb5 && c === 0x2f && d === 0xfd && a === 0x28) return "zstd";
  // A frame to be skipped, as with a list of what is inside.
  return a !== undefined && (a & 0xf0) === 0x50 && b === 0x2a && c === 0x4d && d === 0x18
    ? "zstd"
    : "none";
}

/**
 * Checks that a place has a root with all below it, but for foreign layers, and that each blob has its
 * size and digest.
 *
 * @throws {KodenoError} `BAD_CONTENT` or `NOT_FOUND` for the first blob that does not hold
 */
export async function verify(
  source: Blobs,
  root: Descriptor,
  options: CallOptions = {},
): Promise<Verified> {
  const { failures: [first], blobs, bytes } = await new ContentCheck(source, options).graph([root]);
  if (first !== undefined) throw first;
  return { blobs, bytes };
}
