/**
 * From configuration and what `go list` says to a plan: which images, for which platforms,
 * and which of their binaries one run of `go build` can make together. Pure.
 * @module
 */
import { posix } from "node:path";
import type { GoConfig } from "../config/config.ts";
import type { GoFlagsConfig, ImageSettings } from "../config/image_config.ts";
import type { GoBinary, GoBuild } from "../go/build.ts";
import type { MainPackage } from "../go/list.ts";
import type { Digest } from "../oci/descriptor.ts";
import { formatPlatform, type Platform } from "../oci/platform.ts";

/** What is asked for: a main package, and what shapes its image. */
interface ImageRequest extends MainPackage {
  readonly image: ImageSettings;
  /** What the name of its base stands for, where that is settled. */
  readonly baseDigest?: Digest | undefined;
  /** What the base image has of what was asked for; at least one. */
  readonly platforms: readonly Platform[];
}

/** One main package, of which an image is made. */
export interface PlannedImage extends ImageRequest {
  /** Name of the binary in the image: the last element of the import path, as ko names it. */
  readonly appName: string;
  /** What shapes its image, as others may read it: without what templates took from the environment. */
  readonly told: ImageSettings;
}

/** What one run of `go build` makes. */
export interface BuildGroup extends GoBuild {
  readonly platform: Platform;
}

/** What is to be done. */
export interface BuildPlan {
  readonly images: readonly PlannedImage[];
  readonly groups: readonly BuildGroup[];
}

/** Makes the plan for main packages, each of them once. */
export function makePlan(go: GoConfig, requests: readonly ImageRequest[]): BuildPlan {
  const images = requests.map((p) => ({ ...p, appName: appName(p.importPath), told: p.image }));
  const platforms = new Map(
    requests.flatMap((p) => p.platforms).map((platform) => [formatPlatform(platform), platform]),
  );
  const groups = [...platforms].flatMap(([platformName, platform]) => {
    const wanted = requests.filter((p) =>
      p.platforms.some((one) => formatPlatform(one) === platformName)
    );
    // Go can build those at once that are in one folder, with the same flags and variables.
    const keyOf = ({ directory, image }: ImageRequest) => JSON.stringify([directory, image.go]);
    return [...Map.groupBy(wanted, keyOf).values()].flatMap((packages) => {
      const [{ directory, image: { go: flags } }] = packages as [ImageRequest];
      const environment = goVariables(platform, { ...go, ...flags });
      const common = { platform, platformName, directory, go: flags, environment };
      const runs = splitByFile(packages, platform.os);
      return runs.map((binaries, part): BuildGroup => ({ ...common, part, binaries }));
    });
  });
  return { images, groups };
}

/** ko's name for the binary: the last path element, or `ko-app` where there is none. */
function appName(importPath: string): string {
  const base = posix.basename(importPath);
  return base === "" || base === "." ? "ko-app" : base;
}

/**
 * The file name `go build -o DIR/` gives a package: the last element of its import path, or the one
 * before where that is a major version (`go help build`).
 */
export function executableName(importPath: string, os: string): string {
  const base = posix.basename(importPath);
  const parent = posix.basename(posix.dirname(importPath));
  const name = /^v([2-9]|[1-9]\d+)$/.test(base) && parent !== "" && parent !== "." ? parent : base;
  return os === "windows" ? `${name}.exe` : name;
}

/** Packages of one run each; a package goes into the first run that has no file of its name. */
function splitByFile(packages: readonly MainPackage[], os: string): GoBinary[][] {
  const runs: Map<string, GoBinary>[] = [];
  for (const { importPath } of packages) {
    const file = executableName(importPath, os);
    let run = runs.find((r) => !r.has(file));
    if (run === undefined) runs.push(run = new Map());
    run.set(file, { importPath, file });
  }
  return runs.map((run) => [...run.values()]);
}

/**
 * Variables that make `go build` build for a platform. As in ko, what a variant says (`GOARM`,
 * `GOAMD64`) and `CGO_ENABLED=0` are defaults that the environment beats, and the `env` entries of
 * the configuration beat all.
 */
export function goVariables(
  platform: Platform,
  go: Pick<GoConfig, "environment"> & Pick<GoFlagsConfig, "env">,
): Readonly<Record<string, string>> {
  return {
    CGO_ENABLED: "0",
    // The compiler's own memory is worth less than its time: a sixth less work for the same bytes.
    GOGC: "400",
    ...variantVariables(platform),
    ...go.environment,
    GOOS: platform.os,
    GOARCH: platform.architecture,
    ...go.env,
  };
}

function variantVariables({ architecture, variant }: Platform): Record<string, string> {
  if (!variant) return {};
  if (architecture === "amd64") return { GOAMD64: variant };
  // GOARM ends at 7; below 5 Go has none, and its default is taken.
  const version = Number(variant.slice(1));
  if (architecture === "arm" && version >= 5) return { GOARM: String(Math.min(version, 7)) };
  return {};
}
