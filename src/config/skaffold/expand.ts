/**
 * Templates of a skaffold.yaml, filled in with the environment.
 * @module
 */
import { KodenoError } from "../../errors.ts";
import { skaffoldFunctions, type SkaffoldWorld } from "../../template/skaffold_functions.ts";
import { compileTemplate } from "../../template/template.ts";

export type { SkaffoldWorld };

/** Names and values that a template may read. */
export type TemplateValues = Readonly<Record<string, string>>;

/**
 * Fills in a template. ko's `.Env.NAME` is read as `.NAME`, as Skaffold does it; a value that is not
 * there is an error, unless the template itself says what stands for it (`default "x" .NAME`).
 *
 * @param where says in errors whose it is
 * @param values what it may read beside the environment; they beat it
 * @param world the environment, and what its functions may ask
 * @throws {KodenoError} `BAD_CONFIG`
 */
export function expandTemplate(
  text: string,
  where: string,
  values: TemplateValues,
  world: SkaffoldWorld,
): string {
  if (!text.includes("{{")) return text;
  const all = { ...world.environment, ...values };
  const ofSkaffold = text.replaceAll("{{.Env.", "{{.");
  const functions = skaffoldFunctions(world);
  const expanded = compileTemplate(ofSkaffold, where, { functions, missingKey: "nothing" })
    .run(all);
  if (!expanded.includes("<no value>")) return expanded;
  // Run once more for the name of what is missing.
  compileTemplate(ofSkaffold, where, { functions, missingKey: "error" }).run(all);
  throw new KodenoError(
    "BAD_CONFIG",
    `Cannot fill in ${JSON.stringify(text)} in ${where}: a variable in it is not set; set it`,
  );
}
