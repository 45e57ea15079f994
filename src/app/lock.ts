/**
 * The recipe of `kodeno lock`: what images would be built from now is written into `kodeno.lock`, or
 * compared with it.
 * @module
 */
import { tmpdir } from "node:os";
import { findLock, refuseMissing } from "../airgap/find_lock.ts";
import {
  delveDifferences,
  differenceLine,
  differencesOf,
  EMPTY_LOCK,
  goneFrom,
  type Lock,
  type LockDifference,
  lockFailure,
  lockImage,
  lockText,
  onlyImages,
  readLock,
  tellVersions,
  withImages,
} from "../airgap/lock.ts";
import { withBuilders } from "../build/build_images.ts";
import { artifactConfigs, planArtifacts, prepareArtifact } from "../build/skaffold.ts";
import { loadConfig, resolveBuildConfig, resolveTransferConfig } from "../config/config.ts";
import { processEnvironment } from "../config/environment.ts";
import type { BuildOptions } from "../config/options.ts";
import type { SkaffoldOptions } from "../config/skaffold/options.ts";
import { hasCode, KodenoError } from "../errors.ts";
import type { WorkOptions } from "../events.ts";
import { findDelve, usualDelve } from "../go/delve.ts";
import { writeTextOutput } from "../io/output.ts";

interface LockRequest {
  /** Without any, `.`, or those that are locked where the file is compared or brought up to date. */
  readonly patterns: readonly string[];
  readonly options: BuildOptions;
  /** Whose artifacts are locked in the place of patterns. */
  readonly skaffold?: SkaffoldOptions | undefined;
  /** What happens to the file; `write` leaves nothing in it but these images. */
  readonly mode: "check" | "update" | "write";
}

/** What has come of it. */
interface LockResult {
  /** From the current folder. */
  readonly path: string;
  /** Those that were looked at. */
  readonly images: readonly string[];
  /** What was locked otherwise before, or is. */
  readonly differences: readonly LockDifference[];
  /** These, for a person. */
  readonly lines: readonly string[];
  readonly written: boolean;
}

export { lockJsonSchema } from "../airgap/lock.ts";

/** Writes the file, or compares it: throws `LOCK_DIFFERS` then, after `told` got the result. */
export async function lock(
  { patterns, options, skaffold, mode }: LockRequest,
  told: (result: LockResult) => void,
  work: WorkOptions,
): Promise<void> {
  const found = findLock(options.workingDirectory);
  const { path, name } = found;
  if (mode !== "write") refuseMissing(found);
  const before = found.isThere
    ? await readLock(path, name).catch((error) => {
      // Whoever writes it anew wants that one gone.
      if (mode === "write" && hasCode(error, "BAD_CONFIG")) return EMPTY_LOCK;
      throw error;
    })
    : EMPTY_LOCK;
  const isNamed = patterns.length > 0 || mode === "write";
  const images = skaffold
    ? await ofArtifacts(skaffold, options, work)
    : isNamed
    ? await ofPackages(patterns, options, work)
    : await ofPackages(lockedPackages(before, name), options, work).catch((error) => {
      throw withLock(error, name);
    });
  const names = Object.keys(images).sort();
  const delve = options.debug ? await delveFor(images, options, work) : before.delve;
  if (mode === "check") {
    // Of all artifacts of a file none may be left over.
    const isAll = skaffold && !skaffold.images && !skaffold.modules && !skaffold.profiles;
    const left = isAll ? onlyImages(before, artifactsOf(before)) : EMPTY_LOCK;
    const differences = [
      ...differencesOf(before, images),
      ...goneFrom(left, images),
      ...delveDifferences(before, delve),
    ];
    const lines = differences.map(differenceLine);
    told({ path: name, images: names, differences, lines, written: false });
    const advice = 'take what was found with "kodeno lock --update", and look at what changed';
    const failure = lockFailure(`say that ${name} holds`, differences, advice);
    if (failure !== undefined) throw failure;
    return tellVersions(onlyImages(before, names), name, work.emit);
  }
  const all = withImages(before, images);
  const after = { ...mode === "update" ? all : onlyImages(all, names), delve };
  const isNew = Object.keys(before.images).length === 0;
  const text = lockText(after);
  const differences = isNew ? [] : [
    ...differencesOf(before, after.images),
    ...goneFrom(before, after.images),
    ...delveDifferences(before, delve),
  ];
  await writeTextOutput(path, { what: name, signal: work.signal }, text);
  const lines = differences.map(differenceLine);
  told({ path: name, images: names, differences, lines, written: true });
}

type Images = Lock["images"];

/** The debugger of images that are locked: of the version that is asked for, or that knows their Go. */
async function delveFor(
  images: Images,
  options: BuildOptions,
  { signal }: WorkOptions,
): Promise<Lock["delve"]> {
  const { go, debug } = resolveBuildConfig(options);
  if (debug?.file !== undefined) {
    const why = `the file ${debug.file} is no version of Delve; leave --debugger out`;
    throw new KodenoError("BAD_OPTION", `Cannot lock a debugger: ${why}`);
  }
  const [version = ""] = Object.values(images).map((one) => one.go.version).sort().reverse();
  const wanted = { version: debug?.delve ?? usualDelve(version) };
  // In a folder of no module, whose go.mod could ask for another toolchain.
  const found = await findDelve({ ...go, directory: tmpdir(), signal }, wanted);
  return { version: found.version, sum: found.sum ?? "" };
}

/** Names of images that are artifacts of a skaffold.yaml. */
function artifactsOf({ images }: Lock): readonly string[] {
  return Object.keys(images).filter((name) => images[name]?.package !== undefined);
}

/** Patterns of the packages that are locked. */
function lockedPackages(lock: Lock, name: string): readonly string[] {
  const artifacts = artifactsOf(lock);
  if (artifacts.length === 0) return Object.keys(lock.images).map((path) => `ko://${path}`);
  const why = `it has artifacts of a skaffold.yaml (${artifacts.join(", ")}); name that with -f`;
  throw new KodenoError("BAD_OPTION", `Cannot look up what ${name} locks: ${why}`);
}

/** What is wrong with a package that nobody has named but the file. */
function withLock(error: unknown, name: string): unknown {
  if (!hasCode(error, "BAD_PACKAGE")) return error;
  const message = `${error.message}; ${name} locks it: say in folders or patterns what there is`;
  return new KodenoError(error.code, message, error.detail, { cause: error });
}

async function ofPackages(
  patterns: readonly string[],
  options: BuildOptions,
  work: WorkOptions,
): Promise<Images> {
  const build = resolveBuildConfig(await loadConfig(options, work));
  return await withBuilders([{ build }], async (builders) => {
    const images: Record<string, Images[string]> = {};
    for (const builder of builders) {
      const prepared = await builder.prepare(patterns, work);
      for (const one of await builder.inputs(prepared, work)) {
        images[one.importPath] = lockImage(one, one.importPath);
      }
    }
    return images;
  });
}

async function ofArtifacts(
  skaffold: SkaffoldOptions,
  options: BuildOptions,
  work: WorkOptions,
): Promise<Images> {
  const { artifacts } = await planArtifacts(skaffold, work);
  const insecureRegistries = [...new Set(artifacts.flatMap((one) => one.insecureRegistries))];
  const { environment = processEnvironment() } = skaffold;
  const given = { ...options, insecureRegistries, environment };
  const builds = await artifactConfigs(artifacts, given, resolveTransferConfig(given), work);
  return await withBuilders(builds.map((build) => ({ build })), async (builders) => {
    const images: Record<string, Images[string]> = {};
    for (const [i, artifact] of artifacts.entries()) {
      const builder = builders[i];
      if (builder === undefined) continue;
      const { prepared } = await prepareArtifact(artifact, builder, work);
      for (const one of await builder.inputs(prepared, work)) {
        images[artifact.imageName] = lockImage(one, artifact.imageName);
      }
    }
    return images;
  });
}
