/**
 * Arguments of the go command. Pure: configuration in, argument lists out.
 * @module
 */
import type { BuildGroup } from "../build/plan.ts";

/** What shapes the arguments. */
export type GoFlags = Omit<BuildGroup["go"], "env">;

/** Flags of `go build` that decide which files and modules are seen, so `go list` needs them too. */
const LIST_FLAGS = new Set(["tags", "mod", "modfile", "overlay"]);

/** Arguments of `go list` for patterns. `-find` leaves out what they depend on, which is not used. */
export function listArguments(
  flags: readonly string[],
  patterns: readonly string[],
): readonly string[] {
  const fields = "-json=ImportPath,Name,Dir,Match,Error";
  return ["list", "-e", "-find", fields, ...selectListFlags(flags), "--", ...patterns];
}

/** Those of the flags of `go build` that `go list` needs, too. */
export function selectListFlags(flags: readonly string[]): readonly string[] {
  const selected: string[] = [];
  for (const [i, flag] of flags.entries()) {
    const [, name = "", value] = /^--?([a-z]+)(=.*)?$/s.exec(flag) ?? [];
    if (!LIST_FLAGS.has(name)) continue;
    const next = flags[i + 1];
    if (value !== undefined) selected.push(flag);
    else if (next !== undefined) selected.push(flag, next);
  }
  return selected;
}

/** Flags of `go build` whose value may be an argument of its own. */
const WITH_VALUE =
  /^--?(?:C|asmflags|buildmode|compiler|covermode|coverpkg|gccgoflags|gcflags|installsuffix|ldflags|mod|modfile|o|overlay|p|pgo|pkgdir|tags)$/;

/**
 * Without flags that are nothing, as templates may make them: go would take one for a package. The
 * value of the flag before it may be nothing.
 */
function withoutEmpty(flags: readonly string[]): readonly string[] {
  return flags.filter((flag, i) => flag.trim() !== "" || WITH_VALUE.test(flags[i - 1] ?? ""));
}

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
    ...withoutEmpty(go.flags),
    ...(go.trimpath ? ["-trimpath"] : []),
    ...joined("gcflags", gcflags, pattern),
    ...joined("asmflags", go.asmflags),
    ...joined("ldflags", go.ldflags),
  ];
}

/**
 * Arguments of the one `go build` of a group.
 *
 * @param output folder that gets the binaries; the slash makes `go` take it for one
 */
export function buildArguments(
  group: Pick<BuildGroup, "binaries"> & { readonly go: GoFlags },
  output: string,
): readonly string[] {
  const packages = group.binaries.map((b) => b.importPath);
  return ["build", ...buildFlags(group.go), "-o", `${output}/`, ...packages];
}
