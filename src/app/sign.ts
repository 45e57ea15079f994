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
import {
  type Beside,
  isPlain,
  legacyLayers,
  putBeside,
  type SignatureForm,
  signaturesBy,
} from "../trust/signatures.ts";
import { signatureManifest, simpleSignature } from "../trust/simple_signing.ts";

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
  const signed: Signed[] = [];
  /** An image may have several names, and images parts in common. */
  const made = new Map<string, Beside>();
  for (const image of opened.images) {
    for (const subject of await subjectsIn(image, request)) {
      for (const form of request.forms) {
        const key = [form, subject.digest, form === "legacy" ? image.repository : ""].join(" ");
        const found = made.get(key) ?? await signOne(image, subject, form, signer, request);
        if (typeof found !== "string") made.set(key, found);
        const digest = parseDigest(subject.digest);
        const isNew = typeof found !== "string";
        signed.push({
          name: image.name,
          digest,
          references: [nameAndDigest(image.name, digest)],
          isRoot: digest === image.root.digest,
          form,
          signature: isNew ? found.made.manifest.descriptor.digest : found,
          isNew,
        });
      }
    }
  }
  await putBeside([...made.values()], { signal });
  await opened.save();
  return signed;
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

/** A signature to be put beside an image; the digest of the one that is there, where the key has made it. */
async function signOne(
  image: SignedImage,
  subject: Descriptor,
  form: SignatureForm,
  signer: Signer,
  { annotations = {}, signal }: SignRequest,
): Promise<Beside | string> {
  const { place, referrers, repository, legacyOf } = image;
  const legacy = form === "legacy" ? await legacyOf(subject, "sig", true) : undefined;
  const own = legacy === undefined ? [] : [legacy];
  const signed = { source: place, image: subject, referrers, legacy: own };
  const there = await signaturesBy([signer.key], signed, { signal });
  const had = there.find((one) => one.form === form && isPlain(one, annotations));
  if (had !== undefined) return had.digest;
  const digest = parseDigest(subject.digest);
  if (form === "bundle") {
    return { image, made: await signedBundle({ ...subject, digest }, signer, annotations) };
  }
  const present = await legacyLayers(place, legacy, "sig", { signal });
  const layer = await simpleSignature(digest, repository, signer, annotations);
  return { image, made: signatureManifest(layer, present), tag: { subject, kind: "sig" } };
}
