/**
 * From a request's address to what it asks for (OCI distribution spec 1.1, endpoints), and pages of
 * lists. Pure, and strict: the path is taken as it was sent, so that nothing in it is undone before it
 * is checked.
 * @module
 */
import { type Digest, isDigest } from "../oci/digest.ts";
import { parseTag } from "../oci/reference.ts";
import { HttpError, MAX_TARGET, targetTooLong } from "./messages.ts";

/** What is asked for. */
export type Route =
  | { readonly type: "version" }
  | { readonly type: "catalog" }
  | { readonly type: "tags"; readonly name: string }
  | { readonly type: "manifest"; readonly name: string; readonly ref: Digest | { tag: string } }
  | { readonly type: "blob"; readonly name: string; readonly digest: Digest }
  | { readonly type: "referrers"; readonly name: string; readonly digest: Digest };

const MAX_NAME = 255;
const NAME = /^[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*(?:\/[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*)*$/;
/** Names may hold these words, too, so the last one in a path decides. */
const ENDPOINT = /^(.*)\/(tags\/list|(?:manifests|blobs|referrers)\/([^/]*))$/;

/**
 * Reads the address of a request.
 *
 * @param target as it was sent: a path, or a whole URL
 * @throws {HttpError} 400 for what is malformed, 404 for what is no endpoint, 414
 */
export function routeOf(target: string): Route {
  if (target.length > MAX_TARGET) throw targetTooLong();
  const path = /^(?:[a-z]+:\/\/[^/?#]*)?([^?#]*)/i.exec(target)?.[1] ?? "";
  if (path === "/v2/" || path === "/v2") return { type: "version" };
  if (path === "/v2/_catalog") return { type: "catalog" };
  const noEndpoint = () => new HttpError(404, "UNSUPPORTED", "this is no endpoint");
  if (!path.startsWith("/v2/")) throw noEndpoint();
  const [, name, endpoint = "", last = ""] = ENDPOINT.exec(path.slice("/v2/".length)) ?? [];
  if (name === undefined || name.length > MAX_NAME || !NAME.test(name)) {
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
  throw new HttpError(400, "DIGEST_INVALID", 'a digest is "sha256:" and 64 hex digits');
}

/** Names on a page where the client does not say, and at most. */
const PAGE = 1000;

/** A page of a list and the headers that lead on. */
interface NamePage {
  readonly names: readonly string[];
  readonly headers: Readonly<Record<string, string>>;
}

/**
 * Cuts a page out of names, sorted: `n`, `last` and the `Link` to the next one.
 *
 * @param path of the request, for the link
 * @throws {HttpError} 400 for an `n` that is no number
 */
export function pageOf(all: Iterable<string>, query: URLSearchParams, path: string): NamePage {
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
