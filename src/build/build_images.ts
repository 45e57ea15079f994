/**
 * From a configuration to published images: what `kodeno build` is, and what other commands begin with.
 * @module
 */
import type { Config } from "../config/config.ts";
import { writeTextOutput } from "../io/output.ts";
import { settleNetwork } from "./bases.ts";
import { openBuilder } from "./builder.ts";
import type { WorkOptions } from "../events.ts";
import { KodenoError } from "../errors.ts";
import { openPublisher, type PublishPlaces } from "./publisher.ts";
import { publishImages, type PublishImagesOptions } from "./publish_images.ts";

/** What go says offline that it would fetch. */
const NO_MODULE = /GOPROXY=off|GOVCS disallows/;
const NO_TOOLCHAIN = /requires go >= (\S+) .*GOTOOLCHAIN=local/;

/** What was asked for. */
export interface BuildRequest extends Pick<PublishPlaces, "targets"> {
  readonly patterns: readonly string[];
  readonly config: Config;
  /** Names images in the place of the publisher. */
  readonly naming?: PublishImagesOptions["naming"];
}

/**
 * Builds and publishes.
 *
 * @returns references by import path
 * @throws {KodenoError} see `publishImages`; the file of references is then not written
 */
export async function buildImages(
  { patterns, config: { build, publish }, targets = [], naming }: BuildRequest,
  options: WorkOptions = {},
): Promise<ReadonlyMap<string, string>> {
  const { imageRefs } = publish;
  const mountFrom = await settleNetwork([build], publish, targets.length > 0);
  const publisher = openPublisher(publish, { mountFrom, targets });
  const builder = openBuilder(build);
  try {
    const work = { ...options, naming };
    const references = await publishImages(patterns, publisher, builder, work);
    if (imageRefs !== undefined) {
      const text = [...references.values()].map((reference) => `${reference}\n`).join("");
      await writeTextOutput(imageRefs, { what: `references to ${imageRefs}` }, text);
    }
    return references;
  } catch (error) {
    throw build.offline ? withOfflineHint(error) : error;
  } finally {
    await builder.close();
  }
}

/**
 * A failure of an offline build, with the next step where it is for want of a module or of a newer Go;
 * any other as it is.
 */
export function withOfflineHint(error: unknown): unknown {
  if (!(error instanceof KodenoError)) return error;
  const { code, message, detail } = error;
  const told = (text: string) => new KodenoError(code, text, detail, { cause: error });
  if (NO_MODULE.test(message)) {
    return told(
      'Cannot build offline: go lacks modules; run "go mod download" here once with the network, or ' +
        `"go mod vendor" and bring the folder:\n${message}`,
    );
  }
  const version = NO_TOOLCHAIN.exec(message)?.[1];
  if (version === undefined) return error;
  return told(`${message}; offline none is fetched: install Go ${version} or newer`);
}
