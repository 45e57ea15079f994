/**
 * Options and environment to one frozen `BuildConfig`: everything that shapes an image.
 * A flag beats the environment; `SOURCE_DATE_EPOCH` beats the option of that name.
 * @module
 */
import { resolve } from "node:path";
import { KodenoError } from "../errors.ts";
import { parsePlatformSpec, type PlatformSpec } from "../oci/platform.ts";
import {
  type Compression,
  DEFAULT_COMPRESSION,
  parseCompression,
  parseEpoch,
  parseJobs,
  parsePairs,
  parsePort,
  refuseTemplates,
  refuseToolexec,
} from "./checks.ts";
import { cacheDirectory, type Environment, processEnvironment, variable } from "./environment.ts";
import type { BuildOptions } from "./options.ts";
import { resolveTransferConfig, type TransferConfig } from "./transfer_config.ts";

/** Everything that shapes an image; frozen. */
export interface BuildConfig {
  /** Absolute. */
  readonly workingDirectory: string;
  /** `static`, `scratch`, or a place such as `oci:DIR[:TAG]` or an image in a registry. */
  readonly baseImage: string;
  /** How registries with base images are reached. */
  readonly transfer: TransferConfig;
  /** Whether nothing may be fetched. */
  readonly offline: boolean;
  /** What is asked of the base, or `all` it has. */
  readonly platforms: readonly PlatformSpec[] | "all";
  readonly go: GoConfig;
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
  readonly user: string | undefined;
  readonly entrypointArgs: readonly string[];
  /** `8080/tcp` each. */
  readonly exposedPorts: readonly string[];
  /** Seconds since 1970, or as the base image has it. */
  readonly created: number | undefined;
  /** Time of kodata files, in seconds since 1970. */
  readonly kodataTime: number | undefined;
  /** Folder that kodata links may lead into beside the git root. */
  readonly kodataAllowedRoot: string | undefined;
  readonly compression: Compression;
  readonly jobs: number;
  readonly cache: CacheConfig;
}

/** What the go command is run with. */
export interface GoConfig {
  /** The command: `go`, or `KO_GO_PATH`. */
  readonly command: string;
  readonly environment: Environment;
  /** `NAME=VALUE` that beat the environment. */
  readonly env: Readonly<Record<string, string>>;
  readonly flags: readonly string[];
  readonly ldflags: readonly string[];
  readonly gcflags: readonly string[];
  readonly asmflags: readonly string[];
  readonly disableOptimizations: boolean;
  readonly trimpath: boolean;
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
 * Checks options and completes them from the environment.
 *
 * @throws {KodenoError} `BAD_OPTION`, `BAD_PLATFORM`
 */
export function resolveBuildConfig(options: BuildOptions = {}): BuildConfig {
  const environment = options.environment ?? processEnvironment();
  const epoch = variable(environment, "SOURCE_DATE_EPOCH");
  const kodataEpoch = variable(environment, "KO_DATA_DATE_EPOCH");
  return Object.freeze({
    workingDirectory: resolve(options.workingDirectory ?? "."),
    baseImage: options.baseImage || variable(environment, "KO_DEFAULTBASEIMAGE") || "static",
    transfer: resolveTransferConfig({ ...options, environment }),
    offline: options.offline ?? false,
    platforms: resolvePlatforms(options, environment),
    go: resolveGo(options, environment),
    labels: Object.freeze({ ...options.labels }),
    annotations: Object.freeze({ ...options.annotations }),
    user: options.user || undefined,
    entrypointArgs: options.entrypointArgs ?? [],
    exposedPorts: (options.expose ?? []).map(parsePort),
    created: epoch === undefined
      ? options.sourceDateEpoch === undefined
        ? undefined
        : parseEpoch("sourceDateEpoch", String(options.sourceDateEpoch))
      : parseEpoch("SOURCE_DATE_EPOCH", epoch),
    kodataTime: kodataEpoch === undefined
      ? undefined
      : parseEpoch("KO_DATA_DATE_EPOCH", kodataEpoch),
    kodataAllowedRoot: variable(environment, "KO_DATA_PATH_ALLOWED_ROOT"),
    compression: parseCompression(options.compression ?? DEFAULT_COMPRESSION),
    jobs: parseJobs(options.jobs ?? 0),
    cache: resolveCacheConfig(environment, options.cache ?? true),
  });
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

function resolveGo(options: BuildOptions, environment: Environment): GoConfig {
  const env = parsePairs("environment entry", options.env ?? []);
  const lists = {
    flags: options.flags ?? [],
    ldflags: options.ldflags ?? [],
    gcflags: options.gcflags ?? [],
    asmflags: options.asmflags ?? [],
  };
  for (const [name, list] of Object.entries(lists)) refuseTemplates(name, list);
  refuseToolexec("flags", lists.flags);
  const goflags = env["GOFLAGS"] ?? variable(environment, "GOFLAGS") ?? "";
  refuseToolexec("GOFLAGS", goflags.split(/\s+/));
  return Object.freeze({
    command: variable(environment, "KO_GO_PATH") ?? "go",
    environment: options.offline ? { ...environment, ...GO_OFFLINE } : environment,
    env,
    ...lists,
    disableOptimizations: options.disableOptimizations ?? false,
    trimpath: options.trimpath ?? true,
  });
}

function resolvePlatforms(
  options: BuildOptions,
  environment: Environment,
): readonly PlatformSpec[] | "all" {
  const fromEnvironment = variable(environment, "KO_DEFAULTPLATFORMS")?.split(/[\s,]+/);
  const asked = (options.platforms?.length ? options.platforms : fromEnvironment ?? [])
    .map((p) => p.trim()).filter((p) => p !== "");
  if (asked.length === 0) return [parsePlatformSpec(goPlatform(environment))];
  for (const name of ["GOOS", "GOARCH", "GOARM"]) {
    if (!Object.hasOwn(environment, name)) continue;
    throw new KodenoError(
      "BAD_OPTION",
      `Cannot use platforms ${asked.join(",")} together with ${name}=${environment[name]}: ` +
        `unset ${name}`,
    );
  }
  if (!asked.includes("all")) return asked.map(parsePlatformSpec);
  if (asked.length === 1) return "all";
  throw new KodenoError(
    "BAD_OPTION",
    `Cannot use platforms ${asked.join(",")}: say "all" alone, or name platforms`,
  );
}

/** The platform of the Go environment, as ko takes it: both GOOS and GOARCH, or linux/amd64. */
function goPlatform(environment: Environment): string {
  const os = variable(environment, "GOOS");
  const arch = variable(environment, "GOARCH");
  const arm = variable(environment, "GOARM");
  const platform = os !== undefined && arch !== undefined ? `${os}/${arch}` : "linux/amd64";
  return arch === "arm" && arm !== undefined ? `${platform}/v${arm.split(",")[0]}` : platform;
}
