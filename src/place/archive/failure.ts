/**
 * What an archive can be wrong with, said the same way everywhere.
 * @module
 */
import { KodenoError } from "../../errors.ts";

/** An archive that is damaged, or made to do harm. */
export function badArchive(path: string, why: string, cause?: unknown): KodenoError {
  return new KodenoError(
    "BAD_CONTENT",
    `Cannot use archive ${path}: ${why}`,
    { archive: path },
    { cause },
  );
}

/** A file that is no archive of images at all. */
export function notAnArchive(path: string, why: string, next: string): KodenoError {
  return new KodenoError("BAD_PLACE", `Cannot use ${path} as an image archive: ${why}; ${next}`, {
    archive: path,
  });
}
