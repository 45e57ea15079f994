/**
 * Templates in flags, filled in for each run of go: what ko calls `.Env`, `.GoEnv`, `.Git`, `.Date`
 * and `.Timestamp`.
 * @module
 */
import type { BuildConfig } from "../config/build_config.ts";
import { refuseToolexec } from "../config/checks.ts";
import type { GoFlagsConfig, ImageConfig } from "../config/image_config.ts";
import type { Emit } from "../events.ts";
import { gitFacts } from "../git/facts.ts";
import type { GoCommand } from "../gobuild/command.ts";
import { allGoVariables } from "../gobuild/list.ts";
import type { BuildGroup, BuildPlan } from "../plan/plan.ts";
import type { compileTemplate, Template } from "../template/template.ts";

/** The lists that may hold templates, as in ko. */
const FIELDS = ["flags", "ldflags"] as const;

/** What filling in needs. */
export interface TemplateContext {
  readonly config: BuildConfig;
  /** Runs go; its environment does not matter. */
  readonly how: GoCommand;
  readonly emit?: Emit | undefined;
}

/**
 * Fills in the templates of all flags of a plan. Git and go are asked once, and only when a template
 * reads what they know.
 *
 * @throws {KodenoError} `BAD_CONFIG` for a template that does not parse, or reads what is not there
 */
export async function expandPlan(plan: BuildPlan, context: TemplateContext): Promise<BuildPlan> {
  if (!plan.groups.some(({ go }) => FIELDS.some((field) => go[field].some(isTemplate)))) {
    return plan;
  }
  // Few flags have templates, and then nobody waits for their language.
  const [{ koData }, language] = await Promise.all([
    import("../template/ko_functions.ts"),
    import("../template/template.ts"),
  ]);
  const compiled = plan.groups.map((group) => {
    const image = plan.images.find(({ image }) => image.go === group.go)?.image;
    return { group, image, templates: compile(group.go, image, language.compileTemplate) };
  });
  const uses = (field: string): boolean =>
    compiled.some(({ templates }) =>
      [...templates.values()].flat().some((template) => template.mayRead(field))
    );
  const [git, goEnvironments] = await Promise.all([
    uses("Git") ? askGit(context, uses("Tag")) : undefined,
    uses("GoEnv") ? askGo(plan, context) : undefined,
  ]);
  const now = new Date();
  const groups = compiled.map(({ group, image, templates }): BuildGroup => {
    const { created } = image ?? {};
    const data = koData({
      environment: group.environment,
      goEnvironment: goEnvironments?.get(group.directory) ?? {},
      git: git ?? {},
      date: created === undefined ? now : new Date(created * 1000),
    });
    const filled = [...templates].map(([field, list]) => [field, list.map((t) => t.run(data))]);
    const go: GoFlagsConfig = { ...group.go, ...Object.fromEntries(filled) };
    refuseToolexec("flags", go.flags);
    return { ...group, go };
  });
  return { ...plan, groups };
}

function isTemplate(text: string): boolean {
  return text.includes("{{");
}

function compile(
  go: GoFlagsConfig,
  image: ImageConfig | undefined,
  compileText: typeof compileTemplate,
) {
  return new Map(FIELDS.map((field) => {
    const from = image?.origins[field] ?? "the configuration";
    const list: readonly Template[] = go[field].map((text, i) =>
      compileText(text, `${field}[${i}] of ${from}`)
    );
    return [field, list];
  }));
}

async function askGit({ config, how, emit }: TemplateContext, readsTag: boolean): Promise<object> {
  const { environment } = config.go;
  const place = { directory: config.workingDirectory, environment, signal: how.signal };
  const { fields, problem, tagProblem } = await gitFacts(place);
  const message = problem ?? (readsTag ? tagProblem : undefined);
  if (message !== undefined) emit?.({ type: "note", level: "warning", message });
  return fields;
}

/** What `go env` prints, by the folder it runs in: modules may ask for another toolchain. */
async function askGo(
  { groups }: BuildPlan,
  { how }: TemplateContext,
): Promise<ReadonlyMap<string, Readonly<Record<string, string>>>> {
  const first = new Map([...groups].reverse().map((group) => [group.directory, group]));
  return new Map(
    await Promise.all(
      [...first].map(async ([directory, { environment }]) =>
        [directory, await allGoVariables({ ...how, directory, environment })] as const
      ),
    ),
  );
}
