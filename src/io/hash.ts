/**
 * Hashing of bytes that stream by, and of small ones at once.
 * @module
 */
import { createHash, type Hash } from "node:crypto";
import { KodenoError } from "../errors.ts";
import {
  type Descriptor,
  type Digest,
  type DigestAlgorithm,
  digestAlgorithm,
} from "../oci/descriptor.ts";

/** What kodeno writes. */
const WRITTEN: DigestAlgorithm = "sha256";

export function digestOf(bytes: Uint8Array | string, algorithm: DigestAlgorithm = WRITTEN): Digest {
  return `${algorithm}:${createHash(algorithm).update(bytes).digest("hex")}`;
}

/** Hashes and counts bytes that pass by. */
export class Hasher {
  readonly #hash: Hash;
  bytes = 0;

  constructor(readonly algorithm: DigestAlgorithm = WRITTEN) {
    this.#hash = createHash(algorithm);
  }

  update(chunk: Uint8Array): void {
    this.#hash.update(chunk);
    this.bytes += chunk.length;
  }

  /** Ends the meter. */
  digest(): Digest {
    return `${this.algorithm}:${this.#hash.digest("hex")}`;
  }
}

/** The digest and the size of bytes that come in pieces. */
export async function hashed(
  chunks: AsyncIterable<Uint8Array>,
): Promise<{ readonly digest: Digest; readonly size: number }> {
  const meter = new Hasher();
  for await (const chunk of chunks) meter.update(chunk);
  return { digest: meter.digest(), size: meter.bytes };
}

/** Bytes of a blob that are not its descriptor's: why, where (`layout out`) and of what image, if known. */
export class DamagedBlob extends KodenoError {
  constructor(readonly blob: Descriptor, readonly why: string, place?: string, image?: string) {
    const of = place === undefined ? "" : ` of ${place}`;
    const [what, again] = image ? [`image ${image}${of}`, "it"] : [place, "the image"];
    const next = place === undefined ? "" : `: build ${again} or bring it there again`;
    const damage = `${what ?? "the place it came from"} is damaged or was changed${next}`;
    super("BAD_CONTENT", `Cannot use blob ${blob.digest}${of}: ${why}; ${damage}`, {
      digest: blob.digest,
    });
  }
}

/** Checks bytes against a descriptor; what is wrong is told of the place, if that is known. */
export function verifyBytes(descriptor: Descriptor, bytes: Uint8Array, place?: string): void {
  const verifier = new Verifier(descriptor, place);
  verifier.update(bytes);
  verifier.finish();
}

/** Checks bytes that stream by against a descriptor. */
export class Verifier {
  readonly #meter: Hasher;

  /** What it refuses is told of the place, if that is known. */
  constructor(readonly descriptor: Descriptor, readonly place?: string) {
    this.#meter = new Hasher(digestAlgorithm(descriptor.digest));
  }

  /** Fails as soon as there are more bytes than the descriptor says. */
  update(chunk: Uint8Array): void {
    this.#meter.update(chunk);
    const { size } = this.descriptor;
    if (this.#meter.bytes > size) this.#refuse(`it has more than the ${size} bytes named`);
  }

  finish(): void {
    const { size, digest } = this.descriptor;
    const { bytes } = this.#meter;
    if (bytes !== size) this.#refuse(`it has ${bytes} bytes, not the ${size} named`);
    const actual = this.#meter.digest();
    if (actual !== digest) this.#refuse(`its content has digest ${actual}`);
  }

  #refuse(why: string): never {
    throw new DamagedBlob(this.descriptor, why, this.place);
  }
}
