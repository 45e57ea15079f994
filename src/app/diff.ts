/**
 * The recipe of `kodeno diff`: in what two images differ, wherever they are.
 * @module
 */
import { resolveTransferConfig } from "../config/config.ts";
import { goCommandOf } from "../config/environment.ts";
import type { TransferOptions } from "../config/options.ts";
import { diffImages } from "../diff/images.ts";
import { differences, firstDifference } from "../diff/words.ts";
import { KodenoError } from "../errors.ts";
import type { WorkOptions } from "../events.ts";
import { giveUpNetwork, isOnDisk, isStdin, openForeign, placeToRead } from "../place/open.ts";
import { openImage } from "../place/open_image.ts";

export type { Difference } from "../diff/words.ts";

/** What was asked for. */
interface DiffRequest extends TransferOptions, WorkOptions {
  /** The places of the images, as `placeToRead` has them. */
  readonly a: string;
  readonly b: string;
  /** Compares the images of one platform alone. */
  readonly platform?: string | undefined;
}

/** Compares two images; what differs is also told in words. */
export async function diff(request: DiffRequest) {
  const { signal, emit } = request;
  const config = resolveTransferConfig(request);
  const { environment } = config;
  const go = { command: goCommandOf(environment), environment };
  const [from, to] = [await placeToRead(request.a), await placeToRead(request.b)];
  if (isStdin(from) && isStdin(to)) {
    const why = "both are stdin, which can be read once";
    throw new KodenoError("BAD_OPTION", `Cannot compare ${request.a} with ${request.b}: ${why}`);
  }
  if (request.offline && isOnDisk(from) && isOnDisk(to)) await giveUpNetwork();
  const how = { ...request, config };
  await using a = await openImage(from, { ...how, from: request.a });
  await using b = await openImage(to, { ...how, from: request.b });
  await using foreign = await openForeign(config, { emit });
  const found = await diffImages(a, b, { go, foreign, signal, emit });
  return { found, differences: () => differences(found), first: firstDifference(found) };
}

/** Ends work that has found a difference, when all of it was told. */
export function refuseDifference(a: string, b: string, first: string | undefined): void {
  if (first !== undefined) throw new KodenoError("DIFFERENT", `${a} and ${b} differ: ${first}`);
}
