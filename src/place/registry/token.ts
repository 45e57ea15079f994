/**
 * Access tokens of a token server (distribution project, "Token Authentication" and "OAuth2"):
 * GET with basic authentication or none, POST with an identity token.
 * @module
 */
import type { Challenge } from "./auth_challenge.ts";
import { basicAuthorization, type Credential } from "./credential.ts";
import { isLoopback } from "./endpoint.ts";
import { registryCodes } from "./error.ts";
import type { Transport, TransportResponse } from "./transport.ts";
import { ConnectionError } from "./connection.ts";
import { readWithin } from "./within.ts";

/** A token and when to stop using it. */
export interface Token {
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

/**
 * Asks a token server.
 *
 * @param challenge of the registry; names the server
 * @param base the registry: a server of https is not left for one of plain HTTP
 * @param scopes `repository:PATH:pull,push` each
 * @throws {TokenRefused} or {ConnectionError}
 */
export async function fetchToken(
  transport: Transport,
  challenge: Challenge,
  base: URL,
  scopes: readonly string[],
  credential: Credential | undefined,
  signal?: AbortSignal,
): Promise<Token> {
  const { realm = "", service } = challenge.parameters;
  if (!URL.canParse(realm)) throw new ConnectionError("protocol", "it names no token server");
  const url = new URL(realm);
  const safe = url.protocol === "https:" || (url.protocol === "http:" && base.protocol === "http:");
  if (!safe || url.username !== "" || url.password !== "") {
    throw new ConnectionError("protocol", "it names a token server that is not safe to ask");
  }
  if (credential !== undefined && !maySend(url, base)) {
    const why = `it names token server ${url.host}, which may get the password only over https`;
    throw new ConnectionError("protocol", why);
  }
  const asked = Date.now();
  const response = credential?.kind === "identity"
    ? await post(transport, url, service, scopes, credential.token, signal)
    : await get(transport, url, service, scopes, credential, signal);
  const body = await readWithin(
    response.body,
    MAX_ANSWER_BYTES,
    ANSWER_MS,
    "the answer of the token server",
  );
  if (response.status !== 200) {
    const codes = registryCodes(body);
    const more = codes.length > 0 ? ` (${codes.join(", ")})` : "";
    const message = `token server ${url.host} answered ${response.status}${more}`;
    throw new TokenRefused(url, response.status, codes, message);
  }
  return readToken(body, asked);
}

/** Whether who asks is told to a token server: on another host than the registry only over https. */
function maySend({ protocol, hostname }: URL, registry: URL): boolean {
  return protocol === "https:" || hostname === registry.hostname || isLoopback(hostname);
}

async function get(
  transport: Transport,
  realm: URL,
  service: string | undefined,
  scopes: readonly string[],
  credential: Credential | undefined,
  signal?: AbortSignal,
): Promise<TransportResponse> {
  let url = new URL(realm);
  if (service !== undefined) url.searchParams.set("service", service);
  for (const scope of scopes) url.searchParams.append("scope", scope);
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

async function post(
  transport: Transport,
  url: URL,
  service: string | undefined,
  scopes: readonly string[],
  refreshToken: string,
  signal?: AbortSignal,
): Promise<TransportResponse> {
  const form = new URLSearchParams({
    grant_type: "refresh_token",
    client_id: "kodeno",
    refresh_token: refreshToken,
    scope: scopes.join(" "),
    ...(service === undefined ? {} : { service }),
  });
  const body = new TextEncoder().encode(form.toString());
  const headers = { "content-type": "application/x-www-form-urlencoded" };
  return await transport.send({ method: "POST", url, headers, body, signal });
}

function readToken(body: Uint8Array, asked: number): Token {
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
