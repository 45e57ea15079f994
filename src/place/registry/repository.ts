/**
 * What a repository has: its blobs, whose bytes go on where a broken connection left off, and its
 * manifests, found, pulled and put (distribution spec 1.1, "Pull", "Pushing Manifests").
 * @module
 */
import type { CallOptions } from "../../content/places.ts";
import { hasSuccessors } from "../../content/walk.ts";
import { KodenoError, messageOf } from "../../errors.ts";
import { digestOf } from "../../io/hash.ts";
import { type ByobReader, byobReader, byteStream, type Memory } from "../../io/streams.ts";
import {
  type Descriptor,
  type Digest,
  digestAlgorithm,
  isDigest,
  MediaType,
  parseDigest,
} from "../../oci/descriptor.ts";
import { MAX_JSON_BYTES, ownType } from "../../oci/manifest.ts";
import type { Scope } from "./auth.ts";
import type { Call, RegistryClient } from "./client.ts";
import type { Answer } from "./transport.ts";
import type { Endpoint } from "./endpoint.ts";
import { readWithin } from "./bounds.ts";
import {
  ConnectionError,
  connectionFailure,
  FailedTries,
  isTransientError,
  isTransientStatus,
  RegistryError,
} from "./failure.ts";

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

/** A manifest or index with its bytes. */
export interface Document {
  readonly descriptor: Descriptor;
  readonly bytes: Uint8Array;
}

const VERBS = { HEAD: "find", GET: "pull", PUT: "push" } as const;

/** How a manifest is asked for. */
interface AskOptions extends CallOptions {
  /** What it is asked for, where that is not to read it; as in {@link Call}. */
  readonly doing?: string | undefined;
}

/** A repository and who talks to it. */
export class Repository {
  constructor(readonly client: RegistryClient, readonly endpoint: Endpoint) {}

  get name(): string {
    return this.endpoint.name;
  }

  /** An image by its tag or digest. */
  nameOf(ref: string): string {
    return `${this.name}${isDigest(ref) ? "@" : ":"}${ref}`;
  }

  /** A request about it; `rest` follows its path. */
  call(method: string, rest: string, doing: string, { signal }: CallOptions): Call {
    const { path } = this.endpoint;
    const isRead = method === "GET" || method === "HEAD";
    const scope: Scope = { path, actions: isRead ? ["pull"] : ["pull", "push"] };
    return { doing, method, to: `/v2/${path}/${rest}`, scopes: [scope], signal };
  }

  /** Whether it has a blob of that digest and size. */
  async hasBlob(d: Descriptor, options: CallOptions): Promise<boolean> {
    // Whoever asks is about to push it.
    const doing = `push to ${this.name}`;
    const call = this.call("HEAD", `blobs/${parseDigest(d.digest)}`, doing, options);
    // Of a blob that is there after all, one byte has to do.
    const answer = await this.#look(call, d.size > 0 ? { range: "bytes=0-0" } : {});
    if (answer === undefined) return false;
    refuseWebPage(call, answer, d.mediaType);
    const length = answer.status === 206
      ? /\/(\d+)$/.exec(answer.headers.get("content-range") ?? "")?.[1] ?? null
      : lengthOf(answer);
    return length === null || Number(length) === d.size;
  }

  /**
   * Whether something is there: by HEAD, and by GET where that is answered neither with yes nor no.
   * Some know only GET, behind some addresses, too; and only its answer says why not. Gives the answer
   * without its body; undefined of what is not there.
   * @throws {RegistryError}
   */
  async #look(
    call: Call,
    headers: Readonly<Record<string, string>> = {},
  ): Promise<Answer | undefined> {
    const { client } = this;
    let asked = call;
    let answer = await client.call(asked);
    const { status } = answer;
    if (status >= 400 && status !== 404) {
      await answer.body.cancel();
      // Who was told to come later has come back as often as that makes sense.
      const retry = isTransientStatus(status) ? false : undefined;
      asked = { ...call, method: "GET", headers: { ...call.headers, ...headers }, retry };
      answer = await client.call(asked).catch((error) => {
        throw client.failure(asked, error);
      });
    }
    if (answer.status === 404 || answer.status === 200 || answer.status === 206) {
      await answer.body.cancel();
      return answer.status === 404 ? undefined : answer;
    }
    throw await client.failureOf(asked, answer);
  }

  /**
   * The bytes of a blob, as they are there.
   * @throws {KodenoError} `NOT_FOUND`, `BAD_CONTENT` when it has another size; so does the stream,
   * and with `REGISTRY_FAILED` when it broke too often
   */
  async fetchBlob(d: Descriptor, options: CallOptions): Promise<ReadableStream<Uint8Array>> {
    const doing = `pull blob ${d.digest} from ${this.name}`;
    const call = this.call("GET", `blobs/${parseDigest(d.digest)}`, doing, options);
    const open = async (offset: number): Promise<Part> => {
      const headers = offset > 0 ? { range: `bytes=${offset}-${d.size - 1}` } : undefined;
      const answer = await this.client.call({ ...call, headers });
      const { status, url, body } = answer;
      if (status !== 200 && (status !== 206 || offset === 0)) {
        throw await this.client.failureOf(call, answer, true);
      }
      refuseWebPage(call, answer, d.mediaType);
      const from = status === 206 ? offset : 0;
      const refuse = async (why: string) => {
        await body.cancel();
        throw badContent(call, why, d.digest);
      };
      const length = Number(answer.headers.get("content-length") ?? d.size - from);
      if (length !== d.size - from) {
        await refuse(`it has ${length + from} bytes, not the ${d.size} named`);
      }
      const given = /^bytes (\d+)-/.exec(answer.headers.get("content-range") ?? "")?.[1] ?? offset;
      if (status === 206 && Number(given) !== offset) {
        await refuse("the registry gives another part of it than was asked for");
      }
      return { reader: byobReader(body), url, skip: offset - from };
    };
    return resuming(this.client, call, d, open, await open(0));
  }

  /**
   * What a tag or digest names, for which it is read only where the answer leaves something out;
   * undefined when it is not there.
   * @throws {KodenoError} `BAD_CONTENT` when it is no manifest or index that kodeno knows
   */
  async headManifest(ref: string, options: AskOptions): Promise<Descriptor | undefined> {
    const call = this.#manifestCall("HEAD", ref, options);
    const answer = await this.#look(call);
    if (answer === undefined) return undefined;
    refuseWebPage(call, answer, "");
    const digest = namedDigest(answer);
    const length = lengthOf(answer);
    const found = digest !== undefined && length !== null &&
      { mediaType: mediaTypeOf(answer), digest, size: Number(length) };
    if (!found || !hasSuccessors(found)) return (await this.getManifest(ref, options)).descriptor;
    if (isDigest(ref) && found.digest !== ref) {
      // Of another algorithm, it may be that of the same bytes.
      if (digestAlgorithm(found.digest) === digestAlgorithm(ref)) {
        throw otherDigest(call, found.digest);
      }
      return (await this.getManifest(ref, options)).descriptor;
    }
    return found;
  }

  /**
   * A manifest or index with its bytes, 4 MiB at most, which are checked against a digest.
   * @throws {KodenoError} `NOT_FOUND`, `BAD_CONTENT`
   */
  async getManifest(ref: string, options: AskOptions): Promise<Document> {
    const call = this.#manifestCall("GET", ref, options);
    // Tries that each take as long as they may would take that many times as long.
    let leftMs = this.client.shared.documentMs;
    for (let tried = 1;; tried++) {
      const answer = await this.client.call(call);
      if (answer.status !== 200) throw await this.client.failureOf(call, answer, true);
      refuseWebPage(call, answer, "");
      let bytes: Uint8Array;
      const began = performance.now();
      try {
        bytes = await readWithin(answer.body, MAX_JSON_BYTES, leftMs, this.nameOf(ref));
      } catch (error) {
        options.signal?.throwIfAborted();
        leftMs -= performance.now() - began;
        const failure = connectionFailure(call, answer.url, error);
        // Only what broke on the way is tried again.
        const isOver = tried >= this.client.shared.policy.attempts || leftMs < MIN_LEFT_MS;
        if (failure === error || isOver) throw failure;
        await this.client.waitForTry(call, tried, messageOf(error));
        continue;
      }
      const named = namedDigest(answer);
      const digest = isDigest(ref) ? ref : named ?? digestOf(bytes);
      for (const said of new Set([digest, named ?? digest])) {
        const actual = digestOf(bytes, digestAlgorithm(said));
        if (actual !== said) throw otherDigest(call, actual);
      }
      const told = { mediaType: mediaTypeOf(answer), digest, size: bytes.length };
      const descriptor = hasSuccessors(told) ? told : { ...told, mediaType: ownType(bytes) };
      if (hasSuccessors(descriptor)) return { descriptor, bytes };
      const type = JSON.stringify(told.mediaType);
      throw badContent(call, `it is neither an image nor an index, but ${type}`, digest);
    }
  }

  /**
   * Puts a manifest or index under its digest, or under a tag; gives what the registry says of its
   * `subject` (`OCI-Subject`), if anything.
   * @throws {KodenoError} `BAD_CONTENT` when the registry took other bytes for it
   */
  async putManifest(
    ref: string,
    { descriptor, bytes }: Document,
    { otherwise, ...options }: CallOptions & Pick<Call, "otherwise">,
  ): Promise<string | undefined> {
    const call: Call = {
      ...this.#manifestCall("PUT", ref, options),
      otherwise,
      headers: { "content-type": descriptor.mediaType },
      body: () => bytes,
    };
    const { attempts } = this.client.shared.policy;
    let answer = await this.client.call(call);
    for (let tried = 1; ![200, 201, 202, 204].includes(answer.status); tried++) {
      const failure = await this.client.failureOf(call, answer);
      const mayPass = failure.registryCodes.includes(BLOB_UNKNOWN);
      if (!mayPass || tried >= attempts) throw failure;
      const why = `registry answered ${failure.status} (${BLOB_UNKNOWN})`;
      await this.client.waitForTry(call, tried, why);
      answer = await this.client.call(call);
    }
    await answer.body.cancel();
    const named = namedDigest(answer);
    // A registry may call the same bytes by a digest of its own algorithm.
    if (named !== undefined && named !== digestOf(bytes, digestAlgorithm(named))) {
      throw otherDigest(call, named);
    }
    if (named !== undefined && named !== descriptor.digest) {
      const why = `the registry keeps it by ${digestAlgorithm(named)}`;
      this.client.shared.onWarning(`${descriptor.digest} is ${named} in ${this.name}: ${why}`);
    }
    return answer.headers.get("oci-subject") ?? undefined;
  }

  #manifestCall(method: keyof typeof VERBS, ref: string, options: AskOptions): Call {
    const { doing = `${VERBS[method]} ${this.nameOf(ref)}` } = options;
    const call = this.call(method, `manifests/${ref}`, doing, options);
    return { ...call, headers: { accept: ACCEPT } };
  }
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
  part: Part,
): ReadableStream<Uint8Array> {
  let offset = 0;
  const tries = new FailedTries();

  const next = async (memory: Memory): Promise<Memory> => {
    const room = memory.length;
    for (let buffer = memory;;) {
      try {
        const bytes = await part.reader.read(buffer);
        if (bytes.length === 0 && offset < d.size) {
          const early = `the answer ended ${d.size - offset} bytes too early`;
          throw new ConnectionError("closed", early);
        }
        const known = Math.min(part.skip, bytes.length);
        part.skip -= known;
        // What is new goes to the beginning, which is where its reader looks.
        if (known > 0) bytes.copyWithin(0, known);
        if (known < bytes.length || bytes.length === 0) {
          return bytes.subarray(0, bytes.length - known);
        }
        buffer = new Uint8Array(bytes.buffer);
      } catch (error) {
        call.signal?.throwIfAborted();
        const failed = tries.add(offset);
        if (!isTransientError(error) || failed >= client.shared.policy.attempts) {
          throw connectionFailure(call, part.url, error);
        }
        await client.waitForTry(call, failed, messageOf(error));
        part = await open(offset);
        // The buffer is lost with the part that broke.
        buffer = new Uint8Array(room);
      }
    }
  };

  return byteStream(async (memory) => {
    const chunk = await next(memory);
    offset += chunk.length;
    if (offset <= d.size) return chunk;
    await part.reader.cancel();
    throw badContent(call, `it has more than the ${d.size} bytes named`, d.digest);
  }, () => part.reader.cancel());
}

function badContent(call: Call, why: string, digest: string): KodenoError {
  return new KodenoError("BAD_CONTENT", `Cannot ${call.doing}: ${why}`, { digest });
}

/** Whether an answer is a page for people. */
export function isWebPage({ headers }: Answer): boolean {
  return /^text\/html\b/i.test(headers.get("content-type") ?? "");
}

/** Refuses a page for people: what answers is no registry, but a login page or a misled proxy. */
export function refuseWebPage(call: Call, answer: Answer, mediaType: string): void {
  if (!isWebPage(answer) || /^text\/html\b/i.test(mediaType)) return;
  answer.body.cancel().catch(() => {});
  const { status, url } = answer;
  const why = `${url.host} answered with a web page`;
  const more = { next: "make sure that it is a registry", status };
  throw new RegistryError("REGISTRY_FAILED", call, url, why, more);
}

/** The media type that an answer tells, in small letters; "" when it tells none. */
export function mediaTypeOf(answer: Answer): string {
  return (answer.headers.get("content-type") ?? "").split(";")[0]?.trim().toLowerCase() ?? "";
}

/** The length that an answer to HEAD tells, if it does; some tell that of the answer itself. */
function lengthOf({ headers }: Answer): string | null {
  const length = headers.get("content-length");
  return length === "0" ? null : length;
}

/** The digest that an answer tells, if it does. */
function namedDigest(answer: Answer): Digest | undefined {
  const named = answer.headers.get("docker-content-digest") ?? "";
  return isDigest(named) ? named : undefined;
}

function otherDigest(call: Call, digest: string): KodenoError {
  return badContent(call, `the registry has ${digest} there`, digest);
}
