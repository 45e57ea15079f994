/**
 * Statements in the index of an image rather than beside it: the form of BuildKit, which `docker buildx`
 * and scanners of Docker's read (BuildKit, docs/attestations/attestation-storage.md).
 * @module
 */
import { attestedBy, isImage } from "../content/images.ts";
import type { Blobs, CallOptions } from "../content/places.ts";
import { hasSuccessors, readDocument, readGraphDocument } from "../content/walk.ts";
import { hasCode } from "../errors.ts";
import { bareDescriptor, type Descriptor, parseDigest } from "../oci/descriptor.ts";
import { artifact, type Attachment, trustBlob } from "./attachment.ts";
import { MAX_BUNDLE_BYTES } from "./bundle.ts";
import {
  parseStatement,
  type Statement,
  STATEMENT_NOTE,
  STATEMENT_TYPE,
  subjectOf,
  type UnsignedStatement,
} from "./statement.ts";

const ATTESTATION_TYPE = "application/vnd.docker.attestation.manifest.v1+json";

/** The manifest with all statements about one image of an index, and the entry that the index has of it. */
export function attestationIn(
  image: Descriptor,
  statements: readonly Pick<UnsignedStatement, "predicateType" | "bytes">[],
): { readonly entry: Descriptor; readonly attachment: Attachment } {
  const attachment = artifact(
    image,
    ATTESTATION_TYPE,
    statements.map(({ predicateType, bytes }) => ({
      ...trustBlob(STATEMENT_TYPE, bytes),
      annotations: { [STATEMENT_NOTE]: predicateType },
    })),
  );
  const entry = {
    ...bareDescriptor(attachment.manifest.descriptor),
    annotations: {
      "vnd.docker.reference.digest": image.digest,
      "vnd.docker.reference.type": "attestation-manifest",
    },
    // No runtime takes it for an image that it could run.
    platform: { architecture: "unknown", os: "unknown" },
  };
  return { entry, attachment };
}

/** What the index of an image says of one of its images. */
export interface StatementsIn {
  readonly about: Descriptor;
  readonly statements: readonly Statement[];
}

/**
 * The statements in an index, of each of its images, whoever has put them there; none of what is no index.
 * What cannot be read, or is none, is passed over.
 */
export async function statementsIn(
  source: Blobs,
  root: Descriptor,
  options: CallOptions = {},
): Promise<readonly StatementsIn[]> {
  const { index } = await readGraphDocument(source, root, options);
  const { manifests = [] } = index ?? {};
  return await Promise.all(
    manifests.filter(isImage).map(async (about) => {
      const statements: Statement[] = [];
      for (const entry of manifests) {
        if (attestedBy(entry) !== about.digest || !hasSuccessors(entry)) continue;
        const found = await statementsOf(source, entry, options);
        statements.push(...found.filter((one) => subjectOf(one, parseDigest(about.digest))));
      }
      return { about, statements };
    }),
  );
}

async function statementsOf(source: Blobs, entry: Descriptor, options: CallOptions) {
  const found: Statement[] = [];
  try {
    const { manifest } = await readGraphDocument(source, entry, options);
    for (const layer of manifest?.layers ?? []) {
      if (layer.mediaType !== STATEMENT_TYPE) continue;
      const bytes = await readDocument(source, layer, { ...options, most: MAX_BUNDLE_BYTES });
      found.push(parseStatement(bytes, `statement ${layer.digest}`));
    }
  } catch (error) {
    if (!hasCode(error, "BAD_CONTENT", "NOT_FOUND")) throw error;
  }
  return found;
}
