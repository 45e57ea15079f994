/**
 * What can differ from image to image, and where each value of it comes from: every source says what
 * it has, and for each field the first that says something wins.
 * @module
 */
import { KodenoError } from "../errors.ts";
import { formatPlatformSpec, parsePlatformSpec, type PlatformSpec } from "../oci/platform.ts";
import {
  isTemplate,
  parseEpoch,
  parsePairs,
  parsePort,
  refuseToolexec,
  refuseToolexecIn,
} from "./checks.ts";
import { type Environment, variable } from "./environment.ts";
import type { BuildOptions, ImageSource, ImageValues } from "./options.ts";

/** Fields of `ImageValues`, all of them said. */
type Settled<K extends keyof ImageValues> = {
  readonly [F in K]-?: Exclude<ImageValues[F], undefined>;
};

/** Everything that shapes one image; frozen. */
export interface ImageSettings
  extends Settled<"baseImage" | "linuxCapabilities" | "entrypointArgs" | (typeof JOINED)[number]> {
  /** What is asked of the base, or `all` it has. */
  readonly platforms: readonly PlatformSpec[] | "all";
  readonly go: GoFlagsConfig;
  readonly user: string | undefined;
  /** `8080/tcp` each. */
  readonly expose: readonly string[];
  /** Seconds since 1970; of the base image where it is undefined. */
  readonly sourceDateEpoch: number | undefined;
  /** Texts among these that are templates, beside flags. */
  readonly templates: readonly ImageTemplate[];
  /** Texts among these that hold what the environment has said. */
  readonly untold: ReadonlySet<string>;
  /** Where the value of each field comes from. */
  readonly origins: Readonly<Partial<Record<keyof ImageValues, string>>>;
}

/** What the go command is given for an image; `flags` and `ldflags` may hold templates. */
export interface GoFlagsConfig extends
  Settled<
    "flags" | "ldflags" | "gcflags" | "asmflags" | "disableOptimizations" | "trimpath"
  > {
  /** They beat the environment. */
  readonly env: Readonly<Record<string, string>>;
}

/** A text of an image that has to be filled in. */
interface ImageTemplate {
  readonly field: "user" | "entrypointArgs" | "expose" | (typeof JOINED)[number];
  /** Of a label, annotation or variable; the index in a list. */
  readonly key: string;
  readonly text: string;
  /** Names its place for a person. */
  readonly from: string;
}

/** Fields whose entries are joined, by key. */
const JOINED = ["labels", "annotations", "imageEnv"] as const;
/** The place of a value that nobody said. */
export const DEFAULT_ORIGIN = "default";

/** What holds where nobody says anything. */
const DEFAULTS = {
  baseImage: "static",
  platforms: ["linux/amd64"],
  flags: [],
  ldflags: [],
  gcflags: [],
  asmflags: [],
  linuxCapabilities: [],
  disableOptimizations: false,
  trimpath: true,
} satisfies ImageValues;

/** ko's variables for defaults; lists are parted by white space. */
const VARIABLES: Readonly<Partial<Record<keyof ImageValues, string>>> = {
  baseImage: "KO_DEFAULTBASEIMAGE",
  platforms: "KO_DEFAULTPLATFORMS",
  env: "KO_DEFAULTENV",
  flags: "KO_DEFAULTFLAGS",
  ldflags: "KO_DEFAULTLDFLAGS",
};
const GO_PLATFORM = ["GOOS", "GOARCH", "GOARM"] as const;
const GO_ORIGIN = "GOOS and GOARCH";
/** go neither asks a proxy nor a repository, nor does it fetch another toolchain. */
export const GO_OFFLINE = { GOPROXY: "off", GOTOOLCHAIN: "local", GOVCS: "*:off" };

/** `labels` as a default of a `.ko.yaml` is `defaultLabels`. */
export function defaultKey(field: string): string {
  return `default${field.charAt(0).toUpperCase()}${field.slice(1)}`;
}

/**
 * Completes and checks what is said of an image, which an entry of `builds` may be for. Lists are taken
 * as they are from one source; labels, annotations and variables of images are joined, by key.
 */
export function resolveImage(
  options: BuildOptions,
  environment: Environment,
  entry?: number,
): ImageSettings {
  const sources = sourcesOf(options, environment, entry);
  const origins: Partial<Record<keyof ImageValues, string>> = {};
  const templates: ImageTemplate[] = [];
  const find = <K extends keyof ImageValues>(field: K): ImageValues[K] => {
    const source = sources.find(({ values }) => says(field, values[field]));
    if (source !== undefined) origins[field] = source.from(field);
    return source?.values[field];
  };
  const pick = <K extends keyof typeof DEFAULTS>(field: K): NonNullable<ImageValues[K]> =>
    find(field) ?? DEFAULTS[field];
  /** The texts of a field by their keys. */
  const texts = (field: ImageTemplate["field"]): ReadonlyMap<string, string> => {
    find(field);
    const found = new Map<string, readonly [text: string, source: ImageSource]>();
    for (const source of sources.toReversed()) {
      const value = source.values[field];
      if (!says(field, value)) continue;
      if (!JOINED.some((joined) => joined === field)) found.clear();
      const entries = Object.entries(typeof value === "string" ? [value] : value ?? {});
      for (const [key, text] of entries) found.set(key, [text, source]);
    }
    for (const [key, [text, source]] of found) {
      if (!source.isTemplate || !isTemplate(text)) continue;
      templates.push({ field, key, text, from: source.from(field) });
    }
    return new Map(Array.from(found, ([key, [text]]) => [key, text]));
  };
  const epoch = find("sourceDateEpoch");
  const flags = pick("flags");
  refuseToolexec("flags", flags);
  find("env");
  const image = {
    baseImage: pick("baseImage"),
    platforms: readPlatforms(pick("platforms")),
    go: Object.freeze({
      env: readEnv(sources, options.offline),
      flags,
      ldflags: pick("ldflags"),
      gcflags: pick("gcflags"),
      asmflags: pick("asmflags"),
      disableOptimizations: pick("disableOptimizations"),
      trimpath: pick("trimpath"),
    }),
    linuxCapabilities: pick("linuxCapabilities"),
    labels: Object.freeze(Object.fromEntries(texts("labels"))),
    annotations: Object.freeze(Object.fromEntries(texts("annotations"))),
    imageEnv: Object.freeze(Object.fromEntries(texts("imageEnv"))),
    user: texts("user").get("0"),
    entrypointArgs: [...texts("entrypointArgs").values()],
    expose: Array.from(texts("expose").values(), portOrTemplate),
    sourceDateEpoch: epoch === undefined
      ? epoch
      : parseEpoch(`${origins.sourceDateEpoch}`, String(epoch)),
    templates,
    untold: options.artifact?.untold ?? new Set(),
    origins: Object.freeze(origins),
  };
  refusePlatformVariables(image, environment);
  refuseToolexecIn({ ...environment, ...image.go.env }["GOFLAGS"]);
  return Object.freeze(image);
}

/**
 * All that may say something of an image, the strongest first. What an entry of `builds` says beats
 * ko's variables for defaults, as in ko; what a skaffold.yaml says does not.
 */
function sourcesOf(
  options: BuildOptions,
  environment: Environment,
  entry = -1,
): readonly ImageSource[] {
  const { koFile, artifact } = options;
  const get = (name = ""): string | undefined => variable(environment, name);
  const words = (name: string | undefined): readonly string[] | undefined =>
    get(name)?.trim().split(/\s+/);
  const line = (key: string): string =>
    [koFile?.path, koFile?.lines[key]].filter((one) => one !== undefined).join(":");
  const variables: ImageSource = {
    from: (field) => VARIABLES[field] ?? "environment",
    values: {
      ...Object.fromEntries(Object.entries(VARIABLES).map(([field, name]) => [field, words(name)])),
      baseImage: get(VARIABLES.baseImage),
      platforms: words(VARIABLES.platforms)?.flatMap((platform) => platform.split(",")),
    },
  };
  const build: ImageSource = {
    from: (field) =>
      line(`builds[${entry}].${field === "linuxCapabilities" ? "linux_capabilities" : field}`),
    values: koFile?.builds[entry]?.values ?? {},
    isTemplate: true,
  };
  const file: ImageSource = {
    from: (field) => line(defaultKey(field)),
    values: koFile?.defaults ?? {},
    isTemplate: true,
  };
  // ko takes both of Go's GOOS and GOARCH, or neither.
  const [os, arch, arm] = GO_PLATFORM.map((name) => get(name));
  const variant = arch === "arm" && arm !== undefined ? `/v${arm.split(",")[0]}` : "";
  const own = os !== undefined && arch !== undefined ? [`${os}/${arch}${variant}`] : undefined;
  return [
    // It beats even the caller.
    { from: () => "SOURCE_DATE_EPOCH", values: { sourceDateEpoch: get("SOURCE_DATE_EPOCH") } },
    { from: (field) => `option ${field}`, values: options, joinsEnv: true },
    ...(artifact ? [variables, artifact, build] : [build, variables]),
    file,
    { from: () => GO_ORIGIN, values: { platforms: own } },
    { from: () => DEFAULT_ORIGIN, values: DEFAULTS },
  ];
}

/**
 * Refuses variables of Go that name a platform beside one that was named elsewhere: ko does so, and
 * one of both would be passed over without a word.
 */
function refusePlatformVariables(
  { platforms, origins }: ImageSettings,
  environment: Environment,
): void {
  const from = origins.platforms;
  if (from === GO_ORIGIN || from === DEFAULT_ORIGIN) return;
  const name = GO_PLATFORM.find((one) => Object.hasOwn(environment, one));
  if (name === undefined) return;
  const asked = platforms === "all" ? platforms : platforms.map(formatPlatformSpec).join(",");
  const both = `platforms ${asked} (${from}) together with ${name}=${environment[name]}`;
  throw new KodenoError("BAD_OPTION", `Cannot use ${both}: unset ${name}`);
}

/** A port, unless it has to be filled in first. */
export function portOrTemplate(text: string): string {
  return isTemplate(text) ? text : parsePort(text);
}

/** Puts texts into the places of the templates of an image, in the order of those. */
export function fillImage(
  image: ImageSettings,
  texts: readonly string[],
  asPort = parsePort,
): ImageSettings {
  if (image.templates.length === 0) return image;
  const filled = {
    labels: { ...image.labels },
    annotations: { ...image.annotations },
    imageEnv: { ...image.imageEnv },
    user: [image.user],
    entrypointArgs: [...image.entrypointArgs],
    expose: [...image.expose],
  };
  for (const [i, { field, key }] of image.templates.entries()) {
    // As of flags, a template that gives nothing is no entry of a list; an empty text may be meant.
    const text = Array.isArray(filled[field]) ? texts[i] || undefined : texts[i];
    Object.assign(filled[field], { [key]: text });
  }
  return Object.freeze({
    ...image,
    labels: Object.freeze(filled.labels),
    annotations: Object.freeze(filled.annotations),
    imageEnv: Object.freeze(filled.imageEnv),
    // A user that comes to nothing is none, as where none is said.
    user: filled.user[0],
    entrypointArgs: filled.entrypointArgs.filter((one) => one !== undefined),
    expose: filled.expose.filter((one) => one !== undefined).map(asPort),
    templates: [],
  });
}

/** Nothing, an empty text and an empty list say nothing: the next source is asked. */
function says(field: keyof ImageValues, value: unknown): boolean {
  if (value === undefined || value === null || value === "") return false;
  if (typeof value !== "object") return true;
  // A shell makes a list of one blank of an empty variable; of arguments, that may be meant.
  const entries = Object.values(value);
  return field === "platforms" ? namedPlatforms(entries).length > 0 : entries.length > 0;
}

function readEnv(
  sources: readonly ImageSource[],
  offline = false,
): Readonly<Record<string, string>> {
  const above = sources.filter(({ joinsEnv }) => joinsEnv).flatMap((s) => s.values.env ?? []);
  const below = sources.find(({ joinsEnv, values }) => !joinsEnv && says("env", values.env));
  const read = (what: string, env: readonly string[] = []) => parsePairs(what, env, "NAME=VALUE");
  const ofFile = read(`environment entry (${below?.from("env")})`, below?.values.env);
  const all = { ...ofFile, ...read("environment entry", above) };
  // What a configuration says of go's network does not count offline.
  const beaten = Object.entries(GO_OFFLINE).filter(([name]) => offline && Object.hasOwn(all, name));
  return Object.freeze({ ...all, ...Object.fromEntries(beaten) });
}

function namedPlatforms(given: readonly string[]): readonly string[] {
  return given.map((one) => one.trim()).filter((one) => one !== "");
}

function readPlatforms(given: readonly string[]): readonly PlatformSpec[] | "all" {
  const asked = namedPlatforms(given);
  if (!asked.includes("all")) return asked.map(parsePlatformSpec);
  if (asked.length === 1) return "all";
  const what = `platforms ${asked.join(",")}`;
  throw new KodenoError("BAD_OPTION", `Cannot use ${what}: say "all" alone, or name platforms`);
}
