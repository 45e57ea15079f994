/**
 * Domains of image names that are no registry's: `ko.local` and `kind.local`, as ko has them.
 * @module
 */
import type { Environment } from "./registry/proxy.ts";

/** Images under this domain go into the Docker daemon, unless another one is said; as in ko. */
export const LOCAL_DOMAIN = "ko.local";
/** Images under this domain go into the nodes of a kind cluster, as in ko. */
export const KIND_DOMAIN = "kind.local";

/** Name of the kind cluster whose nodes images of a repository go into; undefined for any other place. */
export function kindCluster(repository: string, environment: Environment): string | undefined {
  if (!isUnder(repository, KIND_DOMAIN)) return undefined;
  return environment["KIND_CLUSTER_NAME"] || "kind";
}

/** Whether a repository is a domain or a path, or below it. */
export function isUnder(repository: string, domain: string): boolean {
  return repository === domain || repository.startsWith(`${domain}/`);
}
