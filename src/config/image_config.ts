/**
 * What can differ from image to image, and where each value of it comes from: every source says what
 * it has, and for each field the first that says something wins.
 * @module
 */
import { KodenoError } from "../errors.ts";
import { parsePlatformSpec, type PlatformSpec } from "../oci/platform.ts";
import { isTemplate, parseEpoch, parsePairs, parsePort, refuseToolexec } from "./checks.ts";

/** What may be said of an image; everything may be left out. */
export interface ImageValues {
  /**
   * `static` (built in, the default), `scratch`, `oci:DIR[:TAG]`, `archive:FILE`, `daemon:NAME`, or an
   * image in a registry.
   */
  readonly baseImage?: string | undefined;
  /** `os[/arch[/variant]]` each, or `all` alone; default `GOOS`/`GOARCH`, then `linux/amd64`. */
  readonly platforms?: readonly string[] | undefined;
  /** `NAME=VALUE` for `go build` only; they beat the environment. */
  readonly env?: readonly string[] | undefined;
  /** More flags for `go build`, such as `-tags=netgo`; may hold ko's templates. */
  readonly flags?: readonly string[] | undefined;
  /** Joined with spaces into one `-ldflags`; may hold ko's templates. */
  readonly ldflags?: readonly string[] | undefined;
  /** Joined with spaces into one `-gcflags`. */
  readonly gcflags?: readonly string[] | undefined;
  /** Joined with spaces into one `-asmflags`. */
  readonly asmflags?: readonly string[] | undefined;
  /** Builds with `-gcflags "all=-N -l"`, for a debugger. */
  readonly disableOptimizations?: boolean | undefined;
  /** Whether `-trimpath` is given; default true. */
  readonly trimpath?: boolean | undefined;
  /** Labels of the image config. */
  readonly labels?: Readonly<Record<string, string>> | undefined;
  /** Annotations of the manifests and of the index. */
  readonly annotations?: Readonly<Record<string, string>> | undefined;
  /** User the image runs as; default the base image's. */
  readonly user?: string | undefined;
  /** Arguments after the binary in the entrypoint. */
  readonly entrypointArgs?: readonly string[] | undefined;
  /** Ports to expose, `8080` or `53/udp`. */
  readonly expose?: readonly string[] | undefined;
  /** Creation time in whole seconds since 1970; the variable `SOURCE_DATE_EPOCH` beats it. */
  readonly sourceDateEpoch?: number | string | undefined;
  /** Linux capabilities of the binary, such as `net_bind_service` or `chown=pe`. */
  readonly linuxCapabilities?: readonly string[] | undefined;
}

/** A source of values. */
export interface ImageSource {
  /** Names the place of a field for a person: `--base-image`, `.ko.yaml:3`, `default`. */
  readonly from: (field: keyof ImageValues) => string;
  /** What it says; nothing of most fields. */
  readonly values: ImageValues;
  /** Whether its texts are templates, as those of its flags are. */
  readonly isTemplate?: boolean | undefined;
  /** Whether its variables are put on top of those below it, not in their place. */
  readonly joinsEnv?: boolean | undefined;
}

/** Everything that shapes one image; frozen. */
export interface ImageConfig {
  /** `static`, `scratch`, or a place such as `oci:DIR[:TAG]` or an image in a registry. */
  readonly baseImage: string;
  /** What is asked of the base, or `all` it has. */
  readonly platforms: readonly PlatformSpec[] | "all";
  readonly go: GoFlagsConfig;
  /** Terms such as `net_bind_service` or `chown=pe`; see `linuxCapabilities` in `src/layers`. */
  readonly linuxCapabilities: readonly string[];
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
  readonly user: string | undefined;
  readonly entrypointArgs: readonly string[];
  /** `8080/tcp` each. */
  readonly exposedPorts: readonly string[];
  /** Seconds since 1970, or as the base image has it. */
  readonly created: number | undefined;
  /** Texts among these that are templates, beside flags. */
  readonly templates: readonly ImageTemplate[];
  /** Where the value of each field comes from. */
  readonly origins: Readonly<Partial<Record<keyof ImageValues, string>>>;
}

/** A text of an image that has to be filled in. */
export interface ImageTemplate {
  readonly field: "labels" | "annotations" | "user" | "entrypointArgs" | "expose";
  /** Of a label or annotation; the index in a list. */
  readonly key: string | number;
  readonly text: string;
  /** Names its place for a person. */
  readonly from: string;
}

/** What the go command is given for an image. */
export interface GoFlagsConfig {
  /** `NAME=VALUE` that beat the environment. */
  readonly env: Readonly<Record<string, string>>;
  /** May hold templates, as may `ldflags`. */
  readonly flags: readonly string[];
  readonly ldflags: readonly string[];
  readonly gcflags: readonly string[];
  readonly asmflags: readonly string[];
  readonly disableOptimizations: boolean;
  readonly trimpath: boolean;
}

/** The place of a value that nobody said. */
export const DEFAULT_ORIGIN = "default";

/** What holds where nobody says anything. */
const DEFAULTS = {
  baseImage: "static",
  platforms: ["linux/amd64"],
  disableOptimizations: false,
  trimpath: true,
} as const satisfies ImageValues;

/**
 * Completes and checks what the sources say, the strongest first. Lists are taken as they are from
 * one source; labels, annotations and variables are joined, by key.
 *
 * @throws {KodenoError} `BAD_OPTION`, `BAD_PLATFORM`
 */
export function resolveImage(sources: readonly ImageSource[]): ImageConfig {
  const origins: Partial<Record<keyof ImageValues, string>> = {};
  const templates: ImageTemplate[] = [];
  const template = (
    source: ImageSource | undefined,
    field: ImageTemplate["field"],
    key: string | number,
    text: string,
  ): string => {
    const is = source?.isTemplate && isTemplate(text);
    if (is) templates.push({ field, key, text, from: source.from(field) });
    return text;
  };
  const pick = <K extends keyof ImageValues>(field: K): ImageValues[K] => {
    const found = sources.find(({ values }) => says(field, values[field]));
    if (found !== undefined) origins[field] = found.from(field);
    return found?.values[field];
  };
  const pickOr = <K extends keyof typeof DEFAULTS>(field: K) => {
    const picked = pick(field);
    if (picked === undefined) origins[field] = DEFAULT_ORIGIN;
    return picked ?? DEFAULTS[field];
  };
  const joined = (field: "labels" | "annotations"): Readonly<Record<string, string>> => {
    pick(field);
    const all = new Map(
      [...sources].reverse().flatMap((source) =>
        Object.entries(source.values[field] ?? {}).map(([key, text]) =>
          [key, { source, text }] as const
        )
      ),
    );
    return Object.freeze(Object.fromEntries(
      [...all].map(([key, { source, text }]) => [key, template(source, field, key, text)]),
    ));
  };
  const list = (field: "entrypointArgs" | "expose"): readonly string[] => {
    const texts = pick(field) ?? [];
    const source = sources.find(({ values }) => values[field] === texts);
    return texts.map((text, i) => template(source, field, i, text));
  };
  const user = pick("user");
  const ofUser = sources.find(({ values }) => says("user", values.user));
  const joinedEnv = (): Readonly<Record<string, string>> => {
    pick("env");
    return readEnv(sources);
  };
  const epoch = pick("sourceDateEpoch");
  const flags = pick("flags") ?? [];
  refuseToolexec("flags", flags);
  const image: Omit<ImageConfig, "origins" | "templates"> = {
    baseImage: pickOr("baseImage"),
    platforms: readPlatforms(pickOr("platforms")),
    go: Object.freeze({
      env: joinedEnv(),
      flags,
      ldflags: pick("ldflags") ?? [],
      gcflags: pick("gcflags") ?? [],
      asmflags: pick("asmflags") ?? [],
      disableOptimizations: pickOr("disableOptimizations"),
      trimpath: pickOr("trimpath"),
    }),
    linuxCapabilities: pick("linuxCapabilities") ?? [],
    labels: joined("labels"),
    annotations: joined("annotations"),
    user: user === undefined ? undefined : template(ofUser, "user", 0, user),
    entrypointArgs: list("entrypointArgs"),
    exposedPorts: list("expose").map((text) => isTemplate(text) ? text : parsePort(text)),
    created: epoch === undefined
      ? undefined
      : parseEpoch(origins.sourceDateEpoch ?? "sourceDateEpoch", String(epoch)),
  };
  return Object.freeze({ ...image, templates, origins: Object.freeze(origins) });
}

/**
 * Puts the texts of the templates of an image into their places.
 *
 * @param texts what became of each, in the order of `templates`
 * @throws {KodenoError} `BAD_OPTION` for a port that is none
 */
export function fillImage(image: ImageConfig, texts: readonly string[]): ImageConfig {
  if (image.templates.length === 0) return image;
  const { exposedPorts: expose, user, ...rest } = image;
  const filled = {
    labels: { ...rest.labels },
    annotations: { ...rest.annotations },
    user: [user],
    entrypointArgs: [...rest.entrypointArgs],
    expose: [...expose],
  };
  for (const [i, { field, key }] of image.templates.entries()) {
    Object.assign(filled[field], { [key]: texts[i] });
  }
  // As of flags, a template that gives nothing is no entry of a list; an empty text may be meant.
  const gone = image.templates.filter((_, i) => texts[i] === "");
  const kept = (field: "entrypointArgs" | "expose"): string[] =>
    filled[field].filter((_, i) => !gone.some((one) => one.field === field && one.key === i));
  return Object.freeze({
    ...rest,
    labels: Object.freeze(filled.labels),
    annotations: Object.freeze(filled.annotations),
    // A user that comes to nothing is none, as where none is said.
    user: filled.user[0] || undefined,
    entrypointArgs: kept("entrypointArgs"),
    exposedPorts: kept("expose").map(parsePort),
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

function readEnv(sources: readonly ImageSource[]): Readonly<Record<string, string>> {
  const above = sources.filter(({ joinsEnv }) => joinsEnv).flatMap((s) => s.values.env ?? []);
  const below = sources.find(({ joinsEnv, values }) => !joinsEnv && says("env", values.env));
  const ofFile = parsePairs(`environment entry (${below?.from("env")})`, below?.values.env ?? []);
  return Object.freeze({ ...ofFile, ...parsePairs("environment entry", above) });
}

function namedPlatforms(given: readonly string[]): readonly string[] {
  return given.map((one) => one.trim()).filter((one) => one !== "");
}

function readPlatforms(given: readonly string[]): readonly PlatformSpec[] | "all" {
  const asked = namedPlatforms(given);
  if (!asked.includes("all")) return asked.map(parsePlatformSpec);
  if (asked.length === 1) return "all";
  throw new KodenoError(
    "BAD_OPTION",
    `Cannot use platforms ${asked.join(",")}: say "all" alone, or name platforms`,
  );
}
