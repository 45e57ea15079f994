/**
 * Signatures in the form that cosign makes up to its version 2: a manifest under the tag `sha256-HEX.sig`
 * with a layer for each (cosign's SIGNATURE_SPEC; "simple signing").
 * @module
 */
import { Buffer } from "node:buffer";
import { type Descriptor, type Digest, MediaType } from "../oci/descriptor.ts";
import { encodeJson, isObject, jsonIn, type Manifest } from "../oci/manifest.ts";
import { type Attachment, type TrustBlob, trustBlob } from "./attachment.ts";
import type { Signer, VerificationKey } from "./keys.ts";

/** Media type of a layer with the signed payload. */
export const SIMPLE_SIGNING = "application/vnd.dev.cosign.simplesigning.v1+json";
/** The annotation of such a layer that has the signature. */
const SIGNATURE = "dev.cosignproject.cosign/signature";
const TYPE = "cosign container image signature";
/** More than any payload has. */
const MAX_PAYLOAD_BYTES = 1024 * 1024;

/** A signature of an image: its payload as a blob, and the descriptor that stands for it. */
export async function simpleSignature(
  digest: Digest,
  repository: string,
  signer: Signer,
  annotations: Readonly<Record<string, string>> = {},
): Promise<TrustBlob> {
  const optional = Object.keys(annotations).length > 0 ? annotations : null;
  const { descriptor, bytes } = trustBlob(
    SIMPLE_SIGNING,
    encodeJson({
      critical: {
        identity: { "docker-reference": repository },
        image: { "docker-manifest-digest": digest },
        type: TYPE,
      },
      optional,
    }),
  );
  const signature = Buffer.from(await signer.sign(bytes)).toString("base64");
  return { descriptor: { ...descriptor, annotations: { [SIGNATURE]: signature } }, bytes };
}

/**
 * The manifest of signatures: those that are there, and another.
 *
 * @param present what stands under the signature tag of the image, where there is something
 */
export function signatureManifest(added: TrustBlob, present?: Manifest): Attachment {
  const layers = [...present?.layers ?? [], added.descriptor];
  // As cosign's library writes a config that says nothing.
  const config = trustBlob(
    MediaType.config,
    encodeJson({
      architecture: "",
      created: "0001-01-01T00:00:00Z",
      history: layers.map(() => ({ created: "0001-01-01T00:00:00Z" })),
      os: "",
      rootfs: { type: "layers", diff_ids: layers.map(({ digest }) => digest) },
      config: {},
    }),
  );
  const { mediaType, digest, size } = config.descriptor;
  const manifest = trustBlob(
    MediaType.manifest,
    encodeJson({
      schemaVersion: 2,
      mediaType: MediaType.manifest,
      config: { mediaType, size, digest },
      layers: layers.map(({ mediaType, size, digest, annotations }) => ({
        mediaType,
        size,
        digest,
        annotations,
      })),
    }),
  );
  return { manifest, blobs: [added, config] };
}

/** Whether a layer of such a manifest may hold a signature. */
export function isSimpleSignature({ mediaType, size, annotations }: Descriptor): boolean {
  return mediaType === SIMPLE_SIGNING && size <= MAX_PAYLOAD_BYTES &&
    annotations?.[SIGNATURE] !== undefined;
}

/** What a layer of such a manifest says, where one of some keys has signed that. */
interface VerifiedSimple {
  readonly key: VerificationKey;
  /** What it says beside. */
  readonly annotations: unknown;
  /** Where it says that the image is from. */
  readonly repository: string | undefined;
}

/** Which of some keys has signed an image by such a layer, and what it adds; undefined for none. */
export function verifySimple(
  { annotations }: Descriptor,
  payload: Uint8Array,
  digest: Digest,
  keys: readonly VerificationKey[],
): VerifiedSimple | undefined {
  const signature = Buffer.from(annotations?.[SIGNATURE] ?? "", "base64");
  const key = keys.find((one) => one.verifies(payload, signature));
  if (key === undefined) return undefined;
  const value = jsonIn(payload);
  const { critical, optional } = isObject(value) ? value : {};
  const { image, type, identity } = isObject(critical) ? critical : {};
  const signed = isObject(image) ? image["docker-manifest-digest"] : undefined;
  if (signed !== digest || type !== TYPE) return undefined;
  const reference = isObject(identity) ? identity["docker-reference"] : undefined;
  const repository = typeof reference === "string" ? reference : undefined;
  return { key, annotations: optional, repository };
}
