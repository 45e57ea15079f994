/**
 * Which proxy a URL goes through: `HTTPS_PROXY`, `HTTP_PROXY`, `ALL_PROXY` and `NO_PROXY`, in capital
 * or small letters, read as Go's `net/http` reads them.
 * @module
 */
import { KodenoError } from "../../errors.ts";
import { isLoopback } from "./endpoint.ts";

/** Names and values of environment variables, as the caller read them. */
export type Environment = Readonly<Record<string, string>>;

/**
 * The proxy for a URL; undefined to go there directly. Loopback is never proxied.
 *
 * @throws {KodenoError} `BAD_OPTION` when the variable holds no `http://` URL
 */
export function proxyFor(url: URL, env: Environment): URL | undefined {
  const setting = (name: string) => env[name] || env[name.toLowerCase()] || undefined;
  const name = url.protocol === "https:" ? "HTTPS_PROXY" : "HTTP_PROXY";
  const text = setting(name) ?? setting("ALL_PROXY");
  if (text === undefined || isLoopback(url.hostname)) return undefined;
  if (isExempt(url, setting("NO_PROXY") ?? "")) return undefined;
  const full = text.includes("://") ? text : `http://${text}`;
  // The value may hold a password, so that it is not shown.
  if (!URL.canParse(full)) throw badProxy(name, "is not a URL");
  const proxy = new URL(full);
  if (proxy.protocol !== "http:") throw badProxy(name, "has to be an http:// URL");
  return proxy;
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
