/**
 * Questions to a registry: whether it answers, takes a user and a password, and would let push.
 * @module
 */
import { Buffer } from "node:buffer";
import type { CallOptions } from "../../content/places.ts";
import { refuseWebPage } from "./repository.ts";
import type { Scope } from "./auth.ts";
import { type Call, type RegistryClient, Shared } from "./client.ts";
import { parseEndpoint } from "./endpoint.ts";
import { connectionFailure } from "./failure.ts";
import { parseSecret } from "./credentials.ts";
import { checkHost } from "./login.ts";
import type { Answer, RegistryOptions } from "./transport.ts";

type AskOptions = RegistryOptions & CallOptions;

interface Access {
  /** Where it answers: `https://reg.local`. */
  readonly origin: string;
  /** Whether it asks nobody who they are. */
  readonly isOpen: boolean;
  /** Whether there was a credential for it. */
  readonly known: boolean;
  /** Whether its token lets push; undefined where only a push would tell. */
  readonly push: boolean | undefined;
}

/**
 * Asks whether a registry would let push to `HOST/PATH`, which need not be there.
 * @throws {RegistryError} `UNAUTHORIZED` when it does not let in, `REGISTRY_FAILED` when it is none
 */
export async function checkAccess(name: string, options: AskOptions = {}): Promise<Access> {
  const { registry, path } = parseEndpoint(name);
  const scopes: readonly Scope[] = [{ path, actions: ["pull", "push"] }];
  await using shared = askOnce(options);
  const client = shared.client(registry);
  const call = questionOf(`ask registry ${registry}`, scopes, options);
  const isOpen = await letsEverybodyIn(client, call);
  const { base: { origin }, authorizer } = await client.reach();
  if (isOpen) return { origin, isOpen, known: false, push: undefined };
  // A repository that is not there yet is no fault.
  const list = { ...call, to: `/v2/${path}/tags/list?n=1` };
  await expect(client, list, await client.call(list), [200, 404]);
  const known = await authorizer.credential(scopes) !== undefined;
  const isBearer = authorizer.scheme === "bearer";
  const token = isBearer ? await authorizer.header(scopes, options.signal) : undefined;
  return { origin, isOpen, known, push: mayPush(token ?? "", path) };
}

/**
 * Checks a user and a password before they are kept. A registry that lets everybody in takes any.
 * @throws {RegistryError} `UNAUTHORIZED` when they are wrong, `REGISTRY_FAILED` when it is none
 */
export async function checkLogin(
  host: string,
  username: string,
  password: string,
  options: AskOptions = {},
): Promise<void> {
  const registry = checkHost(host);
  const credentials = () => Promise.resolve({ kind: "password", username, password } as const);
  await using shared = askOnce({ ...options, credentials });
  const client = shared.client(registry);
  const denied = "check user and password; nothing was kept";
  const call = { ...questionOf(`log in to ${registry}`, [], options), denied };
  if (await letsEverybodyIn(client, call)) return;
  const { authorizer } = await client.reach();
  // Without a scope a token says only who is asking; to have got it is the answer.
  if (authorizer.scheme === "bearer") await client.authorize(call);
  else await expect(client, call, await client.call(call), [200]);
}

/**
 * Whether anybody answers at a URL, whatever they say: the HTTP status.
 * @throws {RegistryError} `REGISTRY_FAILED` when nobody does
 */
export async function reach(url: URL, options: AskOptions = {}): Promise<number> {
  const { signal } = options;
  await using shared = askOnce(options);
  try {
    const { status, body } = await shared.transport.send({ method: "GET", url, signal });
    await body.cancel();
    return status;
  } catch (error) {
    signal?.throwIfAborted();
    throw connectionFailure({ doing: `reach ${url.origin}`, method: "GET" }, url, error);
  }
}

function askOnce(options: RegistryOptions): Shared {
  return new Shared({ ...options, retry: { attempts: 1 } });
}

function questionOf(doing: string, scopes: readonly Scope[], { signal }: AskOptions): Call {
  const otherwise = "make sure that it is a registry";
  return { doing, method: "GET", to: "/v2/", scopes, signal, otherwise };
}

async function letsEverybodyIn(client: RegistryClient, call: Call): Promise<boolean> {
  const answer = await client.call({ ...call, isAnonymous: true });
  const isOpen = answer.status !== 401;
  if (isOpen) await expect(client, call, answer, [200]);
  else await answer.body.cancel();
  return isOpen;
}

/** @throws {RegistryError} when an answer has none of the statuses, or is a web page */
async function expect(
  client: RegistryClient,
  call: Call,
  answer: Answer,
  hoped: readonly number[],
): Promise<void> {
  refuseWebPage(call, answer, "");
  if (!hoped.includes(answer.status)) throw await client.failureOf(call, answer);
  await answer.body.cancel();
}

/** What a token that is a JWT grants (distribution, "Token Authentication Implementation"). */
function mayPush(token: string, path: string): boolean | undefined {
  const [, payload = ""] = token.split(".");
  const { access } = parseSecret(Buffer.from(payload, "base64url").toString()) ?? {};
  if (!Array.isArray(access)) return undefined;
  return access.some((one) =>
    one?.name === path && ["push", "*"].some((action) => one.actions?.includes?.(action))
  );
}
