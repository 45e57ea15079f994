/**
 * Profiles of a skaffold.yaml: which are active, and the configuration with them applied. Patches are
 * RFC 6902 with Skaffold's ways (`replace` where no `op` is said, `KEY=VALUE` as a path element, `-` as
 * the end of a list only for `add`).
 * @module
 */
import { RE2JS, RE2JSException } from "../../npm/re2js.ts";
import { isObject } from "../../oci/manifest.ts";
import { deepCopy, explain, fit, valueAt } from "../yaml/check.ts";
import type { SettledOptions } from "./options.ts";
import type { Origins } from "./origins.ts";
import {
  type Build,
  FOREIGN_SECTIONS,
  type Pipeline,
  type Profile,
  type SkaffoldConfig,
  skaffoldSchema,
} from "./schema.ts";

/**
 * The names of the profiles that are active, in the order in which they are applied: those that
 * activate themselves, then those that were named. A name after `-` turns one off.
 */
export async function activeProfiles(
  profiles: readonly Profile[],
  named: readonly string[],
  options: SettledOptions,
): Promise<readonly string[]> {
  let active: string[] = [];
  for (const profile of options.profileAutoActivation ?? true ? profiles : []) {
    const { activation = [], requiresAllActivations, name } = profile;
    const holding: boolean[] = [];
    for (const one of activation) holding.push(await holds(one, options));
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
  options: SettledOptions,
): Promise<boolean> {
  if (command !== "" && !regexpEqual(command, options.command ?? "build")) return false;
  if (env !== "") {
    const at = env.indexOf("=");
    const wanted = env.slice(at + 1);
    const value = options.environment[env.slice(0, at)] ?? "";
    if (wanted === "" ? value !== "" : !regexpEqual(wanted, value)) return false;
  }
  return kubeContext === "" || regexpEqual(kubeContext, await options.kubeContext());
}

/** Whether a text is another, or a regular expression finds something in it; not so after `!`. */
export function regexpEqual(expected: string, actual: string): boolean {
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

/** A configuration with profiles applied, one after the other: each one's sections, then its patches. */
export function applyProfiles(
  config: SkaffoldConfig,
  active: readonly string[],
  origins: Origins,
): SkaffoldConfig {
  if (active.length === 0) return config;
  // Required twice, others may be made of the same one.
  let result = deepCopy(config, origins.copied) as SkaffoldConfig;
  for (const name of active) {
    const profile = config.profiles?.findLast((one) => one.name === name);
    if (profile === undefined) continue;
    overlay(result, deepCopy(profile, origins.copied) as Profile, origins);
    const { patches = [] } = profile;
    const faults = origins.faults.length;
    for (const patch of patches) applyPatch(result, patch, origins);
    // In between it may be anything: a list gets holes where an entry is moved.
    if (patches.length > 0 && origins.faults.length === faults) {
      result = checked(result, name, origins);
    }
    // What follows would only tell of consequences.
    if (origins.faults.length > faults) break;
  }
  return result;
}

/** What patches put in has to fit the schema as if it had been there. */
function checked(config: SkaffoldConfig, profile: string, origins: Origins): SkaffoldConfig {
  // Of a number in a patch Skaffold knows the value, not how it is written.
  const { value, issues } = fit(skaffoldSchema, config, (path) => {
    const found = valueAt(config, path);
    return /number|boolean/.test(typeof found) ? String(found) : undefined;
  }, origins.copied);
  for (const { at, message, part } of issues.flatMap((issue) => explain(issue, value))) {
    const why = `${message} (after the patches of profile ${profile})`;
    origins.badAt(Object(value), at, why, part);
  }
  return value as SkaffoldConfig;
}

/** Puts the sections of a profile over those of a configuration. */
function overlay(config: SkaffoldConfig, profile: Pipeline, origins: Origins): void {
  if (profile.build !== undefined) {
    if (config.build === undefined) origins.moved(config, "build", profile, "build");
    overlayBuild(config.build ??= {}, profile.build, origins);
  }
  for (const section of FOREIGN_SECTIONS) {
    // They shape no image; patches may still lead into them.
    const merged = mergeForeign(config[section], profile[section]);
    if (merged !== undefined) config[section] = merged;
  }
}

const BUILD_TYPES = ["local", "googleCloudBuild", "cluster"] as const;

function overlayBuild(build: Build, profile: Build, origins: Origins): void {
  const { hooks = {}, ...sections } = profile;
  for (const [key, value] of Object.entries(sections)) {
    // Of the kinds of builds there is one; other sections that are empty say nothing.
    if (BUILD_TYPES.some((type) => type === key)) {
      for (const type of BUILD_TYPES) delete build[type];
    } else if (Object.keys(Object(value)).length === 0) continue;
    Reflect.set(build, key, value);
    origins.moved(build, key, profile, key);
  }
  for (const [key, value] of Object.entries(hooks)) {
    if (value?.length) Reflect.set(build.hooks ??= {}, key, value);
  }
}

function mergeForeign(config: unknown, profile: unknown): unknown {
  if (!isObject(config) || !isObject(profile)) return profile ?? config;
  const keys = Object.keys({ ...config, ...profile });
  return Object.fromEntries(keys.map((key) => [key, mergeForeign(config[key], profile[key])]));
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

function applyPatch(config: SkaffoldConfig, patch: Patch, origins: Origins): void {
  const { path, from } = patch;
  if (FOREIGN.test(path) && (from === undefined || FOREIGN.test(from))) return;
  try {
    const targets = path.includes("=") ? find(config, path) : [split(path, "path")];
    if (targets.length === 0) {
      throw new PatchFailure("path", "nothing in the configuration matches it");
    }
    for (const target of targets) perform(config, target, patch, origins);
  } catch (error) {
    if (!(error instanceof PatchFailure)) throw error;
    const { field, message } = error;
    origins.refuse(patch, [field], field, patch[field], `; ${message}`);
  }
}

/** The steps of a pointer (RFC 6901 section 4). */
function split(pointer: string, field: "path" | "from"): Steps {
  if (!pointer.startsWith("/")) throw new PatchFailure(field, 'it has to begin with "/"');
  const steps = pointer.split("/").slice(1);
  return steps.map((one) => one.replaceAll("~1", "/").replaceAll("~0", "~"));
}

/** Most values that patches may put in; what is copied into itself doubles with each line. */
const MAX_PUT = 100_000;
const MAX_DEPTH = 500;

/** Values in a value, itself included; `Infinity` where lists and maps are too deep in each other. */
function sizeOf(value: unknown, depth: number): number {
  if (depth > MAX_DEPTH) return Infinity;
  if (value === null || typeof value !== "object") return 1;
  // A hole in a list takes as much as a value.
  const inner: readonly unknown[] = Array.isArray(value) ? [...value] : Object.values(value);
  return inner.reduce<number>((sum, one) => sum + sizeOf(one, depth + 1), 1);
}

function perform(root: object, target: Steps, patch: Patch, origins: Origins): void {
  const { op = "replace", from = "" } = patch;
  const place = () => locate(root, target, "path");
  /** Puts a value there, which stands in a field of something. */
  const put = (value: unknown, owner: object, field: string): void => {
    const { container, key } = place();
    // Nothing is measured any more once it is too much.
    if (origins.put <= MAX_PUT) origins.put += sizeOf(value, target.length);
    if (origins.put > MAX_PUT) {
      const most = `${MAX_PUT} values, ${MAX_DEPTH} lists and maps deep`;
      throw new PatchFailure("path", `all patches together may put in ${most}`);
    }
    const what = deepCopy(value, origins.copied);
    if (!Array.isArray(container)) Reflect.set(container, key, what);
    else if (op !== "add") container[index(key, Infinity)] = what;
    else container.splice(key === "-" ? container.length : index(key, container.length), 0, what);
    origins.moved(container, key, owner, field);
  };
  switch (op) {
    case "add":
      return put(patch.value, patch, "value");
    case "replace":
      if (place().value !== undefined) return put(patch.value, patch, "value");
      throw new PatchFailure("path", "there is nothing to replace; use op: add");
    case "remove":
      return remove(place(), "path");
    case "move":
    case "copy": {
      const source = locate(root, split(from, "from"), "from");
      if (op === "move") remove(source, "from");
      return put(source.value, source.container, source.key);
    }
    case "test":
      if (JSON.stringify(place().value) === JSON.stringify(patch.value)) return;
      throw new PatchFailure("value", "the configuration has another value there");
  }
}

interface Located {
  readonly container: object;
  readonly key: string;
  readonly value: unknown;
}

/** What steps lead to; fails where they lead into something that is no map and no list. */
function locate(root: object, steps: Steps, field: "path" | "from"): Located {
  let container = root;
  for (const [depth, step] of steps.slice(0, -1).entries()) {
    const inner = child(container, step);
    if (inner === null || typeof inner !== "object") {
      const way = steps.slice(0, depth + 1).join("/");
      throw new PatchFailure(field, `there is no "/${way}" to go into`);
    }
    container = inner;
  }
  const key = steps.at(-1) ?? "";
  return { container, key, value: child(container, key) };
}

function remove({ container, key, value }: Located, field: "path" | "from"): void {
  if (value === undefined) throw new PatchFailure(field, "there is nothing there");
  if (Array.isArray(container)) container.splice(Number(key), 1);
  else Reflect.deleteProperty(container, key);
}

function index(key: string, most: number): number {
  const at = /^\d+$/.test(key) ? Number(key) : NaN;
  // A list far longer than anyone writes would only take memory.
  if (at <= Math.min(most, 10_000)) return at;
  throw new PatchFailure("path", `"${key}" is no index of the list there`);
}

function child(container: object, key: string): unknown {
  return Array.isArray(container) && !/^\d+$/.test(key) ? undefined : valueAt(container, [key]);
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
