/**
 * Requests to one registry, done till there is an answer: tries, redirects, and authorization, which
 * only the registry's own origin gets.
 * @module
 */
import { KodenoError, messageOf } from "../../errors.ts";
import { getOrSet, sleep } from "../../io/concurrency.ts";
import { Authorizer, type Scope, TokenRefused } from "./auth.ts";
import { type CredentialProvider, dockerCredentials } from "./credentials.ts";
import { apiHost } from "./endpoint.ts";
import { readErrorAnswer } from "./bounds.ts";
import {
  connectionFailure,
  DEFAULT_RETRY,
  type ErrorAnswer,
  isTransientError,
  isTransientStatus,
  parseRetryAfter,
  RegistryError,
  type RetryPolicy,
  waitMs,
} from "./failure.ts";
import {
  type Answer,
  isSafeFrom,
  REDIRECTS,
  type RegistryOptions,
  type RequestContent,
  Transport,
} from "./transport.ts";
import { UploadSize } from "./upload_size.ts";

/** What several repositories share: connections, and options with what was not said. */
export class Shared implements AsyncDisposable {
  readonly transport: Transport;
  readonly credentials: CredentialProvider;
  readonly policy: RetryPolicy;
  readonly documentMs: number;
  readonly onDelay: (message: string) => void;
  readonly #clients = new Map<string, RegistryClient>();

  constructor(options: RegistryOptions) {
    const { environment = {}, onWarning = () => {}, onDelay = () => {}, retry } = options;
    this.transport = new Transport(options);
    this.credentials = options.credentials ?? dockerCredentials(environment, onWarning);
    this.policy = { ...DEFAULT_RETRY, ...retry };
    this.documentMs = options.documentMs ?? 120_000;
    this.onDelay = onDelay;
  }

  /** Who talks to a registry. */
  client(registry: string): RegistryClient {
    return getOrSet(this.#clients, registry, () => new RegistryClient(registry, this));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.transport.close();
  }
}

/** A request in terms of a registry. */
export interface Call {
  /** For messages: `push blob sha256:1f... to reg.local/app`. */
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

const TOO_LARGE = "let it, or the proxy before it, take larger bodies";
const MAX_REDIRECTS = 8;
type Reached = { readonly base: URL; readonly authorizer: Authorizer };

/** Talks to one registry. */
export class RegistryClient {
  /** How much a request of an upload may carry. */
  readonly uploadSize: UploadSize = new UploadSize();
  #reached: Reached | undefined;

  constructor(readonly registry: string, readonly shared: Shared) {}

  /** Waits till another try makes sense, and tells of it; `retryAfterMs` is what the registry asked for. */
  async waitForTry(call: Call, failed: number, why: string, retryAfterMs?: number): Promise<void> {
    const { policy, onDelay } = this.shared;
    const ms = waitMs(policy, failed, retryAfterMs);
    const when = `in ${(ms / 1000).toFixed(1)} s (${failed} of ${policy.attempts})`;
    onDelay(`Could not ${call.doing}: ${why}; trying again ${when}`);
    await sleep(ms, call.signal);
  }

  /**
   * Sends a request. Gives any answer that another try would not change; after the last try, also
   * one that it might.
   * @throws {RegistryError} when no answer came, or no token was to be had
   */
  async call(call: Call): Promise<Answer> {
    const { signal } = call;
    const attempts = call.retry === false ? 1 : this.shared.policy.attempts;
    for (let tried = 1;; tried++) {
      signal?.throwIfAborted();
      let retryAfterMs: number | undefined;
      let why: string;
      try {
        const answer = await this.#once(call);
        if (tried >= attempts || !isTransientStatus(answer.status)) return answer;
        retryAfterMs = parseRetryAfter(answer.headers.get("retry-after"));
        why = `${answer.url.host} answered ${answer.status}`;
        await answer.body.cancel();
      } catch (error) {
        signal?.throwIfAborted();
        if (call.retry === false && isTransientError(error)) throw error;
        const again = isTransientError(error) ||
          (error instanceof TokenRefused && isTransientStatus(error.answer.status));
        if (tried >= attempts || !again) throw this.failure(call, error);
        why = messageOf(error);
      }
      await this.waitForTry(call, tried, why, retryAfterMs);
    }
  }

  /** The error of an answer that was not hoped for; `absent`: of 404, that nothing is there. */
  async failureOf(call: Call, answer: Answer, absent = false): Promise<RegistryError> {
    const { status, url } = answer;
    const own = url.host === (await this.reach()).base.host;
    const { why, error } = await readErrorAnswer(own ? "registry" : url.host, answer);
    if (status === 401 || status === 403) return this.#denied(call, url, why, error);
    const code = absent && status === 404 ? "NOT_FOUND" : "REGISTRY_FAILED";
    const next = status === 413 ? TOO_LARGE : call.otherwise;
    return new RegistryError(code, call, url, why, { next, ...error });
  }

  #denied(call: Call, url: URL, why: string, more: ErrorAnswer): RegistryError {
    const next = call.denied ?? `run "kodeno login ${this.registry}"`;
    return new RegistryError("UNAUTHORIZED", call, url, why, { next, ...more });
  }

  /**
   * Where the registry says to go on; a plain-HTTP address of itself means its https one, since a
   * registry behind a TLS proxy may not know.
   */
  async locationOf(call: Call, answer: Answer): Promise<URL> {
    const { base } = await this.reach();
    const text = answer.headers.get("location") ?? "";
    const fail = (why: string) => new RegistryError("REGISTRY_FAILED", call, base, why);
    const url = text === "" ? null : URL.parse(text, answer.url);
    if (url === null) throw fail("the registry does not say where to go on");
    url.username = url.password = url.hash = "";
    if (url.protocol === "http:" && base.protocol === "https:" && url.hostname === base.hostname) {
      return new URL(`${base.origin}${url.pathname}${url.search}`);
    }
    if (isSafeFrom(base, url)) return url;
    throw fail(`the registry sends on to ${url.host} by ${url.protocol}, which is not safe`);
  }

  /** One try: authentication and redirects. */
  async #once(call: Call): Promise<Answer> {
    const { base, authorizer } = await this.reach(call.signal);
    let url = typeof call.to === "string" ? new URL(call.to, base) : call.to;
    const { method, headers, body, signal } = call;
    const isRead = method === "GET" || method === "HEAD";
    let refused = 0;
    for (let hops = 0;;) {
      const own = url.origin === base.origin;
      const authorization = own && !call.isAnonymous
        ? await authorizer.header(call.scopes, signal)
        : undefined;
      const answer = await this.shared.transport.send({
        method,
        url,
        headers: { ...headers, ...(authorization === undefined ? {} : { authorization }) },
        body: body?.(),
        signal,
      });
      if (answer.status === 401 && own && refused++ < 2) {
        const challenge = answer.headers.get("www-authenticate");
        const again = await authorizer.refused(call.scopes, authorization, challenge, signal);
        if (again && !call.isAnonymous) {
          await answer.body.cancel();
          continue;
        }
      }
      if (!isRead || !REDIRECTS.includes(answer.status)) return answer;
      const next = await this.locationOf(call, answer);
      await answer.body.cancel();
      if (++hops > MAX_REDIRECTS) {
        const why = `the registry redirects more than ${MAX_REDIRECTS} times`;
        throw new RegistryError("REGISTRY_FAILED", call, url, why);
      }
      url = next;
    }
  }

  /** Gets what a request would need to be let in, such as a token, and sends nothing. */
  async authorize(call: Call): Promise<void> {
    try {
      await (await this.reach(call.signal)).authorizer.header(call.scopes, call.signal);
    } catch (error) {
      call.signal?.throwIfAborted();
      throw this.failure(call, error);
    }
  }

  /** Where the registry answers, and who knows how to be let in there. */
  async reach(signal?: AbortSignal): Promise<Reached> {
    if (this.#reached !== undefined) return this.#reached;
    const { transport, credentials } = this.shared;
    const base = await transport.base(apiHost(this.registry), signal);
    const find = (path: string) => credentials(this.registry, path);
    // Whoever was here in the meantime has the same base.
    return this.#reached ??= { base, authorizer: new Authorizer(transport, base, find) };
  }

  /** What to tell of a request to which no answer came. */
  failure(call: Call, error: unknown): unknown {
    if (error instanceof KodenoError) return error;
    if (error instanceof TokenRefused) {
      const { url, message, answer: { status, codes } } = error;
      const more = { status, codes, cause: error };
      const asked = { ...call, method: "GET" };
      return status >= 400 && status < 500 && !isTransientStatus(status)
        ? this.#denied(asked, url, message, more)
        : new RegistryError("REGISTRY_FAILED", asked, url, message, more);
    }
    const base = this.#reached?.base ?? `https://${apiHost(this.registry)}/`;
    const url = typeof call.to === "string" ? new URL(call.to, base) : call.to;
    return connectionFailure(call, url, error);
  }
}
