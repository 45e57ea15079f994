/**
 * The use cases that end in kubectl: resolved objects are applied or created, images are run.
 * @module
 */
import { posix } from "node:path";
import { processEnvironment } from "../config/environment.ts";
import { resolveConfig } from "../config/config.ts";
import type { CommandOptions } from "../config/options.ts";
import { KodenoError } from "../errors.ts";
import { findKubectl, runKubectl } from "../kube/kubectl.ts";
import { buildImages } from "../build/build_images.ts";
import type { WorkOptions } from "../events.ts";
import { resolve, type ResolvedManifest, type ResolveRequest } from "../build/resolve.ts";
import { watchResolved } from "../watch/resolve_watch.ts";

/** What kubectl does with objects. */
export type KubectlVerb = "apply" | "create";

/** What was asked for. */
interface SendRequest extends ResolveRequest {
  readonly verb: KubectlVerb;
  /** More arguments of kubectl. */
  readonly args: readonly string[];
  /** Whether to do it again when files change. */
  readonly watch?: boolean | undefined;
}

/**
 * Resolves objects and hands them to kubectl, which starts when all images are where they belong.
 *
 * @throws {KodenoError} `KUBECTL_FAILED`, and what `resolve` throws
 */
export async function sendToKubectl(request: SendRequest, options: WorkOptions): Promise<void> {
  const environment = processEnvironment();
  findKubectl(environment);
  const args = [request.verb, "-f", "-", ...request.args];
  const send = async (resolved: Iterable<ResolvedManifest>): Promise<void> => {
    await runKubectl(args, { environment, input: texts(resolved), signal: options.signal });
  };
  if (request.watch) await watchResolved(request, send, options);
  else await send(await resolve(request, options));
}

function* texts(resolved: Iterable<ResolvedManifest>): Generator<string> {
  for (const { text } of resolved) yield text;
}

/**
 * Runs kubectl on the terminal.
 *
 * @throws {KodenoError} `KUBECTL_FAILED`
 */
export async function passToKubectl(
  args: readonly string[],
  { signal }: WorkOptions,
): Promise<void> {
  await runKubectl(args, { environment: processEnvironment(), signal });
}

/** What is to be run. */
interface RunRequest {
  readonly patterns: readonly string[];
  /** Without `push`, images are pushed to the registry of `dockerRepo`, where it is one. */
  readonly options: CommandOptions;
  /** More arguments of kubectl. */
  readonly args: readonly string[];
}

/**
 * Builds images.
 *
 * @returns the arguments of a `kubectl run` for each: attached, once, and removed at the end
 * @throws {KodenoError} `KUBECTL_FAILED` when there is no kubectl, and what `build` throws
 */
export async function runInCluster(
  request: RunRequest,
  options: WorkOptions,
): Promise<readonly (readonly string[])[]> {
  findKubectl(processEnvironment());
  const { patterns, args } = request;
  if (patterns.length === 0) {
    throw new KodenoError("BAD_OPTION", "Cannot run: no package is named before --");
  }
  const config = await resolveConfig(request.options, { ...options, pushes: true });
  const images = await buildImages({ patterns, config }, options);
  return [...images.values()].map((image) => {
    const pod = posix.basename(image.replace(/@.*$/, "").replace(/:[^:/]*$/, ""));
    const defaults = ["--attach", "--rm", "--restart=Never", "--log-flush-frequency=1s"];
    return ["run", pod, "--image", image, ...defaults, ...args];
  });
}
