/**
 * Connections that could not be made, or broke: what the runtime says of them, in kodeno's terms.
 * @module
 */
import { messageOf } from "../../errors.ts";

/** Why a connection failed; only some of it gets better when tried again. */
export type ConnectionTrouble =
  | "refused"
  | "name"
  | "tls"
  | "certificate"
  | "client-certificate"
  | "timeout"
  | "unmade"
  | "closed"
  | "protocol"
  | "denied";

const LASTING: readonly ConnectionTrouble[] = [
  "certificate",
  "client-certificate",
  "denied",
  "protocol",
  "tls",
];

/** A connection that could not be made, or broke. */
export class ConnectionError extends Error {
  /**
   * @param trouble what kind of failure it is
   * @param message for a person: `the connection was closed`
   */
  constructor(readonly trouble: ConnectionTrouble, message: string, cause?: unknown) {
    super(message, { cause });
  }

  /** Whether trying again may help. */
  get transient(): boolean {
    return !LASTING.includes(this.trouble);
  }
}

/** What the runtime's words mean; the first that fits counts. */
const TROUBLES: readonly (readonly [RegExp, ConnectionTrouble, string])[] = [
  [
    // Alerts about what the other side was shown, or was not; they may come late.
    /fatal alert: (?:Certificate|BadCertificate|UnsupportedCertificate|UnknownCA|AccessDenied)/i,
    "client-certificate",
    "it lets in only who shows a client certificate that it knows",
  ],
  [
    /certificate|UnknownIssuer|NotValidForName|self.signed|UNABLE_TO_VERIFY|CERT_/i,
    "certificate",
    "its certificate cannot be trusted",
  ],
  [/proxy authorization required/i, "protocol", "the proxy refused the tunnel (407)"],
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
  const said = `${(error as { code?: string }).code ?? ""} ${messageOf(error)} ${
    error.cause instanceof Error ? messageOf(error.cause) : ""
  }`;
  // The URL is in there, and its query may be signed.
  const [, phase, detail = said] = /client error \((\w+)\): (.*)$/s.exec(said) ?? [];
  const safe = detail.replaceAll(/\bhttps?:\S+/g, "...").trim();
  const [, trouble, message] = TROUBLES.find(([pattern]) => pattern.test(safe)) ?? [];
  if (trouble === undefined) {
    const when = phase === "Connect" ? "unmade" : "closed";
    return new ConnectionError(when, `the connection broke (${safe})`);
  }
  return new ConnectionError(trouble, message ?? "", new Error(safe));
}
