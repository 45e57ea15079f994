/**
 * What `kodeno doctor` looks at on this machine: Go, git, configuration files, the cache, kubectl.
 * @module
 */
import { statfs } from "node:fs/promises";
import { dirname, join } from "node:path";
import { refuseToolexecIn } from "../../config/checks.ts";
import { loadConfig, resolveBuildConfig, resolveCacheConfig } from "../../config/config.ts";
import { goCommandOf } from "../../config/environment.ts";
import { withSkaffoldEnv } from "../../config/skaffold/env_file.ts";
import { settleOptions, withGlobalConfig } from "../../config/skaffold/global_config.ts";
import { readSkaffoldFile } from "../../config/skaffold/load.ts";
import { SKAFFOLD_FILES } from "../../config/skaffold/options.ts";
import { messageOf } from "../../errors.ts";
import { reasonOf, runGit } from "../../git/git.ts";
import { goEnvironment } from "../../go/list.ts";
import { temporaryPath } from "../../io/atomic.ts";
import { ioFailure, isFile, isTaken } from "../../io/files.ts";
import { findKubectl } from "../../kube/kubectl.ts";
import { reach } from "../../place/registry/access.ts";
import { type Checkup, shownUrl } from "./report.ts";

/** Is there a Go that can build what lies here, and where do modules come from? */
export async function checkGo(checkup: Checkup): Promise<void> {
  const { directory, environment, signal } = checkup.where;
  // Looking must not make it fetch another toolchain.
  const local = { ...environment, GOTOOLCHAIN: "local" };
  const go = await checkup.tried("wrong", () => {
    const command = goCommandOf(environment);
    return goEnvironment({ command, environment: local, directory, signal });
  });
  if (go === undefined) return;
  checkup.ok(`${go["GOVERSION"]} in ${go["GOROOT"]}`);
  try {
    refuseToolexecIn(go["GOFLAGS"]);
  } catch {
    const mend = "take it out of GOFLAGS (go env -u GOFLAGS, or the environment)";
    checkup.add("wrong", "GOFLAGS has -toolexec, with which nothing is built", mend);
  }
  await checkModule(checkup.about("module"), go);
  await checkModuleProxies(checkup.about("modules"), go["GOPROXY"] ?? "");
}

type GoVariables = Readonly<Record<string, string>>;

async function checkModule(checkup: Checkup, go: GoVariables): Promise<void> {
  const { environment, offline } = checkup.where;
  const { GOMOD = "", GOWORK = "", GOVERSION = "", GOENV = "" } = go;
  if (/^(?:|\/dev\/null|NUL)$/.test(GOMOD)) {
    const mend = 'run kodeno in the folder of a module, or "go mod init" here';
    return checkup.add("warning", "there is no go.mod here or above", mend);
  }
  const read = async (path: string, line: RegExp): Promise<string | undefined> =>
    line.exec(await Deno.readTextFile(path).catch(() => ""))?.[1];
  const lines = [GOMOD, GOWORK].map((path) => read(path, /^go\s+(\d[\w.]*)/m));
  const versions = await Promise.all(lines);
  const needed = versions.filter((one) => one !== undefined).sort(compareVersions).at(-1);
  if (needed === undefined || compareVersions(needed, GOVERSION.replace(/^go/, "")) <= 0) {
    return checkup.ok(GOMOD);
  }
  const set = environment["GOTOOLCHAIN"] || await read(GOENV, /^GOTOOLCHAIN=(.*?)\s*$/m) || "auto";
  const found = `${GOMOD} wants Go ${needed}, and there is ${GOVERSION}`;
  const mend = `install Go ${needed}`;
  if (offline || set === "local") return checkup.add("wrong", found, mend);
  checkup.add("warning", `${found}: builds fetch that one (GOTOOLCHAIN=${set})`, mend);
}

/** Compares `1.22`, `1.26.8` and `1.27rc1`: by numbers, what comes before a release first. */
export function compareVersions(a: string, b: string): number {
  const key = (version: string): string => {
    const [, major, minor = "0", patch = "0", early = "z"] =
      /^(\d+)(?:\.(\d+))?(?:\.(\d+))?((?:rc|beta)\d+)?/.exec(version) ?? [];
    // By the alphabet a release comes behind beta and rc.
    return `${major}.${minor}.${patch} ${early}`;
  };
  return new Intl.Collator("en", { numeric: true }).compare(key(a), key(b));
}

async function checkModuleProxies(checkup: Checkup, list: string): Promise<void> {
  const { signal, online } = checkup.where;
  const places = list.split(/[,|]/).filter((place) => place !== "");
  if (places[0] === "off") {
    return checkup.ok("GOPROXY is off: modules come from Go's cache or from vendor");
  }
  const names = places.map((place) => /^(?:direct|off)$/.test(place) ? place : shownUrl(place));
  const found = `come from ${names.join(", then ")}`;
  const first = places.find((place) => /^https?:/.test(place));
  if (!online || first === undefined) return checkup.ok(found);
  try {
    checkup.ok(`${found}, which answered ${await reach(new URL(first), checkup.asking)}`);
  } catch (error) {
    signal?.throwIfAborted();
    const mend = "set GOPROXY to one that can be reached, or HTTPS_PROXY to the way there";
    checkup.add("warning", messageOf(error), mend);
  }
}

/** Can git tell of the folder? */
export async function checkGit(checkup: Checkup): Promise<void> {
  const { where, where: { directory } } = checkup;
  try {
    const version = await runGit(where, ["--version"]);
    const name = version.stdout.replace(/^git version /, "");
    const root = await runGit(where, ["rev-parse", "--show-toplevel"]);
    if (root.code === 0) return checkup.ok(`${name}; the repository is ${root.stdout}`);
    if (!/dubious ownership/.test(root.stderr)) {
      const why = "is in no repository, so that there are no tags by it";
      return checkup.ok(`${name}; ${directory} ${why}`);
    }
    const mend = `run "git config --global --add safe.directory ${directory}"`;
    checkup.add("warning", `${name}, which refuses this repository: ${reasonOf(root)}`, mend);
  } catch (error) {
    checkup.failure("warning", `${messageOf(error)}; templates with .Git and tags need it`);
  }
}

/** Can `.ko.yaml`, skaffold.yaml, and what goes with them be used? */
export async function checkFiles(checkup: Checkup): Promise<void> {
  const { directory, environment, offline } = checkup.where;
  const ko = checkup.about(".ko.yaml");
  await addLines(ko, async () => {
    const options = await loadConfig({ workingDirectory: directory, environment, offline });
    resolveBuildConfig(options);
    const { koFile } = options;
    ko.ok(koFile?.path ?? 'there is none; "kodeno init" proposes one');
    return koFile?.notes ?? [];
  });
  const skaffold = checkup.about("skaffold.yaml");
  for (const name of SKAFFOLD_FILES) {
    const path = join(directory, name);
    if (!isFile(path)) continue;
    const isRead = await addLines(skaffold, async () => {
      await readSkaffoldFile(path, name);
      skaffold.ok(name);
      return [];
    });
    if (isRead) await checkSkaffoldSettings(checkup.about("Skaffold's settings"));
    return;
  }
}

/** What Skaffold reads beside: `skaffold.env`, and the global configuration. */
async function checkSkaffoldSettings(checkup: Checkup): Promise<void> {
  const { directory, environment: own } = checkup.where;
  const { environment, notes } = await withSkaffoldEnv(directory, own);
  for (const note of notes) checkup.add("warning", note);
  await addLines(checkup, async () => {
    const options = settleOptions({ workingDirectory: directory, environment });
    return (await withGlobalConfig(options)).notes;
  });
}

/** Adds what is to be noted of a file; or else a finding for each line of why it cannot be read. */
async function addLines(checkup: Checkup, read: () => Promise<readonly string[]>) {
  try {
    for (const note of await read()) checkup.add("warning", note);
    return true;
  } catch (error) {
    for (const line of messageOf(error).split("\n")) checkup.add("wrong", line);
    return false;
  }
}

/** Less than a build of some programs takes, in bytes. */
const LITTLE = 1024 ** 3;
const TOO_LITTLE = 64 * 1024 ** 2;
const megabytes = (bytes: number): number => Math.round(bytes / 1e6);

/**
 * Can the cache be written, and is there room for it? A file is made in it and removed at once; no
 * folder is made.
 */
export async function checkCache(checkup: Checkup): Promise<void> {
  const cache = await checkup.tried("wrong", () => resolveCacheConfig(checkup.where.environment));
  if (cache === undefined) return;
  const { directory } = cache;
  let path = directory;
  // Whatever hinders the look at it, be it a file on the way.
  while (!isTaken(path) && dirname(path) !== path) path = dirname(path);
  try {
    const trial = temporaryPath(path);
    (await Deno.open(trial, { write: true, createNew: true })).close();
    await Deno.remove(trial);
    const size = path === directory ? `${megabytes(await sizeOf(path))} MB` : "not there yet";
    checkup.ok(`${directory}, ${size}`);
  } catch (error) {
    const why = ioFailure(`write to ${path}`, error).message.replace(/;.*$/s, "");
    const mend = "mend it, or set KODENO_CACHE to another folder";
    checkup.add("wrong", `${directory} cannot be used: ${why}`, mend);
  }
  const { bavail, bsize } = await statfs(path).catch(() => ({ bavail: 1, bsize: Infinity }));
  const free = bavail * bsize;
  if (free >= LITTLE) return;
  const found = `${megabytes(free)} MB are free on the disk of ${path}`;
  const status = free < TOO_LITTLE ? "wrong" : "warning";
  checkup.add(status, found, 'free some, or run "kodeno cache clean"');
}

async function sizeOf(folder: string): Promise<number> {
  let sum = 0;
  try {
    for await (const { name, isDirectory, isFile } of Deno.readDir(folder)) {
      const path = join(folder, name);
      if (isDirectory) sum += await sizeOf(path);
      else if (isFile) sum += (await Deno.lstat(path)).size;
    }
  } catch {
    // What another process removes meanwhile counts for nothing.
  }
  return sum;
}

/** Is there a kubectl, which `apply`, `create`, `delete` and `run` need? */
export async function checkKubectl(checkup: Checkup): Promise<void> {
  await checkup.tried("warning", () => checkup.ok(findKubectl(checkup.where.environment)));
}
