/**
 * The files that go reads: of packages and all they depend on, by what `go list -deps` says, and those
 * that say which modules a build sees, `go.mod` and its like.
 * @module
 */
import { dirname, isAbsolute, join, resolve } from "node:path";
import { exists } from "../io/files.ts";
import { withNextStep } from "./advice.ts";
import { flagsIn, type GoCommand, runGo } from "./command.ts";
import {
  goEnvironment,
  type ListedPackage,
  listObjects,
  type ListQuery,
  selectListFlags,
} from "./list.ts";

/** Fields of `go list` that name files. What go cannot read is what somebody is about to mend. */
const FILES =
  ("GoFiles CgoFiles CFiles CXXFiles MFiles HFiles FFiles SFiles SwigFiles SwigCXXFiles " +
    "SysoFiles EmbedFiles InvalidGoFiles").split(" ") as `${string}Files`[];
/** The others; asking for few of them makes go faster, too. */
const FIELDS = ["ImportPath", "Name", "Dir", "Match", "Standard", "Module", "Error"];
/** What tells which package is in which image; only asked for where there are several. */
export const GRAPH = ["Imports", "ImportMap"] as const;

/** A module, as `go list` tells it; see `go help list`. */
export interface ListedModule {
  readonly Path: string;
  readonly Version?: string;
  readonly Main?: boolean;
  readonly Dir?: string;
  readonly GoMod?: string;
  readonly Replace?: {
    readonly Path: string;
    readonly Version?: string;
    readonly GoMod?: string;
  };
}

/** A package with its files. */
export interface SourcePackage extends ListedPackage {
  readonly [files: `${string}Files`]: readonly string[] | undefined;
  readonly Module?: ListedModule;
  readonly EmbedPatterns?: readonly string[];
  readonly Imports?: readonly string[];
  readonly ImportMap?: Readonly<Record<string, string>>;
}

/** What {@link listSources} is asked. */
interface SourceQuery extends Pick<ListQuery, "flags" | "patterns"> {
  /** Whether imports are wanted. */
  readonly graph: boolean;
  /**
   * Told of each package of the user's own while go lists the others. Packages of the module cache are
   * wanted then, too, which tell what modules there are.
   */
  readonly onOwn?: ((found: SourcePackage) => void) | undefined;
}

/**
 * Lists packages and all that they depend on, less those of Go itself and, unless asked for, of the module
 * cache: what is there never changes.
 *
 * @returns `packages` by import path, what is imported first; in `faults` what is wrong with them, a
 * line each
 */
export async function listSources(
  how: GoCommand,
  { flags, patterns, graph, onOwn }: SourceQuery,
) {
  const fields = [...FIELDS, ...FILES, "EmbedPatterns", ...(graph ? GRAPH : [])];
  const packages = new Map<string, SourcePackage>();
  const faults: string[] = [];
  await listObjects(how, { more: ["-deps"], fields, flags, patterns }, (text) => {
    // Most of a list are packages of Go itself: these are not worth reading.
    if (text.includes('\n\t"Standard": true')) return;
    const found = JSON.parse(text) as SourcePackage;
    if (found.Error) faults.push(`${found.ImportPath}: ${withNextStep(found.Error.Err)}`);
    const isWanted = isOwn(found) || found.Match;
    if (isWanted) onOwn?.(found);
    if (isWanted || onOwn !== undefined) packages.set(found.ImportPath, found);
  });
  return { packages, faults };
}

/** Whether a package is of a main module, of a folder that stands for a module, or vendored. */
export function isOwn({ Module }: SourcePackage): boolean {
  if (Module === undefined || Module.Main) return true;
  if (Module.Replace !== undefined && !Module.Replace.Version) return true;
  // A vendored package has a module, but that has no folder of its own.
  return Module.Dir === undefined;
}

/** The files of a package that shape what is built of it; absolute. */
export function filesOf(found: SourcePackage): readonly string[] {
  const { Dir = "" } = found;
  return FILES.flatMap((field) => found[field] ?? [])
    .map((name) => name.startsWith("/") ? name : join(Dir, name));
}

/** A package and all that it depends on of a list that was made with its graph. */
export function closureOf(
  packages: ReadonlyMap<string, SourcePackage>,
  importPath: string,
): readonly SourcePackage[] {
  const found = new Map<string, SourcePackage>();
  const open = [importPath];
  for (let path = open.pop(); path !== undefined; path = open.pop()) {
    const one = packages.get(path);
    if (one === undefined || found.has(path)) continue;
    found.set(path, one);
    for (const name of one.Imports ?? []) open.push(one.ImportMap?.[name] ?? name);
  }
  return [...found.values()];
}

/**
 * Finds the files: `go.mod` and `go.sum` of the main module or of those of the workspace, `go.work`,
 * `go.work.sum`, `vendor/modules.txt`, `go.mod` of folders that stand for modules, and what
 * `-modfile` and `-overlay` name. Not all of them are there, but each would be read if it were.
 */
export async function moduleFiles(
  how: GoCommand,
  flags: readonly string[],
): Promise<readonly string[]> {
  const environment = await goEnvironment(how, ["GOMOD", "GOWORK", "GOFLAGS"]);
  const { GOMOD, GOWORK } = environment;
  const words = flagsIn(environment, selectListFlags(flags));
  const value = (name: string) => lastValue(words, name);
  const at = (path: string): string => resolve(how.directory, path);
  const work = ["", "off"].includes(GOWORK) ? [] : [GOWORK];
  const own = value("modfile") ?? GOMOD;
  const owns = ["", "/dev/null"].includes(own) ? [] : [at(own)];
  const mods = work.length > 0 ? await mainModules(how) : owns;
  const [root] = [...work, ...mods];
  const isFetched = root === undefined || ["mod", "readonly"].includes(value("mod") ?? "");
  const vendor = isFetched ? [] : [join(dirname(root), "vendor", "modules.txt")];
  const isVendored = vendor.some(exists);
  // Of what is vendored go reads the copy alone.
  const saying = isVendored ? [] : [...work, ...mods];
  const overlay = value("overlay");
  return [
    ...mods.flatMap((mod) => [mod, mod.replace(/\.mod$/, ".sum")]),
    ...work.flatMap((path) => [path, `${path}.sum`]),
    ...vendor,
    ...(await Promise.all(saying.map(localModules))).flat(),
    ...(overlay ? [at(overlay), ...await overlaid(at(overlay), at)] : []),
  ];
}

/** The `go.mod` of each module of the workspace; none while go cannot read it. */
async function mainModules(how: GoCommand): Promise<readonly string[]> {
  const { code, stdout } = await runGo(how, ["list", "-m", "-f", "{{.GoMod}}"]);
  return code === 0 ? stdout.split("\n").filter((line) => line !== "") : [];
}

/** Where a profile may be that go optimizes the main package in a folder by. */
export function profileOf(
  how: GoCommand,
  flags: readonly string[],
  folder: string,
): readonly string[] {
  const given = lastValue(flagsIn(how.environment, flags), "pgo") ?? "auto";
  if (given === "off") return [];
  return [given === "auto" ? join(folder, "default.pgo") : resolve(how.directory, given)];
}

/** The value of the last flag of a name, `-name=value` or `-name value`. */
function lastValue(words: readonly string[], name: string): string | undefined {
  const at = words.findLastIndex((word) => new RegExp(`^--?${name}(=|$)`).test(word));
  const word = words[at];
  if (word === undefined) return undefined;
  const sign = word.indexOf("=");
  return sign < 0 ? words[at + 1] : word.slice(sign + 1);
}

/** The `go.mod` of folders that a `go.mod` or `go.work` puts in the place of modules. */
async function localModules(path: string): Promise<readonly string[]> {
  const text = await Deno.readTextFile(path).catch(() => "");
  return [...text.matchAll(/=>\s*(?:"([^"]+)"|`([^`]+)`|([^\s"`]+))\s*(?:\/\/.*)?$/gm)]
    .map(([, a, b, c]) => a ?? b ?? c ?? "")
    .filter((to) => isAbsolute(to) || /^\.{1,2}[\\/]/.test(to))
    .map((to) => join(resolve(dirname(path), to), "go.mod"));
}

/** The files that an overlay puts in the place of others; see `go help build`. */
async function overlaid(path: string, at: (path: string) => string): Promise<readonly string[]> {
  try {
    const { Replace = {} } = JSON.parse(await Deno.readTextFile(path));
    return Object.values<string>(Replace).filter((to) => to !== "").map(at);
  } catch {
    // go says what is wrong with it.
    return [];
  }
}
