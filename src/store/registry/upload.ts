/**
 * Sends blobs (distribution spec 1.1, "Pushing blobs"): mounted from another repository, else in one
 * streamed PUT; after a broken connection the registry is asked how much it has, and gets the rest.
 * @module
 */
import type { CallOptions, OpenBlob } from "../../content/places.ts";
import { KodenoError } from "../../errors.ts";
import { Verifier } from "../../io/hash.ts";
import { chunksOf } from "../../io/streams.ts";
import type { Descriptor } from "../../oci/descriptor.ts";
import { parseDigest } from "../../oci/digest.ts";
import type { Scope } from "./auth_challenge.ts";
import { hasBlob, type Repository } from "./blobs.ts";
import type { Answer, Call } from "./client.ts";
import { connectionFailure } from "./failure.ts";
import { isTransientError, isTransientStatus, retryAfterMs, sleep, waitMs } from "./retry.ts";

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
  #session: Session | undefined;

  constructor(
    readonly repository: Repository,
    readonly d: Descriptor,
    readonly open: OpenBlob,
    readonly signal: AbortSignal | undefined,
  ) {
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
    try {
      for (let failed = 0;;) {
        try {
          this.#session ??= await this.#begin();
          return await this.#send(this.#session);
        } catch (error) {
          this.signal?.throwIfAborted();
          const unsettled = error instanceof Unsettled;
          if (!unsettled && !isTransientError(error)) throw error;
          if (++failed >= client.policy.attempts) {
            const url = this.#session?.location ?? new URL(`https://${client.registry}/`);
            const call = { doing: this.#doing, method: "PUT" };
            throw unsettled ? error.failure : connectionFailure(call, url, error, client.registry);
          }
          const askedMs = unsettled ? error.askedMs : undefined;
          await sleep(waitMs(client.policy, failed, askedMs), this.signal);
          // The answer alone may have been lost.
          if (await hasBlob(this.repository, this.d, { signal: this.signal })) return;
          this.#session = this.#session && await this.#askOffset(this.#session);
        }
      }
    } catch (error) {
      await this.#giveUp();
      throw error;
    }
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
      this.#session = { location: await client.locationOf(call, answer), offset: 0 };
    }
    return answer.status === 201;
  }

  async #begin(): Promise<Session> {
    const { client } = this.repository;
    const call = this.#call("POST", this.#uploads, { body: nothing });
    const answer = await client.call(call);
    if (answer.status !== 202) throw await client.refusal(call, answer);
    await answer.body.cancel();
    return { location: await client.locationOf(call, answer), offset: 0 };
  }

  /** Sends what the registry does not have yet, and ends the upload. */
  async #send({ location, offset }: Session): Promise<void> {
    const { client } = this.repository;
    const rest = this.d.size - offset;
    const content = { length: rest, open: () => this.#bytesFrom(offset) };
    let last = location;
    if (offset > 0 && rest > 0) {
      const headers = { ...octets, "content-range": `${offset}-${this.d.size - 1}` };
      const call = this.#call("PATCH", location, { headers, body: content, retry: false });
      const answer = await this.#settled(call, [202]);
      last = await client.locationOf(call, answer);
      this.#session = { location: last, offset: this.d.size };
    }
    const url = new URL(last);
    // Added as text: what is there may be signed as it is written.
    url.search += `${url.search === "" ? "?" : "&"}digest=${encodeURIComponent(this.d.digest)}`;
    const body = offset > 0 ? nothing : content;
    await this.#settled(this.#call("PUT", url, { headers: octets, body, retry: false }), [
      201,
      204,
    ]);
    this.#session = undefined;
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
    if (offset === 0 || offset > this.d.size) return undefined;
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

  /** The blob's bytes from an offset on; all of them are checked. */
  async *#bytesFrom(offset: number): AsyncGenerator<Uint8Array> {
    const verifier = new Verifier(this.d);
    let skip = offset;
    let held: Uint8Array | undefined;
    for await (const chunk of chunksOf(await this.open(), this.signal)) {
      verifier.update(chunk);
      const fresh = chunk.subarray(Math.min(skip, chunk.length));
      skip -= chunk.length - fresh.length;
      if (fresh.length === 0) continue;
      if (held !== undefined) yield held;
      held = fresh;
    }
    // Held back till here: without its last bytes the registry cannot take the blob for whole.
    verifier.finish();
    if (held !== undefined) yield held;
  }

  #call(method: string, to: string | URL, more: Partial<Call>): Call {
    return { doing: this.#doing, method, to, scopes: this.#scopes, signal: this.signal, ...more };
  }
}

const octets = { "content-type": "application/octet-stream" };
const nothing = { length: 0, open: () => new Uint8Array(0) };
