/**
 * Sends blobs (distribution spec 1.1, "Pushing blobs"): mounted from another repository, else in one
 * streamed PUT; in chunks where that is too large for somebody on the way. After a broken connection
 * the registry is asked how much it has, and gets the rest.
 * @module
 */
import type { CallOptions, OpenBlob } from "../../content/places.ts";
import { KodenoError, messageOf } from "../../errors.ts";
import type { Descriptor } from "../../oci/descriptor.ts";
import { parseDigest } from "../../oci/digest.ts";
import type { Scope } from "./auth_challenge.ts";
import { hasBlob, type Repository } from "./blobs.ts";
import type { Answer, Call } from "./client.ts";
import { connectionFailure } from "./failure.ts";
import { isTransientError, isTransientStatus, retryAfterMs } from "./retry.ts";
import { UploadBytes } from "./upload_bytes.ts";
import { smallestChunk } from "./upload_size.ts";

/** An upload that has begun. */
interface Session {
  /** Where it goes on; changes with each answer. */
  readonly location: URL;
  /** Bytes that the registry has. */
  readonly offset: number;
}

/** An answer to a part of an upload that another try may change. */
class Unsettled extends Error {
  constructor(readonly failure: unknown, readonly askedMs: number | undefined) {
    super("unsettled");
  }
}

/** A body was too large for the registry, or for a proxy before it (413). */
class TooLarge extends Error {
  constructor(readonly failure: unknown, readonly length: number) {
    super("too large");
  }
}

/** Progress that makes up for the broken connections before it. */
const GOOD_PROGRESS_BYTES = 1024 * 1024;
/** How long giving up an upload may take; it is a courtesy. */
const DELETE_MS = 3000;

/**
 * Sends a blob; its bytes are checked as they go, and the last of them is only sent when all of
 * them are right.
 *
 * @param mounts paths of repositories of the same registry that may have it
 * @throws {KodenoError} `BAD_CONTENT`, `REGISTRY_FAILED`, `UNAUTHORIZED`, or what `open` throws
 */
export async function pushBlob(
  repository: Repository,
  d: Descriptor,
  open: OpenBlob,
  mounts: readonly string[],
  options: CallOptions,
): Promise<void> {
  await new Upload(repository, d, open, options.signal).run(mounts);
}

class Upload {
  readonly #doing: string;
  readonly #uploads: string;
  readonly #scopes: readonly Scope[];
  readonly #bytes: UploadBytes;
  #session: Session | undefined;
  /** Of a chunk, in bytes, as the registry wants it. */
  #smallest = 0;

  constructor(
    readonly repository: Repository,
    readonly d: Descriptor,
    open: OpenBlob,
    readonly signal: AbortSignal | undefined,
  ) {
    this.#bytes = new UploadBytes(d, open, signal);
    const { name, path } = repository.endpoint;
    this.#doing = `push blob ${parseDigest(d.digest)} to ${name}`;
    this.#uploads = `/v2/${path}/blobs/uploads/`;
    this.#scopes = [{ path, actions: ["pull", "push"] }];
  }

  async run(mounts: readonly string[]): Promise<void> {
    const { client } = this.repository;
    for (const from of mounts) {
      if (await this.#mount(from)) return;
    }
    let failed = 0;
    let goodSince = 0;
    try {
      for (;;) {
        try {
          this.#session ??= await this.#begin();
          return await this.#send(this.#session);
        } catch (error) {
          this.signal?.throwIfAborted();
          if (error instanceof TooLarge) {
            if (!client.uploadSize.refuse(error.length, this.#smallest)) throw error.failure;
          } else {
            const offset = this.#session?.offset ?? 0;
            if (offset - goodSince >= GOOD_PROGRESS_BYTES) failed = 0;
            goodSince = Math.max(goodSince, offset);
            await this.#afterFailure(error, ++failed);
            // The answer alone may have been lost.
            if (await hasBlob(this.repository, this.d, { signal: this.signal })) return;
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
    const { client } = this.repository;
    const unsettled = error instanceof Unsettled;
    if (!unsettled && !isTransientError(error)) throw error;
    const call = this.#call("PUT", this.#uploads, {});
    if (failed >= client.policy.attempts) {
      const url = this.#session?.location ?? new URL(`https://${client.registry}/`);
      throw unsettled ? error.failure : connectionFailure(call, url, error, client.registry);
    }
    const [why, askedMs] = unsettled
      ? [messageOf(error.failure), error.askedMs]
      : [messageOf(error), undefined];
    await client.waitForTry(call, failed, why, askedMs);
  }

  /** Whether the registry took the blob over from another repository; else an upload has begun. */
  async #mount(from: string): Promise<boolean> {
    const { client } = this.repository;
    const query = new URLSearchParams({ mount: this.d.digest, from });
    const scopes: Scope[] = [...this.#scopes, { path: from, actions: ["pull"] }];
    const call = this.#call("POST", `${this.#uploads}?${query}`, { scopes });
    let answer: Answer;
    try {
      answer = await client.call(call);
    } catch (error) {
      // No token for the other repository is no reason not to send the blob.
      if (error instanceof KodenoError && error.code === "UNAUTHORIZED") return false;
      throw error;
    }
    await answer.body.cancel();
    if (answer.status === 202) {
      await this.#giveUp();
      this.#session = await this.#begun(call, answer);
    }
    return answer.status === 201;
  }

  async #begin(): Promise<Session> {
    const { client } = this.repository;
    const call = this.#call("POST", this.#uploads, { body: nothing });
    const answer = await client.call(call);
    if (answer.status !== 202) throw await client.refusal(call, answer);
    await answer.body.cancel();
    return await this.#begun(call, answer);
  }

  async #begun(call: Call, answer: Answer): Promise<Session> {
    this.#smallest = smallestChunk(answer.headers);
    return { location: await this.repository.client.locationOf(call, answer), offset: 0 };
  }

  /** Sends what the registry does not have yet, and ends the upload. */
  async #send({ location, offset }: Session): Promise<void> {
    const { client } = this.repository;
    const { size } = this.d;
    const most = client.uploadSize.most(this.#smallest);
    const whole = offset === 0 && size <= most;
    while (!whole && offset < size) {
      const length = Math.min(most, size - offset);
      const answer = await this.#part("PATCH", location, offset, length);
      offset += length;
      location = await client.locationOf(this.#call("PATCH", location, {}), answer);
      this.#session = { location, offset };
    }
    const url = new URL(location);
    // Added as text: what is there may be signed as it is written.
    url.search += `${url.search === "" ? "?" : "&"}digest=${encodeURIComponent(this.d.digest)}`;
    await this.#part("PUT", url, offset, whole ? size : 0);
    this.#session = undefined;
  }

  /** Sends some bytes of the blob: a chunk, or what ends the upload. */
  async #part(
    method: "PATCH" | "PUT",
    to: URL,
    offset: number,
    length: number,
  ): Promise<Answer> {
    const range = method === "PATCH"
      ? { "content-range": `${offset}-${offset + length - 1}` }
      : undefined;
    const body = length === 0 && this.d.size > 0
      ? nothing
      : { length, open: () => this.#bytes.part(offset, length) };
    const headers = { "content-type": "application/octet-stream", ...range };
    const call = this.#call(method, to, { headers, body, retry: false });
    return await this.#settled(call, method === "PATCH" ? [202] : [201, 204]);
  }

  /** The answer to a part of the upload, if it is as hoped for. */
  async #settled(call: Call, hoped: readonly number[]): Promise<Answer> {
    const { client } = this.repository;
    const answer = await client.call(call);
    if (hoped.includes(answer.status)) {
      await answer.body.cancel();
      return answer;
    }
    const { status, headers } = answer;
    const failure = await client.refusal(call, answer);
    const { length = 0 } = call.body ?? {};
    if (status === 413 && length > 0) throw new TooLarge(failure, length);
    // 404 and 416: the registry has lost the upload, or is not where it was thought to be.
    const anew = status === 404 || status === 416;
    if (anew) this.#session = undefined;
    if (!anew && !isTransientStatus(status)) throw failure;
    throw new Unsettled(failure, retryAfterMs(headers.get("retry-after")));
  }

  /** Where an upload is to go on; undefined to begin anew. */
  async #askOffset({ location }: Session): Promise<Session | undefined> {
    const { client } = this.repository;
    const call = this.#call("GET", location, {});
    const answer = await client.call(call);
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
    return { location: moved ? await client.locationOf(call, answer) : location, offset };
  }

  async #giveUp(): Promise<void> {
    if (this.#session === undefined) return;
    const { client } = this.repository;
    const signal = AbortSignal.timeout(DELETE_MS);
    const to = this.#session.location;
    try {
      const answer = await client.call({ ...this.#call("DELETE", to, { retry: false }), signal });
      await answer.body.cancel();
    } catch {
      // The registry removes it at some time by itself.
    }
    this.#session = undefined;
  }

  #call(method: string, to: string | URL, more: Partial<Call>): Call {
    return { doing: this.#doing, method, to, scopes: this.#scopes, signal: this.signal, ...more };
  }
}

const nothing = { length: 0, open: () => new Uint8Array(0) };
