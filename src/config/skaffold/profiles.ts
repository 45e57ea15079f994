/**
 * Profiles: which are active, and a configuration with their sections and patches. Sections go over
 * those of the configuration by Skaffold's rules; patches are RFC 6902 with Skaffold's ways (`replace`
 * where no `op` is said, `KEY=VALUE` as a path element, `-` as the end of a list only for `add`).
 * @module
 */
import { RE2JS, RE2JSException } from "re2js";
import { explainIssues, replaceAll, saidText, valueAt } from "../yaml/check.ts";
import type { Fault } from "../yaml/faults.ts";
import type { Origins } from "./origins.ts";
import {
  type Build,
  type Pipeline,
  type Profile,
  type SkaffoldConfig,
  skaffoldSchema,
} from "./schema.ts";

/** What profiles are activated by. */
export interface Circumstances {
  /** Such as `build`. */
  readonly command: string;
  readonly environment: Readonly<Record<string, string>>;
  /** Asked only where a profile wants to know. */
  readonly kubeContext: () => Promise<string>;
  /** Whether profiles come unasked at all. */
  readonly autoActivation: boolean;
}

type Activation = NonNullable<Profile["activation"]>[number];

/**
 * The names of the profiles that are active, in the order in which they are applied: those that
 * activate themselves, then those that were named. A name after `-` turns one off.
 */
export async function activeProfiles(
  profiles: readonly Profile[],
  named: readonly string[],
  circumstances: Circumstances,
): Promise<readonly string[]> {
  let active: string[] = [];
  for (const profile of circumstances.autoActivation ? profiles : []) {
    if (await activatesItself(profile, circumstances)) active.push(profile.name);
  }
  for (const name of named) {
    if (name.startsWith("-")) active = active.filter((one) => one !== name.slice(1));
    else if (!active.includes(name) && profiles.some((one) => one.name === name)) active.push(name);
  }
  return active;
}

async function activatesItself(
  { activation = [], requiresAllActivations }: Profile,
  circumstances: Circumstances,
): Promise<boolean> {
  const holding: boolean[] = [];
  for (const one of activation) holding.push(await holds(one, circumstances));
  if (activation.length === 0) return false;
  return requiresAllActivations ? !holding.includes(false) : holding.includes(true);
}

async function holds(
  { env = "", kubeContext = "", command = "" }: Activation,
  circumstances: Circumstances,
): Promise<boolean> {
  if (command !== "" && !regexpEqual(command, circumstances.command)) return false;
  if (env !== "") {
    const at = env.indexOf("=");
    const wanted = env.slice(at + 1);
    const value = circumstances.environment[env.slice(0, at)] ?? "";
    if (wanted === "" ? value !== "" : !regexpEqual(wanted, value)) return false;
  }
  return kubeContext === "" || regexpEqual(kubeContext, await circumstances.kubeContext());
}

/** Faults of profiles that can be told before any is applied. */
export function profileFaults(config: SkaffoldConfig, origins: Origins): readonly Fault[] {
  return (config.profiles ?? []).flatMap(({ activation = [] }) =>
    activation.filter(({ env = "" }) => env !== "" && !env.includes("=")).map((one) =>
      origins.fault(one, ["env"], `env: found ${JSON.stringify(one.env)}; NAME=VALUE is allowed`)
    )
  );
}

/**
 * Applies profiles, one after the other: each one's sections, then its patches.
 *
 * @param report gets each fault
 */
export function applyProfiles(
  config: SkaffoldConfig,
  active: readonly string[],
  origins: Origins,
  report: (fault: Fault) => void,
): SkaffoldConfig {
  let result = config;
  for (const name of active) {
    const profile = config.profiles?.findLast((one) => one.name === name);
    if (profile === undefined) continue;
    result = overlay(result, profile, origins);
    const { patches = [] } = profile;
    for (const patch of patches) result = patched(result, patch, origins, report);
    // In between it may be anything: a list gets holes where an entry is moved.
    if (patches.length > 0) result = checked(result, name, origins, report) ?? result;
  }
  return result;
}

/** Sections that shape no image, and that kodeno does not know well enough to patch them. */
const FOREIGN = /^\/(?:test|manifests|deploy|portForward|resourceSelector|verify|customActions)\b/;

function patched(
  config: SkaffoldConfig,
  patch: Patch,
  origins: Origins,
  report: (fault: Fault) => void,
): SkaffoldConfig {
  if (FOREIGN.test(patch.path) && (patch.from === undefined || FOREIGN.test(patch.from))) {
    return config;
  }
  try {
    return applyPatch(config, patch, origins);
  } catch (error) {
    if (!(error instanceof PatchFailure)) throw error;
    const { field, message } = error;
    const found = JSON.stringify(patch[field]);
    report(origins.fault(patch, [field], `${field}: found ${found}; ${message}`));
    return config;
  }
}

/** What patches put in has to fit the schema as if it had been there. */
function checked(
  config: SkaffoldConfig,
  profile: string,
  origins: Origins,
  report: (fault: Fault) => void,
): SkaffoldConfig | undefined {
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
    value = replaceAll(config, written, (a, b) => origins.copied(a, b)) as SkaffoldConfig;
    result = skaffoldSchema.safeParse(value);
  }
  if (result.success) return value;
  for (const said of explainIssues(result.error.issues, value, skaffoldSchema)) {
    const message = `${saidText(said)} (after the patches of profile ${profile})`;
    report(origins.faultAt(value, said.at, message, said.part));
  }
  return undefined;
}

/** Choices of one, in the order in which Skaffold looks for them. */
const TAG_POLICIES = [
  "gitCommit",
  "sha256",
  "envTemplate",
  "dateTime",
  "customTemplate",
  "inputDigest",
] as const;
const BUILD_TYPES = ["local", "googleCloudBuild", "cluster"] as const;
const SECTIONS = [
  "test",
  "manifests",
  "deploy",
  "portForward",
  "resourceSelector",
  "verify",
  "customActions",
] as const;

type Values = Record<string, unknown>;

/** Puts the sections of a profile over those of a configuration. */
function overlay<T extends Pipeline>(config: T, profile: Pipeline, origins: Origins): T {
  const result: T = { ...config };
  origins.copied(config, result);
  if (profile.build !== undefined) {
    result.build = overlayBuild(config.build ?? {}, profile.build, origins);
    if (config.build === undefined) origins.moved(result, "build", profile, ["build"]);
  }
  for (const section of SECTIONS) {
    // They shape no image; patches may still lead into them.
    const merged = mergeForeign(config[section], profile[section]);
    if (merged !== undefined) result[section] = merged;
  }
  return result;
}

function overlayBuild(config: Build, profile: Build, origins: Origins): Build {
  const result: Build = { ...config };
  origins.copied(config, result);
  const take = (key: keyof Build): void => {
    (result as Record<string, unknown>)[key] = profile[key];
    origins.moved(result, key, profile, [key]);
  };
  for (const key of ["artifacts", "insecureRegistries", "platforms"] as const) {
    if (profile[key] !== undefined && profile[key].length > 0) take(key);
  }
  if (chosen(profile.tagPolicy, TAG_POLICIES) !== undefined) take("tagPolicy");
  const hooks = { ...config.hooks };
  for (const key of ["before", "after"] as const) {
    if (profile.hooks?.[key]?.length) hooks[key] = profile.hooks[key];
  }
  if (profile.hooks !== undefined) result.hooks = hooks;
  const type = chosen(profile, BUILD_TYPES);
  if (type !== undefined) {
    for (const key of BUILD_TYPES) delete result[key];
    take(type);
  }
  return result;
}

function chosen<K extends string>(
  values: Readonly<Partial<Record<K, unknown>>> | undefined,
  keys: readonly K[],
): K | undefined {
  return keys.find((key) => values?.[key] !== undefined);
}

function mergeForeign(config: unknown, profile: unknown): unknown {
  if (!isMap(config) || !isMap(profile)) return profile ?? config;
  const keys = new Set([...Object.keys(config), ...Object.keys(profile)]);
  return Object.fromEntries(
    [...keys].map((key) => [key, mergeForeign(config[key], profile[key])]),
  );
}

function isMap(value: unknown): value is Values {
  return value !== null && typeof value === "object" && !Array.isArray(value);
}

/** One entry of `patches`. */
interface Patch {
  readonly op?: string | undefined;
  readonly path: string;
  readonly from?: string | undefined;
  readonly value?: unknown;
}

/** What a patch cannot do, and which of its fields says so. */
class PatchFailure extends Error {
  constructor(readonly field: "op" | "path" | "from" | "value", message: string) {
    super(message);
  }
}

/**
 * Applies a patch to a copy of a value; what it does not touch stays the same object.
 *
 * @throws {PatchFailure} when a path leads nowhere, or `test` finds another value
 */
function applyPatch<T extends object>(root: T, patch: Patch, origins: Origins): T {
  const targets = patch.path.includes("=") ? find(root, patch.path) : [split(patch.path, "path")];
  if (targets.length === 0) {
    throw new PatchFailure("path", "nothing in the configuration matches it");
  }
  let result: object = root;
  for (const target of targets) result = perform(result, target, patch, origins);
  return result as T;
}

/** Where something stands, and which field of a patch says so. */
interface Pointer {
  readonly field: "path" | "from";
  readonly steps: readonly string[];
}

function split(pointer: string, field: Pointer["field"]): Pointer {
  if (!pointer.startsWith("/")) throw new PatchFailure(field, 'it has to begin with "/"');
  // RFC 6901 section 4.
  const steps = pointer.split("/").slice(1);
  return { field, steps: steps.map((one) => one.replaceAll("~1", "/").replaceAll("~0", "~")) };
}

function perform(root: object, target: Pointer, patch: Patch, origins: Origins): object {
  const { op = "replace", value, from = "" } = patch;
  const put = (into: object, what: unknown, insert = false): object =>
    edit(into, target, origins, (container, key) => {
      if (!Array.isArray(container)) (container as Values)[key] = what;
      else if (!insert) container[index(key, Infinity)] = what;
      else container.splice(key === "-" ? container.length : index(key, container.length), 0, what);
      origins.moved(container, key, patch, ["value"]);
    });
  switch (op) {
    case "add":
      return put(root, value, true);
    case "replace":
      if (get(root, target) !== undefined) return put(root, value);
      throw new PatchFailure("path", "there is nothing to replace; use op: add");
    case "remove":
      return remove(root, target, origins);
    case "move": {
      const source = split(from, "from");
      const moved = get(root, source);
      return put(remove(root, source, origins), moved);
    }
    case "copy":
      return put(root, get(root, split(from, "from")));
    case "test":
      if (JSON.stringify(get(root, target)) === JSON.stringify(value)) return root;
      throw new PatchFailure("value", "the configuration has another value there");
    default:
      throw new PatchFailure("op", "add, remove, replace, move, copy or test is allowed");
  }
}

function index(key: string, most: number): number {
  const at = /^\d+$/.test(key) ? Number(key) : NaN;
  // A list far longer than anyone writes would only take memory.
  if (at <= Math.min(most, 10_000)) return at;
  throw new PatchFailure("path", `"${key}" is no index of the list there`);
}

function child(container: unknown, key: string): unknown {
  if (Array.isArray(container)) return /^\d+$/.test(key) ? container[Number(key)] : undefined;
  if (container === null || typeof container !== "object") return undefined;
  return Object.hasOwn(container, key) ? (container as Values)[key] : undefined;
}

function get(root: unknown, { field, steps }: Pointer): unknown {
  return steps.reduce((found, key, depth) => {
    if (found !== null && typeof found === "object") return child(found, key);
    throw nowhere(field, steps, depth);
  }, root);
}

function nowhere(field: Pointer["field"], steps: readonly string[], depth: number): PatchFailure {
  return new PatchFailure(field, `there is no "/${steps.slice(0, depth).join("/")}" to go into`);
}

/** Copies the containers on the way, and lets the last one be changed. */
function edit(
  root: object,
  { field, steps }: Pointer,
  origins: Origins,
  change: (container: object, key: string) => void,
): object {
  const copyAt = (container: unknown, depth: number): object => {
    if (container === null || typeof container !== "object") throw nowhere(field, steps, depth);
    const copy: object = Array.isArray(container) ? [...container] : { ...container };
    origins.copied(container, copy);
    const key = steps[depth] ?? "";
    if (depth === steps.length - 1) change(copy, key);
    else (copy as Values)[key] = copyAt(child(container, key), depth + 1);
    return copy;
  };
  return copyAt(root, 0);
}

function remove(root: object, at: Pointer, origins: Origins): object {
  return edit(root, at, origins, (container, key) => {
    if (child(container, key) === undefined) {
      throw new PatchFailure(at.field, "there is nothing there");
    }
    if (Array.isArray(container)) container.splice(Number(key), 1);
    else delete (container as Values)[key];
  });
}

/** Places that an element `KEY=VALUE` of a pointer may stand for. */
interface Route {
  readonly path: readonly string[];
  readonly value: unknown;
}

/** All that a pointer with `KEY=VALUE` elements stands for, as Skaffold's library finds it. */
function find(root: unknown, pointer: string): readonly Pointer[] {
  let routes: readonly Route[] = [{ path: [], value: root }];
  for (const step of split(pointer, "path").steps) {
    const [key = "", wanted, ...more] = step.split("=");
    routes = routes.flatMap(({ path, value }) => {
      if (wanted !== undefined && more.length === 0) return holding(value, key, wanted, path);
      if (value === null || typeof value !== "object") return [];
      if (Array.isArray(value) && !/^(?:\d+|-)$/.test(step)) return [];
      return [{ path: [...path, step], value: child(value, step) ?? value }];
    });
  }
  return routes.map(({ path }) => ({ field: "path", steps: path }));
}

function holding(
  value: unknown,
  key: string,
  wanted: string,
  path: readonly string[],
): readonly Route[] {
  if (value === null || typeof value !== "object") return [];
  if (child(value, key) === wanted) return [{ path, value }];
  return Object.entries(value).flatMap(([step, inner]) =>
    holding(inner, key, wanted, [...path, step])
  );
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
