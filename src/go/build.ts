/**
 * `go build` for one group of packages, into a folder that stays, so that go's own check for nothing
 * to do works the next time.
 * @module
 */
import { createHash } from "node:crypto";
import { join } from "node:path";
import type { GoFlagsConfig } from "../config/image_config.ts";
import { type GoCommand, goFailure, runGo } from "./command.ts";

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
 * unless flags such as `-v` ask for it.
 */
export async function buildGroup(
  how: Omit<GoCommand, "directory" | "environment">,
  { directory, environment, ...group }: GoBuild,
  output: string,
): Promise<string> {
  const result = await runGo({ ...how, directory, environment }, buildArguments(group, output));
  if (result.code !== 0) throw goFailure(`build for ${group.platformName}`, result);
  return result.stderr;
}
