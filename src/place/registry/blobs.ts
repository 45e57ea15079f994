/**
 * Blobs of a repository: whether they are there, and their bytes, which go on where a broken
 * connection left off (distribution spec 1.1, "Pulling blobs").
 * @module
 */
import type { CallOptions } from "../../content/places.ts";
import { KodenoError, messageOf } from "../../errors.ts";
import { type ByobReader, byobReader, byteStream, type Memory } from "../../io/streams.ts";
import { type Descriptor, parseDigest } from "../../oci/descriptor.ts";
import type { Scope } from "./auth.ts";
import type { Answer, Call, RegistryClient } from "./client.ts";
import type { Endpoint } from "./endpoint.ts";
import { ConnectionError, connectionFailure, isTransientError, RegistryError } from "./failure.ts";

/** Progress that makes up for the broken connections before it. */
const GOOD_PROGRESS_BYTES = 1024 * 1024;

/** A repository and who talks to it. */
export interface Repository {
  readonly client: RegistryClient;
  readonly endpoint: Endpoint;
}

/** A request about a repository; `rest` follows its path. */
export function repositoryCall(
  { endpoint: { path } }: Repository,
  method: string,
  rest: string,
  doing: string,
  { signal }: CallOptions,
): Call {
  const isRead = method === "GET" || method === "HEAD";
  const scope: Scope = { path, actions: isRead ? ["pull"] : ["pull", "push"] };
  return { doing, method, to: `/v2/${path}/${rest}`, scopes: [scope], signal };
}

/** Whether a repository has a blob of that digest and size (HEAD). */
export async function hasBlob(
  repository: Repository,
  d: Descriptor,
  options: CallOptions,
): Promise<boolean> {
  const { client, endpoint: { name } } = repository;
  const doing = `look for blob ${d.digest} in ${name}`;
  const call = repositoryCall(repository, "HEAD", `blobs/${parseDigest(d.digest)}`, doing, options);
  const answer = await client.call(call);
  await answer.body.cancel();
  if (answer.status === 404) return false;
  if (answer.status !== 200) throw await client.refusal(call, answer);
  refuseWebPage(call, answer, d.mediaType);
  const length = answer.headers.get("content-length");
  return length === null || Number(length) === d.size;
}

/**
 * The bytes of a blob, as they are there.
 *
 * @throws {KodenoError} `NOT_FOUND`, `BAD_CONTENT` when it has another size; the stream fails with
 * `REGISTRY_FAILED` when it broke too often
 */
export async function fetchBlob(
  repository: Repository,
  d: Descriptor,
  options: CallOptions,
): Promise<ReadableStream<Uint8Array>> {
  const { client, endpoint: { name } } = repository;
  const doing = `pull blob ${d.digest} from ${name}`;
  const call = repositoryCall(repository, "GET", `blobs/${parseDigest(d.digest)}`, doing, options);
  const open = async (offset: number): Promise<Part> => {
    const range = offset > 0 ? { range: `bytes=${offset}-${d.size - 1}` } : {};
    const answer = await client.call({ ...call, headers: range });
    const { status, headers } = answer;
    if (status !== 200 && (status !== 206 || offset === 0)) {
      throw await client.refusal(call, answer, true);
    }
    const from = status === 206 ? offset : 0;
    const length = headers.get("content-length");
    const given = /^bytes (\d+)-/.exec(headers.get("content-range") ?? "")?.[1];
    const bad = length !== null && Number(length) !== d.size - from
      ? `it has ${Number(length) + from} bytes, not the ${d.size} named`
      : status === 206 && given !== undefined && Number(given) !== offset
      ? "the registry gives another part of it than was asked for"
      : undefined;
    if (bad !== undefined) {
      await answer.body.cancel();
      throw new KodenoError("BAD_CONTENT", `Cannot ${call.doing}: ${bad}`, { digest: d.digest });
    }
    refuseWebPage(call, answer, d.mediaType);
    return { reader: byobReader(answer.body), url: answer.url, skip: offset - from };
  };
  return resuming(client, call, d, open, await open(0));
}

interface Part {
  readonly reader: ByobReader;
  readonly url: URL;
  /** Bytes that are known already, of a registry that cannot begin in the middle. */
  skip: number;
}

/** One stream over as many connections as it takes. */
function resuming(
  client: RegistryClient,
  call: Call,
  d: Descriptor,
  open: (offset: number) => Promise<Part>,
  first: Part,
): ReadableStream<Uint8Array> {
  let part = first;
  let offset = 0;
  let failed = 0;
  let goodSince = 0;

  const next = async (memory: Memory): Promise<Memory> => {
    const room = memory.length;
    for (let lent = memory;;) {
      try {
        const bytes = await part.reader.read(lent);
        if (bytes.length === 0 && offset < d.size) {
          throw new ConnectionError(
            "closed",
            `the answer ended ${d.size - offset} bytes too early`,
          );
        }
        const known = Math.min(part.skip, bytes.length);
        part.skip -= known;
        // What is new goes to the beginning, which is where a reader of lent memory looks.
        if (known > 0) bytes.copyWithin(0, known);
        if (known < bytes.length || bytes.length === 0) {
          return bytes.subarray(0, bytes.length - known);
        }
        lent = new Uint8Array(bytes.buffer);
      } catch (error) {
        call.signal?.throwIfAborted();
        if (offset - goodSince >= GOOD_PROGRESS_BYTES) failed = 0;
        goodSince = offset;
        if (!isTransientError(error) || ++failed >= client.shared.policy.attempts) {
          throw connectionFailure(call, part.url, error);
        }
        await client.waitForTry(call, failed, messageOf(error));
        part = await open(offset);
        // What was lent is lost with the part that broke.
        lent = new Uint8Array(room);
      }
    }
  };

  return byteStream(async (memory) => {
    const chunk = await next(memory);
    offset += chunk.length;
    if (offset <= d.size) return chunk;
    await part.reader.cancel();
    const why = `it has more than the ${d.size} bytes named`;
    throw new KodenoError("BAD_CONTENT", `Cannot ${call.doing}: ${why}`, { digest: d.digest });
  }, () => part.reader.cancel());
}

/**
 * Refuses a page for people: what answers is no registry, but a login page or a misled proxy.
 *
 * @throws {RegistryError} `REGISTRY_FAILED`
 */
export function refuseWebPage(call: Call, answer: Answer, mediaType: string): void {
  const type = answer.headers.get("content-type") ?? "";
  if (!/^text\/html\b/i.test(type) || /^text\/html\b/i.test(mediaType)) return;
  answer.body.cancel().catch(() => {});
  const { doing, method } = call;
  const { status, url } = answer;
  const why = `${url.host} answered with a web page`;
  const next = "make sure that it is a registry";
  throw new RegistryError("REGISTRY_FAILED", { doing, why, next, method, url, status });
}
