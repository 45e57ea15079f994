/**
 * Requests to one registry, done till there is an answer: authentication, redirects and tries; and how
 * large they may be. A credential goes to the registry's own origin, and to the token server that it
 * names.
 * @module
 */
import { KodenoError, messageOf } from "../../errors.ts";
import { getOrSet, getOrTry, orAborted } from "../../io/work.ts";
import {
  basicAuthorization,
  type Credential,
  type CredentialProvider,
  dockerCredentials,
  parseSecret,
} from "./credentials.ts";
import { apiHost, isLoopback } from "./endpoint.ts";
import {
  ConnectionError,
  connectionFailure,
  DEFAULT_RETRY,
  isTransientError,
  isTransientStatus,
  readRefusal,
  readWithin,
  type Refusal,
  RegistryError,
  retryAfterMs,
  type RetryPolicy,
  sleep,
  waitMs,
} from "./failure.ts";
import { type Answer, type RegistryOptions, type RequestContent, Transport } from "./transport.ts";

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
const REDIRECTS: readonly number[] = [301, 302, 303, 307, 308];

type Reached = { readonly base: URL; readonly authorizer: Authorizer };

/** Talks to one registry. */
export class RegistryClient {
  /** How much a request of an upload may carry. */
  readonly uploadSize: UploadSize = new UploadSize();
  #reached: Reached | undefined;

  constructor(readonly registry: string, readonly shared: Shared) {}

  /** Waits till another try makes sense, and tells of it; `askedMs` is what the registry asked for. */
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
   * @throws {RegistryError} when no answer came, or no token was to be had
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
          (error instanceof TokenRefused && isTransientStatus(error.refusal.status));
        if (tried >= attempts || !again) throw this.failure(call, error);
        why = messageOf(error);
      }
      await this.waitForTry(call, tried, why, askedMs);
    }
  }

  /** The error of an answer that was not hoped for; `absent`: of 404, that nothing is there. */
  async refusal(call: Call, answer: Answer, absent = false): Promise<RegistryError> {
    const { status, url } = answer;
    const own = url.host === (await this.reach()).base.host;
    const { why, refusal } = await readRefusal(own ? "registry" : url.host, answer);
    if (status === 401 || status === 403) return this.#denied(call, url, why, refusal);
    const code = absent && status === 404 ? "NOT_FOUND" : "REGISTRY_FAILED";
    const next = status === 413 ? TOO_LARGE : call.otherwise;
    return new RegistryError(code, call, url, why, { next, ...refusal });
  }

  #denied(call: Call, url: URL, why: string, more: Refusal): RegistryError {
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
      const { url, message, refusal: { status, codes } } = error;
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

/** Whether a server at `base` may send on to a URL: one of https to no plain HTTP. */
function isSafeFrom(base: URL, { protocol }: URL): boolean {
  return protocol === "https:" || (protocol === "http:" && base.protocol === "http:");
}

/** The largest chunk that is tried after a stream was refused; it is held in memory. */
export const FIRST_CHUNK_BYTES = 4 * 1024 * 1024;
/** Smaller bodies are not refused for their size. */
const SMALLEST_CHUNK_BYTES = 64 * 1024;

/**
 * How much one request of any upload to a registry may carry: all there is, until it or a proxy before
 * it refuses that. Then half of it, and half of that, till one gets through.
 */
export class UploadSize {
  #most = Infinity;

  /** Bytes that a request may carry; infinite where a stream without a length is taken. */
  get most(): number {
    return this.#most;
  }

  /**
   * Takes a refusal of a body of so many bytes, infinite where it was refused for something else; gives
   * whether a smaller one, but not below `OCI-Chunk-Min-Length`, can be tried.
   */
  refuse(refused: number, smallest: number): boolean {
    if (refused <= SMALLEST_CHUNK_BYTES) return false;
    // Another upload may have found out the same in the meantime.
    if (this.#most > refused / 2 || this.#most === Infinity) {
      const half = 2 ** Math.ceil(Math.log2(refused) - 1);
      this.#most = Math.max(SMALLEST_CHUNK_BYTES, Math.min(FIRST_CHUNK_BYTES, half));
    }
    return Math.max(this.#most, smallest) < refused;
  }
}

/** The smallest chunk that a registry takes, as it says when an upload begins; 0 where it does not. */
export function smallestChunk(headers: Headers): number {
  const text = headers.get("oci-chunk-min-length") ?? "";
  return /^\d{1,12}$/.test(text) ? Number(text) : 0;
}

/** One way to authenticate that a server offers; names are in small letters. */
interface Challenge {
  readonly scheme: string;
  readonly parameters: Record<string, string>;
}

/** What is done to a repository, by its path. */
export interface Scope {
  readonly path: string;
  readonly actions: readonly ("pull" | "push")[];
}

const MAX_HEADER = 16 * 1024;
/** `scheme`, or `name=value` with a token or a quoted value. */
const PART =
  /\s*,*\s*(?:([!#$%&'*+.^_`|~\w-]+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s,"]+))|([!#$%&'*+.^_`|~\w-]+)(?=\s|,|$))/gy;

/** The challenges of a header, in its order; what is malformed ends the list. */
export function parseChallenges(header: string): readonly Challenge[] {
  const found: Challenge[] = [];
  for (const [, name = "", quoted, plain, scheme] of header.slice(0, MAX_HEADER).matchAll(PART)) {
    if (scheme === undefined) {
      const last = found.at(-1);
      if (last === undefined) break;
      last.parameters[name.toLowerCase()] = quoted?.replaceAll(/\\(.)/g, "$1") ?? plain ?? "";
    } else {
      // Without a prototype: the names come from outside.
      found.push({ scheme: scheme.toLowerCase(), parameters: Object.create(null) });
    }
  }
  return found;
}

/** A scope as a token server reads it: `repository:PATH:pull,push`. */
export function scopeText({ path, actions }: Scope): string {
  return `repository:${path}:${actions.join(",")}`;
}

/** A token, and the `Date.now()` at which to stop using it. */
type BearerToken = { readonly value: string; readonly expires: number };

/** A token server that gave no token. */
class TokenRefused extends Error {
  constructor(why: string, readonly url: URL, readonly refusal: Refusal) {
    super(why);
  }
}

const MAX_ANSWER_BYTES = 1024 * 1024;
/** For all of it, once it has begun. */
const ANSWER_MS = 30_000;
/** What the specification says where a server does not. */
const DEFAULT_SECONDS = 60;
const MAX_TOKEN_REDIRECTS = 5;

interface TokenRequest {
  readonly challenge: Challenge;
  readonly scopes: readonly Scope[];
  readonly credential: Credential | undefined;
  readonly signal: AbortSignal | undefined;
}

/** @throws {TokenRefused} or {ConnectionError} */
async function fetchToken(
  { transport, base }: Authorizer,
  request: TokenRequest,
): Promise<BearerToken> {
  const { challenge, credential } = request;
  const { realm = "" } = challenge.parameters;
  const bad = (why: string) => new ConnectionError("protocol", `it names ${why}`);
  const url = URL.parse(realm);
  if (url === null) throw bad("no token server");
  const { protocol, hostname, host } = url;
  if (!isSafeFrom(base, url) || url.username !== "" || url.password !== "") {
    throw bad("a token server that is not safe to ask");
  }
  // Who asks is told to another host than the registry only over https.
  const maySend = protocol === "https:" || hostname === base.hostname || isLoopback(hostname);
  if (credential !== undefined && !maySend) {
    throw bad(`token server ${host}, which may get the password only over https`);
  }
  const asked = Date.now();
  const answer = await askTokenServer(transport, url, request);
  if (answer.status === 200) {
    const what = "the answer of the token server";
    return readToken(await readWithin(answer.body, MAX_ANSWER_BYTES, ANSWER_MS, what), asked);
  }
  const { why, refusal } = await readRefusal(`token server ${host}`, answer);
  throw new TokenRefused(why, url, refusal);
}

async function askTokenServer(
  transport: Transport,
  realm: URL,
  { challenge, scopes, credential, signal }: TokenRequest,
): Promise<Answer> {
  const { service } = challenge.parameters;
  if (credential?.kind === "identity") {
    const form = new URLSearchParams({
      grant_type: "refresh_token",
      client_id: "kodeno",
      refresh_token: credential.token,
      scope: tokenKey(scopes),
      ...(service === undefined ? {} : { service }),
    });
    const body = new TextEncoder().encode(`${form}`);
    const headers = { "content-type": "application/x-www-form-urlencoded" };
    return await transport.send({ method: "POST", url: realm, headers, body, signal });
  }
  let url = new URL(realm);
  if (service !== undefined) url.searchParams.set("service", service);
  for (const scope of scopes) url.searchParams.append("scope", scopeText(scope));
  for (let hops = 0;; hops++) {
    const headers: Record<string, string> = {};
    // Only the server that the registry named may see the password.
    if (credential?.kind === "password" && url.origin === realm.origin) {
      headers.authorization = basicAuthorization(credential.username, credential.password);
      url.searchParams.set("account", credential.username);
    }
    const response = await transport.send({ method: "GET", url, headers, signal });
    const location = response.headers.get("location");
    if (!REDIRECTS.includes(response.status) || location === null) return response;
    await response.body.cancel();
    const next = URL.parse(location, url);
    const worse = next?.protocol !== url.protocol && next?.protocol !== "https:";
    if (next === null || worse || hops >= MAX_TOKEN_REDIRECTS) {
      throw new ConnectionError("protocol", `token server ${realm.host} redirects too much`);
    }
    if (next.origin !== realm.origin) next.searchParams.delete("account");
    url = next;
  }
}

function readToken(body: Uint8Array, asked: number): BearerToken {
  const bad = () => new ConnectionError("protocol", "the token server's answer holds no token");
  const answer = parseSecret(new TextDecoder().decode(body)) ?? {};
  const value = answer.token || answer.access_token;
  // It goes into a header.
  if (typeof value !== "string" || !/^[\x21-\x7e]+$/.test(value)) throw bad();
  const given = Number(answer.expires_in);
  const seconds = given > 0 ? given : DEFAULT_SECONDS;
  // A little early, so that it does not run out on the way there.
  return { value, expires: asked + seconds * 1000 - Math.min(10, seconds / 5) * 1000 };
}

/** Knows how to authenticate to one registry. */
class Authorizer {
  readonly #credentials = new Map<string, Promise<Credential | undefined>>();
  readonly #tokens = new Map<string, Promise<BearerToken>>();
  #challenge: Challenge | undefined;

  constructor(
    readonly transport: Transport,
    readonly base: URL,
    /** Finds the credential for a repository. */
    readonly find: (path: string) => Promise<Credential | undefined>,
  ) {}

  /** How the registry wants to be told who is asking; undefined before it has refused anything. */
  get scheme(): string | undefined {
    return this.#challenge?.scheme;
  }

  /** The `Authorization` header for a request, undefined when none is known to be needed. */
  async header(scopes: readonly Scope[], signal?: AbortSignal): Promise<string | undefined> {
    const challenge = this.#challenge;
    if (challenge === undefined) return undefined;
    const credential = await this.credential(scopes);
    if (credential?.kind === "bearer") return `Bearer ${credential.token}`;
    if (challenge.scheme === "basic") {
      if (credential?.kind !== "password") return undefined;
      return basicAuthorization(credential.username, credential.password);
    }
    return `Bearer ${(await this.#token({ challenge, scopes, credential, signal })).value}`;
  }

  /**
   * Takes the refusal (401) of a request, its own header `sent`, and `WWW-Authenticate`; gives whether
   * {@link header} may now have what works.
   */
  async refused(
    scopes: readonly Scope[],
    sent: string | undefined,
    wanted: string | null,
    signal?: AbortSignal,
  ): Promise<boolean> {
    const challenges = parseChallenges(wanted ?? "");
    const bearer = challenges.find(({ scheme, parameters }) =>
      scheme === "bearer" && parameters.realm !== undefined
    );
    const chosen = bearer ?? challenges.find(({ scheme }) => scheme === "basic");
    if (chosen === undefined) return false;
    this.#challenge = chosen;
    const key = tokenKey(scopes);
    const kept = await this.#kept(key, signal);
    // Another request may have got a new one in the meantime.
    if (kept !== undefined && sent === `Bearer ${kept.value}`) this.#tokens.delete(key);
    if (bearer !== undefined) return true;
    return sent === undefined && await this.credential(scopes) !== undefined;
  }

  /** That of the first repository of a request. */
  credential([scope]: readonly Scope[]): Promise<Credential | undefined> {
    const path = scope?.path ?? "";
    return getOrSet(this.#credentials, path, () => this.find(path));
  }

  async #token(request: TokenRequest): Promise<BearerToken> {
    const key = tokenKey(request.scopes);
    const kept = this.#tokens.get(key);
    const token = await this.#kept(key, request.signal);
    if (token !== undefined && token.expires > Date.now()) return token;
    if (this.#tokens.get(key) !== kept) return await this.#token(request);
    this.#tokens.delete(key);
    return await getOrTry(this.#tokens, key, () => fetchToken(this, request));
  }

  /** A token that is there, or on its way; what another caller waited for in vain is none. */
  async #kept(key: string, signal?: AbortSignal): Promise<BearerToken | undefined> {
    const kept = this.#tokens.get(key)?.catch(() => undefined);
    return kept && await orAborted(kept, signal);
  }
}

function tokenKey(scopes: readonly Scope[]): string {
  return scopes.map(scopeText).join(" ");
}
