/**
 * What the name of a base image stands for, where that is known without the network: of a digest itself, of
 * a layout or archive what it has.
 * @module
 */
import type { BuildConfig } from "../config/config.ts";
import type { ImageSettings } from "../config/image_config.ts";
import type { WorkOptions } from "../events.ts";
import { isBuiltinBase } from "../image/builtin_base.ts";
import { openSource } from "../place/open.ts";
import { baseFailure, parseBase } from "./base_names.ts";

/** The digest; nothing of a built-in base, and of one that a registry or daemon would have to be asked for. */
export async function knownDigest(
  base: Pick<ImageSettings, "baseImage" | "origins">,
  { workingDirectory: directory, transfer }: Pick<BuildConfig, "transfer" | "workingDirectory">,
  work: WorkOptions,
): Promise<string | undefined> {
  if (isBuiltinBase(base.baseImage)) return undefined;
  const place = parseBase(base);
  if (place.kind === "registry") return place.reference.digest;
  if (place.kind !== "layout" && place.kind !== "archive") return undefined;
  // deno-lint-ignore no-undef -- the linter does not know it yet
  await using opened = new AsyncDisposableStack();
  try {
    const { source, ref } = await openSource(place, transfer, opened, { directory, ...work });
    return (await source.resolve(ref, work)).digest;
  } catch (error) {
    throw baseFailure(error, base, directory);
  }
}
