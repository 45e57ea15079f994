/**
 * The recipe of `kodeno rebase`: an image of kodeno or ko is put on another base, and go builds nothing.
 * @module
 */
import { nameInDaemon } from "../build/destinations.ts";
import { isFarBase, withRebased } from "../build/rebase.ts";
import { loadConfig, resolveBuildConfig } from "../config/config.ts";
import type { TransferOptions, TrustOptions } from "../config/options.ts";
import { copy, countMoved } from "../content/copy.ts";
import { holdPlace } from "../content/places.ts";
import { findAbout } from "../content/referrers.ts";
import { summarize } from "../content/reader.ts";
import { KodenoError } from "../errors.ts";
import type { WorkOptions } from "../events.ts";
import { shortName } from "../oci/reference.ts";
import {
  giveUpNetwork,
  isOnDisk,
  openForeign,
  openTarget,
  type PlaceName,
  placeToRead,
  placeToWrite,
} from "../place/open.ts";
import { type OpenImage, openImage } from "../place/open_image.ts";

interface RebaseRequest extends TransferOptions, TrustOptions, WorkOptions {
  /** The image, as `placeToRead` has it. */
  readonly image: string;
  /** What it is to stand on, as a build has its base images. */
  readonly base?: string | undefined;
  /** What it stands on, where it does not say, or where that is now. */
  readonly oldBase?: string | undefined;
  /** Where it goes; default where it is, in a layout or registry. */
  readonly to?: string | undefined;
}

/** Rebases; the image under its name, which it has in the place of the old one where that is the same. */
export async function rebase(request: RebaseRequest) {
  const { image: from, base, oldBase, signal, emit } = request;
  if (base === undefined) {
    const next = "say with --base what it is to stand on";
    throw new KodenoError("BAD_OPTION", `Cannot rebase ${from}: ${next}`);
  }
  const place = await placeToRead(from);
  const given = request.to === undefined ? undefined : placeToWrite(request.to);
  const config = resolveBuildConfig(await loadConfig(request, request));
  const { transfer } = config;
  const isHere = isOnDisk(place) && (given === undefined || isOnDisk(given));
  const isCached = isFarBase(base) && !base.startsWith("daemon:");
  if (config.offline && isHere && (isCached || !isFarBase(base))) await giveUpNetwork();
  await using image = await openImage(place, { config: transfer, from, signal, emit });
  const { source, root } = image;
  const { to, name } = destination(given ?? samePlace(place, from), image, from);
  const target = await openTarget(to, transfer, {
    emit,
    mountFrom: place.kind === "registry" ? [place.reference.name] : [],
  });
  if (to.kind !== "layout") await target.check({ signal });
  const layout = place.kind === "layout" ? place.path : undefined;
  const what = { source, root, what: from, layout };
  return await withRebased({ ...what, config, base, oldBase, signal, emit }, async (made) => {
    const { digest } = made.root;
    // Those of a layout go with the name.
    const isSaidOf = await hasAbout(image, request);
    const { moved, onBlob } = countMoved();
    await using foreign = await openForeign(transfer, { emit });
    try {
      using _ = await holdPlace(target, { signal });
      const how = { signal, emit, image: name, foreign, onBlob };
      const chosen = await target.prepare?.(made, made.root, { foreign, signal }) ?? made.root;
      const tag = to.kind === "registry" ? to.reference.tag ?? "latest" : name;
      await copy(made, chosen, target, { ...how, tags: [tag] });
      await target.close({ signal });
    } catch (error) {
      await target.undo();
      throw error;
    }
    if (digest !== root.digest && isSaidOf) tellLeft(request);
    const summary = await summarize(made, made.root, { signal });
    return {
      name,
      digest,
      ...summary,
      references: [`${name}@${digest}`],
      ...moved,
      before: root.digest,
    };
  });
}

/** Where an image goes that is to take its own place. */
function samePlace(place: PlaceName, from: string): PlaceName {
  if (place.kind === "layout") return { ...place, ref: "" };
  if (place.kind === "registry" && place.reference.tag !== undefined) {
    const { name, tag } = place.reference;
    return { ...place, reference: { ...place.reference, name, tag, digest: undefined } };
  }
  const why = place.kind === "registry"
    ? "a digest is no name that it could take"
    : `an image of ${
      place.kind === "archive" ? "an archive" : "a daemon"
    } cannot be replaced there`;
  throw new KodenoError("BAD_OPTION", `Cannot rebase ${from}: ${why}; say with --to where it goes`);
}

/** Where an image goes, and what it is called there. */
function destination(to: PlaceName, { name: own }: OpenImage, from: string) {
  if (to.kind === "registry") {
    const { name, tag = "latest" } = to.reference;
    return { to, name: `${name}:${tag}` };
  }
  const said = to.kind === "daemon" || to.kind === "kind" ? to.name : to.ref;
  const name = said || own;
  if (name === undefined) {
    const next = "say with --to how it is to be called, as oci:DIR:NAME";
    throw new KodenoError("BAD_OPTION", `Cannot rebase ${from}: it has no name; ${next}`);
  }
  const isDaemon = to.kind === "daemon" || to.kind === "kind";
  return { to, name: isDaemon ? nameInDaemon(name, undefined) : shortName(name) };
}

/** Whether a place has something about an image, as far as it can be asked. */
async function hasAbout(
  { source, root }: OpenImage,
  { signal }: RebaseRequest,
): Promise<boolean> {
  const about = await findAbout(source, root, { signal }).catch(() => undefined);
  signal?.throwIfAborted();
  return about !== undefined && about.referrers.length + about.tagged.length > 0;
}

function tellLeft({ image, emit }: RebaseRequest): void {
  const message =
    `Note: signatures, SBOMs and provenance of ${image} are of the old image, and none ` +
    "are of the new one: make them with kodeno sign, and kodeno sbom --attach";
  emit?.({ type: "note", level: "info", message });
}
