/**
 * The process's environment, which is read here and nowhere else, but for the variables of proxies
 * that the maker of HTTP clients (`src/place/http_client.ts`) keeps from the runtime.
 * @module
 */
import { homedir } from "node:os";
import { delimiter, isAbsolute, join } from "node:path";
import type { Environment } from "../place/registry/proxy.ts";
import { parseEpoch } from "./checks.ts";

export type { Environment };

/** A snapshot of the process's environment. */
export function processEnvironment(): Environment {
  return Object.freeze(Deno.env.toObject());
}

/** A variable's value; one that is set to nothing counts as not set. */
export function variable(environment: Environment, name: string): string | undefined {
  return environment[name] || undefined;
}

/** What `SOURCE_DATE_EPOCH` says, in seconds since 1970; throws `BAD_OPTION`. */
export function sourceDateEpoch(environment: Environment): number | undefined {
  const text = variable(environment, "SOURCE_DATE_EPOCH");
  return text === undefined ? undefined : parseEpoch("SOURCE_DATE_EPOCH", text);
}

/** The folder of kodeno's cache; without variables in the place the operating system has for caches. */
export function cacheDirectory(environment: Environment): string {
  const of = (name: string): string | undefined => variable(environment, name);
  const home = of("HOME") ?? homedir();
  const usual = Deno.build.os === "darwin"
    ? join(home, "Library", "Caches")
    : Deno.build.os === "windows"
    ? of("LOCALAPPDATA") ?? join(home, "AppData", "Local")
    : join(home, ".cache");
  return of("KODENO_CACHE") ?? join(of("KOCACHE") ?? of("XDG_CACHE_HOME") ?? usual, "kodeno");
}

/** Whether a live view makes sense: CI systems set `CI`, and `TERM=dumb` cannot move its cursor. */
export function allowsLiveView(environment: Environment): boolean {
  return variable(environment, "CI") === undefined && environment["TERM"] !== "dumb";
}

/**
 * The go command: `KO_GO_PATH`, or the absolute path of the `go` on the `PATH` of this environment,
 * whatever `PATH` a configuration gives to go itself; else its name. Folders that are relative do not
 * count: a checkout may have a `go` of its own.
 */
export function goCommandOf(environment: Environment): string {
  const name = variable(environment, "KO_GO_PATH") ?? "go";
  if (name.includes("/") || Deno.build.os === "windows") return name;
  return findProgram(environment, name, isAbsolute) ?? name;
}

/** The folder that go keeps modules in unless its own settings say another (`go help environment`). */
export function goModuleCacheOf(environment: Environment): string {
  const of = (name: string): string | undefined => variable(environment, name);
  const path = of("GOPATH")?.split(delimiter)[0] || join(of("HOME") ?? homedir(), "go");
  return of("GOMODCACHE") ?? join(path, "pkg", "mod");
}

/** The program of a name on the `PATH`, where an empty folder is the current one. */
export function programOnPath(environment: Environment, name: string): string | undefined {
  return findProgram(environment, Deno.build.os === "windows" ? `${name}.exe` : name, () => true);
}

function findProgram(
  environment: Environment,
  name: string,
  counts: (folder: string) => boolean,
): string | undefined {
  const folders = (environment["PATH"] ?? "").split(delimiter).filter(counts);
  return folders.map((folder) => join(folder || ".", name)).find(isProgram);
}

function isProgram(path: string): boolean {
  try {
    const { isFile, mode } = Deno.statSync(path);
    return isFile && (mode === null || (mode & 0o111) !== 0);
  } catch {
    return false;
  }
}
