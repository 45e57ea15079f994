/**
 * What the go command knows: packages that patterns match, and its own environment.
 * @module
 */
import { KodenoError } from "../errors.ts";
import type { ListedPackage, PatternGroup } from "./packages.ts";
import { listArguments } from "./arguments.ts";
import { type GoCommand, goFailure, runGo } from "./command.ts";

/**
 * Lists the packages of patterns, without what they depend on.
 *
 * @param flags of `go build`
 * @throws {KodenoError} `BAD_PACKAGE` when go cannot read the module, `GO_FAILED` without go
 */
export async function listPackages(
  how: GoCommand,
  flags: readonly string[],
  group: PatternGroup,
): Promise<readonly ListedPackage[]> {
  const output = await runGo({ ...how, directory: group.directory }, [
    ...listArguments(flags, group.patterns),
  ]);
  if (output.code === 0) return parseObjects(output.stdout);
  const why = output.stderr.trim().replaceAll(/\s*\n\s*/g, " ").replace(/^go: /, "");
  throw new KodenoError(
    "BAD_PACKAGE",
    `Cannot list ${group.patterns.join(" ")} in ${group.directory}: ${why}`,
  );
}

/** `go list -json` prints one indented object after the other. */
function parseObjects(text: string): readonly ListedPackage[] {
  const trimmed = text.trim();
  if (trimmed === "") return [];
  return JSON.parse(`[${trimmed.replaceAll(/^\}\n\{/gm, "},\n{")}]`) as ListedPackage[];
}

/** A few values of `go env`. */
export interface GoEnvironment {
  readonly GOROOT: string;
  /** `go1.26.8`. */
  readonly GOVERSION: string;
  /** With what `go env -w` has set. */
  readonly GOFLAGS: string;
}

/**
 * Asks go for its environment.
 *
 * @throws {KodenoError} `GO_FAILED`
 */
export async function goEnvironment(how: GoCommand): Promise<GoEnvironment> {
  const output = await runGo(how, ["env", "-json", "GOROOT", "GOVERSION", "GOFLAGS"]);
  if (output.code !== 0) throw goFailure("read go's environment", output);
  return JSON.parse(output.stdout) as GoEnvironment;
}

/**
 * All that `go env` prints.
 *
 * @throws {KodenoError} `GO_FAILED`
 */
export async function allGoVariables(how: GoCommand): Promise<Readonly<Record<string, string>>> {
  const output = await runGo(how, ["env", "-json"]);
  if (output.code !== 0) throw goFailure("read go's environment", output);
  return JSON.parse(output.stdout) as Record<string, string>;
}
