/**
 * The recipe of `kodeno run`: images are built for pods of a cluster.
 * @module
 */
import { posix } from "node:path";
import { lockFor } from "../airgap/find_lock.ts";
import { buildImages } from "../build/build_images.ts";
import { resolveConfig } from "../config/config.ts";
import { processEnvironment } from "../config/environment.ts";
import type { CommandOptions } from "../config/options.ts";
import { KodenoError } from "../errors.ts";
import type { WorkOptions } from "../events.ts";
import { findKubectl } from "../kube/kubectl.ts";
import { withoutTag } from "../oci/reference.ts";

/**
 * Builds images, which are pushed unless the options say otherwise.
 *
 * @param args more arguments of kubectl
 * @returns the arguments of a `kubectl run` for each: attached, once, and removed at the end
 */
export async function runInCluster(
  patterns: readonly string[],
  options: CommandOptions,
  args: readonly string[],
  work: WorkOptions,
): Promise<readonly (readonly string[])[]> {
  findKubectl(processEnvironment());
  if (patterns.length === 0) {
    throw new KodenoError("BAD_OPTION", "Cannot run: no package is named before --");
  }
  const config = await resolveConfig(options, { ...work, pushes: true });
  const lock = (await lockFor(options, work)).of();
  const images = await buildImages({ patterns, config, lock }, work);
  return [...images.values()].map((image) => {
    const pod = posix.basename(withoutTag(image.replace(/@.*$/, "")));
    const defaults = ["--attach", "--rm", "--restart=Never", "--log-flush-frequency=1s"];
    return ["run", pod, "--image", image, ...defaults, ...args];
  });
}
