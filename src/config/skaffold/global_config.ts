/**
 * Skaffold's global configuration: what a person has said once for all projects, or for those of one
 * Kubernetes context.
 * @module
 */
import { join, resolve } from "node:path";
import { z } from "zod";
import { exists } from "../../io/files.ts";
import { type Environment, variable } from "../environment.ts";
import { checkYaml } from "../yaml/check.ts";
import { readYaml } from "../yaml/document.ts";
import type { SkaffoldOptions, SkaffoldPlace } from "./options.ts";
import { regexpEqual } from "./profiles.ts";

const foreign = z.unknown().describe("not read by kodeno").optional();

const context = z.looseObject({
  "kube-context": z.string().describe("the context it is for, or a regular expression").optional(),
  "default-repo": z.string().describe("what comes before image names").optional(),
  "multi-level-repo": z.boolean().describe("whether that has names of many elements").optional(),
  "insecure-registries": z.array(z.string()).describe("registries of plain HTTP").optional(),
  "local-cluster": foreign,
  "debug-helpers-registry": foreign,
  "update-check": foreign,
  survey: foreign,
  "kind-disable-load": foreign,
  "k3d-disable-load": foreign,
  "collect-metrics": foreign,
  update: foreign,
});

const schema = z.looseObject({
  global: context.describe("for all contexts").optional(),
  kubeContexts: z.array(context).describe("for one context each").optional(),
}).describe("Skaffold: settings of a person");

/**
 * Completes options from the global configuration. As in Skaffold, of several entries for the current
 * context the last counts, `global` fills in what it leaves out, and the insecure registries of all
 * hold; without a context, only `global` does.
 *
 * @throws {KodenoError} `BAD_CONFIG` for a file that cannot be read or says what it may not
 */
export async function withGlobalConfig(
  asked: SkaffoldOptions,
  place: SkaffoldPlace,
): Promise<{ readonly options: SkaffoldOptions; readonly notes: readonly string[] }> {
  const { globalConfig: file, insecureRegistries = [] } = asked;
  const usual = inHome(place.environment, ".skaffold", "config");
  const path = file ? resolve(place.workingDirectory, file) : usual;
  if (path === undefined || !await exists(path)) {
    const missing = `Cannot find Skaffold's configuration ${file}: there is no such file; ` +
      "nothing is taken from it";
    return { options: { ...asked, insecureRegistries }, notes: file ? [missing] : [] };
  }
  const name = file || path;
  const [document] = await readYaml(path, { name, documents: "many" });
  const { value: { global = {}, kubeContexts = [] }, notes } = checkYaml(document, schema);
  const current = await place.kubeContext();
  const own = current === ""
    ? undefined
    : kubeContexts.findLast((one) => regexpEqual(one["kube-context"] ?? "", current));
  const options: SkaffoldOptions = {
    ...asked,
    defaultRepo: asked.defaultRepo ??
      (own?.["default-repo"] || global["default-repo"] || undefined),
    // "false" of the context is nothing said, too, as Skaffold merges both.
    multiLevelRepo: asked.multiLevelRepo ??
      (own?.["multi-level-repo"] || global["multi-level-repo"]),
    insecureRegistries: [
      ...insecureRegistries,
      ...own?.["insecure-registries"] ?? [],
      ...global["insecure-registries"] ?? [],
    ],
  };
  return { options, notes };
}

function inHome(environment: Environment, ...path: readonly string[]): string | undefined {
  const home = variable(environment, "HOME") ?? variable(environment, "USERPROFILE");
  return home === undefined ? undefined : join(home, ...path);
}

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
  const usual = inHome(environment, ".kube", "config") ?? [];
  for (const file of [only ?? named?.split(separator) ?? usual].flat()) {
    const info = await Deno.stat(file).catch(() => undefined);
    if (!info?.isFile && file !== only) continue;
    const [{ value }] = await readYaml(file);
    if (value === null || typeof value !== "object") continue;
    const context: unknown = Reflect.get(value, "current-context");
    if (typeof context === "string" && context !== "") return context;
  }
  return "";
}
