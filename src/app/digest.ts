/**
 * The recipe of `kodeno digest`: which manifest or index a name means now, wherever it is.
 * @module
 */
import { resolveTransferConfig } from "../config/config.ts";
import type { TransferOptions } from "../config/options.ts";
import { KodenoError } from "../errors.ts";
import type { WorkOptions } from "../events.ts";
import { formatPlatform } from "../oci/platform.ts";
import { isStdin, placeToRead } from "../place/open.ts";
import { openToRead } from "../place/open_image.ts";

/** What was asked for. */
interface DigestRequest extends TransferOptions, WorkOptions {
  /** Each as `placeToRead` has it. */
  readonly places: readonly string[];
  /** Takes the image of one platform alone. */
  readonly platform?: string | undefined;
}

/**
 * The digests of images, in their order. A registry is asked by HEAD, and read from only for a platform.
 *
 * @throws {KodenoError} when one of them is not there
 */
export async function digest({ places, ...request }: DigestRequest) {
  const config = resolveTransferConfig(request);
  const parsed = await Promise.all(places.map(placeToRead));
  if (parsed.filter(isStdin).length > 1) {
    const why = "it can be read once";
    throw new KodenoError("BAD_OPTION", `Cannot look at stdin more than once: ${why}`);
  }
  const found = [];
  for (const [i, place] of parsed.entries()) {
    const from = places[i] ?? "";
    const willRead = request.platform !== undefined;
    await using image = await openToRead(place, { ...request, config, from, willRead });
    const { digest, mediaType, size, platform } = image.root;
    const runsOn = platform ? { platform: formatPlatform(platform) } : {};
    found.push({ place: from, digest, mediaType, size, ...runsOn });
  }
  return found;
}
