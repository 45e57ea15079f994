/**
 * What came to a layout last: the document of the bundle lies in it, so that a receipt of the layout tells
 * which bundle that was, and what it brought that is elsewhere (bases, Go modules).
 * @module
 */
import { join } from "node:path";
import { syncParent, writeSynced } from "../io/atomic.ts";
import { ioFailure, isFile, readSmallText, writeAll } from "../io/files.ts";
import { type BundleDocument, DOCUMENT, MAX_DOCUMENT_BYTES, parseDocument } from "./document.ts";

/** The document of the last bundle; nothing where none was applied. */
export function lastApplied(layout: string): BundleDocument | undefined {
  const path = join(layout, DOCUMENT);
  if (!isFile(path)) return undefined;
  try {
    const text = readSmallText(path, MAX_DOCUMENT_BYTES);
    return parseDocument(new TextEncoder().encode(text), path);
  } catch (error) {
    throw ioFailure(`read ${path}`, error);
  }
}

/** Keeps the document of a bundle that was applied; one that came before a later one changes nothing. */
export async function noteApplied(
  layout: string,
  { document, bytes }: { readonly document: BundleDocument; readonly bytes: Uint8Array },
): Promise<void> {
  const path = join(layout, DOCUMENT);
  try {
    if ((lastOrNone(layout)?.sequence ?? 0) > document.sequence) return;
    await writeSynced(path, layout, (file) => writeAll(file, bytes));
    await syncParent(path);
  } catch (error) {
    throw ioFailure(`write ${path}`, error);
  }
}

/** One that is damaged is written anew. */
function lastOrNone(layout: string): BundleDocument | undefined {
  try {
    return lastApplied(layout);
  } catch {
    return undefined;
  }
}
