/**
 * Templates of a skaffold.yaml, filled in with the environment.
 * @module
 */
import { isTemplate } from "../checks.ts";
import { KodenoError } from "../../errors.ts";
import { skaffoldFunctions, type SkaffoldWorld } from "../../template/skaffold_functions.ts";
import { compileTemplate } from "../../template/template.ts";

/** Names and values that a template may read. */
export type TemplateValues = Readonly<Record<string, string>>;

/** The world with programs that take their time. */
export interface AskableWorld extends Omit<SkaffoldWorld, "run"> {
  /** Runs a program for `cmd` and gives what it prints; fails with an Error. Without it, none is run. */
  readonly run?: ((name: string, args: readonly string[]) => Promise<string>) | undefined;
}

/**
 * Fills in a template. ko's `.Env.NAME` is read as `.NAME`, as Skaffold does it; a value that is not
 * there is an error, unless the template itself says what stands for it (`default "x" .NAME`).
 *
 * @param where says in errors whose it is
 * @param values what it may read beside the environment; they beat it
 * @param world the environment, and what its functions may ask
 * @throws {KodenoError} `BAD_CONFIG`
 */
export async function expandTemplate(
  text: string,
  where: string,
  values: TemplateValues,
  { run, ...world }: AskableWorld,
): Promise<string> {
  if (!isTemplate(text)) return text;
  if (run === undefined) return expandNow(text, where, values, world);
  const said = new Map<string, PromiseSettledResult<string>>();
  // Templates do not wait: where one asks for a program, it is run, and then all begins anew.
  for (;;) {
    let asked: readonly [name: string, args: readonly string[]] | undefined;
    const answer = (name: string, args: readonly string[]): string => {
      const result = said.get(JSON.stringify([name, args]));
      if (result?.status === "fulfilled") return result.value;
      if (result === undefined) asked = [name, args];
      throw result?.reason ?? new Error("it is being run");
    };
    try {
      return expandNow(text, where, values, { ...world, run: answer });
    } catch (error) {
      if (asked === undefined) throw error;
      const [result] = await Promise.allSettled([run(...asked)]);
      said.set(JSON.stringify(asked), result);
    }
  }
}

function expandNow(
  text: string,
  where: string,
  values: TemplateValues,
  world: SkaffoldWorld,
): string {
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
