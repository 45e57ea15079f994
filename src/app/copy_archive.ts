/**
 * An image into an archive: from a place that is near in one pass, from a registry by way of a folder,
 * so that several blobs come at once and one that breaks off begins anew.
 * @module
 */
import { copy, type CopyOptions } from "../content/copy.ts";
import { beginTransfer, type Transfer } from "../content/meter.ts";
import type { Source } from "../content/places.ts";
import { bareDescriptor, type Descriptor } from "../oci/descriptor.ts";
import { ArchiveTarget } from "../place/archive/archive_target.ts";
import { writeArchive } from "../place/archive/archive_writer.ts";
import { RegistryStore } from "../place/registry/store.ts";
import { copyReferrers } from "../content/referrers.ts";

/** What goes into an archive. */
export interface ArchivedImage {
  readonly root: Descriptor;
  /** `NAME:TAG`, or a tag alone; one without a name is found by its digest. */
  readonly name: string | undefined;
  /** What refers to it. */
  readonly referrers: readonly Descriptor[];
}

/**
 * Copies an image into a new archive.
 *
 * @param path of the `.tar`; `-` is the standard output
 * @param then gets where the image can be read from
 * @throws {KodenoError} as `copy` and `writeArchive`
 */
export async function copyToArchive<T>(
  path: string,
  source: Source,
  { root, name, referrers }: ArchivedImage,
  options: CopyOptions,
  then: (near: Pick<Source, "fetch">) => Promise<T>,
): Promise<T> {
  const { signal } = options;
  if (source instanceof RegistryStore) {
    await using archive = new ArchiveTarget(path);
    await copy(source, root, archive, { ...options, tags: name ? [name] : [] });
    if (name === undefined) await archive.keep(root, { signal });
    await copyReferrers(source, referrers, archive, options);
    for (const referrer of referrers) await archive.keep(referrer, { signal });
    const result = await then(archive);
    await archive.close({ signal });
    return result;
  }
  const entries = [
    { descriptor: name ? root : bareDescriptor(root), names: name ? [name] : [] },
    ...referrers.map((referrer) => ({ descriptor: bareDescriptor(referrer), names: [] })),
  ];
  const transfers = new Map<string, Transfer>();
  const metered: Pick<Source, "fetch"> = {
    fetch: async (d, call) => {
      const transfer = beginTransfer(d, () => source.fetch(d, call), options);
      transfers.set(d.digest, transfer);
      return await transfer.open();
    },
  };
  const onBlob = (d: Descriptor): void => {
    transfers.get(d.digest)?.done();
    options.onBlob?.(d, true);
  };
  // The archive may be written over what it is read from.
  const result = await then(source);
  await writeArchive(path, metered, entries, { signal, emit: options.emit, onBlob });
  return result;
}
