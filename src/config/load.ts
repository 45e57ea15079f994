/**
 * Options completed from the `.ko.yaml` of the folder that is built in.
 * @module
 */
import { resolve } from "node:path";
import { processEnvironment } from "./environment.ts";
import { findKoFile } from "./find_ko_file.ts";
import type { BuildOptions } from "./options.ts";
import type { WorkOptions } from "../events.ts";

/**
 * Reads the `.ko.yaml` that goes with options, as ko's `LoadConfig`: the one that `KO_CONFIG_PATH`
 * names, or that of the working directory.
 *
 * @returns the options, with `koFile` where there is one; a file that is in them stays
 * @throws {KodenoError} `BAD_CONFIG` with all faults of the file, `BAD_OPTION`
 *
 * @example
 * ```ts
 * import { loadConfig } from "../../mod.ts";
 * const options = await loadConfig({ workingDirectory: "examples/hello" });
 * if (options.workingDirectory !== "examples/hello") throw new Error();
 * ```
 */
export async function loadConfig(
  options: BuildOptions = {},
  { emit }: Pick<WorkOptions, "emit"> = {},
): Promise<BuildOptions> {
  if (options.koFile !== undefined) return options;
  const { workingDirectory = ".", environment = processEnvironment() } = options;
  const found = await findKoFile(resolve(workingDirectory), environment);
  if (found === undefined) return options;
  // Most folders have none, and then nobody waits for the YAML library.
  const { readKoFile } = await import("./ko_yaml.ts");
  const koFile = await readKoFile(found.path, found.name);
  for (const message of koFile.notes) emit?.({ type: "note", level: "warning", message });
  return { ...options, koFile };
}
