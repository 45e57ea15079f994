/**
 * Who is asking, to one registry: what it wants (`WWW-Authenticate`, RFC 9110, 11.6.1), and tokens of
 * a token server (distribution project, "Token Authentication" and "OAuth2"), each kept till it runs
 * out.
 * @module
 */
import { basicAuthorization, type Credential } from "./credentials.ts";
import { isLoopback } from "./endpoint.ts";
import { ConnectionError, readWithin, registryCodes } from "./failure.ts";
import type { Transport, TransportResponse } from "./transport.ts";

/** One way to authenticate that a server offers. */
export interface Challenge {
  /** In small letters: `basic`, `bearer`. */
  readonly scheme: string;
  /** Names in small letters. */
  readonly parameters: Readonly<Record<string, string>>;
}

/** What is done to a repository. */
export type Action = "pull" | "push";

/** Actions on a repository, or on several. */
export interface Scope {
  /** The repository's path in its registry. */
  readonly path: string;
  readonly actions: readonly Action[];
}

const MAX_HEADER = 16 * 1024;
/** `scheme`, or `name=value` with a token or a quoted value. */
const PART =
  /\s*,*\s*(?:([!#$%&'*+.^_`|~\w-]+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s,"]+))|([!#$%&'*+.^_`|~\w-]+)(?=\s|,|$))/y;

/** The challenges of a header, in its order; what is malformed ends the list. */
export function parseChallenges(header: string): readonly Challenge[] {
  const found: { scheme: string; parameters: Record<string, string> }[] = [];
  const text = header.slice(0, MAX_HEADER);
  PART.lastIndex = 0;
  for (let part = PART.exec(text); part !== null; part = PART.exec(text)) {
    const [, name, quoted, plain, scheme] = part;
    if (scheme !== undefined) {
      // Without a prototype: the names come from outside.
      found.push({ scheme: scheme.toLowerCase(), parameters: Object.create(null) });
    } else if (name !== undefined) {
      const value = quoted?.replaceAll(/\\(.)/g, "$1") ?? plain ?? "";
      const last = found.at(-1);
      if (last === undefined) break;
      last.parameters[name.toLowerCase()] = value;
    }
  }
  return found;
}

/** A scope as a token server reads it: `repository:PATH:pull,push`. */
export function scopeText({ path, actions }: Scope): string {
  return `repository:${path}:${[...actions].join(",")}`;
}

/** A token and when to stop using it. */
export interface BearerToken {
  readonly value: string;
  /** Milliseconds of `Date.now()`. */
  readonly expires: number;
}

/** A token server that gave no token. */
export class TokenRefused extends Error {
  /**
   * @param url the token server
   * @param status its answer
   * @param codes from its answer's body
   */
  constructor(
    readonly url: URL,
    readonly status: number,
    readonly codes: readonly string[],
    message: string,
  ) {
    super(message);
  }
}

const MAX_ANSWER_BYTES = 1024 * 1024;
/** For all of it, once it has begun. */
const ANSWER_MS = 30_000;
/** What the specification says where a server does not. */
const DEFAULT_SECONDS = 60;
const MAX_REDIRECTS = 5;

/** What a token is asked for with. */
interface TokenRequest {
  readonly transport: Transport;
  /** The registry: a server of https is not left for one of plain HTTP. */
  readonly base: URL;
  /** Of the registry; names the server. */
  readonly challenge: Challenge;
  readonly scopes: readonly Scope[];
  readonly credential: Credential | undefined;
  readonly signal: AbortSignal | undefined;
}

/** @throws {TokenRefused} or {ConnectionError} */
async function fetchToken(request: TokenRequest): Promise<BearerToken> {
  const { challenge, base, credential } = request;
  const { realm = "" } = challenge.parameters;
  const bad = (why: string) => new ConnectionError("protocol", `it names ${why}`);
  if (!URL.canParse(realm)) throw bad("no token server");
  const url = new URL(realm);
  const { protocol, hostname, host } = url;
  const safe = protocol === "https:" || (protocol === "http:" && base.protocol === "http:");
  if (!safe || url.username !== "" || url.password !== "") {
    throw bad("a token server that is not safe to ask");
  }
  // Who asks is told to another host than the registry only over https.
  const maySend = protocol === "https:" || hostname === base.hostname || isLoopback(hostname);
  if (credential !== undefined && !maySend) {
    throw bad(`token server ${host}, which may get the password only over https`);
  }
  const asked = Date.now();
  const response = await askTokenServer(url, request);
  const what = "the answer of the token server";
  const body = await readWithin(response.body, MAX_ANSWER_BYTES, ANSWER_MS, what);
  if (response.status === 200) return readToken(body, asked);
  const codes = registryCodes(body);
  const more = codes.length > 0 ? ` (${codes.join(", ")})` : "";
  const message = `token server ${host} answered ${response.status}${more}`;
  throw new TokenRefused(url, response.status, codes, message);
}

async function askTokenServer(
  realm: URL,
  { transport, challenge, scopes, credential, signal }: TokenRequest,
): Promise<TransportResponse> {
  const { service } = challenge.parameters;
  if (credential?.kind === "identity") {
    const form = new URLSearchParams({
      grant_type: "refresh_token",
      client_id: "kodeno",
      refresh_token: credential.token,
      scope: tokenKey(scopes),
      ...(service === undefined ? {} : { service }),
    });
    const body = new TextEncoder().encode(form.toString());
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
    if (![301, 302, 303, 307, 308].includes(response.status) || location === null) return response;
    await response.body.cancel();
    const next = URL.canParse(location, url) ? new URL(location, url) : undefined;
    const worse = next?.protocol !== url.protocol && next?.protocol !== "https:";
    if (next === undefined || worse || hops >= MAX_REDIRECTS) {
      throw new ConnectionError("protocol", `token server ${realm.host} redirects too much`);
    }
    if (next.origin !== realm.origin) next.searchParams.delete("account");
    url = next;
  }
}

function readToken(body: Uint8Array, asked: number): BearerToken {
  const bad = () => new ConnectionError("protocol", "the token server's answer holds no token");
  let answer: { token?: unknown; access_token?: unknown; expires_in?: unknown };
  try {
    answer = JSON.parse(new TextDecoder().decode(body)) ?? {};
  } catch {
    // The parser's own message would quote the answer.
    throw bad();
  }
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
  readonly #credentials = new Map<string, Promise<Credential | undefined>>();
  readonly #tokens = new Map<string, Promise<BearerToken>>();
  #challenge: Challenge | undefined;

  /**
   * @param base the registry's root URL
   * @param find finds the credential for a repository
   */
  constructor(
    readonly transport: Transport,
    readonly base: URL,
    readonly find: (path: string) => Promise<Credential | undefined>,
  ) {}

  /** How the registry wants to be told who is asking; undefined before it has refused anything. */
  get scheme(): string | undefined {
    return this.#challenge?.scheme;
  }

  /** Whether there is a credential for a repository. */
  async isKnown(path: string): Promise<boolean> {
    return (await this.#credential(path)) !== undefined;
  }

  /**
   * The `Authorization` header for a request, undefined when none is known to be needed.
   *
   * @param scopes what the request does; the first is of the repository whose credential is used
   */
  async header(scopes: readonly Scope[], signal?: AbortSignal): Promise<string | undefined> {
    const challenge = this.#challenge;
    if (challenge === undefined) return undefined;
    const credential = await this.#credential(scopes[0]?.path ?? "");
    if (credential?.kind === "bearer") return `Bearer ${credential.token}`;
    if (challenge.scheme === "basic") {
      if (credential?.kind !== "password") return undefined;
      return basicAuthorization(credential.username, credential.password);
    }
    const { transport, base } = this;
    const request = { transport, base, challenge, scopes, credential, signal };
    return `Bearer ${(await this.#token(request)).value}`;
  }

  /**
   * Takes the refusal (401) of a request; then {@link header} may give what works.
   *
   * @param sent the header that was refused
   * @param header `WWW-Authenticate`
   * @returns whether it is worth trying again
   */
  async refused(
    scopes: readonly Scope[],
    sent: string | undefined,
    header: string | null,
  ): Promise<boolean> {
    const challenges = parseChallenges(header ?? "");
    const bearer = challenges.find(({ scheme, parameters }) =>
      scheme === "bearer" && parameters.realm !== undefined
    );
    const chosen = bearer ?? challenges.find(({ scheme }) => scheme === "basic");
    if (chosen === undefined) return false;
    this.#challenge = chosen;
    const key = tokenKey(scopes);
    const kept = await this.#tokens.get(key)?.catch(() => undefined);
    // Another request may have got a new one in the meantime.
    if (kept !== undefined && sent === `Bearer ${kept.value}`) this.#tokens.delete(key);
    if (bearer !== undefined) return true;
    return sent === undefined && await this.isKnown(scopes[0]?.path ?? "");
  }

  #credential(path: string): Promise<Credential | undefined> {
    const found = this.#credentials.get(path) ?? this.find(path);
    this.#credentials.set(path, found);
    return found;
  }

  async #token(request: TokenRequest): Promise<BearerToken> {
    const key = tokenKey(request.scopes);
    const kept = this.#tokens.get(key);
    // A token that another caller waited for in vain is asked for again.
    const token = await kept?.catch(() => undefined);
    if (token !== undefined && token.expires > Date.now()) return token;
    if (this.#tokens.get(key) !== kept) return await this.#token(request);
    const asked = fetchToken(request);
    this.#tokens.set(key, asked);
    asked.catch(() => this.#tokens.get(key) === asked && this.#tokens.delete(key));
    return await asked;
  }
}

function tokenKey(scopes: readonly Scope[]): string {
  return scopes.map(scopeText).join(" ");
}
