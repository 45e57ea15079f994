/**
 * The recipe of `kodeno sign`: images of a layout, an archive or a registry get signatures, which refer
 * to them. All of them are made before the first is put there.
 * @module
 */
import { resolveTransferConfig } from "../config/config.ts";
import type { TransferOptions } from "../config/options.ts";
import { imagesBelow } from "../content/images.ts";
import type { WorkOptions } from "../events.ts";
import { type Descriptor, type Digest, parseDigest } from "../oci/descriptor.ts";
import { nameAndDigest } from "../oci/entries.ts";
import { openSigned, type SignedImage } from "../place/signed.ts";
import { isBundleType, signedBundle } from "../trust/bundle.ts";
import { openSigner, type SignerRequest } from "../trust/key_files.ts";
import type { Signer } from "../trust/keys.ts";
import { type Said, Sayings } from "../trust/sayings.ts";
import { type FoundSignature, isPlain, type SignatureForm } from "../trust/signatures.ts";
import { simpleSignature } from "../trust/simple_signing.ts";

interface SignRequest extends SignerRequest, TransferOptions, WorkOptions {
  /** Path of a layout or archive, or an image of a registry. */
  readonly place: string;
  /** Names, tags or digests of the images of a layout or archive; default all. */
  readonly images?: readonly string[] | undefined;
  readonly forms: readonly SignatureForm[];
  /** Signs each platform of an image, and what refers to it, too. */
  readonly recursive?: boolean | undefined;
  /** What a signature says beside. */
  readonly annotations?: Readonly<Record<string, string>> | undefined;
}

/** A signature that was made, or was there. */
interface Signed {
  readonly name: string | undefined;
  /** Of what is signed. */
  readonly digest: Digest;
  /** What it can be asked for by. */
  readonly references: readonly string[];
  /** Whether it is the image, and no part of it or what refers to it. */
  readonly isRoot: boolean;
  readonly form: SignatureForm;
  /** Digest of its manifest. */
  readonly signature: string;
  readonly isNew: boolean;
}

/** Signs. What the same key has signed in the same form is left as it is. */
export async function sign(request: SignRequest): Promise<readonly Signed[]> {
  const { signal, emit } = request;
  const config = resolveTransferConfig(request);
  const signer = await openSigner(request, config.environment, { signal, emit });
  await using opened = await openSigned(request.place, {
    config,
    images: request.images ?? [],
    verb: "sign",
    writes: true,
    signal,
    emit,
  });
  const { annotations = {} } = request;
  const sayings = new Sayings(signer, { signal });
  const signed: (Omit<Signed, keyof Said> & { readonly said: Said })[] = [];
  for (const image of opened.images) {
    for (const subject of await subjectsIn(image, request)) {
      const digest = parseDigest(subject.digest);
      const saying = {
        subject,
        kind: "sig",
        isSaidBy: (one: FoundSignature) => isPlain(one, annotations),
        bundle: (signer: Signer) => signedBundle({ ...subject, digest }, signer, annotations),
        layer: (signer: Signer) => simpleSignature(digest, image.repository, signer, annotations),
      } as const;
      for (const form of request.forms) {
        signed.push({
          name: image.name,
          digest,
          references: [nameAndDigest(image.name, digest)],
          isRoot: digest === image.root.digest,
          form,
          said: await sayings.say(image, form, saying),
        });
      }
    }
  }
  await sayings.put();
  await opened.save();
  return signed.map(({ said, ...one }) => ({ ...one, ...said }));
}

/** What is signed of an image: itself, and its platforms and what refers to them, if asked for. */
async function subjectsIn(
  { place, root, referrers }: SignedImage,
  { recursive, signal }: SignRequest,
): Promise<readonly Descriptor[]> {
  if (!recursive) return [root];
  const images = await imagesBelow(place, root, { signal });
  const below = images.filter(({ digest }) => digest !== root.digest);
  const about = referrers.filter(({ artifactType }) => !isBundleType(artifactType));
  return [root, ...below, ...about];
}
