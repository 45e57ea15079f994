/**
 * Mirrors: registries that are asked first when something is pulled. What a mirror does not have, or
 * cannot give, comes from the origin.
 * @module
 */
import { KodenoError, messageOf } from "../../errors.ts";
import type { Repository } from "./blobs.ts";
import { type Endpoint, parseEndpoint, registryName } from "./endpoint.ts";

/**
 * The repository of a mirror that stands for another one; undefined where there is no mirror.
 *
 * @param mirrors by registry; `HOST[:PORT]`, with a path where the mirror has one
 * @throws {KodenoError} `BAD_OPTION` when a mirror is no host
 */
export function mirrorOf(
  endpoint: Endpoint,
  mirrors: Readonly<Record<string, string>>,
): Endpoint | undefined {
  const [, mirror] =
    Object.entries(mirrors).find(([host]) => registryName(host) === endpoint.registry) ?? [];
  if (mirror === undefined) return undefined;
  const [host = ""] = mirror.split("/");
  if (!/[.:]/.test(host) && host !== "localhost") {
    throw new KodenoError(
      "BAD_OPTION",
      `Cannot use mirror "${mirror}": it has to begin with a host`,
    );
  }
  return parseEndpoint(`${mirror.replace(/\/+$/, "")}/${endpoint.path}`);
}

/** Does work with the mirror, and when that fails with the origin. */
export async function withMirror<T>(
  origin: Repository,
  mirror: Repository | undefined,
  work: (repository: Repository) => Promise<T>,
  onWarning: (message: string) => void,
  signal?: AbortSignal,
): Promise<T> {
  if (mirror !== undefined) {
    try {
      return await work(mirror);
    } catch (error) {
      signal?.throwIfAborted();
      const absent = error instanceof KodenoError && error.code === "NOT_FOUND";
      if (!absent) onWarning(`${messageOf(error)}; asking ${origin.endpoint.registry} instead`);
    }
  }
  return await work(origin);
}
