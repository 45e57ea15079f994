/**
 * Requests to one registry, done till there is an answer: authentication, redirects and tries. A
 * credential goes to the registry's own origin and to nobody else.
 * @module
 */
import { KodenoError, messageOf } from "../../errors.ts";
import { Authorizer, type Scope, TokenRefused } from "./auth.ts";
import type { CredentialProvider } from "./credentials.ts";
import { apiHost } from "./endpoint.ts";
import {
  connectionFailure,
  isTransientError,
  isTransientStatus,
  loginHint,
  readCodes,
  RegistryError,
  retryAfterMs,
  type RetryPolicy,
  sleep,
  waitMs,
} from "./failure.ts";
import type { RequestContent, Transport, TransportResponse } from "./transport.ts";
import { UploadSize } from "./upload_size.ts";

/** Everything that several repositories share. */
export interface Shared {
  readonly transport: Transport;
  readonly credentials: CredentialProvider;
  /** How often things are tried. */
  readonly policy: RetryPolicy;
  /** Milliseconds that a document may take as a whole. */
  readonly documentMs: number;
  /** Told of work that takes longer than it should. */
  readonly onDelay: (message: string) => void;
}

/** A request in terms of a registry. */
export interface Call {
  /** What is being done, to what, for messages: `push blob sha256:1f... to reg.local/app`. */
  readonly doing: string;
  readonly method: string;
  /** A path of the registry, `/v2/...`, or where the registry said to go. */
  readonly to: string | URL;
  readonly scopes: readonly Scope[];
  readonly headers?: Readonly<Record<string, string>> | undefined;
  /** What is sent; opened anew for each try. */
  readonly body?: (() => RequestContent) | undefined;
  /** Whether nobody is to be told who is asking. */
  readonly isAnonymous?: boolean | undefined;
  /** What a person may do who is not let in; to log in unless given. */
  readonly denied?: string | undefined;
  /** What a person may do about any other answer. */
  readonly otherwise?: string | undefined;
  /** False where sending again takes more than that. */
  readonly retry?: boolean | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** An answer; its body has to be read or cancelled. */
export interface Answer extends TransportResponse {
  /** Who gave it, after redirects. */
  readonly url: URL;
}

const MAX_REDIRECTS = 8;
const REDIRECTS: readonly number[] = [301, 302, 303, 307, 308];

/** Talks to one registry. */
export class RegistryClient {
  /** How much a request of an upload may carry. */
  readonly uploadSize: UploadSize = new UploadSize();
  #reached: { readonly base: URL; readonly authorizer: Authorizer } | undefined;

  /** @param registry host and port; `docker.io` for Docker Hub */
  constructor(readonly registry: string, readonly shared: Shared) {}

  /**
   * Waits till another try makes sense, and tells of it.
   *
   * @param failed tries so far, from 1
   * @param why the last one failed
   * @param askedMs what the registry asked for
   */
  async waitForTry(call: Call, failed: number, why: string, askedMs?: number): Promise<void> {
    const { policy, onDelay } = this.shared;
    const ms = waitMs(policy, failed, askedMs);
    const when = `in ${(ms / 1000).toFixed(1)} s (${failed} of ${policy.attempts})`;
    onDelay(`Could not ${call.doing}: ${why}; trying again ${when}`);
    await sleep(ms, call.signal);
  }

  /**
   * Sends a request. Gives any answer that another try would not change; after the last try, also
   * one that it might.
   *
   * @throws {RegistryError} `REGISTRY_FAILED` when no answer came, `UNAUTHORIZED` when there is no
   * token to be had; the signal's reason; what the body's stream throws
   */
  async call(call: Call): Promise<Answer> {
    const { signal } = call;
    const attempts = call.retry === false ? 1 : this.shared.policy.attempts;
    for (let tried = 1;; tried++) {
      signal?.throwIfAborted();
      let askedMs: number | undefined;
      let why: string;
      try {
        const answer = await this.#once(call);
        if (tried >= attempts || !isTransientStatus(answer.status)) return answer;
        askedMs = retryAfterMs(answer.headers.get("retry-after"));
        why = `${answer.url.host} answered ${answer.status}`;
        await answer.body.cancel();
      } catch (error) {
        signal?.throwIfAborted();
        if (call.retry === false && isTransientError(error)) throw error;
        const again = isTransientError(error) ||
          (error instanceof TokenRefused && isTransientStatus(error.status));
        if (tried >= attempts || !again) throw await this.#failure(call, error);
        why = messageOf(error);
      }
      await this.waitForTry(call, tried, why, askedMs);
    }
  }

  /**
   * Makes the error of an answer that was not hoped for; reads its body.
   *
   * @param absent whether 404 means that what was asked for is not there
   */
  async refusal(call: Call, answer: Answer, absent = false): Promise<RegistryError> {
    const { status, url } = answer;
    const codes = await readCodes(answer);
    const denied = status === 401 || status === 403;
    const who = url.host === (await this.reach()).base.host ? "registry" : url.host;
    const isAbsent = absent && status === 404;
    const { doing, method } = call;
    const why = `${who} answered ${status}${codes.length > 0 ? ` (${codes.join(", ")})` : ""}`;
    const next = denied
      ? call.denied ?? loginHint(this.registry)
      : status === 413
      ? "let it, or the proxy before it, take larger bodies"
      : call.otherwise;
    const code = denied ? "UNAUTHORIZED" : isAbsent ? "NOT_FOUND" : "REGISTRY_FAILED";
    return new RegistryError(code, { doing, why, next, method, url, status, codes });
  }

  /**
   * Where the registry says to go on; a plain-HTTP address of itself means its https one, since a
   * registry behind a TLS proxy may not know.
   *
   * @throws {RegistryError} `REGISTRY_FAILED` when it does not say, or says plain HTTP elsewhere
   */
  async locationOf(call: Call, answer: Answer): Promise<URL> {
    const { base } = await this.reach();
    const text = answer.headers.get("location") ?? "";
    const fail = (why: string) => {
      const { method } = call;
      return new RegistryError("REGISTRY_FAILED", { doing: call.doing, why, method, url: base });
    };
    if (text === "" || !URL.canParse(text, answer.url)) {
      throw fail("the registry does not say where to go on");
    }
    const url = new URL(text, answer.url);
    url.username = url.password = url.hash = "";
    if (url.protocol === "http:" && base.protocol === "https:" && url.hostname === base.hostname) {
      return new URL(`${base.origin}${url.pathname}${url.search}`);
    }
    const safe = url.protocol === "https:" ||
      (url.protocol === "http:" && base.protocol === "http:");
    if (!safe) {
      throw fail(`the registry sends on to ${url.host} by ${url.protocol}, which is not safe`);
    }
    return url;
  }

  /** One try: authentication and redirects. */
  async #once(call: Call): Promise<Answer> {
    const { base, authorizer } = await this.reach(call.signal);
    let url = typeof call.to === "string" ? new URL(call.to, base) : call.to;
    let refused = 0;
    for (let hops = 0;;) {
      const own = url.origin === base.origin;
      const authorization = own ? await authorizer.header(call.scopes, call.signal) : undefined;
      const answer = await this.#send(call, url, authorization);
      if (answer.status === 401 && own && refused++ < 2) {
        const challenge = answer.headers.get("www-authenticate");
        const again = await authorizer.refused(call.scopes, authorization, challenge);
        if (again && !call.isAnonymous) {
          await answer.body.cancel();
          continue;
        }
      }
      const isRead = call.method === "GET" || call.method === "HEAD";
      if (!isRead || !REDIRECTS.includes(answer.status)) return answer;
      const next = await this.locationOf(call, answer);
      await answer.body.cancel();
      if (++hops > MAX_REDIRECTS) {
        const { doing, method } = call;
        const why = `the registry redirects more than ${MAX_REDIRECTS} times`;
        throw new RegistryError("REGISTRY_FAILED", { doing, why, method, url });
      }
      url = next;
    }
  }

  async #send(call: Call, url: URL, authorization: string | undefined): Promise<Answer> {
    const { method, headers, body, signal } = call;
    const response = await this.shared.transport.send({
      method,
      url,
      headers: { ...headers, ...(authorization === undefined ? {} : { authorization }) },
      body: body?.(),
      signal,
    });
    return { ...response, url };
  }

  /**
   * Gets what a request would need to be let in, such as a token, and sends nothing.
   *
   * @throws as {@link call} does
   */
  async authorize(call: Call): Promise<void> {
    try {
      await (await this.reach(call.signal)).authorizer.header(call.scopes, call.signal);
    } catch (error) {
      call.signal?.throwIfAborted();
      throw await this.#failure(call, error);
    }
  }

  /** Where the registry answers, and who knows how to be let in there. */
  async reach(
    signal?: AbortSignal,
  ): Promise<{ readonly base: URL; readonly authorizer: Authorizer }> {
    if (this.#reached !== undefined) return this.#reached;
    const base = await this.shared.transport.base(apiHost(this.registry), signal);
    const find = (path: string) => this.shared.credentials(this.registry, path);
    // Whoever was here in the meantime has the same base.
    return this.#reached ??= {
      base,
      authorizer: new Authorizer(this.shared.transport, base, find),
    };
  }

  async #failure(call: Call, error: unknown): Promise<unknown> {
    if (error instanceof KodenoError) return error;
    if (error instanceof TokenRefused) {
      const { url, status, codes } = error;
      const denied = status >= 400 && status < 500 && !isTransientStatus(status);
      return new RegistryError(denied ? "UNAUTHORIZED" : "REGISTRY_FAILED", {
        doing: call.doing,
        why: messageOf(error),
        next: denied ? call.denied ?? loginHint(this.registry) : undefined,
        method: "GET",
        url,
        status,
        codes,
        cause: error,
      });
    }
    const base = this.#reached?.base ?? `https://${apiHost(this.registry)}/`;
    const url = typeof call.to === "string" ? new URL(call.to, base) : call.to;
    return await connectionFailure(call, url, error);
  }
}
