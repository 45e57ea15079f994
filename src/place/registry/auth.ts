/**
 * Authentication to one registry (RFC 9110, 11; distribution, "Token Authentication Specification"): the
 * challenges it answers with, and the tokens of the token server that it names. No other server than
 * that one is sent the credential for them.
 * @module
 */
import { getOrSet, getOrTry, orAborted } from "../../io/concurrency.ts";
import { basicAuthorization, type Credential, parseSecret } from "./credentials.ts";
import { isLoopback } from "./endpoint.ts";
import { readWithin } from "./bounds.ts";
import { ConnectionError, type ErrorAnswer } from "./failure.ts";
import { type Answer, isSafeFrom, REDIRECTS, type Transport } from "./transport.ts";
import { readErrorAnswer } from "./words.ts";

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
export class TokenRefused extends Error {
  constructor(
    why: string,
    readonly url: URL,
    readonly answer: ErrorAnswer,
    /** Whether it was told who is asking. */
    readonly isKnown: boolean,
  ) {
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
  { transport, base, secrets }: Authorizer,
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
  const lead = `token server ${host} answered ${answer.status}`;
  const { why, error } = await readErrorAnswer(lead, answer, secrets);
  throw new TokenRefused(why, url, error, credential !== undefined);
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
    if (next === null || !isSafeFrom(url, next) || hops >= MAX_TOKEN_REDIRECTS) {
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
export class Authorizer {
  /** What was sent or may be: nobody is to read it where a server says it again. */
  readonly secrets: Set<string> = new Set();
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
   * Takes the 401 of a request: its own header `sent`, and `WWW-Authenticate`; gives whether
   * {@link header} may now have what works.
   */
  async refused(
    scopes: readonly Scope[],
    sent: string | undefined,
    wwwAuthenticate: string | null,
    signal?: AbortSignal,
  ): Promise<boolean> {
    const challenges = parseChallenges(wwwAuthenticate ?? "");
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
    return getOrSet(this.#credentials, path, async () => {
      const found = await this.find(path);
      for (const secret of found ? secretsOf(found) : []) this.secrets.add(secret);
      return found;
    });
  }

  async #token(request: TokenRequest): Promise<BearerToken> {
    const key = tokenKey(request.scopes);
    const kept = this.#tokens.get(key);
    const token = await this.#kept(key, request.signal);
    if (token !== undefined && token.expires > Date.now()) return token;
    if (this.#tokens.get(key) !== kept) return await this.#token(request);
    this.#tokens.delete(key);
    return await getOrTry(this.#tokens, key, async () => {
      const token = await fetchToken(this, request).catch(async (error) => {
        const { credential, scopes } = request;
        const isPull = scopes.every(({ actions }) => actions.join() === "pull");
        const isAmbient = credential?.kind === "password" && credential.isAmbient;
        if (!isAmbient || !isPull || !(error instanceof TokenRefused)) throw error;
        // It may be for other work; what everybody may read needs none.
        return await fetchToken(this, { ...request, credential: undefined }).catch(() => {
          throw error;
        });
      });
      this.secrets.add(token.value);
      return token;
    });
  }

  /** A token that is there, or on its way; what another caller waited for in vain is none. */
  async #kept(key: string, signal?: AbortSignal): Promise<BearerToken | undefined> {
    const kept = this.#tokens.get(key)?.catch(() => undefined);
    return kept && await orAborted(kept, signal);
  }
}

function secretsOf(credential: Credential): readonly string[] {
  if (credential.kind !== "password") return [credential.token];
  const { username, password } = credential;
  return [password, basicAuthorization(username, password).slice("Basic ".length)];
}

function tokenKey(scopes: readonly Scope[]): string {
  return scopes.map(scopeText).join(" ");
}
