/**
 * Manifests and indexes of a repository, by tag and by digest (distribution spec 1.1, "Pulling
 * manifests" and "Pushing manifests").
 * @module
 */
import type { CallOptions } from "../../content/places.ts";
import { hasSuccessors } from "../../content/walk.ts";
import { KodenoError, messageOf } from "../../errors.ts";
import { digestOf } from "../../io/hash.ts";
import {
  bareDescriptor,
  type Descriptor,
  isDigest,
  isIndexType,
  MediaType,
} from "../../oci/descriptor.ts";
import { MAX_JSON_BYTES, parseIndex, parseManifest } from "../../oci/manifest.ts";
import { refuseWebPage, type Repository, repositoryCall } from "./blobs.ts";
import type { Answer, Call } from "./client.ts";
import { connectionFailure, readWithin } from "./failure.ts";

/** What is asked for, OCI's and Docker's. */
const ACCEPT = [
  MediaType.index,
  MediaType.manifest,
  "application/vnd.docker.distribution.manifest.list.v2+json",
  "application/vnd.docker.distribution.manifest.v2+json",
].join(", ");

/**
 * What a registry says of a manifest whose blobs it does not find. They were there a moment ago; it
 * may be writing one of them again, since somebody else pushes it, too, or not see all it has yet.
 */
const BLOB_UNKNOWN = "MANIFEST_BLOB_UNKNOWN";

/** Nothing is asked for again where it would have less time to come. */
const MIN_LEFT_MS = 50;

/** A manifest or index, with its bytes. */
export interface Document {
  readonly descriptor: Descriptor;
  readonly bytes: Uint8Array;
}

const VERBS = { HEAD: "find", GET: "pull", PUT: "push" } as const;

function manifestCall(
  repository: Repository,
  method: keyof typeof VERBS,
  ref: string,
  options: CallOptions,
): Call {
  const { name } = repository.endpoint;
  const doing = `${VERBS[method]} ${name}${isDigest(ref) ? "@" : ":"}${ref}`;
  const call = repositoryCall(repository, method, `manifests/${ref}`, doing, options);
  return { ...call, headers: { accept: ACCEPT } };
}

/**
 * What a tag or digest names (HEAD, and GET only where the answer leaves something out); undefined
 * when it is not there.
 *
 * @throws {KodenoError} `BAD_CONTENT` when it is no manifest or index that kodeno knows
 */
export async function headManifest(
  repository: Repository,
  ref: string,
  options: CallOptions,
): Promise<Descriptor | undefined> {
  const { client } = repository;
  const call = manifestCall(repository, "HEAD", ref, options);
  const answer = await client.call(call);
  await answer.body.cancel();
  if (answer.status === 404) return undefined;
  // Some registries know HEAD only for those who are logged in, or not at all.
  if (answer.status === 405) return (await getManifest(repository, ref, options)).descriptor;
  if (answer.status !== 200) throw await client.refusal(call, answer);
  refuseWebPage(call, answer, "");
  const digest = answer.headers.get("docker-content-digest") ?? "";
  const length = answer.headers.get("content-length");
  const mediaType = typeOf(answer);
  if (!isDigest(digest) || length === null || mediaType === "application/json") {
    return (await getManifest(repository, ref, options)).descriptor;
  }
  if (isDigest(ref) && digest !== ref) throw otherDigest(call, digest);
  return known(call, { mediaType, digest, size: Number(length) });
}

/**
 * A manifest or index with its bytes, 4 MiB at most.
 *
 * @param ref tag or digest; the bytes are checked against a digest
 * @throws {KodenoError} `NOT_FOUND`, `BAD_CONTENT`
 */
export async function getManifest(
  repository: Repository,
  ref: string,
  options: CallOptions,
): Promise<Document> {
  const { client } = repository;
  const call = manifestCall(repository, "GET", ref, options);
  // Tries that each take as long as they may would take that many times as long.
  let leftMs = client.shared.documentMs;
  for (let tried = 1;; tried++) {
    const answer = await client.call(call);
    if (answer.status !== 200) throw await client.refusal(call, answer, true);
    refuseWebPage(call, answer, "");
    let bytes: Uint8Array;
    const began = performance.now();
    try {
      const what = call.doing.replace(/^pull /, "");
      bytes = await readWithin(answer.body, MAX_JSON_BYTES, leftMs, what);
    } catch (error) {
      options.signal?.throwIfAborted();
      leftMs -= performance.now() - began;
      const failure = connectionFailure(call, answer.url, error);
      // Only what broke on the way is tried again.
      const isOver = tried >= client.shared.policy.attempts || leftMs < MIN_LEFT_MS;
      if (failure === error || isOver) throw failure;
      await client.waitForTry(call, tried, messageOf(error));
      continue;
    }
    const descriptor = { mediaType: typeOf(answer), digest: digestOf(bytes), size: bytes.length };
    if (isDigest(ref) && descriptor.digest !== ref) throw otherDigest(call, descriptor.digest);
    const named = answer.headers.get("docker-content-digest");
    if (named !== null && isDigest(named) && named !== descriptor.digest) {
      throw otherDigest(call, descriptor.digest);
    }
    return { descriptor: known(call, descriptor), bytes };
  }
}

/**
 * Puts a manifest or index under its digest, or under a tag.
 *
 * @returns what the registry says of its `subject` (`OCI-Subject`); undefined when it says nothing
 * @throws {KodenoError} `BAD_CONTENT` when the registry took other bytes for it
 */
export async function putManifest(
  repository: Repository,
  ref: string,
  { descriptor, bytes }: Document,
  options: CallOptions,
): Promise<string | undefined> {
  const { client } = repository;
  const call: Call = {
    ...manifestCall(repository, "PUT", ref, options),
    headers: { "content-type": descriptor.mediaType },
    body: () => bytes,
  };
  let answer = await client.call(call);
  for (let tried = 1; ![200, 201, 202].includes(answer.status); tried++) {
    const refusal = await client.refusal(call, answer);
    if (!refusal.registryCodes.includes(BLOB_UNKNOWN) || tried >= client.shared.policy.attempts) {
      throw refusal;
    }
    await client.waitForTry(call, tried, `registry answered ${refusal.status} (${BLOB_UNKNOWN})`);
    answer = await client.call(call);
  }
  await answer.body.cancel();
  const named = answer.headers.get("docker-content-digest");
  if (named !== null && isDigest(named) && named !== descriptor.digest) {
    throw otherDigest(call, named);
  }
  return answer.headers.get("oci-subject") ?? undefined;
}

function typeOf(answer: Answer): string {
  return (answer.headers.get("content-type") ?? "").split(";")[0]?.trim().toLowerCase() ?? "";
}

function known(call: Call, descriptor: Descriptor): Descriptor {
  if (hasSuccessors(descriptor)) return bareDescriptor(descriptor);
  const { mediaType, digest } = descriptor;
  throw new KodenoError(
    "BAD_CONTENT",
    `Cannot ${call.doing}: it is neither an image nor an index, but ${JSON.stringify(mediaType)}`,
    { digest },
  );
}

function otherDigest(call: Call, digest: string): KodenoError {
  return new KodenoError("BAD_CONTENT", `Cannot ${call.doing}: the registry has ${digest} there`, {
    digest,
  });
}

/** What a manifest or index refers to, if it does. */
export function subjectOf({ descriptor, bytes }: Document): Descriptor | undefined {
  const what = `blob ${descriptor.digest}`;
  return (isIndexType(descriptor.mediaType) ? parseIndex : parseManifest)(bytes, what).subject;
}
