/**
 * What bundles have brought to a folder: a note of it lies there, by which the next one tells what somebody
 * has changed since and whether it comes too late, and a receipt what is elsewhere (bases, Go modules).
 * @module
 */
import { join } from "node:path";
import { syncParent, writeSynced } from "../io/atomic.ts";
import { ioFailure, isFile, readSmallText, writeAll } from "../io/files.ts";
import { z } from "../npm/zod.ts";
import { encodeJson, jsonIn } from "../oci/manifest.ts";
import {
  badBundle,
  type BundleDocument,
  DIGEST,
  GO_MODULE,
  MAX_DOCUMENT_BYTES,
  SOURCE_OF,
} from "./document.ts";
import { firstIssue } from "./faults.ts";

/** The note. */
const APPLIED = "kodeno-applied.json";
/** The folder beside it that the source is in. */
export const SOURCE_FOLDER = "source";
const VERSION = 1;

const files = z.record(z.string(), z.string()).readonly();
const schema = z.object({
  version: z.literal(VERSION),
  /** In the order in which they came. */
  bundles: z.array(z.object({
    sequence: z.int().positive(),
    id: DIGEST,
    /** Names of images, and {@link FILES}. */
    brought: z.array(z.string()).readonly(),
  })).readonly(),
  /** Blobs of images that others are built on. */
  bases: z.array(z.object({ digest: DIGEST, size: z.int().nonnegative() })).readonly(),
  /** Toolchains are among them. */
  modules: z.array(GO_MODULE).readonly(),
  /** What `files` are of. */
  source: SOURCE_OF.optional(),
  /** Source and lock, as they were brought: what each file is by its path (`tree.ts`). */
  files,
  /** What is on its way, or has been when that was interrupted. */
  coming: files.optional(),
});

/** What came so far. */
export type Applied = z.output<typeof schema>;
/** What source and lock are called among what a bundle has brought; no image has that name. */
export const FILES = "/";

/** Where nothing came. */
const NONE: Applied = { version: VERSION, bundles: [], bases: [], modules: [], files: {} };

/**
 * What came to a folder; nothing where nothing did.
 *
 * @throws {KodenoError} `BAD_CONTENT` for a note that is damaged
 */
export function appliedIn(directory: string): Applied | undefined {
  const path = join(directory, APPLIED);
  if (!isFile(path)) return undefined;
  try {
    const value = jsonIn(new TextEncoder().encode(readSmallText(path, MAX_DOCUMENT_BYTES)));
    const { data, error } = schema.safeParse(value);
    if (data !== undefined) return data;
    throw badBundle(path, `${firstIssue(error)}; apply the last bundle again`, error);
  } catch (error) {
    throw ioFailure(`read ${path}`, error);
  }
}

/** {@link appliedIn}; a note that is damaged is as none, and is written anew. */
export function appliedOrNone(directory: string): Applied {
  try {
    return appliedIn(directory) ?? NONE;
  } catch {
    return NONE;
  }
}

/** Writes the note. */
export async function noteApplied(directory: string, applied: Applied): Promise<void> {
  const path = join(directory, APPLIED);
  try {
    await writeSynced(path, directory, (file) => writeAll(file, encodeJson(applied)));
    await syncParent(path);
  } catch (error) {
    throw ioFailure(`write ${path}`, error);
  }
}

type Named = Pick<BundleDocument, "id" | "sequence">;

/** The last bundle that came. */
export function lastOf({ bundles }: Applied): Named | undefined {
  return bundles.reduce<Named | undefined>(
    (last, one) => last === undefined || one.sequence >= last.sequence ? one : last,
    undefined,
  );
}

/**
 * The bundle that has brought something newer already: of a higher sequence, or, where nothing is counted,
 * one that came after this one.
 *
 * @param changing what this one would change of what is there
 */
export function newerThan(
  { id, sequence }: Named,
  changing: readonly string[],
  { bundles }: Applied,
): Named | undefined {
  const hasCome = bundles.some((one) => one.id === id);
  for (const name of changing) {
    const by = bundles.findLast(({ brought }) => brought.includes(name));
    if (by === undefined || by.id === id) continue;
    if (sequence < by.sequence || (sequence === by.sequence && hasCome)) return by;
  }
  return undefined;
}

/** The bundles that came, with one more. Once it went back to an older one, the newer may come again. */
export function withBundle(
  { bundles }: Pick<Applied, "bundles">,
  { id, sequence, brought, isBack }: Applied["bundles"][number] & { readonly isBack: boolean },
): Applied["bundles"] {
  const at = bundles.findIndex((one) => one.id === id);
  if (at < 0) return [...bundles, { sequence, id, brought }];
  return isBack ? bundles.slice(0, at + 1) : bundles;
}
