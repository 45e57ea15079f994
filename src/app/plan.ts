/**
 * The recipe of `kodeno plan`: what a build would make, and how machines may divide it.
 * @module
 */
import { lockFor } from "../airgap/find_lock.ts";
import { readExpected } from "../build/expected.ts";
import { planNames } from "../build/names.ts";
import { divide } from "../build/shards.ts";
import { type BuildConfig, resolveConfig, resolveTransferConfig } from "../config/config.ts";
import { processEnvironment } from "../config/environment.ts";
import type { CommandOptions } from "../config/options.ts";
import { parseShards, readTimings, resolveShard } from "../config/shard.ts";
import type { SkaffoldOptions } from "../config/skaffold/options.ts";
import { KodenoError } from "../errors.ts";
import type { WorkOptions } from "../events.ts";
import { Pool } from "../io/concurrency.ts";
import { digestOf } from "../io/hash.ts";
import { shortName } from "../oci/reference.ts";
import { type HashedImage, hashImages } from "../watch/input_hash.ts";

interface PlanRequest {
  readonly patterns: readonly string[];
  readonly options: CommandOptions;
  /** Whose artifacts are planned in the place of what patterns name. */
  readonly skaffold?: SkaffoldOptions | undefined;
  /** In how many parts a matrix has it; an image each where none is said. */
  readonly shards?: string | undefined;
}

/** An image of the plan. */
interface ImageOfPlan extends HashedImage {
  /** What the plan calls it: its import path, or the name of the artifact. */
  readonly image: string;
  /** Without tag. */
  readonly name: string;
  /** `NAME:TAG` each. */
  readonly references: readonly string[];
}

/** What a job of a CI is told. */
type MatrixEntry = Readonly<Record<string, string>>;

/** What a build would make. */
interface ImagePlan {
  /** In the order of what the plan calls them. */
  readonly images: readonly ImageOfPlan[];
  /** As GitHub takes it for a matrix. */
  readonly matrix: { readonly include: readonly MatrixEntry[] };
}

/** Jobs of a matrix, as GitHub has it. */
const MOST_JOBS = 256;
/** Artifacts that go is asked about at once. */
const AT_ONCE = 4;

/** Plans the images, and checks them against a list; of a shard, its part. */
export async function plan(
  { patterns, options, skaffold, shards }: PlanRequest,
  work: WorkOptions,
): Promise<ImagePlan> {
  const shard = resolveShard(options);
  const total = shards === undefined ? undefined : parseShards("number of shards", shards);
  if (shard !== undefined && total !== undefined) {
    const why = "a part of a plan is not divided; say one of both";
    throw new KodenoError("BAD_OPTION", `Cannot use --shards with --shard: ${why}`);
  }
  const check = await readExpected(options.expect);
  const found = skaffold === undefined
    ? await ofPackages(patterns, options, work)
    : await ofArtifacts(skaffold, options, work);
  const images = found.toSorted((a, b) => a.image < b.image ? -1 : 1);
  check?.(new Map(images.map(({ image, name }) => [image, name])));
  const names = images.map(({ image }) => image);
  const timings = total === undefined ? undefined : readTimings(options.timings);
  const own = shard && new Set(divide(names, shard.total, shard.seconds)[shard.index - 1]);
  const chosen = images.filter(({ image }) => own?.has(image) ?? true);
  const include = total === undefined || timings === undefined
    ? chosen.map(entryOfImage)
    : entriesOfShards(chosen, divide(names, total, timings));
  if (include.length > MOST_JOBS) {
    const message = `Warning: GitHub takes ${MOST_JOBS} jobs of a matrix, and this one has ` +
      `${include.length}; say --shards N`;
    work.emit?.({ type: "note", level: "warning", message });
  }
  return { images: chosen, matrix: { include } };
}

function entryOfImage({ image, name, platforms, inputs }: ImageOfPlan): MatrixEntry {
  return { image, name, platforms: platforms.join(","), inputs };
}

/** An entry for each part that has images; what is said of them is one text each, as a matrix wants it. */
function entriesOfShards(
  images: readonly ImageOfPlan[],
  parts: readonly (readonly string[])[],
): readonly MatrixEntry[] {
  return parts.flatMap((names, i): MatrixEntry[] => {
    if (names.length === 0) return [];
    const own = images.filter(({ image }) => names.includes(image));
    return [{
      shard: `${i + 1}/${parts.length}`,
      index: String(i + 1),
      images: names.join(" "),
      inputs: digestOf(own.map(({ image, inputs }) => `${image} ${inputs}\n`).join("")),
    }];
  });
}

async function ofPackages(
  patterns: readonly string[],
  options: CommandOptions,
  work: WorkOptions,
): Promise<readonly ImageOfPlan[]> {
  const { build, publish } = await resolveConfig(options, work);
  const lock = (await lockFor(options, work)).of();
  const images = await hashImages(build, patterns, { ...work, lock });
  const names = planNames(images.map(({ importPath }) => importPath), publish);
  return images.map((one) => {
    const name = names.get(one.importPath) ?? one.importPath;
    const references = publish.tags.map((tag) => shortName(`${name}:${tag}`));
    return { image: one.importPath, name, references, ...one };
  });
}

async function ofArtifacts(
  skaffold: SkaffoldOptions,
  options: CommandOptions,
  work: WorkOptions,
): Promise<readonly ImageOfPlan[]> {
  // Who plans packages does not wait for what only these need.
  const { artifactConfigs, planArtifacts } = await import("../build/skaffold.ts");
  const { artifacts } = await planArtifacts(skaffold, work, "tags");
  const { environment = processEnvironment() } = skaffold;
  const insecureRegistries = [...new Set(artifacts.flatMap((one) => one.insecureRegistries))];
  const given = { ...options, insecureRegistries, environment };
  const transfer = resolveTransferConfig(given);
  const configs = await artifactConfigs(artifacts, given, transfer, work);
  const locks = await lockFor(options, work);
  const pool = new Pool(AT_ONCE);
  return await Promise.all(
    artifacts.map((artifact, i) =>
      pool.run(async (): Promise<ImageOfPlan> => {
        const { imageName, main, place, reference, repository } = artifact;
        const how = { ...work, lock: locks.of(imageName) };
        const [found, ...others] = await hashImages(configs[i] as BuildConfig, [main], how);
        if (found === undefined || others.length > 0) {
          const why = `${main} has to match one main package`;
          const what = `${imageName} (${place.file}:${place.line})`;
          throw new KodenoError("BAD_PACKAGE", `Cannot plan ${what}: ${why}`);
        }
        const references = [shortName(reference)];
        return { image: imageName, name: repository, references, ...found };
      })
    ),
  );
}
