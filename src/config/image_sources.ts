/**
 * The sources of what shapes an image: the caller, the environment, files, and Go's own variables.
 * @module
 */
import { KodenoError } from "../errors.ts";
import { formatPlatformSpec } from "../oci/platform.ts";
import { type Environment, variable } from "./environment.ts";
import {
  DEFAULT_ORIGIN,
  type ImageConfig,
  type ImageSource,
  type ImageValues,
} from "./image_config.ts";
import { defaultKey, type KoBuild, type KoFile } from "./ko_file.ts";
import type { BuildOptions } from "./options.ts";

/** ko's variables for defaults; lists are parted by white space. */
const VARIABLES = {
  baseImage: "KO_DEFAULTBASEIMAGE",
  platforms: "KO_DEFAULTPLATFORMS",
  env: "KO_DEFAULTENV",
  flags: "KO_DEFAULTFLAGS",
  ldflags: "KO_DEFAULTLDFLAGS",
} as const;
const GO_PLATFORM = ["GOOS", "GOARCH", "GOARM"] as const;
const GO_ORIGIN = "GOOS and GOARCH";

/**
 * All that may say something of an image, the strongest first. What an entry of `builds` says beats
 * ko's variables for defaults, as in ko; what a skaffold.yaml says does not.
 *
 * @param entry index of the entry of `builds` that is for the image
 */
export function imageSources(
  options: BuildOptions,
  environment: Environment,
  entry: number | undefined,
): readonly ImageSource[] {
  const { koFile, artifact } = options;
  const build = koFile?.builds[entry ?? -1];
  const ofBuild = koFile && build ? [buildSource(koFile, build, entry ?? 0)] : [];
  const variables = variableSource(environment);
  return [
    epochSource(environment),
    { from: (field) => `option ${field}`, values: options, joinsEnv: true },
    ...(artifact ? [variables, artifact, ...ofBuild] : [...ofBuild, variables]),
    ...(koFile ? [defaultsSource(koFile)] : []),
    goSource(environment),
  ];
}

/**
 * Refuses variables of Go that name a platform beside one that was named elsewhere: ko does so, and
 * one of both would be passed over without a word.
 *
 * @throws {KodenoError} `BAD_OPTION`
 */
export function refusePlatformVariables(
  { platforms, origins }: ImageConfig,
  environment: Environment,
): void {
  const from = origins.platforms;
  if (from === GO_ORIGIN || from === DEFAULT_ORIGIN) return;
  const name = GO_PLATFORM.find((one) => Object.hasOwn(environment, one));
  if (name === undefined) return;
  const asked = platforms === "all" ? platforms : platforms.map(formatPlatformSpec).join(",");
  throw new KodenoError(
    "BAD_OPTION",
    `Cannot use platforms ${asked} (${from}) together with ${name}=${environment[name]}: ` +
      `unset ${name}`,
  );
}

/** `SOURCE_DATE_EPOCH` beats even the caller. */
function epochSource(environment: Environment): ImageSource {
  const sourceDateEpoch = variable(environment, "SOURCE_DATE_EPOCH");
  return { from: () => "SOURCE_DATE_EPOCH", values: { sourceDateEpoch } };
}

function variableSource(environment: Environment): ImageSource {
  const list = (name: string): readonly string[] | undefined =>
    variable(environment, name)?.trim().split(/\s+/);
  const values: ImageValues = {
    baseImage: variable(environment, VARIABLES.baseImage),
    platforms: list(VARIABLES.platforms)?.flatMap((platform) => platform.split(",")),
    env: list(VARIABLES.env),
    flags: list(VARIABLES.flags),
    ldflags: list(VARIABLES.ldflags),
  };
  return { from: (field) => VARIABLES[field as keyof typeof VARIABLES] ?? "environment", values };
}

function buildSource(file: KoFile, build: KoBuild, index: number): ImageSource {
  const key = (field: string): string =>
    `builds[${index}].${field === "linuxCapabilities" ? "linux_capabilities" : field}`;
  return { from: (field) => placeOf(file, key(field)), values: build.values, isTemplate: true };
}

function defaultsSource(file: KoFile): ImageSource {
  const from = (field: string): string => placeOf(file, defaultKey(field));
  return { from, values: file.defaults, isTemplate: true };
}

function placeOf({ path, lines }: KoFile, key: string): string {
  const line = lines[key];
  return line === undefined ? path : `${path}:${line}`;
}

/** The platform of the Go environment, as ko takes it: both GOOS and GOARCH, or neither. */
function goSource(environment: Environment): ImageSource {
  const [os, arch, arm] = GO_PLATFORM.map((name) => variable(environment, name));
  if (os === undefined || arch === undefined) return { from: () => GO_ORIGIN, values: {} };
  const variant = arch === "arm" && arm !== undefined ? `/v${arm.split(",")[0]}` : "";
  return { from: () => GO_ORIGIN, values: { platforms: [`${os}/${arch}${variant}`] } };
}
