/**
 * Platforms: `os/arch[/variant]` and how a wanted one picks from what a base image has
 * (OCI image spec image-index.md; the matching rules are ko's).
 * @module
 */
import { KodenoError, nearest } from "../errors.ts";

/** What a manifest runs on. */
export interface Platform {
  /** As `GOOS`. */
  readonly os: string;
  /** As `GOARCH`. */
  readonly architecture: string;
  /** Such as `v7` of arm. */
  readonly variant?: string | undefined;
  /** Of Windows. */
  readonly "os.version"?: string | undefined;
}

/** The platform that a config says. */
export function platformOf(config: Platform): Platform {
  const { os, architecture, variant } = config;
  const version = config["os.version"];
  return {
    os,
    architecture,
    ...(variant ? { variant } : {}),
    ...(version ? { "os.version": version } : {}),
  };
}

/** The platform that a config says, where it says one: that of an artifact need not. */
export function statedPlatform(config: Platform): Platform | undefined {
  return config.os && config.architecture ? platformOf(config) : undefined;
}

/** A wanted platform; what is left out matches anything. */
export interface PlatformSpec {
  /** As `GOOS`. */
  readonly os: string;
  /** As `GOARCH`. */
  readonly architecture?: string | undefined;
  /** Such as `v7` of arm. */
  readonly variant?: string | undefined;
  /** Of Windows; three parts of four will do. */
  readonly osVersion?: string | undefined;
}

/** GOOS and GOARCH as `go tool dist list` knows them, less what has no image. */
const KNOWN = new Map(
  Object.entries({
    aix: "ppc64",
    android: "386 amd64 arm arm64",
    darwin: "amd64 arm64",
    dragonfly: "amd64",
    freebsd: "386 amd64 arm arm64 riscv64",
    illumos: "amd64",
    linux: "386 amd64 arm arm64 loong64 mips mips64 mips64le mipsle ppc64 ppc64le riscv64 s390x",
    netbsd: "386 amd64 arm arm64",
    openbsd: "386 amd64 arm arm64 ppc64 riscv64",
    plan9: "386 amd64 arm",
    solaris: "amd64",
    wasip1: "wasm",
    windows: "386 amd64 arm64",
  }).map(([os, architectures]) => [os, architectures.split(" ")] as const),
);

/** Whether Go builds programs for a platform, whatever its variant. */
export function isBuildable({ os, architecture }: Platform): boolean {
  return KNOWN.get(os)?.includes(architecture) === true;
}

/** The architectures Go builds `linux` programs for. */
export const LINUX_ARCHITECTURES: readonly string[] = KNOWN.get("linux") ?? [];

const VARIANTS: Readonly<Record<string, readonly string[]>> = {
  amd64: ["v1", "v2", "v3", "v4"],
  arm: ["v5", "v6", "v7"],
  arm64: ["v8"],
};

/** What others call them. */
const OTHER_NAMES: ReadonlyMap<string, string> = new Map(
  Object.entries({
    "386": "i386 i486 i586 i686 ia32 x32 x86",
    amd64: "amd x64 x86-64 x86_64 x86_64_v1",
    arm64: "aarch64 arm64v8 arm64-v8 armv8",
    "arm/v5": "armel armv5 arm32v5",
    "arm/v6": "armv6 armv6l arm32v6",
    "arm/v7": "arm32 armhf armv7 armv7l arm32v7",
    ppc64le: "ppc64el powerpc64le",
    riscv64: "riscv",
    loong64: "loongarch64",
    darwin: "mac macos osx",
    windows: "win win32 win64",
  }).flatMap(([own, others]) => others.split(" ").map((other) => [other, own] as const)),
);

/** The platform that somebody meant who named none that Go knows; of one without an OS, Linux. */
function meantPlatform(text: string): string | undefined {
  const words = text.trim().toLowerCase().split(/[/:,-](?!64\b|v\d)/);
  const parts = words.flatMap((word) => (OTHER_NAMES.get(word) ?? word).split("/"))
    .map((word) => word.replace(/^\d$/, "v$&"));
  const [os = "", ...others] = parts;
  const near = nearest(os, [...KNOWN.keys()]) ?? os;
  const [architecture, ...more] = others;
  const fixed = architecture && nearest(architecture, KNOWN.get(near) ?? []);
  const tries = [parts, ["linux", ...parts], [near, ...fixed ? [fixed, ...more] : others]];
  if (parts.includes("")) return undefined;
  return tries.map((one) => one.join("/")).find(isPlatform);
}

function isPlatform(text: string): boolean {
  const [os = "", architecture = "", variant, ...more] = text.split("/");
  const isKnown = variant === undefined || VARIANTS[architecture]?.includes(variant);
  return isKnown === true && more.length === 0 &&
    (architecture === "" ? KNOWN.has(os) : isBuildable({ os, architecture }));
}

function badPlatform(text: string, why: string, next: string): KodenoError {
  const meant = meantPlatform(text);
  const hint = meant === undefined ? next : `did you mean "${meant}"?`;
  const message = `Cannot use platform ${JSON.stringify(text)}: ${why}; ${hint}`;
  return new KodenoError("BAD_PLATFORM", message, { platform: text });
}

const EXAMPLE = 'say os[/arch[/variant]], such as "linux/arm/v7"';

function splitPlatform(text: string): PlatformSpec {
  const [path = "", osVersion, ...more] = text.trim().split(":");
  const [os = "", architecture, variant, ...rest] = path.split("/");
  if (more.length > 0 || rest.length > 0) throw badPlatform(text, "it has too many parts", EXAMPLE);
  return { os, architecture, variant, osVersion: osVersion || undefined };
}

/** Reads `os[/arch[/variant]][:osversion]` to choose of what there is, which Go need not know. */
export function parsePlatformChoice(text: string): PlatformSpec {
  const spec = splitPlatform(text);
  const { os, architecture, variant } = spec;
  if (![os, architecture, variant].includes("")) return spec;
  throw badPlatform(text, "a part of it is empty", EXAMPLE);
}

/** Reads `os[/arch[/variant]][:osversion]`, of what Go can build for. */
export function parsePlatformSpec(text: string): PlatformSpec {
  const spec = splitPlatform(text);
  const { os, architecture, variant } = spec;
  const bad = (why: string, next: string) => badPlatform(text, why, next);
  const architectures = KNOWN.get(os);
  if (architectures === undefined) {
    throw bad(`Go knows no os "${os}"`, `known are ${[...KNOWN.keys()].join(", ")}`);
  }
  if (architecture !== undefined && !architectures.includes(architecture)) {
    const known = `known are ${architectures.join(", ")}`;
    throw bad(`Go knows no architecture "${architecture}" for ${os}`, known);
  }
  const variants = VARIANTS[architecture ?? ""] ?? [];
  if (variant !== undefined && !variants.includes(variant)) {
    const next = variants.length > 0 ? `known are ${variants.join(", ")}` : "leave it out";
    throw bad(`${architecture} has no variant "${variant}"`, next);
  }
  return spec;
}

/** Writes a wanted platform as it is asked for: `os[/arch[/variant]][:osversion]`. */
export function formatPlatformSpec({ os, architecture, variant, osVersion }: PlatformSpec): string {
  const name = [os, architecture, variant].filter((part) => part).join("/");
  return osVersion ? `${name}:${osVersion}` : name;
}

/** `os/arch[/variant][:osversion]`, as ko and Docker print it. */
export function formatPlatform(p: Platform): string {
  const variant = p.variant ? `/${p.variant}` : "";
  const version = p["os.version"] ? `:${p["os.version"]}` : "";
  return `${p.os}/${p.architecture}${variant}${version}`;
}

/**
 * Whether a base's platform is one that was asked for. What the spec leaves out matches anything;
 * a Windows version of three parts matches one of four (the last is the build number).
 */
export function platformMatches(spec: PlatformSpec, have: Platform): boolean {
  const isOther = (["os", "architecture", "variant"] as const)
    .some((part) => spec[part] !== undefined && spec[part] !== have[part]);
  if (isOther || spec.osVersion === undefined) return !isOther;
  const version = have["os.version"] ?? "";
  if (spec.osVersion === version) return true;
  return spec.os === "windows" && spec.osVersion.split(".").length === 3 &&
    version.split(".").length === 4 && version.startsWith(`${spec.osVersion}.`);
}

/** The variant that goes without saying, as containerd has it. */
const OWN_VARIANT: Readonly<Record<string, string>> = { amd64: "v1", arm64: "v8" };

/** {@link platformMatches} of an image that is there; ko builds on a base only what that says itself. */
export function choiceMatches(spec: PlatformSpec, have: Platform): boolean {
  return platformMatches(spec, {
    ...have,
    variant: have.variant || OWN_VARIANT[have.architecture],
  });
}
