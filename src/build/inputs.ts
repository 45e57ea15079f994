/**
 * What images are built from beside their sources, before anything is built: bases, modules, the
 * toolchain and what it is told; and how a build is kept to that.
 * @module
 */
import { withoutLogins } from "../errors.ts";
import type { GoCommand } from "../go/command.ts";
import type { DelveVersion } from "../go/delve.ts";
import { modulesOf, type Toolchain, toolchainOf, type UsedModule } from "../go/modules.ts";
import type { Base } from "../image/base.ts";
import { allEnded, getOrSet, Pool } from "../io/concurrency.ts";
import type { Digest } from "../oci/descriptor.ts";
import { formatPlatform } from "../oci/platform.ts";
import type { BaseSet } from "./bases.ts";
import type { BuildGroup, BuildPlan, PlannedImage } from "./plan.ts";
import { type ToldToGo, toldToGo } from "./provenance.ts";

/** What one image is built from. */
export interface ImageInputs {
  readonly importPath: string;
  /** The base as it is named, and the digest that this stands for; a built-in one may have none. */
  readonly base: { readonly name: string; readonly digest: Digest | undefined };
  /** By `os/arch[/variant]`. */
  readonly platforms: Readonly<Record<string, PlatformInputs>>;
  readonly toolchain: Pick<Toolchain, "sums" | "version">;
  /** Templates are not filled in: what git says is not what is built from. */
  readonly told: ToldToGo;
  /** Of all platforms, sorted by what is asked for. */
  readonly modules: readonly UsedModule[];
}

interface PlatformInputs extends Pick<Toolchain, "settings"> {
  /** The manifest of the base; nothing of a base that has none. */
  readonly base: Digest | undefined;
}

/** What builds are kept to; without `check`, to the debugger alone. */
export interface BuildLock {
  /** The debugger that is locked. */
  readonly delve?: DelveVersion | undefined;
  /** The one version of Go that images are locked with; nothing where there are several. */
  readonly goVersion?: string | undefined;
  /** What the name of a base stands for, of an image by its import path; nothing of others. */
  baseDigest(importPath: string, baseImage: string): Digest | undefined;
  /** Throws where an image would have another base by name, or none that is known. */
  checkBase(importPath: string, baseImage: string): void;
  /** Throws where images would be built from anything else. */
  check?(found: readonly ImageInputs[]): void;
}

/** How they are found out. */
interface InputsParts extends Pick<GoCommand, "command" | "signal"> {
  readonly bases: Pick<BaseSet, "open">;
}

/** Runs of go at once; each uses several processors. */
const RUNS_AT_ONCE = 4;

/** Finds out what the images of a plan are built from. */
export async function inputsOf(
  { images, groups }: BuildPlan,
  { bases, command, signal }: InputsParts,
): Promise<readonly ImageInputs[]> {
  const pool = new Pool(RUNS_AT_ONCE);
  const toolchains = new Map<string, Promise<Toolchain>>();
  const found = await allEnded(groups.map((group) =>
    pool.run(async (): Promise<GroupInputs> => {
      const { directory, environment, go: { flags }, binaries } = group;
      const how = { command, directory, environment, signal };
      const patterns = binaries.map(({ importPath }) => importPath);
      const key = JSON.stringify([directory, environment]);
      return {
        group,
        toolchain: await getOrSet(toolchains, key, () => toolchainOf(how)),
        modules: await modulesOf(how, { flags, patterns }),
      };
    })
  ));
  return await Promise.all(images.map(async (planned) => {
    const { image, baseDigest } = planned;
    return imageInputs(planned, await bases.open({ ...image, baseDigest }), found);
  }));
}

/** What go says of a run of it. */
interface GroupInputs {
  readonly group: BuildGroup;
  readonly toolchain: Toolchain;
  readonly modules: ReadonlyMap<string, readonly UsedModule[]>;
}

function imageInputs(
  { importPath, image }: PlannedImage,
  base: Base,
  groups: readonly GroupInputs[],
): ImageInputs {
  const own = groups.filter(({ modules }) => modules.has(importPath));
  const { version = "", sums = {} } = own[0]?.toolchain ?? {};
  const settings = new Map(own.map(({ group, toolchain }) => [group.platformName, toolchain]));
  const modules = own.flatMap((group) => group.modules.get(importPath) ?? []);
  const byPath = [...new Map(modules.map((module) => [module.asked.path, module]))];
  return {
    importPath,
    base: { name: image.baseImage, digest: base.digest },
    platforms: Object.fromEntries(base.images.map(({ platform, digest }) => {
      const name = formatPlatform(platform);
      return [name, { base: digest, settings: openSettings(settings.get(name)) }];
    })),
    toolchain: { version, sums },
    told: toldToGo(image),
    modules: byPath.sort(([a], [b]) => a < b ? -1 : 1).map(([, module]) => module),
  };
}

function openSettings(toolchain: Toolchain | undefined): Readonly<Record<string, string>> {
  const all = Object.entries(toolchain?.settings ?? {});
  return Object.fromEntries(all.map(([name, value]) => [name, withoutLogins(value)]));
}
