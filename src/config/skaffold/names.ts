/**
 * Image names under a default repo, as Skaffold rewrites them
 * (https://skaffold.dev/docs/environment/image-registries/).
 * @module
 */
import { koPath } from "../checks.ts";

const LABEL = "(?:[a-zA-Z0-9]|[a-zA-Z0-9][a-zA-Z0-9-]*[a-zA-Z0-9])";
const HOST = `(?:${LABEL}(?:\\.${LABEL})*|\\[[a-fA-F0-9:]+\\])(?::[0-9]+)?`;
const ELEMENT = "[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*";
const PATH = `${ELEMENT}(?:/${ELEMENT})*`;
const TAG = "[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}";
const DIGEST = "sha256:[a-f0-9]{64}";
const REFERENCE = `^((?:${HOST}/)?${PATH})(?::(${TAG}))?(?:@(${DIGEST}))?$`;
const REFERENCE_OF_ANY_CASE = new RegExp(REFERENCE, "i");
const VALID_REFERENCE = new RegExp(REFERENCE);
const NAME = new RegExp(`^(?:(${HOST})/)?(${PATH})$`);
/** A registry and what may be a project of Google's, whose names may have many elements. */
const GOOGLE_PREFIX = new RegExp(`^${HOST}/[a-z][a-z0-9-]{4,28}[a-z0-9]/?`);
const MOST_CHARACTERS = 255;

/** Parts of an image name that Skaffold looks at. */
interface SkaffoldName {
  /** Host and path in small letters, without the `ko://` of an import path. */
  readonly name: string;
  /** All of `name` but its last element; "" where it has only one. */
  readonly repo: string;
  /** The last element of `name`; "" where it has only one. */
  readonly base: string;
  readonly tag: string;
  readonly digest: string;
}

/** Takes `ko://` off and writes the name, but not the tag, in small letters. */
export function sanitizeName(image: string): string {
  const bare = koPath(image) ?? image;
  const name = REFERENCE_OF_ANY_CASE.exec(bare)?.[1];
  return name === undefined ? bare : bare.replace(name, () => name.toLowerCase());
}

/** Reads a name; undefined where it is no image name, whatever its case. */
export function parseName(image: string): SkaffoldName | undefined {
  const found = VALID_REFERENCE.exec(sanitizeName(image));
  if (found === null) return undefined;
  const [, name = "", tag = "", digest = ""] = found;
  if ((NAME.exec(name)?.[2] ?? name).length > MOST_CHARACTERS) return undefined;
  const slash = name.lastIndexOf("/");
  const [repo, base] = slash < 0 ? ["", ""] : [name.slice(0, slash), name.slice(slash + 1)];
  return { name, repo, base, tag, digest };
}

/**
 * Puts a name under the default repo, or gives undefined where it is none. Under Google's registries
 * (and where `multiLevel` says so) its elements stay, and a prefix that both have is taken once;
 * elsewhere they become one, joined by `_`, and what is then longer than 255 characters is cut off.
 */
export function underDefaultRepo(
  image: string,
  repo = "",
  multiLevel = false,
): string | undefined {
  if (repo === "") return image;
  const { name, tag, digest } = parseName(image) ?? {};
  if (name === undefined) return undefined;
  return rewrite(repo, multiLevel, name) + (tag && `:${tag}`) + (digest && `@${digest}`);
}

function rewrite(repo: string, multiLevel: boolean, name: string): string {
  if (name.startsWith(repo)) return name;
  const prefix = GOOGLE_PREFIX.exec(repo)?.[0] ?? "";
  const google = prefix.includes("gcr.io") || prefix.includes("-docker.pkg.dev");
  const keeps = google || multiLevel;
  const own = GOOGLE_PREFIX.exec(name)?.[0] ?? "";
  // Not cut, as in Skaffold.
  if (keeps && own === prefix) return `${repo}/${name.slice(own.length)}`;
  const under = `${repo}/${keeps ? name : name.replaceAll(/[/._:@]/g, "_")}`;
  return under.slice(0, MOST_CHARACTERS);
}
