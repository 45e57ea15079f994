/**
 * The SBOMs that a build makes of its images, and the files that they are written to.
 * @module
 */
import { join, posix } from "node:path";
import type { BuildConfig } from "../config/config.ts";
import { VERSION } from "../config/version.ts";
import type { CallOptions } from "../content/places.ts";
import { KodenoError } from "../errors.ts";
import { makeFolder } from "../io/atomic.ts";
import { exists, ioFailure, isFolder } from "../io/files.ts";
import { writeTextOutput } from "../io/output.ts";
import type { ImageFacts } from "../trust/contents.ts";
import { makeSbom, type Sbom } from "../trust/sbom.ts";

/**
 * Refuses before anything is built what is no folder, and programs whose SBOMs would be in files of one
 * name.
 */
export function checkSboms(
  importPaths: readonly string[],
  { sbom: { folder, forms } }: Pick<BuildConfig, "sbom">,
): void {
  if (folder === undefined || forms.length === 0) return;
  if (exists(folder) && !isFolder(folder)) {
    const why = "it is no folder; name another one";
    throw new KodenoError("BAD_PLACE", `Cannot write SBOMs to ${folder}: ${why}`);
  }
  for (const [name, [one, other]] of Map.groupBy(importPaths, (path) => posix.basename(path))) {
    if (other === undefined) continue;
    const why = `those of ${one} and ${other} would both be named after "${name}"`;
    const next = "build one at a time, each with a folder of its own";
    throw new KodenoError("BAD_OPTION", `Cannot write SBOMs to ${folder}: ${why}; ${next}`);
  }
}

/** The SBOMs that a build asks for; writes them to files, where a folder is named. */
export async function sbomsOf(
  facts: readonly ImageFacts[],
  { sbom: { folder, forms }, image }: Pick<BuildConfig, "image" | "sbom">,
  options: CallOptions,
): Promise<readonly Sbom[]> {
  const maker = { version: VERSION, time: image.sourceDateEpoch };
  const sboms = forms.flatMap((form) => facts.map((one) => makeSbom(one, form, maker)));
  if (folder !== undefined) await writeSboms(folder, sboms, options);
  return sboms;
}

/** Writes SBOMs into a folder, which is made. */
export async function writeSboms(
  folder: string,
  sboms: readonly Pick<Sbom, "file" | "bytes">[],
  { signal }: CallOptions,
): Promise<void> {
  await makeFolder(folder).catch((error) => {
    throw ioFailure(`make folder ${folder}`, error);
  });
  for (const { file, bytes } of sboms) {
    const path = join(folder, file);
    await writeTextOutput(path, { what: path, signal }, new TextDecoder().decode(bytes));
  }
}
