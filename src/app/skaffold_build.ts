/**
 * The use case of `kodeno build -f skaffold.yaml`: the artifacts of Skaffold's ko builder, in the
 * order they require each other, under the names that Skaffold gives them.
 * @module
 */
import { resolveBuildConfig } from "../config/build_config.ts";
import { processEnvironment } from "../config/environment.ts";
import { DEFAULT_ORIGIN, type ImageSource } from "../config/image_config.ts";
import type { BuildOptions, PublishOptions } from "../config/options.ts";
import type { SkaffoldArtifact } from "../config/skaffold/artifact.ts";
import type { SkaffoldOptions } from "../config/skaffold/options.ts";
import { planSkaffold, type SkaffoldPlan } from "../config/skaffold/plan.ts";
import { KodenoError } from "../errors.ts";
import { gitCommitTag } from "../git/commit_tag.ts";
import { runProgram } from "../program/run.ts";
import { splitHost } from "../oci/reference.ts";
import { isBuiltinBase } from "../image/builtin_base.ts";
import { settleNetwork } from "./bases.ts";
import { type Builder, newBuilder, type WorkOptions } from "./builder.ts";
import { loadConfig } from "./ko_file.ts";
import { withOfflineHint } from "./offline_hint.ts";
import { newPublisher } from "./publisher.ts";
import { publishing, publishPrepared } from "./publish_images.ts";

/** What was asked for. */
export interface SkaffoldRequest {
  readonly skaffold: SkaffoldOptions;
  /** What is said here beats the file. */
  readonly build: BuildOptions;
  /** Where images go; names and tags come from the file. */
  readonly publish: PublishOptions;
  /** Only tells what would be built. */
  readonly dryRun?: boolean | undefined;
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
 * @throws {KodenoError} see `planSkaffold`
 */
export async function planArtifacts(
  skaffold: SkaffoldOptions,
  { emit }: Pick<WorkOptions, "emit"> = {},
): Promise<SkaffoldPlan> {
  const environment = skaffold.environment ?? processEnvironment();
  const plan = await planSkaffold(skaffold, {
    gitTag: (how) => gitCommitTag({ ...how, environment }),
    run: (name, args) => runProgram(name, args, environment),
  });
  for (const message of plan.notes) emit?.({ type: "note", level: "warning", message });
  return plan;
}

/**
 * Builds the artifacts and publishes their images.
 *
 * @returns the images in the order of the file
 * @throws {KodenoError} see `planSkaffold` and `publishImages`
 */
export async function buildSkaffold(
  request: SkaffoldRequest,
  options: WorkOptions = {},
): Promise<readonly SkaffoldBuilt[]> {
  const { artifacts } = await planArtifacts(request.skaffold, options);
  if (request.dryRun) {
    return artifacts.map(({ imageName, reference }) => ({ imageName, tag: reference }));
  }
  const insecureRegistry = artifacts.some(isInsecure) || undefined;
  const builds = await Promise.all(artifacts.map(async (artifact) => ({
    artifact,
    build: await optionsOf(artifact, { insecureRegistry, ...request.build }, options),
  })));
  // Everything is checked before the first one is built.
  const publish = { insecureRegistry, ...request.publish, ...destination(request, artifacts) };
  const mountFrom = await settleNetwork(
    builds.map(({ build }) => resolveBuildConfig(build)),
    publish,
  );
  const publisher = newPublisher(publish, { mountFrom });
  const builders = new Map(builds.map(({ artifact, build }) => [artifact, newBuilder(build)]));
  const made = new Map<string, string>();
  try {
    await publishing(publisher, options, async () => {
      const prepared = await Promise.all(
        [...builders].map(([artifact, builder]) => prepareOne(artifact, builder, options)),
      );
      await publisher.check();
      for (const { artifact, builder, ...named } of inOrder(prepared)) {
        const references = await publishPrepared(named, publisher, builder, options);
        made.set(artifact.imageName, [...references.values()][0] ?? artifact.reference);
      }
    });
  } catch (error) {
    throw request.build.offline ? withOfflineHint(error) : error;
  } finally {
    for (const builder of builders.values()) await builder.close();
  }
  return artifacts.map(({ imageName }) => ({ imageName, tag: made.get(imageName) ?? "" }));
}

async function prepareOne(artifact: SkaffoldArtifact, builder: Builder, options: WorkOptions) {
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
  return { artifact, builder, prepared, names: new Map([[only, repository]]), tags: [tag] };
}

/** The options of one artifact: its own folder, its `.ko.yaml`, and what it says. */
export async function optionsOf(
  artifact: SkaffoldArtifact,
  build: BuildOptions,
  work: Pick<WorkOptions, "emit"> = {},
): Promise<BuildOptions> {
  const { workingDirectory, source } = artifact;
  const { koFile, ...options } = await loadConfig({ ...build, workingDirectory }, work);
  // As in Skaffold, an artifact that says how it is built leaves no room for the file's builds.
  const file = koFile && artifact.replacesKoBuilds ? { ...koFile, builds: [] } : koFile;
  const complete = { ...options, koFile: file, artifact: source };
  const { baseImage, origins } = resolveBuildConfig(complete).image;
  if (origins.platforms !== DEFAULT_ORIGIN || isBuiltinBase(baseImage)) return complete;
  // Where nobody says which, the design of the ko builder takes all that the base image has; the
  // bases that are built in have every platform there is.
  return { ...complete, artifact: withAllPlatforms(source) };
}

function withAllPlatforms({ from, values }: ImageSource): ImageSource {
  return {
    from: (field) => field === "platforms" ? "all of the base image" : from(field),
    values: { ...values, platforms: ["all"] },
  };
}

function isInsecure({ repository, insecureRegistries }: SkaffoldArtifact): boolean {
  const { host } = splitHost(repository);
  return host !== undefined && insecureRegistries.includes(host);
}

/** Names are the file's: the repository only says which registry may be dialled. */
function destination(
  { publish }: SkaffoldRequest,
  artifacts: readonly SkaffoldArtifact[],
): PublishOptions {
  if (publish.push) {
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
  return { dockerRepo: repository, local: publish.local ?? false, tags: undefined };
}

/** Artifacts behind those they require; there are no circles. */
function inOrder<T extends { readonly artifact: SkaffoldArtifact }>(
  all: readonly T[],
): Iterable<T> {
  const byName = new Map(all.map((one) => [one.artifact.imageName, one]));
  const ordered = new Set<T>();
  const add = (one: T): void => {
    for (const name of one.artifact.requires) {
      const required = byName.get(name);
      if (required !== undefined) add(required);
    }
    ordered.add(one);
  };
  all.forEach(add);
  return ordered;
}
