/**
 * SBOMs as files, as statements, and as manifests that refer to their image.
 * @module
 */
import type { SbomForm } from "../config/checks.ts";
import { type Descriptor, isIndexType, parseDigest } from "../oci/descriptor.ts";
import { formatPlatform } from "../oci/platform.ts";
import { type Attachment, attachment } from "./attachment.ts";
import type { ImageFacts, SbomMaker } from "./contents.ts";
import { cycloneDocument } from "./cyclonedx.ts";
import { SBOM_TYPES } from "./sbom_types.ts";
import { spdxDocument } from "./spdx.ts";
import { encodeStatement, type UnsignedStatement } from "./statement.ts";

const FORMS = {
  spdx: { ending: "spdx.json", make: spdxDocument },
  cyclonedx: { ending: "cdx.json", make: cycloneDocument },
} satisfies Readonly<Record<SbomForm, unknown>>;

/** An SBOM as a file. */
export interface Sbom {
  /** What it is about. */
  readonly image: Descriptor;
  readonly form: SbomForm;
  /** As ko calls it: `app-linux-amd64.spdx.json`, `app-index.spdx.json`. */
  readonly file: string;
  readonly bytes: Uint8Array<ArrayBuffer>;
}

/** Makes an SBOM; the same facts make the same bytes. */
export function makeSbom(facts: ImageFacts, form: SbomForm, maker: SbomMaker): Sbom {
  const { ending, make } = FORMS[form];
  const { platform, image } = facts;
  const of = isIndexType(image.mediaType)
    ? "-index"
    : platform && `-${formatPlatform(platform).replaceAll(/[/:]/g, "-")}`;
  return {
    image,
    form,
    file: `${facts.name}${of ?? ""}.${ending}`,
    // People read them, too.
    bytes: new TextEncoder().encode(`${JSON.stringify(make(facts, maker), null, 2)}\n`),
  };
}

/** An SBOM as a statement about its image. */
export function sbomStatement({ image, form, bytes }: Sbom): UnsignedStatement {
  const type = SBOM_TYPES[form].predicateType;
  const predicate: unknown = JSON.parse(new TextDecoder().decode(bytes));
  const statement = encodeStatement(parseDigest(image.digest), type, predicate);
  return { image, predicateType: type, bytes: statement };
}

/** An SBOM as a manifest that refers to its image. */
export function sbomAttachment({ image, form, file, bytes }: Sbom): Attachment {
  const layer = { "org.opencontainers.image.title": file };
  return attachment(image, SBOM_TYPES[form].mediaTypes[0], bytes, { layer });
}
