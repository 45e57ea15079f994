/**
 * The hooks of a skaffold.yaml at work: its commands before and after builds, one after the other.
 * @module
 */
import type { Environment } from "../config/environment.ts";
import { type HookFacts, hookVariables, type SkaffoldHook } from "../config/skaffold/hooks.ts";
import { runHook } from "../exec/hook.ts";
import type { WorkOptions } from "../events.ts";

/** When hooks run, and of what. */
export interface HookPhase extends HookFacts {
  readonly when: "before" | "after";
  /** The image as the file names it; none around all builds. */
  readonly imageName?: string | undefined;
  /** All variables that hooks get beside their own, which beat them. */
  readonly environment: Environment;
}

/**
 * Runs hooks in their order; what they print becomes notes.
 *
 * @throws {KodenoError} `HOOK_FAILED` for the first that fails, which the others then wait for in vain
 */
export async function runHooks(
  hooks: readonly SkaffoldHook[],
  phase: HookPhase,
  { emit, signal }: WorkOptions,
): Promise<void> {
  const { when, imageName, environment } = phase;
  const what = imageName === undefined ? `${when} all builds` : `${when} the build of ${imageName}`;
  for (const { command, directory, place } of hooks) {
    const name = `the hook ${what} (${place.file}:${place.line})`;
    const line = command.map(quoted).join(" ");
    const say = (message: string): void => emit?.({ type: "note", level: "info", message });
    say(`Running ${name}: ${line}`);
    await runHook({
      command,
      directory,
      name: `${name}, ${line},`,
      environment: { ...environment, ...hookVariables(phase) },
      signal,
      take: say,
    });
  }
}

/** A word as a person would write it on one line. */
function quoted(word: string): string {
  return /^[\w./:=@%+,-]+$/.test(word) ? word : JSON.stringify(word);
}
