/**
 * Requests of HTTP/1.1 as they come in (RFC 9112), read strictly: what two readers could understand
 * in two ways is refused. Pure.
 * @module
 */
import { Refusal } from "./answers.ts";

/** What a client asks for. */
export interface Request {
  readonly method: string;
  /** The address as it was sent: nothing in it is undone. */
  readonly target: string;
  readonly headers: Headers;
  /** Whether bytes follow, which nobody here has a use for. */
  readonly hasBody: boolean;
  /** Whether the client will ask again over the same connection. */
  readonly keepAlive: boolean;
}

/** Longest address that is looked at, in characters: a name has at most 255, a tag 128. */
const MAX_TARGET = 4096;
/** Characters of all headers that are looked at. */
const MAX_HEADERS = 16 * 1024;
/** Most bytes of a head that are read: enough to tell which of the two is too long. */
export const MAX_HEAD_BYTES = 32 * 1024;

const REQUEST_LINE = /^([A-Z-]{1,20}) ([!-~]+) HTTP\/1\.([01])$/;
/** `uri-host [ ":" port ]` (RFC 9110, 7.2); empty where the client knows none. */
const HOST = /^(?:\[[0-9A-Fa-f:.]+\]|[\w.~!$&'()*+,;=%-]*)(?::\d*)?$/;
const HEADER = /^([!#$%&'*+.^_`|~\w-]+):[ \t]*([ -~\t\x80-\xff]*)$/;

/**
 * Reads the head of a request, or the beginning of one that is too long.
 *
 * @param text up to the empty line, or {@link MAX_HEAD_BYTES} of it
 * @param whole whether the empty line was found
 * @throws {Refusal} 400 for what is malformed, 414, 431, 501, 505
 */
export function parseRequest(text: string, whole: boolean): Request {
  const [line = "", ...lines] = text.split("\r\n");
  if (line.length > MAX_TARGET + 40) {
    throw new Refusal(414, "UNSUPPORTED", `the address is longer than ${MAX_TARGET} characters`);
  }
  if (!whole || text.length - line.length > MAX_HEADERS) {
    throw new Refusal(431, "UNSUPPORTED", `the headers are longer than ${MAX_HEADERS} characters`);
  }
  const [, method, target, minor] = REQUEST_LINE.exec(line) ?? [];
  if (method === undefined || target === undefined) {
    if (/ HTTP\/\d+(?:\.\d+)?$/.test(line) && !/ HTTP\/1\.[01]$/.test(line)) {
      throw new Refusal(505, "UNSUPPORTED", "this registry speaks HTTP/1.1");
    }
    throw malformed();
  }
  if (!isTarget(method, target)) throw malformed();
  const headers = new Headers();
  for (const one of lines) {
    const [, name, value = ""] = HEADER.exec(one) ?? [];
    if (name === undefined) throw malformed();
    headers.append(name, value);
  }
  return { method, target, headers, ...framing(headers, minor === "1") };
}

/** Whether a target has the form that its method asks for (RFC 9112, 3.2). */
function isTarget(method: string, target: string): boolean {
  // Of one server alone, and of a proxy: both methods are refused later, as what they are.
  if (method === "OPTIONS" && target === "*") return true;
  if (method === "CONNECT") return /^[^/?#@]+:\d+$/.test(target);
  // What follows "#" is never sent, and nobody's name belongs before a host.
  return /^(?:https?:\/\/[^/?#@]+(?=[/?]|$)|(?=\/))[^#]*$/i.test(target);
}

/** Where the request ends. */
function framing(
  headers: Headers,
  isCurrent: boolean,
): { readonly hasBody: boolean; readonly keepAlive: boolean } {
  const length = headers.get("content-length");
  const coding = headers.get("transfer-encoding");
  // Lines of one name are joined by a comma and a blank, which no host, and no length, has.
  if (!HOST.test(headers.get("host") ?? (isCurrent ? "none at all" : ""))) throw malformed();
  // With both, two readers would see two different requests; HTTP/1.0 has no chunks.
  if (coding !== null && (length !== null || !isCurrent)) throw malformed();
  if (length !== null && !/^\d{1,18}$/.test(length)) throw malformed();
  if (coding !== null && coding.toLowerCase() !== "chunked") {
    // Without chunks in the end nobody can tell where the request ends.
    if (!/(?:^|,)[ \t]*chunked$/i.test(coding)) throw malformed();
    throw new Refusal(501, "UNSUPPORTED", "this registry knows no coding but chunked");
  }
  const connection = (headers.get("connection") ?? "").toLowerCase().split(/\s*,\s*/);
  const hasBody = coding !== null || Number(length ?? 0) > 0;
  return { hasBody, keepAlive: isCurrent && !hasBody && !connection.includes("close") };
}

function malformed(): Refusal {
  return new Refusal(400, "UNSUPPORTED", "this is no request of HTTP/1.1");
}
