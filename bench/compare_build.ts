/**
 * Building what has not changed: beside the bare `go build` that it cannot do without; many images
 * beside few, which tells whether each further image costs more than the one before; and images with
 * SBOMs and provenance beside the same without.
 * @module
 */
import { join } from "node:path";
import { baseFolder } from "./base.ts";
import type { Comparison, Side } from "./comparison.ts";
import type { Setting } from "./competitors.ts";
import { makeModule, type Module, moduleFolder, PATTERNS } from "./fixtures.ts";
import { checkLayout, checkReferrers } from "./layouts.ts";
import { type Command, environment, output, run } from "./process.ts";

/** Images of the two sides of {@link openMany}. */
export const MANY = { kodeno: 240, other: 30 } as const;

const TWO_PLATFORMS = ["linux/amd64", "linux/arm64"];

/** One image for one platform, and `go build` of the same package with the same flags. */
export async function openGoBuild(setting: Setting): Promise<Comparison> {
  const { work } = setting;
  const folder = await Deno.makeTempDir({ dir: work, prefix: "built-" });
  const layout = join(folder, "layout");
  const what = ["--platform", "linux/amd64", ...PATTERNS.crane];
  const own = await buildCommand(setting, "crane", folder, layout, what);
  const commands: Record<Side, Command> = {
    kodeno: own,
    other: {
      program: "go",
      args: ["build", "-trimpath", "-o", join(folder, "crane"), ...PATTERNS.crane],
      env: { ...own.env, GOOS: "linux", GOARCH: "amd64", CGO_ENABLED: "0" },
      cwd: own.cwd,
    },
  };
  return {
    run: async (side, watch) => {
      const done = await run(commands[side], watch);
      if (side === "kodeno") await checkLayout(layout, 1, 1);
      return done;
    },
    [Symbol.asyncDispose]: () => Deno.remove(folder, { recursive: true }),
  };
}

/** 240 images for two platforms each, and 30 of them. */
export async function openMany(setting: Setting): Promise<Comparison> {
  const folder = await Deno.makeTempDir({ dir: setting.work, prefix: "many-" });
  const layouts: Record<Side, string> = {
    kodeno: join(folder, "all"),
    other: join(folder, "some"),
  };
  const commandOf = (side: Side): Promise<Command> => {
    const what = ["--platform", TWO_PLATFORMS.join(","), ...PATTERNS.many.slice(0, MANY[side])];
    return buildCommand(setting, "many", folder, layouts[side], what);
  };
  const commands = { kodeno: await commandOf("kodeno"), other: await commandOf("other") };
  return {
    run: async (side, watch) => {
      const done = await run(commands[side], watch);
      await checkLayout(layouts[side], MANY[side], TWO_PLATFORMS.length);
      return done;
    },
    [Symbol.asyncDispose]: () => Deno.remove(folder, { recursive: true }),
  };
}

/** Thirty images with all that travels beside them, and the same without. */
export async function openTrusted(setting: Setting): Promise<Comparison> {
  const folder = await Deno.makeTempDir({ dir: setting.work, prefix: "trusted-" });
  const layouts: Record<Side, string> = {
    kodeno: join(folder, "trusted"),
    other: join(folder, "plain"),
  };
  const what = ["--platform", TWO_PLATFORMS.join(","), ...PATTERNS.mains];
  const password = { KODENO_KEY_PASSWORD: "bench" };
  const commandOf = async (side: Side, more: readonly string[]): Promise<Command> => {
    const args = [...more, ...what];
    const command = await buildCommand(setting, "mains", folder, layouts[side], args);
    return { ...command, env: { ...command.env, ...password } };
  };
  const key = join(folder, "bench");
  const newKey = ["key", "new", "--output", key];
  const env = environment(password);
  await output({ program: setting.kodeno, args: newKey, env, cwd: folder });
  const trusted = ["--sbom", "spdx", "--provenance", "--sign", `${key}.key`];
  // The image, its SBOM and its provenance are signed.
  const types = ["application/spdx+json", "application/vnd.dev.sigstore.bundle.v0.3+json"];
  const commands = {
    kodeno: await commandOf("kodeno", trusted),
    other: await commandOf("other", []),
  };
  const images = PATTERNS.mains.length;
  const subjects = images * (1 + TWO_PLATFORMS.length);
  return {
    run: async (side, watch) => {
      const done = await run(commands[side], watch);
      await checkLayout(layouts[side], images, TWO_PLATFORMS.length);
      if (side === "kodeno") await checkReferrers(layouts[side], types, subjects);
      return done;
    },
    [Symbol.asyncDispose]: () => Deno.remove(folder, { recursive: true }),
  };
}

async function buildCommand(
  { work, kodeno }: Setting,
  module: Module,
  folder: string,
  layout: string,
  what: readonly string[],
): Promise<Command> {
  await makeModule(work, module);
  const cache = { GOCACHE: join(work, "go-cache"), KODENO_CACHE: join(folder, "cache") };
  await Deno.mkdir(cache.GOCACHE, { recursive: true });
  const args = ["build", "--oci-layout", layout, "--base-image", `oci:${baseFolder(work)}`];
  return {
    program: kodeno,
    args: [...args, ...what],
    env: environment(cache),
    cwd: moduleFolder(work, module),
  };
}
