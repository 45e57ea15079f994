/**
 * Sends blobs (distribution spec 1.1, "Pushing blobs") as crane and ko do: mounted from another
 * repository, else by one `PATCH` whose body is a stream, and a closing `PUT` that names the digest,
 * which the registry checks. A small one goes in the `PUT` itself. Where a registry, or a proxy before
 * it, takes no such stream, the blob goes in chunks that have a length. After a broken connection the
 * registry is asked how much it has, and gets the rest.
 * @module
 */
import type { CallOptions, OpenBlob } from "../../content/places.ts";
import { hasCode, messageOf } from "../../errors.ts";
import { DamagedBlob } from "../../io/hash.ts";
import { checkedChunks, reusedChunks } from "../../io/streams.ts";
import { type Descriptor, digestHex, parseDigest } from "../../oci/descriptor.ts";
import type { Scope } from "./auth.ts";
import { type Call, type RegistryClient, TOO_LARGE } from "./client.ts";
import { FIRST_CHUNK_BYTES, smallestChunk } from "./upload_size.ts";
import type { Repository } from "./repository.ts";
import {
  ConnectionError,
  FailedTries,
  isTransientError,
  isTransientStatus,
  Waits,
} from "./failure.ts";
import type { Answer } from "./transport.ts";
import type { ErrorWords } from "./words.ts";

/** The largest blob that goes in one request. */
const SMALL_BLOB_BYTES = 1024 * 1024;
/** Bytes that are read at a time. */
const CHUNK = 256 * 1024;
/**
 * Bytes after a chunk before its memory is filled again: the runtime has up to 64 KiB of what it was
 * given on their way, and the last chunk that it took.
 */
const HELD = 3 * CHUNK;
/** How long the registry may take to drop an upload that is given up. */
const DELETE_MS = 3000;
/** Statuses of those who take no body without a length, or not so much of it. */
const STREAM_REFUSED: readonly number[] = [400, 411, ...TOO_LARGE];

/** The bytes of a blob in parts; read once where all goes well. */
class BlobReader {
  #reading: AsyncGenerator<Uint8Array, undefined> | undefined;
  /** What was read and is not sent yet. */
  #rest: Uint8Array = new Uint8Array(0);
  #at = 0;

  constructor(readonly d: Descriptor, readonly open: OpenBlob, readonly options: CallOptions) {}

  /** Some of the bytes. Those that do not follow on the part before are read from the blob's beginning. */
  async *part(offset: number, length: number): AsyncGenerator<Uint8Array> {
    if (this.#reading === undefined || this.#at > offset) {
      await this.close();
      const how = { ...this.options, size: this.d.size, most: CHUNK, keep: HELD };
      this.#reading = reusedChunks(await this.open(), how);
      this.#rest = new Uint8Array(0);
      this.#at = 0;
    }
    while (this.#at < offset) await this.#take(offset - this.#at);
    for (const end = offset + length; this.#at < end;) yield await this.#take(end - this.#at);
  }

  async bytes(offset: number, length: number): Promise<Uint8Array<ArrayBuffer>> {
    const whole = new Uint8Array(length);
    let at = 0;
    for await (const chunk of this.part(offset, length)) {
      whole.set(chunk, at);
      at += chunk.length;
    }
    return whole;
  }

  /** @throws {KodenoError} `BAD_CONTENT` unless all bytes were read and there are no more */
  async finish(): Promise<void> {
    if (await this.#next() === undefined) return;
    throw new DamagedBlob(this.d, `it has more than the ${this.d.size} bytes named`);
  }

  /** Reads and checks all of it. @throws {KodenoError} `BAD_CONTENT` */
  async verify(): Promise<void> {
    const chunks = checkedChunks(await this.open(), this.d, this.options);
    while (!(await chunks.next()).done);
  }

  async close(): Promise<void> {
    const reading = this.#reading;
    this.#reading = undefined;
    await reading?.return(undefined);
  }

  async #next(): Promise<Uint8Array | undefined> {
    return this.#rest.length > 0 ? this.#rest : (await this.#reading?.next())?.value;
  }

  async #take(most: number): Promise<Uint8Array> {
    const chunk = await this.#next();
    if (chunk === undefined) {
      throw new DamagedBlob(this.d, `it has ${this.#at} bytes, not the ${this.d.size} named`);
    }
    const taken = chunk.subarray(0, most);
    this.#rest = chunk.subarray(taken.length);
    this.#at += taken.length;
    return taken;
  }
}

/** An upload that has begun: where it goes on, and the bytes that the registry has. */
type Session = { readonly location: URL; readonly offset: number };

/** An answer to a part of an upload that another try may change. */
class RetryableAnswer {
  constructor(
    readonly failure: unknown,
    readonly said: ErrorWords,
    /** Whether the upload has to begin anew for that. */
    readonly isAnew: boolean,
  ) {}
}

/** A body was too large for the registry or a proxy before it, or had no length. */
class BodyRefused {
  constructor(readonly failure: unknown, readonly length: number) {}
}

/** Whether this login may push: begins an upload and gives it up, as go-containerregistry does. */
export async function checkPush(repository: Repository, options: CallOptions): Promise<void> {
  const { client } = repository;
  const call = repository.call("POST", "blobs/uploads/", `push to ${repository.name}`, options);
  const answer = await client.call(call);
  if (!goesOn(answer)) throw await client.failureOf(call, answer);
  await answer.body.cancel();
  await giveUp(client, { ...call, to: await client.locationOf(call, answer) });
}

/** Whether an upload goes on after an answer; 202 is said of that, and others may say where. */
function goesOn({ status, headers }: Answer): boolean {
  return status === 202 || ([200, 201, 204].includes(status) && headers.has("location"));
}

/** Whether an answer tells that the registry has a blob: it names its digest, or its address. */
function tellsOf({ headers }: Answer, d: Descriptor): boolean {
  const location = headers.get("location") ?? "";
  return headers.get("docker-content-digest") === d.digest ||
    location.split(/[?#]/)[0]?.endsWith(digestHex(parseDigest(d.digest))) === true;
}

/** Gives up an upload. A registry that refuses, or is slow, removes it at some time by itself. */
async function giveUp(client: RegistryClient, call: Call): Promise<void> {
  const quick = { method: "DELETE", retry: false, signal: AbortSignal.timeout(DELETE_MS) };
  await client.call({ ...call, ...quick }).then(({ body }) => body.cancel()).catch(() => {});
}

/**
 * Sends a blob, or has the registry take it from one of `mounts`, paths of other repositories there. The
 * registry checks the bytes; where it finds them wrong, they are checked here, too.
 * @throws {KodenoError} `BAD_CONTENT`, `REGISTRY_FAILED`, `UNAUTHORIZED`, or what `open` throws
 */
export class Upload {
  readonly #client: RegistryClient;
  /** What begins an upload. */
  readonly #begins: Call;
  readonly #bytes: BlobReader;
  readonly #waits: Waits;
  #session: Session | undefined;
  /** Bytes of a chunk, as the registry wants it. */
  #smallest = 0;
  /** Bytes of a request, for this blob. */
  #most = Infinity;

  constructor(
    readonly repository: Repository,
    readonly d: Descriptor,
    open: OpenBlob,
    readonly options: CallOptions,
  ) {
    this.#client = repository.client;
    this.#bytes = new BlobReader(d, open, options);
    this.#waits = new Waits(this.#client.shared.policy);
    const doing = `push blob ${parseDigest(d.digest)} to ${repository.name}`;
    this.#begins = repository.call("POST", "blobs/uploads/", doing, options);
  }

  async run(mounts: readonly string[]): Promise<void> {
    const failed = new FailedTries();
    try {
      for (const from of mounts) {
        // An earlier one may have begun an upload.
        if (await this.#mount(from)) return await this.#giveUp();
      }
      for (;;) {
        try {
          this.#session ??= await this.#begin();
          return await this.#send(this.#session);
        } catch (error) {
          this.options.signal?.throwIfAborted();
          const { uploadSize } = this.#client;
          const isRefused = error instanceof BodyRefused;
          if (!isRefused || !uploadSize.refuse(error.length, this.#smallest)) {
            const failure = isRefused ? error.failure : error;
            if (failure instanceof RetryableAnswer && failure.isAnew) this.#session = undefined;
            await this.#afterFailure(failure, failed.add(this.#session?.offset ?? 0));
            // It may have been refused: over a stream, what is answered before a break can be lost.
            const isBroken = error instanceof ConnectionError && error.trouble === "closed";
            if (isBroken) this.#most = FIRST_CHUNK_BYTES;
            // The answer alone may have been lost.
            if (await this.repository.hasBlob(this.d, this.options)) return;
          }
          this.#session = this.#session && await this.#askOffset(this.#session);
        }
      }
    } catch (error) {
      await this.#giveUp();
      throw error;
    } finally {
      await this.#bytes.close();
    }
  }

  /** Waits till another try makes sense, or throws what is to be told of the last one. */
  async #afterFailure(error: unknown, failed: number): Promise<void> {
    const isAnswer = error instanceof RetryableAnswer;
    if (!isAnswer && !isTransientError(error)) throw error;
    const call = this.#begins;
    const isLast = failed >= this.#client.shared.policy.attempts;
    const retryAfterMs = isAnswer ? error.said.error.retryAfterMs : undefined;
    const ms = isLast ? undefined : this.#waits.next(failed, retryAfterMs);
    if (ms === undefined) {
      const to = this.#session?.location ?? call.to;
      throw isAnswer ? error.failure : this.#client.failure({ ...call, to }, error);
    }
    await this.#client.waitForTry(call, failed, isAnswer ? error.said.why : messageOf(error), ms);
  }

  /** Whether the registry took the blob over from another repository; else an upload has begun. */
  async #mount(from: string): Promise<boolean> {
    const query = new URLSearchParams({ mount: this.d.digest, from });
    const scopes: Scope[] = [...this.#begins.scopes, { path: from, actions: ["pull"] }];
    const call = this.#call("POST", `${this.#begins.to}?${query}`, { scopes });
    const answer = await this.#client.call(call).catch((error) => {
      // No token for the other repository is no reason not to send the blob.
      if (!hasCode(error, "UNAUTHORIZED")) throw error;
    });
    if (answer === undefined) return false;
    const { status, headers } = answer;
    const isThere = (status === 201 && !headers.has("location")) ||
      ([200, 201].includes(status) && tellsOf(answer, this.d));
    if (!isThere && goesOn(answer)) {
      await this.#giveUp();
      this.#session = await this.#begun(call, answer);
    } else await answer.body.cancel();
    return isThere;
  }

  async #begin(): Promise<Session> {
    const answer = await this.#client.call(this.#begins);
    if (!goesOn(answer)) throw await this.#client.failureOf(this.#begins, answer);
    return await this.#begun(this.#begins, answer);
  }

  async #begun(call: Call, answer: Answer): Promise<Session> {
    await answer.body.cancel();
    this.#smallest = smallestChunk(answer.headers);
    return { location: await this.#client.locationOf(call, answer), offset: 0 };
  }

  /** Sends what the registry does not have yet, and ends the upload. */
  async #send({ location, offset }: Session): Promise<void> {
    const { size } = this.d;
    const most = Math.max(this.#smallest, Math.min(this.#client.uploadSize.most, this.#most));
    const isWhole = offset === 0 && size <= Math.min(most, SMALL_BLOB_BYTES);
    const last = isWhole ? await this.#bytes.bytes(0, size) : new Uint8Array(0);
    while (!isWhole && offset < size) {
      const length = Math.min(most, size - offset);
      location = await this.#patch(location, offset, length, most === Infinity);
      offset += length;
      this.#session = { location, offset };
    }
    await this.#bytes.finish();
    const url = new URL(location);
    // Added as text: what is there may be signed as it is written.
    url.search += `${url.search === "" ? "?" : "&"}digest=${encodeURIComponent(this.d.digest)}`;
    await this.#close(url, last);
    this.#session = undefined;
  }

  /** Sends some bytes, as a stream without a length or as a chunk; gives where the next ones go. */
  async #patch(to: URL, offset: number, length: number, isStream: boolean): Promise<URL> {
    const chunk = isStream ? undefined : await this.#bytes.bytes(offset, length);
    const range = { "content-range": `${offset}-${offset + length - 1}` };
    const call = this.#call("PATCH", to, {
      headers: { ...OCTETS, ...(isStream && offset === 0 ? {} : range) },
      body: () => chunk ?? this.#bytes.part(offset, length),
      retry: false,
    });
    const answer = await this.#client.call(call);
    if (goesOn(answer)) {
      await answer.body.cancel();
      // Where it says nothing, there is no other place.
      return answer.headers.has("location") ? await this.#client.locationOf(call, answer) : to;
    }
    const isRefused = (isStream ? STREAM_REFUSED : TOO_LARGE).includes(answer.status);
    if (!isRefused) throw await this.#failure(call, answer);
    // Of a stream, another status than 413 may be about its form.
    const refused = isStream && answer.status !== 413 ? Infinity : length;
    throw new BodyRefused(await this.#failure(call, answer), refused);
  }

  /** Ends the upload, with the bytes of a small blob. */
  async #close(to: URL, bytes: Uint8Array<ArrayBuffer>): Promise<void> {
    const call = this.#call("PUT", to, { headers: OCTETS, body: () => bytes, retry: false });
    const answer = await this.#client.call(call);
    const { status } = answer;
    const isTaken = status === 201 || status === 204 ||
      ([200, 202].includes(status) && (tellsOf(answer, this.d) || answer.headers.has("location")));
    if (isTaken) return await answer.body.cancel();
    const failure = await this.#failure(call, answer);
    if (TOO_LARGE.includes(status) && bytes.length > 0) {
      throw new BodyRefused(failure, bytes.length);
    }
    if (status === 400) await this.#bytes.verify();
    throw failure;
  }

  /** What an answer means that was not hoped for. */
  async #failure(call: Call, answer: Answer): Promise<unknown> {
    const { status } = answer;
    const said = await this.#client.said(answer);
    const failure = await this.#client.failureOf(call, answer, false, said);
    // 404 and 416: the registry has lost the upload, or is not where it was thought to be.
    const isAnew = status === 404 || status === 416;
    if (!isAnew && !isTransientStatus(status)) return failure;
    return new RetryableAnswer(failure, said, isAnew);
  }

  /** Where an upload is to go on; undefined to begin anew. */
  async #askOffset({ location }: Session): Promise<Session | undefined> {
    const call = this.#call("GET", location, {});
    const answer = await this.#client.call(call);
    await answer.body.cancel();
    if (answer.status !== 204 && answer.status !== 200) return undefined;
    const last = /^(?:bytes=)?0-(\d+)$/.exec(answer.headers.get("range") ?? "")?.[1];
    // "0-0" is said of one byte and of none: sending anew is right in both cases.
    const offset = last === undefined || last === "0" ? 0 : Number(last) + 1;
    if (offset === 0 || offset > this.d.size) {
      await this.#giveUp();
      return undefined;
    }
    const moved = answer.headers.has("location");
    return { location: moved ? await this.#client.locationOf(call, answer) : location, offset };
  }

  async #giveUp(): Promise<void> {
    if (this.#session === undefined) return;
    const { location } = this.#session;
    this.#session = undefined;
    await giveUp(this.#client, { ...this.#begins, to: location });
  }

  #call(method: string, to: string | URL, more: Partial<Call>): Call {
    return { ...this.#begins, method, to, ...more };
  }
}

const OCTETS = { "content-type": "application/octet-stream" };
