/**
 * An artifact of a skaffold.yaml as something to build: its folders, and the values it says.
 * @module
 */
import { isTemplate } from "../checks.ts";
import { isAbsolute, join, relative, resolve, sep } from "node:path";
import { findUp, isFolder } from "../../io/fail.ts";
import { KodenoError } from "../../errors.ts";
import type { ImageSource, ImageValues } from "../options.ts";
import type { Fault, Path, Position } from "../yaml/faults.ts";
import { parseName } from "./default_repo.ts";
import { type AskableWorld, expandTemplate, type TemplateValues } from "./expand.ts";
import { planHooks, type SkaffoldHooks } from "./hooks.ts";
import type { LoadedConfig } from "./load.ts";
import type { Origins } from "./origins.ts";
import { choosePlatforms, type Host } from "./platforms.ts";
import { type Artifact, type Build, type KoArtifact, OTHER_BUILDERS } from "./schema.ts";

/** Files that an artifact says it depends on; what it leaves out is undefined. */
interface SkaffoldDependencies {
  readonly paths: readonly string[] | undefined;
  readonly ignore: readonly string[] | undefined;
}

/** An image to build. Frozen. */
export interface SkaffoldArtifact {
  /** As in the file, such as `ko://example.com/app`. */
  readonly imageName: string;
  /** As Skaffold prints it: name under the default repo, and tag. */
  readonly reference: string;
  /** The name alone, without `ko://` and in small letters. */
  readonly repository: string;
  readonly tag: string;
  /** Absolute. */
  readonly context: string;
  /** Folder that go runs in: `dir` in the context; absolute. */
  readonly workingDirectory: string;
  /** Main package: an import path, or a pattern relative to the working directory. */
  readonly main: string;
  /** `main` may have wildcards, and has to match one main package. */
  readonly exactlyOne: true;
  /** What the artifact says of its image; see `resolveImage`. */
  readonly source: ImageSource;
  /** Whether what it says stands in the place of all `builds` of a `.ko.yaml`, as in Skaffold. */
  readonly replacesKoBuilds: boolean;
  readonly dependencies: SkaffoldDependencies;
  /** `imageName` of artifacts to build before. */
  readonly requires: readonly string[];
  /** Whether `build.local.push` says that it is pushed. */
  readonly push: boolean | undefined;
  readonly insecureRegistries: readonly string[];
  /** Commands to run before and after its build. */
  readonly hooks: SkaffoldHooks;
  /** Where it stands. */
  readonly place: Position & { readonly file: string };
}

/** What all artifacts of a plan share. */
interface ArtifactSettings {
  readonly workingDirectory: string;
  /** Of the command line. */
  readonly platforms: readonly string[];
  readonly host: Host;
  readonly debug: boolean;
  /** Those that hold beside the ones of each configuration. */
  readonly insecureRegistries: readonly string[];
  readonly world: AskableWorld;
  readonly origins: Origins;
  readonly report: (fault: Fault) => void;
}

/** The folder of an artifact; absolute. */
export function contextOf(
  { context = "." }: Artifact,
  { base }: LoadedConfig,
  workingDirectory: string,
): string {
  return resolve(workingDirectory, base, context);
}

/** Makes an artifact of Skaffold's ko builder something to build; faults are reported. */
export async function planArtifact(
  artifact: Artifact & { readonly ko?: KoArtifact | undefined },
  loaded: LoadedConfig,
  named: { readonly reference: string; readonly tag: string },
  settings: ArtifactSettings,
): Promise<SkaffoldArtifact> {
  const { origins } = settings;
  const ko = artifact.ko ?? {};
  const build = loaded.config.build ?? {};
  const context = contextOf(artifact, loaded, settings.workingDirectory);
  // As Go joins paths: an absolute one, too, leads into the context.
  const workingDirectory = join(context, ko.dir ?? "");
  await checkFolders(artifact, ko, { context, workingDirectory }, loaded, settings);
  const parsed = parseName(named.reference);
  const source = await sourceOf(artifact, ko, loaded, settings, {
    IMAGE_REPO: parsed?.repo ?? "",
    IMAGE_NAME: parsed?.base ?? "",
    IMAGE_TAG: named.tag,
  });
  const ofKo = artifact.image.startsWith("ko://");
  const main = ko.main ?? ko.target ?? "";
  return Object.freeze({
    imageName: artifact.image,
    reference: named.reference,
    repository: parsed?.name ?? "",
    tag: named.tag,
    context,
    workingDirectory,
    main: ofKo ? artifact.image.slice("ko://".length) : main || ".",
    exactlyOne: true,
    source,
    replacesKoBuilds: !["", "."].includes(ko.dir ?? "") || !["", "."].includes(main) ||
      [ko.env, ko.flags, ko.args, ko.ldflags].some((list) => (list ?? []).length > 0),
    dependencies: { paths: ko.dependencies?.paths, ignore: ko.dependencies?.ignore },
    requires: (artifact.requires ?? []).map(({ image }) => image),
    push: build.local?.push,
    insecureRegistries: [
      ...build.insecureRegistries ?? [],
      ...settings.insecureRegistries,
    ],
    hooks: planHooks(artifact.hooks, loaded, {
      workingDirectory: settings.workingDirectory,
      os: settings.host.os,
      origins,
    }),
    place: origins.place(artifact, []),
  });
}

async function checkFolders(
  artifact: Artifact,
  ko: KoArtifact,
  found: { readonly context: string; readonly workingDirectory: string },
  { folder }: LoadedConfig,
  { origins, report }: ArtifactSettings,
): Promise<void> {
  const root = await findUp(folder, ".git");
  const bad = (at: object, field: string, below: Path, value: string, why: string): void =>
    report(origins.fault(at, below, `${field}: found ${JSON.stringify(value)}; ${why}`));
  const outside = "a path in the repository is allowed";
  const { context = ".", image } = artifact;
  const contextField = artifact.context === undefined ? ["image"] : ["context"];
  if (root !== undefined && !isInside(root, found.context)) {
    bad(artifact, "context", contextField, context, outside);
    return;
  }
  if (!isFolder(found.context)) {
    bad(artifact, "context", contextField, context, `a folder is allowed (of image ${image})`);
    return;
  }
  if (ko.dir !== undefined && ko.dir !== "") {
    if (!isInside(root ?? found.context, found.workingDirectory)) {
      bad(ko, "ko.dir", ["dir"], ko.dir, outside);
    } else if (!isFolder(found.workingDirectory)) {
      bad(ko, "ko.dir", ["dir"], ko.dir, "a folder in the context is allowed");
    }
  }
  for (const [i, path] of (ko.dependencies?.paths ?? []).entries()) {
    const literal = path.split(sep).filter((part) => !/[*?[{]/.test(part));
    if (isInside(root ?? found.context, join(found.context, ...literal))) continue;
    bad(ko, `ko.dependencies.paths[${i}]`, ["dependencies", "paths", i], path, outside);
  }
}

function isInside(root: string, path: string): boolean {
  const way = relative(root, path);
  return way !== ".." && !way.startsWith(`..${sep}`) && !isAbsolute(way);
}

/** Where a value of `ImageValues` stands: in `ko`, the artifact, or `build`. */
type Holder = readonly [container: object, key: string];

async function sourceOf(
  artifact: Artifact,
  ko: KoArtifact,
  { config }: LoadedConfig,
  settings: ArtifactSettings,
  image: TemplateValues,
): Promise<ImageSource> {
  const { origins, report, world, debug } = settings;
  const expand = async (path: Path, text: string): Promise<string> => {
    if (!isTemplate(text)) return text;
    const { file, line, column } = origins.place(ko, path);
    try {
      return await expandTemplate(text, `${file}:${line}:${column}`, image, world);
    } catch (error) {
      if (!(error instanceof KodenoError)) throw error;
      report(origins.fault(ko, path, `ko.${path.join(".")}: ${error.message}`));
      return text;
    }
  };
  const flags: keyof KoArtifact = ko.flags === undefined && ko.args !== undefined
    ? "args"
    : "flags";
  const list = async (key: "env" | "flags" | "args" | "ldflags") =>
    ko[key] && await Promise.all(ko[key].map((text, i) => expand([key, i], text)));
  const labels = await Promise.all(
    Object.entries(ko.labels ?? {}).map(async ([key, text]) =>
      [key, await expand(["labels", key], text)] as const
    ),
  );
  const env = await list("env");
  const platforms = platformsOf(artifact, ko, config.build ?? {}, settings);
  const holders: Partial<Record<keyof ImageValues, Holder>> = {
    baseImage: [ko, "fromImage"],
    platforms: platforms.holder,
    flags: [ko, flags],
  };
  return {
    from: (field) => {
      if (field === "platforms" && settings.platforms.length > 0) return "option platforms";
      if (debug && (field === "trimpath" || field === "disableOptimizations")) return "debug mode";
      const [container, key] = holders[field] ?? [ko, field];
      const known = Object.hasOwn(container, key);
      const { file, line } = known
        ? origins.place(container, [key], "key")
        : origins.place(artifact, []);
      return `${file}:${line}`;
    },
    values: Object.freeze({
      baseImage: ko.fromImage,
      platforms: platforms.chosen,
      // A template that gives nothing gives no variable; flags are looked at where go is run.
      env: env?.filter((entry) => entry !== ""),
      flags: await list(flags),
      ldflags: await list("ldflags"),
      asmflags: ko.asmflags,
      gcflags: ko.gcflags,
      labels: ko.labels === undefined ? undefined : Object.fromEntries(labels),
      sourceDateEpoch: ko.sourceDateEpoch,
      ...(debug ? { disableOptimizations: true, trimpath: false } : {}),
    }),
  };
}

function platformsOf(
  artifact: Artifact,
  ko: KoArtifact,
  build: Build,
  { platforms, host, origins, report }: ArtifactSettings,
): { readonly chosen: readonly string[] | undefined; readonly holder: Holder } {
  // Skaffold moved the field of ko out to the artifact.
  const own = (artifact.platforms ?? []).length === 0 && (ko.platforms ?? []).length > 0;
  const holder: Holder = own ? [ko, "platforms"] : [artifact, "platforms"];
  const allowed = (own ? ko.platforms : artifact.platforms) ?? [];
  const ofBuild = build.platforms ?? [];
  const chosen = choosePlatforms({ asked: platforms, build: ofBuild, artifact: allowed }, host);
  if (chosen === undefined) {
    const wanted = (platforms.length > 0 ? platforms : ofBuild).join(",");
    const said = `platforms: found ${allowed.join(",")}, none of which is in the wanted ${wanted}`;
    report(origins.fault(holder[0], [holder[1]], said));
  }
  if (chosen === undefined || chosen.length === 0) return { chosen: undefined, holder };
  return { chosen, holder: allowed.length > 0 ? holder : [build, "platforms"] };
}

/** `ko`, another one, or "" where none is said. */
export function builderOf(artifact: Artifact): string {
  if (artifact.ko !== undefined) return "ko";
  return OTHER_BUILDERS.find((name) => artifact[name] !== undefined) ?? "";
}
