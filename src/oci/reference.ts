/**
 * Image references `[HOST[:PORT]/]PATH[:TAG][@DIGEST]` (OCI distribution spec 1.1 and the grammar
 * of the distribution project's `reference` package).
 * @module
 */
import { KodenoError } from "../errors.ts";
import { type Digest, DIGEST_FORM, isDigest } from "./descriptor.ts";

const COMPONENT = /^[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*$/;
const LABEL = "[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?";
const HOST = new RegExp(`^(?:${LABEL}(?:\\.${LABEL})*|\\[[0-9A-Fa-f:]+\\])(?::[0-9]{1,5})?$`);
const TAG = /^[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}$/;

/** Characters of a name that a message shows; the longest that can be used has fewer. */
const MAX_SHOWN = 400;

/** The parts of a reference. */
export interface Reference {
  /** Host and path, without tag and digest. */
  readonly name: string;
  readonly tag?: string | undefined;
  readonly digest?: Digest | undefined;
}

function bad(text: string, why: string): KodenoError {
  const shown = JSON.stringify(text.slice(0, MAX_SHOWN));
  return new KodenoError("BAD_REFERENCE", `Cannot use image name ${shown}: ${why}`, {
    reference: text,
  });
}

/** Splits a name as Docker does: a first part with a dot or colon, or `localhost`, is a host. */
export function splitHost(name: string): { readonly host?: string; readonly path: string } {
  const slash = name.indexOf("/");
  const first = name.slice(0, Math.max(0, slash));
  const isHost = /[.:]/.test(first) || first === "localhost";
  return isHost ? { host: first, path: name.slice(slash + 1) } : { path: name };
}

/** A name without the tag behind it, if there is one. */
export function withoutTag(name: string): string {
  return name.replace(/:[^:/]*$/, "");
}

/** The registry of names without a host, its name of old, and its folder of official ones. */
const HUB = "docker.io/";
const OLD_HUB = "index.docker.io/";
const OFFICIAL = "library/";

/**
 * A name with or without a tag in the whole form, by which containerd, CRI and Docker look images
 * up: `app:v1` is `docker.io/library/app:v1` (`ParseDockerRef` of the distribution project). What
 * is no name of an image comes back with as little change.
 */
export function normalizeName(text: string): string {
  const { host, path } = splitHost(text);
  const isHub = host === undefined || HUB === `${host}/` || OLD_HUB === `${host}/`;
  if (!isHub || path === "") return text;
  return `${HUB}${path.includes("/") ? "" : OFFICIAL}${path}`;
}

/**
 * A name with or without a tag as Docker shows it: `docker.io/library/app:v1` is `app:v1`, since it
 * says no registry. The same for all forms of a name, so names are compared by it.
 */
export function shortName(text: string): string {
  const whole = normalizeName(text);
  if (!whole.startsWith(HUB)) return whole;
  const path = whole.slice(HUB.length);
  const [folder, ...rest] = path.split("/");
  const short = `${folder}/` === OFFICIAL && rest.length === 1 ? rest.join() : path;
  // One whose first element would be taken for a host stays whole.
  return normalizeName(short) === whole ? short : whole;
}

/** Whether a daemon is asked for an image by its ID, or the beginning of it: that is no name. */
export function isImageId(text: string): boolean {
  return isDigest(text) || /^[0-9a-f]{12,64}$/.test(text);
}

export function isTag(text: string): boolean {
  return TAG.test(text);
}

export function parseTag(tag: string): string {
  if (isTag(tag)) return tag;
  const shown = JSON.stringify(tag.slice(0, MAX_SHOWN));
  const why =
    'a tag is 1 to 128 letters, digits, "_", "." and "-", and starts with none of "." and "-"';
  throw new KodenoError("BAD_REFERENCE", `Cannot use tag ${shown}: ${why}`, { tag });
}

/** Whether the path of a repository, without a host, is well formed, but for its length. */
export function isRepositoryPath(path: string): boolean {
  return path.split("/").every((part) => COMPONENT.test(part));
}

/** Refuses what other tools write before a reference: the scheme of a URL, or of a transport. */
export function refuseScheme(text: string): void {
  const [scheme] = /^[A-Za-z][\w+.-]*:\/\//.exec(text) ?? [];
  if (scheme !== undefined) throw bad(text, `leave "${scheme}" out`);
}

/** Checks the name of a repository, with or without a registry host. */
export function parseRepository(text: string): string {
  refuseScheme(text);
  if (text.length > 255) throw bad(text, "it is longer than 255 characters");
  const { host, path } = splitHost(text);
  // A port beyond 65535, or an address of five numbers, is well formed and can never be dialled.
  if (host !== undefined && !(HOST.test(host) && URL.canParse(`http://${host}`))) {
    throw bad(text, `"${host}" is no registry host`);
  }
  for (const part of path.split("/")) {
    if (COMPONENT.test(part)) continue;
    if (part === "") throw bad(text, "it has an empty path element");
    const may =
      'may hold only lower-case letters and digits, with ".", "_", "__" or "-" between them';
    throw bad(text, `"${part}" ${may}`);
  }
  return text;
}

/**
 * Reads a name to give to an image: `NAME:TAG`, `NAME` (its tag is `latest`), or a tag alone, where
 * the place stands for the repository.
 */
export function parseImageName(text: string): { readonly name?: string; readonly tag: string } {
  if (!text.includes(":") && !text.includes("/")) return { tag: parseTag(text) };
  const { name, tag = "latest", digest } = parseReference(text);
  if (digest !== undefined) throw bad(text, "a name that is given cannot hold a digest");
  return { name, tag };
}

/** Whether {@link parseReference} reads it. */
export function isReference(text: string): boolean {
  try {
    return parseReference(text) !== undefined;
  } catch {
    return false;
  }
}

/** Reads a reference, or throws `BAD_REFERENCE`. */
export function parseReference(text: string): Reference {
  refuseScheme(text);
  const [beforeDigest = "", digest, ...more] = text.split("@");
  if (more.length > 0 || (digest !== undefined && !isDigest(digest))) {
    throw bad(text, `what follows "@" has to be ${DIGEST_FORM}`);
  }
  // A colon after the last slash starts the tag; one before it belongs to the host's port.
  const colon = beforeDigest.indexOf(":", beforeDigest.lastIndexOf("/") + 1);
  const name = colon < 0 ? beforeDigest : beforeDigest.slice(0, colon);
  const tag = colon < 0 ? undefined : parseTag(beforeDigest.slice(colon + 1));
  return { name: parseRepository(name), tag, digest };
}
