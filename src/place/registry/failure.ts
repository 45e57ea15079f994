/**
 * Failures: connections that broke, answers that refuse, trying again, and what a person reads of it, in
 * which there are neither credentials nor the signed parts of a URL.
 * @module
 */
import { type ErrorCode, KodenoError, messageOf } from "../../errors.ts";
import {
  type CertificateFault,
  certificateFault,
  CLIENT_CERT_REFUSED,
} from "../certificate_faults.ts";

/** Why a connection failed; only some of it gets better when tried again. */
type ConnectionTrouble = Passing | typeof LASTING[number];
type Passing = "refused" | "name" | "timeout" | "unmade" | "closed";
const LASTING = ["certificate", "client-certificate", "denied", "protocol", "tls"] as const;

/** A connection that could not be made, or broke. */
export class ConnectionError extends Error {
  constructor(
    readonly trouble: ConnectionTrouble,
    message: string,
    cause?: unknown,
    /** Of the certificate that the other side has shown. */
    readonly fault?: CertificateFault,
  ) {
    super(message, { cause });
  }
}

/** What the runtime's words mean that tell of no certificate's fault; the first that fits counts. */
const TROUBLES: readonly (readonly [RegExp, ConnectionTrouble, string])[] = [
  [
    CLIENT_CERT_REFUSED,
    "client-certificate",
    "it lets in only who shows a client certificate that it knows",
  ],
  [/proxy authorization required/i, "protocol", "the proxy refused the tunnel (407)"],
  [/auth methods|auth failure/i, "protocol", "the SOCKS proxy wants another user and password"],
  [/invalid response version/i, "protocol", "the proxy does not speak SOCKS5"],
  [/proxy server unreachable/i, "unmade", "the connection could not be made"],
  [/unsuccessful tunnel/i, "protocol", "the proxy refused the tunnel"],
  [/ECONNREFUSED|os error 111|refused/i, "refused", "the connection was refused"],
  [/ENOTFOUND|EAI_AGAIN|dns error|lookup address|getaddrinfo/i, "name", "there is no such host"],
  [
    /corrupt message|InvalidContentType|WRONG_VERSION|wrong version|handshake|alert/i,
    "tls",
    "it does not speak TLS",
  ],
  [/port \d+ are blocked/i, "protocol", "the runtime lets nobody connect to that port"],
  [/invalid HTTP version/i, "protocol", "the answer is not HTTP"],
  [/head is too large/i, "protocol", "the answer has too many headers, or too long ones"],
  [/ETIMEDOUT|timed out|os error 110/i, "timeout", "it took too long to connect"],
];

/** What the runtime says about a connection, in kodeno's terms; what it does not say stays as it is. */
export function connectionError(error: unknown): unknown {
  if (error instanceof ConnectionError || !(error instanceof Error)) return error;
  if (error instanceof Deno.errors.NotCapable || error instanceof Deno.errors.PermissionDenied) {
    return new ConnectionError("denied", "the network may not be used (offline)", error);
  }
  const cause = error.cause instanceof Error ? messageOf(error.cause) : "";
  const said = `${(error as { code?: string }).code ?? ""} ${messageOf(error)} ${cause}`;
  // The URL is in there, and its query may be signed.
  const [, phase, detail = said] = /client error \((\w+)\): (.*)$/s.exec(said) ?? [];
  const safe = detail.replaceAll(/\bhttps?:\S+/g, "...").trim();
  const fault = CLIENT_CERT_REFUSED.test(safe) ? undefined : certificateFault(safe);
  if (fault) return new ConnectionError("certificate", fault.why, new Error(safe), fault);
  const [, trouble, message = ""] = TROUBLES.find(([pattern]) => pattern.test(safe)) ?? [];
  if (trouble !== undefined) return new ConnectionError(trouble, message, new Error(safe));
  const when = phase === "Connect" ? "unmade" : "closed";
  return new ConnectionError(when, `the connection broke (${safe})`);
}

/** What was tried, as its failure is told. */
type Tried = { readonly doing: string; readonly method: string };

/** What an answer says that tells of an error. */
export interface ErrorAnswer {
  /** HTTP's. */
  readonly status: number;
  /** Those of its body: `DENIED`, `MANIFEST_UNKNOWN` (distribution spec, "Error Codes"). */
  readonly codes: readonly string[];
  /** Whether it says more than codes. */
  readonly hasWords: boolean;
  /** Milliseconds that it asks to wait, where it does (`Retry-After`). */
  readonly retryAfterMs: number | undefined;
}

/** What else is known of a request that failed: the error behind it, and what a person may do now. */
type MoreOfFailure = Partial<ErrorAnswer> & { readonly next?: string | undefined; cause?: unknown };

/** A request to a registry that failed. */
export class RegistryError extends KodenoError {
  /** Of the request, in HTTP's words. */
  readonly method: string;
  /** Where it went, without user, password, query and fragment. */
  readonly url: string;
  /** HTTP's; undefined where no answer came. */
  readonly status: number | undefined;
  /** Codes that the registry gave: `DENIED`, `MANIFEST_UNKNOWN` (distribution spec, "Error Codes"). */
  readonly registryCodes: readonly string[];

  /** Tells what was tried, and why it failed. @ignore */
  constructor(
    code: ErrorCode,
    { doing, method }: Tried,
    at: URL,
    why: string,
    { next, status, codes = [], cause }: MoreOfFailure = {},
  ) {
    const message = `Cannot ${doing}: ${why}${next === undefined ? "" : `; ${next}`}`;
    const url = redactUrl(at);
    super(code, message, { method, url, status, codes }, { cause });
    this.method = method;
    this.url = url;
    this.status = status;
    this.registryCodes = codes;
  }
}

/** A URL without user, password, query and fragment: what is left holds no secret. */
function redactUrl({ protocol, host, pathname, search }: URL): string {
  return `${protocol}//${host}${pathname}${search === "" ? "" : "?..."}`;
}

/** How often and how long. */
export interface RetryPolicy {
  /** Tries in all, at least 1. */
  readonly attempts: number;
  /** Upper bound of the first wait in milliseconds; doubles each time. */
  readonly baseMs: number;
  /** Upper bound of any wait of ours. */
  readonly maxMs: number;
  /** Upper bound of all waits of one request that `Retry-After` asks for; past it the request fails. */
  readonly maxRetryAfterMs: number;
}

/**
 * What is tried where nothing else is said: 5 times, some 3 seconds in all, or two minutes where the
 * other side asks for a wait.
 */
export const DEFAULT_RETRY: RetryPolicy = {
  attempts: 5,
  baseMs: 200,
  maxMs: 10_000,
  maxRetryAfterMs: 120_000,
};

/** Whether a status may be another one when the request is sent again. */
export function isTransientStatus(status: number): boolean {
  return status === 408 || status === 429 || (status >= 500 && status !== 501 && status !== 505);
}

/** Whether something that was thrown may not happen again. */
export function isTransientError(error: unknown): boolean {
  return error instanceof ConnectionError && !LASTING.some((one) => one === error.trouble);
}

/** So many seconds are no span but the time at which it is over, as some have it, since 1970. */
const TIMES_FROM = 1e9;

/**
 * Milliseconds that a `Retry-After` header asks for (RFC 9110, 10.2.3): seconds, or a date. Of several, as
 * a proxy may add its own, the longest counts.
 */
export function parseRetryAfter(
  header: string | null,
  now: number = Date.now(),
): number | undefined {
  if (header === null) return undefined;
  const text = header.trim();
  if (/^\d+(?:\.\d+)?(?: *, *\d+(?:\.\d+)?)*$/.test(text)) {
    const seconds = Math.max(...text.split(",").map(Number));
    if (!(seconds < 100 * TIMES_FROM)) return undefined;
    return seconds < TIMES_FROM ? seconds * 1000 : Math.max(0, seconds * 1000 - now);
  }
  const date = /\d:\d\d/.test(text) ? Date.parse(text) : NaN;
  return Number.isNaN(date) ? undefined : Math.max(0, date - now);
}

/** Milliseconds to wait after so many failed tries where the other side asks for nothing. */
export function backoffMs(
  { baseMs, maxMs }: RetryPolicy,
  failed: number,
  random: () => number = Math.random,
): number {
  return random() * Math.min(maxMs, baseMs * 2 ** (failed - 1));
}

/** The waits between the tries of one request. */
export class Waits {
  #askedMs = 0;

  constructor(readonly policy: RetryPolicy, readonly random: () => number = Math.random) {}

  /**
   * Milliseconds to wait after so many failed tries: what the other side asked for, and undefined
   * where all that it asked for would be more than there is time for.
   */
  next(failed: number, retryAfterMs: number | undefined): number | undefined {
    if (retryAfterMs === undefined) return backoffMs(this.policy, failed, this.random);
    if (this.#askedMs + retryAfterMs > this.policy.maxRetryAfterMs) return undefined;
    this.#askedMs += retryAfterMs;
    return retryAfterMs + this.random() * this.policy.baseMs;
  }
}

/** A span of time for a person, in whole seconds, minutes or hours. */
export function spanText(ms: number): string {
  const units = [[3_600_000, "h"], [60_000, "min"]] as const;
  const [size, unit] = units.find(([size]) => ms >= 2 * size) ?? [1000, "s"];
  return `${Math.ceil(ms / size)} ${unit}`;
}

/** What a {@link ConnectionError} means to a caller; anything else comes back as it is. */
export function connectionFailure(tried: Tried, url: URL, error: unknown): unknown {
  if (!(error instanceof ConnectionError)) return error;
  const better = {
    unknown: "name its CA with --ca-file",
    authority: "name it with --ca-file",
    other: "have a better one made",
  }[error.fault?.kind ?? "unknown"];
  const next: Partial<Record<ConnectionTrouble, string>> = {
    certificate: `${better}, or do without with --insecure-registry`,
    "client-certificate": `put NAME.cert and NAME.key into ~/.docker/certs.d/${url.host}`,
    tls: "a registry of plain HTTP needs --insecure-registry",
  };
  const why = `${url.host} did not answer: ${messageOf(error)}`;
  const more = { next: next[error.trouble], cause: error };
  return new RegistryError("REGISTRY_FAILED", tried, url, why, more);
}

/** Progress that makes up for the tries that failed before it. */
const GOOD_PROGRESS_BYTES = 1024 * 1024;

/** Counts the tries that failed at what goes on where it broke off. */
export class FailedTries {
  #count = 0;
  #reached = 0;

  /** Counts one more, at so many bytes in all; gives how many failed since there was good progress. */
  add(offset: number): number {
    if (offset - this.#reached >= GOOD_PROGRESS_BYTES) this.#count = 0;
    this.#reached = Math.max(this.#reached, offset);
    return ++this.#count;
  }
}
