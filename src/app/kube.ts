/**
 * The recipes for Kubernetes: objects are resolved, once or after each change, and printed or handed
 * to kubectl; images are run in a cluster.
 * @module
 */
import { posix } from "node:path";
import { buildImages } from "../build/build_images.ts";
import { resolve, type ResolvedManifest, type ResolveRequest } from "../build/resolve.ts";
import { resolveConfig } from "../config/config.ts";
import { processEnvironment } from "../config/environment.ts";
import type { CommandOptions } from "../config/options.ts";
import { KodenoError } from "../errors.ts";
import type { WorkOptions } from "../events.ts";
import { findKubectl, runKubectl } from "../kube/kubectl.ts";
import { watchResolved } from "../watch/resolve_watch.ts";

/** With `watch` it is done again when files change, till the signal ends it. */
interface ResolveOptions extends WorkOptions {
  readonly watch?: boolean | undefined;
}

/** While kubectl runs, the terminal is its own. */
interface KubectlOptions extends WorkOptions {
  readonly alone: (run: () => Promise<void>) => Promise<void>;
}

/** Resolves objects; while they are watched, `take` gets those whose text has changed. */
export async function resolveObjects(
  request: ResolveRequest,
  take: (resolved: Iterable<ResolvedManifest>) => Promise<void> | void,
  { watch, ...work }: ResolveOptions,
): Promise<void> {
  if (watch) await watchResolved(request, take, work);
  else await take(await resolve(request, work));
}

/** Resolves objects for kubectl, which starts when all images are where they belong. */
export async function sendToKubectl(
  request: ResolveRequest,
  args: readonly string[],
  options: ResolveOptions & KubectlOptions,
): Promise<void> {
  const environment = processEnvironment();
  const { signal, alone } = options;
  findKubectl(environment);
  await resolveObjects(request, async (resolved) => {
    const input = globalThis.Iterator.from(resolved).map(({ text }) => text);
    await alone(() => runKubectl(args, { environment, input, signal }));
  }, options);
}

/** Runs kubectl on the terminal. */
export async function passToKubectl(args: readonly string[], { signal, alone }: KubectlOptions) {
  await alone(() => runKubectl(args, { environment: processEnvironment(), signal }));
}

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
  const images = await buildImages({ patterns, config }, work);
  return [...images.values()].map((image) => {
    const pod = posix.basename(image.replace(/@.*$/, "").replace(/:[^:/]*$/, ""));
    const defaults = ["--attach", "--rm", "--restart=Never", "--log-flush-frequency=1s"];
    return ["run", pod, "--image", image, ...defaults, ...args];
  });
}
