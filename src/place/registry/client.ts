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
import {
  backoffMs,
  connectionFailure,
  DEFAULT_RETRY,
  type ErrorAnswer,
  isTransientError,
  isTransientStatus,
  parseRetryAfter,
  RegistryError,
  type RetryPolicy,
  spanText,
  Waits,
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
import { type ErrorWords, readErrorAnswer, warningsOf } from "./words.ts";

/** What several repositories share: connections, and options with what was not said. */
export class Shared implements AsyncDisposable {
  readonly transport: Transport;
  readonly credentials: CredentialProvider;
  readonly policy: RetryPolicy;
  readonly documentMs: number;
  readonly onDelay: (message: string, waitMs?: number) => void;
  readonly onWarning: (message: string) => void;
  readonly #clients = new Map<string, RegistryClient>();

  constructor(options: RegistryOptions) {
    const { environment = {}, onWarning = () => {}, onDelay = () => {}, retry } = options;
    this.transport = new Transport(options);
    this.credentials = options.credentials ?? dockerCredentials(environment, onWarning);
    this.policy = { ...DEFAULT_RETRY, ...retry };
    this.documentMs = options.documentMs ?? 120_000;
    this.onDelay = onDelay;
    this.onWarning = onWarning;
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
  /** What a person may do who is not let in; to log in unless given, where that would help. */
  readonly denied?: string | undefined;
  /** What a person may do about any other answer. */
  readonly otherwise?: string | undefined;
  /** False where sending again takes more than that. */
  readonly retry?: boolean | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** Statuses of those who do not take so large a body; some say that it is out of range. */
export const TOO_LARGE: readonly number[] = [413, 416];
const TAKE_LARGER = "let it, or the proxy before it, take larger bodies";
/** Waits that somebody notices, who is told of them, and spans that are as good as the same. */
const NOTICED_MS = 2000;
const SAME_MS = 1000;
const MAX_REDIRECTS = 8;
/** Different ones of one registry that are told. */
const MOST_WARNINGS = 10;
type Reached = { readonly base: URL; readonly authorizer: Authorizer };

/** Talks to one registry. */
export class RegistryClient {
  /** How much a request of an upload may carry. */
  readonly uploadSize: UploadSize = new UploadSize();
  /** Where each blob went first, and when that was done: from there others can have it. */
  readonly sending: Map<string, { readonly path: string; readonly ended: Promise<void> }> =
    new Map();
  /** Whether it has no API for what refers to manifests, as it has said of one repository. */
  lacksReferrers = false;
  #reached: Reached | undefined;
  /** `WWW-Authenticate` of its root, where that had to be asked. */
  #challenge: Promise<string | null> | undefined;
  /** What it has warned of. */
  readonly #warnings = new Set<string>();
  /** The end of the last wait that was told of, as by `Date.now()`: many requests may wait for one. */
  #waitsUntil = 0;

  constructor(readonly registry: string, readonly shared: Shared) {}

  /** Waits till another try makes sense, and tells of it. */
  async waitForTry(
    { doing, signal }: Call,
    failed: number,
    why: string,
    ms: number = backoffMs(this.shared.policy, failed),
  ): Promise<void> {
    const { policy, onDelay } = this.shared;
    const until = Date.now() + ms;
    const isNews = ms >= NOTICED_MS && until > this.#waitsUntil + SAME_MS;
    if (isNews) this.#waitsUntil = until;
    const when = `in ${(ms / 1000).toFixed(1)} s (${failed} of ${policy.attempts})`;
    onDelay(`Could not ${doing}: ${why}; trying again ${when}`, isNews ? Math.ceil(ms) : undefined);
    await sleep(ms, signal);
  }

  /**
   * Sends a request. Gives any answer that another try would not change; after the last try, and
   * where the registry asks for too long a wait, also one that it might.
   * @throws {RegistryError} when no answer came, or no token was to be had
   */
  async call(call: Call): Promise<Answer> {
    const { signal } = call;
    const { policy } = this.shared;
    const attempts = call.retry === false ? 1 : policy.attempts;
    const waits = new Waits(policy);
    for (let tried = 1;; tried++) {
      signal?.throwIfAborted();
      let ms: number | undefined;
      let why: string;
      try {
        const answer = await this.#once(call);
        if (tried >= attempts || !isTransientStatus(answer.status)) return answer;
        ms = waits.next(tried, parseRetryAfter(answer.headers.get("retry-after")));
        if (ms === undefined) return answer;
        ({ why } = await this.said(answer));
      } catch (error) {
        signal?.throwIfAborted();
        if (call.retry === false && isTransientError(error)) throw error;
        const refused = error instanceof TokenRefused ? error.answer : undefined;
        const again = isTransientError(error) ||
          (refused !== undefined && isTransientStatus(refused.status));
        if (tried < attempts && again) ms = waits.next(tried, refused?.retryAfterMs);
        if (ms === undefined) throw this.failure(call, error);
        why = messageOf(error);
      }
      await this.waitForTry(call, tried, why, ms);
    }
  }

  /** Whose answer it is, and what it says that was not hoped for; `absent`: of 404, that nothing is there. */
  async said(answer: Answer, absent = false): Promise<ErrorWords> {
    const { url, status } = answer;
    const { base, authorizer } = await this.reach();
    const isOwn = url.host === base.host;
    const lead = absent && status === 404
      ? `${isOwn ? "the registry" : url.host} does not have it`
      : `${isOwn ? "registry" : url.host} answered ${status}`;
    return await readErrorAnswer(lead, answer, authorizer.secrets);
  }

  /** The error of an answer that was not hoped for; `absent` as {@link said}, which may be known. */
  async failureOf(
    call: Call,
    answer: Answer,
    absent = false,
    said: ErrorWords | undefined = undefined,
  ): Promise<RegistryError> {
    const { url, status } = answer;
    const { base, authorizer } = await this.reach();
    const isDenied = status === 401 || status === 403;
    const isKnown = isDenied && !call.isAnonymous &&
      await authorizer.credential(call.scopes) !== undefined;
    const { why, error } = said ?? await this.said(answer, absent);
    // To a storage behind the registry nobody can log in.
    if (isDenied && url.origin !== base.origin) {
      return new RegistryError("UNAUTHORIZED", call, url, why, { next: call.denied, ...error });
    }
    if (isDenied) return this.#denied(call, url, why, error, isKnown);
    const code = absent && status === 404 ? "NOT_FOUND" : "REGISTRY_FAILED";
    // With a code of its own a registry may mean a quota.
    const isOfSize = error.codes.length === 0 || error.codes.includes("SIZE_INVALID");
    const isTooLarge = call.body !== undefined && TOO_LARGE.includes(status) && isOfSize;
    const next = isTooLarge ? TAKE_LARGER : askedToWait(error) ?? call.otherwise;
    return new RegistryError(code, call, url, why, { next, ...error });
  }

  /** Logging in helps who has not, or whose login is not taken; to others the registry says what does. */
  #denied(
    call: Call,
    url: URL,
    why: string,
    error: ErrorAnswer & { readonly cause?: unknown },
    isKnown: boolean,
  ): RegistryError {
    let next = call.denied;
    if (error.status === 401 && !isKnown && !call.isAnonymous && next === undefined) {
      why = notLoggedIn(why);
    }
    if (error.status === 401 || !isKnown) next ??= `run "kodeno login ${this.registry}"`;
    else next ??= askedToWait(error);
    if (!error.hasWords) next ??= `the login for ${this.registry} may not do that`;
    return new RegistryError("UNAUTHORIZED", call, url, why, { next, ...error });
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
      if (own) this.#heed(answer.headers, authorizer.secrets);
      // Some refuse whom they do not know as they refuse whom they do.
      const isUnknown = answer.status === 403 && authorization === undefined && !call.isAnonymous;
      if ((answer.status === 401 || isUnknown) && own && refused++ < 2) {
        const challenge = answer.headers.get("www-authenticate") ??
          (isUnknown ? await (this.#challenge ??= this.#askForChallenge(base, signal)) : null);
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

  /** How the registry wants to be told who is asking, of one that says so only at its root. */
  async #askForChallenge(base: URL, signal?: AbortSignal): Promise<string | null> {
    try {
      const url = new URL("/v2/", base);
      const answer = await this.shared.transport.send({ method: "GET", url, signal });
      await answer.body.cancel();
      return answer.status === 401 ? answer.headers.get("www-authenticate") : null;
    } catch {
      // What was asked first is told.
      return null;
    }
  }

  /** Tells of what the registry itself warns of, each thing once. */
  #heed(headers: Headers, secrets: Iterable<string>): void {
    for (const text of warningsOf(headers, secrets)) {
      if (this.#warnings.size >= MOST_WARNINGS || this.#warnings.has(text)) continue;
      this.#warnings.add(text);
      this.shared.onWarning(`Registry ${this.registry} warns: ${text}`);
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
      const { url, message, answer, isKnown } = error;
      const more = { ...answer, cause: error };
      const asked = { ...call, method: "GET" };
      const isDenied = answer.status >= 400 && answer.status < 500;
      if (isDenied && !isTransientStatus(answer.status)) {
        return this.#denied(asked, url, message, more, isKnown);
      }
      const next = askedToWait(answer);
      return new RegistryError("REGISTRY_FAILED", asked, url, message, { ...more, next });
    }
    const base = this.#reached?.base ?? `https://${apiHost(this.registry)}/`;
    const url = typeof call.to === "string" ? new URL(call.to, base) : call.to;
    return connectionFailure(call, url, error);
  }
}

/** What 401 means to who has no login; what the registry says beyond that it wants one is kept. */
function notLoggedIn(why: string): string {
  const [, who, said = ""] = /^(?:the )?(?:registry|(.*)) answered 401(?: \((.*)\))?$/s.exec(why) ??
    [];
  const isUsual =
    /^(?:UNAUTHORIZED)?(?::? *(?:authentication required|unauthorized|not authorized)[.!]?)?$/i
      .test(said);
  return `not logged in (401)${who ? ` by ${who}` : ""}${isUsual ? "" : `: ${said}`}`;
}

/** What a person may do whom a registry has asked to wait, with whatever status. */
function askedToWait({ retryAfterMs = 0 }: ErrorAnswer): string | undefined {
  if (retryAfterMs < NOTICED_MS) return undefined;
  return `it asks to wait ${spanText(retryAfterMs)}; run it again then`;
}
