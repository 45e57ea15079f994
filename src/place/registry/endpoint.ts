/**
 * Where a repository lives: its host as people write it, the host that answers, and its path there; and
 * the mirror that is asked first when something is pulled.
 * @module
 */
import { hasCode, KodenoError, messageOf } from "../../errors.ts";
import { parseRepository, splitHost } from "../../oci/reference.ts";

/** The name of Docker Hub in image names and as a key of credentials. */
export const DOCKER_HUB = "docker.io";
const DOCKER_HUB_API = "registry-1.docker.io";
const DOCKER_HUB_NAMES: readonly string[] = [DOCKER_HUB, `index.${DOCKER_HUB}`, DOCKER_HUB_API];

/** A repository of a registry. */
export interface Endpoint {
  /** As it was given, for messages. */
  readonly name: string;
  /** The registry, as credentials and mirrors know it: `docker.io`, `reg.local:5000`. */
  readonly registry: string;
  /** Host and port that answer. */
  readonly host: string;
  /** The repository's path: `library/alpine`. */
  readonly path: string;
}

/**
 * Reads `HOST/PATH`; without a host it is a repository of Docker Hub.
 * @throws {KodenoError} `BAD_REFERENCE`
 */
export function parseEndpoint(name: string): Endpoint {
  parseRepository(name);
  const { host = DOCKER_HUB, path: rest } = splitHost(name);
  const registry = registryName(host);
  const path = registry === DOCKER_HUB && !rest.includes("/") ? `library/${rest}` : rest;
  return { name, registry, host: apiHost(registry), path };
}

/** The one name of a registry among those it has, as credentials are kept under. */
export function registryName(host: string): string {
  const lower = host.toLowerCase();
  return DOCKER_HUB_NAMES.includes(lower) ? DOCKER_HUB : lower;
}

/** The host that answers for a registry. */
export function apiHost(registry: string): string {
  return registry === DOCKER_HUB ? DOCKER_HUB_API : registry;
}

/** A host name as connections want it: an IPv6 address without its brackets. */
export function bareHost(hostname: string): string {
  return hostname.replace(/^\[|\]$/g, "");
}

/** {@link bareHost} the other way round, as URLs have it. */
export function urlHost(hostname: string): string {
  return hostname.includes(":") ? `[${hostname}]` : hostname;
}

/** Whether a host name (without port) is this machine: 127.0.0.0/8, `localhost` or `::1`. */
export function isLoopback(hostname: string): boolean {
  const name = bareHost(hostname.toLowerCase());
  return name === "localhost" || name.endsWith(".localhost") || name === "::1" ||
    /^127\.\d{1,3}\.\d{1,3}\.\d{1,3}$/.test(name);
}

/**
 * The repository of a mirror that stands for another one; undefined where there is no mirror.
 * Mirrors are `HOST[:PORT]` by registry, with a path where they have one.
 * @throws {KodenoError} `BAD_OPTION` when a mirror is no host
 */
export function mirrorOf(
  endpoint: Endpoint,
  mirrors: Readonly<Record<string, string>>,
): Endpoint | undefined {
  const [, mirror] =
    Object.entries(mirrors).find(([host]) => registryName(host) === endpoint.registry) ?? [];
  if (mirror === undefined) return undefined;
  if (splitHost(`${mirror}/`).host === undefined) {
    const why = "it has to begin with a host";
    throw new KodenoError("BAD_OPTION", `Cannot use mirror "${mirror}": ${why}`);
  }
  return parseEndpoint(`${mirror.replace(/\/+$/, "")}/${endpoint.path}`);
}

/** Does work with the mirror, and with the origin when the mirror lacks something, or fails. */
export async function withMirror<T extends { readonly endpoint: Endpoint }, R>(
  origin: T,
  mirror: T | undefined,
  work: (repository: T) => Promise<R>,
  onWarning: (message: string) => void,
  signal?: AbortSignal,
): Promise<R> {
  if (mirror !== undefined) {
    try {
      return await work(mirror);
    } catch (error) {
      signal?.throwIfAborted();
      if (!hasCode(error, "NOT_FOUND")) {
        onWarning(`${messageOf(error)}; asking ${origin.endpoint.registry} instead`);
      }
    }
  }
  return await work(origin);
}
