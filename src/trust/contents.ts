/**
 * What an image is made of, as far as an SBOM tells: values, whoever has found them out.
 * @module
 */
import { type Descriptor, digestHex, isIndexType, parseDigest } from "../oci/descriptor.ts";
import { splitHost, withoutTag } from "../oci/reference.ts";
import type { Platform } from "../oci/platform.ts";

/** A module of Go; what is not known is left out. */
export interface ModuleFacts {
  readonly path: string;
  readonly version?: string | undefined;
  /** Go's own hash of its files, `h1:...`. */
  readonly sum?: string | undefined;
  readonly replaces?: { readonly path: string; readonly version?: string | undefined } | undefined;
  /** The folder that stands in for it. */
  readonly folder?: string | undefined;
  /** Where the file that it comes in is to be had. */
  readonly location?: string | undefined;
  /** Of that file. */
  readonly digest?: string | undefined;
}

/** A program that go has built. */
interface ProgramFacts {
  readonly goVersion: string;
  /** Import path of the main package. */
  readonly importPath: string;
  readonly main?: ModuleFacts | undefined;
  readonly modules: readonly ModuleFacts[];
  /** Variables that it was built with, of those that shape programs. */
  readonly settings: Readonly<Record<string, string>>;
}

/** A file of an image. */
export interface FileFacts {
  /** From the root of the image: `/ko-app/app`. */
  readonly path: string;
  /** In hex, both. */
  readonly sha1: string;
  readonly sha256: string;
  readonly program?: ProgramFacts | undefined;
}

/** An image for one platform, or an index of such images. */
export interface ImageFacts {
  readonly image: Descriptor;
  /** What its program is called. */
  readonly name: string;
  /** What it stands on. */
  readonly base?: { readonly name?: string | undefined; readonly digest?: string | undefined };
  readonly platform?: Platform | undefined;
  /** Those that it has beside its base. */
  readonly files: readonly FileFacts[];
  /** Those of an index. */
  readonly images: readonly Descriptor[];
}

/** Who makes an SBOM, and when. */
export interface SbomMaker {
  /** Of kodeno. */
  readonly version: string;
  /** Seconds since 1970; without it no time is said, so that the same image gives the same bytes. */
  readonly time?: number | undefined;
}

/** The version of Go alone: `1.26.8` of `go1.26.8 X:boringcrypto`; nothing for one in the making. */
export function releaseOf({ goVersion }: ProgramFacts): string | undefined {
  return /^go(\d\S*)/.exec(goVersion)?.[1];
}

/** The name that the standard library is known by to those who know its faults (CPE 2.3). */
export function goCpe(release: string): string {
  return `cpe:2.3:a:golang:go:${release}:-:*:*:*:*:*:*`;
}

/** The package URL of a module (purl-spec, "golang"; the type is that of cyclonedx-gomod). */
export function modulePurl(
  { path, version }: ModuleFacts,
  said: Readonly<Record<string, string | undefined>> = {},
): string {
  const at = version === undefined ? "" : `@${encodeURIComponent(version)}`;
  return `pkg:golang/${encoded(path)}${at}${qualified({ ...said, type: "module" })}`;
}

/** That of a program: its module, with what it was built for, and the package in it. */
export function programPurl(program: ProgramFacts): string {
  const { importPath, settings: { GOARCH: goarch, GOOS: goos } } = program;
  const main = mainOf(program);
  const purl = modulePurl(main, { goarch, goos });
  if (!importPath.startsWith(`${main.path}/`)) return purl;
  return `${purl}#${encoded(importPath.slice(main.path.length + 1))}`;
}

/** The package URL of the standard library. */
export function goPurl(release: string): string {
  return `pkg:golang/stdlib@${encodeURIComponent(release)}`;
}

/** The module that another stands in for, as go writes it: `example.com/lib@v1.0.0`. */
export function replacedBy({ replaces }: ModuleFacts): string | undefined {
  return replaces && [replaces.path, replaces.version].filter((one) => one).join("@");
}

/** The package URL of an image, or of one of an index; what it runs on is said of images alone. */
export function imagePurl(
  { name, platform }: ImageFacts,
  { digest, mediaType, platform: own = platform }: Descriptor,
): string {
  return ociPurl(name, {
    digest,
    mediaType,
    platform: isIndexType(mediaType) ? undefined : own,
  });
}

/** The package URL of an image (purl-spec, "oci"). */
function ociPurl(
  name: string,
  { digest, platform, mediaType, repository }: {
    readonly digest: string;
    readonly platform?: Platform | undefined;
    readonly mediaType?: string | undefined;
    readonly repository?: string | undefined;
  },
): string {
  const query = qualified({
    arch: platform?.architecture,
    mediaType,
    os: platform?.os,
    repository_url: repository,
    variant: platform?.variant,
  });
  return `pkg:oci/${encodeURIComponent(name.toLowerCase())}@${encodeURIComponent(digest)}${query}`;
}

/** Qualifiers of a package URL, given in the order of their names, as it has to have them. */
function qualified(said: Readonly<Record<string, string | undefined>>): string {
  const all = Object.entries(said).flatMap(([key, value]) =>
    value ? [`${key}=${encoded(value)}`] : []
  );
  return all.length > 0 ? `?${all.join("&")}` : "";
}

/** The package URL of the image that another stands on; nothing where its digest is not known. */
export function basePurl({ name = "", digest }: NonNullable<ImageFacts["base"]>) {
  if (digest === undefined) return undefined;
  const repository = withoutTag(name.replace(/@.*$/, ""));
  const last = repository.split("/").at(-1) || "image";
  // The base that is built in, and those of layouts, are in no registry.
  const isKnown = splitHost(repository).host !== undefined;
  return ociPurl(last, { digest, ...(isKnown ? { repository } : {}) });
}

/** The SHA-256 of a digest; nothing for one of another algorithm. */
export function sha256Of(digest: string | undefined): string | undefined {
  return digest?.startsWith("sha256:") ? digestHex(parseDigest(digest)) : undefined;
}

/** All programs of an image, and all modules that they are made of, each once. */
export function programsOf({ files }: ImageFacts): readonly ProgramFacts[] {
  return files.flatMap(({ program }) => program ? [program] : []);
}

/** A module that single files were built as, which has no path of its own. */
export function mainOf({ main, importPath }: ProgramFacts): ModuleFacts {
  return main ?? { path: importPath };
}

/** A time as both formats have it. */
export function timestampOf(seconds: number): string {
  return new Date(seconds * 1000).toISOString().replace(".000Z", "Z");
}

function encoded(text: string): string {
  return text.split("/").map(encodeURIComponent).join("/");
}
