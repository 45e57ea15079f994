/**
 * What go has left in a binary: the modules that it is made of, and the version of go. Read with
 * `go version -m`, whose lines are the same for each Go that leaves them, 1.18 and newer.
 * @module
 */
import { type GoCommand, goFailure, runGo } from "./command.ts";

/** A module, as it is in a binary. */
export interface GoModule {
  /** Its path; of a module that a folder stands in for, the path that was asked for. */
  readonly path: string;
  /** Nothing for what was built from a folder without a version. */
  readonly version?: string | undefined;
  /** `h1:` and the hash of its files (`golang.org/x/mod/sumdb/dirhash`). */
  readonly sum?: string | undefined;
  /** What was asked for, where go.mod has replaced it. */
  readonly replaces?: { readonly path: string; readonly version?: string | undefined } | undefined;
  /** The folder in whose place it stands. */
  readonly folder?: string | undefined;
}

/** What a binary says of itself. */
export interface BuildInfo {
  /** `go1.26.8`, and what else the toolchain calls itself. */
  readonly goVersion: string;
  /** Import path of the main package. */
  readonly importPath: string;
  /** Nothing where single files were built. */
  readonly main?: GoModule | undefined;
  readonly modules: readonly GoModule[];
  /** Flags and variables that it was built with, and what go knew of the checkout: `vcs.revision`. */
  readonly settings: Readonly<Record<string, string>>;
}

/** How programs begin: those of ELF, of Windows, and of macOS in both orders of bytes. */
const MAGIC = /^(?:7f454c46|4d5a|feedface|feedfacf|cefaedfe|cffaedfe)/;

/** Whether a file that begins so may be a program. */
export function mayBeProgram(start: Uint8Array): boolean {
  return MAGIC.test(start.subarray(0, 4).toHex());
}

/**
 * Reads the binaries in a folder, by the names of their files; what is none of Go is left out.
 *
 * @throws {KodenoError} `GO_FAILED` without go, or where it fails
 */
export async function buildInfosIn(how: GoCommand): Promise<ReadonlyMap<string, BuildInfo>> {
  // A folder that is named may hold other files; a file that is named may not be another.
  const output = await runGo(how, ["version", "-m", "."]);
  if (output.code !== 0) throw goFailure("read what go has left in programs", output);
  const blocks = output.stdout.split(/^(?=[^\t\n])/m).flatMap((block) => {
    const [, file, goVersion] = /^(.+?): (\S.*)$/m.exec(block) ?? [];
    if (file === undefined || goVersion === undefined) return [];
    return [[file.replace(/^\.\//, ""), parseBuildInfo(goVersion, block)] as const];
  });
  return new Map(blocks);
}

/** What the lines of `go version -m` say, each behind a tab. */
export function parseBuildInfo(goVersion: string, text: string): BuildInfo {
  let importPath = "";
  let main: GoModule | undefined;
  const modules: GoModule[] = [];
  const settings: Record<string, string> = {};
  for (const line of text.split("\n")) {
    const [, kind, first = "", version, sum] = line.split("\t");
    if (kind === "path") importPath = first;
    else if (kind === "mod") main = moduleOf(first, version, sum);
    else if (kind === "dep") modules.push(moduleOf(first, version, sum));
    else if (kind === "build") {
      const [, name = "", value = ""] = /^([^=]*)=(.*)$/.exec(first) ?? [];
      if (name) settings[name] = unquoted(value);
    } else if (kind === "=>") {
      const asked = modules.pop();
      if (asked !== undefined) modules.push(replaced(asked, moduleOf(first, version, sum)));
    }
  }
  return { goVersion, importPath, main, modules, settings };
}

/** What go has put quotes around, since it has blanks or quotes in it. */
function unquoted(value: string): string {
  try {
    return /^".*"$/.test(value) ? JSON.parse(value) : value;
  } catch {
    // Go's quotes know more than those of JSON.
    return value;
  }
}

function moduleOf(path: string, version?: string, sum?: string): GoModule {
  const said = version && version !== "(devel)" ? { version } : {};
  return { path, ...said, ...(sum ? { sum } : {}) };
}

function replaced({ path, version }: GoModule, by: GoModule): GoModule {
  const isFolder = /^\.{0,2}[/\\]|^[A-Za-z]:[/\\]/.test(by.path);
  return isFolder ? { path, folder: by.path } : { ...by, replaces: { path, version } };
}
