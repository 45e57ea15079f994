/**
 * Delve, the debugger of Go, as a module: which version of it knows a version of Go, and its program, built
 * with that Go from the cache of modules or a proxy, by the sums of its own go.sum.
 * @module
 */
import { join } from "node:path";
import { KodenoError } from "../errors.ts";
import { entriesIn, ioFailure, readSmallText } from "../io/files.ts";
import { type GoCommand, goFailure, runGo } from "./command.ts";
import { goEnvironment } from "./list.ts";

/** Path of its module. */
export const DELVE = "github.com/go-delve/delve";
/** File name of its program. */
export const DELVE_FILE = "dlv";

/** A version of Delve; with a sum, that of the module as go.sum has it. */
export interface DelveVersion {
  readonly version: string;
  readonly sum?: string | undefined;
}

/** The versions that are taken where nobody says one: the newest that still knows a minor version of Go. */
const USUAL: readonly (readonly [oldest: number, newest: number, version: string])[] = [
  [25, 27, "v1.27.2"],
  [24, 26, "v1.26.3"],
  [22, 25, "v1.25.2"],
  [21, 24, "v1.24.2"],
];

/** What go calls itself, `go1.26.8`: its minor version, and what go.mod has for it. */
function partsOf(goVersion: string) {
  const [, version = "", minor = ""] = /go(1\.(\d+)[\w.]*)/.exec(goVersion) ?? [];
  return { version, minor: Number(minor) };
}

/**
 * The version of Delve for a version of Go.
 *
 * @throws {KodenoError} `BAD_OPTION` where none is known for it
 */
export function usualDelve(goVersion: string): string {
  const { minor } = partsOf(goVersion);
  const found = USUAL.find(([oldest, newest]) => oldest <= minor && minor <= newest);
  if (found !== undefined) return found[2];
  const newest = USUAL[0]?.[1] ?? 0;
  const next = minor > newest
    ? "say a version of Delve that does with --delve, or a program with --debugger"
    : "build with a newer Go";
  const why = `kodeno knows no version of Delve for ${goVersion}`;
  throw new KodenoError("BAD_OPTION", `Cannot put a debugger into the image: ${why}; ${next}`);
}

/**
 * Builds Delve into a file.
 *
 * @param how go for a platform; its folder is empty, and is written to
 * @param goVersion what go calls itself where the program to debug is built
 * @param to the file, and who is told when all is there and building takes its time
 * @throws {KodenoError} `BAD_OPTION` for a version that does not know this Go, `LOCK_DIFFERS` for another
 * sum, `GO_FAILED` where go cannot have or build it
 */
export async function buildDelve(
  how: GoCommand,
  asked: DelveVersion,
  goVersion: string,
  { path, onBuild }: { readonly path: string; readonly onBuild: () => void },
): Promise<void> {
  const own = { ...how, environment: moduleEnvironment(how) };
  checkGo(await writeDelveModule(how, asked, goVersion), asked.version, goVersion);
  onBuild();
  const flags = ["-trimpath", "-ldflags=-s -w", "-o", path];
  const result = await runGo(own, ["build", ...flags, `${DELVE}/cmd/dlv`]);
  if (result.code !== 0) throw goFailure(`build Delve ${asked.version}`, result);
}

/**
 * Makes a folder a module that needs nothing but Delve, and what that needs. Sums are those of Delve's own
 * go.sum: of the module by its own sum, it is known what it is built of.
 *
 * @returns the folder of Delve in go's cache of modules
 * @throws {KodenoError} as {@link buildDelve}
 */
export async function writeDelveModule(
  how: GoCommand,
  asked: DelveVersion,
  goVersion: string,
): Promise<string> {
  const own = { ...how, environment: moduleEnvironment(how) };
  const { Dir: folder, Sum: sum, GoModSum: fileSum } = await downloadDelve(own, asked);
  const at = `${DELVE} ${asked.version}`;
  try {
    const its = await Deno.readTextFile(join(folder, "go.mod"));
    const requires = its.match(/^require\s+(?:\([^)]*\)|\S+ v\S+.*)$/gm) ?? [];
    const head = ["module kodeno.invalid/debugger", `go ${partsOf(goVersion).version}`];
    const lines = [...head, `require ${at}`, ...requires];
    await Deno.writeTextFile(join(how.directory, "go.mod"), `${lines.join("\n\n")}\n`);
    const sums = await Deno.readTextFile(join(folder, "go.sum"));
    const ownSums = `${at} ${sum}\n${at}/go.mod ${fileSum}\n`;
    await Deno.writeTextFile(join(how.directory, "go.sum"), sums + ownSums);
  } catch (error) {
    throw ioFailure(`write a module for Delve into ${how.directory}`, error);
  }
  return folder;
}

/**
 * Has go bring the module, and says by which sum it is known.
 *
 * @throws {KodenoError} as {@link buildDelve}
 */
export async function findDelve(how: GoCommand, asked: DelveVersion): Promise<DelveVersion> {
  const own = { ...how, environment: moduleEnvironment(how) };
  const { Sum: sum } = await downloadDelve(own, asked);
  return { version: asked.version, sum };
}

/**
 * The environment of a build of nothing but this module. Where nothing is fetched, no database of sums is
 * asked: what is in the cache of modules was checked by it.
 */
function moduleEnvironment({ environment }: GoCommand) {
  const own = { ...environment, CGO_ENABLED: "0", GOFLAGS: "-mod=mod", GOWORK: "off" };
  return environment["GOPROXY"] === "off" ? { ...own, GONOSUMDB: DELVE } : own;
}

/** What `go mod download -json` says of a module. */
interface Downloaded {
  /** Its folder in the cache of modules. */
  readonly Dir: string;
  readonly Sum: string;
  readonly GoModSum: string;
}

async function downloadDelve(
  how: GoCommand,
  { version, sum }: DelveVersion,
): Promise<Downloaded> {
  const result = await runGo(how, ["mod", "download", "-json", `${DELVE}@${version}`]);
  const found = result.stdout.startsWith("{") ? JSON.parse(result.stdout) : {};
  const why: string | undefined = result.code === 0 ? found.Error : found.Error ?? result.stderr;
  if (why !== undefined) {
    const message = `Cannot have Delve ${version}: ${why.trim()}; ${await otherWay(how, version)}`;
    throw new KodenoError("GO_FAILED", message);
  }
  if (sum !== undefined && found.Sum !== sum) {
    const message = `Cannot use Delve ${version}: kodeno.lock has the sum ${sum}, and it is ` +
      `${found.Sum}; somebody has changed it, or "kodeno lock --debug" is to be run again`;
    throw new KodenoError("LOCK_DIFFERS", message);
  }
  return found;
}

/** What helps where a version is not to be had: those that are there. */
async function otherWay(how: GoCommand, version: string): Promise<string> {
  const { GOMODCACHE } = await goEnvironment(how, ["GOMODCACHE"]);
  const folder = join(GOMODCACHE, "cache", "download", ...DELVE.split("/"), "@v");
  const names = await entriesIn(folder).catch(() => []);
  const there = names.flatMap(({ name }) => name.endsWith(".zip") ? [name.slice(0, -4)] : []);
  const download = `run "go mod download ${DELVE}@${version}" once with the network`;
  return there.length === 0
    ? download
    : `go's cache of modules has ${there.sort().join(", ")}: say one with --delve, or ${download}`;
}

/** Refuses a version of Delve that would refuse the program (pkg/goversion/compat.go). */
function checkGo(folder: string, version: string, goVersion: string): void {
  const path = join(folder, "pkg", "goversion", "compat.go");
  const text = readSmallText(path, 1024 * 1024);
  const limit = (which: "Max" | "Min"): number =>
    Number(new RegExp(`${which}SupportedVersionOfGoMinor\\s*=\\s*(\\d+)`).exec(text)?.[1] ?? NaN);
  const { minor } = partsOf(goVersion);
  const [oldest, newest] = [limit("Min"), limit("Max")];
  // A version that says it otherwise says it when it runs.
  if (!(minor > newest) && !(minor < oldest)) return;
  const why = `it knows Go 1.${oldest} to 1.${newest}, and the program is built with ${goVersion}`;
  const next = `leave --delve out, or say a ${minor > newest ? "newer" : "older"} version`;
  throw new KodenoError("BAD_OPTION", `Cannot debug with Delve ${version}: ${why}; ${next}`);
}
