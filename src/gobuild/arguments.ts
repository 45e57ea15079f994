/**
 * Arguments of the go command. Pure: configuration in, argument lists out.
 * @module
 */
import type { BuildGroup } from "../plan/plan.ts";

/** What shapes the arguments; a part of the configuration's `go`. */
export interface GoFlags {
  readonly flags: readonly string[];
  readonly ldflags: readonly string[];
  readonly gcflags: readonly string[];
  readonly asmflags: readonly string[];
  readonly disableOptimizations: boolean;
  readonly trimpath: boolean;
}

/** Flags of `go build` that decide which files and modules are seen, so `go list` needs them too. */
const LIST_FLAGS = new Set(["tags", "mod", "modfile", "overlay"]);

/** Arguments of `go list` for patterns. `-find` leaves out what they depend on, which is not used. */
export function listArguments(go: GoFlags, patterns: readonly string[]): readonly string[] {
  const fields = "-json=ImportPath,Name,Dir,Match,Error";
  return ["list", "-e", "-find", fields, ...selectFlags(go.flags), "--", ...patterns];
}

function selectFlags(flags: readonly string[]): readonly string[] {
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

/** The flags of `go build`, in ko's order, less `-o` and the packages. */
export function buildFlags(go: GoFlags): readonly string[] {
  const gcflags = [...(go.disableOptimizations ? ["-N", "-l"] : []), ...go.gcflags];
  // Without optimizations means all packages, as in ko; own flags mean the named ones, as in go.
  const pattern = go.disableOptimizations ? "all=" : "";
  return [
    ...go.flags,
    ...(go.trimpath ? ["-trimpath"] : []),
    ...(gcflags.length > 0 ? [`-gcflags=${pattern}${gcflags.join(" ")}`] : []),
    ...(go.asmflags.length > 0 ? [`-asmflags=${go.asmflags.join(" ")}`] : []),
    ...(go.ldflags.length > 0 ? [`-ldflags=${go.ldflags.join(" ")}`] : []),
  ];
}

/**
 * Arguments of the one `go build` of a group.
 *
 * @param output folder that gets the binaries; the slash makes `go` take it for one
 */
export function buildArguments(
  go: GoFlags,
  group: Pick<BuildGroup, "binaries">,
  output: string,
): readonly string[] {
  const packages = group.binaries.map((b) => b.importPath);
  return ["build", ...buildFlags(go), "-o", `${output}/`, ...packages];
}
