/**
 * The SBOMs that a build makes of its images, and the files that they are written to.
 * @module
 */
import { join, posix } from "node:path";
import type { BuildConfig, PublishConfig } from "../config/config.ts";
import { VERSION } from "../config/version.ts";
import type { CallOptions } from "../content/places.ts";
import { KodenoError } from "../errors.ts";
import type { Emit, WorkOptions } from "../events.ts";
import type { BuiltImage } from "../image/assemble.ts";
import { makeFolder } from "../io/atomic.ts";
import { exists, ioFailure, isFolder } from "../io/files.ts";
import { writeTextOutput } from "../io/output.ts";
import { recordsIn } from "../io/records.ts";
import type { Attachment } from "../trust/attachment.ts";
import { makeSbom, type Sbom, sbomAttachment } from "../trust/sbom.ts";
import { contentsDirectory } from "./cache.ts";
import { FactsFinder } from "./image_facts.ts";

/** What of a configuration SBOMs are made by. */
type SbomsConfig = Pick<BuildConfig, "cache" | "go" | "image" | "sbom" | "transfer">;

/** Makes the SBOMs of images as a configuration asks for them. */
export class ImageSboms {
  #finder: Promise<FactsFinder> | undefined;

  constructor(readonly config: SbomsConfig) {}

  /**
   * Refuses before anything is built what is no folder, and programs whose SBOMs would be in files of
   * one name.
   */
  check(importPaths: readonly string[]): void {
    const { folder, forms } = this.config.sbom;
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

  /** What is to be put beside an image; writes the same to files, where a folder is named. */
  async of(image: BuiltImage, options: WorkOptions): Promise<readonly Attachment[]> {
    const { sbom: { folder, forms }, image: { sourceDateEpoch: time } } = this.config;
    if (forms.length === 0) return [];
    const finder = await (this.#finder ??= this.#open());
    const facts = await finder.below(image, image.root, options);
    const sboms = forms.flatMap((form) =>
      facts.map((one) => makeSbom(one, form, { version: VERSION, time }))
    );
    if (folder !== undefined) await writeSboms(folder, sboms, options);
    return sboms.map(sbomAttachment);
  }

  async #open(): Promise<FactsFinder> {
    const { go: { command }, transfer: { environment }, cache } = this.config;
    // Not the environment of an offline build: where a module is to be had stays what it was.
    const go = { command, environment };
    if (!cache.enabled) return new FactsFinder({ go });
    const folder = contentsDirectory(cache.directory);
    try {
      await Deno.mkdir(folder, { recursive: true });
    } catch (error) {
      throw ioFailure(`make folder ${folder}`, error);
    }
    return new FactsFinder({ go, records: recordsIn(folder) });
  }
}

/** Tells where SBOMs that were asked for go nowhere. */
export function tellLostSboms(
  builds: readonly Pick<BuildConfig, "sbom">[],
  { layout, push }: Pick<PublishConfig, "layout" | "push">,
  emit: Emit | undefined,
): void {
  if (layout !== undefined || push) return;
  const lost = builds.some(({ sbom }) => sbom.forms.length > 0 && sbom.folder === undefined);
  if (!lost) return;
  const message = "Warning: no SBOM is kept: they go beside images in a layout or registry, or " +
    "into files with --sbom-dir DIR";
  emit?.({ type: "note", level: "warning", message });
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
