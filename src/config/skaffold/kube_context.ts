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
 * @throws {KodenoError} `BAD_CONFIG` for a file that is not YAML
 */
export async function readKubeContext(environment: Environment): Promise<string> {
  const named = variable(environment, "KUBECONFIG");
  const separator = Deno.build.os === "windows" ? ";" : ":";
  const files = named?.split(separator) ??
    [join(variable(environment, "HOME") ?? "", ".kube", "config")];
  for (const file of files) {
    const info = await Deno.stat(file).catch(() => undefined);
    if (!info?.isFile) continue;
    const { documents: [{ value }] } = await readYaml(file);
    if (value === null || typeof value !== "object") continue;
    const context: unknown = Reflect.get(value, "current-context");
    if (typeof context === "string" && context !== "") return context;
  }
  return "";
}
