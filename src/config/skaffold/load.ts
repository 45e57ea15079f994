/**
 * Reads a skaffold.yaml and the local configurations it requires, with their profiles applied; and
 * Skaffold's global configuration: what a person has said once for all projects, or for those of one
 * Kubernetes context.
 *
 * Sections of profiles go over those of the configuration by Skaffold's rules; patches are RFC 6902
 * with Skaffold's ways (`replace` where no `op` is said, `KEY=VALUE` as a path element, `-` as the end
 * of a list only for `add`).
 * @module
 */
import { dirname, isAbsolute, join, relative, resolve } from "node:path";
import { RE2JS, RE2JSException } from "re2js";
import { z } from "zod";
import { didYouMean, KodenoError } from "../../errors.ts";
import { exists } from "../../io/files.ts";
import { type Environment, variable } from "../environment.ts";
import { checkYaml, edit, explainIssues, replaceAll, tryYaml, valueAt } from "../yaml/check.ts";
import { readYaml, type YamlDocument } from "../yaml/document.ts";
import { type Fault, faultsError, type Path, type Position } from "../yaml/faults.ts";
import type { SkaffoldOptions, SkaffoldPlace } from "./options.ts";
import {
  type Build,
  FOREIGN_SECTIONS,
  type Pipeline,
  type Profile,
  type Requirement,
  type SkaffoldConfig,
  skaffoldSchema,
} from "./schema.ts";

/** A document with its profiles applied. */
export interface LoadedConfig {
  readonly config: SkaffoldConfig;
  /** What paths in it are relative to; "" for the working directory. */
  readonly base: string;
  /** Folder of its file, absolute. */
  readonly folder: string;
}

/** Everything that was read. */
export interface Loaded {
  /** Required ones before those that require them. */
  readonly configs: readonly LoadedConfig[];
  /** Absolute paths of the files. */
  readonly files: readonly string[];
  readonly origins: Origins;
  readonly notes: readonly string[];
}

/** How a file is asked for. */
interface Ask {
  /** Absolute. */
  readonly path: string;
  readonly profiles: readonly string[];
  /** Names of documents; none for all. */
  readonly names: readonly string[];
  readonly required: boolean;
  readonly dependency: boolean;
}

/** Reads a skaffold.yaml and all that it requires. */
export class Loader {
  readonly #file: string;
  readonly #origins = new Origins();
  readonly #notes: string[] = [];
  readonly #files = new Map<string, Promise<readonly SkaffoldConfig[]>>();
  /** Files by the names of their documents. */
  readonly #byName = new Map<string, string>();
  readonly #visited = new Map<string, string>();
  readonly #profileNames = new Set<string>();

  constructor(readonly options: SkaffoldOptions, readonly place: SkaffoldPlace) {
    this.#file = options.file ?? "skaffold.yaml";
  }

  /** @throws {KodenoError} `BAD_CONFIG` with all that is wrong before an image is looked at */
  async load(): Promise<Loaded> {
    const { profiles = [], modules = [] } = this.options;
    const configs = await this.#load({
      path: await existing(resolve(this.place.workingDirectory, this.#file)),
      profiles,
      names: [],
      required: modules.length === 0,
      dependency: false,
    });
    this.#origins.throwFaults();
    this.#find("profile", profiles.map((one) => one.replace(/^-/, "")), [...this.#profileNames]);
    this.#find("module", modules, [...this.#byName.keys()]);
    const files = [...this.#files.keys()];
    return { configs, files, origins: this.#origins, notes: this.#notes };
  }

  #find(what: string, names: readonly string[], known: readonly string[]): void {
    const name = names.find((one) => !known.includes(one));
    if (name === undefined) return;
    const list = known.length > 0 ? `there are ${known.join(", ")}` : "there is none";
    const why = `${this.#file} has no such ${what}; ${list}${didYouMean(name, known)}`;
    throw new KodenoError("BAD_CONFIG", `Cannot use ${what} ${JSON.stringify(name)}: ${why}`);
  }

  async #load(ask: Ask): Promise<readonly LoadedConfig[]> {
    const reading = this.#files.get(ask.path) ?? this.#read(ask.path);
    this.#files.set(ask.path, reading);
    const found: LoadedConfig[] = [];
    for (const [index, one] of (await reading).entries()) {
      found.push(...await this.#config(one, index, ask));
    }
    return found;
  }

  async #read(path: string): Promise<readonly SkaffoldConfig[]> {
    const documents = await readYaml(path, { name: this.#nameOf(path), documents: "many" });
    const configs: SkaffoldConfig[] = [];
    for (const document of documents) {
      // Skaffold leaves keys that begin with a dot to anchors.
      const outcome = tryYaml(document, skaffoldSchema, (key) => key.startsWith("."));
      if (!outcome.ok) {
        this.#origins.faults.push(...outcome.faults);
        continue;
      }
      this.#notes.push(...outcome.notes);
      this.#origins.remember(document, outcome.value);
      for (const one of (outcome.value.profiles ?? []).flatMap((profile) => profile.activation)) {
        if (!one?.env || one.env.includes("=")) continue;
        const said = `env: found ${JSON.stringify(one.env)}; NAME=VALUE is allowed`;
        this.#origins.bad(one, ["env"], said);
      }
      configs.push(outcome.value);
    }
    // What follows would only tell of consequences.
    this.#origins.throwFaults();
    this.#noteNames(path, configs);
    return configs;
  }

  #nameOf(path: string): string {
    const { workingDirectory } = this.place;
    if (path === resolve(workingDirectory, this.#file)) return this.#file;
    const near = relative(workingDirectory, path);
    return near.startsWith(join("..", "..")) || isAbsolute(near) ? path : near;
  }

  #noteNames(path: string, configs: readonly SkaffoldConfig[]): void {
    const here = new Set<string>();
    for (const { metadata, profiles = [] } of configs) {
      for (const { name } of profiles) this.#profileNames.add(name);
      if (!metadata?.name) continue;
      const other = this.#byName.get(metadata.name);
      if (here.has(metadata.name) || (other !== undefined && other !== path)) {
        const where = here.has(metadata.name) ? "" : ` (also in ${this.#nameOf(other ?? "")})`;
        const found = `found ${JSON.stringify(metadata.name)} a second time${where}`;
        this.#origins.bad(metadata, ["name"], `metadata.name: ${found}; once is allowed`);
      }
      here.add(metadata.name);
      this.#byName.set(metadata.name, path);
    }
  }

  async #config(plain: SkaffoldConfig, index: number, ask: Ask): Promise<readonly LoadedConfig[]> {
    const { options, place } = this;
    const { name = "" } = plain.metadata ?? {};
    if (ask.names.length > 0 && !ask.names.includes(name)) return [];
    const required = ask.required || (name !== "" && (options.modules ?? []).includes(name));
    const active = await activeProfiles(plain.profiles ?? [], ask.profiles, options, place);
    // Each configuration has one set of profiles; asked for twice, it is there once.
    const key = `${ask.path}:${index}:${required}`;
    const profiles = [...active].sort().join(",");
    const before = this.#visited.get(key);
    if (before !== undefined) {
      const said = `found it required with profiles "${before}" and with "${profiles}"; ` +
        "one set of profiles is allowed";
      if (before !== profiles) this.#origins.bad(plain.metadata ?? plain, [], said);
      return [];
    }
    this.#visited.set(key, profiles);
    const faults = this.#origins.faults.length;
    const config = applyProfiles(plain, active, this.#origins);
    const found: LoadedConfig[] = [];
    if (this.#origins.faults.length === faults) {
      for (const requirement of config.requires ?? []) {
        found.push(...await this.#required(requirement, active, { ...ask, required }));
      }
    }
    const folder = dirname(ask.path);
    if (required) found.push({ config, base: ask.dependency ? folder : "", folder });
    return found;
  }

  async #required(
    requirement: Requirement,
    active: readonly string[],
    ask: Ask,
  ): Promise<readonly LoadedConfig[]> {
    const { path = "", configs = [] } = requirement;
    const bad = (below: (string | number)[], said: string, part?: "key"): void =>
      this.#origins.bad(requirement, below, `requires: found ${said}`, part);
    for (const remote of ["git", "googleCloudStorage", "googleCloudBuildRepoV2"] as const) {
      if (requirement[remote] === undefined) continue;
      bad([remote], `${remote}; a local path is allowed: fetch it and name its path`, "key");
      return [];
    }
    const profiles = (requirement.activeProfiles ?? []).filter(({ activatedBy = [] }) =>
      activatedBy.length === 0 || activatedBy.some((one) => active.includes(one))
    ).map(({ name }) => name);
    const { propagateProfiles = true, profiles: named = [] } = this.options;
    if (propagateProfiles) profiles.push(...named.filter((one) => !profiles.includes(one)));
    const file = path === "" ? ask.path : resolve(dirname(ask.path), path);
    const info = await Deno.stat(file).catch(() => undefined);
    if (info === undefined) {
      bad(["path"], `${JSON.stringify(path)}, but there is no such file or folder`);
      return [];
    }
    const target = info.isDirectory ? await existing(join(file, "skaffold.yaml")) : file;
    const found = await this.#load({
      path: target,
      profiles,
      names: configs,
      required: ask.required,
      dependency: ask.dependency || target !== ask.path,
    });
    const names = (await this.#files.get(target) ?? []).map(({ metadata }) => metadata?.name ?? "");
    for (const [i, name] of configs.entries()) {
      if (names.includes(name)) continue;
      const what = `${JSON.stringify(name)}, but ${this.#nameOf(target)} has no configuration`;
      bad(["configs", i], `${what} of that name${didYouMean(name, names)}`);
    }
    return found;
  }
}

/** Skaffold takes the short ending, too. */
async function existing(path: string): Promise<string> {
  const short = path.replace(/\.yaml$/, ".yml");
  if (!path.endsWith("skaffold.yaml") || await exists(path) || !await exists(short)) return path;
  return short;
}

/** Where a map, a list or a field of one stands. */
interface Origin {
  readonly document: YamlDocument;
  readonly path: Path;
}

/** A place in a file. */
export type FilePlace = Position & { readonly file: string };

/**
 * Remembers the places of maps and lists by their identity, which putting together keeps, and gathers
 * what is wrong at them.
 */
class Origins {
  readonly faults: Fault[] = [];
  readonly #containers = new WeakMap<object, Origin>();
  readonly #fields = new WeakMap<object, Map<string, Origin>>();

  /** Remembers a value of a document and everything in it. */
  remember(document: YamlDocument, value: unknown, path: Path = []): void {
    if (value === null || typeof value !== "object") return;
    this.#containers.set(value, { document, path });
    const isList = Array.isArray(value);
    for (const [key, child] of Object.entries(value)) {
      this.remember(document, child, [...path, isList ? Number(key) : key]);
    }
  }

  /** A copy stands where its original stands, and so do its fields. */
  readonly copied = (from: object, to: object): void => {
    const origin = this.#containers.get(from);
    if (origin !== undefined) this.#containers.set(to, origin);
    const fields = this.#fields.get(from);
    if (fields !== undefined) this.#fields.set(to, new Map(fields));
  };

  /** A field that was put into a map from elsewhere. */
  moved(container: object, key: string, from: object, step: string): void {
    const origin = this.#containers.get(from);
    if (origin === undefined) return;
    const fields = this.#fields.get(container) ?? new Map<string, Origin>();
    this.#fields.set(container, fields.set(key, { ...origin, path: [...origin.path, step] }));
  }

  /** Notes a fault at a container, or at what leads from it. */
  bad(container: object, below: Path, message: string, part?: "key" | "value"): void {
    this.faults.push(this.fault(container, below, message, part));
  }

  /** Notes a fault at a path from a root, wherever what is there came from. */
  badAt(root: object, path: Path, message: string, part?: "key" | "value"): void {
    let [container, below] = [root, path];
    for (const depth of path.keys()) {
      const value = valueAt(root, path.slice(0, depth + 1));
      if (typeof value !== "object" || value === null || !this.#containers.has(value)) continue;
      [container, below] = [value, path.slice(depth + 1)];
    }
    this.bad(container, below, message, part);
  }

  /** @throws {KodenoError} `BAD_CONFIG` with all faults so far, where there are some */
  throwFaults(): void {
    if (this.faults.length > 0) throw faultsError(this.faults);
  }

  /** A fault at a container, or at what leads from it, which is not noted. */
  fault(container: object, below: Path, message: string, part?: "key" | "value"): Fault {
    return { ...this.place(container, below, part), message };
  }

  /** The place of a container, or of what leads from it. */
  place(container: object, below: Path, part?: "key" | "value"): FilePlace {
    const [key, ...rest] = below;
    const field = this.#fields.get(container)?.get(String(key));
    const origin = field ?? this.#containers.get(container);
    if (origin === undefined) throw new Error("a value of no document was asked for its place");
    const { document, path } = origin;
    const position = document.position([...path, ...(field ? rest : below)], part);
    return { file: document.name, ...position };
  }
}

/**
 * The names of the profiles that are active, in the order in which they are applied: those that
 * activate themselves, then those that were named. A name after `-` turns one off.
 */
async function activeProfiles(
  profiles: readonly Profile[],
  named: readonly string[],
  options: SkaffoldOptions,
  place: SkaffoldPlace,
): Promise<readonly string[]> {
  let active: string[] = [];
  for (const profile of options.profileAutoActivation ?? true ? profiles : []) {
    const { activation = [], requiresAllActivations, name } = profile;
    const holding: boolean[] = [];
    for (const one of activation) holding.push(await holds(one, options, place));
    const isActive = requiresAllActivations ? !holding.includes(false) : holding.includes(true);
    if (isActive && holding.length > 0) active.push(name);
  }
  for (const name of named) {
    if (name.startsWith("-")) active = active.filter((one) => one !== name.slice(1));
    else if (!active.includes(name) && profiles.some((one) => one.name === name)) active.push(name);
  }
  return active;
}

async function holds(
  { env = "", kubeContext = "", command = "" }: NonNullable<Profile["activation"]>[number],
  options: SkaffoldOptions,
  place: SkaffoldPlace,
): Promise<boolean> {
  if (command !== "" && !regexpEqual(command, options.command ?? "build")) return false;
  if (env !== "") {
    const at = env.indexOf("=");
    const wanted = env.slice(at + 1);
    const value = place.environment[env.slice(0, at)] ?? "";
    if (wanted === "" ? value !== "" : !regexpEqual(wanted, value)) return false;
  }
  return kubeContext === "" || regexpEqual(kubeContext, await place.kubeContext());
}

/** Whether a text is another, or a regular expression finds something in it; not so after `!`. */
function regexpEqual(expected: string, actual: string): boolean {
  if (expected.startsWith("!")) return !regexpEqual(expected.slice(1), actual);
  if (expected === actual) return true;
  try {
    return RE2JS.compile(expected).matcher(actual).find();
  } catch (error) {
    // As in Skaffold: what is no expression is only a text.
    if (error instanceof RE2JSException) return false;
    throw error;
  }
}

/** Applies profiles, one after the other: each one's sections, then its patches. */
function applyProfiles(
  config: SkaffoldConfig,
  active: readonly string[],
  origins: Origins,
): SkaffoldConfig {
  let result = config;
  for (const name of active) {
    const profile = config.profiles?.findLast((one) => one.name === name);
    if (profile === undefined) continue;
    result = overlay(result, profile, origins);
    const { patches = [] } = profile;
    for (const patch of patches) result = patched(result, patch, origins);
    // In between it may be anything: a list gets holes where an entry is moved.
    if (patches.length > 0) result = checked(result, name, origins);
  }
  return result;
}

/** What patches put in has to fit the schema as if it had been there. */
function checked(config: SkaffoldConfig, profile: string, origins: Origins): SkaffoldConfig {
  let value = config;
  let result = skaffoldSchema.safeParse(config);
  const written = (result.error?.issues ?? []).flatMap((issue) => {
    if (issue.code !== "invalid_type" || issue.expected !== "string") return [];
    // Go's decoder takes a number or a boolean as the text it is written as.
    const path = issue.path.filter((step) => typeof step !== "symbol");
    const found = valueAt(config, path);
    return ["number", "boolean"].includes(typeof found) ? [[path, String(found)] as const] : [];
  });
  if (written.length > 0) {
    value = replaceAll(config, written, origins.copied) as SkaffoldConfig;
    result = skaffoldSchema.safeParse(value);
  }
  if (result.success) return value;
  for (const { at, message, part } of explainIssues(result.error.issues, value, skaffoldSchema)) {
    origins.badAt(value, at, `${message} (after the patches of profile ${profile})`, part);
  }
  return config;
}

type Values = Record<string, unknown>;

/** Puts the sections of a profile over those of a configuration. */
function overlay(config: SkaffoldConfig, profile: Pipeline, origins: Origins): SkaffoldConfig {
  const result = { ...config };
  origins.copied(config, result);
  if (profile.build !== undefined) {
    result.build = overlayBuild(config.build ?? {}, profile.build, origins);
    if (config.build === undefined) origins.moved(result, "build", profile, "build");
  }
  for (const section of FOREIGN_SECTIONS) {
    // They shape no image; patches may still lead into them.
    const merged = mergeForeign(config[section], profile[section]);
    if (merged !== undefined) result[section] = merged;
  }
  return result;
}

function overlayBuild(config: Build, profile: Build, origins: Origins): Build {
  const { hooks, ...rest } = profile;
  const result: Build = { ...config };
  origins.copied(config, result);
  for (const [key, value] of Object.entries(rest)) {
    // Of the kinds of builds there is one; other sections that are empty say nothing.
    if (isType(key)) { for (const type of BUILD_TYPES) delete result[type]; }
    else if (Object.keys(Object(value)).length === 0) continue;
    Reflect.set(result, key, value);
    origins.moved(result, key, profile, key);
  }
  if (hooks !== undefined) {
    result.hooks = { ...config.hooks };
    for (const key of ["before", "after"] as const) {
      if (hooks[key]?.length) result.hooks[key] = hooks[key];
    }
  }
  return result;
}

const BUILD_TYPES = ["local", "googleCloudBuild", "cluster"] as const;

function isType(key: string): boolean {
  return BUILD_TYPES.some((type) => type === key);
}

function mergeForeign(config: unknown, profile: unknown): unknown {
  if (!isMap(config) || !isMap(profile)) return profile ?? config;
  const keys = Object.keys({ ...config, ...profile });
  return Object.fromEntries(keys.map((key) => [key, mergeForeign(config[key], profile[key])]));
}

function isMap(value: unknown): value is Values {
  return value !== null && typeof value === "object" && !Array.isArray(value);
}

type Patch = NonNullable<Profile["patches"]>[number];
type Steps = readonly string[];

/** What a patch cannot do, and which of its fields says so. */
class PatchFailure extends Error {
  constructor(readonly field: keyof Patch, message: string) {
    super(message);
  }
}

/** Sections that kodeno does not know well enough to patch them. */
const FOREIGN = new RegExp(`^/(?:${FOREIGN_SECTIONS.join("|")})\\b`);

/** A copy with a patch applied; what it does not touch stays the same object. */
function patched(config: SkaffoldConfig, patch: Patch, origins: Origins): SkaffoldConfig {
  const { path, from } = patch;
  if (FOREIGN.test(path) && (from === undefined || FOREIGN.test(from))) return config;
  try {
    const targets = path.includes("=") ? find(config, path) : [split(path, "path")];
    if (targets.length === 0) {
      throw new PatchFailure("path", "nothing in the configuration matches it");
    }
    let result: unknown = config;
    for (const target of targets) result = perform(result, target, patch, origins);
    return result as SkaffoldConfig;
  } catch (error) {
    if (!(error instanceof PatchFailure)) throw error;
    const { field, message } = error;
    origins.bad(patch, [field], `${field}: found ${JSON.stringify(patch[field])}; ${message}`);
    return config;
  }
}

/** The steps of a pointer (RFC 6901 section 4). */
function split(pointer: string, field: "path" | "from"): Steps {
  if (!pointer.startsWith("/")) throw new PatchFailure(field, 'it has to begin with "/"');
  const steps = pointer.split("/").slice(1);
  return steps.map((one) => one.replaceAll("~1", "/").replaceAll("~0", "~"));
}

function perform(root: unknown, target: Steps, patch: Patch, origins: Origins): unknown {
  const { op = "replace", value, from = "" } = patch;
  const put = (into: unknown, what: unknown, insert = false): unknown => {
    get(into, target, "path");
    return edit(into, target, (container, key) => {
      if (!Array.isArray(container)) Reflect.set(container, key, what);
      else if (!insert) container[index(key, Infinity)] = what;
      else container.splice(key === "-" ? container.length : index(key, container.length), 0, what);
      origins.moved(container, String(key), patch, "value");
    }, origins.copied);
  };
  const remove = (steps: Steps, field: "path" | "from"): unknown => {
    if (get(root, steps, field) === undefined) {
      throw new PatchFailure(field, "there is nothing there");
    }
    return edit(root, steps, (container, key) => {
      if (Array.isArray(container)) container.splice(Number(key), 1);
      else Reflect.deleteProperty(container, key);
    }, origins.copied);
  };
  switch (op) {
    case "add":
      return put(root, value, true);
    case "replace":
      if (get(root, target, "path") !== undefined) return put(root, value);
      throw new PatchFailure("path", "there is nothing to replace; use op: add");
    case "remove":
      return remove(target, "path");
    case "move": {
      const source = split(from, "from");
      return put(remove(source, "from"), get(root, source, "from"));
    }
    case "copy":
      return put(root, get(root, split(from, "from"), "from"));
    case "test":
      if (JSON.stringify(get(root, target, "path")) === JSON.stringify(value)) return root;
      throw new PatchFailure("value", "the configuration has another value there");
  }
}

function index(key: string | number, most: number): number {
  const at = /^\d+$/.test(String(key)) ? Number(key) : NaN;
  // A list far longer than anyone writes would only take memory.
  if (at <= Math.min(most, 10_000)) return at;
  throw new PatchFailure("path", `"${key}" is no index of the list there`);
}

function child(container: object, key: string): unknown {
  return Array.isArray(container) && !/^\d+$/.test(key) ? undefined : valueAt(container, [key]);
}

/** What steps lead to; fails where they lead into something that is no map and no list. */
function get(root: unknown, steps: Steps, field: "path" | "from"): unknown {
  return steps.reduce((found, key, depth) => {
    if (found !== null && typeof found === "object") return child(found, key);
    const way = steps.slice(0, depth).join("/");
    throw new PatchFailure(field, `there is no "/${way}" to go into`);
  }, root);
}

/** All that a pointer with `KEY=VALUE` elements stands for, as Skaffold's library finds it. */
function find(root: unknown, pointer: string): readonly Steps[] {
  let routes: readonly (readonly [path: Steps, value: unknown])[] = [[[], root]];
  for (const step of split(pointer, "path")) {
    const [key = "", wanted, ...more] = step.split("=");
    routes = routes.flatMap(([path, value]) => {
      if (wanted !== undefined && more.length === 0) return holding(value, key, wanted, path);
      if (value === null || typeof value !== "object") return [];
      if (Array.isArray(value) && !/^(?:\d+|-)$/.test(step)) return [];
      return [[[...path, step], child(value, step) ?? value]];
    });
  }
  return routes.map(([path]) => path);
}

/** The maps in a value whose key has a value, with the paths to them. */
function holding(
  value: unknown,
  key: string,
  wanted: string,
  path: Steps,
): readonly (readonly [Steps, unknown])[] {
  if (value === null || typeof value !== "object") return [];
  if (child(value, key) === wanted) return [[path, value]];
  return Object.entries(value).flatMap(([step, inner]) =>
    holding(inner, key, wanted, [...path, step])
  );
}

const unread = z.unknown().describe("not read by kodeno").optional();

const contextSettings = z.looseObject({
  "kube-context": z.string().describe("the context it is for, or a regular expression").optional(),
  "default-repo": z.string().describe("what comes before image names").optional(),
  "multi-level-repo": z.boolean().describe("whether that has names of many elements").optional(),
  "insecure-registries": z.array(z.string()).describe("registries of plain HTTP").optional(),
  "local-cluster": unread,
  "debug-helpers-registry": unread,
  "update-check": unread,
  survey: unread,
  "kind-disable-load": unread,
  "k3d-disable-load": unread,
  "collect-metrics": unread,
  update: unread,
});

const globalSettings = z.looseObject({
  global: contextSettings.describe("for all contexts").optional(),
  kubeContexts: z.array(contextSettings).describe("for one context each").optional(),
}).describe("Skaffold: settings of a person");

/**
 * Completes options from the global configuration. As in Skaffold, of several entries for the current
 * context the last counts, `global` fills in what it leaves out, and the insecure registries of all
 * hold; without a context, only `global` does.
 *
 * @throws {KodenoError} `BAD_CONFIG` for a file that cannot be read or says what it may not
 */
export async function withGlobalConfig(
  asked: SkaffoldOptions,
  place: SkaffoldPlace,
): Promise<{ readonly options: SkaffoldOptions; readonly notes: readonly string[] }> {
  const { globalConfig: file, insecureRegistries = [] } = asked;
  const usual = inHome(place.environment, ".skaffold", "config");
  const path = file ? resolve(place.workingDirectory, file) : usual;
  if (path === undefined || !await exists(path)) {
    const missing = `Cannot find Skaffold's configuration ${file}: there is no such file; ` +
      "nothing is taken from it";
    return { options: { ...asked, insecureRegistries }, notes: file ? [missing] : [] };
  }
  const name = file || path;
  const [document] = await readYaml(path, { name, documents: "many" });
  const { value: { global = {}, kubeContexts = [] }, notes } = checkYaml(document, globalSettings);
  const current = await place.kubeContext();
  const own = current === ""
    ? undefined
    : kubeContexts.findLast((one) => regexpEqual(one["kube-context"] ?? "", current));
  const options: SkaffoldOptions = {
    ...asked,
    defaultRepo: asked.defaultRepo ??
      (own?.["default-repo"] || global["default-repo"] || undefined),
    // "false" of the context is nothing said, too, as Skaffold merges both.
    multiLevelRepo: asked.multiLevelRepo ??
      (own?.["multi-level-repo"] || global["multi-level-repo"]),
    insecureRegistries: [
      ...insecureRegistries,
      ...own?.["insecure-registries"] ?? [],
      ...global["insecure-registries"] ?? [],
    ],
  };
  return { options, notes };
}

function inHome(environment: Environment, ...path: readonly string[]): string | undefined {
  const home = variable(environment, "HOME") ?? variable(environment, "USERPROFILE");
  return home === undefined ? undefined : join(home, ...path);
}

/**
 * Reads the current context: that of the first file of `KUBECONFIG` (or of `~/.kube/config`) that
 * names one; "" where none does.
 *
 * @param only a file to read in the place of those, which has to be there
 * @throws {KodenoError} `BAD_CONFIG` for a file that is not YAML
 */
export async function readKubeContext(environment: Environment, only?: string): Promise<string> {
  const named = variable(environment, "KUBECONFIG");
  const separator = Deno.build.os === "windows" ? ";" : ":";
  const usual = inHome(environment, ".kube", "config") ?? [];
  for (const file of [only ?? named?.split(separator) ?? usual].flat()) {
    const info = await Deno.stat(file).catch(() => undefined);
    if (!info?.isFile && file !== only) continue;
    const [{ value }] = await readYaml(file);
    if (value === null || typeof value !== "object") continue;
    const context: unknown = Reflect.get(value, "current-context");
    if (typeof context === "string" && context !== "") return context;
  }
  return "";
}
