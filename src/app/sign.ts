/**
 * The recipe of `kodeno sign`: images of a layout or a registry get signatures, which refer to them.
 * @module
 */
import { resolveTransferConfig } from "../config/config.ts";
import type { TransferOptions } from "../config/options.ts";
import { hasSuccessors, readGraphDocument } from "../content/walk.ts";
import type { WorkOptions } from "../events.ts";
import { type Descriptor, isManifestType, parseDigest, signatureTag } from "../oci/descriptor.ts";
import { nameAndDigest } from "../oci/entries.ts";
import { openSigned, type SignedImage } from "../place/signed.ts";
import { isBundleType, signedBundle } from "../trust/bundle.ts";
import { openSigner } from "../trust/key_files.ts";
import type { Signer } from "../trust/keys.ts";
import {
  isPlain,
  keepAttachments,
  manifestOf,
  putAttachment,
  signaturesBy,
} from "../trust/signatures.ts";
import { signatureManifest, simpleSignature } from "../trust/simple_signing.ts";

/** The form of a signature: sigstore's bundle, or what cosign made before that. */
type SignatureForm = "bundle" | "legacy";

interface SignRequest extends TransferOptions, WorkOptions {
  /** Path of a layout, or an image of a registry. */
  readonly place: string;
  /** Names, tags or digests of the images of a layout; default all. */
  readonly images?: readonly string[] | undefined;
  /** File of the private key. */
  readonly key: string;
  /** Asks for its password, where no variable has it. */
  readonly askPassword: () => Promise<string>;
  readonly forms: readonly SignatureForm[];
  /** Signs each platform of an image, and what refers to it, too. */
  readonly recursive?: boolean | undefined;
  /** What a signature says beside. */
  readonly annotations?: Readonly<Record<string, string>> | undefined;
}

/**
 * Signs. What the same key has signed in the same form is left as it is.
 *
 * @returns for each that was signed its `name`, `digest` and `references`, the `form`, the digest of the
 * `signature`, and whether it `isNew`
 */
export async function sign(request: SignRequest) {
  const { signal, emit } = request;
  const config = resolveTransferConfig(request);
  const signer = await openSigner(request.key, config.environment, request.askPassword);
  await using opened = await openSigned(request.place, {
    config,
    images: request.images ?? [],
    verb: "sign",
    signal,
    emit,
  });
  const signed = [];
  for (const image of opened.images) {
    for (const subject of await subjectsIn(image, request)) {
      for (const form of request.forms) {
        signed.push(await signOne(image, subject, form, { ...request, signer }));
      }
    }
  }
  return signed;
}

/** What is signed of an image: itself, and its platforms and what refers to them, if asked for. */
async function subjectsIn(
  { place, root, referrers }: SignedImage,
  { recursive, signal }: SignRequest,
): Promise<readonly Descriptor[]> {
  if (!recursive || !hasSuccessors(root)) return [root];
  const { index } = await readGraphDocument(place, root, { signal });
  const below = (index?.manifests ?? []).filter(({ mediaType }) => isManifestType(mediaType));
  const about = referrers.filter(({ artifactType }) => !isBundleType(artifactType));
  return [root, ...below, ...about];
}

async function signOne(
  { place, name, root, referrers, repository, legacyOf, keepLegacy }: SignedImage,
  subject: Descriptor,
  form: SignatureForm,
  { signer, annotations, signal }: SignRequest & { readonly signer: Signer },
) {
  const legacy = form === "legacy" ? await legacyOf(subject) : undefined;
  const signed = { source: place, image: subject, referrers, legacy };
  const there = await signaturesBy([signer.key], signed, { signal });
  const had = there.find((one) => one.form === form && isPlain(one));
  const digest = parseDigest(subject.digest);
  const references = [nameAndDigest(name, digest)];
  const result = { name, digest, references, isRoot: digest === root.digest, form };
  if (had !== undefined) return { ...result, signature: had.digest, isNew: false };
  if (form === "bundle") {
    const made = await signedBundle({ ...subject, digest }, signer, annotations);
    await keepAttachments([made], place, { signal });
    return { ...result, signature: made.manifest.descriptor.digest, isNew: true };
  }
  const layer = await simpleSignature(digest, repository, signer, annotations);
  const present = legacy && await manifestOf(place, legacy, { signal });
  const made = signatureManifest(layer, present);
  await putAttachment(made, place, { signal });
  await keepLegacy(made.manifest.descriptor, signatureTag(subject));
  return { ...result, signature: made.manifest.descriptor.digest, isNew: true };
}
