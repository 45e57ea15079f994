/**
 * The base image of both programs: one small layer for every platform, as a layout (for kodeno) and
 * in a registry of this machine (for ko, which reads base images from registries only).
 * @module
 */
import { join } from "node:path";
import { goTool } from "../test/parts/tools.ts";
import { environment, output } from "./process.ts";
import { makeLayout, randomBytes } from "./write_layout.ts";

/** About what a base image without a distribution has. */
const LAYER_BYTES = 1_000_000;

/** The folder of the layout. */
export function baseFolder(work: string): string {
  return join(work, "base");
}

/** Makes the layout, unless it is there. */
export async function makeBase(work: string, platforms: readonly string[]): Promise<void> {
  await makeLayout(baseFolder(work), async (layout) => {
    const layer = await layout.layer(randomBytes(LAYER_BYTES));
    const manifests = [];
    for (const name of platforms) manifests.push(await layout.manifest(name, [layer]));
    await layout.finish([[await layout.index(manifests)]]);
  });
}

/**
 * Puts the base image into a registry.
 *
 * @param host of the registry
 * @returns its reference
 */
export async function pushBase(work: string, host: string): Promise<string> {
  const reference = `${host}/base:latest`;
  const args = ["push", baseFolder(work), reference];
  await output({ program: await goTool("crane"), args, env: environment(), cwd: work });
  return reference;
}
