/**
 * The recipe of `kodeno check-base`: whether images stand on what the names of their bases stand for now.
 * @module
 */
import { BaseCheck, type CheckedBase } from "../build/base_check.ts";
import { loadConfig, resolveBuildConfig } from "../config/config.ts";
import type { TransferOptions } from "../config/options.ts";
import { KodenoError } from "../errors.ts";
import type { WorkOptions } from "../events.ts";
import { entryName, listed } from "../oci/entries.ts";
import { giveUpNetwork, placeToRead } from "../place/open.ts";
import { openChosen, openImage } from "../place/open_image.ts";

interface CheckRequest extends TransferOptions, WorkOptions {
  /** As `placeToRead` has them; a layout or archive without a name is all its images. */
  readonly places: readonly string[];
  /** Layout or archive in which bases are looked for by their names, in the place of registries. */
  readonly bases?: string | undefined;
}

/** What was found, in the order of the places. */
interface CheckResult {
  readonly images: readonly CheckedBase[];
  /** Why the command fails in the end, when all was told. */
  readonly failure: unknown;
}

/** Checks images. One of which nobody can tell is a failure where it was named, or is all there is. */
export async function checkImageBases(request: CheckRequest): Promise<CheckResult> {
  const { places, bases, signal, emit } = request;
  const config = resolveBuildConfig(await loadConfig(request, request));
  const read = await Promise.all((places.length > 0 ? places : ["out"]).map(async (from) => {
    return { from, place: await placeToRead(from) };
  }));
  if (config.offline && read.every(({ place }) => "path" in place)) await giveUpNetwork();
  await using check = new BaseCheck({ config, bases, signal, emit });
  const images: CheckedBase[] = [];
  const lost: CheckedBase[] = [];
  for (const { from, place } of read) {
    const isNamed = !("path" in place) || place.ref !== "";
    const found: CheckedBase[] = [];
    if ("path" in place) {
      const named = place.ref === "" ? [] : [place.ref];
      const choice = { images: named, verb: "check", leaveBases: true, imagesOnly: true };
      using chosen = await openChosen(place.path, { ...choice, signal, emit });
      for (const root of chosen.images) {
        found.push(await check.of(chosen.source, root, entryName(root)));
      }
    } else {
      await using image = await openImage(place, { config: config.transfer, from, signal, emit });
      found.push(await check.of(image.source, image.root, image.name));
    }
    images.push(...found);
    const unknown = found.filter(({ status }) => status === "unknown");
    if (isNamed || unknown.length === found.length) lost.push(...unknown);
  }
  return { images, failure: failureOf(images, check.failure, lost) };
}

function failureOf(
  images: readonly CheckedBase[],
  failure: unknown,
  [lost]: readonly CheckedBase[],
): unknown {
  const newer = images.filter(({ status }) => status === "newer");
  const nameOf = ({ name, digest }: CheckedBase) => name ?? digest;
  if (newer.length > 0) {
    const bases = new Set(newer.flatMap(({ base }) => base?.name ?? []));
    const what = `${listed([...bases])} ${bases.size === 1 ? "is" : "are"} newer than what ` +
      `${listed(newer.map(nameOf))} ${newer.length === 1 ? "stands" : "stand"} on`;
    return new KodenoError("DIFFERENT", `${what}; build again, or use kodeno rebase`);
  }
  if (failure !== undefined || lost === undefined) return failure;
  const message = `Cannot tell whether ${nameOf(lost)} stands on the newest base: ${lost.why}`;
  return new KodenoError("NOT_FOUND", message, { digest: lost.digest });
}
