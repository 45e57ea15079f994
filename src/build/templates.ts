/**
 * ko's templates, filled in: those in the flags of each run of go, and those in what `.ko.yaml` says of
 * images. Git and go are asked once, and only when a template reads what they know.
 * @module
 */
import { isTemplate, refuseToolexec } from "../config/checks.ts";
import type { BuildConfig } from "../config/config.ts";
import { fillImage, type ImageSettings, portOrTemplate } from "../config/image_config.ts";
import { KodenoError } from "../errors.ts";
import type { Emit } from "../events.ts";
import type { GitFacts } from "../git/git.ts";
import type { GoCommand } from "../go/command.ts";
import { goEnvironment, selectListFlags } from "../go/list.ts";
import { getOrSet } from "../io/concurrency.ts";
import type { BuildGroup, BuildPlan, PlannedImage } from "./plan.ts";

type Variables = Readonly<Record<string, string>>;

/** The lists that may hold templates, as in ko. */
const FIELDS = ["flags", "ldflags"] as const;
/** Variables that say for what is built. */
const OF_A_PLATFORM = /^GO(?:OS|ARCH|EXE|386|AMD64|ARM|ARM64|MIPS|MIPS64|PPC64|RISCV64|WASM)$/;

/** A text that may be a template, and what names it in errors. */
type Fillable = Readonly<Record<"text" | "where", string>>;

/** A text that was filled in, and as others may read it: without what the environment has said. */
type Filled = Readonly<Record<"text" | "told", string>>;

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
 * The templates of one build, for which all of them see the same time. A template that does not parse,
 * or reads what is not there, is `BAD_CONFIG`.
 */
export class Templates {
  readonly #now = new Date();
  readonly #told = new Set<string>();
  readonly #goEnvironments = new Map<string, Promise<Variables>>();
  #git: Promise<GitFacts> | undefined;

  /** @param how runs go; neither its environment nor its folder matters */
  constructor(readonly config: BuildConfig, readonly how: GoCommand, readonly emit?: Emit) {}

  /** Fills in those of a plan. */
  async expand(plan: BuildPlan): Promise<BuildPlan> {
    const told = new Map<unknown, Pick<ImageSettings["go"], (typeof FIELDS)[number]>>();
    const groups = await Promise.all(plan.groups.map(async (group): Promise<BuildGroup> => {
      const image = plan.images.find(({ image }) => image.go === group.go)?.image;
      const facts = { ...group, sourceDateEpoch: image?.sourceDateEpoch, parted: true };
      const [flags = [], ldflags = []] = await Promise.all(FIELDS.map((field) => {
        const from = image?.origins[field] ?? "the configuration";
        const at = (text: string, i: number) => ({ text, where: `${field}[${i}] of ${from}` });
        return this.#fill(group.go[field].map(at), facts);
      }));
      const [own, linker] = [flags.map(textOf), ldflags.map(textOf)];
      refuseToolexec("flags", own);
      // What differs from platform to platform is what go's environment says.
      told.set(group.go, { flags: flags.map(toldOf), ldflags: ldflags.map(toldOf) });
      return { ...group, go: { ...group.go, flags: own, ldflags: linker } };
    }));
    const images = await Promise.all(plan.images.map(async (one) => {
      const image = await this.#image(one, plan);
      const { go } = image.told;
      return { ...image, told: { ...image.told, go: { ...go, ...told.get(one.image.go) } } };
    }));
    return { images, groups };
  }

  /** The flags of an image that `go list` needs, too, filled in before there is a plan. */
  async listFlags(
    { go, origins, sourceDateEpoch }: ImageSettings,
    directory: string,
  ): Promise<readonly string[]> {
    const where = `flags of ${origins.flags ?? "the configuration"}`;
    const named = selectListFlags(go.flags).map((text) => ({ text, where }));
    const environment = { ...this.how.environment, ...go.env };
    const facts = { directory, environment, sourceDateEpoch, parted: true };
    return (await this.#fill(named, facts)).map(textOf);
  }

  /**
   * What is said of an image holds for all its platforms: of variables that name one, only those of an
   * image with a single platform are there.
   */
  async #image(planned: PlannedImage, { groups }: BuildPlan): Promise<PlannedImage> {
    const { image, importPath, directory } = planned;
    const [group, ...others] = groups.filter(({ binaries }) =>
      binaries.some((binary) => binary.importPath === importPath)
    );
    const allPlatforms = group === undefined || others.length > 0;
    const common = { ...this.config.go.environment, ...image.go.env };
    const environment = allPlatforms ? common : group.environment;
    const texts = image.templates.map(({ field, key, text, from }) => ({
      text,
      where: `${field}${field === "user" ? "" : `[${JSON.stringify(key)}]`} of ${from}`,
    }));
    const { sourceDateEpoch } = image;
    const facts = { directory, environment, sourceDateEpoch, allPlatforms };
    const filled = await this.#fill(texts, facts);
    return {
      ...planned,
      image: fillImage(image, filled.map(textOf)),
      told: fillImage(image, filled.map(toldOf), portOrTemplate),
    };
  }

  async #fill(texts: readonly Fillable[], facts: FillFacts): Promise<readonly Filled[]> {
    return await Promise.all(texts.map((one) => {
      const { text } = one;
      return isTemplate(text) ? this.#one(one, facts) : { text, told: text };
    }));
  }

  async #one(named: Fillable, facts: FillFacts): Promise<Filled> {
    // Few plans have templates, and then nobody waits for their language.
    const [{ compileTemplate }, { koData }] = await Promise.all([
      import("../template/template.ts"),
      import("../template/ko_data.ts"),
    ]);
    const template = compileTemplate(named.text, named.where);
    const [git, goEnvironment] = await Promise.all([
      template.mayRead("Git") ? this.#askGit(template.mayRead("Tag")) : undefined,
      template.mayRead("GoEnv") ? this.#askGo(facts) : {},
    ]);
    const { environment, sourceDateEpoch } = facts;
    const date = sourceDateEpoch === undefined ? this.#now : new Date(sourceDateEpoch * 1000);
    const run = (git: object): string =>
      template.run(koData({ environment, goEnvironment, git, date }));
    const filled = run(git ?? {});
    if (git !== undefined) checkFilled(filled, run, git, named, facts);
    const isOfEnvironment = template.mayRead("Env") || template.mayRead("GoEnv");
    return { text: filled, told: isOfEnvironment ? named.text : filled };
  }

  async #askGit(readsTag: boolean): Promise<object> {
    const { config: { workingDirectory: directory, go }, how, emit } = this;
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
    const key = JSON.stringify([directory, environment]);
    const ask = () => goEnvironment({ ...this.how, directory, environment });
    const all = await getOrSet(this.#goEnvironments, key, ask);
    if (!allPlatforms) return all;
    return Object.fromEntries(Object.entries(all).filter(([name]) => !OF_A_PLATFORM.test(name)));
  }
}

const textOf = ({ text }: Filled): string => text;
const toldOf = ({ told }: Filled): string => told;

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
  const unquoted = (value: unknown) =>
    typeof value === "string" ? value.replaceAll('"', "_") : value;
  const plain = Object.entries(git).map(([name, value]) => [name, unquoted(value)]);
  const parts = (text: string): string => JSON.stringify(words(text).map(unquoted));
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
