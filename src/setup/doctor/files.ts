/**
 * Can the configuration files of the folder be used?
 * @module
 */
import { join } from "node:path";
import { loadConfig, resolveBuildConfig } from "../../config/config.ts";
import { withSkaffoldEnv } from "../../config/skaffold/env_file.ts";
import { withGlobalConfig } from "../../config/skaffold/global_config.ts";
import { readKubeContext } from "../../config/skaffold/kube_context.ts";
import { withVariables } from "../../config/skaffold/options.ts";
import { skaffoldSchema } from "../../config/skaffold/schema.ts";
import { tryYaml } from "../../config/yaml/check.ts";
import { readYaml } from "../../config/yaml/document.ts";
import { faultsError } from "../../config/yaml/faults.ts";
import { messageOf } from "../../errors.ts";
import { type Finding, ok, type Patient, warning, wrong } from "./check.ts";

/** Finds out about `.ko.yaml`, skaffold.yaml, and the variables that go with them. */
export async function checkFiles(patient: Patient): Promise<readonly Finding[]> {
  return [...await ko(patient), ...await skaffold(patient)];
}

async function ko({ directory, environment, offline }: Patient): Promise<readonly Finding[]> {
  try {
    const options = await loadConfig({ workingDirectory: directory, environment, offline });
    resolveBuildConfig(options);
    const { koFile } = options;
    if (koFile === undefined) return [ok(".ko.yaml", 'there is none; "kodeno init" proposes one')];
    return [ok(".ko.yaml", koFile.path), ...koFile.notes.map((note) => warning(".ko.yaml", note))];
  } catch (error) {
    return lines(error).map((line) => wrong(".ko.yaml", line));
  }
}

async function skaffold({ directory, environment }: Patient): Promise<readonly Finding[]> {
  const check = "skaffold.yaml";
  for (const name of ["skaffold.yaml", "skaffold.yml"]) {
    const path = join(directory, name);
    if (!(await Deno.stat(path).catch(() => undefined))?.isFile) continue;
    try {
      const { documents } = await readYaml(path, { name, documents: "many" });
      // Skaffold leaves keys that begin with a dot to anchors.
      const outcomes = documents.map((one) =>
        tryYaml(one, skaffoldSchema, (key) => key.startsWith("."))
      );
      const faults = outcomes.flatMap((one) => one.ok ? [] : one.faults);
      if (faults.length > 0) throw faultsError(faults);
      const notes = outcomes.flatMap((one) => one.ok ? one.notes : []);
      const settings = await skaffoldSettings(directory, environment);
      return [ok(check, name), ...notes.map((note) => warning(check, note)), ...settings];
    } catch (error) {
      return lines(error).map((line) => wrong(check, line));
    }
  }
  return [];
}

/** What Skaffold reads beside: `skaffold.env`, and the global configuration. */
async function skaffoldSettings(
  directory: string,
  own: Patient["environment"],
): Promise<readonly Finding[]> {
  const check = "Skaffold's settings";
  const { environment, notes } = await withSkaffoldEnv(directory, own);
  const warnings = notes.map((note) => warning(check, note));
  try {
    const place = { workingDirectory: directory, environment };
    const kubeContext = () => readKubeContext(environment);
    const asked = withVariables({}, environment);
    const global = await withGlobalConfig(asked, { ...place, kubeContext });
    return [...warnings, ...global.notes.map((note) => warning(check, note))];
  } catch (error) {
    return [...warnings, ...lines(error).map((line) => wrong(check, line))];
  }
}

function lines(error: unknown): readonly string[] {
  return messageOf(error).split("\n");
}
