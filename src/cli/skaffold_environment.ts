/**
 * The environment of the commands that read a skaffold.yaml.
 * @module
 */
import { processEnvironment } from "../config/environment.ts";
import { type SkaffoldEnvironment, withSkaffoldEnv } from "../config/skaffold/env_file.ts";
import type { Emit } from "../events.ts";

export { withOutputVariables } from "../config/skaffold/options.ts";

/** The environment of a run, with what the `skaffold.env` of the current folder adds. */
export async function skaffoldEnvironment(): Promise<SkaffoldEnvironment> {
  return await withSkaffoldEnv(".", processEnvironment());
}

/** Tells what there is to tell of that file. */
export function tellNotes({ notes }: SkaffoldEnvironment, emit: Emit | undefined): void {
  for (const message of notes) emit?.({ type: "note", level: "warning", message });
}
