/**
 * Options, environment and files to one frozen `Config`, once for each command: everything below works
 * with these values and resolves nothing. A flag beats the environment, which beats files;
 * `SOURCE_DATE_EPOCH` beats all.
 * @module
 */
import { join, resolve } from "node:path";
import { KodenoError } from "../errors.ts";
import type { WorkOptions } from "../events.ts";
import { exists, ioFailure, isFile, isFolder, readSmallText } from "../io/files.ts";
import { parseRepository, parseTag } from "../oci/reference.ts";
import { isUnder, kindCluster, LOCAL_DOMAIN } from "../place/domains.ts";
import type { TransferConfig } from "../place/registry/transport.ts";
import { uninterruptible } from "../signals.ts";
import {
  badValue,
  type Compression,
  parseCompression,
  parseEpoch,
  parseJobs,
  parseMirrors,
  parseSbomForms,
} from "./checks.ts";
import {
  cacheDirectory,
  type Environment,
  goCommandOf,
  processEnvironment,
  variable,
} from "./environment.ts";
import { GO_OFFLINE, type ImageSettings, resolveImage } from "./image_config.ts";
import type {
  BuildOptions,
  CommandOptions,
  KoFile,
  PublishOptions,
  ResultOptions,
  TransferOptions,
} from "./options.ts";
import type { PolicyFile } from "./policy_file.ts";
import { VERSION } from "./version.ts";

/** What a command that builds and publishes works with; frozen. */
export interface Config {
  readonly build: BuildConfig;
  readonly publish: PublishConfig;
}

/** Everything that shapes images; frozen. */
export interface BuildConfig {
  /** Absolute. */
  readonly workingDirectory: string;
  readonly koFile: KoFile | undefined;
  /** What is demanded of base images. */
  readonly baseDemand: {
    readonly verifyKeys: readonly string[];
    readonly policy: string | PolicyFile | undefined;
  };
  /** How registries with base images are reached. */
  readonly transfer: TransferConfig;
  /** Whether nothing may be fetched. */
  readonly offline: boolean;
  readonly go: { readonly command: string; readonly environment: Environment };
  /** Of what no entry of `builds` is for. */
  readonly image: ImageSettings;
  /** Entries of a `.ko.yaml`, for one main package each. */
  readonly builds: readonly {
    readonly id: string;
    /** Folder that `go` runs in; absolute. */
    readonly directory: string;
    /** Main package, or one of its files, relative to `directory`. */
    readonly main: string;
    readonly image: ImageSettings;
  }[];
  /** What the base image has to be and what it is called, in the place of what is there now. */
  readonly pinnedBase?: {
    readonly digest?: string | undefined;
    readonly name?: string | undefined;
    /** Why its registry is not asked, and what helps; it is in the cache then, or cannot be used. */
    readonly unasked?: string | undefined;
  } | undefined;
  /** By import path in lower case; nothing where the caller chose a base. */
  readonly baseImageOverrides: Readonly<Record<string, string>>;
  /** Of kodata files, in seconds since 1970. */
  readonly kodataTime: number | undefined;
  /** Where kodata links may lead beside the git root. */
  readonly kodataAllowedRoot: string | undefined;
  readonly sbom: SbomConfig;
  /** Whether it is said beside images how they were built. */
  readonly provenance: boolean;
  /** Whether SBOMs and provenance are in the index, and not beside it. */
  readonly attestInIndex: boolean;
  /** Who signs; nobody where it is missing. */
  readonly signing: SigningConfig | undefined;
  /** What debugger images get: a file, or Delve, of a version where one is said; nothing without. */
  readonly debug:
    | { readonly delve: string | undefined; readonly file: string | undefined }
    | undefined;
  readonly compression: Compression;
  readonly jobs: number;
  readonly cache: CacheConfig;
}

/** Who signs what a build makes. */
interface SigningConfig extends Pick<BuildOptions, "askPassword" | "isInteractive" | "signer"> {
  /** File of the key. */
  readonly key: string;
}

/** Which SBOMs are made of images. */
interface SbomConfig {
  readonly forms: ReturnType<typeof parseSbomForms>;
  /** Folder of their files, as it was given. */
  readonly folder: string | undefined;
  /** Whether somebody has said so, in whatever way. */
  readonly isAsked: boolean;
}

/** How the go command is run. */
export type GoConfig = BuildConfig["go"];
/** What shapes the image of one main package. */
export type BuildEntry = BuildConfig["builds"][number];
/** Where binaries and layers are kept for the next build. */
export type CacheConfig = ReturnType<typeof resolveCacheConfig>;

/** Where images go and what they are called; frozen. */
export interface PublishConfig {
  /** Prefix of names, "" for none. */
  readonly repository: string;
  readonly naming: Naming;
  /** Folder of a layout, as it was given. */
  readonly layout: string | undefined;
  /** Whether they stay in the layout only since nobody has said where else they go. */
  readonly isKept: boolean;
  /** Whether images go to the registry of `repository`. */
  readonly push: boolean;
  /** Whether images go to the Docker daemon. */
  readonly local: boolean;
  /** Name of the kind cluster whose nodes the images go into. */
  readonly kind: string | undefined;
  readonly tags: readonly string[];
  readonly tagOnly: boolean;
  /** File of an archive. */
  readonly tarball: string | undefined;
  /** Without mirrors, which are asked for what is pulled. */
  readonly transfer: TransferConfig;
  /** Nothing where nothing is to be written. */
  readonly results: ResultsConfig | undefined;
}

/** What is written of images; frozen. */
export interface ResultsConfig {
  /** Files, as they were given. */
  readonly imageRefs: string | undefined;
  readonly metadataFile: string | undefined;
  readonly iidFile: string | undefined;
  /** Files of a step of GitHub Actions. */
  readonly github: { readonly output: string; readonly summary: string } | undefined;
}

/** How a name is made from an import path; see `planNames`. */
export type Naming = "short" | "md5" | "base" | "full" | "bare";

const DEFAULT_CACHE_BYTES = 10 * 1024 ** 3;
/** Those that systems trust take a twentieth of it. */
const MAX_CA_BYTES = 4 * 1024 * 1024;

interface ResolveOptions {
  /** Images are pushed unless something else was asked for. */
  readonly pushes?: boolean | undefined;
  /** What the options say of registries, where that is settled already. */
  readonly transfer?: TransferConfig | undefined;
}

/** Checks options and completes them from the `.ko.yaml` of the working directory and the environment. */
export async function resolveConfig(
  given: CommandOptions,
  { emit, pushes, transfer: known }: ResolveOptions & Pick<WorkOptions, "emit"> = {},
): Promise<Config> {
  const options = { ...given, environment: given.environment ?? processEnvironment() };
  // What is wrong with names and places is told before any file is read.
  const transfer = known ?? uninterruptible(() => resolveTransferConfig(options));
  const publish = resolvePublishConfig(options, { pushes, transfer });
  const complete = await loadConfig(options, { emit });
  return Object.freeze({ build: resolveBuildConfig(complete, transfer, publish.push), publish });
}

/**
 * Reads the `.ko.yaml` that goes with options, as ko's `LoadConfig`: the one that `KO_CONFIG_PATH`
 * names, or that of the working directory.
 *
 * @returns the options, with `koFile` where there is one; a file that is in them stays
 * @throws {KodenoError} `BAD_CONFIG` with all faults of the file, `BAD_OPTION`
 *
 * @example
 * ```ts
 * import { loadConfig } from "@kodeno/kodeno";
 * const options = await loadConfig({ workingDirectory: "examples/hello" });
 * if (options.workingDirectory !== "examples/hello") throw new Error();
 * ```
 */
export async function loadConfig(
  options: BuildOptions = {},
  { emit }: Pick<WorkOptions, "emit"> = {},
): Promise<BuildOptions> {
  if (options.koFile !== undefined) return options;
  const { workingDirectory = ".", environment = processEnvironment() } = options;
  const found = findKoFile(resolve(workingDirectory), environment);
  if (found === undefined) return options;
  // Most folders have none, and then nobody waits for the YAML library.
  const { readKoFile } = await import("./ko_yaml.ts");
  const koFile = await readKoFile(found.path, found.name);
  for (const message of koFile.notes) emit?.({ type: "note", level: "warning", message });
  return { ...options, koFile };
}

/** Names of ko's file, the first before the second: its library takes the short ending, too. */
export const KO_FILES: readonly string[] = [".ko.yaml", ".ko.yml"];

/**
 * Finds the `.ko.yaml` of a folder, or the file or folder that `KO_CONFIG_PATH` names, by its absolute
 * path and its name for a person.
 */
export function findKoFile(
  workingDirectory: string,
  environment: Environment,
): { readonly path: string; readonly name: string } | undefined {
  const named = variable(environment, "KO_CONFIG_PATH");
  const given = resolve(workingDirectory, named ?? "");
  const own = named && isFolder(given) ? join(named, ".ko.yaml") : named;
  const names = own === undefined ? KO_FILES : [own];
  for (const name of names) {
    const path = resolve(workingDirectory, name);
    if (isFile(path)) return { path, name };
  }
  if (named === undefined) return undefined;
  const why = exists(given)
    ? `${resolve(workingDirectory, own ?? "")} is not a file`
    : "there is no such file or folder";
  throw badValue("KO_CONFIG_PATH", named, `${why}; name a .ko.yaml, or a folder with one`);
}

/**
 * Checks options of a builder and completes them, but for what is settled of registries already.
 *
 * @param pushes whether its images go to a registry, where they have SBOMs unless none are asked for
 */
export function resolveBuildConfig(
  options: BuildOptions,
  transfer?: TransferConfig,
  pushes = false,
): BuildConfig {
  const environment = options.environment ?? processEnvironment();
  const kodataTime = variable(environment, "KO_DATA_DATE_EPOCH");
  const workingDirectory = resolve(options.workingDirectory ?? ".");
  const { koFile, offline = false, attestInIndex = false } = options;
  const sbom = resolveSboms(options, pushes);
  const provenance = options.provenance ?? koFile?.provenance ?? false;
  if (attestInIndex && sbom.forms.length === 0 && !provenance) {
    const why = "there are neither SBOMs nor provenance; add --sbom spdx or --provenance";
    throw new KodenoError("BAD_OPTION", `Cannot attest in the index: ${why}`);
  }
  return Object.freeze({
    workingDirectory,
    koFile,
    transfer: withMirrorsOf(koFile, transfer ?? resolveTransferConfig(options)),
    offline,
    go: Object.freeze({
      command: goCommandOf(environment),
      environment: offline ? { ...environment, ...GO_OFFLINE } : environment,
    }),
    image: resolveImage(options, environment),
    builds: Object.freeze((koFile?.builds ?? []).map(({ id, dir, main }, i) => ({
      id,
      directory: resolve(workingDirectory, dir),
      main,
      image: resolveImage(options, environment, i),
    }))),
    baseImageOverrides: options.baseImage ? {} : koFile?.baseImageOverrides ?? {},
    baseDemand: resolveBaseDemand(options),
    kodataTime: kodataTime ? parseEpoch("KO_DATA_DATE_EPOCH", kodataTime) : undefined,
    kodataAllowedRoot: variable(environment, "KO_DATA_PATH_ALLOWED_ROOT"),
    sbom,
    provenance,
    attestInIndex,
    signing: resolveSigning(options),
    debug: resolveDebug(options, workingDirectory),
    compression: parseCompression(options.compression),
    jobs: parseJobs(options.jobs ?? 0),
    cache: resolveCacheConfig(environment, options.cache ?? true),
  });
}

function resolveSigning({ sign: key, signer, askPassword, isInteractive }: BuildOptions) {
  if (key !== undefined) return Object.freeze({ key, signer, askPassword, isInteractive });
  if (signer === undefined) return undefined;
  const why = "say with --sign FILE the public key that verifies what it signs";
  throw new KodenoError("BAD_OPTION", `Cannot use signer ${signer[0] ?? '""'}: ${why}`);
}

/** A debugger is put into images only where that is said, whichever it is. */
function resolveDebug(
  { debug = false, delve, debugger: file }: BuildOptions,
  workingDirectory: string,
): BuildConfig["debug"] {
  const bad = (why: string): KodenoError => {
    const what = delve === undefined ? `debugger ${file}` : `Delve ${delve}`;
    return new KodenoError("BAD_OPTION", `Cannot use ${what}: ${why}`);
  };
  if (!debug) {
    if ((delve ?? file) === undefined) return undefined;
    throw bad("no image is to be debugged; say --debug, too");
  }
  if (delve !== undefined && file !== undefined) {
    throw bad(`${file} is to be the debugger; say one of both`);
  }
  if (delve !== undefined && !/^v\d+\.\d+\.\d+(?:-[\w.-]+)?$/.test(delve)) {
    throw bad("it is no version of a module, such as v1.26.3");
  }
  return Object.freeze({ delve, file: file && resolve(workingDirectory, file) });
}

/** Flags beat the file. */
function resolveBaseDemand({ verifyKeys = [], policy, koFile }: BuildOptions) {
  const isSaid = verifyKeys.length > 0 || policy !== undefined;
  return Object.freeze({ verifyKeys, policy: isSaid ? policy : koFile?.baseImagePolicy });
}

/**
 * A flag beats the file. In a registry images have SBOMs, as ko's have; many tools take a layout of one
 * image by its path alone, so that those in a layout have some only where that is said.
 */
function resolveSboms({ sbom, sbomDir, koFile }: BuildOptions, pushes: boolean): SbomConfig {
  const folder = sbomDir || undefined;
  const isFlag = (sbom ?? []).length > 0;
  const said = isFlag ? sbom : koFile?.sbom;
  const usual = folder !== undefined || pushes ? ["spdx"] : [];
  const what = isFlag ? "SBOM form" : `sbom of ${koFile?.path}`;
  const forms = parseSbomForms(what, said ?? usual);
  return Object.freeze({ forms, folder, isAsked: (said ?? folder) !== undefined });
}

/** What shapes the image of a main package, which an entry of `builds` may be for. */
export function imageConfigOf(
  config: BuildConfig,
  importPath: string,
  entry?: BuildEntry,
): ImageSettings {
  const image = entry?.image ?? config.image;
  const baseImage = config.baseImageOverrides[importPath.toLowerCase()];
  if (!baseImage) return image;
  const { path, lines } = config.koFile ?? {};
  const line = lines?.[`baseImageOverrides.${importPath.toLowerCase()}`];
  const place = [path, line].filter((one) => one !== undefined).join(":");
  const origins = { ...image.origins, baseImage: place };
  return Object.freeze({ ...image, baseImage, origins });
}

/** Where the cache is and how large it may grow (`KODENO_CACHE_MAX_BYTES`; default 10 GiB). */
export function resolveCacheConfig(
  environment: Environment = processEnvironment(),
  enabled = true,
) {
  const text = variable(environment, "KODENO_CACHE_MAX_BYTES");
  const maxBytes = text === undefined ? DEFAULT_CACHE_BYTES : Number(text);
  if (!Number.isSafeInteger(maxBytes) || maxBytes < 0) {
    throw badValue("KODENO_CACHE_MAX_BYTES", text ?? "", "it has to be a number of bytes");
  }
  return Object.freeze({ directory: resolve(cacheDirectory(environment)), enabled, maxBytes });
}

/** Checks options of a publisher and completes them from the environment. */
export function resolvePublishConfig(
  options: PublishOptions & ResultOptions,
  { pushes = false, transfer }: ResolveOptions = {},
): PublishConfig {
  const environment = options.environment ?? processEnvironment();
  const { tarball } = options;
  const domain = options.localDomain ?? LOCAL_DOMAIN;
  const named = options.dockerRepo ?? variable(environment, "KO_DOCKER_REPO") ?? "";
  const repository = named === "" && options.local ? domain : named;
  if (repository !== "") parsePrefix(repository);
  const kind = kindCluster(repository, environment);
  const local = kind === undefined && (options.local ?? isUnder(repository, domain));
  const push = options.push ?? (pushes && !local && kind === undefined);
  if (push && (repository === "" || local || kind !== undefined)) {
    const why = repository ? `${repository} is no registry` : "KO_DOCKER_REPO is not set";
    throw badOption(`Cannot push: ${why}; set KO_DOCKER_REPO to the repository to push to`);
  }
  // Each tag once, as ko does it.
  const tags = [...new Set(options.tags?.length ? options.tags : ["latest"])].map(parseTag);
  const tagOnly = options.tagOnly ?? false;
  if (tagOnly && (tags.length !== 1 || tags[0] === "latest")) {
    const what = `Cannot leave digests out with tags ${tags.join(",")}`;
    throw badOption(`${what}: say one tag that is not "latest"`);
  }
  const reached = transfer ?? resolveTransferConfig(options);
  const isUnsaid = !(options.ociLayout || push || local || kind || tarball);
  return Object.freeze({
    repository,
    naming: resolveNaming(options, repository),
    layout: options.ociLayout || (isUnsaid ? "out" : undefined),
    isKept: isUnsaid && options.push === undefined,
    push,
    local,
    kind,
    tags,
    tagOnly,
    tarball: tarball || undefined,
    transfer: Object.freeze({ ...reached, mirrors: {}, namedMirrors: {} }),
    results: resolveResults(options),
  });
}

/** Checks what is asked to be written of images; nothing where that is nothing. */
export function resolveResults(
  options: ResultOptions & Pick<TransferOptions, "environment">,
): ResultsConfig | undefined {
  const { imageRefs, metadataFile, iidFile, environment = processEnvironment() } = options;
  if (!(imageRefs || metadataFile || iidFile || options.github)) return undefined;
  return Object.freeze({
    imageRefs: imageRefs || undefined,
    metadataFile: metadataFile || undefined,
    iidFile: iidFile || undefined,
    github: options.github ? githubFiles(environment) : undefined,
  });
}

function githubFiles(environment: Environment) {
  const output = variable(environment, "GITHUB_OUTPUT");
  const summary = variable(environment, "GITHUB_STEP_SUMMARY");
  if (output !== undefined && summary !== undefined) return Object.freeze({ output, summary });
  const lacking = output === undefined ? "GITHUB_OUTPUT" : "GITHUB_STEP_SUMMARY";
  const why = `${lacking} is not set, as it is in a step of GitHub Actions`;
  throw badOption(
    `Cannot write outputs of a step (--github): ${why}; leave --github out elsewhere`,
  );
}

/** Checks what images are named below, be it a registry or domain alone; throws `BAD_REFERENCE`. */
export function parsePrefix(prefix: string): string {
  parseRepository(/^[^/]*[.:][^/]*$/.test(prefix) ? `${prefix}/x` : prefix);
  return prefix;
}

const badOption = (message: string) => new KodenoError("BAD_OPTION", message);

/** `-P` beats `-B`, which beats `--bare`, as in ko. */
function resolveNaming(options: PublishOptions, repository: string): Naming {
  if (options.preserveImportPaths) return "full";
  if (options.baseImportPaths) return "base";
  if (!options.bare) return repository === "" ? "short" : "md5";
  if (repository !== "") return "bare";
  const what = "Cannot name images by KO_DOCKER_REPO alone (--bare)";
  throw badOption(`${what}: it is not set; set it, or leave --bare out`);
}

/** Checks what is said of registries and daemons, and completes it from the environment. */
export function resolveTransferConfig(options: TransferOptions = {}): TransferConfig {
  const { caFile, caCerts = [], offline = false, foreign = false } = options;
  const { environment = processEnvironment(), userAgent = `kodeno/${VERSION}` } = options;
  const named = parseMirrors("mirror", options.mirrors ?? []);
  const words = (variable(environment, "KODENO_MIRRORS") ?? "").split(/[\s,]+/);
  const usual = parseMirrors("mirror of KODENO_MIRRORS", words.filter((one) => one !== ""));
  const { insecureRegistry = false, insecureRegistries = [], certsFolders, credentials } = options;
  const { retry, connectMs, idleMs, answerMs, documentMs } = options;
  return Object.freeze({
    environment,
    offline,
    foreign,
    userAgent,
    insecureRegistry,
    insecureRegistries,
    certsFolders,
    credentials,
    retry,
    connectMs,
    idleMs,
    answerMs,
    documentMs,
    caCerts: caFile === undefined ? caCerts : [...caCerts, readCertificates(caFile)],
    lockFolder: join(cacheDirectory(environment), "locks"),
    // Offline only what was named is dialled, and the environment names nothing.
    mirrors: Object.freeze({ ...(offline ? {} : usual), ...named }),
    namedMirrors: Object.freeze(named),
  });
}

/** Adds the mirrors of a file: they beat the environment's, and the caller's beat them. */
function withMirrorsOf(file: KoFile | undefined, config: TransferConfig): TransferConfig {
  if (!file?.mirrors.length) return config;
  const named = { ...parseMirrors("mirror", file.mirrors), ...config.namedMirrors };
  const mirrors = Object.freeze({ ...config.mirrors, ...named });
  return Object.freeze({ ...config, mirrors, namedMirrors: Object.freeze(named) });
}

function readCertificates(path: string): string {
  try {
    const text = readSmallText(path, MAX_CA_BYTES);
    if (text.includes("-----BEGIN CERTIFICATE-----")) return text;
  } catch (cause) {
    const { message } = ioFailure(`read CA file ${path}`, cause);
    throw new KodenoError("BAD_OPTION", message, {}, { cause });
  }
  throw badOption(`Cannot use CA file ${path}: it holds no PEM certificate`);
}
