/**
 * The recipe of `kodeno ls`: the images of a layout or archive as a list.
 * @module
 */
import { attestedBy } from "../content/images.ts";
import { ImageReader } from "../content/reader.ts";
import { hasSuccessors } from "../content/walk.ts";
import type { WorkOptions } from "../events.ts";
import type { Descriptor } from "../oci/descriptor.ts";
import { openImages } from "../place/open.ts";
import { entriesAbout, underOwners } from "../trust/words.ts";

/**
 * Lists the images of a layout or archive in its order, what refers to one (a signature, an SBOM) right
 * behind it, with what that is (`artifact`) and what it is about: of each its name or tag, where it has one,
 * whether all its blobs are there, the digest of the image that it is an attestation of, where it is
 * one, what is wrong first where it is not whole or cannot be used, and the digest of what it refers to,
 * where that is not there: nobody can tell what it is about.
 */
export async function ls(path: string, { signal, emit }: WorkOptions = {}) {
  const store = await openImages(path, { signal, emit });
  const reader = new ImageReader(store, signal);
  const images = [];
  const entries = await store.entries();
  const abouts = await entriesAbout(reader, entries);
  for (const entry of underOwners(entries, abouts)) {
    const { artifact, subject, about } = abouts.get(entry) ?? {};
    const { mediaType } = entry;
    const missingSubject = await missingSubjectOf(reader, entry);
    const { complete, problem } = await reader.summary(entry, true);
    const more = { mediaType, complete, problem, attested: attestedBy(entry), missingSubject };
    images.push({ ...await reader.image(entry, true), ...more, artifact, subject, about });
  }
  return images;
}

async function missingSubjectOf(reader: ImageReader, entry: Descriptor) {
  const { subject } = hasSuccessors(entry) ? await reader.document(entry) : {};
  return subject && (await reader.blob(subject)).problem === "missing" ? subject.digest : undefined;
}
