/**
 * Who has signed a bundle.
 * @module
 */
import { KodenoError } from "../errors.ts";
import { signerOfBytes } from "../trust/detached.ts";
import type { VerificationKey } from "../trust/keys.ts";
import type { ReadBundle } from "./reader.ts";

/** Refuses a bundle that none of some keys has signed; without keys nobody has to. */
export function refuseUnsigned(
  { what, bytes, signature }: Pick<ReadBundle, "bytes" | "signature"> & { readonly what: string },
  keys: readonly VerificationKey[],
): void {
  if (keys.length === 0) return;
  const refuse = (why: string) => new KodenoError("NOT_TRUSTED", `Cannot trust ${what}: ${why}`);
  if (signature === undefined) throw refuse("it is not signed");
  const key = signerOfBytes(signature, bytes, keys, `signature of ${what}`);
  if (key === undefined) throw refuse("no key that was given has signed it");
}
