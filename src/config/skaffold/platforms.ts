/**
 * Platforms as Skaffold reads them (containerd's rules), and which of them an artifact is built for.
 * @module
 */

/** What the machine is, as Go names it; stands for what a platform leaves out. */
export type Host = Readonly<Record<"os" | "arch", string>>;

export const THIS_HOST: Host = {
  os: Deno.build.os,
  arch: Deno.build.arch === "aarch64" ? "arm64" : "amd64",
};

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

/** Reads `os`, `arch`, `os/arch` or `os/arch/variant` to `os/arch[/variant]`; undefined of others. */
export function readPlatform(text: string, host: Host): string | undefined {
  const parts = text.toLowerCase().split("/");
  if (parts.length > 3 || parts.some((part) => !/^[a-z0-9_.-]+$/.test(part))) return undefined;
  const [first = "", second, third] = parts;
  const os = first === "macos" ? "darwin" : first;
  if (second === undefined && SYSTEMS.split(" ").includes(os)) return joined(os, host.arch, "");
  const [arch, variant] = architecture(second ?? first, third ?? "");
  // What is usual is not said, unless the text says some variant.
  const [usual, instead] = third === undefined ? ["arm/v7", ""] : ["arm64/", "v8"];
  const shown = `${arch}/${variant}` === usual ? instead : variant;
  return joined(second === undefined ? host.os : os, arch, shown);
}

function joined(os: string, arch: string, variant: string): string {
  return `${os}/${arch}${variant && `/${variant}`}`;
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
 * What an artifact is built for: what is wanted, and of this only what the artifact allows; none where
 * nobody says anything, undefined where nothing is left.
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
