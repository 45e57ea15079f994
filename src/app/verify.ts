/**
 * The recipe of `kodeno verify`: whether what is in a place is whole, and is signed by those who may.
 * @module
 */
import { resolveTransferConfig } from "../config/config.ts";
import type { TransferOptions, TrustOptions } from "../config/options.ts";
import { ContentCheck } from "../content/check.ts";
import type { ImageStore } from "../content/places.ts";
import { type FoundImage, ImageReader } from "../content/reader.ts";
import { KodenoError } from "../errors.ts";
import type { WorkOptions } from "../events.ts";
import { calledName, entryName } from "../oci/entries.ts";
import { entryFaults, entryKey, strayFaults } from "../place/fsck.ts";
import { giveUpNetwork } from "../place/open.ts";
import { openSigned } from "../place/signed.ts";
import { openPolicy } from "../trust/policy.ts";
import { verified } from "../trust/verified.ts";

interface VerifyRequest extends TransferOptions, TrustOptions, WorkOptions {
  /** Path of a layout or archive, or an image of a registry. */
  readonly place: string;
  /** Names, tags or digests of the images of a layout or archive; default all. */
  readonly images?: readonly string[] | undefined;
  /** Types of statements that have to be signed about each image, as cosign calls them or as URIs. */
  readonly attestations?: readonly string[] | undefined;
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

/** A blob of a layout or archive that is of no image, and is not what its name says. */
interface DamagedStray {
  readonly digest: string;
  readonly fault: string;
}

/** What was found of a place. */
interface VerifiedPlace {
  readonly images: readonly VerifiedImage[];
  readonly strays: readonly DamagedStray[];
}

/**
 * Checks images: that each blob is there and is what its digest and its type say, what refers to the image
 * as well, and that names mean one image; with keys or a policy, that who has to has signed it. Of a whole
 * layout or archive the blobs of no image are read, too. Reads on after a fault.
 */
export async function verifyImages(request: VerifyRequest): Promise<VerifiedPlace> {
  const { place: where, images = [], signal, emit } = request;
  const config = resolveTransferConfig(request);
  const policy = await openPolicy(request);
  await using opened = await openSigned(where, { config, images, verb: "verify", signal, emit });
  const { source, others } = opened;
  const isStore = "entries" in source;
  if (request.offline && isStore) await giveUpNetwork();
  const content = new ContentCheck(source, { signal, types: true });
  const { ownName } = source as Partial<ImageStore>;
  // A policy knows images by the names that they would be moved under.
  const named = opened.images.map(({ root, name }) => ({
    root,
    name: calledName(root, ownName) ?? name,
  }));
  const verdicts = [
    ...await verified(source, named, policy, { content, signal }),
    // What is no image has nobody's signature; it has to be what its digest says all the same.
    ...await verified(source, others, undefined, { content, signal }),
  ];
  const odd = isStore ? await entryFaults(source as ImageStore) : new Map<string, string[]>();
  const reader = new ImageReader(source, signal);
  const found: VerifiedImage[] = [];
  const known = new Map(opened.images.map((image) => [image.root, image]));
  for (const { image: { root }, faults, blobs, bytes, signatures } of verdicts) {
    const name = known.has(root) ? known.get(root)?.name : entryName(root);
    const all = [...odd.get(entryKey(root)) ?? [], ...faults];
    // Of what is no image only a fault is told.
    if (all.length === 0 && others.some((other) => other.root === root)) continue;
    found.push({
      ...await reader.image(root, false, name),
      faults: all,
      blobs,
      bytes,
      signatures: [...new Set(signatures.map(({ digest }) => digest))],
    });
  }
  const strays = images.length === 0 && isStore
    ? await strayFaults(source as ImageStore, content)
    : [];
  return { images: found, strays };
}

/** Refuses what does not hold, when all of it was told. */
export function refuseFaults(place: string, { images, strays }: VerifiedPlace): void {
  const bad = images.filter(({ faults }) => faults.length > 0);
  const [first] = [
    ...bad.map(({ name, digest, faults: [fault] }) => ({ name: name ?? digest, digest, fault })),
    ...strays.map(({ digest, fault }) => ({ name: "a blob", digest, fault })),
  ];
  if (first === undefined) return;
  const more = bad.length + strays.length - 1;
  const others = more > 0 ? `, and ${more} more` : "";
  const message = `Cannot trust ${first.name} of ${place}: ${first.fault}${others}`;
  throw new KodenoError("NOT_TRUSTED", message, { digest: first.digest });
}
