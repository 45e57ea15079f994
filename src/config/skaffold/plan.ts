/**
 * A skaffold.yaml to a plan: the images of Skaffold's ko builder, with the names and tags that
 * Skaffold itself gives them.
 * @module
 */
import { resolve } from "node:path";
import { didYouMean, KodenoError, messageOf } from "../../errors.ts";
import { type Environment, processEnvironment } from "../environment.ts";
import { type Fault, faultsError, formatFault } from "../yaml/faults.ts";
import { builderOf, contextOf, planArtifact, type SkaffoldArtifact } from "./artifact.ts";
import type { AskableWorld } from "./expand.ts";
import { parseName, underDefaultRepo } from "./default_repo.ts";
import { readKubeContext, withGlobalConfig } from "./global_config.ts";
import { planHooks, type SkaffoldHooks } from "./hooks.ts";
import {
  DEFAULT_DIGEST_PATHS,
  type GitTagOptions,
  inputDigest,
  makeTag,
  type TagSources,
} from "./tags.ts";
import { loadConfigs, type Loaded, type LoadedConfig } from "./load.ts";
import { artifactFaults, requiredBy } from "./order.ts";
import { type Host, thisHost } from "./platforms.ts";
import type { Artifact } from "./schema.ts";
import { type SkaffoldOptions, withVariables } from "./options.ts";

/** What the plan cannot know by itself. */
export interface SkaffoldParts {
  /** The tag of a folder by git; see `gitCommitTag` of `src/git`. Without it such tags stay open. */
  readonly gitTag?: ((how: GitTagOptions) => Promise<string>) | undefined;
  /** The time of the build; default now. */
  readonly now?: (() => Date) | undefined;
  /** Runs a program for `cmd` of templates; without it, `cmd` is refused. */
  readonly run?: AskableWorld["run"];
  /** The same for what is said of images, which names and tags do not need; default `run`. */
  readonly runForImages?: AskableWorld["run"];
  /** Ends the reading of files for tags, which are then latest. */
  readonly signal?: AbortSignal | undefined;
  /** The machine, as Go names it. */
  readonly host?: Host | undefined;
}

/** An artifact that somebody else builds. */
interface SkippedArtifact {
  readonly imageName: string;
  /** Such as `docker`. */
  readonly builder: string;
}

/** What a skaffold.yaml says to build. Frozen. */
export interface SkaffoldPlan {
  /** In Skaffold's order: that of the files, required configurations first. */
  readonly artifacts: readonly SkaffoldArtifact[];
  readonly skipped: readonly SkippedArtifact[];
  /** Commands around all builds: of each configuration that has an artifact here, in their order. */
  readonly hooks: readonly SkaffoldHooks[];
  /** What comes before image names, where a flag or its variable says so. */
  readonly defaultRepo: string | undefined;
  /** Every file that was read; absolute. */
  readonly files: readonly string[];
  /** Lines for a person. */
  readonly notes: readonly string[];
}

/**
 * Reads a skaffold.yaml.
 *
 * @throws {KodenoError} `BAD_CONFIG` with a line for each fault; `BAD_OPTION` for an image, profile or
 *   module that is not there
 */
export async function planSkaffold(
  options: SkaffoldOptions,
  parts: SkaffoldParts,
): Promise<SkaffoldPlan> {
  const environment = options.environment ?? processEnvironment();
  const asked = withVariables(options, environment);
  const workingDirectory = resolve(options.workingDirectory ?? ".");
  const kubeContext = async (): Promise<string> =>
    asked.kubeContext ?? await readKubeContext(
      environment,
      asked.kubeConfig && resolve(workingDirectory, asked.kubeConfig),
    );
  const loaded = await loadConfigs({
    workingDirectory,
    file: asked.file ?? "skaffold.yaml",
    profiles: asked.profiles ?? [],
    modules: asked.modules ?? [],
    propagateProfiles: asked.propagateProfiles ?? true,
    circumstances: {
      command: options.command ?? "build",
      environment,
      autoActivation: asked.profileAutoActivation ?? true,
      kubeContext,
    },
  });
  const { options: settled, notes } = await withGlobalConfig(asked, {
    workingDirectory,
    environment,
    kubeContext,
  });
  const all = { ...loaded, notes: [...notes, ...loaded.notes] };
  return await new Planner(asked, settled, parts, all, workingDirectory, environment).plan();
}

interface Found {
  readonly artifact: Artifact;
  readonly loaded: LoadedConfig;
}

const AS_LATEST = "is tagged latest, as Skaffold does it";
const GIT_IS_NOT_ASKED = new Error("git is not asked");

class Planner {
  readonly #faults: Fault[] = [];
  readonly #notes: string[];
  readonly #found: readonly Found[];
  readonly #byName: ReadonlyMap<string, Found>;
  readonly #host: Host;

  /**
   * Plans what was loaded.
   *
   * @param asked what was said by flags and variables
   * @param options the same, with what the global configuration adds
   */
  constructor(
    readonly asked: SkaffoldOptions,
    readonly options: SkaffoldOptions,
    readonly parts: SkaffoldParts,
    readonly loaded: Loaded,
    readonly workingDirectory: string,
    readonly environment: Environment,
  ) {
    this.#notes = [...loaded.notes];
    this.#found = loaded.configs.flatMap((one) =>
      (one.config.build?.artifacts ?? []).map((artifact) => ({ artifact, loaded: one }))
    );
    this.#host = parts.host ?? thisHost();
    this.#byName = new Map(this.#found.map((one) => [one.artifact.image, one]));
  }

  async plan(): Promise<SkaffoldPlan> {
    const { origins, files } = this.loaded;
    this.#faults.push(...artifactFaults(this.#found.map(({ artifact }) => artifact), origins));
    this.#throwFaults();
    const chosen = this.#chosen();
    const skipped: SkippedArtifact[] = [];
    const artifacts: SkaffoldArtifact[] = [];
    for (const one of chosen) {
      const builder = builderOf(one.artifact);
      if (builder === "ko") artifacts.push(await this.#artifact(one));
      else skipped.push(this.#skip(one, builder));
    }
    this.#throwFaults();
    const building = chosen.filter(({ artifact }) => builderOf(artifact) === "ko");
    const hooks = [...new Set(building.map(({ loaded }) => loaded))].map((loaded) =>
      planHooks(loaded.config.build?.hooks, loaded, {
        workingDirectory: this.workingDirectory,
        os: this.#host.os,
        origins,
      })
    );
    const { asked: { defaultRepo } } = this;
    return Object.freeze({ artifacts, skipped, hooks, defaultRepo, files, notes: this.#notes });
  }

  #throwFaults(): void {
    if (this.#faults.length > 0) throw faultsError(this.#faults);
  }

  #chosen(): readonly Found[] {
    const { images = [], file = "skaffold.yaml" } = this.options;
    const names = [...this.#byName.keys()];
    for (const image of images) {
      if (names.some((name) => name.includes(image))) continue;
      const why = names.length > 0 ? `there are ${names.join(", ")}` : "there is none";
      throw new KodenoError(
        "BAD_OPTION",
        `Cannot build image ${JSON.stringify(image)}: ${file} has no such image; ${why}` +
          didYouMean(image, names),
      );
    }
    return this.#found.filter(({ artifact }) =>
      images.length === 0 || images.some((image) => artifact.image.includes(image))
    );
  }

  #skip({ artifact }: Found, builder: string): SkippedArtifact {
    const name = builder === "" ? "no builder, which is docker" : `builder ${builder}`;
    const next = artifact.image.startsWith("ko://") && builder === ""
      ? 'say "ko: {}" to have kodeno build it'
      : "kodeno leaves it alone";
    this.#note(artifact, `has ${name}; ${next}`);
    return { imageName: artifact.image, builder: builder || "docker" };
  }

  async #artifact(one: Found): Promise<SkaffoldArtifact> {
    const { options, loaded, workingDirectory } = this;
    const named = await this.#name(one);
    return await planArtifact(one.artifact, one.loaded, named, {
      workingDirectory,
      platforms: options.platforms ?? [],
      host: this.#host,
      debug: options.debug ?? false,
      insecureRegistries: options.insecureRegistries ?? [],
      world: this.#world(this.parts.runForImages ?? this.parts.run),
      origins: loaded.origins,
      report: (fault) => this.#faults.push(fault),
    });
  }

  async #name(one: Found): Promise<{ reference: string; tag: string }> {
    const { defaultRepo, multiLevelRepo } = this.options;
    const { image } = one.artifact;
    const tag = await this.#tag(one);
    const reference = underDefaultRepo(tag === "" ? image : `${image}:${tag}`, {
      defaultRepo,
      multiLevel: multiLevelRepo,
    });
    if (reference !== undefined && parseName(reference) !== undefined) return { reference, tag };
    const { origins } = this.loaded;
    const said = `image: found ${
      JSON.stringify(image)
    }, which is no image name under ${defaultRepo}`;
    this.#faults.push(origins.fault(one.artifact, ["image"], said));
    return { reference: image, tag };
  }

  /** What the policy says; where it comes to nothing, `latest`, as in Skaffold; "" where it is open. */
  async #tag(one: Found): Promise<string> {
    const { artifact, loaded } = one;
    const { tag } = this.options;
    const isTag = (text: string): boolean => parseName(`${artifact.image}:${text}`)?.tag === text;
    if (tag !== undefined) {
      if (isTag(tag)) return tag;
      throw new KodenoError(
        "BAD_REFERENCE",
        `Cannot use tag ${JSON.stringify(tag)}: a tag is 1 to 128 letters, digits, "_", "." and ` +
          '"-", and starts with none of "." and "-"',
      );
    }
    const context = contextOf(artifact, loaded, this.workingDirectory);
    try {
      const image = { imageName: artifact.image, context };
      const made = await makeTag(loaded.config.build?.tagPolicy ?? {}, image, this.#sources(one));
      if (isTag(made)) return made;
      this.#note(
        artifact,
        `${AS_LATEST}: tagPolicy makes ${JSON.stringify(made)}, which is no tag`,
      );
    } catch (error) {
      if (error === GIT_IS_NOT_ASKED) {
        this.#note(artifact, "gets its tag from git, which is only asked by a build");
        return "";
      }
      this.#note(artifact, `${AS_LATEST}: ${messageOf(error)}`);
    }
    return "latest";
  }

  #note(artifact: Artifact, what: string): void {
    const said = `image ${artifact.image} ${what}`;
    this.#notes.push(formatFault(this.loaded.origins.fault(artifact, ["image"], said)));
  }

  #sources(one: Found): TagSources {
    const { parts } = this;
    return {
      gitTag: parts.gitTag ?? (() => Promise.reject(GIT_IS_NOT_ASKED)),
      now: parts.now ?? (() => new Date()),
      world: this.#world(parts.run),
      inputDigest: () => this.#inputDigest(one),
    };
  }

  #world(run: AskableWorld["run"]): AskableWorld {
    const { environment, parts: { now } } = this;
    return { environment, ...(now ? { now } : {}), ...(run ? { run } : {}) };
  }

  async #inputDigest(one: Found): Promise<string> {
    const { parts: { signal }, workingDirectory } = this;
    const artifacts = new Map([...this.#byName].map(([name, { artifact }]) => [name, artifact]));
    const [first, ...others] = [one.artifact, ...requiredBy(one.artifact, artifacts)].map(
      (artifact) => {
        if (builderOf(artifact) !== "ko") {
          throw new Error(`kodeno does not know the files of ${artifact.image}, which it requires`);
        }
        const { context = ".", ko } = artifact;
        const { paths, ignore } = ko?.dependencies ?? {};
        const { loaded } = this.#byName.get(artifact.image) ?? one;
        return {
          workspace: loaded.base ? contextOf(artifact, loaded, workingDirectory) : context,
          paths: paths ?? (ignore === undefined ? DEFAULT_DIGEST_PATHS : []),
          ignore: ignore ?? [],
        };
      },
    );
    if (first === undefined) throw new Error("there is always the artifact itself");
    return await inputDigest(workingDirectory, [first, ...others], signal);
  }
}
