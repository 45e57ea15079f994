/**
 * What can be had in a repository: everything its entries lead to, and what refers to that.
 * @module
 */
import { readDocument } from "../content/read.ts";
import { hasSuccessors, successors } from "../content/successors.ts";
import { KodenoError } from "../errors.ts";
import type { Descriptor } from "../oci/descriptor.ts";
import { refName } from "../oci/entries.ts";
import { parseIndex, parseManifest } from "../oci/manifest.ts";
import { isManifestType } from "../oci/media_types.ts";
import type { Layout } from "../place/layout/layout.ts";

/** The blobs of a repository. */
export interface Contents {
  /** By digest. */
  readonly blobs: ReadonlyMap<string, Descriptor>;
  /** Manifests that have a subject, by its digest, as the referrers API lists them. */
  readonly referrers: ReadonlyMap<string, readonly Descriptor[]>;
  /** Whether all manifests were there and well-formed. */
  readonly complete: boolean;
}

/** The tag of an index of referrers, where a registry has no API for them. */
const FALLBACK_TAG = /^sha256-([0-9a-f]{64})$/;

/**
 * Walks a repository. A manifest that is not in the layout, or damaged, leads nowhere.
 *
 * @param roots its entries
 * @param unnamed entries of the layout without a repository: those that refer to something in this
 * one belong to it, too
 * @throws {KodenoError} `IO_FAILED`
 */
export async function readContents(
  layout: Layout,
  roots: readonly Descriptor[],
  unnamed: readonly Descriptor[],
): Promise<Contents> {
  const walk = new Walk(layout);
  await walk.add(roots);
  let open: { readonly entry: Descriptor; readonly subject: string | undefined }[] = [];
  // One after the other: a process may open so many files only.
  for (const entry of unnamed) open.push({ entry, subject: await walk.subjectOf(entry) });
  // A signature may refer to an SBOM that refers to the image.
  for (let before = -1; before !== open.length;) {
    before = open.length;
    const isFound = new Set(open.filter(({ subject = "" }) => walk.blobs.has(subject)));
    await walk.add([...isFound].map(({ entry }) => entry));
    open = open.filter((one) => !isFound.has(one));
  }
  return walk;
}

class Walk implements Contents {
  readonly blobs = new Map<string, Descriptor>();
  readonly referrers = new Map<string, Descriptor[]>();
  complete = true;

  constructor(readonly layout: Layout) {}

  async add(roots: readonly Descriptor[]): Promise<void> {
    const queue = [...roots];
    for (let d = queue.pop(); d !== undefined; d = queue.pop()) {
      const known = this.blobs.get(d.digest);
      // The same bytes may be named as a plain blob first, and as a manifest after it.
      if (known !== undefined && (hasSuccessors(known) || !hasSuccessors(d))) continue;
      this.blobs.set(d.digest, d);
      const bytes = await this.#read(d);
      if (bytes === undefined) continue;
      queue.push(...successors(d, bytes));
      const { subject, referrer } = parse(d, bytes);
      if (subject === undefined) continue;
      const all = this.referrers.get(subject.digest) ?? [];
      this.referrers.set(subject.digest, all);
      all.push(referrer);
    }
  }

  /** The digest of what an entry says something about. */
  async subjectOf(entry: Descriptor): Promise<string | undefined> {
    const [, hex] = FALLBACK_TAG.exec(refName(entry) ?? "") ?? [];
    if (hex !== undefined) return `sha256:${hex}`;
    const bytes = await this.#read(entry);
    return bytes === undefined ? undefined : parse(entry, bytes).subject?.digest;
  }

  /** A manifest or index that is one; nothing for other blobs. */
  async #read(d: Descriptor): Promise<Uint8Array | undefined> {
    if (!hasSuccessors(d)) return undefined;
    try {
      const bytes = await readDocument(this.layout, d);
      successors(d, bytes);
      return bytes;
    } catch (error) {
      const known = error instanceof KodenoError ? error.code : "";
      if (known !== "NOT_FOUND" && known !== "BAD_CONTENT") throw error;
      this.complete = false;
      return undefined;
    }
  }
}

/** The subject of a manifest, and how the referrers API lists the manifest itself. */
function parse(d: Descriptor, bytes: Uint8Array): {
  readonly subject: Descriptor | undefined;
  readonly referrer: Descriptor;
} {
  const what = `blob ${d.digest}`;
  const { mediaType, digest, size } = d;
  if (isManifestType(mediaType)) {
    const { subject, config, annotations, artifactType } = parseManifest(bytes, what);
    const type = artifactType || config.mediaType;
    return { subject, referrer: { mediaType, digest, size, artifactType: type, annotations } };
  }
  const { subject, annotations, artifactType } = parseIndex(bytes, what) as
    & ReturnType<typeof parseIndex>
    & { artifactType?: unknown };
  const type = typeof artifactType === "string" ? { artifactType } : {};
  return { subject, referrer: { mediaType, digest, size, ...type, annotations } };
}
