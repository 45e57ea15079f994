/**
 * Credentials that people gave to Docker and podman: `config.json` and `auth.json` with `auths`,
 * `credHelpers` and `credsStore`. What cannot be read is a warning, and the next source is asked.
 * @module
 */
import { Buffer } from "node:buffer";
import { join } from "node:path";
import { messageOf } from "../../errors.ts";
import { isAbsent, readSmallText } from "../../io/files.ts";
import { getOrSet } from "../../io/concurrency.ts";
import { isUnder } from "../domains.ts";
import { DOCKER_HUB, registryName } from "./endpoint.ts";
import type { Environment } from "./proxy.ts";

/** A proof of who somebody is. */
export type Credential =
  | {
    readonly kind: "password";
    readonly username: string;
    readonly password: string;
    /** Whether nobody has given it for this registry, which may not take it. */
    readonly isAmbient?: boolean;
  }
  /** Exchanged for access tokens (OAuth 2 refresh token; Docker's "identity token"). */
  | { readonly kind: "identity"; readonly token: string }
  /** Sent as it is. */
  | { readonly kind: "bearer"; readonly token: string };

/**
 * Finds the credential for a registry; undefined to stay anonymous.
 *
 * @param registry host and port; `docker.io` for Docker Hub
 * @param path the repository, since podman keeps credentials for parts of a registry
 */
export type CredentialProvider = (
  registry: string,
  path: string,
) => Promise<Credential | undefined>;

/** The value of an `Authorization` header for HTTP's basic authentication, in UTF-8 (RFC 7617). */
export function basicAuthorization(username: string, password: string): string {
  return `Basic ${Buffer.from(`${username}:${password}`).toString("base64")}`;
}

/** Milliseconds that a helper may take; one that wants to talk to a person would take for ever. */
const HELPER_MS = 10_000;
const NOT_FOUND = /credentials not found/i;

/**
 * Asks `docker-credential-HELPER` for the credential of what is called `server` there; undefined when it
 * has none, or does not answer.
 */
export async function askHelper(
  helper: string,
  server: string,
  environment: Environment,
  onWarning: (message: string) => void,
  helperMs: number = HELPER_MS,
): Promise<Credential | undefined> {
  try {
    const said = await runHelper(helper, "get", server, environment, helperMs);
    if (said === undefined) return undefined;
    const answer = parseSecret(said);
    if (answer === undefined) throw new Error("its answer is not JSON");
    const { Username: username, Secret: secret } = answer;
    if (typeof username !== "string" || typeof secret !== "string" || !secret) return undefined;
    if (username === "<token>") return { kind: "identity", token: secret };
    return { kind: "password", username, password: secret };
  } catch (error) {
    onWarning(`Cannot ask docker-credential-${helper} about ${server}: ${messageOf(error)}`);
    return undefined;
  }
}

/** JSON that may hold a secret, which the parser's own message would quote; undefined when it is none. */
export function parseSecret(text: string): Readonly<Record<string, unknown>> | undefined {
  try {
    return JSON.parse(text) ?? {};
  } catch {
    return undefined;
  }
}

/** Has a helper keep (`store`) or forget (`erase`) a credential. */
export async function tellHelper(
  helper: string,
  action: "store" | "erase",
  input: string,
  environment: Environment,
): Promise<void> {
  try {
    const said = await runHelper(helper, action, input, environment, HELPER_MS);
    if (said === undefined && action === "store") throw new Error("it failed");
  } catch (error) {
    throw new Error(`docker-credential-${helper}: ${messageOf(error)}`, { cause: error });
  }
}

/** What a helper says; undefined when it does not know the registry. */
async function runHelper(
  helper: string,
  action: string,
  input: string,
  environment: Environment,
  helperMs: number,
): Promise<string | undefined> {
  // It names a program to run.
  if (!/^[A-Za-z0-9][A-Za-z0-9._-]*$/.test(helper)) throw new Error("that is no name of a helper");
  const { MAX_OUTPUT_BYTES, runProgram, StartError } = await import("../../exec/run.ts");
  try {
    const { code, stdout, cut } = await runProgram({
      command: [`docker-credential-${helper}`, action],
      environment,
      stdin: input,
      milliseconds: helperMs,
    });
    if (cut === "time") throw new Error(`it did not answer within ${helperMs / 1000} s`);
    if (cut === "bytes") throw new Error(`its answer is longer than ${MAX_OUTPUT_BYTES} bytes`);
    if (code === 0) return stdout;
    if (NOT_FOUND.test(stdout)) return undefined;
    throw new Error("it failed");
  } catch (error) {
    const isMissing = error instanceof StartError && error.lacks === "program";
    throw isMissing ? new Error("there is no such program") : error;
  }
}

/** The key of Docker Hub in Docker's files. */
const DOCKER_HUB_KEY = "https://index.docker.io/v1/";

/** A `config.json` or `auth.json`; fields that others know are kept. */
export interface AuthFile {
  readonly auths?: Readonly<Record<string, AuthEntry>> | undefined;
  readonly credHelpers?: Readonly<Record<string, string>> | undefined;
  readonly credsStore?: string | undefined;
}

/** What such a file says of one registry. */
export interface AuthEntry {
  /** base64 of `USER:PASSWORD`. */
  readonly auth?: string | undefined;
  readonly username?: string | undefined;
  readonly password?: string | undefined;
  readonly identitytoken?: string | undefined;
  readonly registrytoken?: string | undefined;
}

const MAX_FILE_BYTES = 4 * 1024 * 1024;

/** The path of Docker's `config.json`; undefined where there is no home. */
export function dockerConfigPath({ DOCKER_CONFIG, HOME }: Environment): string | undefined {
  const folder = DOCKER_CONFIG || (HOME && join(HOME, ".docker"));
  return folder ? join(folder, "config.json") : undefined;
}

/** The files that are asked, in this order. */
export function authFilePaths(environment: Environment): readonly string[] {
  const podman = (folder: string | undefined) => folder && join(folder, "containers", "auth.json");
  const paths = [
    environment.REGISTRY_AUTH_FILE,
    dockerConfigPath(environment),
    podman(environment.XDG_RUNTIME_DIR),
    podman(environment.XDG_CONFIG_HOME || (environment.HOME && join(environment.HOME, ".config"))),
  ];
  return [...new Set(paths.flatMap((path) => path ? [path] : []))];
}

/**
 * Finds credentials where Docker and podman keep them, then GitHub's token ({@link gitHubToken}). Nothing is
 * read before it is asked for; files that cannot be read and helpers that do not answer are warnings.
 */
export function dockerCredentials(
  environment: Environment,
  onWarning: (message: string) => void = () => {},
  helperMs: number = HELPER_MS,
): CredentialProvider {
  let files: readonly AuthFile[] | undefined;
  const asked = new Map<string, Promise<Credential | undefined>>();
  const ask = (helper: string, registry: string) => {
    const server = serverKey(registry);
    const askNow = () => askHelper(helper, server, environment, onWarning, helperMs);
    return getOrSet(asked, `${helper} ${server}`, askNow);
  };
  return async (host, path) => {
    const registry = registryName(host);
    files ??= authFilePaths(environment).map((file) => {
      try {
        return readAuthFile(file) ?? {};
      } catch (error) {
        onWarning(`Cannot read credentials in ${file}: ${messageOf(error)}`);
        return {};
      }
    });
    for (const file of files) {
      const helper = helperOf(file, registry);
      const kept = helper === undefined ? undefined : await ask(helper, registry);
      const found = kept ?? entryOf(file, registry, path);
      if (found !== undefined) return found;
    }
    return gitHubToken(registry, environment);
  };
}

/** GitHub's registry, and no other one. */
const GITHUB_REGISTRY = "ghcr.io";

/**
 * The token that GitHub Actions puts into the environment, for GitHub's own registry, as ko takes it
 * (`github.Keychain` of go-containerregistry).
 */
export function gitHubToken(
  registry: string,
  { GITHUB_TOKEN: password, GITHUB_ACTOR: username }: Environment,
): Credential | undefined {
  if (registry !== GITHUB_REGISTRY || !password) return undefined;
  return { kind: "password", username: username || "unset", password, isAmbient: true };
}

/** What a registry is called in files and by helpers. */
export function serverKey(registry: string): string {
  return registry === DOCKER_HUB ? DOCKER_HUB_KEY : registry;
}

/** The helper that keeps the credential of a registry, if one does. */
export function helperOf(file: AuthFile, registry: string): string | undefined {
  const own = Object.entries(file.credHelpers ?? {})
    .find(([key]) => keyParts(key).registry === registry);
  return own?.[1] ?? (file.credsStore || undefined);
}

/**
 * The registry and the path that a key of `auths` stands for: `https://HOST/v1/`, `HOST`, and
 * podman's `HOST/PATH`.
 */
export function keyParts(key: string): { readonly registry: string; readonly path: string } {
  const [host = "", ...rest] = key.replace(/^https?:\/\//, "").split("/");
  const path = rest.join("/").replace(/\/+$/, "");
  return { registry: registryName(host), path: /^v[12]$/.test(path) ? "" : path };
}

/** The entry with the longest path that the repository is in. */
function entryOf(file: AuthFile, registry: string, path: string): Credential | undefined {
  const fitting = Object.entries(file.auths ?? {})
    .map(([key, entry]) => ({ ...keyParts(key), entry }))
    .filter((one) => one.registry === registry && (one.path === "" || isUnder(path, one.path)))
    .sort((a, b) => b.path.length - a.path.length);
  return fitting.map(({ entry }) => credentialOf(entry)).find((found) => found !== undefined);
}

function credentialOf(entry: AuthEntry | null): Credential | undefined {
  const { auth, identitytoken, registrytoken } = entry ?? {};
  if (identitytoken) return { kind: "identity", token: identitytoken };
  if (registrytoken) return { kind: "bearer", token: registrytoken };
  let { username, password } = entry ?? {};
  if (auth) [username, password] = decodeAuth(auth) ?? [username, password];
  if (!username || password === undefined) return undefined;
  return { kind: "password", username, password };
}

function decodeAuth(auth: string): [string, string] | undefined {
  try {
    const bytes = Uint8Array.from(atob(auth.trim()), (c) => c.charCodeAt(0));
    const text = new TextDecoder().decode(bytes);
    // Docker pads the password with NULs.
    const [, user, password] = /^([^:]*):([^]*?)\0*$/.exec(text) ?? [];
    return user === undefined || password === undefined ? undefined : [user, password];
  } catch {
    return undefined;
  }
}

/** Reads such a file; undefined when there is none. Throws what is wrong with it, without its content. */
export function readAuthFile(path: string): AuthFile | undefined {
  let text: string;
  try {
    text = readSmallText(path, MAX_FILE_BYTES);
  } catch (error) {
    if (isAbsent(error)) return undefined;
    throw error;
  }
  const value = parseSecret(text);
  if (value === undefined) throw new Error("it is not JSON");
  const { auths, credHelpers, credsStore } = value;
  const isMap = (one: unknown) =>
    one === undefined || one === null || (typeof one === "object" && !Array.isArray(one));
  const valid = isMap(value) && isMap(auths) && isMap(credHelpers) &&
    ["undefined", "string"].includes(typeof credsStore);
  if (!valid) throw new Error('"auths", "credHelpers" or "credsStore" is not what it has to be');
  return value;
}
