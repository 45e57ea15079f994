/**
 * The recipes of the commands that are kubectl's: `kodeno apply` and `create` hand it resolved objects;
 * `delete`, and `run` for what it has built, hand it their arguments.
 * @module
 */
import { lockFor } from "../airgap/find_lock.ts";
import type { ResolveRequest } from "../build/resolve.ts";
import { processEnvironment } from "../config/environment.ts";
import type { WorkOptions } from "../events.ts";
import { findKubectl, runKubectl } from "../kube/kubectl.ts";
import { resolveObjects, type ResolveOptions } from "../watch/resolve_objects.ts";

/** While kubectl runs, the terminal is its own. */
interface KubectlOptions extends WorkOptions {
  readonly alone: (run: () => Promise<void>) => Promise<void>;
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
  const lock = (await lockFor(request.options, options)).of();
  await resolveObjects({ ...request, lock }, async (resolved) => {
    const input = globalThis.Iterator.from(resolved).map(({ text }) => text);
    await alone(() => runKubectl(args, { environment, input, signal }));
  }, options);
}

/** Runs kubectl on the terminal. */
export async function passToKubectl(args: readonly string[], { signal, alone }: KubectlOptions) {
  await alone(() => runKubectl(args, { environment: processEnvironment(), signal }));
}
