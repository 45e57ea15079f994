/**
 * The recipe of `kodeno bundle receipt`: what is at a place, for whoever makes the next bundle for it.
 * @module
 */
import { basename, dirname, join, resolve } from "node:path";
import { appliedIn, lastOf } from "../airgap/applied.ts";
import { APPLIED_LAYOUT } from "../airgap/apply.ts";
import { type BundleDocument, type BundleModule, SITE } from "../airgap/document.ts";
import { openBundle } from "../airgap/input.ts";
import { moduleCache, modulesIn } from "../airgap/modules.ts";
import { hasWholeBlob, presentDigests, wholeBlobFileIn } from "../airgap/present.ts";
import { readBundle } from "../airgap/reader.ts";
import { encodeReceipt } from "../airgap/receipt.ts";
import { baseCacheDirectory } from "../build/cache.ts";
import { resolveCacheConfig, resolveTransferConfig } from "../config/config.ts";
import { badValue } from "../config/checks.ts";
import type { TransferOptions } from "../config/options.ts";
import { hasCode } from "../errors.ts";
import type { WorkOptions } from "../events.ts";
import { isFile } from "../io/files.ts";
import { checkOutput, writeOutput } from "../io/output.ts";
import type { Digest } from "../oci/descriptor.ts";
import { openImages, placeToRead } from "../place/open.ts";
import { openImage } from "../place/open_image.ts";
import { openSigner, type SignerRequest } from "../trust/key_files.ts";

interface ReceiptRequest extends TransferOptions, WorkOptions {
  /** Layouts, archives, bundles and images of registries. */
  readonly from: readonly string[];
  /** Path of the file; `-` is stdout. */
  readonly output: string;
  /** What the place is called. */
  readonly site?: string | undefined;
  /** Whether it is to be printed or typed. */
  readonly text?: boolean | undefined;
  /** Who signs it; nobody where no key is said. */
  readonly sign: SignerRequest;
}

/** What was found. */
class Found {
  readonly blobs = new Set<Digest>();
  readonly modules = new Map<string, BundleModule>();
  last: Pick<BundleDocument, "sequence" | "id"> | undefined;

  /** Takes what a bundle brought, as far as it is there. */
  bundle(
    { sequence, id }: Pick<BundleDocument, "sequence" | "id">,
    modules: readonly BundleModule[] = [],
  ): void {
    if (this.last === undefined || sequence > this.last.sequence) this.last = { sequence, id };
    for (const one of modules) this.modules.set(`${one.path}@${one.version}`, one);
  }
}

/** Makes a receipt of all that is in some places. */
export async function makeReceipt(request: ReceiptRequest) {
  const { from, output, site, text, sign, signal, emit } = request;
  if (site !== undefined && !SITE.test(site)) {
    throw badValue("--site", site, "it has to be letters, digits and . : @ - _, 64 at most");
  }
  const what = output === "-" ? "the receipt on stdout" : `receipt ${output}`;
  await checkOutput(output, what);
  const config = resolveTransferConfig(request);
  const isSigned = sign.key !== undefined || sign.signer !== undefined;
  const signer = isSigned
    ? await openSigner(sign, config.environment, { signal, emit })
    : undefined;
  const found = new Found();
  for (const one of from) await look(one, found, { ...request, config });
  const { id: bundle, sequence } = found.last ?? {};
  const [blobs, modules] = [[...found.blobs], [...found.modules.values()]];
  const content = { site, sequence, bundle, blobs, modules };
  const { id, bytes } = await encodeReceipt(content, { text, signer });
  await writeOutput(output, { what, signal }, async (take) => await take(bytes));
  return {
    id,
    path: output,
    ...(site === undefined ? {} : { site }),
    ...(sequence === undefined ? {} : { sequence }),
    blobs: blobs.length,
    modules: modules.length,
    signed: signer !== undefined,
  };
}

type Looking = ReceiptRequest & { readonly config: ReturnType<typeof resolveTransferConfig> };

/** Takes what a place has. */
async function look(from: string, found: Found, work: Looking): Promise<void> {
  const { config, signal, emit } = work;
  // The folder that bundles are applied to, or the layout in it.
  if (await lookAtApplied(from, found, work)) {
    const layout = join(from, APPLIED_LAYOUT);
    return isFile(join(layout, "oci-layout"))
      ? await look(`oci:${layout}`, found, work)
      : undefined;
  }
  const place = await placeToRead(from);
  if (place.kind === "archive" && place.ref === "") {
    if (await lookInBundle(place.path, found, work)) return;
  }
  const add = (digests: ReadonlySet<Digest>): void => {
    for (const one of digests) found.blobs.add(one);
  };
  if (place.kind === "layout" || place.kind === "archive") {
    using store = await openImages(place.path, { signal, emit });
    const roots = place.ref === "" ? await store.entries() : [await store.resolve(place.ref)];
    add(await presentDigests(store, roots, { signal, has: hasWholeBlob }));
    if (place.kind === "layout" && basename(resolve(place.path)) === APPLIED_LAYOUT) {
      await lookAtApplied(dirname(resolve(place.path)), found, work);
    }
    return;
  }
  await using image = await openImage(place, { config, from, signal, emit });
  add(await presentDigests(image.source, [image.root], { signal }));
}

/** Takes what a bundle has, all of which is checked; tells whether it is one. */
async function lookInBundle(path: string, found: Found, { signal }: Looking): Promise<boolean> {
  let isBundle = false;
  const document = (): void => {
    isBundle = true;
  };
  try {
    const read = await readBundle(await openBundle(path, { signal }), { document }, { signal });
    for (const { digest } of read.document.blobs) found.blobs.add(digest);
    found.bundle(read.document, read.document.gomod?.modules);
    return true;
  } catch (error) {
    if (isBundle || !hasCode(error, "BAD_PLACE")) throw error;
    return false;
  }
}

/** Takes what bundles have brought to a folder; bases are in kodeno's cache. Tells whether any have. */
async function lookAtApplied(
  directory: string,
  found: Found,
  { config, signal }: Looking,
): Promise<boolean> {
  const applied = appliedIn(directory);
  const last = applied && lastOf(applied);
  if (applied === undefined || last === undefined) return false;
  const { modules, bases } = applied;
  const cache = modules.length > 0 ? await moduleCache(config.environment, { signal }) : "";
  found.bundle(last, await modulesIn(cache, modules, { signal }));
  const folder = baseCacheDirectory(resolveCacheConfig().directory);
  for (const one of bases) {
    const file = await wholeBlobFileIn(folder, one, { signal });
    if (file !== undefined) found.blobs.add(one.digest);
  }
  return true;
}
