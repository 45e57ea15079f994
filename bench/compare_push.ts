/**
 * Into a registry and out of it: pushing a layout, pushing it again, pulling it, pushing what was built,
 * and copying from one registry to another.
 * @module
 */
import { join } from "node:path";
import { type Registry, startRegistry } from "../test/parts/registry.ts";
import { goTool } from "../test/parts/tools.ts";
import { baseFolder } from "./base.ts";
import type { Setting } from "./competitors.ts";
import { makeModule, moduleFolder, PATTERNS } from "./fixtures.ts";
import {
  checkCopy,
  checkStorage,
  type Graph,
  makeMany,
  makeSmall,
  manyFolder,
  NAME,
  smallFolder,
  TAG,
} from "./images.ts";
import { type Command, environment, type Run, run } from "./process.ts";
import { ALL_PLATFORMS } from "./scenarios.ts";
import type { Comparison, Side } from "./comparison.ts";

/** Into a registry that is new for each run. */
export async function openPush({ work, kodeno }: Setting): Promise<Comparison> {
  const graph = await makeMany(work);
  const crane = await goTool("crane");
  return {
    run: async (side, watch) => {
      await using registry = await startRegistry();
      const command = side === "kodeno"
        ? pushCommand(kodeno, registry, work)
        : craneCommand(crane, ["push", manyFolder(work), reference(registry)], work);
      const done = await run(command, watch);
      await checkStorage(registry.storage, NAME, graph);
      return done;
    },
    [Symbol.asyncDispose]: () => Promise.resolve(),
  };
}

/** Into a registry that has everything, and the start of the program. */
export async function openPushAgain({ work, kodeno }: Setting): Promise<Comparison> {
  const graph = await makeMany(work);
  const registry = await startRegistry();
  const push = pushCommand(kodeno, registry, work);
  await run(push);
  return {
    run: async (side, watch) => {
      if (side === "other") return await run({ ...push, args: ["--version"] }, watch);
      const done = await run(push, watch);
      await checkStorage(registry.storage, NAME, graph);
      return done;
    },
    [Symbol.asyncDispose]: () => registry.stop(),
  };
}

/** Out of a registry, into a layout that is new for each run. */
export async function openPull({ work, kodeno }: Setting): Promise<Comparison> {
  const graph = await makeMany(work);
  const crane = await goTool("crane");
  const registry = await startRegistry();
  await run(craneCommand(crane, ["push", manyFolder(work), reference(registry)], work));
  return {
    run: async (side, watch) => {
      const from = reference(registry);
      return await withLayout(work, graph, async (layout) => {
        const args = ["pull", from, "--oci-layout", layout];
        return await run(
          side === "kodeno"
            ? { program: kodeno, args, env: environment(), cwd: work }
            : craneCommand(crane, pullArguments(from, layout), work),
          watch,
        );
      });
    },
    [Symbol.asyncDispose]: () => registry.stop(),
  };
}

/** A small image from one registry into another, where each run has a repository of its own. */
export async function openCopySmall({ work, kodeno }: Setting): Promise<Comparison> {
  const graph = await makeSmall(work);
  const crane = await goTool("crane");
  const [from, to] = [await startRegistry(), await startRegistry()];
  await run(craneCommand(crane, ["push", smallFolder(work), reference(from)], work));
  let runs = 0;
  return {
    run: async (side, watch) => {
      const repository = `copied/${side}-${runs++}`;
      const args = ["copy", reference(from), `${to.host}/${repository}:${TAG}`];
      const program = side === "kodeno" ? kodeno : crane;
      const done = await run({ program, args, env: environment(), cwd: work }, watch);
      await checkStorage(to.storage, repository, graph);
      return done;
    },
    [Symbol.asyncDispose]: async () => {
      await from.stop();
      await to.stop();
    },
  };
}

/** Gives work a new layout, checks what was put into it and removes it. */
async function withLayout(
  work: string,
  graph: Graph,
  fill: (layout: string) => Promise<Run>,
): Promise<Run> {
  const folder = await Deno.makeTempDir({ dir: work, prefix: "pulled-" });
  try {
    const layout = join(folder, "layout");
    const done = await fill(layout);
    await checkCopy(layout, graph);
    return done;
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

/** What both have built and pushed before is built and pushed again. */
export async function openPushBuild(setting: Setting): Promise<Comparison> {
  const { work, kodeno, ko, baseReference } = setting;
  await makeModule(work, "crane");
  const folder = await Deno.makeTempDir({ dir: work, prefix: "pushed-" });
  const registry = await startRegistry();
  const cwd = moduleFolder(work, "crane");
  const what = ["--bare", "--platform", ALL_PLATFORMS.join(","), ...PATTERNS.crane];
  const common = { GOCACHE: join(work, "go-cache") };
  await Deno.mkdir(common.GOCACHE, { recursive: true });
  const commands: Record<Side, Command> = {
    kodeno: {
      program: kodeno,
      args: ["build", "--push", "--sbom=none", "--base-image", `oci:${baseFolder(work)}`, ...what],
      env: environment({
        ...common,
        KO_DOCKER_REPO: `${registry.host}/kodeno`,
        KODENO_CACHE: join(folder, "cache"),
      }),
      cwd,
    },
    other: {
      program: ko,
      args: ["build", "--sbom=none", ...what],
      env: environment({
        ...common,
        KO_DOCKER_REPO: `${registry.host}/other`,
        KO_DEFAULTBASEIMAGE: baseReference,
      }),
      cwd,
    },
  };
  return {
    run: async (side, watch) => {
      const done = await run(commands[side], watch);
      await checkStorage(registry.storage, side, ALL_PLATFORMS.length);
      return done;
    },
    [Symbol.asyncDispose]: async () => {
      await registry.stop();
      await Deno.remove(folder, { recursive: true });
    },
  };
}

function reference(registry: Registry): string {
  return `${registry.host}/${NAME}:${TAG}`;
}

function pushCommand(kodeno: string, registry: Registry, work: string): Command {
  const args = ["push", manyFolder(work), "--to", registry.host];
  return { program: kodeno, args, env: environment(), cwd: work };
}

/** A command of crane. */
export function craneCommand(crane: string, args: readonly string[], cwd: string): Command {
  return { program: crane, args, env: environment(), cwd };
}

/** The arguments with which crane pulls an image, all platforms of it, into a layout. */
export function pullArguments(from: string, layout: string): readonly string[] {
  return ["pull", "--format", "oci", from, layout];
}
