/**
 * From a request's address to what it asks for (OCI distribution spec 1.1, endpoints). Pure, and
 * strict: the path is taken as it was sent, so that nothing in it is undone before it is checked.
 * @module
 */
import { type Digest, isDigest } from "../oci/digest.ts";
import { parseTag } from "../oci/reference.ts";
import { Refusal } from "./answers.ts";

/** What is asked for. */
export type Route =
  | { readonly type: "version" }
  | { readonly type: "catalog" }
  | { readonly type: "tags"; readonly name: string }
  | { readonly type: "manifest"; readonly name: string; readonly ref: Digest | { tag: string } }
  | { readonly type: "blob"; readonly name: string; readonly digest: Digest }
  | { readonly type: "referrers"; readonly name: string; readonly digest: Digest };

/** Longest address that is looked at, in characters: a name has at most 255, a tag 128. */
const MAX_TARGET = 4096;
const MAX_NAME = 255;
const NAME = /^[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*(?:\/[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*)*$/;
/** Names may hold these words, too, so the last one in a path decides. */
const ENDPOINT = /^(.*)\/(tags\/list|(?:manifests|blobs|referrers)\/([^/]*))$/;

/**
 * Reads the address of a request.
 *
 * @param target as it was sent: a path, or a whole URL
 * @throws {Refusal} 400 for what is malformed, 404 for what is no endpoint, 414
 */
export function routeOf(target: string): Route {
  if (target.length > MAX_TARGET) {
    throw new Refusal(414, "UNSUPPORTED", `the address is longer than ${MAX_TARGET} characters`);
  }
  const path = /^(?:[a-z]+:\/\/[^/?#]*)?([^?#]*)/i.exec(target)?.[1] ?? "";
  if (path === "/v2/" || path === "/v2") return { type: "version" };
  if (path === "/v2/_catalog") return { type: "catalog" };
  if (!path.startsWith("/v2/")) throw new Refusal(404, "UNSUPPORTED", "this is no endpoint");
  const [, name, endpoint = "", last = ""] = ENDPOINT.exec(path.slice("/v2/".length)) ?? [];
  if (name === undefined || name.length > MAX_NAME || !NAME.test(name)) {
    // Where there is no endpoint, whatever was asked for has no name either.
    const known = name !== undefined || /%|\\|\/\/|\/\.{1,2}(?:\/|$)/.test(path);
    if (known) throw new Refusal(400, "NAME_INVALID", "this is no name of a repository");
    throw new Refusal(404, "UNSUPPORTED", "this is no endpoint");
  }
  if (endpoint === "tags/list") return { type: "tags", name };
  if (endpoint.startsWith("manifests/")) return { type: "manifest", name, ref: reference(last) };
  const digest = digestOf(last);
  return { type: endpoint.startsWith("blobs/") ? "blob" : "referrers", name, digest };
}

function reference(text: string): Digest | { tag: string } {
  if (text.includes(":")) return digestOf(text);
  try {
    return { tag: parseTag(text) };
  } catch {
    throw new Refusal(400, "TAG_INVALID", "this is no tag");
  }
}

function digestOf(text: string): Digest {
  if (isDigest(text)) return text;
  throw new Refusal(400, "DIGEST_INVALID", 'a digest is "sha256:" and 64 hex digits');
}
