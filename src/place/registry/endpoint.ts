/**
 * Where a repository lives: its host as people write it, the host that answers, and its path there.
 * Docker Hub has several names for the first two. A mirror is asked first when something is pulled;
 * what it does not have, or cannot give, comes from the origin.
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
 *
 * @throws {KodenoError} `BAD_REFERENCE`
 */
export function parseEndpoint(name: string): Endpoint {
  parseRepository(name);
  const { host = DOCKER_HUB, path: rest } = splitHost(name);
  const registry = registryName(host);
  if (rest === "") {
    throw new KodenoError("BAD_REFERENCE", `Cannot use image name "${name}": it has no path`);
  }
  const isHub = registry === DOCKER_HUB;
  const path = isHub && !rest.includes("/") ? `library/${rest}` : rest;
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

/** Whether a host name (without port) is this machine: 127.0.0.0/8, `localhost` or `::1`. */
export function isLoopback(hostname: string): boolean {
  const name = hostname.toLowerCase().replace(/^\[|\]$/g, "");
  return name === "localhost" || name.endsWith(".localhost") || name === "::1" ||
    /^127\.\d{1,3}\.\d{1,3}\.\d{1,3}$/.test(name);
}

/**
 * The repository of a mirror that stands for another one; undefined where there is no mirror.
 *
 * @param mirrors by registry; `HOST[:PORT]`, with a path where the mirror has one
 * @throws {KodenoError} `BAD_OPTION` when a mirror is no host
 */
export function mirrorOf(
  endpoint: Endpoint,
  mirrors: Readonly<Record<string, string>>,
): Endpoint | undefined {
  const [, mirror] =
    Object.entries(mirrors).find(([host]) => registryName(host) === endpoint.registry) ?? [];
  if (mirror === undefined) return undefined;
  const [host = ""] = mirror.split("/");
  if (!/[.:]/.test(host) && host !== "localhost") {
    throw new KodenoError(
      "BAD_OPTION",
      `Cannot use mirror "${mirror}": it has to begin with a host`,
    );
  }
  return parseEndpoint(`${mirror.replace(/\/+$/, "")}/${endpoint.path}`);
}

/** Does work with the mirror, and when that fails with the origin. */
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
      const absent = hasCode(error, "NOT_FOUND");
      if (!absent) onWarning(`${messageOf(error)}; asking ${origin.endpoint.registry} instead`);
    }
  }
  return await work(origin);
}

/** Names and values of environment variables, as the caller read them. */
export type Environment = Readonly<Record<string, string>>;

/** A proxy, and who it is told is asking. */
export interface ProxyAddress {
  readonly url: URL;
  readonly login: { readonly username: string; readonly password: string } | undefined;
}

/**
 * The proxy for a URL; undefined to go there directly. Loopback is never proxied.
 *
 * @throws {KodenoError} `BAD_OPTION` when the variable holds no `http://` URL
 */
export function proxyFor(url: URL, environment: Environment): ProxyAddress | undefined {
  const setting = (name: string) =>
    environment[name] || environment[name.toLowerCase()] || undefined;
  const name = url.protocol === "https:" ? "HTTPS_PROXY" : "HTTP_PROXY";
  const text = setting(name) ?? setting("ALL_PROXY");
  if (text === undefined || isLoopback(url.hostname)) return undefined;
  if (isExempt(url, setting("NO_PROXY") ?? "")) return undefined;
  const full = text.includes("://") ? text : `http://${text}`;
  // The value may hold a password, so that it is not shown.
  if (!URL.canParse(full)) throw badProxy(name, "is not a URL");
  const proxy = new URL(full);
  if (proxy.protocol !== "http:") throw badProxy(name, "has to be an http:// URL");
  try {
    const [username = "", password = ""] = [proxy.username, proxy.password].map(decodeURIComponent);
    return { url: proxy, login: username + password === "" ? undefined : { username, password } };
  } catch {
    throw badProxy(name, "has a % in its user or password that is to be written as %25");
  }
}

function badProxy(name: string, why: string): KodenoError {
  return new KodenoError("BAD_OPTION", `Cannot use ${name}: it ${why}`);
}

/** Whether `NO_PROXY` names the host: itself, a domain above it, an IPv4 network, or all. */
function isExempt(url: URL, list: string): boolean {
  const host = url.hostname.toLowerCase().replace(/^\[|\]$/g, "");
  const port = url.port || (url.protocol === "https:" ? "443" : "80");
  return list.toLowerCase().split(/[\s,]+/).some((entry) => {
    if (entry === "") return false;
    if (entry === "*") return true;
    if (entry.includes("/")) return isInNetwork(host, entry);
    const [, name = "", itsPort] = /^\[?(.+?)\]?(?::(\d+))?$/.exec(entry) ?? [];
    if (itsPort !== undefined && itsPort !== port) return false;
    const domain = name.replace(/^\*?\.?/, "");
    return host.endsWith(`.${domain}`) || (host === domain && !/^\*?\./.test(name));
  });
}

function isInNetwork(host: string, network: string): boolean {
  const [base = "", bits = ""] = network.split("/");
  const [a, b, length] = [ipv4Number(host), ipv4Number(base), Number(bits)];
  if (a === undefined || b === undefined || !(length >= 0 && length <= 32)) return false;
  const size = 2 ** (32 - length);
  return Math.floor(a / size) === Math.floor(b / size);
}

function ipv4Number(text: string): number | undefined {
  const parts = text.split(".").map(Number);
  if (parts.length !== 4 || parts.some((n) => !(n >= 0 && n <= 255))) return undefined;
  return parts.reduce((sum, part) => sum * 256 + part, 0);
}
