/**
 * Image names under a default repo, as Skaffold rewrites them
 * (https://skaffold.dev/docs/environment/image-registries/), and platforms as Skaffold reads them
 * (containerd's rules).
 * @module
 */
import { koPath } from "../checks.ts";

/** Part of an image name that Skaffold looks at. */
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
 * Puts a name under the default repo. Under Google's registries (and where `multiLevel` says so) its
 * elements stay, and a prefix that both have is taken once; elsewhere they become one, joined by `_`.
 * What is then longer than 255 characters is cut off.
 *
 * @param repo none and "" leave the name as it is
 * @param multiLevel whether the registry has names of many elements; without it only Google's have
 * @returns undefined where the name is none
 *
 * @example
 * ```ts
 * import { underDefaultRepo } from "./names.ts";
 * const name = underDefaultRepo("ko://example.com/Hello:v1", "127.0.0.1:5001/sk");
 * if (name !== "127.0.0.1:5001/sk/example_com_hello:v1") throw new Error(name);
 * ```
 */
export function underDefaultRepo(
  image: string,
  repo = "",
  multiLevel = false,
): string | undefined {
  if (repo === "") return image;
  const parsed = parseName(image);
  if (parsed === undefined) return undefined;
  const tag = parsed.tag === "" ? "" : `:${parsed.tag}`;
  const digest = parsed.digest === "" ? "" : `@${parsed.digest}`;
  return rewrite(repo, multiLevel, parsed.name) + tag + digest;
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

/** What the machine is that kodeno runs on, as Go names it; stands for what a platform leaves out. */
export interface Host {
  readonly os: string;
  readonly arch: string;
}

const SYSTEMS = "aix android darwin dragonfly freebsd hurd illumos ios js linux nacl netbsd " +
  "openbsd plan9 solaris wasip1 windows zos";
/** Other names of architectures, and the variant that such a name alone says. */
const ARCHITECTURES: Readonly<Record<string, readonly [arch: string, variant?: string]>> = {
  i386: ["386", ""],
  x86_64: ["amd64"],
  "x86-64": ["amd64"],
  aarch64: ["arm64"],
  armhf: ["arm", "v7"],
  armel: ["arm", "v6"],
};

/**
 * Reads `os`, `arch`, `os/arch` or `os/arch/variant`, and gives it as `os/arch[/variant]`.
 *
 * @returns undefined where it is none of these
 *
 * @example
 * ```ts
 * import { readPlatform } from "./names.ts";
 * const found = readPlatform("linux/aarch64/v8", { os: "linux", arch: "amd64" });
 * if (found !== "linux/arm64/v8") throw new Error(found);
 * ```
 */
export function readPlatform(text: string, host: Host): string | undefined {
  const parts = text.toLowerCase().split("/");
  if (parts.length > 3 || parts.some((part) => !/^[a-z0-9_.-]+$/.test(part))) return undefined;
  const [first = "", second, third] = parts;
  const os = first === "macos" ? "darwin" : first;
  if (second === undefined && SYSTEMS.split(" ").includes(os)) return joined(os, host.arch, "");
  const [arch, variant] = architecture(second ?? first, third ?? "");
  // What is usual is not said, unless the text says some variant.
  const usual = third === undefined
    ? arch === "arm" && variant === "v7" ? "" : variant
    : arch === "arm64" && variant === ""
    ? "v8"
    : variant;
  return joined(second === undefined ? host.os : os, arch, usual);
}

function joined(os: string, arch: string, variant: string): string {
  return `${os}/${arch}${variant === "" ? "" : `/${variant}`}`;
}

function architecture(name: string, variant: string): readonly [string, string] {
  const [arch, own] = (Object.hasOwn(ARCHITECTURES, name) && ARCHITECTURES[name]) || [name];
  if (own !== undefined) return [arch, own];
  if (arch === "amd64") return [arch, variant === "v1" ? "" : variant];
  if (arch === "arm64") {
    if (["8", "v8", "v8.0"].includes(variant)) return [arch, ""];
    return [arch, ["9", "9.0", "v9.0"].includes(variant) ? "v9" : variant];
  }
  if (arch !== "arm") return [arch, variant];
  if (variant === "" || variant === "7") return [arch, "v7"];
  return [arch, /^[568]$/.test(variant) ? `v${variant}` : variant];
}

/** What two spellings of a platform have in common. */
function canonical(platform: string): string {
  const [os = "", arch = "", variant = ""] = platform.split("/");
  return joined(os, ...architecture(arch, variant));
}

/**
 * Chooses what an artifact is built for: what is wanted, and of this only what the artifact allows.
 *
 * @returns platforms, `all`, none where nobody says anything, or undefined where nothing is left
 */
export function choosePlatforms(
  given: readonly string[],
  ofArtifact: readonly string[],
  host: Host,
): readonly string[] | undefined {
  const wanted = readAll(given, host);
  const allowed = readAll(ofArtifact, host);
  if (allowed.length === 0 || allowed.includes("all")) return wanted;
  if (wanted.length === 0 || wanted.includes("all")) return allowed;
  const known = allowed.map(canonical);
  const left = wanted.filter((one) => known.includes(canonical(one)));
  return left.length > 0 ? left : undefined;
}

/** Each as `os/arch[/variant]`; what is none stays as it is, for the builder to refuse. */
function readAll(platforms: readonly string[], host: Host): readonly string[] {
  if (platforms.some((one) => one.toLowerCase() === "all")) return ["all"];
  return platforms.map((one) => readPlatform(one, host) ?? one);
}

/** This machine. */
export function thisHost(): Host {
  const { os, arch } = Deno.build;
  return { os, arch: arch === "aarch64" ? "arm64" : "amd64" };
}
