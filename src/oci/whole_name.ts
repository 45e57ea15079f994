/**
 * What an image is called that may have no name: its tag, under the name of the folder or file it
 * lies in, or its digest. Pure.
 * @module
 */
import type { Descriptor } from "./descriptor.ts";
import { entryName } from "./entries.ts";

/** What a person tells an entry by: its whole name, else its tag, else its digest. */
export function nameOrDigest(entry: Descriptor): string {
  return entryName(entry) ?? entry.digest;
}

/** A repository's name made of that of a folder, or of a file of images without its `.tar`. */
export function repositoryOfFolder(folder: string): string {
  const words = folder.toLowerCase().replace(/\.tar$/, "").match(/[a-z0-9]+/g) ?? [];
  return words.join("-").slice(0, 128) || "layout";
}
