/**
 * What an archive has of an index: docker writes the platforms that its daemon pulled, which is most
 * often one of them, with the index that names them all.
 * @module
 */
import type { CallOptions, Source } from "../../content/places.ts";
import { readDocument } from "../../content/read.ts";
import type { Descriptor } from "../../oci/descriptor.ts";
import { parseIndex } from "../../oci/manifest.ts";
import { isIndexType } from "../../oci/media_types.ts";
import { isImage } from "./choose.ts";

/** A place that knows at once what it has. */
export interface PresentBlobs extends Pick<Source, "fetch"> {
  /** Whether it has the blob. */
  holds(descriptor: Descriptor): boolean;
}

/**
 * What can be moved of an image: its only platform that is there, under the name of the index, as
 * `docker push` has it; the root itself where all is there, or where one would have to choose.
 *
 * @throws {KodenoError} `BAD_CONTENT`, `NOT_FOUND`
 */
export async function presentImage(
  place: PresentBlobs,
  root: Descriptor,
  options: CallOptions = {},
): Promise<Descriptor> {
  if (!isIndexType(root.mediaType)) return root;
  const bytes = await readDocument(place, root, options);
  const { manifests } = parseIndex(bytes, `index ${root.digest}`);
  const there = manifests.filter((d) => place.holds(d));
  const [only, ...others] = there.filter(isImage);
  if (there.length === manifests.length || only === undefined || others.length > 0) return root;
  const { annotations } = root;
  return { ...only, annotations };
}
