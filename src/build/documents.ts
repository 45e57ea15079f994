/**
 * The documents that a build puts beside its images: SBOMs, and how they were built.
 * @module
 */
import type { BuildConfig, PublishConfig } from "../config/config.ts";
import { KodenoError } from "../errors.ts";
import type { Emit, WorkOptions } from "../events.ts";
import { type BuiltImage, withManifests } from "../image/assemble.ts";
import { ioFailure } from "../io/files.ts";
import { digestOf } from "../io/hash.ts";
import { type Records, recordsIn } from "../io/records.ts";
import { isIndexType } from "../oci/descriptor.ts";
import type { Attachment } from "../trust/attachment.ts";
import { attestationIn } from "../trust/in_index.ts";
import { statementAttachment } from "../trust/provenance.ts";
import { type Sbom, sbomAttachment, sbomStatement } from "../trust/sbom.ts";
import type { UnsignedStatement } from "../trust/statement.ts";
import type { StatementSigner, ToSign } from "../trust/to_sign.ts";
import { contentsDirectory } from "./cache.ts";
import { FactsFinder } from "./image_facts.ts";
import { type MadeImage, provenanceOf } from "./provenance.ts";
import { sbomsOf } from "./sboms.ts";

/** What is said of an image. */
interface Documents {
  readonly sboms: readonly Sbom[];
  readonly provenance: readonly UnsignedStatement[];
}

/** Makes the documents of images as a configuration asks for them. */
export class ImageDocuments {
  #finder: Promise<FactsFinder> | undefined;
  #signer: Promise<StatementSigner> | undefined;
  readonly #found = new WeakMap<BuiltImage, Promise<Documents>>();

  constructor(readonly config: BuildConfig) {}

  /**
   * Looks whether there is a key to sign with. Whoever may have to type its password does so before the
   * build.
   */
  async checkKey(options: WorkOptions): Promise<void> {
    const { signing, transfer: { environment } } = this.config;
    if (signing === undefined) return;
    const { keyPassword } = await import("../trust/key_files.ts");
    await this.#openSigner(options);
    const isAsked = signing.askPassword && keyPassword(environment) === undefined;
    if (isAsked || signing.signer !== undefined) await this.openKey(options);
  }

  /**
   * Opens the key that signs, if there is one: beside other work, since cosign's keys take half a second of
   * one core. Where nothing is new there is nothing to sign, and it stays closed.
   */
  async openKey(options: WorkOptions): Promise<void> {
    if (this.config.signing === undefined) return;
    const { open } = await this.#openSigner(options);
    await open();
  }

  /**
   * What is to be put beside an image, whoever signs it; SBOMs are written to files, too, where a folder
   * is named.
   */
  async of(
    image: BuiltImage,
    made: MadeImage | undefined,
    options: WorkOptions,
  ): Promise<readonly Attachment[]> {
    const { sbom: { isAsked }, signing, attestInIndex } = this.config;
    if (attestInIndex) return [];
    const { sboms, provenance } = await this.#documentsOf(image, made, options);
    // What is signed is not said a second time by nobody.
    const unsigned = signing === undefined ? provenance : [];
    return [
      ...sboms.map((sbom) => ({ ...sbomAttachment(sbom), isOptional: !isAsked })),
      ...unsigned.map(statementAttachment),
    ];
  }

  /**
   * What is to be signed: the image as it is published and its platforms, and what is said of them; whoever
   * signs an index signs what is in it.
   */
  async toSign(
    { image, published }: { readonly image: BuiltImage; readonly published: BuiltImage },
    made: MadeImage | undefined,
    options: WorkOptions,
  ): Promise<readonly ToSign[]> {
    const { signing, attestInIndex } = this.config;
    if (signing === undefined) return [];
    const signer = await this.#openSigner(options);
    const images = await signer.ofImage(published, published.root, options);
    if (attestInIndex) return images;
    const { sboms, provenance } = await this.#documentsOf(image, made, options);
    const statements = [...sboms.map(sbomStatement), ...provenance];
    return [...images, ...statements.map((one) => signer.of(one))];
  }

  #documentsOf(
    image: BuiltImage,
    made: MadeImage | undefined,
    options: WorkOptions,
  ): Promise<Documents> {
    const found = this.#found.get(image) ?? this.#make(image, made, options);
    this.#found.set(image, found);
    return found;
  }

  async #make(
    image: BuiltImage,
    made: MadeImage | undefined,
    options: WorkOptions,
  ): Promise<Documents> {
    const { config } = this;
    if (!hasDocuments(config)) return { sboms: [], provenance: [] };
    const facts = await this.#facts(image, options);
    const provenance = config.provenance && made ? provenanceOf(facts, made, config) : [];
    return { sboms: await sbomsOf(facts, config, options), provenance };
  }

  #openSigner(work: WorkOptions): Promise<StatementSigner> {
    return this.#signer ??= this.#newSigner(work);
  }

  async #newSigner(work: WorkOptions): Promise<StatementSigner> {
    const { signing, transfer: { environment } } = this.config;
    const askPassword = signing?.askPassword ?? nobodyToAsk;
    // Most builds sign nothing, and do not wait for what only these need.
    const { openSigner, readKeyFile } = await import("../trust/key_files.ts");
    const { StatementSigner } = await import("../trust/to_sign.ts");
    const keyDigest = signing?.key && digestOf(readKeyFile(signing.key));
    let opened: ReturnType<typeof openSigner> | undefined;
    const open = () => opened ??= openSigner({ ...signing, askPassword }, environment, work);
    // What a program signs is another signature each time.
    if (keyDigest === undefined || signing?.signer !== undefined) return new StatementSigner(open);
    const records = await this.#openRecords();
    return new StatementSigner(open, records && { records, keyDigest });
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
    const { go: { command }, transfer: { environment } } = this.config;
    // Not the environment of an offline build: where a module is to be had stays what it was.
    const go = { command, environment };
    return new FactsFinder({ go, records: await this.#openRecords() });
  }

  /** What was found out by earlier builds, where that is kept. */
  async #openRecords(): Promise<Records | undefined> {
    const { cache } = this.config;
    if (!cache.enabled) return undefined;
    const folder = contentsDirectory(cache.directory);
    try {
      await Deno.mkdir(folder, { recursive: true });
    } catch (error) {
      throw ioFailure(`make folder ${folder}`, error);
    }
    return recordsIn(folder);
  }
}

function hasDocuments({ sbom, provenance }: Pick<BuildConfig, "provenance" | "sbom">): boolean {
  return sbom.forms.length > 0 || provenance;
}

function nobodyToAsk(): Promise<string> {
  const why = "set KODENO_KEY_PASSWORD, since nobody can be asked for its password";
  return Promise.reject(new KodenoError("BAD_OPTION", `Cannot use the key: ${why}`));
}

/** Tells where documents that were asked for go nowhere. */
export function tellLostDocuments(
  all: readonly Pick<BuildConfig, "attestInIndex" | "provenance" | "sbom" | "signing">[],
  { layout, push, tarball }: Pick<PublishConfig, "layout" | "push" | "tarball">,
  emit: Emit | undefined,
): void {
  if (layout !== undefined || push) return;
  const isSigned = all.some(({ signing }) => signing !== undefined);
  if (isSigned && tarball !== undefined) return;
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
  if (isSigned) tell("signature", ", or an archive of --tarball FILE");
}
