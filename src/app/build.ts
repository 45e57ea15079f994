/**
 * The use case of `kodeno build`: main packages to images in a layout, and their references.
 * @module
 */
import { basename, dirname } from "node:path";
import { resolveBuildConfig } from "../config/build_config.ts";
import type { BuildOptions, PublishOptions } from "../config/options.ts";
import { resolvePublishConfig } from "../config/publish_config.ts";
import { writeFileAtomically } from "../io/atomic.ts";
import { ioFailure } from "../io/fail.ts";
import { isBuiltinBase } from "../image/builtin_base.ts";
import { giveUpNetwork, parsePlace } from "./places.ts";
import { newBuilder, type WorkOptions } from "./builder.ts";
import { newPublisher } from "./publisher.ts";
import { publishImages } from "./publish_images.ts";

/** What was asked for. */
export interface BuildRequest {
  readonly patterns: readonly string[];
  readonly build: BuildOptions;
  readonly publish: PublishOptions;
}

/**
 * Builds and publishes.
 *
 * @returns references by import path
 * @throws {KodenoError} see `publishImages`; the file of references is then not written
 */
export async function build(
  request: BuildRequest,
  options: WorkOptions = {},
): Promise<ReadonlyMap<string, string>> {
  const { imageRefs, push, local } = resolvePublishConfig(request.publish);
  const { baseImage, offline } = resolveBuildConfig(request.build);
  const base = isBuiltinBase(baseImage) ? undefined : parsePlace(baseImage);
  const dials = push || local || base?.kind === "daemon";
  if (offline && !dials) await giveUpNetwork();
  const mountFrom = base?.kind === "registry" ? [base.reference.name] : [];
  const publisher = newPublisher(request.publish, mountFrom);
  const builder = newBuilder(request.build);
  try {
    const references = await publishImages(request.patterns, publisher, builder, options);
    if (imageRefs !== undefined) await writeReferences(imageRefs, [...references.values()]);
    return references;
  } finally {
    await builder.close();
  }
}

async function writeReferences(path: string, references: readonly string[]): Promise<void> {
  try {
    const text = references.map((reference) => `${reference}\n`).join("");
    await writeFileAtomically(path, dirname(path), new TextEncoder().encode(text));
  } catch (error) {
    throw ioFailure(`write references to ${basename(path)}`, error);
  }
}
