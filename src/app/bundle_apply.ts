/**
 * The recipe of `kodeno bundle apply`: what a bundle has is checked, and put where builds find it.
 * @module
 */
import { resolve } from "node:path";
import { applyBundle } from "../airgap/apply.ts";
import { summaryOf } from "../airgap/document.ts";
import { findLock } from "../airgap/find_lock.ts";
import { openBundle } from "../airgap/input.ts";
import { moduleCache } from "../airgap/modules.ts";
import { resolveCacheConfig } from "../config/config.ts";
import { processEnvironment } from "../config/environment.ts";
import type { TrustOptions } from "../config/options.ts";
import type { WorkOptions } from "../events.ts";
import { readKeys } from "../trust/key_files.ts";
import { openPolicy } from "../trust/policy.ts";

interface ApplyRequest extends WorkOptions, TrustOptions {
  /** Path of the bundle, or of its parts; `-` is stdin. */
  readonly bundle: string | readonly string[];
  /** The folder for images, source and lock. */
  readonly to: string;
  /** Goes back to an older bundle, and replaces files of source and lock that somebody has changed. */
  readonly force?: boolean | undefined;
  /** Tells what would change, and changes nothing. */
  readonly dryRun?: boolean | undefined;
}

/** What was changed, or would be. */
export type ApplyChanges = Awaited<ReturnType<typeof applyBundleFile>>["changes"];

/** Applies a bundle; tells what it has, where that is, and what can be done next. */
export async function applyBundleFile(
  { bundle, to, verifyKeys = [], policy: file, force, dryRun, signal }: ApplyRequest,
) {
  const keys = readKeys(verifyKeys);
  const policy = await openPolicy({ policy: file });
  const environment = processEnvironment();
  const { directory: cache } = resolveCacheConfig(environment);
  const input = await openBundle(bundle, { signal });
  const modules = () => moduleCache(environment, { signal });
  const places = { directory: resolve(to), cache, modules };
  const { document, signed, ...found } = await applyBundle(input, places, {
    keys,
    policy,
    force,
    dryRun,
    signal,
  });
  const { kept, changes, layout, source, lock, modules: moduleFolder, goFolder } = found;
  const applied = { layout, sourceFolder: source, lock, moduleFolder, goFolder, kept, changes };
  const next = dryRun ? [] : nextSteps(found);
  return { ...summaryOf(document), signed, ...applied, next };
}

/** What a person does with it, as lines of a shell. */
function nextSteps(
  { layout, source, lock, modules, goFolder }: Pick<
    Awaited<ReturnType<typeof applyBundle>>,
    "layout" | "source" | "lock" | "modules" | "goFolder"
  >,
): readonly string[] {
  const isLocked = source === undefined ? lock !== undefined : findLock(source).isThere;
  return [
    goFolder && `export PATH=${quoted(goFolder)}:"$PATH"`,
    source && `cd ${quoted(source)}`,
    modules && `kodeno build --offline${isLocked ? " --locked" : ""} ./...`,
    layout && `kodeno ls ${quoted(layout)}`,
  ].flatMap((line) => line || []);
}

/** A path as a shell takes it for one word. */
function quoted(path: string): string {
  return /^[\w@%+=:,./-]+$/.test(path) ? path : `'${path.replaceAll("'", "'\\''")}'`;
}
