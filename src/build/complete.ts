/**
 * Whether the parts of a build are all of it: each image that was planned, for its platforms, no other
 * one, and none in two ways.
 * @module
 */
import { imagesWithPlatform } from "../content/images.ts";
import type { CallOptions, Source } from "../content/places.ts";
import { KodenoError } from "../errors.ts";
import { getOrSet } from "../io/concurrency.ts";
import type { Descriptor } from "../oci/descriptor.ts";
import { cosignSubject, entryName, isBase, listed, SUBJECT } from "../oci/entries.ts";
import { formatPlatform } from "../oci/platform.ts";
import type { ImageInFile } from "./plan_file.ts";

/** An image of a part. */
interface FoundImage {
  readonly from: Source;
  readonly entry: Descriptor;
}

/** Platforms are compared without variants that an architecture has anyway. */
const plain = (platform: string): string => platform.replace(/^(.*\/arm64)\/v8$/, "$1");

/**
 * Compares images with a plan.
 *
 * @param path of the plan, for messages
 * @throws {KodenoError} `DIFFERENT`, with all that lacks, is too much or differs
 */
export async function checkComplete(
  plan: readonly ImageInFile[],
  path: string,
  found: readonly FoundImage[],
  options: CallOptions = {},
): Promise<void> {
  const byName = new Map<string, FoundImage[]>();
  for (const one of found) {
    const { entry } = one;
    const isBeside = entry.annotations?.[SUBJECT] !== undefined || isBase(entry) ||
      cosignSubject(entry) !== undefined;
    if (!isBeside) getOrSet(byName, entryName(entry) ?? entry.digest, () => []).push(one);
  }
  const planned = new Map(plan.flatMap((image) => image.references.map((ref) => [ref, image])));
  const missing = [...planned.keys()].filter((ref) => !byName.has(ref)).sort();
  const extra = [...byName].filter(([name]) => !planned.has(name)).map(([name, [one]]) =>
    `${name} of ${one?.from.what ?? "a part"}`
  );
  const differing: string[] = [];
  const lacking: string[] = [];
  for (const [name, images] of byName) {
    const places = new Map(images.map(({ entry, from }) => [entry.digest, from.what ?? "a part"]));
    if (places.size > 1) {
      const texts = Array.from(places, ([digest, what]) => `${digest} in ${what}`);
      differing.push(`${name} is ${texts.join(" and ")}`);
    }
    const [one] = images;
    const wanted = planned.get(name)?.platforms ?? [];
    if (one === undefined || wanted.length === 0) continue;
    const have = await imagesWithPlatform(one.from, one.entry, options);
    const there = new Set(have.map(({ platform }) => platform && plain(formatPlatform(platform))));
    const none = wanted.filter((platform) => !there.has(plain(platform)));
    if (none.length > 0) lacking.push(`${name} is not for ${none.join(",")}`);
  }
  const parts = [
    missing.length > 0 && `no part has ${listed(missing)}`,
    extra.length > 0 && `not planned ${extra.length === 1 ? "is" : "are"} ${listed(extra)}`,
    differing.length > 0 && listed(differing),
    lacking.length > 0 && listed(lacking),
  ].filter((part) => part !== false);
  if (parts.length === 0) return;
  const detail = { missing, extra, differing, lacking };
  throw new KodenoError("DIFFERENT", `Parts are not all of ${path}: ${parts.join("; ")}`, detail);
}
