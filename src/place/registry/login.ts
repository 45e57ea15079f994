/**
 * Keeping and forgetting credentials in Docker's `config.json`, or in the helper that it names. The
 * file is replaced whole, readable only to its owner, and keeps the fields of others.
 * @module
 */
import { dirname } from "node:path";
import { KodenoError } from "../../errors.ts";
import { makeFolder, removeStaleTemporaries, writeAtomically } from "../../io/atomic.ts";
import { ioFailure, writeAll } from "../../io/files.ts";
import { withLock } from "../../io/lock.ts";
import { findOutput } from "../../io/output.ts";
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
import { registryName } from "./endpoint.ts";
import type { Environment } from "./proxy.ts";

/**
 * Keeps user and password for a registry, which is not asked whether they are right; gives where they
 * are kept, for a person.
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
    }
    const auth = basicAuthorization(username, password).slice("Basic ".length);
    const auths = { ...without(file, registry), [server]: helper === undefined ? { auth } : {} };
    return [{ ...file, auths }, helper ?? path];
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
 * @throws {KodenoError} `IO_FAILED` when it cannot be forgotten
 */
export async function forgetLogin(host: string, environment: Environment): Promise<LoggedOut> {
  const registry = checkHost(host);
  return await change(environment, `log out of ${registry}`, async (file, path) => {
    const auths = without(file, registry);
    const isListed = Object.keys(auths).length < Object.keys(file.auths ?? {}).length;
    const next = isListed ? { ...file, auths } : file;
    const helper = helperOf(file, registry);
    if (helper === undefined) return [next, { where: path, wasKept: isListed }];
    const server = serverKey(registry);
    const wasKept = isListed ||
      await askHelper(helper, server, environment, () => {}) !== undefined;
    await tellHelper(helper, "erase", server, environment);
    return [next, { where: helper, wasKept }];
  });
}

/** The one name of a registry that a user has written. @throws {KodenoError} `BAD_OPTION` */
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
