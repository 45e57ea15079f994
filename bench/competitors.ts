/**
 * The two programs and how each is told to do the same work. Each has folders of its own for its
 * cache and its layout; go's cache is shared, unless a row wants a new one for every run.
 * @module
 */
import { join } from "node:path";
import { baseFolder } from "./base.ts";
import { moduleFolder, PATTERNS } from "./fixtures.ts";
import { type Command, environment } from "./process.ts";
import type { Scenario } from "./scenarios.ts";

/** Who does the work; ko as it is, and with its own cache. */
export type Competitor = "kodeno" | "ko" | "ko with KOCACHE";

/** What all commands need to know. */
export interface Setting {
  /** `bench/work`. */
  readonly work: string;
  /** Path of kodeno's binary. */
  readonly kodeno: string;
  /** Path of ko. */
  readonly ko: string;
  /** Reference of the base image in the registry. */
  readonly baseReference: string;
}

/** The folders of a competitor in a scenario. */
export interface Folders {
  readonly cache: string;
  readonly layout: string;
  readonly goCache: string;
}

/** Where a competitor keeps what it makes in a scenario. */
export function foldersOf({ work }: Setting, scenario: Scenario, who: Competitor): Folders {
  // In small letters, since ko takes the path of a layout for the name of an image, too.
  const own = join(runsFolder(work, scenario), who.replaceAll(" ", "-").toLowerCase());
  const goCache = scenario.prepare === "all-new" ? join(own, "go") : join(work, "go-cache");
  return { cache: join(own, "cache"), layout: join(own, "layout"), goCache };
}

/** The folder of all that comes into being in a scenario. */
export function runsFolder(work: string, scenario: Scenario): string {
  return join(work, "runs", scenario.name);
}

/** The command of a competitor for a scenario. */
export function commandOf(setting: Setting, scenario: Scenario, who: Competitor): Command {
  const { cache, layout, goCache } = foldersOf(setting, scenario, who);
  const cwd = moduleFolder(setting.work, scenario.module);
  const what = ["--platform", scenario.platforms.join(","), ...PATTERNS[scenario.module]];
  if (who === "kodeno") {
    const base = ["--base-image", `oci:${baseFolder(setting.work)}`];
    const args = ["build", "--oci-layout", layout, ...base, ...what];
    const env = environment({ GOCACHE: goCache, KODENO_CACHE: cache });
    return { program: setting.kodeno, args, env, cwd };
  }
  const how = ["--push=false", "--sbom=none", "--oci-layout-path", layout];
  const env = environment({
    GOCACHE: goCache,
    KO_DOCKER_REPO: "bench.invalid/images",
    KO_DEFAULTBASEIMAGE: setting.baseReference,
    ...(who === "ko" ? {} : { KOCACHE: cache }),
  });
  return { program: setting.ko, args: ["build", ...how, ...what], env, cwd };
}
