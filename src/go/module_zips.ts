/**
 * Where go has modules from, and their files in its cache (`go help goproxy`, `go help module-private`).
 * @module
 */
import { join } from "node:path";
import { identityFrom, ioFailure, isNotFound, isSettled } from "../io/files.ts";
import { compileGlob } from "../io/globs.ts";
import type { Records } from "../io/records.ts";
import { hashedFile } from "../io/streams.ts";
import type { GoModule } from "./build_info.ts";
import type { GoCommand } from "./command.ts";
import { goEnvironment } from "./list.ts";

/** A part of a path that is a name, and leads nowhere else. */
const NAME = /^(?!\.{1,2}$)[^/\\:\0]+$/;

/** What is known of the file that a module comes in. */
interface ModuleFile {
  /** Where the proxy has it; nothing where none is asked for it. */
  readonly location?: string | undefined;
  /** Of the file, where the cache of modules has it: `sha256:...`. */
  readonly digest?: string | undefined;
}

/** Gives what is known of the files of modules, each of which is read once, or was before. */
export async function moduleZips(
  how: GoCommand,
  records?: Records,
): Promise<<M extends GoModule>(module: M) => Promise<M & ModuleFile>> {
  const settings = await goEnvironment(how, ["GOPROXY", "GONOPROXY", "GOMODCACHE"]);
  const proxy = firstProxy(settings.GOPROXY);
  const isPrivate = prefixMatcher(settings.GONOPROXY);
  const known = new Map<string, Promise<string | undefined>>();
  return async (module) => {
    const { path, version, sum } = module;
    if (version === undefined || sum === undefined) return module;
    // It is what a binary says, whoever has made that; no honest one leads out of a folder.
    if (![...path.split("/"), version].every((part) => NAME.test(part))) return module;
    const name = escapedModule(path, version);
    const location = proxy && !isPrivate(path) ? `${proxy}/${name}.zip` : undefined;
    const file = join(settings.GOMODCACHE, "cache", "download", name);
    let digest = known.get(name);
    if (digest === undefined) known.set(name, digest = zipDigest(file, sum, records));
    return { ...module, location, digest: await digest };
  };
}

/** The first of GOPROXY that has a file of its own for each module; without what logs in there. */
function firstProxy(list: string): string | undefined {
  const first = list.split(/[,|]/, 1)[0]?.trim() ?? "";
  if (!/^https?:/.test(first) || !URL.canParse(first)) return undefined;
  const { origin, pathname } = new URL(first);
  return `${origin}${pathname}`.replace(/\/+$/, "");
}

/** The name of the files of a module without their endings, in a proxy and in go's cache. */
export function escapedModule(path: string, version: string): string {
  return `${escaped(path)}/@v/${escaped(version)}`;
}

/** The module that a toolchain comes in (`go help toolchain`). */
export const TOOLCHAIN = "golang.org/toolchain";

/** The version that it has there: of `go1.26.8` for the platform `linux/amd64` that it is to run on. */
export function toolchainVersion(release: string, platform: string): string {
  return `v0.0.1-${release}.${platform.replace("/", "-")}`;
}

/** Capital letters as go writes them in names of files (`golang.org/x/mod/module`, EscapePath). */
function escaped(text: string): string {
  return text.replaceAll(/[A-Z]/g, (letter) => `!${letter.toLowerCase()}`);
}

/** Whether a path begins with what one of some globs matches (`module.MatchPrefixPatterns`). */
function prefixMatcher(globs: string): (path: string) => boolean {
  const patterns = globs.split(",").filter((one) => one !== "").map((glob) => {
    const matches = compileGlob(glob);
    const length = glob.split("/").length;
    return (parts: readonly string[]) =>
      length <= parts.length && matches(parts.slice(0, length).join("/"));
  });
  return (path) => patterns.some((matches) => matches(path.split("/")));
}

/** The digest of a module's file, which has to be the one with that sum. */
async function zipDigest(file: string, sum: string, records?: Records) {
  const path = `${file}.zip`;
  try {
    if ((await Deno.readTextFile(`${path}hash`)).trim() !== sum) return undefined;
    const identity = identityFrom(path, await Deno.stat(path));
    const key = JSON.stringify(["module zip", identity]);
    const known = records?.known(key);
    if (typeof known === "string") return known;
    const { digest } = await hashedFile(await Deno.open(path));
    if (isSettled(identity, Date.now())) await records?.remember(key, digest);
    return digest;
  } catch (error) {
    if (isNotFound(error)) return undefined;
    throw ioFailure(`read ${path}`, error);
  }
}
