/**
 * Asks a registry whether it is there and would take a push, without pushing anything: `GET /v2/`
 * (distribution spec 1.1, "Determining Support"), and a token for pushing where it has a token
 * server.
 * @module
 */
import { parseChallenges, type Scope, scopeText } from "./auth_challenge.ts";
import { basicAuthorization, type Credential } from "./credential.ts";
import { parseEndpoint } from "./endpoint.ts";
import { RegistryError } from "./error.ts";
import { connectionFailure, loginHint, readCodes } from "./failure.ts";
import { type RegistryOptions, shared } from "./options.ts";
import { fetchToken, TokenRefused } from "./token.ts";
import type { Transport, TransportResponse } from "./transport.ts";

/** What a registry said. */
export interface Access {
  /** Where it answers: `https://reg.local`. */
  readonly origin: string;
  /** What it wants to be shown. */
  readonly wants: "nothing" | "password" | "token";
  /** Whether there was a credential for it. */
  readonly known: boolean;
  /** Whether its token lets push; undefined where only a push would tell. */
  readonly push: boolean | undefined;
}

/**
 * Asks.
 *
 * @param name `HOST/PATH` of a repository; it need not be there
 * @throws {RegistryError} `UNAUTHORIZED` when it does not let in, `REGISTRY_FAILED` when there is no
 * registry; {KodenoError} `BAD_REFERENCE`
 */
export async function checkAccess(
  name: string,
  options: RegistryOptions & { readonly signal?: AbortSignal | undefined } = {},
): Promise<Access> {
  const { registry, host, path } = parseEndpoint(name);
  const { transport, credentials } = shared(options);
  const doing = `ask registry ${registry}`;
  let url = new URL(`https://${host}/v2/`);
  try {
    const base = await transport.base(host, options.signal);
    url = new URL("/v2/", base);
    const asked = { transport, base, doing, registry, path, signal: options.signal };
    return await ask(asked, () => credentials(registry, path));
  } catch (error) {
    options.signal?.throwIfAborted();
    if (error instanceof TokenRefused) {
      const denied = error.status >= 400 && error.status < 500;
      throw new RegistryError(denied ? "UNAUTHORIZED" : "REGISTRY_FAILED", {
        doing,
        why: error.message,
        next: denied ? loginHint(registry) : undefined,
        method: "GET",
        url: error.url,
        status: error.status,
        codes: error.codes,
      });
    }
    throw connectionFailure({ doing, method: "GET" }, url, error, registry);
  } finally {
    transport.close();
  }
}

interface Asked {
  readonly transport: Transport;
  readonly base: URL;
  readonly doing: string;
  readonly registry: string;
  readonly path: string;
  readonly signal: AbortSignal | undefined;
}

async function ask(
  asked: Asked,
  find: () => Promise<Credential | undefined>,
): Promise<Access> {
  const { transport, base, path, signal } = asked;
  const { origin } = base;
  const first = await get(asked, "/v2/");
  const challenges = parseChallenges(first.headers.get("www-authenticate") ?? "");
  if (first.status !== 401) {
    await expect(asked, "/v2/", first, [200]);
    return { origin, wants: "nothing", known: false, push: undefined };
  }
  await first.body.cancel();
  const credential = await find();
  const known = credential !== undefined;
  const scope: Scope = { path, actions: ["pull", "push"] };
  const bearer = challenges.find((one) => one.scheme === "bearer" && one.parameters.realm);
  // A repository that is not there yet is no fault.
  const list = `/v2/${path}/tags/list?n=1`;
  const allowed = [200, 404];
  if (bearer === undefined || credential?.kind === "bearer") {
    await expect(asked, list, await get(asked, list, headerOf(credential)), allowed);
    return { origin, wants: "password", known, push: undefined };
  }
  const scopes = [scopeText(scope)];
  const { value } = await fetchToken(transport, bearer, base, scopes, credential, signal);
  await expect(asked, list, await get(asked, list, `Bearer ${value}`), allowed);
  return { origin, wants: "token", known, push: mayPush(value, path) };
}

function headerOf(credential: Credential | undefined): string | undefined {
  if (credential?.kind === "bearer") return `Bearer ${credential.token}`;
  if (credential?.kind !== "password") return undefined;
  return basicAuthorization(credential.username, credential.password);
}

async function get(
  { transport, base, signal }: Asked,
  path: string,
  authorization?: string,
): Promise<TransportResponse> {
  const headers: Record<string, string> = authorization === undefined ? {} : { authorization };
  return await transport.send({ method: "GET", url: new URL(path, base), headers, signal });
}

async function expect(
  { base, doing, registry }: Asked,
  path: string,
  response: TransportResponse,
  hoped: readonly number[],
): Promise<void> {
  const { status, headers } = response;
  const isPage = /^text\/html\b/i.test(headers.get("content-type") ?? "");
  const codes = await readCodes(response);
  if (hoped.includes(status) && !isPage) return;
  const denied = status === 401 || status === 403;
  throw new RegistryError(denied ? "UNAUTHORIZED" : "REGISTRY_FAILED", {
    doing,
    why: isPage
      ? `${base.host} answered with a web page`
      : `it answered ${status}${codes.length > 0 ? ` (${codes.join(", ")})` : ""}`,
    next: denied ? loginHint(registry) : "make sure that it is a registry",
    method: "GET",
    url: new URL(path, base),
    status,
    codes,
  });
}

/** What a token that is a JWT grants (distribution, "Token Authentication Implementation"). */
function mayPush(token: string, path: string): boolean | undefined {
  try {
    const [, payload = ""] = token.split(".");
    const text = atob(payload.replaceAll("-", "+").replaceAll("_", "/"));
    const { access } = JSON.parse(text) as {
      access?: readonly { type?: string; name?: string; actions?: readonly string[] }[];
    };
    if (!Array.isArray(access)) return undefined;
    return access.some(({ name, actions = [] }) =>
      name === path && (actions.includes("push") || actions.includes("*"))
    );
  } catch {
    return undefined;
  }
}

/**
 * Whether anybody answers at a URL, whatever they say.
 *
 * @returns the HTTP status
 * @throws {RegistryError} `REGISTRY_FAILED` when nobody does
 */
export async function reach(
  url: URL,
  options: RegistryOptions & { readonly signal?: AbortSignal | undefined } = {},
): Promise<number> {
  const { transport } = shared(options);
  const doing = `reach ${url.origin}`;
  try {
    const { status, body } = await transport.send({ method: "GET", url, signal: options.signal });
    await body.cancel();
    return status;
  } catch (error) {
    options.signal?.throwIfAborted();
    throw connectionFailure({ doing, method: "GET" }, url, error, url.host);
  } finally {
    transport.close();
  }
}
