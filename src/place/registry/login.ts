/**
 * Keeping and forgetting credentials in Docker's `config.json`, or in the helper that it names. The
 * file is replaced whole, readable only to its owner, and keeps the fields of others.
 * @module
 */
import { dirname } from "node:path";
import { KodenoError } from "../../errors.ts";
import {
  ioFailure,
  makeFolder,
  removeStaleTemporaries,
  writeAll,
  writeAtomically,
} from "../../io/files.ts";
import { withLock } from "../../io/lock.ts";
import { findOutput } from "../../io/output.ts";
import { refuseWebPage } from "./blobs.ts";
import { type Call, RegistryClient, type Scope, Shared } from "./client.ts";
import {
  askHelper,
  type AuthEntry,
  type AuthFile,
  basicAuthorization,
  dockerConfigPath,
  helperOf,
  keyParts,
  readAuthFile,
  serverKey,
  tellHelper,
} from "./credentials.ts";
import { type Environment, parseEndpoint, registryName } from "./endpoint.ts";
import { connectionFailure } from "./failure.ts";
import type { Answer, RegistryOptions } from "./transport.ts";

/**
 * Keeps user and password for a registry. It does not ask the registry whether they are right.
 *
 * @param host host and port; any name of Docker Hub stands for it
 * @returns where they are kept, for a person
 * @throws {KodenoError} `IO_FAILED` when they cannot be kept, `BAD_OPTION` without a home
 */
export async function keepLogin(
  host: string,
  username: string,
  password: string,
  environment: Environment,
): Promise<string> {
  const registry = checkHost(host);
  if (username === "" || /[:\r\n]/.test(username) || password === "") {
    throw new KodenoError("BAD_OPTION", "Cannot log in: user and password must not be empty");
  }
  const server = serverKey(registry);
  return await change(environment, `log in to ${registry}`, async (file, path) => {
    const helper = helperOf(file, registry);
    if (helper !== undefined) {
      const input = JSON.stringify({ ServerURL: server, Username: username, Secret: password });
      await tellHelper(helper, "store", input, environment);
      return [{ ...file, auths: { ...without(file, registry), [server]: {} } }, helper];
    }
    const auth = basicAuthorization(username, password).slice("Basic ".length);
    return [{ ...file, auths: { ...without(file, registry), [server]: { auth } } }, path];
  });
}

/** What became of a credential. */
export interface LoggedOut {
  /** Where it was kept, or would have been, for a person. */
  readonly where: string;
  /** Whether there was one. */
  readonly wasKept: boolean;
}

/**
 * Forgets the credential of a registry. One that is not kept is no error.
 *
 * @throws {KodenoError} `IO_FAILED` when it cannot be forgotten
 */
export async function forgetLogin(host: string, environment: Environment): Promise<LoggedOut> {
  const registry = checkHost(host);
  return await change(environment, `log out of ${registry}`, async (file, path) => {
    const auths = without(file, registry);
    const isListed = Object.keys(auths).length < Object.keys(file.auths ?? {}).length;
    const helper = helperOf(file, registry);
    if (helper === undefined) {
      return [isListed ? { ...file, auths } : file, { where: path, wasKept: isListed }];
    }
    const server = serverKey(registry);
    const wasKept = isListed ||
      await askHelper(helper, server, environment, () => {}) !== undefined;
    await tellHelper(helper, "erase", server, environment);
    return [isListed ? { ...file, auths } : file, { where: helper, wasKept }];
  });
}

/**
 * The one name of a registry that a user has written.
 *
 * @throws {KodenoError} `BAD_OPTION`
 */
export function checkHost(host: string): string {
  const registry = registryName(host.replace(/^https?:\/\//, "").replace(/\/+$/, ""));
  if (/^(?:[a-z0-9](?:[a-z0-9.-]*[a-z0-9])?|\[[0-9a-f:]+\])(?::\d{1,5})?$/.test(registry)) {
    return registry;
  }
  throw new KodenoError("BAD_OPTION", `Cannot use registry ${JSON.stringify(host)}: name its host`);
}

/** The entries of all registries but one; those of parts of it stay. */
function without(file: AuthFile, registry: string): Record<string, AuthEntry> {
  const stays = ([key]: [string, AuthEntry]) => {
    const parts = keyParts(key);
    return parts.registry !== registry || parts.path !== "";
  };
  return Object.fromEntries(Object.entries(file.auths ?? {}).filter(stays));
}

/** Reads the file, has it changed, and writes it when it is another one then. */
async function change<T>(
  environment: Environment,
  doing: string,
  work: (file: AuthFile, path: string) => Promise<[AuthFile, T]>,
): Promise<T> {
  const named = dockerConfigPath(environment);
  if (named === undefined) {
    throw new KodenoError("BAD_OPTION", `Cannot ${doing}: neither DOCKER_CONFIG nor HOME is set`);
  }
  try {
    await makeFolder(dirname(named), 0o700);
    // A link that somebody made to a file elsewhere stays one.
    const { kind, path } = await findOutput(named);
    if (kind !== "file") {
      const why = `${path} is no file; mend the link, or set DOCKER_CONFIG to another folder`;
      throw new KodenoError("IO_FAILED", `Cannot ${doing}: ${why}`);
    }
    // The folder's lock, so that no file of its own is left there.
    return await withLock(dirname(path), async () => {
      await removeStaleTemporaries(dirname(path));
      const file = readAuthFile(path) ?? {};
      const [next, result] = await work(file, path);
      if (JSON.stringify(next) !== JSON.stringify(file)) {
        const bytes = new TextEncoder().encode(JSON.stringify(next, undefined, "\t") + "\n");
        // The mode from the beginning: nobody else may open it before it is set.
        await writeAtomically(path, dirname(path), (file) => writeAll(file, bytes), 0o600);
      }
      return result;
    });
  } catch (error) {
    throw ioFailure(`${doing} in ${named}`, error);
  }
}

type AskOptions = RegistryOptions & { readonly signal?: AbortSignal | undefined };

interface Access {
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
  const shared = new Shared({ ...options, retry: { attempts: 1 } });
  try {
    return await work(new RegistryClient(registry, shared));
  } finally {
    await shared.transport.close();
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
  const { transport } = new Shared(options);
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
