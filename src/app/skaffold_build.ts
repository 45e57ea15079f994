/**
 * The use case of `kodeno build -f skaffold.yaml`: the artifacts of Skaffold's ko builder, in the
 * order they require each other, under the names that Skaffold gives them.
 * @module
 */
import { resolve } from "node:path";
import {
  type BuildConfig,
  loadConfig,
  resolveBuildConfig,
  resolvePublishConfig,
  resolveTransferConfig,
} from "../config/config.ts";
import { processEnvironment } from "../config/environment.ts";
import { DEFAULT_ORIGIN, type ImageSource } from "../config/image_config.ts";
import type { BuildOptions, CommandOptions, PublishOptions } from "../config/options.ts";
import type { SkaffoldArtifact } from "../config/skaffold/artifact.ts";
import type { SkaffoldOptions } from "../config/skaffold/options.ts";
import { inBuildOrder } from "../config/skaffold/order.ts";
import { planSkaffold, type SkaffoldParts, type SkaffoldPlan } from "../config/skaffold/plan.ts";
import { KodenoError } from "../errors.ts";
import { gitCommitTag } from "../git/commit_tag.ts";
import { commandOutput } from "../exec/hook.ts";
import { splitHost } from "../oci/reference.ts";
import { isBuiltinBase } from "../image/builtin_base.ts";
import { getOrSet } from "../io/work.ts";
import type { TransferConfig } from "../place/transfer.ts";
import { settleNetwork } from "../build/bases.ts";
import { type Builder, openBuilder } from "../build/builder.ts";
import type { WorkOptions } from "../events.ts";
import { withOfflineHint } from "../build/offline_hint.ts";
import { openPublisher } from "../build/publisher.ts";
import { publishing, publishPrepared } from "../build/publish_images.ts";
import { runHooks } from "./skaffold_hooks.ts";

/** What was asked for. */
export interface SkaffoldRequest {
  readonly skaffold: SkaffoldOptions;
  /** What is said here beats the file; names and tags of images come from it. */
  readonly options: CommandOptions;
  /** Only tells what would be built. */
  readonly dryRun?: boolean | undefined;
  /** Whether the hooks of the file are run, which are any commands; default true. */
  readonly hooks?: boolean | undefined;
}

/** An image, as Skaffold tells of it. */
export interface SkaffoldBuilt {
  /** As in the file. */
  readonly imageName: string;
  /** `NAME:TAG@DIGEST`; without the digest when nothing was built. */
  readonly tag: string;
}

/**
 * Plans the artifacts of a skaffold.yaml; notes of the files are emitted.
 *
 * @param runs what programs are run for: git and `cmd` of templates for tags, `cmd` for what is said of
 * images; where they are not, a text stands in the place of what `cmd` would print
 * @throws {KodenoError} see `planSkaffold`
 */
export async function planArtifacts(
  skaffold: SkaffoldOptions,
  { emit, signal }: WorkOptions = {},
  runs: "all" | "tags" | "nothing" = "all",
): Promise<SkaffoldPlan> {
  const environment = skaffold.environment ?? processEnvironment();
  const run: SkaffoldParts["run"] = (name, args) =>
    commandOutput([name, ...args], { environment, signal });
  const tell: SkaffoldParts["run"] = (name, args) =>
    Promise.resolve(`<output of ${[name, ...args].join(" ")}>`);
  const parts: SkaffoldParts = runs === "nothing" ? { run: tell, signal } : {
    signal,
    gitTag: (how) => gitCommitTag({ ...how, environment, signal }),
    run,
    runForImages: runs === "all" ? run : tell,
  };
  const planning = planSkaffold(skaffold, parts);
  // A program that was ended is a fault of the file for who plans.
  await planning.catch(() => signal?.throwIfAborted());
  signal?.throwIfAborted();
  const plan = await planning;
  for (const message of plan.notes) emit?.({ type: "note", level: "warning", message });
  return plan;
}

/**
 * Builds the artifacts and publishes their images, with the hooks of the file around them.
 *
 * @returns the images in the order of the file
 * @throws {KodenoError} see `planSkaffold`, `publishImages` and `runHooks`
 */
export async function buildSkaffold(
  request: SkaffoldRequest,
  options: WorkOptions = {},
): Promise<readonly SkaffoldBuilt[]> {
  const plan = await planArtifacts(request.skaffold, options, request.dryRun ? "tags" : "all");
  const { artifacts } = plan;
  if (request.dryRun) {
    return artifacts.map(({ imageName, reference }) => ({ imageName, tag: reference }));
  }
  const insecureRegistries = [...new Set(artifacts.flatMap((one) => one.insecureRegistries))];
  const { environment } = request.skaffold;
  const given = { ...request.options, insecureRegistries, environment };
  const transfer = resolveTransferConfig(given);
  const configs = await artifactConfigs(artifacts, given, transfer, options);
  // Everything is checked before the first one is built.
  const publish = resolvePublishConfig({ ...given, ...destination(request, artifacts) }, transfer);
  const mountFrom = await settleNetwork(configs, publish);
  const publisher = openPublisher(publish, { mountFrom });
  const builders = new Map(configs.map((config, i) => [artifacts[i], openBuilder(config)]));
  const hooks = hooksAround(plan, request, options);
  const made = new Map<string, string>();
  try {
    await publishing(publisher, options.signal, async () => {
      // What hooks make may be sources: where there are some, each artifact is looked at in its turn.
      const late = hooks.makeSources;
      const repositories = new Set(artifacts.map(({ repository }) => repository));
      const check = () => publisher.check(repositories, options);
      if (late) await check();
      await hooks.before();
      const prepare = (artifact: SkaffoldArtifact): ReturnType<typeof prepareOne> =>
        prepareOne(artifact, builders.get(artifact), options);
      const early = late ? [] : await Promise.all(artifacts.map(prepare));
      if (!late) await check();
      for (const [i, artifact] of inBuildOrder(artifacts)) {
        await hooks.before(artifact);
        const { builder, ...named } = early[i] ?? await prepare(artifact);
        const references = await publishPrepared(named, publisher, builder, options);
        made.set(artifact.imageName, [...references.values()][0] ?? artifact.reference);
        await hooks.after(artifact);
      }
    });
    // Archives are whole by now.
    await hooks.after();
  } catch (error) {
    throw given.offline ? withOfflineHint(error) : error;
  } finally {
    for (const builder of builders.values()) await builder.close();
  }
  return artifacts.map(({ imageName }) => ({ imageName, tag: made.get(imageName) ?? "" }));
}

/** The hooks of a plan, ready to be run: of one artifact, or those around all builds. */
function hooksAround(
  plan: SkaffoldPlan,
  { skaffold, options: { push }, hooks: wanted = true }: SkaffoldRequest,
  options: WorkOptions,
) {
  const { artifacts, defaultRepo } = plan;
  const all = [...plan.hooks, ...artifacts.map(({ hooks }) => hooks)];
  const has = (phase: "before" | "after"): boolean => all.some((one) => one[phase].length > 0);
  if (!wanted && (has("before") || has("after"))) {
    const message = "The hooks of the file are left out (--hooks=false)";
    options.emit?.({ type: "note", level: "warning", message });
  }
  const workingDirectory = resolve(skaffold.workingDirectory ?? ".");
  const environment = skaffold.environment ?? processEnvironment();
  const run = (when: "before" | "after") => async (artifact?: SkaffoldArtifact): Promise<void> => {
    const list = artifact === undefined
      ? plan.hooks.flatMap((one) => one[when])
      : artifact.hooks[when];
    if (!wanted || list.length === 0) return;
    const image = artifact && { ...artifact, push: push ?? false };
    const facts = { workingDirectory, defaultRepo, image, imageName: artifact?.imageName };
    await runHooks(list, { ...facts, when, environment }, options);
  };
  return {
    before: run("before"),
    after: run("after"),
    makeSources: wanted && has("before"),
  };
}

async function prepareOne(
  artifact: SkaffoldArtifact,
  builder: Builder | undefined,
  options: WorkOptions,
) {
  if (builder === undefined) throw new Error(`${artifact.imageName} has no builder`);
  const { main, repository, tag, place } = artifact;
  const prepared = await builder.prepare([main], options);
  const [only, ...others] = prepared.importPaths;
  if (only === undefined || others.length > 0) {
    throw new KodenoError(
      "BAD_PACKAGE",
      `Cannot build ${artifact.imageName} (${place.file}:${place.line}): ${main} matches ` +
        `${prepared.importPaths.length} main packages (${prepared.importPaths.join(", ")}); ` +
        "name one of them in main",
    );
  }
  return { builder, prepared, names: new Map([[only, repository]]), tags: [tag] };
}

/**
 * The configuration of each artifact: its own folder, the `.ko.yaml` of that, and what it says.
 *
 * @param transfer what `options` say of registries
 * @throws {KodenoError} `BAD_CONFIG`, `BAD_OPTION`, `BAD_PLATFORM`
 */
export async function artifactConfigs(
  artifacts: readonly SkaffoldArtifact[],
  options: BuildOptions,
  transfer: TransferConfig,
  work: Pick<WorkOptions, "emit"> = {},
): Promise<readonly BuildConfig[]> {
  // Artifacts of one folder share its file, which is read and told of once.
  const files = new Map<string, Promise<BuildOptions>>();
  return await Promise.all(artifacts.map(async (artifact) => {
    const { workingDirectory, source } = artifact;
    const load = () => loadConfig({ ...options, workingDirectory }, work);
    const { koFile, ...loaded } = await getOrSet(files, workingDirectory, load);
    // As in Skaffold, an artifact that says how it is built leaves no room for the file's builds.
    const file = koFile && artifact.replacesKoBuilds ? { ...koFile, builds: [] } : koFile;
    const complete = { ...loaded, koFile: file, artifact: source };
    const config = resolveBuildConfig(complete, transfer);
    const { baseImage, origins } = config.image;
    if (origins.platforms !== DEFAULT_ORIGIN || isBuiltinBase(baseImage)) return config;
    // Where nobody says which, the design of the ko builder takes all that the base image has; the
    // bases that are built in have every platform there is.
    return resolveBuildConfig({ ...complete, artifact: withAllPlatforms(source) }, transfer);
  }));
}

function withAllPlatforms({ from, values }: ImageSource): ImageSource {
  return {
    from: (field) => field === "platforms" ? "all of the base image" : from(field),
    values: { ...values, platforms: ["all"] },
  };
}

/** Names are the file's: the repository only says which registry may be dialled. */
function destination(
  { options: { push, local = false } }: SkaffoldRequest,
  artifacts: readonly SkaffoldArtifact[],
): PublishOptions {
  if (push) {
    for (const { repository, place } of artifacts) {
      if (splitHost(repository).host !== undefined) continue;
      throw new KodenoError(
        "BAD_OPTION",
        `Cannot push ${repository} (${place.file}:${place.line}): its name says no registry; ` +
          "say one with --default-repo",
      );
    }
  }
  const repository = artifacts[0]?.repository ?? "skaffold";
  return { dockerRepo: repository, local, tags: undefined };
}
