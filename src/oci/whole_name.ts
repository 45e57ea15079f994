/**
 * What an image is called, by the one rule: `io.containerd.image.name`, else a whole name in
 * `org.opencontainers.image.ref.name`, else its tag under the name of the folder or file it lies in. Pure.
 * @module
 */
import type { Descriptor } from "./descriptor.ts";
import { imageName, refName } from "./entries.ts";
import { shortName } from "./reference.ts";

/**
 * The whole name of an entry in its short form; undefined for one that has a tag alone, or nothing.
 * Some tools write it where the tag belongs.
 */
export function wholeName(entry: Descriptor): string | undefined {
  const ref = refName(entry);
  return imageName(entry) ?? (ref !== undefined && /[:/]/.test(ref) ? shortName(ref) : undefined);
}

/** What a person tells an entry by: its whole name, else its tag, else its digest. */
export function nameOrDigest(entry: Descriptor): string {
  return imageName(entry) ?? refName(entry) ?? entry.digest;
}

/** A repository's name made of that of a folder, or of a file of images without its `.tar`. */
export function repositoryOfFolder(folder: string): string {
  const words = folder.toLowerCase().replace(/\.tar$/, "").match(/[a-z0-9]+/g) ?? [];
  return words.join("-").slice(0, 128) || "layout";
}
