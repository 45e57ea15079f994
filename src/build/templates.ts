/**
 * ko's templates, filled in: those in the flags of each run of go, and those in what `.ko.yaml` says of
 * images. Git and go are asked once, and only when a template reads what they know.
 * @module
 */
import { isTemplate, refuseToolexec } from "../config/checks.ts";
import type { BuildConfig } from "../config/config.ts";
import { fillImage, type GoFlagsConfig, type ImageSettings } from "../config/image_config.ts";
import { KodenoError } from "../errors.ts";
import type { WorkOptions } from "../events.ts";
import type { GitFacts } from "../git/git.ts";
import type { GoCommand } from "../go/command.ts";
import { goEnvironment, selectListFlags } from "../go/list.ts";
import { getOrSet } from "../io/work.ts";
import type { BuildGroup, BuildPlan, PlannedImage } from "./plan.ts";

type Variables = Readonly<Record<string, string>>;

/** The lists that may hold templates, as in ko. */
const FIELDS = ["flags", "ldflags"] as const;
/** Variables that say for what is built. */
const OF_A_PLATFORM = /^GO(?:OS|ARCH|EXE|386|AMD64|ARM|ARM64|MIPS|MIPS64|PPC64|RISCV64|WASM)$/;

/** What filling in needs. */
interface TemplateContext extends Pick<WorkOptions, "emit"> {
  readonly config: BuildConfig;
  /** Runs go; its environment does not matter. */
  readonly how: GoCommand;
}

/** A text that may be a template, and what names it in errors. */
type Fillable = Readonly<Record<"text" | "where", string>>;

/** What texts are filled in with, beside what git knows. */
interface FillFacts {
  /** Folder that `go env` runs in. */
  readonly directory: string;
  readonly environment: Variables;
  /** Creation time of the image in seconds since 1970; default now. */
  readonly sourceDateEpoch: number | undefined;
  /** Whether they hold for several platforms, so that what `go env` says of one is none of them. */
  readonly allPlatforms?: boolean;
  /** Whether go parts the texts at blanks, as it does those of flags. */
  readonly parted?: boolean;
}

/**
 * Fills in the templates of a plan.
 *
 * @throws {KodenoError} `BAD_CONFIG` for a template that does not parse, or reads what is not there
 */
export async function expandPlan(plan: BuildPlan, context: TemplateContext): Promise<BuildPlan> {
  const inFlags = plan.groups.some(({ go }) => FIELDS.some((field) => go[field].some(isTemplate)));
  if (!inFlags && !plan.images.some(({ image }) => image.templates.length > 0)) return plan;
  const filler = new Filler(context);
  const groups = await Promise.all(plan.groups.map(async (group): Promise<BuildGroup> => {
    const { directory, environment } = group;
    const image = plan.images.find(({ image }) => image.go === group.go)?.image;
    const facts = { directory, environment, sourceDateEpoch: image?.sourceDateEpoch, parted: true };
    const [flags, ldflags] = await Promise.all(FIELDS.map((field) => {
      const from = image?.origins[field] ?? "the configuration";
      const at = (text: string, i: number) => ({ text, where: `${field}[${i}] of ${from}` });
      return filler.fill(group.go[field].map(at), facts);
    }));
    const go: GoFlagsConfig = { ...group.go, flags: flags ?? [], ldflags: ldflags ?? [] };
    refuseToolexec("flags", go.flags);
    return { ...group, go };
  }));
  const images = await Promise.all(plan.images.map((one) => fillPlanned(one, plan, filler)));
  return { images, groups };
}

/**
 * The flags of an image that `go list` needs, too, filled in before there is a plan.
 *
 * @throws {KodenoError} as `expandPlan`
 */
export async function listFlagsOf(
  { go, origins, sourceDateEpoch }: ImageSettings,
  directory: string,
  context: TemplateContext,
): Promise<readonly string[]> {
  const flags = selectListFlags(go.flags);
  if (!flags.some(isTemplate)) return flags;
  const environment = { ...context.how.environment, ...go.env };
  const where = `flags of ${origins.flags ?? "the configuration"}`;
  const named = flags.map((text) => ({ text, where }));
  return await new Filler(context).fill(named, {
    directory,
    environment,
    sourceDateEpoch,
    parted: true,
  });
}

/**
 * What is said of an image holds for all its platforms: of variables that name one, only those of an
 * image with a single platform are there.
 */
async function fillPlanned(
  image: PlannedImage,
  { groups }: BuildPlan,
  filler: Filler,
): Promise<PlannedImage> {
  const { templates, sourceDateEpoch, go } = image.image;
  if (templates.length === 0) return image;
  const [group, ...others] = groups.filter(({ binaries }) =>
    binaries.some(({ importPath }) => importPath === image.importPath)
  );
  const allPlatforms = group === undefined || others.length > 0;
  const common = { ...filler.context.config.go.environment, ...go.env };
  const environment = allPlatforms ? common : group.environment;
  const texts = templates.map(({ field, key, text, from }) => ({
    text,
    where: `${field}${field === "user" ? "" : `[${JSON.stringify(key)}]`} of ${from}`,
  }));
  const { directory } = image;
  const filled = await filler.fill(texts, {
    directory,
    environment,
    sourceDateEpoch,
    allPlatforms,
  });
  return { ...image, image: fillImage(image.image, filled) };
}

/** Fills in the templates of one build, for which all of them see the same time. */
class Filler {
  readonly #now = new Date();
  readonly #told = new Set<string>();
  readonly #goEnvironments = new Map<string, Promise<Variables>>();
  #git: Promise<GitFacts> | undefined;

  constructor(readonly context: TemplateContext) {}

  async fill(texts: readonly Fillable[], facts: FillFacts): Promise<readonly string[]> {
    return await Promise.all(
      texts.map((one) => isTemplate(one.text) ? this.#one(one, facts) : one.text),
    );
  }

  async #one(named: Fillable, facts: FillFacts): Promise<string> {
    // Few plans have templates, and then nobody waits for their language.
    const [{ compileTemplate }, { koData }] = await Promise.all([
      import("../template/template.ts"),
      import("../template/ko_data.ts"),
    ]);
    const template = compileTemplate(named.text, named.where);
    const [git, goEnvironment = {}] = await Promise.all([
      template.mayRead("Git") ? this.#askGit(template.mayRead("Tag")) : undefined,
      template.mayRead("GoEnv") ? this.#askGo(facts) : undefined,
    ]);
    const { environment, sourceDateEpoch } = facts;
    const date = sourceDateEpoch === undefined ? this.#now : new Date(sourceDateEpoch * 1000);
    const run = (git: object): string =>
      template.run(koData({ environment, goEnvironment, git, date }));
    const filled = run(git ?? {});
    if (git !== undefined) checkFilled(filled, run, git, named, facts);
    return filled;
  }

  async #askGit(readsTag: boolean): Promise<object> {
    const { config: { workingDirectory: directory, go }, how, emit } = this.context;
    const { gitFacts } = await import("../git/git.ts");
    const place = { directory, environment: go.environment, signal: how.signal };
    const { fields, problem, tagProblem } = await (this.#git ??= gitFacts(place));
    const message = problem ?? (readsTag ? tagProblem : undefined);
    if (message !== undefined && !this.#told.has(message)) {
      this.#told.add(message);
      emit?.({ type: "note", level: "warning", message });
    }
    return fields;
  }

  /** What `go env` prints. */
  async #askGo({ directory, environment, allPlatforms }: FillFacts): Promise<Variables> {
    // Modules may ask for another toolchain, and variables change what others say.
    const all = await getOrSet(
      this.#goEnvironments,
      JSON.stringify([directory, environment]),
      () => goEnvironment({ ...this.context.how, directory, environment }),
    );
    if (!allPlatforms) return all;
    return Object.fromEntries(Object.entries(all).filter(([name]) => !OF_A_PLATFORM.test(name)));
  }
}

/**
 * Names of branches and tags are whatever somebody has pushed: they may change no flag but the one
 * that they stand in.
 */
function checkFilled(
  filled: string,
  run: (git: object) => string,
  git: object,
  { text, where }: Fillable,
  { parted }: FillFacts,
): void {
  const refuse = (why: string): KodenoError =>
    new KodenoError("BAD_CONFIG", `Cannot fill in ${JSON.stringify(text)} in ${where}: ${why}`);
  if (filled.includes("\ufffd")) {
    throw refuse("the name of the branch or tag is not UTF-8; rename it");
  }
  if (!parted || !Object.values(git).some((value) => String(value).includes('"'))) return;
  const plain = Object.entries(git).map(([name, value]) =>
    [name, typeof value === "string" ? value.replaceAll('"', "_") : value] as const
  );
  const parts = (text: string): string =>
    JSON.stringify(words(text).map((word) => word.replaceAll('"', "_")));
  if (parts(filled) === parts(run(Object.fromEntries(plain)))) return;
  throw refuse(
    `a quote in the name of the branch or tag makes other flags of it, ${filled}; ` +
      "take the quotes around it out, or rename it",
  );
}

/** The words of a text, as go parts it: at blanks, but those in quotes around a word. */
function words(text: string): readonly string[] {
  return [...text.matchAll(/"([^"]*)"?|'([^']*)'?|[^ \t\r\n]+/g)].map(([all, double, single]) =>
    double ?? single ?? all
  );
}
