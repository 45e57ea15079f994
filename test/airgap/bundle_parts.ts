/**
 * Bundles as the files that they are made of, to change one of them.
 * @module
 */
import { type BundleDocument, encodeDocument } from "../../src/airgap/document.ts";
import { member, tar } from "../archive/images.ts";

/** A file of a tar. */
export interface Part {
  readonly name: string;
  readonly bytes: Uint8Array;
}

/** The files of a tar whose names are short. */
export function partsOf(bytes: Uint8Array): readonly Part[] {
  const found: Part[] = [];
  const text = (from: number, to: number) =>
    new TextDecoder().decode(bytes.subarray(from, to)).replace(/\0.*/s, "");
  for (let at = 0; bytes[at] !== 0;) {
    const size = parseInt(text(at + 124, at + 136), 8);
    const name = text(at, at + 100);
    if (!name.endsWith("/")) found.push({ name, bytes: bytes.slice(at + 512, at + 512 + size) });
    at += 512 + Math.ceil(size / 512) * 512;
  }
  return found;
}

/** A tar of files. */
export const packed = (parts: readonly Part[]) =>
  tar(...parts.map((one) => member(one.name, one.bytes)));

/** A bundle whose document was changed by somebody who knows how its id is made. */
export function withDocument(
  bytes: Uint8Array,
  change: (document: BundleDocument) => Omit<BundleDocument, "version" | "id">,
): Uint8Array {
  return packed(
    partsOf(bytes).map((one) =>
      one.name !== "kodeno-bundle.json" ? one : {
        ...one,
        bytes: encodeDocument(change(JSON.parse(new TextDecoder().decode(one.bytes)))).bytes,
      }
    ),
  );
}
