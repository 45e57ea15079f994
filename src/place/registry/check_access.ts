/**
 * Asks a registry whether it is there and would take a push, without pushing anything: `GET /v2/`
 * (distribution spec 1.1, "Determining Support"), and a token for pushing where it has a token
 * server.
 * @module
 */
import { fetchToken, type Scope, scopeText } from "./auth.ts";
import { basicAuthorization, type Credential } from "./credentials.ts";
import { parseEndpoint } from "./endpoint.ts";
import { connectionFailure, loginHint } from "./failure.ts";
import { shared } from "./registry.ts";
import { bearerOf, challengesOf, type Probe, probe, type ProbeOptions } from "./probe.ts";

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
export async function checkAccess(name: string, options: ProbeOptions = {}): Promise<Access> {
  const { registry, host, path } = parseEndpoint(name);
  const words = { doing: `ask registry ${registry}`, who: "it", denied: loginHint(registry) };
  return await probe(
    { host, registry },
    words,
    options,
    (asked) => ask(asked, path, () => asked.credentials(registry, path)),
  );
}

async function ask(
  asked: Probe,
  path: string,
  find: () => Promise<Credential | undefined>,
): Promise<Access> {
  const { transport, base, signal } = asked;
  const { origin } = base;
  const first = await asked.get("/v2/");
  const challenges = challengesOf(first);
  if (first.status !== 401) {
    await asked.expect("/v2/", first, [200]);
    return { origin, wants: "nothing", known: false, push: undefined };
  }
  await first.body.cancel();
  const credential = await find();
  const known = credential !== undefined;
  const scope: Scope = { path, actions: ["pull", "push"] };
  const bearer = bearerOf(challenges);
  // A repository that is not there yet is no fault.
  const list = `/v2/${path}/tags/list?n=1`;
  const allowed = [200, 404];
  if (bearer === undefined || credential?.kind === "bearer") {
    await asked.expect(list, await asked.get(list, headerOf(credential)), allowed);
    return { origin, wants: "password", known, push: undefined };
  }
  const scopes = [scopeText(scope)];
  const { value } = await fetchToken(transport, bearer, base, scopes, credential, signal);
  await asked.expect(list, await asked.get(list, `Bearer ${value}`), allowed);
  return { origin, wants: "token", known, push: mayPush(value, path) };
}

function headerOf(credential: Credential | undefined): string | undefined {
  if (credential?.kind === "bearer") return `Bearer ${credential.token}`;
  if (credential?.kind !== "password") return undefined;
  return basicAuthorization(credential.username, credential.password);
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
  options: ProbeOptions = {},
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
    await transport.close();
  }
}
