/**
 * Templates of a plan, filled in: those in the flags of each run of go, and those in what `.ko.yaml`
 * says of images.
 * @module
 */
import type { BuildConfig } from "../config/config.ts";
import { refuseToolexec } from "../config/checks.ts";
import { fillImage, type GoFlagsConfig, type ImageConfig } from "../config/image_config.ts";
import type { Emit } from "../events.ts";
import { selectListFlags } from "../go/list.ts";
import type { GoCommand } from "../go/command.ts";
import type { BuildGroup, BuildPlan, PlannedImage } from "./plan.ts";
import type { Fillable, TemplateFiller } from "./template_filler.ts";

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
 * Fills in the templates of a plan.
 *
 * @throws {KodenoError} `BAD_CONFIG` for a template that does not parse, or reads what is not there
 */
export async function expandPlan(plan: BuildPlan, context: TemplateContext): Promise<BuildPlan> {
  const inFlags = plan.groups.some(({ go }) => FIELDS.some((field) => go[field].some(isTemplate)));
  if (!inFlags && !plan.images.some(({ image }) => image.templates.length > 0)) return plan;
  const filler = await newFiller(context);
  const groups = await Promise.all(plan.groups.map(async (group): Promise<BuildGroup> => {
    const image = plan.images.find(({ image }) => image.go === group.go)?.image;
    const { directory, environment } = group;
    const facts = { directory, environment, created: image?.created, parted: true };
    const filled = await Promise.all(
      FIELDS.map(async (field) => [
        field,
        await filler.fill(fillables(group.go[field], field, image), facts),
      ]),
    );
    const go: GoFlagsConfig = { ...group.go, ...Object.fromEntries(filled) };
    refuseToolexec("flags", go.flags);
    return { ...group, go };
  }));
  const images = await Promise.all(
    plan.images.map((image) => fillOne(image, plan, context, filler)),
  );
  return { images, groups };
}

/**
 * The flags of an image that `go list` needs, too, filled in before there is a plan.
 *
 * @throws {KodenoError} as `expandPlan`
 */
export async function listFlagsOf(
  image: ImageConfig,
  directory: string,
  context: TemplateContext,
): Promise<readonly string[]> {
  const flags = selectListFlags(image.go.flags);
  if (!flags.some(isTemplate)) return flags;
  const filler = await newFiller(context);
  const environment = { ...context.how.environment, ...image.go.env };
  const where = `flags of ${image.origins.flags ?? "the configuration"}`;
  return await filler.fill(flags.map((text) => ({ text, where })), {
    directory,
    environment,
    created: image.created,
    parted: true,
  });
}

/** Few plans have templates, and then nobody waits for their language. */
async function newFiller({ config, how, emit }: TemplateContext): Promise<TemplateFiller> {
  const { TemplateFiller } = await import("./template_filler.ts");
  const { environment } = config.go;
  const git = { directory: config.workingDirectory, environment, signal: how.signal };
  return new TemplateFiller({ git, go: how, emit });
}

function isTemplate(text: string): boolean {
  return text.includes("{{");
}

function fillables(
  texts: readonly string[],
  field: typeof FIELDS[number],
  image: ImageConfig | undefined,
): readonly Fillable[] {
  const from = image?.origins[field] ?? "the configuration";
  return texts.map((text, i) => ({ text, where: `${field}[${i}] of ${from}` }));
}

/**
 * What is said of an image holds for all its platforms: of variables that name one, only those of an
 * image with a single platform are there.
 */
async function fillOne(
  image: PlannedImage,
  { groups }: BuildPlan,
  { config }: TemplateContext,
  filler: TemplateFiller,
): Promise<PlannedImage> {
  const { templates, created, go } = image.image;
  if (templates.length === 0) return image;
  const [group, ...others] = groups.filter(({ binaries }) =>
    binaries.some(({ importPath }) => importPath === image.importPath)
  );
  const allPlatforms = group === undefined || others.length > 0;
  const environment = allPlatforms ? { ...config.go.environment, ...go.env } : group.environment;
  const texts = templates.map(({ field, key, text, from }) => ({
    text,
    where: `${field}${field === "user" ? "" : `[${JSON.stringify(key)}]`} of ${from}`,
  }));
  const { directory } = image;
  const facts = { directory, environment, created, allPlatforms };
  const filled = await filler.fill(texts, facts);
  return { ...image, image: fillImage(image.image, filled) };
}
