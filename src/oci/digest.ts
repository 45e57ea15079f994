/**
 * Digests: the `algorithm:hex` names of blobs (OCI image spec, descriptor.md).
 * A digest becomes a path, so it is checked before anything else is done with it.
 * @module
 */
import { KodenoError } from "../errors.ts";

/** A well-formed digest, `sha256:` and 64 lower-case hex digits. */
export type Digest = `sha256:${string}`;

const SHA256 = /^sha256:[0-9a-f]{64}$/;

/** Whether a string is a well-formed sha256 digest. */
export function isDigest(value: string): value is Digest {
  return SHA256.test(value);
}

/**
 * Checks a digest that came from outside.
 *
 * @throws {KodenoError} `BAD_CONTENT` when it is anything but `sha256:` and 64 hex digits, so that
 * neither a traversal (`sha256:../..`) nor an unknown algorithm reaches a path
 */
export function parseDigest(value: string): Digest {
  if (isDigest(value)) return value;
  throw new KodenoError(
    "BAD_CONTENT",
    `Cannot use digest ${
      JSON.stringify(value.slice(0, 100))
    }: it has to be "sha256:" and 64 hex digits`,
  );
}

/** The 64 hex digits of a digest. */
export function digestHex(digest: Digest): string {
  return digest.slice("sha256:".length);
}
