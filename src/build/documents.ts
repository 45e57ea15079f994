/**
 * The documents that a build puts beside its images: SBOMs, and how they were built.
 * @module
 */
import type { BuildConfig, PublishConfig } from "../config/config.ts";
import type { Emit, WorkOptions } from "../events.ts";
import { type BuiltImage, withManifests } from "../image/assemble.ts";
import { ioFailure } from "../io/files.ts";
import { recordsIn } from "../io/records.ts";
import { isIndexType } from "../oci/descriptor.ts";
import type { Attachment } from "../trust/attachment.ts";
import { attestationIn } from "../trust/in_index.ts";
import { statementAttachment } from "../trust/provenance.ts";
import { sbomAttachment, sbomStatement } from "../trust/sbom.ts";
import { contentsDirectory } from "./cache.ts";
import { FactsFinder } from "./image_facts.ts";
import { type MadeImage, provenanceOf } from "./provenance.ts";
import { sbomsOf } from "./sboms.ts";

/** Makes the documents of images as a configuration asks for them. */
export class ImageDocuments {
  #finder: Promise<FactsFinder> | undefined;

  constructor(readonly config: BuildConfig) {}

  /** What is to be put beside an image; SBOMs are written to files, too, where a folder is named. */
  async of(
    image: BuiltImage,
    made: MadeImage | undefined,
    options: WorkOptions,
  ): Promise<readonly Attachment[]> {
    const { config } = this;
    if (config.attestInIndex || !hasDocuments(config)) return [];
    const facts = await this.#facts(image, options);
    const statements = config.provenance && made ? provenanceOf(facts, made, config) : [];
    const sboms = await sbomsOf(facts, config, options);
    const isOptional = !config.sbom.isAsked;
    return [
      ...sboms.map((sbom) => ({ ...sbomAttachment(sbom), isOptional })),
      ...statements.map(statementAttachment),
    ];
  }

  /** An image with what it is told of its platforms in its index, where that is asked for. */
  async within(
    image: BuiltImage,
    made: MadeImage | undefined,
    options: WorkOptions,
  ): Promise<BuiltImage> {
    const { config } = this;
    if (!config.attestInIndex || !hasDocuments(config)) return image;
    // What is said of an index cannot be in it.
    const facts = (await this.#facts(image, options))
      .filter((one) => !isIndexType(one.image.mediaType));
    const statements = [
      ...(await sbomsOf(facts, config, options)).map(sbomStatement),
      ...config.provenance && made ? provenanceOf(facts, made, config) : [],
    ];
    const found = facts.map((one) => {
      const about = statements.filter((statement) => statement.image.digest === one.image.digest);
      return attestationIn(one.image, about);
    });
    const documents = found.flatMap(({ attachment: { blobs, manifest } }) => [...blobs, manifest]);
    return await withManifests(image, found.map(({ entry }) => entry), documents, options);
  }

  async #facts(image: BuiltImage, options: WorkOptions) {
    const finder = await (this.#finder ??= this.#open());
    return await finder.below(image, image.root, options);
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

function hasDocuments({ sbom, provenance }: Pick<BuildConfig, "provenance" | "sbom">): boolean {
  return sbom.forms.length > 0 || provenance;
}

/** Tells where documents that were asked for go nowhere. */
export function tellLostDocuments(
  all: readonly Pick<BuildConfig, "attestInIndex" | "provenance" | "sbom">[],
  { layout, push }: Pick<PublishConfig, "layout" | "push">,
  emit: Emit | undefined,
): void {
  if (layout !== undefined || push) return;
  // In its index they are wherever the image is.
  const builds = all.filter(({ attestInIndex }) => !attestInIndex);
  const tell = (what: string, more = "") => {
    const message = `Warning: no ${what} is kept: beside images in a layout or registry is its ` +
      `place${more}`;
    emit?.({ type: "note", level: "warning", message });
  };
  const hasLost = builds.some(({ sbom }) => sbom.forms.length > 0 && sbom.folder === undefined);
  if (hasLost) tell("SBOM", ", or a folder of --sbom-dir DIR");
  if (builds.some(({ provenance }) => provenance)) tell("provenance");
}
