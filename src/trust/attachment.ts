/**
 * Documents that travel beside an image and refer to it: manifests with a subject and one blob (OCI image
 * spec 1.1, "Guidelines for Artifact Usage").
 * @module
 */
import type { CallOptions, Target } from "../content/places.ts";
import { digestOf } from "../io/hash.ts";
import { bytesStream } from "../io/streams.ts";
import { bareDescriptor, type Descriptor, MediaType } from "../oci/descriptor.ts";
import { encodeJson } from "../oci/manifest.ts";

/** Bytes, and what they are. */
export interface TrustBlob {
  /** What they are. */
  readonly descriptor: Descriptor;
  /** The content itself. */
  readonly bytes: Uint8Array<ArrayBuffer>;
}

/** A manifest and all that it names but its subject, which comes last where it is to be sent. */
export interface Attachment {
  /** What refers to the subject. */
  readonly manifest: TrustBlob;
  /** Its config and its document. */
  readonly blobs: readonly TrustBlob[];
  /** Whether a place may do without it, since nobody has asked for it. */
  readonly isOptional?: boolean | undefined;
}

/** What an artifact's config is where it has none. */
const EMPTY_TYPE = "application/vnd.oci.empty.v1+json";

/** Describes bytes. */
export function trustBlob(mediaType: string, bytes: Uint8Array<ArrayBuffer>): TrustBlob {
  return { descriptor: { mediaType, digest: digestOf(bytes), size: bytes.length }, bytes };
}

const empty = trustBlob(EMPTY_TYPE, encodeJson({}));

/**
 * Has a document refer to an image. The same document and the same image make the same bytes.
 *
 * @param annotations of the manifest, and of the layer that holds the document
 */
export function attachment(
  subject: Descriptor,
  artifactType: string,
  document: Uint8Array<ArrayBuffer>,
  annotations: {
    readonly manifest?: Readonly<Record<string, string>>;
    readonly layer?: Readonly<Record<string, string>>;
  } = {},
): Attachment {
  const layer = { ...trustBlob(artifactType, document), annotations: annotations.layer };
  return artifact(subject, artifactType, [layer], annotations.manifest);
}

/** {@link attachment} of several documents. */
export function artifact(
  subject: Descriptor,
  artifactType: string,
  layers: readonly (TrustBlob & {
    readonly annotations: Readonly<Record<string, string>> | undefined;
  })[],
  annotations?: Readonly<Record<string, string>>,
): Attachment {
  const manifest = trustBlob(
    MediaType.manifest,
    encodeJson({
      schemaVersion: 2,
      mediaType: MediaType.manifest,
      artifactType,
      config: { ...empty.descriptor, data: "e30=" },
      layers: layers.map(({ descriptor, annotations }) => ({
        ...descriptor,
        ...(annotations ? { annotations } : {}),
      })),
      subject: bareDescriptor(subject),
      ...(annotations ? { annotations } : {}),
    }),
  );
  return { manifest, blobs: [empty, ...layers] };
}

/** Puts an artifact into a place, its manifest last; what is there stays. */
export async function putAttachment(
  { manifest, blobs }: Attachment,
  target: Target,
  options: CallOptions = {},
): Promise<void> {
  if (await target.has(manifest.descriptor, options)) {
    // Whoever brought it may have been stopped before it was listed.
    await target.listReferrer?.(manifest.descriptor, manifest.bytes, options);
    return;
  }
  for (const { descriptor, bytes } of [...blobs, manifest]) {
    // A registry is given a manifest once more: it may not list yet what that refers to.
    const mayBeThere = descriptor !== manifest.descriptor || "keep" in target;
    if (mayBeThere && await target.has(descriptor, options)) continue;
    await target.push(descriptor, () => Promise.resolve(bytesStream(bytes)), options);
  }
}

/** Takes artifacts; a layout keeps what has no name only where it is told to. */
export type AttachmentTarget = Target & {
  keep?(all: readonly Descriptor[], options?: CallOptions): Promise<void>;
};

/** {@link putAttachment} so that they stay. */
export async function keepAttachments(
  all: readonly Attachment[],
  target: AttachmentTarget,
  options: CallOptions = {},
): Promise<void> {
  if (all.length === 0) return;
  for (const one of all) await putAttachment(one, target, options);
  await target.keep?.(all.map(({ manifest }) => manifest.descriptor), options);
}
