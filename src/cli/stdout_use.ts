/**
 * Outputs that flags send to stdout: then nothing else goes there.
 * @module
 */
import { KodenoError } from "../errors.ts";
import type { BuildFlags } from "./build_flags.ts";
import { leaveStdout } from "./output.ts";

/** Outputs by the flags that name them. */
type Outputs = Readonly<Record<string, string | undefined>>;

/** Leaves stdout to the one output that is to go there; results then go to stderr. */
export async function yieldStdout(outputs: Outputs): Promise<void> {
  if (await onStdout(outputs) !== undefined) leaveStdout();
}

/** What flags of a build send somewhere. */
export function outputsOf({ tarball, imageRefs }: BuildFlags): Outputs {
  return { "--tarball": tarball, "--image-refs": imageRefs };
}

/**
 * Refuses to send an output of a build to stdout, for a command that needs it itself.
 *
 * @throws {KodenoError} `BAD_OPTION`
 */
export async function refuseStdout(flags: BuildFlags, command: string): Promise<void> {
  const flag = await onStdout(outputsOf(flags));
  if (flag === undefined) return;
  const why = `"kodeno ${command}" prints its own results there; name a file`;
  throw new KodenoError("BAD_OPTION", `Cannot write ${flag} to stdout: ${why}`);
}

async function onStdout(outputs: Outputs): Promise<string | undefined> {
  // Most commands name none, and do not wait for what only these need.
  if (Object.values(outputs).every((path) => !path)) return undefined;
  const { outputOnStdout } = await import("../io/output.ts");
  return await outputOnStdout(outputs);
}
