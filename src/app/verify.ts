/**
 * The recipe of `kodeno verify`: whether what is in a place is whole, and is signed by those who may.
 * @module
 */
import { resolveTransferConfig } from "../config/config.ts";
import type { TransferOptions } from "../config/options.ts";
import { type FoundImage, ImageReader } from "../content/reader.ts";
import type { Source } from "../content/places.ts";
import { verify } from "../content/check.ts";
import { hasCode, KodenoError, messageOf } from "../errors.ts";
import type { WorkOptions } from "../events.ts";
import type { Descriptor } from "../oci/descriptor.ts";
import { openSigned, type SignedImage } from "../place/signed.ts";
import { readKeys } from "../trust/key_files.ts";
import type { VerificationKey } from "../trust/keys.ts";
import { signaturesBy } from "../trust/signatures.ts";
import { predicateType } from "../trust/statement.ts";

interface VerifyRequest extends TransferOptions, WorkOptions {
  /** Path of a layout or archive, or an image of a registry. */
  readonly place: string;
  /** Names, tags or digests of the images of a layout or archive; default all. */
  readonly images?: readonly string[] | undefined;
  /** Files of public keys, one of which has to have signed each image; default none. */
  readonly keys?: readonly string[] | undefined;
  /** Types of statements that have to be signed about each image, as cosign calls them or as URIs. */
  readonly attestations?: readonly string[] | undefined;
}

/** The request, with its keys read. */
interface Asked extends WorkOptions {
  readonly keys: readonly VerificationKey[];
  readonly attestations: readonly string[];
}

/** What was found of an image. */
interface VerifiedImage extends FoundImage {
  /** What is wrong with it; nothing where it holds. */
  readonly faults: readonly string[];
  /** Blobs that were read, and their bytes. */
  readonly blobs: number;
  readonly bytes: number;
  /** Manifests with signatures of the keys. */
  readonly signatures: readonly string[];
}

/**
 * Checks images: that each blob is there and is what its digest says, what refers to the image as well;
 * with keys that one of them has signed it. Reads on after a fault.
 */
export async function verifyImages(request: VerifyRequest): Promise<readonly VerifiedImage[]> {
  const { place, images = [], signal, emit } = request;
  const config = resolveTransferConfig(request);
  const asked = {
    keys: readKeys(request.keys ?? []),
    attestations: (request.attestations ?? []).map(predicateType),
  };
  if (asked.attestations.length > 0 && asked.keys.length === 0) {
    const why = "say with --key FILE who has to have signed";
    throw new KodenoError("BAD_OPTION", `Cannot verify attestations of ${place}: ${why}`);
  }
  await using opened = await openSigned(place, {
    config,
    images,
    verb: "verify",
    signal,
    emit,
  });
  const found: VerifiedImage[] = [];
  for (const image of opened.images) found.push(await verifyOne(image, { ...request, ...asked }));
  // What is no image has nobody's signature; it has to be what its digest says all the same.
  for (const other of opened.others) {
    const { faults, blobs, bytes } = await contentOf(other.place, [other.root], request);
    const shown = await new ImageReader(other.place, signal).image(other.root, false, other.name);
    if (faults.length > 0) found.push({ ...shown, faults, blobs, bytes, signatures: [] });
  }
  return found;
}

/** Refuses what does not hold, when all of it was told. */
export function refuseFaults(place: string, images: readonly VerifiedImage[]): void {
  const bad = images.filter(({ faults }) => faults.length > 0);
  const [first] = bad;
  if (first === undefined) return;
  const others = bad.length > 1 ? `, and ${bad.length - 1} more` : "";
  const name = first.name ?? first.digest;
  const message = `Cannot trust ${name} of ${place}: ${first.faults[0]}${others}`;
  throw new KodenoError("NOT_TRUSTED", message, { digest: first.digest });
}

/** Reads all that some roots lead to, and says what is not what its digest says. */
async function contentOf(source: Source, roots: readonly Descriptor[], { signal }: WorkOptions) {
  const faults: string[] = [];
  let [blobs, bytes] = [0, 0];
  for (const root of roots) {
    try {
      const read = await verify(source, root, { signal });
      blobs += read.blobs;
      bytes += read.bytes;
    } catch (error) {
      if (!hasCode(error, "BAD_CONTENT", "NOT_FOUND")) throw error;
      faults.push(messageOf(error));
    }
  }
  return { faults, blobs, bytes };
}

async function verifyOne(image: SignedImage, request: Asked): Promise<VerifiedImage> {
  const { place, root, referrers } = image;
  const { signal, keys, attestations } = request;
  const { faults, blobs, bytes } = await contentOf(place, [root, ...referrers], { signal });
  const unfit: string[] = [];
  const signatures = keys.length === 0 || faults.length > 0 ? [] : await signaturesBy(
    keys,
    { source: place, image: root, referrers, legacy: await image.legacyOf(root) },
    { signal, unfit: (why) => unfit.push(why) },
  );
  if (keys.length > 0 && faults.length === 0) {
    const why = unfit.length > 0 ? ` (${unfit[0]})` : "";
    if (signatures.length === 0) faults.push(`no key that was given has signed it${why}`);
    for (const type of attestations) {
      const isThere = signatures.some(({ statement }) => statement?.predicateType === type);
      if (!isThere) faults.push(`no key that was given has signed a statement of type ${type}`);
    }
  }
  return {
    ...await new ImageReader(place, signal).image(root, false, image.name),
    faults,
    blobs,
    bytes,
    signatures: [...new Set(signatures.map(({ digest }) => digest))],
  };
}
