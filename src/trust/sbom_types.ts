/**
 * The types that SBOMs are known by, whoever has made them.
 * @module
 */
import type { SbomForm } from "../config/checks.ts";

interface SbomTypes {
  /** Media types of such a document, as artifact types, too; ours is the first. */
  readonly mediaTypes: readonly [string, ...string[]];
  /** What a statement says that it is; versions may follow. */
  readonly predicateType: string;
}

/** By what people call them. */
export const SBOM_TYPES: Readonly<Record<SbomForm | "syft", SbomTypes>> = {
  spdx: {
    mediaTypes: ["application/spdx+json", "text/spdx+json", "text/spdx"],
    predicateType: "https://spdx.dev/Document",
  },
  cyclonedx: {
    mediaTypes: ["application/vnd.cyclonedx+json", "application/vnd.cyclonedx+xml"],
    predicateType: "https://cyclonedx.org/bom",
  },
  syft: {
    mediaTypes: ["application/vnd.syft+json"],
    predicateType: "https://syft.dev/bom",
  },
};

/** What people call an SBOM of a media type, or a claim that is one: `spdx sbom`. */
export function sbomWords(type: string): string | undefined {
  for (const [form, { mediaTypes, predicateType }] of Object.entries(SBOM_TYPES)) {
    if (mediaTypes.includes(type) || type.startsWith(predicateType)) return `${form} sbom`;
  }
  return undefined;
}
