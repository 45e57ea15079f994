/**
 * Go modules as files of a proxy: what `go mod download` brings, and what else go asks for when it builds
 * with them (`go help goproxy`, `go help modules`).
 * @module
 */
import { dirname, join, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { KodenoError } from "../errors.ts";
import { ioFailure, isNotFound } from "../io/files.ts";
import { forEach, Pool } from "../io/concurrency.ts";
import { digestOf } from "../io/hash.ts";
import { hashedFile } from "../io/streams.ts";
import { flagsIn, type GoCommand, goFailure, runGo } from "./command.ts";
import { goEnvironment, ObjectSplitter } from "./list.ts";
import { escapedModule, TOOLCHAIN, toolchainVersion } from "./module_zips.ts";

/** A module whose files are there. */
interface DownloadedModule {
  readonly path: string;
  readonly version: string;
  /** As go.sum has it: `h1:...`. */
  readonly sum: string;
}

/** A file of the tree of a proxy. */
interface ProxyFile extends Awaited<ReturnType<typeof hashedFile>> {
  /** Its name there: `example.com/m/@v/v1.0.0.zip`. */
  readonly name: string;
  /** Where it is; a list of versions is nowhere. */
  readonly at: string | Uint8Array;
}

/** What builds need of a proxy. */
interface ProxyTree {
  readonly modules: readonly DownloadedModule[];
  readonly files: readonly ProxyFile[];
}

/** As `go mod download -json` tells it. */
interface Download {
  readonly Path: string;
  readonly Version: string;
  readonly Sum?: string;
  readonly Info?: string;
  readonly GoMod?: string;
  readonly Zip?: string;
  readonly Error?: string;
}

/** A version that stands for a commit, which lists of versions do not have. */
const PSEUDO = /-(?:0\.|.+\.0\.)?\d{14}-[0-9a-f]{12}(?:\+|$)/;
/** Files that are hashed side by side. */
const AT_ONCE = 4;

/** Collects the files of modules, each once. */
export class ProxyFiles {
  readonly #modules = new Map<string, DownloadedModule>();
  /** Paths of files by their names in the tree. */
  readonly #paths = new Map<string, string>();
  #cache: Promise<string> | undefined;

  constructor(readonly how: GoCommand) {}

  /**
   * Takes all modules that the main module of a folder, or those of its workspace, name; go fetches what
   * its cache lacks, and refuses what is not as go.sum says.
   *
   * @returns the folder that has them instead, as a part of the source, where they are vendored
   */
  async addModules(directory: string): Promise<string | undefined> {
    const how = { ...this.how, directory };
    const { GOMOD, GOWORK, GOFLAGS } = await goEnvironment(how, ["GOMOD", "GOWORK", "GOFLAGS"]);
    const vendor = join(dirname(GOWORK || GOMOD), "vendor");
    const isUsed = !/(?:^|\s)--?mod=(?:mod|readonly)\b/.test(GOFLAGS);
    if (isUsed && await isThere(join(vendor, "modules.txt"))) return vendor;
    for (const one of await this.#download(how, [])) this.#take(one);
    await this.#verify(how);
    const mains = await mainFolders(how);
    const sums = [GOMOD && dirname(GOMOD), ...mains].filter((one) => one)
      .map((folder) => join(folder ?? "", "go.sum"));
    const files = GOWORK ? [...sums, GOWORK.replace(/\.work$/, ".work.sum")] : sums;
    for (const file of new Set(files)) await this.#addSums(file);
    return undefined;
  }

  /** Takes the toolchain of a version (`go1.26.8`) for a platform that it is to run on (`linux/amd64`). */
  async addToolchain(release: string, platform: string): Promise<void> {
    const version = toolchainVersion(release, platform);
    const name = `${TOOLCHAIN}@${version}`;
    const cache = await this.#known();
    const file = join(cache, `${escapedModule(TOOLCHAIN, version)}.zip`);
    // Go asks a proxy, and the database of sums, though it has all of it: its cache is a proxy, too.
    const own = await isThere(file) ? { GOPROXY: pathToFileURL(cache).href } : {};
    const variables = { ...this.how.variables, ...own, GOWORK: "off" };
    for (const one of await this.#download({ ...this.how, variables }, [name])) this.#take(one);
  }

  /** What was taken, in the order of its names. */
  async tree(): Promise<ProxyTree> {
    const files: ProxyFile[] = [];
    await forEach([...this.#paths], new Pool(AT_ONCE), async ([name, path]) => {
      try {
        files.push({ name, at: path, ...await hashedFile(await Deno.open(path)) });
      } catch (error) {
        throw ioFailure(`read ${path}`, error);
      }
    }, this.how.signal);
    const modules = [...this.#modules.values()];
    for (const [path, versions] of Map.groupBy(modules, (one) => one.path)) {
      const names = versions.map(({ version }) => version).filter((one) => !PSEUDO.test(one));
      const at = new TextEncoder().encode(names.sort().map((one) => `${one}\n`).join(""));
      const digest = digestOf(at);
      files.push({ name: `${escapedModule(path, "")}list`, at, digest, size: at.length });
    }
    const key = ({ path, version }: DownloadedModule) => `${path}@${version}`;
    return {
      modules: modules.sort((a, b) => key(a) < key(b) ? -1 : 1),
      files: files.sort((a, b) => a.name < b.name ? -1 : 1),
    };
  }

  /** Where go keeps the files of modules. */
  #known(): Promise<string> {
    return this.#cache ??= goEnvironment(this.how, ["GOMODCACHE"])
      .then(({ GOMODCACHE }) => join(GOMODCACHE, "cache", "download"));
  }

  /** Has go read what its cache has of the modules: a download believes what was noted beside it. */
  async #verify(how: GoCommand): Promise<void> {
    const output = await runGo({ ...how, variables: readonly(how) }, ["mod", "verify"]);
    if (output.code !== 0) throw goFailure("verify Go modules", output);
  }

  async #download(how: GoCommand, names: readonly string[]): Promise<readonly Download[]> {
    const found: Download[] = [];
    const splitter = new ObjectSplitter((text) => found.push(JSON.parse(text)));
    const variables = names.length > 0 ? { ...how.variables, GOFLAGS: "" } : readonly(how);
    const args = ["mod", "download", "-json", ...names];
    const output = await runGo({ ...how, variables }, args, (text) => splitter.add(text));
    const failed = found.find((one) => one.Error);
    if (output.code === 0) return found;
    const doing = names.length > 0 ? `bring ${names[0]}` : "bring Go modules";
    const stderr = failed ? `${failed.Path}@${failed.Version}: ${failed.Error}\n` : output.stderr;
    throw goFailure(doing, { ...output, stderr, stdout: "" });
  }

  #take({ Path: path, Version: version, Sum: sum, Info, GoMod, Zip }: Download): void {
    if (sum === undefined || Zip === undefined) return;
    this.#modules.set(`${path}@${version}`, { path, version, sum });
    for (const file of [Info, GoMod, Zip]) {
      const ending = file?.split(".").at(-1);
      if (file) this.#paths.set(`${escapedModule(path, version)}.${ending}`, file);
    }
  }

  /** Takes the go.mod files that a go.sum names: go reads those of modules, too, that it does not need. */
  async #addSums(file: string): Promise<void> {
    const text = await Deno.readTextFile(file).catch((error) => {
      if (isNotFound(error)) return "";
      throw ioFailure(`read ${file}`, error);
    });
    const cache = await this.#known();
    for (const line of text.split("\n")) {
      const [, path, version] = /^(\S+) (v\S+)\/go\.mod h1:/.exec(line) ?? [];
      if (path === undefined || version === undefined) continue;
      for (const ending of ["mod", "info"]) {
        const name = `${escapedModule(path, version)}.${ending}`;
        const at = join(cache, name);
        if (!this.#paths.has(name) && await isThere(at)) this.#paths.set(name, at);
      }
    }
  }
}

/** The main modules of folders, and the folders by which their go.mod replaces others. */
export async function replacedFolders(
  how: GoCommand,
  directories: readonly string[],
): Promise<readonly string[]> {
  const found: string[] = [];
  const mains = await Promise.all(
    directories.map((one) => mainFolders({ ...how, directory: one })),
  );
  for (const directory of new Set(mains.flat())) {
    const { code, stdout } = await runGo({ ...how, directory }, ["mod", "edit", "-json"]);
    const { Replace } = code === 0 ? JSON.parse(stdout) : { Replace: undefined };
    for (
      const { New } of (Replace ?? []) as readonly { New: { Path: string; Version?: string } }[]
    ) {
      if (New.Version === undefined) found.push(resolve(directory, New.Path));
    }
    found.push(directory);
  }
  return found;
}

/** Variables of commands on modules: vendored ones are no files of a proxy, and no go.mod is changed. */
function readonly({ environment, variables }: GoCommand): Readonly<Record<string, string>> {
  const modfile = flagsIn(environment, []).filter((flag) => /^--?modfile=/.test(flag));
  return { ...variables, GOFLAGS: [...modfile, "-mod=readonly"].join(" ") };
}

/** Folders of the main modules. */
async function mainFolders(how: GoCommand): Promise<readonly string[]> {
  const { code, stdout } = await runGo(how, ["list", "-m", "-f", "{{.Dir}}"]);
  return code === 0 ? stdout.trim().split("\n") : [];
}

async function isThere(path: string): Promise<boolean> {
  return await Deno.stat(path).then(({ isFile }) => isFile, () => false);
}

/** The version of Go that builds in a folder: `go1.26.8`. */
export async function goVersion(how: GoCommand): Promise<string> {
  const { GOVERSION } = await goEnvironment(how, ["GOVERSION"]);
  const version = /^go\d\S*/.exec(GOVERSION)?.[0];
  if (version !== undefined) return version;
  const why = `${GOVERSION} is no released one; a toolchain is brought of those only`;
  throw new KodenoError("GO_FAILED", `Cannot tell the version of Go: ${why}`);
}
