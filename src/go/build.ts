/**
 * `go build` for one group of packages, into a folder that stays, so that go's own check for nothing
 * to do works the next time; and the build ID in a binary (Go's cmd/internal/buildid), by which alone
 * go takes it for up to date.
 * @module
 */
import { createHash } from "node:crypto";
import { join } from "node:path";
import type { GoFlagsConfig } from "../config/image_config.ts";
import { KodenoError } from "../errors.ts";
import { ioFailure } from "../io/files.ts";
import { flagsIn, type GoCommand, goFailure, MAX_KEPT_BYTES, runGo } from "./command.ts";

/** One binary of a {@link GoBuild}. */
export interface GoBinary {
  readonly importPath: string;
  /** Name of the file `go build -o DIR/` makes. */
  readonly file: string;
}

/** One run of `go build`: packages that share platform, environment, flags and folder. */
export interface GoBuild {
  /** `os/arch[/variant]`. */
  readonly platformName: string;
  /** Folder that `go` runs in. */
  readonly directory: string;
  readonly go: GoFlagsConfig;
  /** All variables that it runs with. */
  readonly environment: Readonly<Record<string, string>>;
  /** Tells runs apart that would make files of the same name; 0 unless base names collide. */
  readonly part: number;
  readonly binaries: readonly GoBinary[];
}

export type GoFlags = Omit<GoFlagsConfig, "env">;

/** Flags of `go build` whose value may be an argument of its own. */
const WITH_VALUE =
  /^--?(?:C|asmflags|buildmode|compiler|covermode|coverpkg|gccgoflags|gcflags|installsuffix|ldflags|mod|modfile|o|overlay|p|pgo|pkgdir|tags)$/;

/** The flags of `go build`, in ko's order, less `-o` and the packages. */
export function buildFlags(go: GoFlags): readonly string[] {
  const joined = (name: string, list: readonly string[], pattern = ""): readonly string[] => {
    const some = list.filter((one) => one.trim() !== "");
    return some.length === 0 ? [] : [`-${name}=${pattern}${some.join(" ")}`];
  };
  const gcflags = [...(go.disableOptimizations ? ["-N", "-l"] : []), ...go.gcflags];
  // Without optimizations means all packages, as in ko; own flags mean the named ones, as in go.
  const pattern = go.disableOptimizations ? "all=" : "";
  return [
    // Templates may make flags that are nothing: go would take one for a package. The value of the
    // flag before it may be nothing.
    ...go.flags.filter((flag, i) => flag.trim() !== "" || WITH_VALUE.test(go.flags[i - 1] ?? "")),
    ...(go.trimpath ? ["-trimpath"] : []),
    ...joined("gcflags", gcflags, pattern),
    ...joined("asmflags", go.asmflags),
    ...joined("ldflags", go.ldflags),
  ];
}

/** Arguments of the one `go build` of a group, which writes into the folder `output`. */
export function buildArguments(
  { binaries, go }: Pick<GoBuild, "binaries"> & { readonly go: GoFlags },
  output: string,
): readonly string[] {
  // The slash makes go take it for a folder.
  return ["build", ...buildFlags(go), "-o", `${output}/`, ...binaries.map((b) => b.importPath)];
}

/**
 * The folder of a group's binaries: the same for the same platform, flags, environment and folder,
 * whatever packages are asked for.
 */
export function outputDirectory(root: string, group: GoBuild): string {
  // Only what is said for this build tells folders apart: go itself looks at the whole environment.
  const { platformName, directory, part, go } = group;
  // Users that share a cache do not share these: who may write a binary decides what is in images.
  const key = [Deno.uid(), platformName, directory, part, buildFlags(go), go.env];
  const hash = createHash("sha256").update(JSON.stringify(key)).digest("hex").slice(0, 32);
  return join(root, hash);
}

/**
 * Builds the binaries of a group into a folder that exists; gives what go printed, which is nothing
 * unless flags such as `-v` ask for it. `variables` are for programs that go runs: they beat those of
 * the group and shape no binary, so the folder does not depend on them. `onPackage` is called for each
 * package that go compiles, but where a flag has go tell the user of them.
 */
export async function buildGroup(
  how: Omit<GoCommand, "directory" | "environment">,
  { directory, environment, ...group }: GoBuild,
  output: string,
  onPackage: () => void = () => {},
): Promise<string> {
  const [build = "", ...args] = buildArguments(group, output);
  const go = { ...how, directory, environment };
  const doing = `build for ${group.platformName}`;
  if (flagsIn(environment, group.go.flags).some((flag) => TELLING.test(flag))) {
    const result = await runGo(go, [build, ...args]);
    if (result.code !== 0) throw goFailure(doing, result);
    return result.stderr;
  }
  const names = new PackageNames(onPackage);
  const result = await runGo({ ...go, stderr: (text) => names.add(text) }, [build, "-v", ...args]);
  const stderr = names.end();
  if (result.code !== 0) throw goFailure(doing, { ...result, stderr });
  return stderr;
}

/** Flags by which go tells what it does, and so its user wants to see it. */
const TELLING = /^['"]?--?(?:n|v|x|json)(?:=|['"]?$)/;
const IMPORT_PATH = /^[\w.~-]+(?:\/[\w.~+-]+)*$/;

/** What `go build -v` prints, less the lines that are names of packages which it compiles. */
class PackageNames {
  #kept = "";
  #rest = "";

  constructor(readonly onPackage: () => void) {}

  add(text: string): void {
    const lines = (this.#rest + text).split("\n");
    this.#rest = lines.pop() ?? "";
    for (const line of lines) {
      if (IMPORT_PATH.test(line)) this.onPackage();
      else this.#kept += `${line}\n`;
    }
    if (this.#kept.length + this.#rest.length <= MAX_KEPT_BYTES) return;
    const start = this.#kept.slice(0, 1000);
    throw new KodenoError("GO_FAILED", `Cannot run go build: it prints without end:\n${start}`);
  }

  /** What is left of it. */
  end(): string {
    return this.#kept + this.#rest;
  }
}

/** go itself looks for the ID in so many bytes. */
const HEAD_BYTES = 32 * 1024;
/** action ID of the link, action and content ID of the main package, content ID of the link. */
const BUILD_ID = /[\w-]{20}\/[\w-]{20}\/[\w-]{20}\/[\w-]{20}/;

/** Reads the build ID near the start of a binary; nothing where the linker was told to leave it out. */
export async function buildIdOf(path: string): Promise<string | undefined> {
  try {
    using file = await Deno.open(path);
    const head = new Uint8Array(HEAD_BYTES);
    const count = file.readSync(head) ?? 0;
    return BUILD_ID.exec(new TextDecoder("latin1").decode(head.subarray(0, count)))?.[0];
  } catch (error) {
    throw ioFailure(`read ${path}`, error);
  }
}
