/**
 * What go builds programs with, as it tells before it does so: the modules that their packages are
 * from, by the sums of go.sum, and the toolchain with the settings that shape programs.
 * @module
 */
import { basename, join } from "node:path";
import { ioFailure, isInside, isNotFound } from "../io/files.ts";
import { KodenoError } from "../errors.ts";
import { withNextStep } from "./advice.ts";
import type { GoModule } from "./build_info.ts";
import { flagsIn, type GoCommand } from "./command.ts";
import { goEnvironment, listObjects, type ListQuery } from "./list.ts";
import { closureOf, GRAPH, type ListedModule, moduleFiles, type SourcePackage } from "./sources.ts";

/** A module that a program is built of, by the path that is asked for. */
export interface UsedModule extends GoModule {
  /** What is asked for; of what stands in a folder, too. */
  readonly asked: { readonly path: string; readonly version?: string | undefined };
}

/**
 * Lists the modules of main packages, by their import paths; those that are worked on, the main one or
 * those of a workspace, are none of them.
 *
 * @throws {KodenoError} `GO_FAILED` where a package cannot be found
 */
export async function modulesOf(
  how: GoCommand,
  { flags, patterns }: Pick<ListQuery, "flags" | "patterns">,
): Promise<ReadonlyMap<string, readonly UsedModule[]>> {
  const packages = new Map<string, SourcePackage>();
  const faults: string[] = [];
  const fields = ["ImportPath", "Standard", "Module", "Error", ...GRAPH];
  const listing = listObjects(how, { more: ["-deps"], fields, flags, patterns }, (text) => {
    // Most of a list are packages of Go itself, which need no others.
    if (text.includes('\n\t"Standard": true')) return;
    const found = JSON.parse(text) as SourcePackage;
    if (found.Error) faults.push(`${found.ImportPath}: ${withNextStep(found.Error.Err)}`);
    packages.set(found.ImportPath, found);
  });
  const [sums] = await Promise.all([sumsOf(how, flags), listing]);
  if (faults.length > 0) {
    const what = `Cannot list the modules of ${patterns.join(" ")} in ${how.directory}`;
    throw new KodenoError("GO_FAILED", `${what}:\n${faults.join("\n")}`);
  }
  return new Map(patterns.map((path) => {
    const modules = closureOf(packages, path).flatMap(({ Module }) =>
      Module === undefined || Module.Main ? [] : [[Module.Path, Module] as const]
    );
    const sorted = [...new Map(modules)].sort(([a], [b]) => a < b ? -1 : 1);
    return [path, sorted.map(([, module]) => usedModule(module, sums))];
  }));
}

/** A module, as go lists it, with the sum that go.sum has of it. */
export function usedModule(
  { Path: path, Version: version, Replace }: ListedModule,
  sums: ReadonlyMap<string, string>,
): UsedModule {
  const asked = { path, version };
  const sum = (path: string, version: string) => sums.get(`${path} ${version}`);
  if (Replace === undefined) return { asked, path, version, sum: sum(path, version ?? "") };
  const { Path: by, Version: at } = Replace;
  if (!at) return { asked, path, folder: by };
  return { asked, path: by, version: at, sum: sum(by, at), replaces: asked };
}

/** The sums of all modules that the `go.sum` of a module, or those of a workspace, have. */
async function sumsOf(how: GoCommand, flags: readonly string[]) {
  return await sumsIn(await moduleFiles(how, flags));
}

/** The sums that those of files have which are a `go.sum`, by `MODULE VERSION`. */
export async function sumsIn(paths: readonly string[]): Promise<ReadonlyMap<string, string>> {
  const files = paths.filter((path) => path.endsWith(".sum"));
  const texts = await Promise.all(files.map(readIfThere));
  return new Map(
    texts.join("\n").split("\n").map((line) => {
      const [path = "", version = "", sum = ""] = line.split(" ");
      return [`${path} ${version}`, sum];
    }),
  );
}

async function readIfThere(path: string): Promise<string> {
  try {
    return await Deno.readTextFile(path);
  } catch (error) {
    if (isNotFound(error)) return "";
    throw ioFailure(`read ${path}`, error);
  }
}

/** What compiles, for one platform. */
export interface Toolchain {
  /** `go1.26.8`, and what else the toolchain calls itself. */
  readonly version: string;
  /** The sum of the module that it is, by the platform that it runs on; nothing of an installed one. */
  readonly sums: Readonly<Record<string, string>>;
  /** Variables that shape programs, as go has them: `CGO_ENABLED`, `GOAMD64`, `GOFLAGS`. */
  readonly settings: Readonly<Record<string, string>>;
}

/** The variable that says which processor of an architecture is asked for. */
const LEVELS: Readonly<Record<string, string>> = {
  "386": "GO386",
  amd64: "GOAMD64",
  arm: "GOARM",
  arm64: "GOARM64",
  mips: "GOMIPS",
  mipsle: "GOMIPS",
  mips64: "GOMIPS64",
  mips64le: "GOMIPS64",
  ppc64: "GOPPC64",
  ppc64le: "GOPPC64",
  riscv64: "GORISCV64",
  wasm: "GOWASM",
};
/** Flags of GOFLAGS that shape no program. */
const SHAPELESS = /^--?(?:mod|modcacherw|p|v|x|work|json)(?:=|$)/;
/** A toolchain as a module: its own version, and the platform that it runs on. */
const TOOLCHAIN = /^toolchain@(v.+\.([a-z0-9]+)-([a-z0-9]+))$/;

/** Asks go what it would build with. */
export async function toolchainOf(how: GoCommand): Promise<Toolchain> {
  const level = LEVELS[how.environment["GOARCH"] ?? ""];
  const shaping = ["CGO_ENABLED", "GOEXPERIMENT", "GOFIPS140", ...level ? [level] : []];
  const names = ["GOVERSION", "GOROOT", "GOMODCACHE", "GOFLAGS", ...shaping];
  const all: Readonly<Record<string, string>> = await goEnvironment(how, names);
  const { GOVERSION: version = "", GOROOT = "", GOMODCACHE = "" } = all;
  const goFlags = flagsIn(all, []).filter((word) => word !== "" && !SHAPELESS.test(word)).join(" ");
  const settings = shaping.map((name) => [name, all[name] ?? ""] as const)
    .filter(([name, value]) => value !== "" && !(name === "GOFIPS140" && value === "off"));
  return {
    version,
    sums: await toolchainSums(GOROOT, GOMODCACHE),
    settings: Object.fromEntries([...settings, ...goFlags ? [["GOFLAGS", goFlags]] : []]),
  };
}

/** Go keeps the sum that it has checked a module by beside the file that this came in. */
async function toolchainSums(goRoot: string, cache: string) {
  const [, version, os, architecture] = TOOLCHAIN.exec(basename(goRoot)) ?? [];
  if (version === undefined || !isInside(cache, goRoot)) return {};
  const folder = join(cache, "cache", "download", "golang.org", "toolchain", "@v");
  const sum = (await readIfThere(join(folder, `${version}.ziphash`))).trim();
  return sum === "" ? {} : { [`${os}/${architecture}`]: sum };
}
