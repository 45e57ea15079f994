/**
 * What a bundle leaves out since it is expected where it goes: told by name where it is not there.
 * @module
 */
import { KodenoError } from "../errors.ts";
import { listed } from "../oci/entries.ts";
import type { BundleBlob, BundleDocument } from "./document.ts";

/** Blobs or modules that a message names; a longer list is shown in part. */
const MOST_NAMED = 60;

/**
 * Refuses a bundle whose place lacks something of what was left out; names all of it.
 *
 * @throws {KodenoError} `NOT_FOUND`
 */
export async function refuseOmitted(
  { doing, document: { omitted, base } }: {
    /** `apply bundle x.tar` */
    readonly doing: string;
    readonly document: Pick<BundleDocument, "omitted" | "base">;
  },
  isThere: (blob: BundleBlob) => boolean | Promise<boolean>,
): Promise<void> {
  const missing: BundleBlob[] = [];
  for (const one of omitted) if (!await isThere(one)) missing.push(one);
  if (missing.length === 0) return;
  const bytes = missing.reduce((sum, { size }) => sum + size, 0);
  const what = missing.length === 1
    ? `1 blob of ${bytes} bytes is not there`
    : `${missing.length} blobs of ${bytes} bytes are not there`;
  const names = missing.map(({ digest, size }) => `${digest} (${size} bytes)`);
  const detail = { missing: missing.map(({ digest, size }) => ({ digest, size })) };
  throw missingOmitted({ doing, base }, what, names, detail);
}

/** The error for what was left out and is not there. */
export function missingOmitted(
  { doing, base }: { readonly doing: string; readonly base: BundleDocument["base"] },
  what: string,
  names: readonly string[],
  detail: KodenoError["detail"] = {},
): KodenoError {
  const { sequence } = base ?? {};
  const before = sequence === undefined ? "" : `, sent with bundle ${sequence} or before`;
  const why = `${what}${before}: ${listed(names, MOST_NAMED)}`;
  const next = "bring what was sent before, or have a bundle made since a new receipt";
  return new KodenoError("NOT_FOUND", `Cannot ${doing}: ${why}; ${next}`, detail);
}
