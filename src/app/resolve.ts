/**
 * The recipe of `kodeno resolve`: Kubernetes objects with images in them are printed.
 * @module
 */
import { lockFor } from "../airgap/find_lock.ts";
import type { ResolveRequest } from "../build/resolve.ts";
import { resolveObjects, type ResolveOptions } from "../watch/resolve_objects.ts";

/** While objects are printed, the terminal is theirs. */
interface PrintOptions extends ResolveOptions {
  readonly alone: (print: () => void) => Promise<void>;
}

/** Resolves objects, and prints the text of each file; while they are watched, of those that changed. */
export async function printResolved(
  request: ResolveRequest,
  print: (text: string) => void,
  { alone, ...options }: PrintOptions,
): Promise<void> {
  const lock = (await lockFor(request.options, options)).of();
  await resolveObjects({ ...request, lock }, (resolved) =>
    alone(() => {
      for (const { text } of resolved) print(text);
    }), options);
}
