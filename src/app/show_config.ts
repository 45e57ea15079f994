/**
 * The use case of `kodeno config`: every value that shapes images, and where it comes from.
 * @module
 */
import { type Config, resolveConfig, resolveTransferConfig } from "../config/config.ts";
import { DEFAULT_ORIGIN, type ImageSettings } from "../config/image_config.ts";
import type { CommandOptions, ImageValues, KoFile } from "../config/options.ts";
import { type Environment, processEnvironment } from "../config/environment.ts";
import type { SkaffoldOptions } from "../config/skaffold/options.ts";
import { formatPlatformSpec } from "../oci/platform.ts";
import type { WorkOptions } from "../events.ts";
import { artifactConfigs, planArtifacts } from "../build/skaffold.ts";

/** A value, and its place: `option platforms`, `KO_DEFAULTPLATFORMS`, `.ko.yaml:3`, `default`. */
export interface ShownValue {
  readonly value: unknown;
  readonly from: string;
}

/** Values by the name of their field. */
export type ShownImage = Readonly<Record<string, ShownValue>>;

/** All there is to show. */
export interface ShownConfig {
  readonly workingDirectory: string;
  /** The `.ko.yaml`, where there is one. */
  readonly file: string | undefined;
  /** Of images that no entry of `builds` is for. */
  readonly image: ShownImage;
  /** By id. */
  readonly builds: readonly ShownBuild[];
  readonly baseImageOverrides: Readonly<Record<string, string>>;
  /** Where images go, and how the work is done. */
  readonly publish: ShownImage;
}

/** An artifact of a skaffold.yaml. */
export interface ShownArtifact {
  readonly imageName: string;
  /** Name and tag; without the tag where only a build asks git for it. */
  readonly reference: string;
  readonly workingDirectory: string;
  readonly main: string;
  readonly image: ShownImage;
}

/**
 * As `showConfig`, of the artifacts of a skaffold.yaml.
 *
 * @throws {KodenoError} see `planSkaffold`
 */
export async function showArtifacts(
  request: { readonly options: CommandOptions; readonly skaffold: SkaffoldOptions },
  options: WorkOptions = {},
): Promise<readonly ShownArtifact[]> {
  const { artifacts } = await planArtifacts(request.skaffold, options, "nothing");
  const transfer = resolveTransferConfig(request.options);
  const configs = await artifactConfigs(artifacts, request.options, transfer, options);
  return configs.map(({ image }, i) => {
    const { imageName = "", reference = "", workingDirectory = "", main = "" } = artifacts[i] ?? {};
    return { imageName, reference, workingDirectory, main, image: shown(image) };
  });
}

/** An entry of `builds`. */
export interface ShownBuild {
  readonly id: string;
  readonly directory: string;
  readonly main: string;
  readonly image: ShownImage;
}

/**
 * Resolves the configuration as `build` would; builds nothing.
 *
 * @throws {KodenoError} as `build` does for what cannot be used
 */
export async function showConfig(
  options: CommandOptions,
  work: WorkOptions = {},
): Promise<ShownConfig> {
  const environment = options.environment ?? processEnvironment();
  const config = await resolveConfig({ ...options, environment }, work);
  const { workingDirectory, koFile, image, builds, baseImageOverrides } = config.build;
  return {
    workingDirectory,
    file: koFile?.path,
    image: shown(image),
    builds: builds.map(({ id, directory, main, image }) => ({
      id,
      directory,
      main,
      image: shown(image),
    })),
    baseImageOverrides,
    publish: Object.fromEntries(
      Object.entries(shared(config)).map(([name, value]) => {
        const from = originOf(name, options, environment, koFile);
        return [name, { value, from }];
      }),
    ),
  };
}

/** What all images share. */
function shared({ build, publish }: Config): Readonly<Record<string, unknown>> {
  const { compression, jobs, cache, offline, transfer } = build;
  const { repository, naming, layout, push, local, tarball, tags } = publish;
  return {
    ...{ repository, naming, layout, push, local, tarball, tags },
    compression: compression.type === "gzip" ? `gzip:${compression.level}` : compression.type,
    jobs,
    offline,
    insecureRegistry: transfer.insecureRegistry,
    mirrors: Object.entries(transfer.mirrors).map(([host, mirror]) => `${host}=${mirror}`),
    cache: cache.enabled,
    cacheDirectory: cache.directory,
    cacheMaxBytes: cache.maxBytes,
  };
}

/** What can say the value of a name, the strongest first: options, then variables. */
const PLACES: Readonly<Record<string, readonly string[]>> = {
  repository: ["dockerRepo", "KO_DOCKER_REPO"],
  naming: ["preserveImportPaths", "baseImportPaths", "bare", "KO_DOCKER_REPO"],
  layout: ["ociLayout"],
  local: ["local", "KO_DOCKER_REPO"],
  mirrors: ["mirrors", "KODENO_MIRRORS"],
  cacheDirectory: ["KODENO_CACHE", "KOCACHE", "XDG_CACHE_HOME"],
  cacheMaxBytes: ["KODENO_CACHE_MAX_BYTES"],
};

function originOf(
  name: string,
  options: CommandOptions,
  environment: Environment,
  koFile: KoFile | undefined,
): string {
  for (const place of PLACES[name] ?? [name]) {
    if (/^[A-Z]/.test(place) ? environment[place] : said(options, place)) {
      return /^[A-Z]/.test(place) ? place : `option ${place}`;
    }
  }
  const line = koFile?.lines[name];
  return line === undefined ? DEFAULT_ORIGIN : `${koFile?.path}:${line}`;
}

function said(options: CommandOptions, name: string): boolean {
  const value: unknown = Object.entries(options).find(([key]) => key === name)?.[1];
  // Switches are set by the command line where the user said nothing, too.
  return value !== undefined && !(name === "cache" && value === true);
}

function shown(image: ImageSettings): ShownImage {
  const { go, platforms, origins, templates: _, ...rest } = image;
  const values: Readonly<Record<keyof ImageValues, unknown>> = {
    ...rest,
    platforms: platforms === "all" ? ["all"] : platforms.map(formatPlatformSpec),
    ...go,
    env: Object.entries(go.env).map(([name, value]) => `${name}=${value}`),
  };
  const names = Object.keys(values) as (keyof ImageValues)[];
  return Object.fromEntries(names.map((name) => {
    const from = origins[name] ?? DEFAULT_ORIGIN;
    // The names of variables are enough: their values may be secrets.
    return [name, { value: name === "env" ? masked(values.env) : values[name], from }];
  }));
}

function masked(env: unknown): readonly string[] {
  return (env as readonly string[]).map((entry) =>
    /(?:TOKEN|SECRET|PASSWORD|PASSWD|KEY|CREDENTIAL)[^=]*=/i.test(entry)
      ? entry.replace(/=.*$/s, "=***")
      : entry
  );
}
