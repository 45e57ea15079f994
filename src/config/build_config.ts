/**
 * Options, files and environment to one frozen `BuildConfig`: everything that shapes images.
 * A flag beats the environment, which beats files; `SOURCE_DATE_EPOCH` beats all.
 * @module
 */
import { resolve } from "node:path";
import { KodenoError } from "../errors.ts";
import {
  type Compression,
  DEFAULT_COMPRESSION,
  parseCompression,
  parseEpoch,
  parseJobs,
  refuseToolexec,
} from "./checks.ts";
import {
  cacheDirectory,
  type Environment,
  goCommandOf,
  processEnvironment,
  variable,
} from "./environment.ts";
import { type ImageConfig, resolveImage } from "./image_config.ts";
import { imageSources, refusePlatformVariables } from "./image_sources.ts";
import type { BuildOptions } from "./options.ts";
import { resolveTransferConfig, type TransferConfig } from "./transfer_config.ts";

/** Everything that shapes images; frozen. */
export interface BuildConfig {
  /** Absolute. */
  readonly workingDirectory: string;
  /** How registries with base images are reached. */
  readonly transfer: TransferConfig;
  /** Whether nothing may be fetched. */
  readonly offline: boolean;
  readonly go: GoConfig;
  /** What shapes an image that no entry of `builds` is for. */
  readonly image: ImageConfig;
  /** Entries of a `.ko.yaml`, for one main package each. */
  readonly builds: readonly BuildEntry[];
  /** Base images by import path in lower case; nothing where the caller chose a base. */
  readonly baseImageOverrides: Readonly<Record<string, string>>;
  /** Time of kodata files, in seconds since 1970. */
  readonly kodataTime: number | undefined;
  /** Folder that kodata links may lead into beside the git root. */
  readonly kodataAllowedRoot: string | undefined;
  readonly compression: Compression;
  readonly jobs: number;
  readonly cache: CacheConfig;
}

/** How the go command is run. */
export interface GoConfig {
  /** The command; see `goCommandOf`. */
  readonly command: string;
  readonly environment: Environment;
}

/** What shapes the image of one main package. */
export interface BuildEntry {
  readonly id: string;
  /** Folder that `go` runs in; absolute. */
  readonly directory: string;
  /** Main package, or one of its files, relative to `directory`. */
  readonly main: string;
  readonly image: ImageConfig;
}

/** Where binaries and layers are kept for the next build. */
export interface CacheConfig {
  readonly directory: string;
  /** Whether layers are kept. */
  readonly enabled: boolean;
  /** Most bytes to keep. */
  readonly maxBytes: number;
}

/** go neither asks a proxy nor a repository, nor does it fetch another toolchain. */
const GO_OFFLINE = { GOPROXY: "off", GOTOOLCHAIN: "local", GOVCS: "*:off" };
const DEFAULT_CACHE_BYTES = 10 * 1024 ** 3;

/**
 * Checks options and completes them from files and the environment.
 *
 * @throws {KodenoError} `BAD_OPTION`, `BAD_PLATFORM`
 */
export function resolveBuildConfig(options: BuildOptions = {}): BuildConfig {
  const environment = options.environment ?? processEnvironment();
  const kodataEpoch = variable(environment, "KO_DATA_DATE_EPOCH");
  const workingDirectory = resolve(options.workingDirectory ?? ".");
  const file = options.koFile;
  const image = (entry?: number): ImageConfig => {
    const resolved = resolveImage(imageSources(options, environment, entry));
    refusePlatformVariables(resolved, environment);
    const { GOFLAGS = "" } = { ...environment, ...resolved.go.env };
    refuseToolexec("GOFLAGS", GOFLAGS.split(/\s+/));
    return options.offline ? keptOffline(resolved) : resolved;
  };
  return Object.freeze({
    workingDirectory,
    transfer: resolveTransferConfig({
      ...options,
      environment,
      mirrors: [...file?.mirrors ?? [], ...options.mirrors ?? []],
    }),
    offline: options.offline ?? false,
    go: Object.freeze({
      command: goCommandOf(environment),
      environment: options.offline ? { ...environment, ...GO_OFFLINE } : environment,
    }),
    image: image(),
    builds: Object.freeze((file?.builds ?? []).map(({ id, dir, main }, i) => ({
      id,
      directory: resolve(workingDirectory, dir),
      main,
      image: image(i),
    }))),
    baseImageOverrides: options.baseImage ? {} : file?.baseImageOverrides ?? {},
    kodataTime: kodataEpoch === undefined
      ? undefined
      : parseEpoch("KO_DATA_DATE_EPOCH", kodataEpoch),
    kodataAllowedRoot: variable(environment, "KO_DATA_PATH_ALLOWED_ROOT"),
    compression: parseCompression(options.compression ?? DEFAULT_COMPRESSION),
    jobs: parseJobs(options.jobs ?? 0),
    cache: resolveCacheConfig(environment, options.cache ?? true),
  });
}

/** What a configuration says of go's network does not count offline. */
function keptOffline(image: ImageConfig): ImageConfig {
  const entries = Object.entries(image.go.env);
  const env = Object.fromEntries(
    entries.map(([name, value]) => [
      name,
      Object.entries(GO_OFFLINE).find(([own]) => own === name)?.[1] ?? value,
    ]),
  );
  return Object.freeze({ ...image, go: Object.freeze({ ...image.go, env }) });
}

/**
 * What shapes the image of a main package.
 *
 * @param entry the entry of `builds` that is for it, if there is one
 */
export function imageConfigOf(
  config: BuildConfig,
  importPath: string,
  entry?: BuildEntry,
): ImageConfig {
  const image = entry?.image ?? config.image;
  const baseImage = config.baseImageOverrides[importPath.toLowerCase()];
  if (!baseImage) return image;
  const origins = { ...image.origins, baseImage: `baseImageOverrides of ${importPath}` };
  return Object.freeze({ ...image, baseImage, origins });
}

/**
 * Where the cache is and how large it may grow (`KODENO_CACHE_MAX_BYTES`; default 10 GiB).
 *
 * @throws {KodenoError} `BAD_OPTION`
 */
export function resolveCacheConfig(
  environment: Environment = processEnvironment(),
  enabled = true,
): CacheConfig {
  const text = variable(environment, "KODENO_CACHE_MAX_BYTES");
  const maxBytes = text === undefined ? DEFAULT_CACHE_BYTES : Number(text);
  if (!Number.isSafeInteger(maxBytes) || maxBytes < 0) {
    throw new KodenoError(
      "BAD_OPTION",
      `Cannot use KODENO_CACHE_MAX_BYTES ${JSON.stringify(text)}: it has to be a number of bytes`,
    );
  }
  return Object.freeze({ directory: resolve(cacheDirectory(environment)), enabled, maxBytes });
}
