/**
 * Images whose inputs differ between a commit and the work tree, each with one reason. Where nobody can
 * tell it is taken for one of them: what is left out is as it was.
 * @module
 */
import { basename, dirname, join, relative, resolve, sep } from "node:path";
import { parseBase } from "../build/base_names.ts";
import { type BuildConfig, imageConfigOf, KO_FILES, resolveBuildConfig } from "../config/config.ts";
import { lockedSince } from "../airgap/lock_changes.ts";
import type { BuildOptions } from "../config/options.ts";
import { hasCode, KodenoError } from "../errors.ts";
import type { WorkOptions } from "../events.ts";
import { asBefore, type Changes, changesSince, inNoCommit } from "../git/changes.ts";
import { moduleDifference, readModuleFile } from "../go/module_file.ts";
import { sumsIn } from "../go/modules.ts";
import type { SourcePackage } from "../go/sources.ts";
import { isBuiltinBase } from "../image/builtin_base.ts";
import { ioFailure, isFile, isFolder, isInside, isNotFound } from "../io/files.ts";
import { entryOf, findFiles, findModules, type ImageFiles } from "./image_files.ts";

/** An image, and whether its inputs differ. */
export interface MaybeAffected extends Pick<ImageFiles, "importPath" | "packageDirectory"> {
  /** The first reason that was found; nothing for one that is as it was. */
  readonly why: string | undefined;
}

/** Files that go takes for parts of a package (`go help packages`, `go/build`). */
const SOURCE = /\.(?:go|c|cc|cpp|cxx|m|h|hh|hpp|hxx|f|F|for|f90|s|S|sx|swig|swigcxx|syso)$/;
const TEST = /_test\.go$/;
/** What a Go file begins with, where that are line comments alone: constraints, and its package. */
const HEADER = /^(?:[ \t]*(?:\/\/[^\n]*)?\n)*[ \t]*package[ \t]+\w+/;
/** Files that decide which module and workspace the folders below them are of. */
const ROOTS = ["go.mod", "go.work"];
/** Fields of packages whose files may read files of any name, in any other folder. */
const OF_C = ["CgoFiles", "SwigFiles", "SwigCXXFiles"] as const;
/** What assembly includes: a file of Go's own, or one that go makes of the package. */
const GO_INCLUDE = /^(?:textflag|funcdata|go_asm|asm_\w+|cgo\/abi_\w+)\.h$/;

/** What images are compared with. */
interface Since {
  readonly changes: Changes;
  /** What the configuration was made of; the settings of before are found by them. */
  readonly options: BuildOptions;
  /** What kodeno.lock calls the one image; its import path unless given. */
  readonly name?: string | undefined;
}

/** Looks at the images that patterns name, and at what changes since a commit, as git names it. */
export async function affectedSince(
  config: BuildConfig,
  patterns: readonly string[],
  { since, options }: { readonly since: string; readonly options: BuildOptions },
  work: WorkOptions,
): Promise<readonly MaybeAffected[]> {
  const { workingDirectory: directory, go: { environment } } = config;
  const changes = await changesSince({ directory, environment, signal: work.signal }, since);
  return await findAffected(config, patterns, { changes, options }, work);
}

/** Looks at the images that patterns name. */
export async function findAffected(
  config: BuildConfig,
  patterns: readonly string[],
  { changes, options, name: artifact }: Since,
  work: WorkOptions = {},
): Promise<readonly MaybeAffected[]> {
  const images = await findFiles(config, patterns, work);
  const name = (path: string): string => relative(config.workingDirectory, path) || ".";
  const seen = new Seen(changes, name);
  await seen.leaveOutUnread(images);
  const settings = await settingsOf(config, changes, options);
  const modules = await modulesOf(config, images, seen, work);
  const locked = await lockedSince(config.workingDirectory, changes);
  return images.map((image) => {
    const { importPath, packageDirectory } = image;
    const why = settings(image) ?? baseOf(config, image, seen) ?? modules(image) ??
      seen.filesOf(image) ??
      seen.packagesOf(image.packages) ?? seen.below(join(packageDirectory, "kodata")) ??
      locked(artifact ?? importPath);
    return { importPath, packageDirectory, why };
  });
}

/** What differs, as it is looked for again and again. */
class Seen {
  readonly #deleted: readonly string[];
  /** Those of the deleted that said which module or workspace the folders below them are of. */
  readonly #roots: readonly string[];
  /** By their folders: what may have been a part of the package there, and is none now. */
  #sources: ReadonlyMap<string, readonly string[]>;
  /** The work tree, without links on the way to it. */
  readonly #folder: string;
  /** What was found of packages, which many images share. */
  readonly #found = new Map<SourcePackage, string | undefined>();
  /** The first link among what differs; null till it was looked for. */
  #link: string | undefined | null = null;

  constructor(readonly changes: Changes, readonly name: (path: string) => string) {
    this.#folder = Deno.realPathSync(changes.folder);
    const all = [...changes.changed];
    this.#deleted = all.filter(([, change]) => change === "deleted").map(([path]) => path);
    this.#roots = this.#deleted.filter((path) => ROOTS.includes(basename(path)));
    const sources = all.filter(([path, change]) =>
      change !== "added" && SOURCE.test(path) && !TEST.test(path)
    );
    this.#sources = Map.groupBy(sources.map(([path]) => path), dirname);
  }

  /**
   * Leaves out Go files that have changed and go reads no more than it did: what it goes by, their names,
   * the lines before their package and whether they import C, is what it was.
   */
  async leaveOutUnread(images: readonly ImageFiles[]): Promise<void> {
    const folders = new Set(images.flatMap(({ packages }) => packages.map(({ Dir = "" }) => Dir)));
    const read = new Set(images.flatMap(({ files }) => files));
    const near = [...this.#sources].filter(([folder]) => folders.has(folder));
    const left = near.map(async ([folder, paths]) => {
      const isUnread = await Promise.all(paths.map(async (path) => {
        const isMaybe = !read.has(path) && path.endsWith(".go") &&
          this.changes.changed.get(path) === "changed" && isFile(path) && !isLink(path);
        const before = isMaybe ? await this.changes.before(path) : undefined;
        if (before === undefined) return false;
        const texts = [new TextDecoder().decode(before), await Deno.readTextFile(path)];
        const [was, is] = texts.map((text) => [HEADER.exec(text)?.[0], text.includes('"C"')]);
        return was?.[0] !== undefined && was[0] === is?.[0] && was[1] === is?.[1];
      }));
      return [folder, paths.filter((_, i) => !isUnread[i])] as const;
    });
    this.#sources = new Map(await Promise.all(left));
  }

  /** What became of a file. */
  of(path: string): string | undefined {
    const change = this.changes.changed.get(path);
    if (change === undefined) return undefined;
    return `${this.name(path)} ${
      { added: "is new", changed: "has changed", deleted: "is gone" }[change]
    }`;
  }

  /** Of a file that is read; what git knows nothing of may have been any other one. */
  ofRead(path: string): string | undefined {
    const found = this.of(path);
    if (found !== undefined || this.changes.isPlain(path)) return found;
    const real = this.#real(path);
    if (real !== path) {
      const led = this.of(real) ?? this.#otherLink();
      if (led !== undefined) return led;
    }
    if (this.changes.knows(real)) return undefined;
    return inNoCommit(this.name(path));
  }

  /** Of a link that leads elsewhere, or is new: by way of it any other one may. */
  #otherLink(): string | undefined {
    if (this.#link === null) this.#link = [...this.changes.changed.keys()].find(isLink);
    return this.#link && this.of(this.#link);
  }

  /** Where a file is that links lead to, below the work tree as that is called. */
  #real(path: string): string {
    try {
      const real = Deno.realPathSync(path);
      return isInside(this.#folder, real)
        ? join(this.changes.folder, relative(this.#folder, real))
        : real;
    } catch {
      return path;
    }
  }

  /** Of the files of an image. */
  filesOf({ files, absent, beside }: ImageFiles): string | undefined {
    const others = new Set(beside.filter((path) => isOfModules(path)));
    for (const path of files) {
      const found = others.has(path) || isKoFile(path) ? undefined : this.ofRead(path);
      if (found !== undefined) return found;
    }
    for (const path of absent) {
      const found = others.has(path) ? undefined : this.of(path);
      if (found !== undefined) return found;
    }
    return undefined;
  }

  /** Of files that were in packages, and are not now: what go lists has them no more. */
  packagesOf(packages: readonly SourcePackage[]): string | undefined {
    for (const one of packages) {
      const found = this.#found.has(one) ? this.#found.get(one) : this.#ofPackage(one);
      this.#found.set(one, found);
      if (found !== undefined) return found;
    }
    return undefined;
  }

  #ofPackage(one: SourcePackage): string | undefined {
    const { Dir = "", EmbedPatterns, Error: problem, ImportPath } = one;
    if (problem !== undefined) return `go cannot read ${ImportPath}`;
    const root = this.#roots.find((path) => isInside(dirname(path), Dir));
    if (root !== undefined) return this.of(root);
    const [source] = this.#sources.get(Dir) ?? [];
    if (source !== undefined) return this.of(source);
    for (const pattern of EmbedPatterns ?? []) {
      const found = this.#embedded(Dir, pattern.replace(/^all:/, ""));
      if (found !== undefined) return found;
    }
    if (!OF_C.some((field) => one[field]?.length) && !includesOthers(one)) return undefined;
    const included = [...this.changes.changed.keys()].find((path) => !path.endsWith(".go"));
    return included && this.of(included);
  }

  #embedded(folder: string, pattern: string): string | undefined {
    // Before the first of them it stands for itself.
    const fixed = join(folder, /^[^*?[\\]*/.exec(pattern)?.[0] ?? "");
    // A folder that is a module of its own is left out.
    const path = this.#deleted.find((one) => one.startsWith(fixed)) ??
      [...this.changes.changed.keys()].find((one) =>
        basename(one) === "go.mod" && one.startsWith(folder + sep) && dirname(one) !== folder
      );
    return path && this.of(path);
  }

  /** Of anything in a folder, and of what links in it lead to. */
  below(folder: string): string | undefined {
    const found = [...this.changes.changed.keys()].find((path) => isInside(folder, path));
    if (found !== undefined) return this.of(found);
    if (!isFolder(folder)) return undefined;
    const { targets, empty } = linkedFolders(folder);
    for (const target of targets) {
      const real = this.#real(target);
      const gone = this.#deleted.find((path) => isInside(real, path));
      const other = gone ? this.of(gone) : this.#otherLink();
      if (other !== undefined) return other;
    }
    return empty && `${this.name(empty)} is empty, which no commit tells`;
  }
}

/** Whether assembly of a package includes what is none of its files. */
function includesOthers({ Dir = "", SFiles = [], HFiles = [] }: SourcePackage): boolean {
  const own = new Set(HFiles);
  return [...SFiles, ...(SFiles.length > 0 ? HFiles : [])].some((file) => {
    const text = Deno.readTextFileSync(join(Dir, file));
    return [...text.matchAll(/^\s*#\s*include\s+(.*)$/gm)].some(([, name = ""]) => {
      const [, path = ""] = /^"([^"]*)"/.exec(name) ?? [];
      return !own.has(path) && !GO_INCLUDE.test(path);
    });
  });
}

/** What links in a folder lead to, that is a folder, too; and one that holds nothing, if there is one. */
function linkedFolders(folder: string) {
  const targets = new Set<string>();
  let empty: string | undefined;
  const follow = (path: string): void => {
    const target = Deno.realPathSync(path);
    if (targets.has(target)) return;
    targets.add(target);
    look(target);
  };
  const look = (path: string): void => {
    const entries = [...Deno.readDirSync(path)];
    if (entries.length === 0) empty = path;
    for (const { name, isSymlink, isDirectory } of entries) {
      const at = join(path, name);
      if (isDirectory) look(at);
      else if (isSymlink && isFolder(at)) follow(at);
    }
  };
  if (isLink(folder)) follow(folder);
  else look(folder);
  return { targets, empty };
}

function isLink(path: string): boolean {
  try {
    return Deno.lstatSync(path).isSymlink;
  } catch (error) {
    if (isNotFound(error)) return false;
    throw ioFailure(`read ${path}`, error);
  }
}

const isKoFile = (path: string): boolean => KO_FILES.includes(basename(path));
const isOfModules = (path: string): boolean =>
  /\.(?:mod|sum)$/.test(path) || path.endsWith(join("vendor", "modules.txt"));

type Telling = (image: ImageFiles) => string | undefined;

/** Whether the settings of an image differ. */
async function settingsOf(
  config: BuildConfig,
  changes: Changes,
  options: BuildOptions,
): Promise<Telling> {
  const { koFile, workingDirectory } = config;
  const own = koFile && resolve(workingDirectory, koFile.path);
  const name = (path: string): string => relative(workingDirectory, path);
  if (own !== undefined && !changes.knows(own)) {
    return () => inNoCommit(name(own));
  }
  // The first of them counts.
  const all = own !== undefined && !isKoFile(own)
    ? [own]
    : KO_FILES.map((file) => join(own ? dirname(own) : workingDirectory, file));
  const path = all.find((one) => changes.changed.has(one));
  if (path === undefined) return () => undefined;
  const file = name(path);
  let before: BuildConfig;
  try {
    before = resolveBuildConfig({ ...options, koFile: await koFileBefore(all, changes) });
  } catch (error) {
    if (!(error instanceof KodenoError)) throw error;
    return () => `${file} cannot be read as it was`;
  }
  const of = (one: BuildConfig, image: ImageFiles): string => {
    const entry = entryOf(one, image);
    const { origins: _, untold, ...settings } = imageConfigOf(one, image.importPath, entry);
    const folder = entry?.directory ?? "";
    return JSON.stringify([
      settings,
      [...untold],
      folder,
      one.koFile?.sbom,
      one.koFile?.provenance,
    ]);
  };
  return (image) =>
    of(before, image) === of(config, image) ? undefined : `${file} says something else of it`;
}

async function koFileBefore(paths: readonly string[], changes: Changes) {
  for (const path of paths) {
    const { readKoFile } = await import("../config/ko_yaml.ts");
    const found = await asBefore(changes, path, (file) => readKoFile(file, path));
    if (found !== undefined) return found;
  }
  return undefined;
}

/** Whether the base of an image differs, as far as that lies in the repository. */
function baseOf(config: BuildConfig, of: ImageFiles, seen: Seen): string | undefined {
  const image = imageConfigOf(config, of.importPath, entryOf(config, of));
  if (isBuiltinBase(image.baseImage)) return undefined;
  const place = parseBase(image);
  if (place.kind !== "layout" && place.kind !== "archive") return undefined;
  if (place.ref.includes("sha256:")) return undefined;
  const path = resolve(config.workingDirectory, place.path);
  return seen.ofRead(place.kind === "layout" ? join(path, "index.json") : path);
}

/** Whether the modules of an image differ. Of a workspace, or where go cannot read a go.mod, any change counts. */
async function modulesOf(
  config: BuildConfig,
  images: readonly ImageFiles[],
  seen: Seen,
  work: WorkOptions,
): Promise<Telling> {
  const touched = new Map<string, string>();
  for (const path of new Set(images.flatMap(({ beside }) => beside.filter(isOfModules)))) {
    const found = isFile(path) ? seen.ofRead(path) : seen.of(path);
    if (found !== undefined) touched.set(path, found);
  }
  if (touched.size === 0) return () => undefined;
  const mains = new Set(images.map(mainModule).filter((path) => touched.has(path)));
  const files = new Map(
    await Promise.all([...mains].map(async (path) => {
      return [path, await moduleFiles(config, path, seen.changes, work)] as const;
    })),
  );
  const paths = images.filter((image) => files.get(mainModule(image)) !== undefined)
    .map(({ importPath }) => importPath);
  const used = paths.length === 0 ? undefined : await findModules(config, paths, work);
  const sums = new Map(
    await Promise.all(
      [...touched.keys()].filter((path) => path.endsWith(".sum")).map(async (path) =>
        [path, await hasOtherSums(path, seen.changes)] as const
      ),
    ),
  );
  return (image) => {
    const { importPath, beside, packages } = image;
    const main = mainModule(image);
    const isWorkspace = beside.some((path) => basename(path) === "go.work" && isFile(path));
    for (const path of beside) {
      const why = touched.get(path);
      if (why === undefined) continue;
      if (isWorkspace) return why;
      const pair = files.get(main);
      if (path === main) {
        const difference = pair && moduleDifference(...pair, used?.get(importPath) ?? []);
        if (pair === undefined) return why;
        if (difference !== undefined) return `${seen.name(path)}: ${difference}`;
      } else if (path.endsWith(".sum")) {
        // Lines come and go with modules; what a version is stays.
        if (sums.get(path)) return why;
      } else if (path.endsWith(".mod")) {
        const folder = dirname(path);
        if (packages.some(({ Dir = "" }) => isInside(folder, Dir))) return why;
      } else if (pair === undefined) return why;
    }
    return undefined;
  };
}

const mainModule = ({ beside }: ImageFiles): string =>
  beside.find((path) => path.endsWith(".mod")) ?? "";

/** A go.mod as it was and as it is; nothing where that cannot be told. */
async function moduleFiles(
  { go }: BuildConfig,
  path: string,
  changes: Changes,
  { signal }: WorkOptions,
) {
  const how = {
    command: go.command,
    environment: go.environment,
    directory: dirname(path),
    signal,
  };
  try {
    const read = (file: string) => readModuleFile(how, file);
    const [before, after] = await Promise.all([asBefore(changes, path, read), read(path)]);
    return before && [before, after] as const;
  } catch (error) {
    signal?.throwIfAborted();
    if (hasCode(error, "GO_FAILED")) return undefined;
    throw error;
  }
}

/** Whether a go.sum says something else of a module than it did. */
async function hasOtherSums(path: string, changes: Changes): Promise<boolean> {
  const before = await asBefore(changes, path, (file) => sumsIn([file]));
  const after = await sumsIn([path]);
  return [...after].some(([module, sum]) => (before?.get(module) ?? sum) !== sum);
}
