/**
 * The recipe of `kodeno bundle inspect` and `verify`: what a bundle says that it holds, and whether it does.
 * @module
 */
import { summaryOf } from "../airgap/document.ts";
import { openBundle } from "../airgap/input.ts";
import { documentOf, readBundle } from "../airgap/reader.ts";
import { KodenoError } from "../errors.ts";
import type { WorkOptions } from "../events.ts";
import { signerOfBytes } from "../trust/detached.ts";
import { readKeys } from "../trust/key_files.ts";

interface VerifyRequest extends WorkOptions {
  /** Path of the bundle, or of its parts; `-` is stdin. */
  readonly bundle: string | readonly string[];
  /** Files of public keys, one of which has to have signed it; default none. */
  readonly keys?: readonly string[] | undefined;
}

/** What commands tell of a bundle. */
export type BundleSummary = ReturnType<typeof summaryOf>;

/** What a bundle says of itself; nothing of it was checked. */
export async function inspectBundle({ bundle, signal }: VerifyRequest): Promise<BundleSummary> {
  return summaryOf(await documentOf(await openBundle(bundle, { signal }), { signal }));
}

/** Reads a bundle to its end, and refuses one that does not hold. Tells whether it has a signature. */
export async function verifyBundleFile(
  { bundle, keys: paths = [], signal }: VerifyRequest,
): Promise<BundleSummary & { readonly signed: boolean }> {
  const keys = readKeys(paths);
  const input = await openBundle(bundle, { signal });
  const { document, bytes, signature } = await readBundle(input, {}, { signal });
  if (keys.length > 0) {
    const refuse = (why: string) =>
      new KodenoError("NOT_TRUSTED", `Cannot trust ${input.what}: ${why}`);
    if (signature === undefined) throw refuse("it is not signed");
    const key = signerOfBytes(signature, bytes, keys, `signature of ${input.what}`);
    if (key === undefined) throw refuse("no key that was given has signed it");
  }
  return { ...summaryOf(document), signed: signature !== undefined };
}
