/**
 * How places on a wire are reached, as plain values that were settled before.
 * @module
 */
import type { Environment } from "./registry/proxy.ts";
import type { RegistryOptions } from "./registry/transport.ts";

/** How registries and daemons are reached; frozen. */
export interface TransferConfig extends RegistryOptions {
  /** Where credentials, proxies and the daemon are looked for. */
  readonly environment: Environment;
  readonly mirrors: Readonly<Record<string, string>>;
  /** Mirrors that the caller has named, which may be asked offline, too. */
  readonly namedMirrors: Readonly<Record<string, string>>;
  /** Whether only what was named may be dialled. */
  readonly offline: boolean;
}

/** Images under this domain go into the Docker daemon, unless another one is said; as in ko. */
export const LOCAL_DOMAIN = "ko.local";
/** Images under this domain go into the nodes of a kind cluster, as in ko. */
export const KIND_DOMAIN = "kind.local";

/** Name of the kind cluster whose nodes images of a repository go into; undefined for any other place. */
export function kindCluster(
  repository: string,
  environment: Environment,
): string | undefined {
  if (!isUnder(repository, KIND_DOMAIN)) return undefined;
  return environment["KIND_CLUSTER_NAME"] || "kind";
}

/** Whether a repository is a domain, or below it. */
export function isUnder(repository: string, domain: string): boolean {
  return repository === domain || repository.startsWith(`${domain}/`);
}
