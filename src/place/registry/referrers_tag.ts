/**
 * The tag that lists what refers to a manifest, on registries that have no API for that (distribution
 * spec 1.1, "Referrers Tag Schema"). Whoever pushes changes the list, and registries cannot compare
 * and swap: a lock keeps kodeno's processes apart, and a look at what was written tells of others.
 * @module
 */
import { createHash } from "node:crypto";
import { join } from "node:path";
import type { CallOptions } from "../../content/places.ts";
import { KodenoError } from "../../errors.ts";
import { digestOf } from "../../io/hash.ts";
import { withLockFile } from "../../io/lock.ts";
import type { Descriptor } from "../../oci/descriptor.ts";
import { digestHex, parseDigest } from "../../oci/digest.ts";
import { encodeJson, type Index, parseIndex, parseManifest } from "../../oci/manifest.ts";
import { isIndexType, MediaType } from "../../oci/media_types.ts";
import type { Repository } from "./blobs.ts";
import { type Document, getManifest, putManifest } from "./manifests.ts";
import { sleep, waitMs } from "./retry.ts";

/** How a list is changed. */
export interface ReferrerOptions extends CallOptions {
  /** Folder for the locks; without it, only this process is kept apart from itself. */
  readonly lockFolder?: string | undefined;
}

/** The tag under which referrers are listed where there is no API. */
export function referrersTag(subject: Descriptor): string {
  return `sha256-${digestHex(parseDigest(subject.digest))}`;
}

/** What is under the tag: the list, or something else that somebody gave that name. */
export async function readReferrersTag(
  repository: Repository,
  subject: Descriptor,
  options: CallOptions,
): Promise<{ readonly index?: Index; readonly other?: Descriptor }> {
  const tag = referrersTag(subject);
  try {
    const { descriptor, bytes } = await getManifest(repository, tag, options);
    if (!isIndexType(descriptor.mediaType)) return { other: descriptor };
    return { index: parseIndex(bytes, `${repository.endpoint.name}:${tag}`) };
  } catch (error) {
    if (error instanceof KodenoError && error.code === "NOT_FOUND") return {};
    throw error;
  }
}

/** The last change of each list in this process; the next one waits for it. */
const changing = new Map<string, Promise<unknown>>();

/**
 * Lists a manifest that was just pushed under the tag of its subject, as whoever pushes has to do
 * for a registry that has no referrers API.
 *
 * @throws {KodenoError} `BAD_CONTENT` when the tag names something that is no list,
 * `REGISTRY_FAILED` when others keep on writing over it
 */
export async function addReferrer(
  repository: Repository,
  subject: Descriptor,
  referrer: Document,
  options: ReferrerOptions,
): Promise<void> {
  const { client, endpoint } = repository;
  const key = `${client.registry}/${endpoint.path}@${subject.digest}`;
  const turn = (changing.get(key) ?? Promise.resolve()).then(() =>
    locked(key, options, () => addNow(repository, subject, referrer, options))
  );
  const ended = turn.catch(() => {});
  changing.set(key, ended);
  try {
    await turn;
  } finally {
    if (changing.get(key) === ended) changing.delete(key);
  }
}

/** Runs work while no other process of this machine changes the same list. */
async function locked(
  key: string,
  { lockFolder, signal }: ReferrerOptions,
  work: () => Promise<void>,
): Promise<void> {
  if (lockFolder === undefined) return await work();
  // Few files for all lists: some that have nothing to do with each other wait, too.
  const name = createHash("sha256").update(key).digest("hex").slice(0, 1);
  try {
    await Deno.mkdir(lockFolder, { recursive: true });
  } catch {
    // Where nothing can be written, looking at what was written has to do.
    return await work();
  }
  await withLockFile(join(lockFolder, `referrers-${name}.lock`), work, signal);
}

async function addNow(
  repository: Repository,
  subject: Descriptor,
  referrer: Document,
  options: CallOptions,
): Promise<void> {
  const { client, endpoint } = repository;
  const entry = describe(referrer);
  const tag = referrersTag(subject);
  const doing = `Cannot list ${entry.digest} in ${endpoint.name}:${tag}`;
  for (let tried = 0;; tried++) {
    const { index, other } = await readReferrersTag(repository, subject, options);
    if (other !== undefined) {
      throw new KodenoError("BAD_CONTENT", `${doing}: that is no list, but a ${other.mediaType}`);
    }
    const { manifests = [] } = index ?? {};
    // On the second round this is the look at what was written.
    if (manifests.some(({ digest }) => digest === entry.digest)) return;
    if (tried >= client.policy.attempts) {
      const why = "others write over it all the time; run it again";
      throw new KodenoError("REGISTRY_FAILED", `${doing}: ${why}`);
    }
    if (tried > 0) await sleep(waitMs(client.policy, tried, undefined), options.signal);
    const bytes = encodeJson({
      schemaVersion: 2,
      mediaType: MediaType.index,
      ...index,
      manifests: [...manifests, entry],
    });
    const descriptor = { mediaType: MediaType.index, digest: digestOf(bytes), size: bytes.length };
    await putManifest(repository, tag, { descriptor, bytes }, options);
  }
}

/** What an index of referrers says of one: the three fields, its type and its annotations. */
function describe({ descriptor, bytes }: Document): Descriptor {
  const what = `blob ${descriptor.digest}`;
  if (isIndexType(descriptor.mediaType)) {
    const value = parseIndex(bytes, what) as Index & { readonly artifactType?: string };
    return withDetails(descriptor, value.artifactType, value.annotations);
  }
  const { artifactType, config, annotations } = parseManifest(bytes, what);
  return withDetails(descriptor, artifactType ?? config.mediaType, annotations);
}

function withDetails(
  { mediaType, digest, size }: Descriptor,
  artifactType: string | undefined,
  annotations: Readonly<Record<string, string>> | undefined,
): Descriptor {
  return {
    mediaType,
    digest,
    size,
    ...(artifactType ? { artifactType } : {}),
    ...(annotations ? { annotations } : {}),
  };
}
