/**
 * The recipe of `kodeno bundle create`: images, and what they are built from, become one file that crosses
 * a gap.
 * @module
 */
import { join } from "node:path";
import { lockFor } from "../airgap/find_lock.ts";
import { addBases, BundlePublisher } from "../airgap/built_images.ts";
import { CarriedCheck } from "../airgap/carried_check.ts";
import { summaryOf } from "../airgap/document.ts";
import { BundleImages } from "../airgap/images.ts";
import { checkPartSize, headerPath, writeParts } from "../airgap/parts.ts";
import { openSince, withoutModules } from "../airgap/since.ts";
import { carriedModules, lockIn, sourceOf } from "../airgap/sources.ts";
import { type BundleContent, writeBundle } from "../airgap/writer.ts";
import { withBuilders } from "../build/build_images.ts";
import type { GoBuilder } from "../build/builder.ts";
import { planNames } from "../build/names.ts";
import type { BuildLock } from "../build/inputs.ts";
import { type NamedBuild, publishPrepared } from "../build/publisher.ts";
import { artifactConfigs, planArtifacts, prepareArtifact } from "../build/skaffold.ts";
import { type Config, type PublishConfig, resolveConfig } from "../config/config.ts";
import type { CommandOptions } from "../config/options.ts";
import type { SkaffoldOptions } from "../config/skaffold/options.ts";
import { tellLeftOut } from "../content/copy.ts";
import { KodenoError } from "../errors.ts";
import type { WorkOptions } from "../events.ts";
import { replacedFolders } from "../go/download.ts";
import { exists, isFile } from "../io/files.ts";
import { DamagedBlob } from "../io/hash.ts";
import {
  checkOutput,
  findOutput,
  isStdoutTerminal,
  type TakeBytes,
  writeOutput,
} from "../io/output.ts";
import type { Descriptor } from "../oci/descriptor.ts";
import { ARCHIVE_ENDING, calledName, cosignSubject } from "../oci/entries.ts";
import { openForeign, parsePlace } from "../place/open.ts";
import { openChosen } from "../place/open_image.ts";
import { openSigner, readKeys, type SignerRequest } from "../trust/key_files.ts";

interface BundleRequest extends WorkOptions {
  /** Layouts and archives, by their paths or as `copy` names them; the others are packages to build. */
  readonly from: readonly string[];
  /** How packages are built; places that it names do not count. */
  readonly options: CommandOptions;
  /** Whose artifacts are built in the place of packages. */
  readonly skaffold?: SkaffoldOptions | undefined;
  /** Path of the file; `-` is stdout. */
  readonly output: string;
  /** Leaves out what images are built from, or the images. */
  readonly part?: "images" | "sources" | undefined;
  /** Platforms (`os/arch`) on which Go is to run behind the gap. */
  readonly toolchains?: readonly string[] | undefined;
  /** Takes the source of the commit that is checked out. */
  readonly source?: boolean | undefined;
  /** Though there is more than that commit has. */
  readonly allowDirty?: boolean | undefined;
  /** Whether what refers to the images goes along; default true. */
  readonly referrers?: boolean | undefined;
  /** A receipt, or a bundle that was sent before: what that has is left out. */
  readonly since?: string | undefined;
  /** Files of public keys, one of which has to have signed the receipt. */
  readonly sinceKeys?: readonly string[] | undefined;
  /** What the place is called that the receipt has to be of. */
  readonly site?: string | undefined;
  /** Bytes of each part; one file where nothing is said. */
  readonly split?: number | undefined;
  /** Who signs it; nobody where no key is said. */
  readonly sign: SignerRequest;
}

/** What a bundle has beside images. */
type OtherContent = Omit<BundleContent, "images" | "signer">;
type Work = BundleRequest & { readonly config: Config; readonly images: BundleImages };

/** Makes a bundle; a file is there when it is whole. Gives what it holds, and its size. */
export async function createBundle(request: BundleRequest) {
  const { from, output, sign, split, signal, emit, options } = request;
  const what = output === "-" ? "the bundle on stdout" : `bundle ${output}`;
  if (split !== undefined) await checkSplit(output, split);
  else await checkOutput(output, what);
  if (output === "-" && isStdoutTerminal()) {
    const why = "it is a terminal; name a file, or say where it goes with > or |";
    throw new KodenoError("BAD_PLACE", `Cannot write a bundle to stdout: ${why}`);
  }
  const places = from.filter(isPlace);
  const patterns = from.filter((one) => !isPlace(one));
  refuseSenseless(request, places);
  const config = await resolveConfig(options, { emit });
  const { environment } = config.build.transfer;
  const isSigned = sign.key !== undefined || sign.signer !== undefined;
  const signer = isSigned ? await openSigner(sign, environment, { signal, emit }) : undefined;
  // deno-lint-ignore no-undef -- the linter does not know it yet
  using opened = new DisposableStack();
  const since = await sinceOf(request);
  await using foreign = await openForeign(config.build.transfer, { emit });
  const images = new BundleImages(since?.isThere, foreign);
  for (const place of places) await addImages(place, images, opened, request);
  const write = async (content: OtherContent): Promise<Made> => {
    const { sequence, base } = since ?? {};
    const sent = since ? withoutModules(content, since) : content;
    tellLeftOut({ emit }, images.left());
    await checkCarried(what, sent, signal);
    const whole = { ...sent, images, signer, sequence, base };
    const into = (take: TakeBytes) => writeBundle(whole, take, { signal, emit });
    if (split === undefined) return await writeOutput(output, { what, signal }, into);
    return await writeParts(output, { what, signal, size: split }, into);
  };
  const work = { ...request, config, images };
  const none: Planned = {
    builds: [{ build: config.build }],
    publish: config.publish,
    prepare: () => Promise.resolve([]),
  };
  const planned = request.skaffold
    ? await plannedArtifacts(request.skaffold, work)
    : patterns.length > 0 || places.length === 0
    ? await plannedPackages(patterns, work)
    : request.toolchains || request.source
    ? none
    : undefined;
  const made = planned ? await building(planned, work, write) : await write({});
  return { summary: summaryOf(made.document), bytes: made.bytes, parts: made.parts };
}

/** Refuses to carry what nobody would take: as those look at it who get it. */
async function checkCarried(
  what: string,
  { files = [], gomod, source }: OtherContent,
  signal: AbortSignal | undefined,
): Promise<void> {
  const carried = new CarriedCheck(what, { files, gomod, source });
  for (const { path, at } of files) if (at) await carried.take(path, at, { signal });
  carried.end();
}

/** A bundle that was written, in parts where that was asked for. */
type Made = Awaited<ReturnType<typeof writeBundle>> & { readonly parts?: number };

/** Refuses what parts cannot be written to. */
async function checkSplit(output: string, split: number): Promise<void> {
  checkPartSize(split);
  const header = headerPath(output);
  await checkOutput(header, `bundle ${header}`);
  const { kind } = output === "-" ? { kind: "stdout" } : await findOutput(header);
  if (kind === "file") return;
  const why = "parts are files; say their name with -o FILE";
  throw new KodenoError("BAD_OPTION", `Cannot use --split with ${output}: ${why}`);
}

/** What the place that the bundle goes to has. */
async function sinceOf({ since: path, sinceKeys, site, signal, emit }: BundleRequest) {
  if (path === undefined) {
    if (sinceKeys === undefined && site === undefined) return undefined;
    const why = "they are about a receipt; say that with --since FILE";
    throw new KodenoError("BAD_OPTION", `Cannot use --since-key and --site alone: ${why}`);
  }
  const since = await openSince(path, { keys: readKeys(sinceKeys ?? []), site, signal });
  if (since.note) emit?.({ type: "note", level: "warning", message: since.note });
  return since;
}

function refuseSenseless(
  { from, part, toolchains, source, skaffold }: BundleRequest,
  places: readonly string[],
): void {
  const bad = (what: string, why: string) =>
    new KodenoError("BAD_OPTION", `Cannot use ${what}: ${why}`);
  if (part === "images" && (toolchains || source)) {
    throw bad("--images-only", "--toolchain and --source are to build images from; leave one out");
  }
  const [place] = places;
  const other = from.find((one) => !isPlace(one));
  if (skaffold && other !== undefined) {
    throw bad(other, `${skaffold.file} says what is built; choose with -b IMAGE`);
  }
  if (part === "sources" && place !== undefined) {
    throw bad("--sources-only", `${place} has images, which are not to be built; leave one out`);
  }
}

/** Whether a word names a layout or an archive, and no package. */
function isPlace(word: string): boolean {
  if (word === "-" || /^(?:oci|archive):/.test(word) || exists(join(word, "oci-layout"))) {
    return true;
  }
  return ARCHIVE_ENDING.test(word) || isFile(word);
}

/** Images to build, and their builders. */
interface Planned {
  readonly builds: Parameters<typeof withBuilders>[0];
  readonly publish: PublishConfig;
  /** Finds the packages. */
  readonly prepare: (builders: readonly GoBuilder[]) => Promise<readonly NamedBuild[]>;
}

/** Packages, as `build` has them. */
async function plannedPackages(patterns: readonly string[], work: Work): Promise<Planned> {
  const { config: { build, publish }, options, part } = work;
  const lock = (await lockFor(options, work, part !== "images")).of();
  const prepare = async (builders: readonly GoBuilder[]) =>
    await Promise.all(builders.map(async (builder) => {
      const prepared = await builder.prepare(patterns, work);
      return { builder, prepared, names: planNames(prepared.importPaths, publish) };
    }));
  return { builds: [{ build, lock }], publish, prepare };
}

/** Artifacts of a skaffold.yaml, under their names there. */
async function plannedArtifacts(skaffold: SkaffoldOptions, work: Work): Promise<Planned> {
  const { config, options: given, part, emit } = work;
  const { artifacts, hooks } = await planArtifacts(skaffold, work, "all");
  if ([...hooks, ...artifacts.map(({ hooks }) => hooks)].some((one) => one.before.length > 0)) {
    const message = `The hooks of ${skaffold.file} are not run for a bundle`;
    emit?.({ type: "note", level: "warning", message });
  }
  const options = { ...given, environment: skaffold.environment };
  const configs = await artifactConfigs(artifacts, options, config.build.transfer, work);
  const locks = await lockFor(options, work, part !== "images");
  const prepare = async (builders: readonly GoBuilder[]) =>
    await locks.all(artifacts.map(async (artifact, i) => {
      const { repository, tag } = artifact;
      const builder = builders[i] as GoBuilder;
      const { prepared, importPath } = await prepareArtifact(artifact, builder, work);
      return { builder, prepared, names: new Map([[importPath, repository]]), tags: [tag] };
    }));
  const builds = configs.map((build, i) => ({ build, lock: locks.of(artifacts[i]?.imageName) }));
  return { builds, publish: config.publish, prepare };
}

/** Builds, gathers what is built from, and writes all of it while builders still have it. */
async function building<T>(
  { builds, publish, prepare }: Planned,
  work: Work,
  write: (content: OtherContent) => Promise<T>,
): Promise<T> {
  const { part, images, signal, emit } = work;
  const publisher = new BundlePublisher(images, publish);
  return await withBuilders(builds, async (builders) => {
    const named = await prepare(builders);
    if (part !== "sources") {
      for (const one of named) await publishPrepared(one, publisher, { signal, emit });
    }
    const delve = builds[0]?.lock?.delve;
    const content = part === "images" ? {} : await sourcesFor(named, builders, { ...work, delve });
    try {
      return await write(content);
    } catch (error) {
      if (!(error instanceof DamagedBlob)) throw error;
      // One of the cache is made anew the next time.
      for (const builder of builders) await builder.evict(error.blob.digest);
      throw error;
    }
  });
}

/** What images are built from; where none are, what go has in the folder. */
async function sourcesFor(
  named: readonly NamedBuild[],
  builders: readonly GoBuilder[],
  work: Work & Pick<BuildLock, "delve">,
): Promise<OtherContent> {
  const { config, images, toolchains = [], source, delve, signal, emit } = work;
  const { workingDirectory, transfer: { environment } } = config.build;
  const all = await Promise.all(
    builders.map((builder, i) => builder.suppliesOf(named[i]?.prepared, signal)),
  );
  for (const { bases } of all) await addBases(images, bases, { signal });
  const [{ go } = {}] = all;
  if (go === undefined) return {};
  const directories = [...new Set(all.flatMap((one) => one.directories))].sort();
  const isBuilt = named.length > 0;
  const carried = isBuilt || toolchains.length > 0
    ? await carriedModules(go, { directories, modules: isBuilt, toolchains, delve, emit })
    : { files: [] };
  const place = { directory: workingDirectory, environment, signal };
  const folders = source && isBuilt ? await replacedFolders(go, directories) : [];
  const tree = source ? await sourceOf(place, { ...work, folders }) : { files: [] };
  const lock = isBuilt ? await lockIn(workingDirectory) : [];
  return { ...carried, ...tree, files: [...carried.files, ...tree.files, ...lock] };
}

/** Takes the images of a layout or archive, and what refers to them. */
async function addImages(
  from: string,
  images: BundleImages,
  opened: DisposableStack,
  { referrers = true, signal, emit }: BundleRequest,
): Promise<void> {
  const place = /^(?:oci|archive):/.test(from) ? parsePlace(from) : undefined;
  const [path, ref] = place && "path" in place ? [place.path, place.ref] : [from, ""];
  const named = ref === "" ? [] : [ref];
  const chosen = opened.use(
    await openChosen(path, {
      images: named,
      verb: "bundle",
      referrers,
      signal,
      emit,
    }),
  );
  const { source } = chosen;
  const about = new Map<string, Descriptor>();
  for (const root of chosen.images) {
    const role = cosignSubject(root) === undefined ? "image" : "referrer";
    const name = calledName(root, source.ownName);
    const called = name?.includes("@") ? undefined : name;
    await images.add({ source, root, name: called, role }, { signal });
    if (!referrers) continue;
    for (const one of chosen.referrers.get(root.digest) ?? []) about.set(one.digest, one);
  }
  for (const root of about.values()) {
    await images.add({ source, root, name: undefined, role: "referrer" }, { signal });
  }
}
