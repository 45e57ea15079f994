/**
 * What is said about an image, beside it or in its index: signatures, SBOMs, provenance; of an SBOM, what
 * it lists.
 * @module
 */
import type { Blobs, CallOptions } from "../content/places.ts";
import { referrerEntry } from "../content/referrers.ts";
import { readDocument, readGraphDocument } from "../content/walk.ts";
import { hasCode, messageOf } from "../errors.ts";
import type { Descriptor } from "../oci/descriptor.ts";
import { isObject, jsonIn } from "../oci/manifest.ts";
import { isBundleType, MAX_BUNDLE_BYTES } from "../trust/bundle.ts";
import { sbomWords } from "../trust/sbom_types.ts";
import { asEnvelope, parseStatement, predicateWords, STATEMENT_TYPE } from "../trust/statement.ts";
import { artifactWords } from "../trust/words.ts";

/** Something that is said about an image. */
export interface ReportDocument {
  /** Of the manifest that has it. */
  readonly digest: string;
  /** `signature`, `spdx sbom`, `signed provenance`; the artifact type of what nobody here knows. */
  readonly what: string;
  /** The digest of what it is about. */
  readonly about: string;
  /** How many packages an SBOM lists, and the Go modules among them, `path@version`. */
  readonly packages?: number | undefined;
  readonly modules?: ReadonlySet<string> | undefined;
  /** Why it cannot be read. */
  readonly problem?: string | undefined;
}

/** Whether it is a signature, or something that is signed. */
export function isSignature({ what }: Pick<ReportDocument, "what">): boolean {
  return what.includes("signature") || what.startsWith("signed ");
}

/** Whether it is an SBOM. */
export function isSbom({ what }: Pick<ReportDocument, "what">): boolean {
  return what.endsWith("sbom");
}

/** Whether it tells how the image was built. */
export function isProvenance({ what }: Pick<ReportDocument, "what">): boolean {
  return what.endsWith("provenance");
}

/** Reads what refers to an image. */
export async function referrerFacts(
  source: Blobs,
  referrer: Descriptor,
  options: CallOptions,
): Promise<ReportDocument> {
  const { digest } = referrer;
  try {
    const document = await readGraphDocument(source, referrer, options);
    const { manifest, index, subject } = document;
    const { artifactType } = referrerEntry(referrer, document);
    const about = subject?.digest ?? "";
    const what = artifactWords(artifactType, manifest ?? index ?? {}) ?? artifactType ?? "referrer";
    const [layer] = manifest?.layers ?? [];
    if (layer === undefined || !isSbom({ what })) return { digest, what, about };
    const bytes = await readDocument(source, layer, { ...options, most: MAX_BUNDLE_BYTES });
    return { digest, what, about, ...listedIn(sbomIn(bytes, artifactType, layer)) };
  } catch (error) {
    return { digest, what: "referrer", about: "", problem: problemOf(error, options) };
  }
}

/** What cosign keeps under a tag of its own. */
export async function legacyFacts(
  source: Blobs,
  about: Descriptor,
  tagged: Descriptor,
  kind: "att" | "sbom" | "sig",
  options: CallOptions,
): Promise<readonly ReportDocument[]> {
  const own = { digest: tagged.digest, about: about.digest };
  if (kind === "sig") return [{ ...own, what: "signature" }];
  try {
    const { manifest } = await readGraphDocument(source, tagged, options);
    const found: ReportDocument[] = [];
    for (const layer of manifest?.layers ?? []) {
      const bytes = await readDocument(source, layer, { ...options, most: MAX_BUNDLE_BYTES });
      const what = kind === "sbom"
        ? sbomWords(layer.mediaType) ?? "sbom"
        : `signed ${predicateWords(layer.annotations?.["predicateType"] ?? "") ?? "attestation"}`;
      const sbom = isSbom({ what }) ? sbomIn(bytes, undefined, layer) : undefined;
      found.push({ ...own, what, ...listedIn(sbom) });
    }
    return found;
  } catch (error) {
    const what = kind === "sbom" ? "sbom" : "attestation";
    return [{ ...own, what, problem: problemOf(error, options) }];
  }
}

/** A statement in the index of an image. */
export function statementFacts(
  digest: string,
  about: string,
  { predicateType, predicate }: { readonly predicateType: string; readonly predicate?: unknown },
): ReportDocument {
  const what = predicateWords(predicateType) ?? predicateType;
  return { digest, what, about, ...isSbom({ what }) ? listedIn(predicate) : {} };
}

/**
 * Why something cannot be read, of what is damaged or not there; all else is thrown. A payload that is no
 * base64 is a syntax error.
 */
export function problemOf(error: unknown, { signal }: CallOptions): string {
  signal?.throwIfAborted();
  if (!hasCode(error, "BAD_CONTENT", "NOT_FOUND") && !(error instanceof SyntaxError)) throw error;
  return messageOf(error);
}

/** An SBOM that is a document itself, what a statement says, or that of a signed one. */
function sbomIn(bytes: Uint8Array, type: string | undefined, layer: Descriptor): unknown {
  const value = jsonIn(bytes);
  const isBundle = isBundleType(type) && isObject(value);
  const envelope = asEnvelope(isBundle ? value["dsseEnvelope"] : value);
  if (envelope !== undefined) {
    const payload = Uint8Array.fromBase64(envelope.payload);
    return parseStatement(payload, `statement ${layer.digest}`).predicate;
  }
  return layer.mediaType === STATEMENT_TYPE
    ? parseStatement(bytes, `statement ${layer.digest}`).predicate
    : value;
}

/** What SPDX and CycloneDX list, by the package URLs of Go's modules. */
function listedIn(sbom: unknown): Pick<ReportDocument, "modules" | "packages"> {
  if (!isObject(sbom)) return {};
  const list = [sbom["packages"], sbom["components"]].find(Array.isArray);
  if (list === undefined) return {};
  const modules = new Set<string>();
  for (
    const [, path = "", version = ""] of JSON.stringify(list).matchAll(
      /"pkg:golang\/([^"@]+)@([^"?#]*)/g,
    )
  ) {
    modules.add(moduleKey(decoded(path), decoded(version)));
  }
  return { packages: list.length, modules };
}

/** A module by its version, in the small letters that package URLs have. */
export function moduleKey(path: string, version: string): string {
  return `${path}@${version}`.toLowerCase();
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
