/**
 * How archives and their layers are compressed, as their first bytes tell.
 * @module
 */
import { MediaType } from "../oci/descriptor.ts";

interface Compression {
  /** Of the program that undoes it with `-dc`, too. */
  readonly name: "gzip" | "zstd" | "xz" | "bzip2";
  /** What OCI calls a layer that it was done to. */
  readonly layer?: string;
  readonly isStart: (text: string) => boolean;
}

/** So many bytes tell compressions apart. */
export const MAGIC_BYTES = 10;
const COMPRESSIONS: readonly Compression[] = [
  { name: "gzip", layer: MediaType.layerGzip, isStart: (text) => text.startsWith("\x1f\x8b") },
  {
    name: "zstd",
    layer: MediaType.layerZstd,
    // The second form is a frame to be skipped, with which some writers begin.
    isStart: (text) =>
      text.startsWith("\x28\xb5\x2f\xfd") ||
      ((text.charCodeAt(0) & 0xf0) === 0x50 && text.slice(1, 4) === "\x2a\x4d\x18"),
  },
  { name: "xz", isStart: (text) => text.startsWith("\xfd7zXZ\0") },
  // A member of a tar may be called BZh.
  { name: "bzip2", isStart: (text) => text.startsWith("BZh") && text.slice(4, 10) === "1AY&SY" },
];

/** How something is compressed, by its first bytes; undefined where it is not, as far as is known. */
export function compressionOf(start: Uint8Array): Compression | undefined {
  const text = String.fromCharCode(...start.subarray(0, MAGIC_BYTES));
  return COMPRESSIONS.find(({ isStart }) => isStart(text));
}
