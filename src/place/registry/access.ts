/**
 * Questions about a registry itself: is it there, whom does it let in, would it take a push? `GET /v2/`
 * (distribution spec 1.1, "Determining Support"), and a token where it has a token server. Nothing is
 * pushed, and nothing is tried twice.
 * @module
 */
import type { Scope } from "./auth.ts";
import { refuseWebPage } from "./blobs.ts";
import { type Answer, type Call, RegistryClient } from "./client.ts";
import { parseEndpoint } from "./endpoint.ts";
import { connectionFailure } from "./failure.ts";
import { checkHost } from "./login.ts";
import { shared } from "./registry.ts";
import type { RegistryOptions } from "./transport.ts";

/** Options of a question. */
export type AskOptions = RegistryOptions & { readonly signal?: AbortSignal | undefined };

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
 * Asks whether a registry would let push.
 *
 * @param name `HOST/PATH` of a repository; it need not be there
 * @throws {RegistryError} `UNAUTHORIZED` when it does not let in, `REGISTRY_FAILED` when there is no
 * registry; {KodenoError} `BAD_REFERENCE`
 */
export async function checkAccess(name: string, options: AskOptions = {}): Promise<Access> {
  const { registry, path } = parseEndpoint(name);
  const scopes: readonly Scope[] = [{ path, actions: ["pull", "push"] }];
  return await ask(registry, options, async (client) => {
    const call = questionOf(`ask registry ${registry}`, scopes, options);
    const first = await client.call({ ...call, isAnonymous: true });
    const { base: { origin }, authorizer } = await client.reach();
    if (first.status !== 401) {
      await expect(client, call, first, [200]);
      return { origin, wants: "nothing", known: false, push: undefined };
    }
    await first.body.cancel();
    // A repository that is not there yet is no fault.
    const list = { ...call, to: `/v2/${path}/tags/list?n=1` };
    await expect(client, list, await client.call(list), [200, 404]);
    const known = await authorizer.isKnown(path);
    if (authorizer.scheme !== "bearer") {
      return { origin, wants: "password", known, push: undefined };
    }
    const token = await authorizer.header(scopes, options.signal) ?? "";
    return { origin, wants: "token", known, push: mayPush(token, path) };
  });
}

/**
 * Checks a user and a password before they are kept. A registry that lets everybody in takes any.
 *
 * @param host host and port; any name of Docker Hub stands for it
 * @throws {RegistryError} `UNAUTHORIZED` when they are wrong, `REGISTRY_FAILED` when there is no
 * registry; {KodenoError} `BAD_OPTION` for a host that is none
 */
export async function checkLogin(
  host: string,
  username: string,
  password: string,
  options: AskOptions = {},
): Promise<void> {
  const registry = checkHost(host);
  const credentials = () => Promise.resolve({ kind: "password", username, password } as const);
  await ask(registry, { ...options, credentials }, async (client) => {
    const call: Call = {
      ...questionOf(`log in to ${registry}`, [], options),
      denied: "check user and password; nothing was kept",
    };
    const first = await client.call({ ...call, isAnonymous: true });
    if (first.status !== 401) return await expect(client, call, first, [200]);
    await first.body.cancel();
    const { authorizer } = await client.reach();
    // Without a scope a token says only who is asking; to have got it is the answer.
    if (authorizer.scheme === "bearer") await client.authorize(call);
    else await expect(client, call, await client.call(call), [200]);
  });
}

async function ask<T>(
  registry: string,
  options: AskOptions,
  work: (client: RegistryClient) => Promise<T>,
): Promise<T> {
  const parts = shared({ ...options, retry: { attempts: 1 } });
  try {
    return await work(new RegistryClient(registry, parts));
  } finally {
    await parts.transport.close();
  }
}

function questionOf(doing: string, scopes: readonly Scope[], { signal }: AskOptions): Call {
  const otherwise = "make sure that it is a registry";
  return { doing, method: "GET", to: "/v2/", scopes, signal, otherwise };
}

/** @throws {RegistryError} when an answer has none of the statuses, or is a web page */
async function expect(
  client: RegistryClient,
  call: Call,
  answer: Answer,
  hoped: readonly number[],
): Promise<void> {
  refuseWebPage(call, answer, "");
  if (!hoped.includes(answer.status)) throw await client.refusal(call, answer);
  await answer.body.cancel();
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
  options: AskOptions = {},
): Promise<number> {
  const { transport } = shared(options);
  const doing = `reach ${url.origin}`;
  try {
    const { status, body } = await transport.send({ method: "GET", url, signal: options.signal });
    await body.cancel();
    return status;
  } catch (error) {
    options.signal?.throwIfAborted();
    throw connectionFailure({ doing, method: "GET" }, url, error);
  } finally {
    await transport.close();
  }
}
