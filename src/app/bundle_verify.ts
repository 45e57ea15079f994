/**
 * The recipe of `kodeno bundle inspect` and `verify`: what a bundle says that it holds, and whether it does.
 * @module
 */
import { type BundleBlob, type BundleDocument, summaryOf } from "../airgap/document.ts";
import { CarriedCheck } from "../airgap/carried_check.ts";
import { openBundle } from "../airgap/input.ts";
import { moduleCache, refuseOmittedModules } from "../airgap/modules.ts";
import { refuseOmitted } from "../airgap/omitted.ts";
import { hasWholeBlob, wholeBlobFileIn } from "../airgap/present.ts";
import { type BundleMember, documentOf, readBundle } from "../airgap/reader.ts";
import { refuseUnsigned } from "../airgap/signed.ts";
import { baseCacheDirectory } from "../build/cache.ts";
import { resolveCacheConfig } from "../config/config.ts";
import { processEnvironment } from "../config/environment.ts";
import type { WorkOptions } from "../events.ts";
import { openImages } from "../place/open.ts";
import { readKeys } from "../trust/key_files.ts";

interface VerifyRequest extends WorkOptions {
  /** Path of the bundle, or of its parts; `-` is stdin. */
  readonly bundle: string | readonly string[];
  /** A layout or archive that has to have what the bundle leaves out and the caches here have not. */
  readonly base?: string | undefined;
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
  { bundle, keys: paths = [], base, signal, emit }: VerifyRequest,
): Promise<BundleSummary & { readonly signed: boolean }> {
  const keys = readKeys(paths);
  const input = await openBundle(bundle, { signal });
  // deno-lint-ignore no-undef -- the linter does not know it yet
  using opened = new DisposableStack();
  const there = base === undefined
    ? undefined
    : opened.use(await openImages(base, { signal, emit }));
  let carried: CarriedCheck | undefined;
  const told = async (document: BundleDocument): Promise<void> => {
    carried = new CarriedCheck(input.what, document);
    if (there === undefined) return;
    const doing = `use ${input.what} with ${base}`;
    const environment = processEnvironment();
    // As apply does: bases and modules are in the caches of whoever builds.
    const cache = baseCacheDirectory(resolveCacheConfig(environment).directory);
    const isThere = async (one: BundleBlob) =>
      await wholeBlobFileIn(cache, one, { signal }) !== undefined ||
      await hasWholeBlob(there, one, { signal });
    await refuseOmitted({ doing, document }, isThere);
    if ((document.gomod?.omitted ?? []).length === 0) return;
    const modules = await moduleCache(environment, { signal });
    await refuseOmittedModules({ doing, document }, modules, { signal });
  };
  const member = async (one: BundleMember, chunks: AsyncIterable<Uint8Array>): Promise<void> => {
    if (one.kind === "file") await carried?.take(one.path, chunks, { signal });
  };
  const visitor = { document: told, member };
  const { document, bytes, signature } = await readBundle(input, visitor, { signal });
  carried?.end();
  refuseUnsigned({ what: input.what, bytes, signature }, keys);
  return { ...summaryOf(document), signed: signature !== undefined };
}
