/**
 * One hash for all that shapes an image, as far as it is known without the network and before anything is
 * built: equal hashes stand for equal images. What is in it and what is not is told in docs/scale.md.
 * @module
 */
import { basename, dirname, relative, resolve, sep } from "node:path";
import { knownDigest } from "../build/base_digest.ts";
import type { BuildLock } from "../build/inputs.ts";
import { type BuildConfig, imageConfigOf } from "../config/config.ts";
import type { ImageSettings } from "../config/image_config.ts";
import { VERSION } from "../config/version.ts";
import { KodenoError } from "../errors.ts";
import type { WorkOptions } from "../events.ts";
import { sumsIn, usedModule } from "../go/modules.ts";
import { filesOf, type SourcePackage } from "../go/sources.ts";
import { getOrSet } from "../io/concurrency.ts";
import { ioFailure, isFile, isFolder } from "../io/files.ts";
import { digestOf, Hasher } from "../io/hash.ts";
import { planKodataLayer } from "../layers/kodata_layer.ts";
import type { Digest } from "../oci/descriptor.ts";
import { formatPlatform } from "../oci/platform.ts";
import { entryOf, findSources, type ImageSources, platformsOf } from "./image_files.ts";

/** An image as it would be built. */
export interface HashedImage {
  readonly importPath: string;
  /** `os/arch[/variant]` each. */
  readonly platforms: readonly string[];
  /** The base as it is named, and the digest that this stands for, where that is known here. */
  readonly base: { readonly name: string; readonly digest?: string | undefined };
  /** Of all that shapes it. */
  readonly inputs: Digest;
}

/** Settings of the C compiler, which counts where cgo does. */
const OF_C = /^(?:CGO_\w+|CC|CXX|FC|AR|PKG_CONFIG(?:_\w+)?)$/;
/** Lines of a go.mod or go.work that shape programs; the modules are known by their sums. */
const SHAPING = /^[ \t]*(?:go|toolchain)[ \t]+\S+|^[ \t]*godebug[ \t]*(?:\([^)]*\)|.*)$/gm;
const CHUNK = 256 * 1024;

/** How images are looked at. */
interface HashOptions extends WorkOptions {
  /** What they may be built from, and nothing else. */
  readonly lock?: Pick<BuildLock, "baseDigest"> | undefined;
}

/** Looks at the images that patterns name; in the order of their import paths. */
export async function hashImages(
  config: BuildConfig,
  patterns: readonly string[],
  { lock, ...work }: HashOptions = {},
): Promise<readonly HashedImage[]> {
  const inputs = new Inputs(config, work, lock);
  const onOwn = (one: SourcePackage) => inputs.read(one);
  const images = await findSources(config, patterns, { ...work, onOwn });
  const hashed: HashedImage[] = [];
  for (const image of images) hashed.push(await inputs.of(image));
  return hashed.sort((a, b) => a.importPath < b.importPath ? -1 : 1);
}

/** What images are made of; what several share is read once. */
class Inputs {
  readonly #files = new Map<string, readonly [Digest]>();
  readonly #packages = new Map<SourcePackage, Digest>();
  readonly #folders = new Map<string, ReadonlySet<string>>();
  readonly #beside = new Map<string, readonly string[]>();
  readonly #sums = new Map<string, ReturnType<typeof sumsIn>>();
  readonly #bases = new Map<string, Promise<string | undefined>>();
  readonly #memory = new Uint8Array(CHUNK);

  constructor(
    readonly config: BuildConfig,
    readonly work: WorkOptions,
    readonly lock: HashOptions["lock"],
  ) {}

  /** Reads a package already, of which images are asked later. */
  read(one: SourcePackage): void {
    // What cannot be read is told of by who needs it.
    try {
      this.#package(one);
    } catch (error) {
      if (!(error instanceof KodenoError)) throw error;
    }
  }

  async of(image: ImageSources): Promise<HashedImage> {
    const { config } = this;
    const { importPath, packageDirectory, directory, toolchains, beside, windows } = image;
    const settings = imageConfigOf(config, importPath, entryOf(config, image));
    const platforms = (await platformsOf(config, settings, this.work)).map(formatPlatform);
    const known = () => knownDigest(settings, config, this.work);
    const digest = this.lock?.baseDigest(importPath, settings.baseImage) ??
      await getOrSet(this.#bases, settings.baseImage, known);
    const isCgo = toolchains.some(({ settings }) => settings["CGO_ENABLED"] === "1");
    const variables = { ...config.go.environment, ...settings.go.env };
    const packages = image.packages.map((one) => this.#package(one));
    const all = {
      kodeno: VERSION,
      importPath,
      platforms,
      base: [settings.baseImage, digest],
      settings: settingsOf(settings, variables),
      // Without -trimpath the names of folders are in programs.
      directory: settings.go.trimpath ? undefined : packageDirectory,
      compression: config.compression,
      kodataTime: config.kodataTime,
      attested: config.attestInIndex ? [config.sbom.forms, config.provenance] : undefined,
      toolchains: toolchains.map(({ version, settings }) => [version, Object.entries(settings)]),
      c: isCgo ? Object.entries(variables).filter(([name]) => OF_C.test(name)).sort() : undefined,
      modules: await this.#modules(image),
      packages: [...new Set(packages)].sort(),
      beside: [...new Set(beside.flatMap((path) => this.#told(directory, path)))].sort(),
      kodata: await this.#kodata(packageDirectory, windows),
    };
    const base = { name: settings.baseImage, ...digest === undefined ? {} : { digest } };
    return { importPath, platforms, base, inputs: digestOf(JSON.stringify(all)) };
  }

  /** A file that go reads beside packages: its content, or of what says which modules there are the rest. */
  #told(directory: string, path: string): readonly string[] {
    return getOrSet(this.#beside, path, () => {
      const isThere = this.#names(dirname(path)).has(basename(path));
      if (path.endsWith(".sum") || !isThere || !isFile(path)) return [];
      const name = nameFrom(directory, path);
      if (!/\.(?:mod|work)$/.test(path)) return [`${name} ${this.#file(path)}`];
      return (Deno.readTextFileSync(path).match(SHAPING) ?? []).map((line) => `${name} ${line}`);
    });
  }

  /** A package by its import path and the content of its files. */
  #package(one: SourcePackage): string {
    const known = this.#packages.get(one);
    if (known !== undefined) return known;
    const { ImportPath, Dir = "" } = one;
    const files = filesOf(one).map((path) => [nameFrom(Dir, path), this.#file(path)]);
    const digest = digestOf(JSON.stringify([ImportPath, files]));
    this.#packages.set(one, digest);
    return digest;
  }

  #file(path: string): string {
    const [digest] = getOrSet(this.#files, path, () => {
      try {
        using file = Deno.openSync(path);
        const hasher = new Hasher();
        for (let count; (count = file.readSync(this.#memory)) !== null;) {
          hasher.update(this.#memory.subarray(0, count));
        }
        return [hasher.digest()];
      } catch (error) {
        throw ioFailure(`read ${path}`, error);
      }
    });
    return digest;
  }

  /** The names in a folder: most files that are looked for are not there, which costs more to be told. */
  #names(folder: string): ReadonlySet<string> {
    return getOrSet(this.#folders, folder, () => {
      if (!isFolder(folder)) return new Set<string>();
      return new Set(Array.from(Deno.readDirSync(folder), ({ name }) => name));
    });
  }

  async #modules({ modules, beside }: ImageSources): Promise<readonly string[]> {
    const sums = await getOrSet(this.#sums, beside.join("\n"), () => sumsIn(beside));
    const told = modules.map((one) => {
      const { path, version, sum, asked, replaces } = usedModule(one, sums);
      return JSON.stringify([asked.path, replaces && path, version, sum]);
    });
    return [...new Set(told)].sort();
  }

  async #kodata(folder: string, windows: boolean): Promise<unknown> {
    if (!this.#names(folder).has("kodata")) return undefined;
    const { kodataAllowedRoot: allowedRoot, cache: { directory: cache } } = this.config;
    const os = windows ? "windows" : "linux";
    const { entries } = await planKodataLayer(folder, { os, allowedRoot, cache });
    return entries.map(({ entry, content }) => [
      entry.name,
      typeof content === "string" ? this.#file(content) : undefined,
    ]);
  }
}

/** Settings without where they are said; of templates, with the variables that they name. */
function settingsOf(
  { origins: _, untold: __, templates, ...settings }: ImageSettings,
  variables: Readonly<Record<string, string>>,
): unknown {
  const texts = JSON.stringify([settings, templates.map(({ text }) => text)]);
  const named = new Set(Array.from(texts.matchAll(/\.Env\.(\w+)/g), ([, name = ""]) => name));
  return [
    settings,
    templates.map(({ field, key, text }) => [field, key, text]),
    [...named].sort().map((name) => [name, variables[name]]),
  ];
}

/** A path from a folder, with slashes; of what lies outside the name alone, for that is elsewhere elsewhere. */
function nameFrom(folder: string, path: string): string {
  const name = relative(folder, resolve(path)).replaceAll(sep, "/");
  return name.startsWith("../") ? basename(path) : name;
}
