/**
 * Skaffold's hooks of builds: commands of a skaffold.yaml, with the folders they run in and the
 * variables they get. Nothing is run here.
 * @module
 */
import { resolve } from "node:path";
import type { Position } from "../yaml/faults.ts";
import { parseName } from "./default_repo.ts";
import type { LoadedConfig } from "./load.ts";
import type { Origins } from "./origins.ts";
import type { BuildHooks } from "./schema.ts";

/** A command on this machine. */
interface SkaffoldHook {
  /** Program and arguments. */
  readonly command: readonly string[];
  /** Absolute. */
  readonly directory: string;
  /** Where it stands. */
  readonly place: Position & { readonly file: string };
}

/** Commands around a build; those for other operating systems are left out. */
export interface SkaffoldHooks {
  readonly before: readonly SkaffoldHook[];
  readonly after: readonly SkaffoldHook[];
}

/** What the variables of hooks are made of. */
interface HookFacts {
  readonly workingDirectory: string;
  /** Where the flag or its variable says one. */
  readonly defaultRepo: string | undefined;
  /** Of the image that is built; none around all builds. */
  readonly image?: {
    readonly reference: string;
    readonly tag: string;
    readonly context: string;
    readonly push: boolean;
  } | undefined;
}

/** Finds the hooks that are for this machine. */
export function planHooks(
  hooks: BuildHooks | undefined,
  { base }: LoadedConfig,
  { workingDirectory, os, origins }: {
    readonly workingDirectory: string;
    /** As Go names it. */
    readonly os: string;
    readonly origins: Origins;
  },
): SkaffoldHooks {
  const list = (phase: keyof BuildHooks): readonly SkaffoldHook[] =>
    (hooks?.[phase] ?? []).filter((hook) => !hook.os?.length || hook.os.includes(os)).map((
      hook,
    ) => ({
      command: hook.command,
      directory: resolve(workingDirectory, hook.dir ? base : "", hook.dir ?? ""),
      place: origins.place(hook, []),
    }));
  return { before: list("before"), after: list("after") };
}

/** The variables that Skaffold gives its hooks. */
export function hookVariables(
  { workingDirectory, defaultRepo, image }: HookFacts,
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
