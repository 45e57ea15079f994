/**
 * The files that say which modules a build sees: `go.mod` and its like.
 * @module
 */
import { dirname, isAbsolute, join, resolve } from "node:path";
import { selectListFlags } from "./arguments.ts";
import { type GoCommand, goFailure, runGo } from "./command.ts";

/**
 * Finds the files: `go.mod` and `go.sum` of the main module or of those of the workspace, `go.work`,
 * `go.work.sum`, `vendor/modules.txt`, `go.mod` of folders that stand for modules, and what
 * `-modfile` and `-overlay` name.
 *
 * @param flags of `go build`
 * @returns absolute paths; not all of them are there, but each would be read if it were
 * @throws {KodenoError} `GO_FAILED`
 */
export async function moduleFiles(
  how: GoCommand,
  flags: readonly string[],
): Promise<readonly string[]> {
  const { GOMOD, GOWORK, GOFLAGS } = await askGo(how);
  const words = [...GOFLAGS.split(/\s+/), ...selectListFlags(flags)];
  const value = (name: string): string | undefined => lastValue(words, name);
  const at = (path: string): string => resolve(how.directory, path);
  const work = GOWORK === "" || GOWORK === "off" ? undefined : GOWORK;
  const own = value("modfile") ?? (GOMOD === "" || GOMOD === "/dev/null" ? undefined : GOMOD);
  const mods = work === undefined ? (own === undefined ? [] : [at(own)]) : await mainModules(how);
  const root = work ?? mods[0];
  const fetched = root === undefined || ["mod", "readonly"].includes(value("mod") ?? "");
  const vendor = fetched ? undefined : join(dirname(root), "vendor", "modules.txt");
  const isVendored = vendor !== undefined && await isThere(vendor);
  const overlay = value("overlay");
  const saying = [...(work ? [work] : []), ...mods];
  return [
    ...mods.flatMap((mod) => [mod, mod.replace(/\.mod$/, ".sum")]),
    ...(work ? [work, `${work}.sum`] : []),
    ...(vendor ? [vendor] : []),
    // Of what is vendored go reads the copy alone.
    ...(isVendored ? [] : (await Promise.all(saying.map(localModules))).flat()),
    ...(overlay ? [at(overlay), ...await overlaid(at(overlay), at)] : []),
  ];
}

function isThere(path: string): Promise<boolean> {
  return Deno.stat(path).then(() => true, () => false);
}

interface GoSettings {
  readonly GOMOD: string;
  readonly GOWORK: string;
  readonly GOFLAGS: string;
}

async function askGo(how: GoCommand): Promise<GoSettings> {
  const output = await runGo(how, ["env", "-json", "GOMOD", "GOWORK", "GOFLAGS"]);
  if (output.code !== 0) throw goFailure("read go's environment", output);
  return JSON.parse(output.stdout) as GoSettings;
}

/** The `go.mod` of each module of the workspace; none while go cannot read it. */
async function mainModules(how: GoCommand): Promise<readonly string[]> {
  const { code, stdout } = await runGo(how, ["list", "-m", "-f", "{{.GoMod}}"]);
  return code === 0 ? stdout.split("\n").filter((line) => line !== "") : [];
}

/**
 * The profile that go optimizes a main package by: `default.pgo` beside it, unless `-pgo` says
 * otherwise.
 *
 * @param folder of the main package
 * @returns an absolute path, where there may be nothing
 */
export function profileOf(
  how: GoCommand,
  flags: readonly string[],
  folder: string,
): string | undefined {
  const given = lastValue([...(how.environment["GOFLAGS"] ?? "").split(/\s+/), ...flags], "pgo");
  if (given === "off") return undefined;
  if (given === undefined || given === "auto") return join(folder, "default.pgo");
  return resolve(how.directory, given);
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
    const { Replace = {} } = JSON.parse(await Deno.readTextFile(path)) as {
      readonly Replace?: Readonly<Record<string, string>>;
    };
    return Object.values(Replace).filter((to) => to !== "").map(at);
  } catch {
    // go says what is wrong with it.
    return [];
  }
}
