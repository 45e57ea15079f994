/**
 * From options to published images: what `kodeno build` is, and what other commands begin with.
 * @module
 */
import { loadConfig, resolveBuildConfig, resolvePublishConfig } from "../config/config.ts";
import type { BuildOptions, PublishOptions } from "../config/options.ts";
import { writeTextOutput } from "../io/output.ts";
import { settleNetwork } from "./bases.ts";
import { newBuilder } from "./builder.ts";
import type { WorkOptions } from "../events.ts";
import { withOfflineHint } from "./offline_hint.ts";
import { newPublisher, type Publisher } from "./publisher.ts";
import { publishImages } from "./publish_images.ts";

/** What was asked for. */
export interface BuildRequest {
  readonly patterns: readonly string[];
  readonly build: BuildOptions;
  readonly publish: PublishOptions;
  /** Makes the publisher, of the repositories of base images; one as `publish` says unless given. */
  readonly publisher?: ((mountFrom: readonly string[]) => Publisher) | undefined;
}

/**
 * Builds and publishes.
 *
 * @returns references by import path
 * @throws {KodenoError} see `publishImages`; the file of references is then not written
 */
export async function buildImages(
  request: BuildRequest,
  options: WorkOptions = {},
): Promise<ReadonlyMap<string, string>> {
  const { imageRefs } = resolvePublishConfig(request.publish);
  const build = await loadConfig(request.build, options);
  const mountFrom = await settleNetwork([resolveBuildConfig(build)], request.publish);
  const publisher = request.publisher?.(mountFrom) ??
    newPublisher(request.publish, { mountFrom });
  const builder = newBuilder(build);
  try {
    const references = await publishImages(request.patterns, publisher, builder, options);
    if (imageRefs !== undefined) await writeReferences(imageRefs, [...references.values()]);
    return references;
  } catch (error) {
    throw build.offline ? withOfflineHint(error) : error;
  } finally {
    await builder.close();
  }
}

async function writeReferences(path: string, references: readonly string[]): Promise<void> {
  const text = references.map((reference) => `${reference}\n`).join("");
  await writeTextOutput(path, { what: `references to ${path}` }, text);
}
