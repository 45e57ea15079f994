/**
 * A layout as somebody reads it who knows the specification and nothing of kodeno: what an entry
 * leads to, and whether all of it is there and is what it should be.
 * @module
 */
import { createHash } from "node:crypto";
import { statSync } from "node:fs";

const INDEX =
  /^application\/vnd\.(oci\.image\.index\.v1|docker\.distribution\.manifest\.list\.v2)\+json$/;
const MANIFEST =
  /^application\/vnd\.(oci\.image\.manifest\.v1|docker\.distribution\.manifest\.v2)\+json$/;

/** As much of a descriptor as counts here. */
export interface PlainEntry {
  readonly mediaType: string;
  readonly digest: string;
  readonly size: number;
  readonly annotations?: Readonly<Record<string, string>> | undefined;
}

/** What is below an entry. */
export interface PlainGraph {
  /** Every digest, each once. */
  readonly digests: ReadonlySet<string>;
  /** Why it is not whole; undefined where it is. */
  readonly fault?: string | undefined;
}

/** The entries of a layout; none where there is no reading them. */
export function plainEntries(folder: string): readonly PlainEntry[] {
  const index = JSON.parse(Deno.readTextFileSync(`${folder}/index.json`));
  return index.manifests ?? [];
}

/** Follows an entry to everything below it, and to what that says something about. */
export function plainGraph(
  folder: string,
  root: PlainEntry,
  { subjects = true }: { readonly subjects?: boolean } = {},
): PlainGraph {
  const digests = new Set<string>();
  const seen = new Set<string>();
  const queue = [root];
  for (let d = queue.pop(); d !== undefined; d = queue.pop()) {
    // Where a descriptor has to be, anything may stand.
    if (typeof d?.digest !== "string" || !/^sha256:[0-9a-f]{64}$/.test(d.digest)) {
      return { digests, fault: `there is ${JSON.stringify(d)}` };
    }
    digests.add(d.digest);
    const key = JSON.stringify([d.digest, d.mediaType, d.size]);
    if (seen.has(key)) continue;
    seen.add(key);
    const path = `${folder}/blobs/sha256/${d.digest.slice("sha256:".length)}`;
    if (!statSync(path, { throwIfNoEntry: false })?.isFile()) {
      return { digests, fault: `${d.digest} is missing` };
    }
    const bytes = Deno.readFileSync(path);
    const digest = `sha256:${createHash("sha256").update(bytes).digest("hex")}`;
    if (digest !== d.digest) return { digests, fault: `${d.digest} is ${digest}` };
    if (bytes.length !== d.size) return { digests, fault: `${d.digest} has ${bytes.length} bytes` };
    try {
      queue.push(...childrenOf(d, bytes, subjects));
    } catch (error) {
      return { digests, fault: `${d.digest} cannot be read: ${error}` };
    }
  }
  return { digests };
}

/** The digest of what a manifest or index that is there says something about. */
export function plainSubject(folder: string, { digest }: PlainEntry): string | undefined {
  const path = `${folder}/blobs/sha256/${digest.slice("sha256:".length)}`;
  try {
    return JSON.parse(Deno.readTextFileSync(path)).subject?.digest;
  } catch {
    // A blob of something else.
    return undefined;
  }
}

function childrenOf(
  { mediaType }: PlainEntry,
  bytes: Uint8Array,
  subjects: boolean,
): readonly PlainEntry[] {
  const read = () => JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
  if (INDEX.test(mediaType)) {
    const { manifests, subject } = read();
    return [...manifests ?? [], ...(subjects && subject ? [subject] : [])];
  }
  if (!MANIFEST.test(mediaType)) return [];
  const { config, layers, subject } = read();
  return [config, ...layers ?? [], ...(subjects && subject ? [subject] : [])];
}
