/**
 * The recipe of `kodeno build -f skaffold.yaml`: the artifacts of Skaffold's ko builder, in the order
 * they require each other, under the names that Skaffold gives them.
 * @module
 */
import { resolve } from "node:path";
import { lockFor } from "../airgap/find_lock.ts";
import {
  askedPart,
  type TakePublished,
  timed,
  withPublisher,
  withResults,
} from "../build/build_images.ts";
import type { Builder } from "../build/builder.ts";
import {
  type NamedBuild,
  type Publisher,
  publishing,
  publishPrepared,
  tellKept,
  tellUnchanged,
} from "../build/publisher.ts";
import { tellLostDocuments } from "../build/documents.ts";
import { artifactConfigs, planArtifacts, prepareArtifact } from "../build/skaffold.ts";
import { resolvePublishConfig, resolveTransferConfig } from "../config/config.ts";
import { processEnvironment } from "../config/environment.ts";
import type { CommandOptions, PublishOptions } from "../config/options.ts";
import type { SkaffoldOptions } from "../config/skaffold/options.ts";
import {
  hookVariables,
  inBuildOrder,
  type SkaffoldArtifact,
  type SkaffoldPlan,
} from "../config/skaffold/plan.ts";
import { KodenoError } from "../errors.ts";
import type { WorkOptions } from "../events.ts";
import { runHook } from "../exec/run.ts";
import { writeTextOutput } from "../io/output.ts";
import { splitHost } from "../oci/reference.ts";
import { compileTemplate } from "../template/template.ts";
import { goFunctions } from "../template/value.ts";
import { unchangedImages } from "../watch/unchanged.ts";

interface SkaffoldRequest {
  readonly skaffold: SkaffoldOptions;
  /** They beat the file, but for names, tags and platforms of images. */
  readonly options: CommandOptions;
  /** Only tells what would be built. */
  readonly dryRun?: boolean | undefined;
  /** Whether the hooks of the file are run, which are any commands. */
  readonly hooks: boolean;
}

/** An image, as Skaffold tells of it. */
interface SkaffoldBuilt {
  /** As in the file. */
  readonly imageName: string;
  /** `NAME:TAG@DIGEST`; without the digest when nothing was built. */
  readonly tag: string;
}

/**
 * Builds the artifacts and publishes their images, with the hooks of the file around them; the images
 * in the order of the file.
 */
export async function buildSkaffold(
  request: SkaffoldRequest,
  options: WorkOptions,
): Promise<readonly SkaffoldBuilt[]> {
  const part = await askedPart(request.options);
  const all = await planArtifacts(request.skaffold, options, request.dryRun ? "tags" : "all");
  part?.checkNames?.(new Map(all.artifacts.map((one) => [one.imageName, one.repository])));
  const own = part?.choose?.(all.artifacts.map(({ imageName }) => imageName));
  const divided = {
    ...all,
    artifacts: all.artifacts.filter(({ imageName }) => own?.has(imageName) ?? true),
  };
  const unchanged = unchangedImages(request.options);
  const kept = unchanged && await notAffected(divided, unchanged.since, request.options, options);
  const isTaken = unchanged?.reuse !== undefined;
  const plan = {
    ...divided,
    artifacts: divided.artifacts.filter(({ imageName }) => isTaken || !kept?.has(imageName)),
  };
  const { artifacts } = plan;
  if (request.dryRun) {
    return artifacts.map(({ imageName, reference }) => ({ imageName, tag: reference }));
  }
  const insecureRegistries = [...new Set(artifacts.flatMap((one) => one.insecureRegistries))];
  const { environment } = request.skaffold;
  const given = { ...request.options, insecureRegistries, environment };
  const transfer = resolveTransferConfig(given);
  // Everything is checked before the first one is built.
  const destined = { ...given, ...destination(request, artifacts) };
  const publish = resolvePublishConfig(destined, { transfer });
  const how = { ...options, pushes: publish.push };
  const configs = await artifactConfigs(artifacts, given, transfer, how);
  tellLostDocuments(configs, publish, options.emit);
  const hooks = hooksOf(plan, request, options);
  const made = new Map<string, string>();
  const locks = await lockFor(given, options);
  const builds = configs.map((build, i) => ({ build, lock: locks.of(artifacts[i]?.imageName) }));
  const imageNames = new Map<string, string>();
  const nameOf = (importPath: string): string => imageNames.get(importPath) ?? importPath;
  // deno-lint-ignore no-undef -- the linter does not know it yet
  await using opened = new AsyncDisposableStack();
  const take = isTaken && configs[0] !== undefined
    ? await (await import("../build/reuse.ts"))
      .openReuse(unchanged, configs[0], publish, opened, options)
    : undefined;
  const make = async (
    publisher: Publisher,
    builders: readonly Builder[],
    { onImage, ...work }: WorkOptions & { readonly onImage?: TakePublished | undefined },
  ) => {
    await publishing(publisher, options.signal, async () => {
      // What hooks make may be sources: where there are some, each artifact is looked at in its turn.
      const late = hooks.makeSources;
      const repositories = new Set(artifacts.map(({ repository }) => repository));
      const check = () => publisher.check(repositories, options);
      if (late) await check();
      if (artifacts.length === 0) await publisher.publishNothing?.(options);
      await hooks.run("before");
      const prepare = async (artifact: SkaffoldArtifact, i: number): Promise<NamedBuild> => {
        const builder = builders[i] as Builder;
        const { imageName, repository, tag } = artifact;
        const importPath = kept?.get(imageName);
        if (take === undefined || importPath === undefined) {
          return await prepareOne(artifact, builder, options);
        }
        const names = new Map([[importPath, repository]]);
        const prepared = { importPaths: [], platforms: [] };
        return { builder, prepared, names, tags: [tag], reused: await take(names, tag) };
      };
      const early = late ? [] : await locks.all(artifacts.map(prepare));
      if (!late) await check();
      for (const [i, artifact] of inBuildOrder(artifacts)) {
        const isBuilt = !kept?.has(artifact.imageName);
        if (isBuilt) await hooks.run("before", artifact);
        const named = early[i] ?? await prepare(artifact, i);
        named.prepared.importPaths.forEach((path) => imageNames.set(path, artifact.imageName));
        const references = await publishPrepared(named, publisher, {
          ...work,
          onImage: onImage && ((image) => onImage(image, artifact.imageName)),
        });
        made.set(artifact.imageName, [...references.values()][0] ?? artifact.reference);
        if (isBuilt) await hooks.run("after", artifact);
      }
    });
    // Archives are whole by now.
    await hooks.run("after");
  };
  await withResults(publish, false, (onImage) =>
    withPublisher(
      builds,
      publish,
      [],
      (publisher, builders) =>
        timed(part, options, (work) => make(publisher, builders, { ...work, onImage }), nameOf),
      take !== undefined,
    ), () => artifacts.map(({ imageName }) => imageName));
  const first = artifacts.find(({ repository }) => splitHost(repository).host !== undefined);
  tellKept(publish, plan.defaultRepo ?? first?.repository, options.emit);
  return artifacts.map(({ imageName }) => ({ imageName, tag: made.get(imageName) ?? "" }));
}

/** Artifacts that are what they were, by their names: the import paths of their programs. */
async function notAffected(
  plan: SkaffoldPlan,
  since: string,
  options: CommandOptions,
  work: WorkOptions,
): Promise<ReadonlyMap<string, string>> {
  const { artifacts } = plan;
  const { affectedArtifacts } = await import("../watch/skaffold_changes.ts");
  const configs = await artifactConfigs(artifacts, options, resolveTransferConfig(options));
  const found = await affectedArtifacts(plan, configs, { since, options }, work);
  const kept = new Map(found.flatMap(({ image, importPath, why }) => {
    return why === undefined && importPath !== undefined ? [[image, importPath]] : [];
  }));
  tellUnchanged(kept.size, artifacts.length, options.reuse !== undefined, work.emit);
  return kept;
}

async function prepareOne(artifact: SkaffoldArtifact, builder: Builder, options: WorkOptions) {
  const { repository, tag } = artifact;
  const { prepared, importPath } = await prepareArtifact(artifact, builder, options);
  return { builder, prepared, names: new Map([[importPath, repository]]), tags: [tag] };
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

/** The commands of a skaffold.yaml before and after builds; what they print becomes notes. */
function hooksOf(
  { hooks, artifacts, defaultRepo }: SkaffoldPlan,
  { skaffold, options: { push = false }, hooks: runsHooks }: SkaffoldRequest,
  { emit, signal }: WorkOptions,
) {
  const all = [...hooks, ...artifacts.map(({ hooks }) => hooks)];
  if (!runsHooks && all.some(({ before, after }) => before.length + after.length > 0)) {
    const message = "The hooks of the file are left out (--hooks=false)";
    emit?.({ type: "note", level: "warning", message });
  }
  const environment = skaffold.environment ?? processEnvironment();
  const workingDirectory = resolve(skaffold.workingDirectory ?? ".");
  const take = (message: string): void => emit?.({ type: "note", level: "info", message });
  /** Runs those of one artifact, or those around all builds, in their order till one fails. */
  const run = async (when: "before" | "after", artifact?: SkaffoldArtifact): Promise<void> => {
    if (!runsHooks) return;
    const around = artifact ? `the build of ${artifact.imageName}` : "all builds";
    const image = artifact && { ...artifact, push };
    const variables = hookVariables(workingDirectory, defaultRepo, image);
    const list = artifact ? artifact.hooks[when] : hooks.flatMap((one) => one[when]);
    for (const { command, directory, place } of list) {
      const name = `the hook ${when} ${around} (${place.file}:${place.line})`;
      const line = command.map(quoted).join(" ");
      take(`Running ${name}: ${line}`);
      const how = { command, directory, environment: { ...environment, ...variables } };
      await runHook({ ...how, name: `${name}, ${line},`, signal, take });
    }
  };
  /** Whether what they make may be sources. */
  const makeSources = runsHooks && all.some(({ before }) => before.length > 0);
  return { run, makeSources };
}

/** A word as a person would write it on one line. */
function quoted(word: string): string {
  return /^[\w./:=@%+,-]+$/.test(word) ? word : JSON.stringify(word);
}

/** `{"builds":[{"imageName":"app","tag":"reg.local/app:v1@sha256:..."}]}`. */
function buildsJson(builds: readonly SkaffoldBuilt[]): string {
  return JSON.stringify({ builds });
}

/**
 * The images through a Go template over `.Builds`, each with `.ImageName` and `.Tag`; `{{json .}}` is
 * all of it.
 */
export function renderBuilds(builds: readonly SkaffoldBuilt[], template: string): string {
  if (template.replaceAll(/\s/g, "") === "{{json.}}") return buildsJson(builds);
  const json = () => {
    throw new Error("json prints everything: say {{json .}} alone");
  };
  const functions = goFunctions({ any: { json } });
  return compileTemplate(template, "--output", { functions }).run({
    Builds: builds.map(({ imageName, tag }) => ({ ImageName: imageName, Tag: tag })),
  });
}

/** Writes the images as JSON into a file; `-` is the standard output. */
export async function writeBuilds(path: string, builds: readonly SkaffoldBuilt[]): Promise<void> {
  if (path === "") {
    throw new KodenoError("BAD_OPTION", "Cannot write --file-output: it has no name");
  }
  await writeTextOutput(path, { what: path }, buildsJson(builds));
}
