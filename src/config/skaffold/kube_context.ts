/**
 * The current context of kubectl's configuration.
 * @module
 */
import { join } from "node:path";
import { type Environment, variable } from "../environment.ts";
import { readYaml } from "../yaml/document.ts";

/**
 * Reads the current context: that of the first file of `KUBECONFIG` (or of `~/.kube/config`) that
 * names one; "" where none does.
 *
 * @param only a file to read in the place of those, which has to be there
 * @throws {KodenoError} `BAD_CONFIG` for a file that is not YAML
 */
export async function readKubeContext(environment: Environment, only?: string): Promise<string> {
  const named = variable(environment, "KUBECONFIG");
  const separator = Deno.build.os === "windows" ? ";" : ":";
  const home = variable(environment, "HOME") ?? variable(environment, "USERPROFILE");
  const usual = home === undefined ? [] : [join(home, ".kube", "config")];
  for (const file of only === undefined ? named?.split(separator) ?? usual : [only]) {
    const info = await Deno.stat(file).catch(() => undefined);
    if (!info?.isFile && file !== only) continue;
    const { documents: [{ value }] } = await readYaml(file);
    if (value === null || typeof value !== "object") continue;
    const context: unknown = Reflect.get(value, "current-context");
    if (typeof context === "string" && context !== "") return context;
  }
  return "";
}
