/**
 * A skaffold.yaml to a plan: the images of Skaffold's ko builder, with the names, tags and hooks that
 * Skaffold itself gives them. Nothing is built or run here.
 * @module
 */
import { join, resolve, sep } from "node:path";
import { didYouMean, KodenoError, messageOf } from "../../errors.ts";
import { findUp, isFolder, isInside } from "../../io/files.ts";
import { parseTag } from "../../oci/reference.ts";
import { formatGoTime } from "../../template/go_time.ts";
import { compileTemplate } from "../../template/template.ts";
import { isTemplate, koPath } from "../checks.ts";
import type { ImageSource, ImageValues } from "../options.ts";
import { type FilePlace, formatFault, type Path } from "../yaml/faults.ts";
import { settleOptions, withGlobalConfig } from "./global_config.ts";
import { type Loaded, type LoadedConfig, Loader, notThere } from "./load.ts";
import { parseName, underDefaultRepo } from "./names.ts";
import type { SettledOptions, SkaffoldOptions } from "./options.ts";
import { choosePlatforms, type Host, THIS_HOST } from "./platforms.ts";
import {
  type Artifact,
  type BuildHooks,
  type KoArtifact,
  OTHER_BUILDERS,
  type TagPolicy,
} from "./schema.ts";
import { type DigestInput, expandTemplate, inputDigest, type RunForTemplate } from "./tags.ts";

/** What the plan cannot know by itself. */
export interface SkaffoldParts {
  /** The tag of a folder by git; without it such tags stay open. */
  readonly gitTag?: ((how: GitTagOptions) => Promise<string>) | undefined;
  /** The time of the build; default now. */
  readonly now?: (() => Date) | undefined;
  /** Runs a program for `cmd` of templates; without it, `cmd` is refused. */
  readonly run?: RunForTemplate | undefined;
  /** The same for what is said of images, which names and tags do not need; default `run`. */
  readonly runForImages?: RunForTemplate | undefined;
  /** Ends the reading of files for tags, which are then latest. */
  readonly signal?: AbortSignal | undefined;
  readonly host?: Host | undefined;
}

/** The fields of `gitCommit`, and the folder they are asked of. */
type GitTagOptions = { readonly directory: string } & NonNullable<TagPolicy["gitCommit"]>;

/** A command on this machine. */
interface SkaffoldHook {
  readonly command: readonly string[];
  /** Absolute. */
  readonly directory: string;
  readonly place: FilePlace;
}

/** Commands around a build; those for other operating systems are left out. */
type SkaffoldHooks = Readonly<Record<"before" | "after", readonly SkaffoldHook[]>>;

/** An image to build; frozen. */
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
  /** An import path, or a pattern relative to the working directory that matches one package. */
  readonly main: string;
  /** What it says of its image. */
  readonly source: ImageSource;
  /** Whether it stands in the place of all `builds` of a `.ko.yaml`, as in Skaffold. */
  readonly replacesKoBuilds: boolean;
  /** `imageName` of artifacts to build before. */
  readonly requires: readonly string[];
  /** What `build.local.push` says. */
  readonly push: boolean | undefined;
  readonly insecureRegistries: readonly string[];
  readonly hooks: SkaffoldHooks;
  readonly place: FilePlace;
}

/** What a skaffold.yaml says to build; frozen. */
export interface SkaffoldPlan {
  /** The file that was asked for, as it was named. */
  readonly file: string;
  /** That file and those that it requires, absolute. */
  readonly files: readonly string[];
  /** In Skaffold's order: that of the files, required configurations first. */
  readonly artifacts: readonly SkaffoldArtifact[];
  /** Artifacts that somebody else builds, such as `docker`. */
  readonly skipped: readonly { readonly imageName: string; readonly builder: string }[];
  /** Commands around all builds, of each configuration that has an artifact here. */
  readonly hooks: readonly SkaffoldHooks[];
  /** What comes before image names, where a flag or its variable says so. */
  readonly defaultRepo: string | undefined;
  /** Lines for a person. */
  readonly notes: readonly string[];
}

/** Reads a skaffold.yaml; throws `BAD_CONFIG` with a line for each fault, `BAD_OPTION`. */
export async function planSkaffold(
  options: SkaffoldOptions,
  parts: SkaffoldParts,
): Promise<SkaffoldPlan> {
  const asked = settleOptions(options);
  const loaded = await new Loader(asked).load();
  const { options: settled, notes } = await withGlobalConfig(asked);
  const planner = new Planner(settled, parts, loaded, notes);
  // A hook is told of a default repo only where a flag or its variable says one.
  const { file, defaultRepo } = asked;
  return Object.freeze({ ...await planner.plan(), file, defaultRepo });
}

/** Artifacts behind those they require, with their places in the list; there are no circles. */
export function inBuildOrder<T extends { imageName: string; requires: readonly string[] }>(
  artifacts: readonly T[],
): Iterable<readonly [index: number, artifact: T]> {
  const byName = new Map(artifacts.map((one, i) => [one.imageName, [i, one] as const]));
  const ordered = new Set<readonly [number, T]>();
  const add = (one: readonly [number, T]): void => {
    // What many require is looked at once.
    if (ordered.has(one)) return;
    for (const name of one[1].requires) {
      const required = byName.get(name);
      if (required !== undefined) add(required);
    }
    ordered.add(one);
  };
  byName.forEach(add);
  return ordered;
}

/** The variables that Skaffold gives its hooks; around all builds there is no image. */
export function hookVariables(
  workingDirectory: string,
  defaultRepo: string | undefined,
  image?: Pick<SkaffoldArtifact, "reference" | "tag" | "context"> & { readonly push: boolean },
): Readonly<Record<string, string>> {
  return {
    ...(defaultRepo === undefined ? {} : { SKAFFOLD_DEFAULT_REPO: defaultRepo }),
    SKAFFOLD_WORK_DIR: workingDirectory,
    SKAFFOLD_IMAGE: image?.reference ?? "",
    SKAFFOLD_PUSH_IMAGE: String(image?.push ?? false),
    SKAFFOLD_IMAGE_REPO: parseName(image?.reference ?? "")?.repo ?? "",
    SKAFFOLD_IMAGE_TAG: image?.tag ?? "",
    SKAFFOLD_BUILD_CONTEXT: image?.context ?? "",
  };
}

interface Found {
  readonly artifact: Artifact;
  readonly ko: KoArtifact;
  /** `ko`, another one, or "" where none is said. */
  readonly builder: string;
  readonly loaded: LoadedConfig;
  /** Absolute. */
  readonly context: string;
}

/** Most artifacts that are built at once: git and go are run for each one. */
const MAX_ARTIFACTS = 1000;
/** Most artifacts in a digest of files, with those that are there again: layers of two multiply. */
const MAX_REQUIRED = 1000;
const GIT_IS_NOT_ASKED = new Error("git is not asked");
const DEFAULT_FORMAT = "2006-01-02_15-04-05.999_MST";
/** What Skaffold takes for an artifact that says nothing. */
const DEFAULT_DIGEST_PATHS = ["**/*.go"];
/** Templates in which nothing but the name of the image is filled in. */
const OF_IMAGE = /^(?:(?!\{\{).|\{\{\s*\.IMAGE_\w+\s*\}\})*$/s;

/** What a customTemplate may name without saying what it is. */
const COMPONENTS: ReadonlyMap<string, TagPolicy> = new Map([
  ["GIT", { gitCommit: {} }],
  ["DATE", { dateTime: {} }],
  ["SHA", { sha256: {} }],
  ["INPUT_DIGEST", { inputDigest: {} }],
]);

class Planner {
  readonly #found: readonly Found[];
  readonly #byName: ReadonlyMap<string, Found>;
  /** Those whose tags only a build knows. */
  readonly #untagged: Found[] = [];
  readonly #names: readonly string[];
  readonly #host: Host;

  constructor(
    readonly options: SettledOptions,
    readonly parts: SkaffoldParts,
    readonly loaded: Loaded,
    readonly notes: string[],
  ) {
    this.#found = loaded.configs.flatMap((one) =>
      (one.config.build?.artifacts ?? []).map((artifact) => ({
        artifact,
        ko: artifact.ko ?? {},
        builder: artifact.ko ? "ko" : OTHER_BUILDERS.find((name) => artifact[name]) ?? "",
        loaded: one,
        context: resolve(options.workingDirectory, one.base, artifact.context ?? "."),
      }))
    );
    // Of several of one name, which are a fault, the first.
    this.#byName = new Map(this.#found.toReversed().map((one) => [one.artifact.image, one]));
    this.#names = this.#found.map(({ artifact }) => artifact.image);
    this.#host = parts.host ?? THIS_HOST;
  }

  async plan(): Promise<Omit<SkaffoldPlan, "file" | "defaultRepo">> {
    const { notes, loaded: { origins } } = this;
    this.#checkArtifacts();
    origins.throwFaults();
    const chosen = this.#chosen();
    const artifacts: SkaffoldArtifact[] = [];
    const skipped: { imageName: string; builder: string }[] = [];
    const configs = new Set<LoadedConfig>();
    for (const one of chosen) {
      if (one.builder === "ko") {
        configs.add(one.loaded);
        artifacts.push(await this.#artifact(one));
        continue;
      }
      const { artifact: { image }, builder } = one;
      const name = builder === "" ? "no builder, which is docker" : `builder ${builder}`;
      const next = koPath(image) !== undefined && builder === ""
        ? 'say "ko: {}" to have kodeno build it'
        : "kodeno leaves it alone";
      this.#note(one, `has ${name}; ${next}`);
      skipped.push({ imageName: image, builder: builder || "docker" });
    }
    origins.throwFaults();
    const [untagged, ...others] = this.#untagged;
    if (untagged !== undefined) {
      const more = others.length > 0 ? ` (and so do ${others.length} more)` : "";
      this.#note(untagged, `gets its tag from git, which is only asked by a build${more}`);
    }
    const hooks = [...configs].map((one) => this.#hooks(one.config.build?.hooks, one));
    return { artifacts, skipped, hooks, notes, files: this.loaded.files };
  }

  #note({ artifact }: Found, what: string): void {
    const text = `image ${artifact.image} ${what}`;
    this.notes.push(formatFault(this.loaded.origins.fault(artifact, ["image"], text)));
  }

  /** Names that are none, hold a tag, or are there twice; requirements nobody builds; circles. */
  #checkArtifacts(): void {
    const { origins } = this.loaded;
    const extra = this.#found[MAX_ARTIFACTS];
    if (extra !== undefined) {
      const why = `found ${this.#found.length} artifacts; at most ${MAX_ARTIFACTS} are allowed`;
      return origins.bad(extra.artifact, ["image"], why);
    }
    for (const { artifact } of this.#found) {
      const { image, requires = [] } = artifact;
      const bad = (why: string): void =>
        origins.refuse(artifact, ["image"], "image", image, `, ${why}`);
      const name = parseName(image);
      const first = this.#byName.get(image)?.artifact ?? artifact;
      if (first !== artifact) {
        const { file, line } = origins.place(first, ["image"]);
        bad(`which is there already, in line ${line} of ${file}; once is allowed`);
      } else if (name === undefined) bad("which is no image name");
      else if (name.tag !== "" || name.digest !== "") {
        bad(`which has a ${name.tag === "" ? "digest" : "tag"}; leave it to tagPolicy`);
      }
      for (const requirement of requires) {
        if (this.#byName.has(requirement.image)) continue;
        const why = `, which no artifact builds${didYouMean(requirement.image, this.#names)}`;
        origins.refuse(requirement, ["image"], "requires", requirement.image, why);
      }
    }
    const done = new Set<string>();
    const visit = (artifact: Artifact, above: readonly string[]): void => {
      const { image } = artifact;
      const at = above.indexOf(image);
      if (at >= 0) {
        const circle = [...above.slice(at), image].join(" -> ");
        const why = `requires: found a circle of images that wait for each other: ${circle}`;
        origins.bad(artifact, ["requires"], why, "key");
      }
      if (at >= 0 || done.has(image)) return;
      for (const next of this.#requires(artifact)) visit(next.artifact, [...above, image]);
      done.add(image);
    };
    for (const { artifact } of this.#found) visit(artifact, []);
  }

  #requires({ requires = [] }: Artifact): readonly Found[] {
    return requires.flatMap(({ image }) => this.#byName.get(image) ?? []);
  }

  #chosen(): readonly Found[] {
    const { images = [], file } = this.options;
    const missing = images.find((one) => !this.#names.some((name) => name.includes(one)));
    if (missing !== undefined) {
      throw notThere("BAD_OPTION", "build image", missing, file, this.#names);
    }
    return this.#found.filter(({ artifact }) =>
      images.length === 0 || images.some((image) => artifact.image.includes(image))
    );
  }

  async #artifact(one: Found): Promise<SkaffoldArtifact> {
    const { artifact, ko, context, loaded } = one;
    const build = loaded.config.build ?? {};
    const { reference, tag } = await this.#name(one);
    // As Go joins paths: an absolute one, too, leads into the context.
    const workingDirectory = join(context, ko.dir ?? "");
    this.#checkFolders(one, workingDirectory);
    const parsed = parseName(reference);
    const source = await this.#source(one, {
      IMAGE_REPO: parsed?.repo ?? "",
      IMAGE_NAME: parsed?.base ?? "",
      IMAGE_TAG: tag,
    });
    const main = ko.main ?? ko.target ?? "";
    return Object.freeze({
      imageName: artifact.image,
      reference,
      repository: parsed?.name ?? "",
      tag,
      context,
      workingDirectory,
      main: koPath(artifact.image) ?? (main || "."),
      source,
      replacesKoBuilds: [ko.dir ?? "", main].some((path) => path !== "" && path !== ".") ||
        [ko.env, ko.flags, ko.args, ko.ldflags].some((list) => list?.length),
      requires: (artifact.requires ?? []).map(({ image }) => image),
      push: build.local?.push,
      insecureRegistries: [
        ...build.insecureRegistries ?? [],
        ...this.options.insecureRegistries ?? [],
      ],
      hooks: this.#hooks(artifact.hooks, loaded),
      place: this.loaded.origins.place(artifact, []),
    });
  }

  /** The hooks that are for this machine. */
  #hooks(hooks: BuildHooks | undefined, { base }: LoadedConfig): SkaffoldHooks {
    const list = (phase: keyof BuildHooks): readonly SkaffoldHook[] =>
      (hooks?.[phase] ?? []).filter(({ os }) => !os?.length || os.includes(this.#host.os)).map(
        (hook) => ({
          command: hook.command,
          directory: resolve(this.options.workingDirectory, hook.dir ? base : "", hook.dir ?? ""),
          place: this.loaded.origins.place(hook, []),
        }),
      );
    return { before: list("before"), after: list("after") };
  }

  #checkFolders(one: Found, workingDirectory: string): void {
    const { artifact, ko, context } = one;
    const root = findUp(one.loaded.folder, ".git");
    const { origins } = this.loaded;
    const outside = "; a path in the repository is allowed";
    const badContext = (why: string): void => {
      const field = artifact.context === undefined ? "image" : "context";
      origins.refuse(artifact, [field], "context", artifact.context ?? ".", why);
    };
    if (root !== undefined && !isInside(root, context)) return badContext(outside);
    if (!isFolder(context)) {
      return badContext(`; a folder is allowed (of image ${artifact.image})`);
    }
    const isOutside = ko.dir && !isInside(root ?? context, workingDirectory);
    if (isOutside || ko.dir && !isFolder(workingDirectory)) {
      const why = isOutside ? outside : "; a folder in the context is allowed";
      origins.refuse(ko, ["dir"], "ko.dir", ko.dir, why);
    }
    for (const [i, path] of (ko.dependencies?.paths ?? []).entries()) {
      const literal = path.split(sep).filter((part) => !/[*?[{]/.test(part));
      if (isInside(root ?? context, join(context, ...literal))) continue;
      const below = ["dependencies", "paths", i];
      origins.refuse(ko, below, `ko.dependencies.paths[${i}]`, path, outside);
    }
  }

  async #source(one: Found, image: Readonly<Record<string, string>>): Promise<ImageSource> {
    const { artifact, ko, loaded: { config: { build = {} } } } = one;
    const { options: { platforms: asked = [], debug = false }, loaded: { origins } } = this;
    const untold = new Set<string>();
    const expand = async (path: Path, text: string): Promise<string> => {
      if (!isTemplate(text)) return text;
      const { file, line, column } = origins.place(ko, path);
      const { run, runForImages = run } = this.parts;
      try {
        const filled = await this.#expand(text, `${file}:${line}:${column}`, image, runForImages);
        if (!OF_IMAGE.test(text)) untold.add(filled);
        return filled;
      } catch (error) {
        if (!(error instanceof KodenoError)) throw error;
        origins.bad(ko, path, `ko.${path.join(".")}: ${error.message}`);
        return text;
      }
    };
    const list = async (key: "env" | "flags" | "args" | "ldflags") =>
      ko[key] && await Promise.all(ko[key].map((text, i) => expand([key, i], text)));
    const labels = await Promise.all(
      Object.entries(ko.labels ?? {}).map(async ([key, text]) =>
        [key, await expand(["labels", key], text)] as const
      ),
    );
    const flags = ko.flags === undefined && ko.args !== undefined ? "args" : "flags";
    // Skaffold moved the field of ko out to the artifact.
    const own = artifact.platforms?.length || !ko.platforms?.length ? artifact : ko;
    const { platforms: allowed = [] } = own;
    const wanted = asked.length > 0 ? asked : build.platforms ?? [];
    const platforms = choosePlatforms(wanted, allowed, this.#host);
    if (platforms === undefined) {
      const why = `none of which is in the wanted ${wanted.join(",")}`;
      origins.bad(own, ["platforms"], `platforms: found ${allowed.join(",")}, ${why}`);
    }
    const isOfBuild = platforms?.length && allowed.length === 0;
    /** Where fields stand that have another name, or not in `ko`. */
    const holders: Partial<Record<keyof ImageValues, readonly [object, string]>> = {
      baseImage: [ko, "fromImage"],
      platforms: [isOfBuild ? build : own, "platforms"],
      flags: [ko, flags],
    };
    return {
      untold,
      from: (field) => {
        if (field === "platforms" && asked.length > 0) return "option platforms";
        if (debug && (field === "trimpath" || field === "disableOptimizations")) {
          return "debug mode";
        }
        const [container, key] = holders[field] ?? [ko, field];
        const { file, line } = Object.hasOwn(container, key)
          ? origins.place(container, [key], "key")
          : origins.place(artifact, []);
        return `${file}:${line}`;
      },
      values: Object.freeze({
        baseImage: ko.fromImage,
        platforms: platforms?.length ? platforms : undefined,
        // A template that gives nothing gives no variable; flags are looked at where go is run.
        env: (await list("env"))?.filter((entry) => entry !== ""),
        flags: await list(flags),
        ldflags: await list("ldflags"),
        asmflags: ko.asmflags,
        gcflags: ko.gcflags,
        labels: ko.labels && Object.fromEntries(labels),
        sourceDateEpoch: ko.sourceDateEpoch,
        ...(debug ? { disableOptimizations: true, trimpath: false } : {}),
      }),
    };
  }

  async #name(one: Found): Promise<{ readonly reference: string; readonly tag: string }> {
    const { defaultRepo, multiLevelRepo } = this.options;
    const { image } = one.artifact;
    const tag = await this.#tag(one);
    const named = tag === "" ? image : `${image}:${tag}`;
    const reference = underDefaultRepo(named, defaultRepo, multiLevelRepo);
    if (reference !== undefined && parseName(reference) !== undefined) return { reference, tag };
    const why = `, which is no image name under ${defaultRepo}`;
    this.loaded.origins.refuse(one.artifact, ["image"], "image", image, why);
    return { reference: image, tag };
  }

  /** What the policy says; where it comes to nothing, `latest`, as in Skaffold; "" where it is open. */
  async #tag(one: Found): Promise<string> {
    const { tag } = this.options;
    if (tag !== undefined) return parseTag(tag);
    const isTag = (text: string): boolean =>
      parseName(`${one.artifact.image}:${text}`)?.tag === text;
    let why: string;
    try {
      const made = await this.#tagBy(one.loaded.config.build?.tagPolicy ?? {}, one);
      if (isTag(made)) return made;
      why = `tagPolicy makes ${JSON.stringify(made)}, which is no tag`;
    } catch (error) {
      if (error === GIT_IS_NOT_ASKED) {
        this.#untagged.push(one);
        return "";
      }
      why = messageOf(error);
    }
    this.#note(one, `is tagged latest, as Skaffold does it: ${why}`);
    return "latest";
  }

  /** Makes a tag; fails where the policy comes to nothing: no repository, a variable not set. */
  async #tagBy(policy: TagPolicy, one: Found): Promise<string> {
    const { gitTag = () => Promise.reject(GIT_IS_NOT_ASKED), now, run } = this.parts;
    const { envTemplate, sha256, gitCommit, dateTime, customTemplate } = policy;
    if (envTemplate !== undefined) {
      const values = { IMAGE_NAME: one.artifact.image };
      return await this.#expand(envTemplate.template, "envTemplate", values, run);
    }
    // Skaffold's name for a tag that says nothing.
    if (sha256 !== undefined) return "latest";
    if (dateTime !== undefined) {
      const { format, timezone } = dateTime;
      return formatGoTime(now?.() ?? new Date(), format || DEFAULT_FORMAT, timezone || "Local");
    }
    if (policy.inputDigest !== undefined) return await this.#inputDigest(one);
    if (customTemplate === undefined) return await gitTag({ directory: one.context, ...gitCommit });
    const { template, components = [] } = customTemplate;
    const compiled = compileTemplate(template, "customTemplate");
    const values = new Map<string, string>();
    for (const name of compiled.fieldNames()) {
      const { name: _, ...own } = components.find((component) => component.name === name) ??
        { name };
      const part = Object.keys(own).length > 0 ? own : COMPONENTS.get(name);
      if (part === undefined) throw new Error(`customTemplate has no component ${name}`);
      values.set(name, await this.#tagBy(part, one));
    }
    return compiled.run(Object.fromEntries(values));
  }

  async #expand(
    text: string,
    where: string,
    values: Readonly<Record<string, string>>,
    run: RunForTemplate | undefined,
  ): Promise<string> {
    const { options: { environment }, parts: { now } } = this;
    return await expandTemplate(text, where, values, { environment, ...(now && { now }) }, run);
  }

  /** The artifact itself, and all it requires, each as often as it is required. */
  async #inputDigest(one: Found): Promise<string> {
    const all = [one];
    const add = (artifact: Artifact): void => {
      for (const required of this.#requires(artifact)) {
        if (all.push(required) > MAX_REQUIRED + 1) {
          throw new Error(`${one.artifact.image} requires others over ${MAX_REQUIRED} times`);
        }
        add(required.artifact);
      }
    };
    add(one.artifact);
    const inputs = all.map(({ artifact, ko, builder, loaded, context }): DigestInput => {
      if (builder !== "ko") {
        throw new Error(`kodeno does not know the files of ${artifact.image}, which it requires`);
      }
      const { paths, ignore } = ko.dependencies ?? {};
      return {
        workspace: loaded.base ? context : artifact.context ?? ".",
        paths: paths ?? (ignore === undefined ? DEFAULT_DIGEST_PATHS : []),
        ignore: ignore ?? [],
      };
    });
    return await inputDigest(this.options.workingDirectory, inputs, this.parts.signal);
  }
}
