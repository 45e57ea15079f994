/**
 * The recipe of `kodeno bundle inspect` and `verify`: what a bundle says that it holds, and whether it does.
 * @module
 */
import { summaryOf } from "../airgap/document.ts";
import { openBundle } from "../airgap/input.ts";
import { documentOf, readBundle } from "../airgap/reader.ts";
import { refuseUnsigned } from "../airgap/signed.ts";
import type { WorkOptions } from "../events.ts";
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
  refuseUnsigned({ what: input.what, bytes, signature }, keys);
  return { ...summaryOf(document), signed: signature !== undefined };
}
