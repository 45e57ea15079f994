/**
 * The recipe of `kodeno config`: every value that shapes images, and where it comes from.
 * @module
 */
import { artifactConfigs, planArtifacts } from "../build/skaffold.ts";
import { formatCompression } from "../config/checks.ts";
import { type Config, resolveConfig, resolveTransferConfig } from "../config/config.ts";
import { type Environment, processEnvironment } from "../config/environment.ts";
import { DEFAULT_ORIGIN, type ImageSettings } from "../config/image_config.ts";
import type { CommandOptions, ImageValues, KoFile } from "../config/options.ts";
import { openValue } from "../config/secrets.ts";
import type { SkaffoldOptions } from "../config/skaffold/options.ts";
import { KodenoError, withoutLogins } from "../errors.ts";
import type { WorkOptions } from "../events.ts";
import { isObject } from "../oci/manifest.ts";
import { formatPlatformSpec } from "../oci/platform.ts";

/**
 * Values by the name of their field, each with its place: `option platforms`, `KO_DEFAULTPLATFORMS`,
 * `.ko.yaml:3`, `default`.
 */
export type ShownImage = Readonly<
  Record<string, { readonly value: unknown; readonly from: string }>
>;

/** All there is to show. */
export type ShownConfig = Awaited<ReturnType<typeof showConfig>>;

/** How configuration is looked at. */
interface ShowOptions extends WorkOptions {
  /** Makes faults of what a `.ko.yaml` has that is not read. */
  readonly strict?: boolean | undefined;
}

/**
 * As `showConfig`, of the artifacts of a skaffold.yaml; a `reference` has no tag where only a build asks
 * git for it.
 */
export async function showArtifacts(
  skaffold: SkaffoldOptions,
  options: CommandOptions,
  { strict, ...work }: ShowOptions,
) {
  const { artifacts } = await planArtifacts(skaffold, work, "nothing");
  const given = { ...options, environment: skaffold.environment };
  const transfer = resolveTransferConfig(given);
  const configs = await artifactConfigs(artifacts, given, transfer, strict ? {} : work);
  if (strict) refuseUnread(configs.map(({ koFile }) => koFile));
  return configs.map(({ image }, i) => {
    const { imageName = "", reference = "", workingDirectory = "", main = "" } = artifacts[i] ?? {};
    return { imageName, reference, workingDirectory, main, image: shown(image) };
  });
}

/**
 * Resolves the configuration as `build` would: `image` of those that no entry of `builds` is for, and
 * `publish`, where images go and how the work is done.
 */
export async function showConfig(options: CommandOptions, { strict, ...work }: ShowOptions) {
  const environment = options.environment ?? processEnvironment();
  const config = await resolveConfig({ ...options, environment }, strict ? {} : work);
  if (strict) refuseUnread([config.build.koFile]);
  const { workingDirectory, koFile, image, builds, baseImageOverrides } = config.build;
  return {
    workingDirectory,
    file: koFile?.path,
    baseImageOverrides,
    publish: Object.fromEntries(
      Object.entries(shared(config)).map(([name, value]) =>
        [name, { value, from: originOf(name, options, environment, koFile) }] as const
      ),
    ),
    image: shown(image),
    builds: builds.map((one) => ({ ...one, image: shown(one.image) })),
  };
}

/** Refuses files with what is not read, all at once. */
function refuseUnread(files: readonly (KoFile | undefined)[]): void {
  const notes = new Set(files.flatMap((file) => file?.notes ?? []));
  if (notes.size > 0) throw new KodenoError("BAD_CONFIG", [...notes].join("\n"));
}

/** What all images share. */
function shared({ build, publish }: Config): Readonly<Record<string, unknown>> {
  const { sbom, provenance, signing, baseDemand, debug, compression } = build;
  const { jobs, cache, offline, transfer } = build;
  const { repository, naming, layout, push, local, tarball, tags } = publish;
  return {
    ...{ repository, naming, layout, push, local, tarball, tags },
    sbom: sbom.forms,
    sbomDir: sbom.folder,
    provenance,
    sign: signing?.key,
    signer: signing?.signer,
    baseImagePolicy: baseDemand.policy,
    verifyKeys: baseDemand.verifyKeys,
    debug: debug !== undefined,
    delve: debug?.delve,
    debugger: debug?.file,
    compression: formatCompression(compression),
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
  baseImagePolicy: ["policy"],
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
  // This switch is set by the command line where the user said nothing, too.
  const { cache: _, ...rest } = options;
  const given: Readonly<Record<string, unknown>> = options.cache ? rest : { ...options };
  for (const place of PLACES[name] ?? [name]) {
    const isVariable = /^[A-Z]/.test(place);
    if (isVariable && environment[place]) return place;
    if (!isVariable && given[place] !== undefined) return `option ${place}`;
  }
  const line = koFile?.lines[name];
  return line === undefined ? DEFAULT_ORIGIN : `${koFile?.path}:${line}`;
}

function shown(image: ImageSettings): ShownImage {
  const { go, platforms, origins, templates: _, untold: __, ...rest } = image;
  const values: Readonly<Record<keyof ImageValues, unknown>> = {
    ...rest,
    imageEnv: Object.fromEntries(
      Object.entries(image.imageEnv).map(([name, value]) => [name, openValue(name, value)]),
    ),
    platforms: platforms === "all" ? ["all"] : platforms.map(formatPlatformSpec),
    ...go,
    env: Object.entries(go.env).map(([name, value]) => `${name}=${openValue(name, value)}`),
  };
  const names = Object.keys(values) as (keyof ImageValues)[];
  return Object.fromEntries(
    names.map((name) => {
      const value = withoutLoginsIn(values[name]);
      return [name, { value, from: origins[name] ?? DEFAULT_ORIGIN }];
    }),
  );
}

/** A value whose texts, wherever in it, have no logins. */
function withoutLoginsIn(value: unknown): unknown {
  if (typeof value === "string") return withoutLogins(value);
  if (Array.isArray(value)) return value.map(withoutLoginsIn);
  if (!isObject(value)) return value;
  return Object.fromEntries(Object.entries(value).map(([key, one]) => [key, withoutLoginsIn(one)]));
}
