/**
 * Requests and answers of HTTP/1.1 as values. Requests are read strictly (RFC 9112): what two
 * readers could understand in two ways is refused, and the path is taken as it was sent, so that
 * nothing in it is undone before it is checked. Endpoints, pages of lists, and the codes and the
 * JSON of errors are those of the OCI distribution spec 1.1. Pure.
 * @module
 */
import { type Descriptor, type Digest, DIGEST_FORM, isDigest } from "../oci/descriptor.ts";
import { isRepositoryPath, parseTag } from "../oci/reference.ts";

export interface HttpRequest {
  readonly method: string;
  /** The address as it was sent: nothing in it is undone. */
  readonly target: string;
  readonly headers: Headers;
  /** Whether bytes follow, which nobody here has a use for. */
  readonly hasBody: boolean;
  /** Whether the client will ask again over the same connection. */
  readonly keepAlive: boolean;
}

/** Bytes that are read while they are sent. */
export interface HttpContent {
  /** Fills memory from its beginning; gives how many bytes there are, null at the end. */
  read(into: Uint8Array): Promise<number | null>;
  /** Called once, whatever became of the answer. */
  close(): void;
}

export interface HttpAnswer {
  readonly status: number;
  /** Names in small letters; `content-length` among them. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: Uint8Array | HttpContent | undefined;
}

/** An answer of the registry that is an error. */
export class HttpError extends Error {
  constructor(
    readonly status: number,
    readonly code: string,
    message: string,
    readonly headers: Readonly<Record<string, string>> = {},
  ) {
    super(message);
  }

  /** The answer, in the shape that clients of registries parse. */
  toAnswer(): HttpAnswer {
    const value = { errors: [{ code: this.code, message: this.message }] };
    return { ...jsonAnswer(value, this.headers), status: this.status };
  }
}

/** Tells a client to come again; those of registries do. */
export function serverBusy(why: string): HttpError {
  return new HttpError(503, "UNKNOWN", why, { "retry-after": "5" });
}

/** A JSON answer with its length, so that HEAD tells it, too. */
export function jsonAnswer(value: unknown, more: HttpAnswer["headers"] = {}): HttpAnswer {
  const body = new TextEncoder().encode(JSON.stringify(value) + "\n");
  const length = String(body.length);
  const headers = { "content-type": "application/json", "content-length": length, ...more };
  return { status: 200, headers, body };
}

/** Answers requests, and gives those that failed before they were one their last form. */
export type Handler = (request: HttpRequest | HttpError) => Promise<HttpAnswer>;

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

/** Reads the head of a request; of one that is not `whole`, what tells in which way it is bad. */
export function parseRequest(text: string, whole: boolean): HttpRequest {
  const [line = "", ...lines] = text.split("\r\n");
  if (line.length > MAX_TARGET + 40) throw targetTooLong();
  if (!whole || text.length - line.length > MAX_HEADERS) {
    const why = `the headers are longer than ${MAX_HEADERS} characters`;
    throw new HttpError(431, "UNSUPPORTED", why);
  }
  const [, method, target, minor] = REQUEST_LINE.exec(line) ?? [];
  if (method === undefined || target === undefined) {
    if (/ HTTP\/\d+(?:\.\d+)?$/.test(line) && !/ HTTP\/1\.[01]$/.test(line)) {
      throw new HttpError(505, "UNSUPPORTED", "this registry speaks HTTP/1.1");
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

function targetTooLong(): HttpError {
  return new HttpError(414, "UNSUPPORTED", `the address is longer than ${MAX_TARGET} characters`);
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
function framing(headers: Headers, isCurrent: boolean) {
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
    throw new HttpError(501, "UNSUPPORTED", "this registry knows no coding but chunked");
  }
  const connection = (headers.get("connection") ?? "").toLowerCase().split(/\s*,\s*/);
  const hasBody = coding !== null || Number(length ?? 0) > 0;
  return { hasBody, keepAlive: isCurrent && !hasBody && !connection.includes("close") };
}

function malformed(): HttpError {
  return new HttpError(400, "UNSUPPORTED", "this is no request of HTTP/1.1");
}

/** A part of a blob: bytes `start` up to, not with, `end`. */
export interface ByteRange {
  readonly start: number;
  readonly end: number;
}

/** Reads a `Range` of one part; several, or none, are the whole blob, as RFC 9110 allows. */
export function parseRange(header: string | null, size: number): ByteRange | undefined {
  const [, from, to] = /^bytes=(\d{0,15})-(\d{0,15})$/.exec((header ?? "").trim()) ?? [];
  if (from === undefined || to === undefined || (from === "" && to === "")) return undefined;
  if (from !== "" && to !== "" && Number(to) < Number(from)) return undefined;
  const start = from === "" ? Math.max(0, size - Number(to)) : Number(from);
  const end = from === "" || to === "" ? size : Math.min(size, Number(to) + 1);
  if (start < end) return { start, end };
  throw new HttpError(416, "UNSUPPORTED", `the blob has ${size} bytes`, {
    "content-range": `bytes */${size}`,
  });
}

type Route =
  | { readonly type: "version" }
  | { readonly type: "catalog" }
  | { readonly type: "tags"; readonly name: string }
  | { readonly type: "manifest"; readonly name: string; readonly ref: Digest | { tag: string } }
  | { readonly type: "blob"; readonly name: string; readonly digest: Digest }
  | { readonly type: "referrers"; readonly name: string; readonly digest: Digest };

const MAX_NAME = 255;
/** Names may hold these words, too, so the last one in a path decides. */
const ENDPOINT = /^(.*)\/(tags\/list|(?:manifests|blobs|referrers)\/([^/]*))$/;

/** Reads the address of a request as it was sent, a path or a whole URL. */
export function routeOf(target: string): Route {
  if (target.length > MAX_TARGET) throw targetTooLong();
  const path = /^(?:[a-z]+:\/\/[^/?#]*)?([^?#]*)/i.exec(target)?.[1] ?? "";
  if (path === "/v2/" || path === "/v2") return { type: "version" };
  if (path === "/v2/_catalog") return { type: "catalog" };
  const noEndpoint = () => new HttpError(404, "UNSUPPORTED", "this is no endpoint");
  if (!path.startsWith("/v2/")) throw noEndpoint();
  const [, name, endpoint = "", last = ""] = ENDPOINT.exec(path.slice("/v2/".length)) ?? [];
  if (name === undefined || name.length > MAX_NAME || !isRepositoryPath(name)) {
    // Where there is no endpoint, whatever was asked for has no name either.
    const known = name !== undefined || /%|\\|\/\/|\/\.{1,2}(?:\/|$)/.test(path);
    if (known) throw new HttpError(400, "NAME_INVALID", "this is no name of a repository");
    throw noEndpoint();
  }
  if (endpoint === "tags/list") return { type: "tags", name };
  if (endpoint.startsWith("manifests/")) return { type: "manifest", name, ref: refIn(last) };
  const digest = digestIn(last);
  return { type: endpoint.startsWith("blobs/") ? "blob" : "referrers", name, digest };
}

function refIn(text: string): Digest | { tag: string } {
  if (text.includes(":")) return digestIn(text);
  try {
    return { tag: parseTag(text) };
  } catch {
    throw new HttpError(400, "TAG_INVALID", "this is no tag");
  }
}

function digestIn(text: string): Digest {
  if (isDigest(text)) return text;
  throw new HttpError(400, "DIGEST_INVALID", `a digest is ${DIGEST_FORM}`);
}

/** Names on a page where the client does not say, and at most. */
const PAGE = 1000;

/** Cuts a page out of names, sorted: `n`, `last` and the `Link` to the next one. */
export function pageOf(
  all: Iterable<string>,
  query: URLSearchParams,
  path: string,
): { readonly names: readonly string[]; readonly headers: Readonly<Record<string, string>> } {
  const text = query.get("n");
  if (text !== null && !/^\d{1,9}$/.test(text)) {
    throw new HttpError(400, "PAGINATION_NUMBER_INVALID", "n has to be a number");
  }
  const size = text === null ? PAGE : Math.min(Number(text), PAGE);
  const last = query.get("last") ?? "";
  const sorted = [...all].filter((name) => name > last).sort();
  const names = sorted.slice(0, size);
  const end = names.at(-1);
  if (end === undefined || names.length === sorted.length) return { names, headers: {} };
  const next = new URLSearchParams({ last: end, n: String(size) });
  return { names, headers: { link: `<${path}?${next}>; rel="next"` } };
}

/** Characters of a page of referrers: clients take no manifest of more than 4 MiB, and not all ask for the next. */
const REFERRERS_PAGE = 2 * 1024 * 1024;

/** Cuts a page out of what refers to a manifest, from the place that the `Link` to it has named. */
export function referrersPage(
  all: readonly Descriptor[],
  query: URLSearchParams,
  path: string,
): { readonly some: readonly Descriptor[]; readonly headers: Readonly<Record<string, string>> } {
  const from = query.get("from") ?? "0";
  if (!/^\d{1,9}$/.test(from)) {
    throw new HttpError(400, "PAGINATION_NUMBER_INVALID", "from has to be a number");
  }
  const some: Descriptor[] = [];
  let length = 0;
  for (const one of all.slice(Number(from))) {
    length += JSON.stringify(one).length;
    if (some.length > 0 && length > REFERRERS_PAGE) break;
    some.push(one);
  }
  const end = Number(from) + some.length;
  if (end >= all.length) return { some, headers: {} };
  const next = new URLSearchParams(query);
  next.set("from", String(end));
  return { some, headers: { link: `<${path}?${next}>; rel="next"` } };
}
