/**
 * Skaffold's global configuration, which is what a person has said once for all projects or for those
 * of one Kubernetes context, and that context.
 * @module
 */
import { delimiter, join, resolve } from "node:path";
import { exists, isFile } from "../../io/files.ts";
import { z } from "../../npm/zod.ts";
import { type Environment, processEnvironment, variable } from "../environment.ts";
import { checkYaml } from "../yaml/check.ts";
import { readYaml } from "../yaml/document.ts";
import {
  type SettledOptions,
  SKAFFOLD_FILES,
  type SkaffoldOptions,
  VARIABLES,
  withVariables,
} from "./options.ts";
import { regexpEqual } from "./profiles.ts";

const unread = z.unknown().describe("not read by kodeno").optional();

const contextSettings = z.strictObject({
  "kube-context": z.string().describe("the context it is for, or a regular expression").optional(),
  "default-repo": z.string().describe("what comes before image names").optional(),
  "multi-level-repo": z.boolean().describe("whether that has names of many elements").optional(),
  "insecure-registries": z.array(z.string()).describe("registries of plain HTTP").optional(),
  "local-cluster": unread,
  "debug-helpers-registry": unread,
  "update-check": unread,
  survey: unread,
  "kind-disable-load": unread,
  "k3d-disable-load": unread,
  "collect-metrics": unread,
  update: unread,
});

const globalSettings = z.strictObject({
  global: contextSettings.describe("for all contexts").optional(),
  kubeContexts: z.array(contextSettings).describe("for one context each").optional(),
}).describe("Skaffold: settings of a person");

/** Completes options from Skaffold's variables and the process. */
export function settleOptions(options: SkaffoldOptions): SettledOptions {
  const environment = options.environment ?? processEnvironment();
  const asked = withVariables(options, environment, VARIABLES);
  const workingDirectory = resolve(options.workingDirectory ?? ".");
  const kubeConfig = asked.kubeConfig && resolve(workingDirectory, asked.kubeConfig);
  return {
    ...asked,
    environment,
    workingDirectory,
    file: asked.file ?? SKAFFOLD_FILES[0],
    kubeContext: async () => asked.kubeContext ?? await readKubeContext(environment, kubeConfig),
  };
}

/**
 * Completes options from the global configuration, with lines for a person about the file. As in
 * Skaffold, of several entries for the current context the last counts, `global` fills in what it
 * leaves out, and the insecure registries of all hold; without a context, only `global` does.
 */
export async function withGlobalConfig(
  asked: SettledOptions,
): Promise<{ readonly options: SettledOptions; readonly notes: string[] }> {
  const { globalConfig: file, insecureRegistries = [] } = asked;
  const usual = inHome(asked.environment, ".skaffold", "config");
  const path = file ? resolve(asked.workingDirectory, file) : usual;
  if (path === undefined || !exists(path)) {
    const missing = `Cannot find Skaffold's configuration ${file}: there is no such file; ` +
      "nothing is taken from it";
    return { options: { ...asked, insecureRegistries }, notes: file ? [missing] : [] };
  }
  const notes: string[] = [];
  const note = (line: string) => notes.push(line);
  const [document] = await readYaml(path, { name: file || path, note });
  // What another version of Skaffold knows does no harm.
  const [{ global = {}, kubeContexts = [] }] = checkYaml([document], globalSettings, { note });
  const current = await asked.kubeContext();
  const own = current === ""
    ? undefined
    : kubeContexts.findLast((one) => regexpEqual(one["kube-context"] ?? "", current));
  const options = {
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
 * The context that the first file of `KUBECONFIG` (or of `~/.kube/config`) names, or `only` one, which
 * has to be there; "" where none does.
 */
async function readKubeContext(environment: Environment, only?: string): Promise<string> {
  const named = variable(environment, "KUBECONFIG");
  const usual = inHome(environment, ".kube", "config") ?? [];
  for (const file of [only ?? named?.split(delimiter) ?? usual].flat()) {
    if (file !== only && !isFile(file)) continue;
    const [{ value }] = await readYaml(file);
    const context: unknown = Object(value)["current-context"];
    if (typeof context === "string" && context !== "") return context;
  }
  return "";
}
