/**
 * Profiles: which are active, and a configuration with their sections and patches.
 * @module
 */
import { explainIssues, saidText } from "../yaml/check.ts";
import type { Fault } from "../yaml/faults.ts";
import { replaceAt } from "../yaml/values.ts";
import { regexpEqual } from "./match.ts";
import type { Origins } from "./origins.ts";
import { overlay } from "./overlay.ts";
import { applyPatch, type Patch, PatchFailure } from "./patch.ts";
import { type Profile, type SkaffoldConfig, skaffoldSchema } from "./schema.ts";

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
  let value: SkaffoldConfig = config;
  let result = skaffoldSchema.safeParse(value);
  for (const issue of result.error?.issues ?? []) {
    if (issue.code !== "invalid_type" || issue.expected !== "string") continue;
    // Go's decoder takes a number or a boolean as the text it is written as.
    const path = issue.path.filter((step) => typeof step !== "symbol");
    value = replaceAt(
      value,
      path,
      (found) => typeof found === "number" || typeof found === "boolean" ? String(found) : found,
      (a, b) => origins.copied(a, b),
    ) as SkaffoldConfig;
  }
  if (value !== config) result = skaffoldSchema.safeParse(value);
  if (result.success) return value;
  for (const said of explainIssues(result.error.issues, value, skaffoldSchema)) {
    const message = `${saidText(said)} (after the patches of profile ${profile})`;
    report(origins.faultAt(value, said.at, message, said.part));
  }
  return undefined;
}
