/**
 * Statements in the index of an image rather than beside it: the form of BuildKit, which `docker buildx`
 * and scanners of Docker's read (BuildKit, docs/attestations/attestation-storage.md).
 * @module
 */
import { bareDescriptor, type Descriptor } from "../oci/descriptor.ts";
import { artifact, type Attachment, trustBlob } from "./attachment.ts";
import { STATEMENT_NOTE, STATEMENT_TYPE, type UnsignedStatement } from "./statement.ts";

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
