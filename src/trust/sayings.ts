/**
 * What one key says of images: what it has said of one already stays, and what is new is put there when all
 * of it is made. Bundles refer to their image; what is in cosign's old form stands under a tag that is made
 * of the image's digest, with what was there before.
 * @module
 */
import type { CallOptions, Source } from "../content/places.ts";
import { KodenoError } from "../errors.ts";
import type { CosignTagKind, Descriptor } from "../oci/descriptor.ts";
import type { Manifest } from "../oci/manifest.ts";
import {
  type Attachment,
  type AttachmentTarget,
  keepAttachments,
  putAttachment,
  type TrustBlob,
} from "./attachment.ts";
import { ENVELOPE_TYPE } from "./attestation.ts";
import type { Signer } from "./keys.ts";
import { type FoundSignature, manifestOf, type SignatureForm, signaturesBy } from "./signatures.ts";
import { signatureManifest, SIMPLE_SIGNING } from "./simple_signing.ts";

/** An image in its place, and what is there about it. */
interface ImageInPlace {
  readonly place: AttachmentTarget & Source;
  /** What a signature names as where the image is from. */
  readonly repository: string;
  /** What refers to the image, to its platforms, or to one of these. */
  readonly referrers: readonly Descriptor[];
  /** What stands under cosign's tag of a manifest, beside an image of this name. */
  legacyOf(subject: Descriptor, kind: CosignTagKind): Promise<Descriptor | undefined>;
  /** Has a manifest stand under such a tag. */
  keepLegacy(made: Descriptor, subject: Descriptor, kind: CosignTagKind): Promise<void>;
}

/** Something that is to be signed. */
interface Saying {
  /** The image, a platform of it, or what refers to it. */
  readonly subject: Descriptor;
  /** Under which tag it stands in cosign's old form. */
  readonly kind: CosignTagKind;
  /** Whether a signature of the same key says it already. */
  isSaidBy(one: FoundSignature): boolean;
  bundle(signer: Signer): Promise<Attachment>;
  /** As a layer in cosign's old form. */
  layer(signer: Signer): Promise<TrustBlob>;
}

interface Made {
  readonly image: ImageInPlace;
  readonly made: Attachment;
  /** The tag of cosign's that it gets; without one it refers to its subject. */
  readonly tag: Pick<Saying, "subject" | "kind"> | undefined;
}

/** What one key says of images of a place, each thing once: images have several names, and parts in common. */
export class Sayings {
  readonly #made = new Map<string, Made>();

  constructor(readonly signer: Signer, readonly options: CallOptions) {}

  /** Says something of an image; what is new is made, and is put there by {@link put}. */
  async say(
    image: ImageInPlace,
    form: SignatureForm,
    saying: Saying,
  ): Promise<{
    /** Digest of the manifest that says it. */
    readonly signature: string;
    readonly isNew: boolean;
  }> {
    const { subject } = saying;
    const key = [form, subject.digest, form === "legacy" ? image.repository : ""].join(" ");
    const known = this.#made.get(key);
    const found = known ?? await this.#make(image, form, saying);
    if (typeof found === "string") return { signature: found, isNew: false };
    this.#made.set(key, found);
    return { signature: found.made.manifest.descriptor.digest, isNew: true };
  }

  /** What has to be put beside the image; the digest of what is there, where the key has said it. */
  async #make(image: ImageInPlace, form: SignatureForm, saying: Saying): Promise<Made | string> {
    const { signer, options } = this;
    const { subject, kind } = saying;
    const { place, referrers } = image;
    const legacy = form === "legacy" ? await image.legacyOf(subject, kind) : undefined;
    const own = legacy === undefined ? [] : [legacy];
    const signed = { source: place, image: subject, referrers, legacy: own };
    const there = await signaturesBy([signer.key], signed, options);
    const had = there.find((one) => one.form === form && saying.isSaidBy(one));
    if (had !== undefined) return had.digest;
    if (form === "bundle") return { image, made: await saying.bundle(signer), tag: undefined };
    const present = await this.#present(place, legacy, kind);
    return { image, made: signatureManifest(await saying.layer(signer), present), tag: saying };
  }

  /**
   * The manifest under a tag of cosign's, where there is one, to which a layer can be added.
   *
   * @throws {KodenoError} `BAD_CONTENT` where it has layers of something else
   */
  async #present(
    source: Source,
    d: Descriptor | undefined,
    kind: CosignTagKind,
  ): Promise<Manifest | undefined> {
    if (d === undefined) return undefined;
    const manifest = await manifestOf(source, d, this.options);
    const own = kind === "sig" ? SIMPLE_SIGNING : ENVELOPE_TYPE;
    const other = manifest.layers.find(({ mediaType }) => mediaType !== own);
    if (other === undefined) return manifest;
    const why = `its layer ${other.digest} is of type ${other.mediaType}`;
    throw new KodenoError("BAD_CONTENT", `Cannot add a signature to ${d.digest}: ${why}`);
  }

  /** Puts what is new beside the images. */
  async put(): Promise<void> {
    const all = [...this.#made.values()];
    const referring = all.filter(({ tag }) => tag === undefined);
    for (const [place, some] of Map.groupBy(referring, ({ image }) => image.place)) {
      await keepAttachments(some.map(({ made }) => made), place, this.options);
    }
    for (const { image, made, tag } of all) {
      if (tag === undefined) continue;
      await putAttachment(made, image.place, this.options);
      await image.keepLegacy(made.manifest.descriptor, tag.subject, tag.kind);
    }
  }
}
