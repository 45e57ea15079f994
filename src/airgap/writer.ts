/**
 * Writing a bundle from its first byte to its last: what is in it is known before, and each byte is read
 * once, checked, and let go.
 * @module
 */
import { Buffer } from "node:buffer";
import { fetchBlob } from "../content/blobs.ts";
import { beginTransfer, type TransferMeter } from "../content/copy.ts";
import type { CallOptions, OpenBlob } from "../content/places.ts";
import { hasSuccessors } from "../content/walk.ts";
import { digestOf } from "../io/hash.ts";
import { bytesStream, checkedChunks } from "../io/streams.ts";
import { TAR_END, tarHeader } from "../io/tar_writer.ts";
import type { TakeBytes } from "../io/output.ts";
import { blobPath, type Descriptor, digestAlgorithm, MediaType } from "../oci/descriptor.ts";
import { encodeJson } from "../oci/manifest.ts";
import { blobsFolder, FOLDERS, padding } from "../place/archive/collector.ts";
import { detachedBundle } from "../trust/detached.ts";
import type { Signer } from "../trust/keys.ts";
import {
  type BundleDocument,
  type BundleFile,
  DOCUMENT,
  encodeDocument,
  SIGNATURE,
} from "./document.ts";
import type { BundleImages } from "./images.ts";

/** A member that is no blob, and its bytes. */
export interface BundleMemberFile extends BundleFile {
  readonly open: OpenBlob;
  /** The file that has them, if there is one. */
  readonly at?: string | undefined;
}

/** What goes into a bundle. */
export interface BundleContent extends Pick<BundleDocument, "base" | "gomod" | "source"> {
  readonly images: BundleImages;
  /** In any order. */
  readonly files?: readonly BundleMemberFile[] | undefined;
  /** Default 1. */
  readonly sequence?: number | undefined;
  /** Signs it. */
  readonly signer?: Signer | undefined;
}

/** A file of bytes at hand. */
export function memberOfBytes(path: string, bytes: Uint8Array): BundleMemberFile {
  const open = () => Promise.resolve(bytesStream(bytes));
  return { path, digest: digestOf(bytes), size: bytes.length, open };
}

/** What a bundle would have: its document, and that in bytes. The same content gives the same bytes. */
function planBundle(
  { images, files = [], sequence = 1, base, gomod, source }: BundleContent,
) {
  const entries = images.entries();
  const head = { schemaVersion: 2, mediaType: MediaType.index };
  const marker = memberOfBytes("oci-layout", encodeJson({ imageLayoutVersion: "1.0.0" }));
  const index = memberOfBytes("index.json", encodeJson({ ...head, manifests: entries }));
  const others = files.toSorted((a, b) => a.path < b.path ? -1 : 1);
  const sized = (d: Descriptor) => ({
    digest: d.digest as BundleFile["digest"],
    size: d.size,
    ...(hasSuccessors(d) ? { mediaType: d.mediaType } : {}),
  });
  const { document, bytes } = encodeDocument({
    sequence,
    base,
    images: images.images("image"),
    bases: images.images("base"),
    blobs: images.blobs().map(({ d }) => sized(d)),
    omitted: images.omitted().map(sized),
    files: [marker, index, ...others].map(({ path, digest, size }) => ({ path, digest, size })),
    gomod,
    source,
  });
  return { document, bytes, marker, index, others };
}

/**
 * Writes a bundle. Nothing of it is kept: the memory does not grow with it.
 *
 * @returns its document and how many bytes it has
 * @throws {KodenoError} `BAD_CONTENT` for bytes that are not what was planned, and what reading gives
 */
export async function writeBundle(
  content: BundleContent,
  take: TakeBytes,
  { emit, signal }: CallOptions & TransferMeter = {},
): Promise<{ readonly document: BundleDocument; readonly bytes: number }> {
  const { document, bytes, marker, index, others } = planBundle(content);
  let written = 0;
  const put = async (chunk: Uint8Array): Promise<void> => {
    written += chunk.length;
    await take(chunk);
  };
  const file = async ({ path, open, ...sized }: BundleMemberFile): Promise<void> => {
    const d = { ...sized, mediaType: "application/octet-stream" };
    await put(header(path, d.size));
    for await (const chunk of checkedChunks(await open(), d, { signal, place: path })) {
      await put(chunk);
    }
    await put(padding(d.size));
  };
  await file(marker);
  await file(memberOfBytes(DOCUMENT, bytes));
  await file(index);
  const blobs = content.images.blobs();
  await put(FOLDERS);
  if (blobs.some(({ d }) => digestAlgorithm(d.digest) === "sha512")) {
    await put(blobsFolder("sha512"));
  }
  for (const { d, source } of blobs) {
    const transfer = beginTransfer(d, () => fetchBlob(source, d, { signal }), { emit });
    await put(header(blobPath(d), d.size));
    const chunks = checkedChunks(await transfer.open(), d, { signal, place: source.what });
    for await (const chunk of chunks) await put(chunk);
    await put(padding(d.size));
    transfer.done();
  }
  for (const one of others) await file(one);
  if (content.signer !== undefined) {
    await file(memberOfBytes(SIGNATURE, await detachedBundle(bytes, content.signer)));
  }
  await put(TAR_END);
  return { document, bytes: written };
}

function header(name: string, size: number): Uint8Array {
  return Buffer.from(tarHeader({ type: "file", name, mode: 0o644, size }));
}
