/**
 * A profile's sections over those of the configuration, by Skaffold's rules: a list that says
 * something stands in the place of the other, a choice of one (tag policy, kind of build) in the place
 * of the other choice, and what is left out stays as it is.
 * @module
 */
import type { Origins } from "./origins.ts";
import type { Build, Pipeline } from "./schema.ts";

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

type Values = Readonly<Record<string, unknown>>;

/** Puts the sections of a profile over those of a configuration. */
export function overlay<T extends Pipeline>(config: T, profile: Pipeline, origins: Origins): T {
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
