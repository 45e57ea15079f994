/**
 * The Go modules of a bundle on their way into go's own cache, which go builds from without a proxy; and
 * the toolchain that runs here.
 * @module
 */
import { dirname, join } from "node:path";
import { type Environment, goCommandOf, goModuleCacheOf } from "../config/environment.ts";
import type { CallOptions } from "../content/places.ts";
import { goEnvironment } from "../go/list.ts";
import { isUnpacked, unpackToolchain, zipSum } from "../go/module_zip.ts";
import { escapedModule, TOOLCHAIN } from "../go/module_zips.ts";
import { linkOrCopy, makeFolder, removeStaleTemporaries, temporaryPath } from "../io/atomic.ts";
import { ioFailure, isFile, isFolder, isNotFound, removeEmptyFolders } from "../io/files.ts";
import { hasCode, KodenoError } from "../errors.ts";
import { badBundle, type BundleDocument, type BundleModule } from "./document.ts";
import { type Lock, lockedSums } from "./lock.ts";
import { missingOmitted } from "./omitted.ts";
import { isWholeFile } from "./present.ts";
import { GOMOD, LOCK } from "./sources.ts";

/** Files of a proxy, and nothing else (`go help goproxy`). */
const OF_PROXY = /^(.+\/@v\/)(?:list|(v[^/]+)\.(?:info|mod|zip))$/;

/** Modules that a bundle brings. */
interface BroughtModules {
  /** What messages call the bundle. */
  readonly what: string;
  readonly document: BundleDocument;
  /** The file that has a member. */
  readonly fileOf: (member: string) => string;
}

/** The zips of modules by the names of their members; refuses files that belong to none. */
export function zipsOfModules(
  what: string,
  document: FilesOfModules,
): ReadonlyMap<string, BundleModule> {
  const names = proxyFiles(document);
  const odd = names.find((name) => !OF_PROXY.test(name));
  if (odd !== undefined) {
    throw badBundle(what, `its ${GOMOD}/${odd} is no file of a proxy of modules`);
  }
  const left = new Set(names.filter((name) => name.endsWith(".zip")));
  const found = new Map<string, BundleModule>();
  for (const one of document.gomod?.modules ?? []) {
    const zip = `${escapedModule(one.path, one.version)}.zip`;
    if (!left.delete(zip)) {
      throw badBundle(what, `it lacks the files of module ${one.path}@${one.version}`);
    }
    found.set(`${GOMOD}/${zip}`, one);
  }
  const [more] = left;
  if (more !== undefined) throw badBundle(what, `it says nothing of module ${more}`);
  return found;
}

type FilesOfModules = Pick<BundleDocument, "gomod"> & {
  readonly files: readonly { readonly path: string }[];
};

/** Refuses a module whose zip is not what the bundle says. */
export async function checkModule(
  what: string,
  { path, version, sum }: BundleModule,
  zip: string,
  { signal }: CallOptions,
): Promise<void> {
  const module = `${path}@${version}`;
  const found = await zipSum(zip, `module ${module} of ${what}`, { signal });
  if (found === sum) return;
  throw badBundle(what, `its module ${module} has sum ${found}, not the ${sum} that it says`);
}

/** Refuses modules that are not what the lock in the bundle says. */
export function refuseOtherSums(
  what: string,
  modules: Iterable<BundleModule>,
  lock: Lock | undefined,
): void {
  const locked = lock === undefined ? new Map<string, string>() : lockedSums(lock);
  for (const { path, version, sum } of modules) {
    const module = `${path}@${version}`;
    const said = locked.get(module);
    if (said === undefined || said === sum) continue;
    throw badBundle(what, `its module ${module} has sum ${sum}, and its ${LOCK} says ${said}`);
  }
}

/** Names of the files as a proxy has them. */
function proxyFiles({ files }: FilesOfModules): readonly string[] {
  return files.flatMap(({ path }) =>
    path.startsWith(`${GOMOD}/`) ? [path.slice(GOMOD.length + 1)] : []
  );
}

/** Refuses what go's cache has otherwise: it would go on to build with that. */
export async function refuseOtherModules(
  { what, document }: Pick<BroughtModules, "what" | "document">,
  cache: string,
): Promise<void> {
  for (const { path, version, sum } of document.gomod?.modules ?? []) {
    const there = await knownSum(cache, path, version);
    if (there === undefined || there === sum) continue;
    const why = `${cache} has ${path}@${version} with sum ${there}, not ${sum}`;
    const next = 'empty it with "go clean -modcache", or say another folder with GOMODCACHE';
    throw new KodenoError("BAD_PLACE", `Cannot apply ${what}: ${why}; ${next}`);
  }
}

/** Modules that go's cache has not, or has damaged. */
export async function newModules(
  { gomod, files }: BundleDocument,
  cache: string,
  options: CallOptions,
): Promise<readonly BundleModule[]> {
  const zips = new Map(files.map((file) => [file.path, file]));
  const found: BundleModule[] = [];
  for (const one of gomod?.modules ?? []) {
    const { path, version } = one;
    const zip = zips.get(`${GOMOD}/${escapedModule(path, version)}.zip`);
    if (zip && await isWholeFile(zipOf(cache, path, version), zip, options)) continue;
    found.push(one);
  }
  return found;
}

/** Refuses a bundle that leaves out modules which go's cache has not; names all of them. */
export async function refuseOmittedModules(
  { doing, document: { gomod, base } }: {
    /** `apply bundle x.tar` */
    readonly doing: string;
    readonly document: Pick<BundleDocument, "gomod" | "base">;
  },
  cache: string,
  options: CallOptions,
): Promise<void> {
  const { omitted = [] } = gomod ?? {};
  const there = new Set(await modulesIn(cache, omitted, options));
  const missing = omitted.filter((one) => !there.has(one))
    .map(({ path, version }) => `${path}@${version}`);
  if (missing.length === 0) return;
  const what = `Go modules that it leaves out are not in ${cache}`;
  throw missingOmitted({ doing, base }, what, missing);
}

/** Those of some modules that go's cache has; the bytes of each are read. */
export async function modulesIn(
  cache: string,
  modules: readonly BundleModule[],
  options: CallOptions,
): Promise<readonly BundleModule[]> {
  const found: BundleModule[] = [];
  for (const one of modules) {
    const { path, version, sum } = one;
    if (await knownSum(cache, path, version) !== sum) continue;
    const read = zipSum(zipOf(cache, path, version), `module ${path}@${version}`, options);
    const has = await read.catch((error) => {
      if (!hasCode(error, "BAD_CONTENT")) throw error;
    });
    if (has === sum) found.push(one);
  }
  return found;
}

async function knownSum(cache: string, path: string, version: string): Promise<string | undefined> {
  const file = zipOf(cache, path, version);
  if (!isFile(file)) return undefined;
  return (await textIn(`${file}hash`))?.trim() || undefined;
}

/** What is in a file, where it is there. */
async function textIn(path: string): Promise<string | undefined> {
  return await Deno.readTextFile(path).catch((error) => {
    if (!isNotFound(error)) throw ioFailure(`read ${path}`, error);
    return undefined;
  });
}

const zipOf = (cache: string, path: string, version: string): string =>
  `${join(downloadsOf(cache), escapedModule(path, version))}.zip`;
const downloadsOf = (cache: string): string => join(cache, "cache", "download");

/** Modules that lie whole in go's cache, beside the names that go looks for. */
interface PreparedModules extends AsyncDisposable {
  /** Where the programs of a toolchain are then that runs here. */
  readonly goFolder: string | undefined;
  /** Gives them their names; those that are there already have been left. */
  settle(): Promise<void>;
}

/**
 * Brings modules to go's cache, and the toolchain that runs here: all that takes room or time, so that what
 * is left to do is renaming. As go does it, nothing waits for the disk; what is there is read before it
 * counts.
 */
export async function prepareModules(
  { document, fileOf }: Pick<BroughtModules, "document" | "fileOf">,
  cache: string,
  { signal }: CallOptions,
): Promise<PreparedModules> {
  const { modules = [] } = document.gomod ?? {};
  const downloads = downloadsOf(cache);
  const folder = temporaryPath(downloads);
  const files = new Map(document.files.map((file) => [file.path, file]));
  const sums = new Map(
    modules.map(({ path, version, sum }) => [`${escapedModule(path, version)}.zip`, sum]),
  );
  const telling = (error: unknown) => {
    throw ioFailure(`write modules into ${cache}`, error);
  };
  const moves: (readonly [from: string, to: string])[] = [];
  const add = async (to: string, make: (at: string) => Promise<void>): Promise<void> => {
    signal?.throwIfAborted();
    const at = join(folder, `${moves.length}`);
    moves.push([at, to]);
    await Deno.mkdir(dirname(to), { recursive: true });
    await make(at);
  };
  const addText = async (to: string, text: string): Promise<void> => {
    if (await textIn(to) !== text) await add(to, (at) => Deno.writeTextFile(at, text));
  };
  let goFolder: string | undefined;
  // deno-lint-ignore no-undef -- the linter does not know it yet
  await using stack = new AsyncDisposableStack();
  try {
    for (const one of await makeFolder(downloads)) {
      stack.defer(() => Deno.remove(one).catch(() => {}));
    }
    await removeStaleTemporaries(downloads);
    await Deno.mkdir(folder);
    stack.defer(async () => {
      await Deno.remove(folder, { recursive: true }).catch(() => {});
      for (const [, to] of moves) await removeEmptyFolders(dirname(to), cache);
    });
    // The zips last: go takes one that is there for whole.
    const order = (name: string): number => name.endsWith(".zip") ? 1 : 0;
    for (const name of proxyFiles(document).toSorted((a, b) => order(a) - order(b))) {
      const member = `${GOMOD}/${name}`;
      const [from, to, file] = [fileOf(member), join(downloads, name), files.get(member)];
      const [sum, isList] = [sums.get(name), name.endsWith("/list")];
      const isThere = file !== undefined && await isWholeFile(to, file, { signal });
      if (isList) await addText(to, await mergedLines(from, to));
      else if (!isThere) await add(to, (at) => linkOrCopy(from, at, folder));
      if (sum !== undefined) await addText(`${to}hash`, sum);
    }
    for (const { path, version } of modules) {
      if (path !== TOOLCHAIN || !version.endsWith(`.${HOST}`)) continue;
      const [module, zip] = [`${path}@${version}`, `${escapedModule(path, version)}.zip`];
      const [brought, to] = [
        { path: fileOf(`${GOMOD}/${zip}`), module, signal },
        join(cache, module),
      ];
      goFolder = join(to, "bin");
      if (!await isUnpacked(brought, to)) await add(to, (at) => unpackToolchain(brought, at));
    }
  } catch (error) {
    telling(error);
  }
  const settle = async (): Promise<void> => {
    for (const [from, to] of moves) {
      // A toolchain that is damaged; nothing takes the place of a folder that has something in it.
      if (isFolder(to)) await Deno.rename(to, `${from}.before`);
      await Deno.rename(from, to);
    }
  };
  const made = stack.move();
  return {
    goFolder,
    settle: () => settle().catch(telling),
    [Symbol.asyncDispose]: () => made.disposeAsync(),
  };
}

/** The platform that programs run on here, as toolchains name it. */
const HOST = `${Deno.build.os}-${Deno.build.arch === "aarch64" ? "arm64" : "amd64"}`;

/** Versions that either file has, as go writes them. */
async function mergedLines(from: string, to: string): Promise<string> {
  const text = `${await textIn(to) ?? ""}\n${await Deno.readTextFile(from)}`;
  const lines = new Set(text.split("\n").filter((line) => line !== ""));
  return [...lines].sort().map((line) => `${line}\n`).join("");
}

/** The folder of go's modules; go is asked where it is there. */
export async function moduleCache(environment: Environment, options: CallOptions): Promise<string> {
  const how = {
    ...options,
    command: goCommandOf(environment),
    environment: { ...environment, GOTOOLCHAIN: "local" },
    directory: Deno.cwd(),
  };
  const told = await goEnvironment(how, ["GOMODCACHE"]).catch((error) => {
    options.signal?.throwIfAborted();
    if (error instanceof KodenoError) return undefined;
    throw error;
  });
  return told?.GOMODCACHE || goModuleCacheOf(environment);
}
