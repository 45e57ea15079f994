/**
 * From a configuration to published images: what `kodeno build` is, and what other commands begin with.
 * @module
 */
import type { BuildConfig, Config, PublishConfig } from "../config/config.ts";
import type { CommandOptions } from "../config/options.ts";
import { resolveShard, type Shard } from "../config/shard.ts";
import { KodenoError } from "../errors.ts";
import type { WorkOptions } from "../events.ts";
import { chosenGo } from "../go/toolchain.ts";
import { isBuiltinBase } from "../image/builtin_base.ts";
import { allEnded } from "../io/concurrency.ts";
import { checkOutput, writeTextOutput } from "../io/output.ts";
import { giveUpNetwork } from "../place/open.ts";
import { namedBases, parseBase } from "./base_names.ts";
import { type Builder, GoBuilder } from "./builder.ts";
import { tellLostDocuments } from "./documents.ts";
import { readExpected } from "./expected.ts";
import type { BuildLock } from "./inputs.ts";
import type { UnchangedImages } from "./reuse.ts";
import { ImageTimes, partOf } from "./shards.ts";
import {
  PlacesPublisher,
  type PublishedImage,
  type Publisher,
  publishImages,
  type PublishImagesOptions,
  type PublishPlaces,
} from "./publisher.ts";

/** What go says offline that it would fetch. */
const NO_MODULE = /GOPROXY=off|GOVCS disallows/;
const NO_TOOLCHAIN = /requires go >= (\S+) .*GOTOOLCHAIN=local/;

/** What was asked for. */
interface BuildRequest extends Pick<PublishPlaces, "targets"> {
  readonly patterns: readonly string[];
  readonly config: Config;
  /** Names images in the place of the publisher. */
  readonly naming?: PublishImagesOptions["naming"];
  /** What they may be built from, and nothing else. */
  readonly lock?: BuildLock | undefined;
  /** What is said of a part of the images. */
  readonly part?: AskedPart | undefined;
  /** What is said of images that have not changed. */
  readonly unchanged?: UnchangedImages | undefined;
}

/** A part of the images, and what is told of how long they took. */
export interface AskedPart extends Pick<PublishImagesOptions, "checkNames" | "choose"> {
  readonly shard: Shard | undefined;
  /** File that gets the times. */
  readonly writeTimings?: string | undefined;
}

/** What options say of a part; nothing where all images are meant, whichever they are. */
export async function askedPart(
  options: Pick<CommandOptions, "environment" | "expect" | "shard" | "timings" | "writeTimings">,
): Promise<AskedPart | undefined> {
  const { shard: asked, expect, writeTimings } = options;
  if ((asked ?? expect ?? writeTimings) === undefined) return undefined;
  if (writeTimings !== undefined) await checkOutput(writeTimings, `timings ${writeTimings}`);
  const shard = resolveShard(options);
  const choose = (names: readonly string[]) => partOf(names, shard);
  return { shard, choose, checkNames: await readExpected(expect), writeTimings };
}

/** Has work tell how long images take, and writes it where that is asked for. */
export async function timed<T>(
  part: AskedPart | undefined,
  options: WorkOptions,
  work: (options: WorkOptions) => Promise<T>,
  nameOf?: (importPath: string) => string,
): Promise<T> {
  const path = part?.writeTimings;
  if (path === undefined) return await work(options);
  const times = new ImageTimes();
  const result = await work({ ...options, emit: times.listen(options.emit) });
  await writeTextOutput(path, { what: `timings ${path}` }, times.text(nameOf));
  return result;
}

/** Takes an image that is in its places; `key` stands for it where its import path does not. */
export type TakePublished = (image: PublishedImage, key?: string) => Promise<void>;

/** Has what is asked for of images written when some work is done, which is given who takes them. */
export async function withResults<T>(
  { results: asked, tags: usual }: Pick<PublishConfig, "results" | "tags">,
  isOne: boolean,
  work: (onImage?: TakePublished) => Promise<T>,
  order: (result: T) => Iterable<string>,
): Promise<T> {
  if (asked === undefined) return await work();
  // Most builds are asked for none.
  const { openResults } = await import("./results.ts");
  const results = await openResults(asked);
  const result = await work(async ({ image, name, reference, tags = usual }, key) => {
    await results.take({
      key: key ?? image.importPath,
      names: tags.map((tag) => `${name}:${tag}`),
      references: [reference],
      root: image.root,
      source: image,
    });
  });
  await results.write(isOne, order(result));
  return result;
}

/** Builds and publishes; gives references by import path, and writes what is asked for of them. */
export async function buildImages(
  { patterns, config: { build, publish }, targets = [], naming, lock, part, unchanged }:
    BuildRequest,
  options: WorkOptions = {},
): Promise<ReadonlyMap<string, string>> {
  // As buildx writes of a target that is named; a pattern may come to mean more than one.
  const isOne = patterns.length <= 1 && !patterns[0]?.includes("...");
  return await withResults(publish, isOne, async (onImage) => {
    tellLostDocuments([build], publish, options.emit);
    // Who names images otherwise chooses their tags, too.
    if (build.debug !== undefined && naming === undefined && publish.tags.includes("latest")) {
      const message = "Note: images for a debugger get the tag latest, as those without one do; " +
        "-t debug tells them apart";
      options.emit?.({ type: "note", level: "warning", message });
    }
    // deno-lint-ignore no-undef -- the linter does not know it yet
    await using opened = new AsyncDisposableStack();
    const affected = await unchanged?.affected(build, patterns, options);
    const take = unchanged?.reuse === undefined
      ? undefined
      : await (await import("./reuse.ts")).openReuse(unchanged, build, publish, opened, options);
    const work = (publisher: Publisher, [builder]: readonly Builder[]) =>
      timed(part, options, (how) => {
        const all = { ...part, ...how, naming, affected, take, onImage };
        return publishImages(patterns, publisher, builder as Builder, all);
      });
    const isFar = unchanged?.reuse !== undefined;
    return await withPublisher([{ build, lock }], publish, targets, work, isFar);
  }, (references) => references.keys());
}

/** A build, and what it may be built from. */
interface LockedBuild {
  readonly build: BuildConfig;
  readonly lock?: BuildLock | undefined;
}

/** Has builders and the publisher of their images for some work, and ends their use. */
export async function withPublisher<T>(
  builds: readonly LockedBuild[],
  publish: PublishConfig,
  targets: NonNullable<PublishPlaces["targets"]>,
  work: (publisher: Publisher, builders: readonly Builder[]) => Promise<T>,
  isFar = false,
): Promise<T> {
  const configs = builds.map(({ build }) => build);
  const mountFrom = await settleNetwork(configs, publish, isFar || targets.length > 0);
  const publisher = new PlacesPublisher(publish, { mountFrom, targets });
  return await withBuilders(builds, (builders) => work(publisher, builders));
}

/**
 * Has builders for some work, and ends their use. Offline, what the work throws says the next step that
 * helps.
 */
export async function withBuilders<T>(
  builds: readonly LockedBuild[],
  work: (builders: readonly GoBuilder[]) => Promise<T>,
): Promise<T> {
  const builders = await Promise.all(
    builds.map(async ({ build, lock }) => new GoBuilder(await withKeptGo(build, lock), lock)),
  );
  const close = () => allEnded(builders.map((builder) => builder.close()));
  let result: T;
  try {
    result = await work(builders);
  } catch (error) {
    // What cannot be closed matters less.
    await close().catch(() => {});
    throw builds.some(({ build }) => build.offline) ? withOfflineHint(error) : error;
  }
  await close();
  return result;
}

/**
 * Offline, with the go that the lock or the module wants where go's cache of modules has that, as a bundle
 * brings it; else the one that is there.
 */
async function withKeptGo(build: BuildConfig, lock: BuildLock | undefined): Promise<BuildConfig> {
  const { offline, go, workingDirectory: directory } = build;
  if (!offline) return build;
  const found = await chosenGo({ ...go, directory }, lock?.goVersion ?? "auto");
  return found === undefined ? build : { ...build, go: { ...go, command: found.command } };
}

/**
 * Settles what builds may dial: offline, and with neither a daemon nor a registry to publish to, the
 * right to use the network is given up for good. Gives the repositories of base images, whose layers a
 * registry may have already.
 *
 * @param isFar whether images go to a place beside those of `publish`, which may need the network
 */
async function settleNetwork(
  builds: readonly BuildConfig[],
  { push, local, kind }: PublishConfig,
  isFar = false,
): Promise<readonly string[]> {
  const bases = builds.flatMap(namedBases)
    .filter(({ baseImage }) => !isBuiltinBase(baseImage)).map(parseBase);
  const dials = isFar || push || local || kind !== undefined ||
    bases.some(({ kind }) => kind === "daemon");
  if (builds.some(({ offline }) => offline) && !dials) await giveUpNetwork();
  const names = bases.flatMap((base) => base.kind === "registry" ? [base.reference.name] : []);
  return [...new Set(names)];
}

/** A failure of an offline build, with the next step where it lacks a module or a newer Go. */
function withOfflineHint(error: unknown): unknown {
  if (!(error instanceof KodenoError)) return error;
  const { code, message, detail } = error;
  const told = (text: string) => new KodenoError(code, text, detail, { cause: error });
  if (NO_MODULE.test(message)) {
    return told(
      'Cannot build offline: go lacks modules; run "go mod download" here once with the network, or ' +
        `"go mod vendor" and bring the folder:\n${message}`,
    );
  }
  const version = NO_TOOLCHAIN.exec(message)?.[1];
  if (version === undefined) return error;
  return told(`${message}; offline none is fetched: install Go ${version} or newer`);
}
