/**
 * The artifacts of a skaffold.yaml as builds: what the file plans, and the configuration of each.
 * @module
 */
import { type BuildConfig, loadConfig, resolveBuildConfig } from "../config/config.ts";
import { processEnvironment } from "../config/environment.ts";
import { DEFAULT_ORIGIN } from "../config/image_config.ts";
import type { BuildOptions, ImageSource } from "../config/options.ts";
import type { SkaffoldOptions } from "../config/skaffold/options.ts";
import {
  planSkaffold,
  type SkaffoldArtifact,
  type SkaffoldParts,
  type SkaffoldPlan,
} from "../config/skaffold/plan.ts";
import { KodenoError } from "../errors.ts";
import type { WorkOptions } from "../events.ts";
import { commandOutput } from "../exec/run.ts";
import { gitCommitTag } from "../git/git.ts";
import { isBuiltinBase } from "../image/builtin_base.ts";
import { getOrSet } from "../io/concurrency.ts";
import type { TransferConfig } from "../place/registry/transport.ts";
import type { Builder } from "./builder.ts";
import { atPlace } from "./resolve.ts";

/**
 * Plans the artifacts of a skaffold.yaml, at least one; notes of the files are emitted.
 *
 * @param runs what programs are run for: git and `cmd` of templates for tags, `cmd` for what is said of
 * images; where they are not, a text stands in the place of what `cmd` would print
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
  // Of artifacts of one folder git is asked once.
  const tags = new Map<string, Promise<string>>();
  const gitTag: SkaffoldParts["gitTag"] = (how) =>
    getOrSet(tags, JSON.stringify(how), () => gitCommitTag({ ...how, environment, signal }));
  const parts: SkaffoldParts = runs === "nothing"
    ? { run: tell, signal }
    : { run, runForImages: runs === "all" ? run : tell, gitTag, signal };
  // A program that was ended is a fault of the file for who plans.
  const plan = await planSkaffold(skaffold, parts).finally(() => signal?.throwIfAborted());
  if (plan.artifacts.length === 0) throw nothingToBuild(plan);
  for (const message of plan.notes) emit?.({ type: "note", level: "warning", message });
  return plan;
}

/** The error for a file that has no artifact of the ko builder, or none among those chosen. */
function nothingToBuild({ file, skipped }: SkaffoldPlan): KodenoError {
  const others = skipped.map(({ imageName, builder }) => `${imageName} (${builder})`).join(", ");
  const why = others === ""
    ? 'it has no artifacts; name an image with "ko: {}" below build.artifacts'
    : `kodeno builds images of builder ko, and there are only ${others}; say "ko: {}" in the ` +
      "place of the builder of one";
  return new KodenoError("BAD_OPTION", `Cannot use ${file}: ${why}`);
}

/** Prepares the one image of an artifact. */
export async function prepareArtifact(
  { imageName, main, place }: SkaffoldArtifact,
  builder: Pick<Builder, "prepare">,
  options: WorkOptions,
) {
  const prepared = await builder.prepare([main], options).catch((error) => {
    throw atPlace(error, place);
  });
  const [importPath, ...others] = prepared.importPaths;
  if (importPath !== undefined && others.length === 0) return { prepared, importPath };
  throw new KodenoError(
    "BAD_PACKAGE",
    `Cannot build ${imageName} (${place.file}:${place.line}): ${main} matches ` +
      `${prepared.importPaths.length} main packages (${prepared.importPaths.join(", ")}); ` +
      "name one of them in main",
  );
}

/** The configuration of each artifact: its own folder, the `.ko.yaml` of that, and what it says. */
export async function artifactConfigs(
  artifacts: readonly SkaffoldArtifact[],
  options: BuildOptions,
  transfer: TransferConfig,
  { pushes, ...work }: Pick<WorkOptions, "emit"> & { readonly pushes?: boolean } = {},
): Promise<readonly BuildConfig[]> {
  // Artifacts of one folder share its file, which is read and told of once.
  const files = new Map<string, Promise<BuildOptions>>();
  return await Promise.all(artifacts.map(async (artifact) => {
    const { workingDirectory, source } = artifact;
    // The plan has narrowed the file's platforms down by those of the command line, as in Skaffold.
    const given = { ...options, platforms: undefined, workingDirectory };
    const load = () => loadConfig(given, work);
    const { koFile, ...loaded } = await getOrSet(files, workingDirectory, load);
    // As in Skaffold, an artifact that says how it is built leaves no room for the file's builds.
    const file = koFile && artifact.replacesKoBuilds ? { ...koFile, builds: [] } : koFile;
    const complete = { ...loaded, koFile: file, artifact: source };
    const config = resolveBuildConfig(complete, transfer, pushes);
    const { baseImage, origins } = config.image;
    if (origins.platforms !== DEFAULT_ORIGIN || isBuiltinBase(baseImage)) return config;
    // Where nobody says which, the design of the ko builder takes all that the base image has; the
    // bases that are built in have every platform there is.
    const everything: ImageSource = {
      from: (field) => field === "platforms" ? "all of the base image" : source.from(field),
      values: { ...source.values, platforms: ["all"] },
    };
    return resolveBuildConfig({ ...complete, artifact: everything }, transfer, pushes);
  }));
}
