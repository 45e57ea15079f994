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
  /** Has a manifest stand under such a tag that is made of what stands there. */
  keepLegacy(
    subject: Descriptor,
    kind: CosignTagKind,
    make: (present: Descriptor | undefined) => Promise<Descriptor>,
  ): Promise<void>;
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

/** What came of something that was said; it is known when that is put there. */
export interface Said {
  /** Digest of the manifest that says it. */
  signature: string;
  isNew: boolean;
}

interface Made {
  readonly image: ImageInPlace;
  readonly saying: Saying;
  readonly said: Said;
  /** A bundle, or a layer of cosign's old form beside those that were there. */
  readonly made:
    | { readonly bundle: Attachment }
    | { readonly layer: TrustBlob; readonly beside: Descriptor | undefined };
}

/** What one key says of images of a place, each thing once: images have several names, and parts in common. */
export class Sayings {
  readonly #made = new Map<string, Made>();

  constructor(readonly signer: Signer, readonly options: CallOptions) {}

  /** Says something of an image; what is new is made, and is put there by {@link put}. */
  async say(image: ImageInPlace, form: SignatureForm, saying: Saying): Promise<Readonly<Said>> {
    const { subject } = saying;
    const key = [form, subject.digest, form === "legacy" ? image.repository : ""].join(" ");
    const found = this.#made.get(key) ?? await this.#make(image, form, saying);
    if (!("made" in found)) return found;
    this.#made.set(key, found);
    return found.said;
  }

  /** What has to be put beside the image; what is there, where the key has said it. */
  async #make(image: ImageInPlace, form: SignatureForm, saying: Saying): Promise<Made | Said> {
    const { signer } = this;
    const { subject, kind } = saying;
    const beside = form === "legacy" ? await image.legacyOf(subject, kind) : undefined;
    const there = await this.#said(image, form, saying, beside);
    if (there !== undefined) return there;
    if (form === "bundle") {
      const bundle = await saying.bundle(signer);
      const said = { signature: bundle.manifest.descriptor.digest, isNew: true };
      return { image, saying, said, made: { bundle } };
    }
    // What cannot be added to is refused before anything is put anywhere.
    await this.#present(image.place, beside, kind);
    const layer = await saying.layer(signer);
    return { image, saying, said: { signature: "", isNew: true }, made: { layer, beside } };
  }

  /** What the key has said already, if it has. */
  async #said(
    { place, referrers }: ImageInPlace,
    form: SignatureForm,
    saying: Saying,
    legacy: Descriptor | undefined,
  ): Promise<Said | undefined> {
    const signed = {
      source: place,
      image: saying.subject,
      referrers: form === "bundle" ? referrers : [],
      legacy: legacy === undefined ? [] : [legacy],
    };
    const there = await signaturesBy([this.signer.key], signed, this.options);
    const had = there.find((one) => one.form === form && saying.isSaidBy(one));
    return had && { signature: had.digest, isNew: false };
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
    const bundles: { readonly bundle: Attachment; readonly place: ImageInPlace["place"] }[] = [];
    const layers: (() => Promise<void>)[] = [];
    for (const { image, saying, said, made } of this.#made.values()) {
      if ("bundle" in made) bundles.push({ bundle: made.bundle, place: image.place });
      else layers.push(() => this.#putLayer(image, saying, said, made));
    }
    for (const [place, some] of Map.groupBy(bundles, ({ place }) => place)) {
      await keepAttachments(some.map(({ bundle }) => bundle), place, this.options);
    }
    for (const put of layers) await put();
  }

  /** Adds a layer to those that stand under a tag of cosign's by now, where nobody has said it meanwhile. */
  async #putLayer(
    image: ImageInPlace,
    saying: Saying,
    said: Said,
    { layer, beside }: { readonly layer: TrustBlob; readonly beside: Descriptor | undefined },
  ): Promise<void> {
    const { subject, kind } = saying;
    await image.keepLegacy(subject, kind, async (present) => {
      const isOther = present !== undefined && present.digest !== beside?.digest;
      const there = isOther ? await this.#said(image, "legacy", saying, present) : undefined;
      if (there !== undefined && present !== undefined) {
        Object.assign(said, there);
        return present;
      }
      const made = signatureManifest(layer, await this.#present(image.place, present, kind));
      await putAttachment(made, image.place, this.options);
      said.signature = made.manifest.descriptor.digest;
      return made.manifest.descriptor;
    });
  }
}
