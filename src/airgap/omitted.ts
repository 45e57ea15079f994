/**
 * What a bundle leaves out since it is expected where it goes: told by name where it is not there.
 * @module
 */
import { KodenoError } from "../errors.ts";
import { listed } from "../oci/entries.ts";
import type { BundleBlob, BundleDocument } from "./document.ts";

/** Blobs that a message names; a longer one is shown in part. */
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
  const before = base?.sequence === undefined
    ? ""
    : `, sent with bundle ${base.sequence} or before`;
  const count = missing.length === 1 ? "1 blob" : `${missing.length} blobs`;
  const is = missing.length === 1 ? "is" : "are";
  const list = listed(missing.map(({ digest, size }) => `${digest} (${size} bytes)`), MOST_NAMED);
  const why = `${count} of ${bytes} bytes ${is} not there${before}`;
  const next = "bring what was sent before, or have a bundle made since a new receipt";
  const detail = { missing: missing.map(({ digest, size }) => ({ digest, size })) };
  throw new KodenoError("NOT_FOUND", `Cannot ${doing}: ${why}: ${list}; ${next}`, detail);
}
