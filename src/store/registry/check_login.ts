/**
 * Asks a registry whether a user and a password are right, before they are kept: `GET /v2/`
 * (distribution spec 1.1, "Determining Support"), and its token server where it has one.
 * @module
 */
import { type Challenge, parseChallenges } from "./auth_challenge.ts";
import { basicAuthorization, type Credential } from "./credential.ts";
import { apiHost } from "./endpoint.ts";
import { RegistryError } from "./error.ts";
import { connectionFailure, readCodes } from "./failure.ts";
import { checkHost } from "./login.ts";
import { type RegistryOptions, shared } from "./options.ts";
import { fetchToken, TokenRefused } from "./token.ts";
import type { Transport, TransportResponse } from "./transport.ts";

/** What a person may do about a credential that is not taken. */
const NEXT = "check user and password; nothing was kept";

/**
 * Checks a user and a password. A registry that lets everybody in takes any.
 *
 * @param host host and port; any name of Docker Hub stands for it
 * @throws {RegistryError} `UNAUTHORIZED` when they are wrong, `REGISTRY_FAILED` when there is no
 * registry; {KodenoError} `BAD_OPTION` for a host that is none
 */
export async function checkLogin(
  host: string,
  username: string,
  password: string,
  options: RegistryOptions & { readonly signal?: AbortSignal | undefined } = {},
): Promise<void> {
  const registry = checkHost(host);
  const { transport } = shared(options);
  const doing = `log in to ${registry}`;
  let url = new URL(`https://${apiHost(registry)}/v2/`);
  try {
    const base = await transport.base(apiHost(registry), options.signal);
    url = new URL("/v2/", base);
    const login = { transport, url, base, doing, signal: options.signal };
    await check(login, { kind: "password", username, password });
  } catch (error) {
    options.signal?.throwIfAborted();
    if (error instanceof TokenRefused) {
      const denied = error.status >= 400 && error.status < 500;
      throw new RegistryError(denied ? "UNAUTHORIZED" : "REGISTRY_FAILED", {
        doing,
        why: error.message,
        next: denied ? NEXT : undefined,
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

interface Login {
  readonly transport: Transport;
  readonly url: URL;
  readonly base: URL;
  readonly doing: string;
  readonly signal: AbortSignal | undefined;
}

async function check(login: Login, credential: Credential): Promise<void> {
  const { transport, base, signal } = login;
  const first = await ask(login, undefined);
  if (first.status !== 401) return await expectRegistry(login, first);
  const challenges = parseChallenges(first.headers.get("www-authenticate") ?? "");
  await first.body.cancel();
  const bearer = challenges.find((one) => one.scheme === "bearer" && one.parameters.realm);
  if (bearer !== undefined) {
    // Without a scope the token says only who is asking; to have got it is the answer.
    await fetchToken(transport, bearer, base, [], credential, signal);
    return;
  }
  const second = await ask(login, authorization(challenges, credential));
  await expectRegistry(login, second);
}

function authorization(
  challenges: readonly Challenge[],
  credential: Credential,
): string | undefined {
  const isBasic = challenges.some(({ scheme }) => scheme === "basic");
  if (!isBasic || credential.kind !== "password") return undefined;
  return basicAuthorization(credential.username, credential.password);
}

async function ask(
  { transport, url, signal }: Login,
  authorization: string | undefined,
): Promise<TransportResponse> {
  const headers: Record<string, string> = authorization === undefined ? {} : { authorization };
  return await transport.send({ method: "GET", url, headers, signal });
}

async function expectRegistry(
  { url, doing }: Login,
  response: TransportResponse,
): Promise<void> {
  const { status, headers } = response;
  const isPage = /^text\/html\b/i.test(headers.get("content-type") ?? "");
  const codes = await readCodes(response);
  if (status === 200 && !isPage) return;
  const denied = status === 401 || status === 403;
  throw new RegistryError(denied ? "UNAUTHORIZED" : "REGISTRY_FAILED", {
    doing,
    why: isPage
      ? `${url.host} answered with a web page`
      : `registry answered ${status}${codes.length > 0 ? ` (${codes.join(", ")})` : ""}`,
    next: denied ? NEXT : "make sure that it is a registry",
    method: "GET",
    url,
    status,
    codes,
  });
}
