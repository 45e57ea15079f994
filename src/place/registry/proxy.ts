/**
 * The proxy on the way to a URL, as the environment names it.
 * @module
 */
import { KodenoError } from "../../errors.ts";
import { bareHost, isLoopback } from "./endpoint.ts";

/** Names and values of environment variables, as the caller read them. */
export type Environment = Readonly<Record<string, string>>;

/** A proxy, and who it is told is asking. */
export interface ProxyAddress {
  /** `http:`, or `socks5:` with its port; a host's name is looked up by it in both cases. */
  readonly url: URL;
  readonly login: { readonly username: string; readonly password: string } | undefined;
}

const SOCKS_PORT = "1080";

/**
 * The proxy for a URL; undefined to go there directly. Loopback is never proxied.
 * @throws {KodenoError} `BAD_OPTION` when the variable holds no `http://` or `socks5://` URL
 */
export function proxyFor(url: URL, environment: Environment): ProxyAddress | undefined {
  const setting = (name: string): string => proxySetting(environment, name);
  const own = url.protocol === "https:" ? "HTTPS_PROXY" : "HTTP_PROXY";
  const name = setting(own) === "" ? "ALL_PROXY" : own;
  const text = setting(name);
  if (text === "" || isLoopback(url.hostname)) return undefined;
  if (isExempt(url, setting("NO_PROXY"))) return undefined;
  // The value may hold a password, so that it is not shown.
  const bad = (why: string) => new KodenoError("BAD_OPTION", `Cannot use ${name}: it ${why}`);
  const proxy = URL.parse(text.includes("://") ? text : `http://${text}`);
  if (proxy === null || proxy.host === "") throw bad("is not a URL");
  // Both have the proxy look names up.
  if (proxy.protocol === "socks5h:") proxy.protocol = "socks5:";
  if (proxy.protocol === "socks5:") proxy.port ||= SOCKS_PORT;
  else if (proxy.protocol !== "http:") throw bad("has to be an http:// or socks5:// URL");
  try {
    const [username = "", password = ""] = [proxy.username, proxy.password].map(decodeURIComponent);
    return { url: proxy, login: username + password === "" ? undefined : { username, password } };
  } catch {
    throw bad("has a % in its user or password that is to be written as %25");
  }
}

/** What a variable says, in capitals or, where that says nothing, in small letters; "" for nothing. */
export function proxySetting(environment: Environment, name: string): string {
  return environment[name] || environment[name.toLowerCase()] || "";
}

/** Whether `NO_PROXY` names the host: itself, a domain above it, an IPv4 network, or all. */
function isExempt(url: URL, list: string): boolean {
  const host = bareHost(url.hostname);
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
