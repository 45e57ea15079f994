/**
 * What a signature or an SBOM is about: its subject, which may be in another place.
 * @module
 */
import { KodenoError } from "../errors.ts";
import type { Descriptor } from "../oci/descriptor.ts";
import { parseIndex, parseManifest } from "../oci/manifest.ts";
import { isManifestType } from "../oci/media_types.ts";
import { GraphBounds } from "./bounds.ts";
import type { CallOptions, Source } from "./places.ts";
import { readDocument } from "./read.ts";
import { hasSuccessors } from "./successors.ts";

/**
 * What a manifest or index refers to.
 *
 * @param bytes of the manifest
 * @throws {KodenoError} `BAD_CONTENT` when the bytes are not what the media type says
 */
export function subjectIn(d: Descriptor, bytes: Uint8Array): Descriptor | undefined {
  const parse = isManifestType(d.mediaType) ? parseManifest : parseIndex;
  return parse(bytes, `blob ${d.digest}`).subject;
}

/**
 * What a manifest refers to, what that refers to in turn, and so on; each comes before it is read.
 *
 * @throws {KodenoError} `NOT_FOUND` when one of them is not there, or the manifest itself; `BAD_CONTENT`
 */
export async function* subjectsOf(
  source: Pick<Source, "fetch">,
  root: Descriptor,
  options: CallOptions = {},
): AsyncGenerator<Descriptor> {
  const bounds = new GraphBounds();
  let d: Descriptor | undefined = root;
  for (let depth = 0; d !== undefined && hasSuccessors(d); depth++) {
    bounds.enter(d, depth);
    d = subjectIn(d, await readDocument(source, d, options));
    if (d !== undefined) yield d;
  }
}

/**
 * The digest of the subject that a place lacks, of {@link subjectsOf}. Undefined where all of them are
 * there, and for what refers to nothing.
 *
 * @throws {KodenoError} `NOT_FOUND` when the manifest itself is not there; `BAD_CONTENT`
 */
export async function missingSubject(
  source: Pick<Source, "fetch">,
  root: Descriptor,
  options: CallOptions = {},
): Promise<string | undefined> {
  let last: Descriptor | undefined;
  try {
    for await (const subject of subjectsOf(source, root, options)) last = subject;
    return undefined;
  } catch (error) {
    const isMissing = error instanceof KodenoError && error.code === "NOT_FOUND";
    if (last === undefined || !isMissing) throw error;
    return last.digest;
  }
}
