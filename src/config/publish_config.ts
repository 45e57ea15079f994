/**
 * Options and environment to one frozen `PublishConfig`: names, tags and places of images.
 * @module
 */
import { KodenoError } from "../errors.ts";
import { parseRepository, parseTag } from "../oci/reference.ts";
import { type Environment, processEnvironment, variable } from "./environment.ts";
import type { PublishOptions } from "./options.ts";
import { resolveTransferConfig, type TransferConfig } from "./transfer_config.ts";

/** Images under this domain go into the nodes of a kind cluster, as in ko. */
const KIND_DOMAIN = "kind.local";

/** How a name is made from an import path; see `planNames`. */
export type Naming = "short" | "md5" | "base" | "full" | "bare";

/** Where images go and what they are called; frozen. */
export interface PublishConfig {
  /** Prefix of names, "" for none. */
  readonly repository: string;
  readonly naming: Naming;
  /** Folder of a layout, as it was given. */
  readonly layout: string | undefined;
  /** Whether images go to the registry of `repository`. */
  readonly push: boolean;
  /** Whether images go to the Docker daemon. */
  readonly local: boolean;
  /** Name of the kind cluster whose nodes the images go into. */
  readonly kind: string | undefined;
  /** File of an archive. */
  readonly tarball: string | undefined;
  readonly transfer: TransferConfig;
  readonly tags: readonly string[];
  readonly tagOnly: boolean;
  readonly imageRefs: string | undefined;
}

/**
 * Checks options and completes them from the environment.
 *
 * @throws {KodenoError} `BAD_OPTION`, `BAD_REFERENCE`
 */
export function resolvePublishConfig(options: PublishOptions = {}): PublishConfig {
  const environment = options.environment ?? processEnvironment();
  const { push = false, tarball } = options;
  const domain = options.localDomain ?? "ko.local";
  const asked = options.dockerRepo ?? variable(environment, "KO_DOCKER_REPO") ?? "";
  const repository = asked === "" && options.local ? domain : asked;
  if (repository !== "") checkRepository(repository);
  const kind = kindCluster(repository, environment);
  const local = kind === undefined && (options.local ?? isUnder(repository, domain));
  if (push && (repository === "" || local || kind !== undefined)) {
    throw new KodenoError(
      "BAD_OPTION",
      `Cannot push: ${
        repository ? `${repository} is no registry` : "KO_DOCKER_REPO is not set"
      }; ` +
        "set KO_DOCKER_REPO to the repository to push to",
    );
  }
  // Each tag once, as ko does it.
  const tags = [...new Set(options.tags?.length ? options.tags : ["latest"])].map(parseTag);
  const tagOnly = options.tagOnly ?? false;
  if (tagOnly && (tags.length !== 1 || tags[0] === "latest")) {
    throw new KodenoError(
      "BAD_OPTION",
      `Cannot leave digests out with tags ${tags.join(",")}: say one tag that is not "latest"`,
    );
  }
  return Object.freeze({
    repository,
    naming: resolveNaming(options, repository),
    layout: options.ociLayout || (push || local || kind || tarball ? undefined : "out"),
    push,
    local,
    kind,
    tarball: tarball || undefined,
    transfer: resolveTransferConfig({ ...options, environment }),
    tags,
    tagOnly,
    imageRefs: options.imageRefs || undefined,
  });
}

/** Name of the kind cluster whose nodes images of a repository go into; undefined for any other place. */
export function kindCluster(repository: string, environment: Environment): string | undefined {
  if (!isUnder(repository, KIND_DOMAIN)) return undefined;
  return variable(environment, "KIND_CLUSTER_NAME") ?? "kind";
}

/**
 * Checks a domain that images of this machine are named below.
 *
 * @throws {KodenoError} `BAD_REFERENCE`
 */
export function parseLocalDomain(domain: string): string {
  checkRepository(domain);
  return domain;
}

function isUnder(repository: string, domain: string): boolean {
  return repository === domain || repository.startsWith(`${domain}/`);
}

/** A registry host alone is a prefix, too. */
function checkRepository(repository: string): void {
  parseRepository(/^[^/]*[.:][^/]*$/.test(repository) ? `${repository}/x` : repository);
}

/** `-P` beats `-B`, which beats `--bare`, as in ko. */
function resolveNaming(options: PublishOptions, repository: string): Naming {
  if (options.preserveImportPaths) return "full";
  if (options.baseImportPaths) return "base";
  if (!options.bare) return repository === "" ? "short" : "md5";
  if (repository !== "") return "bare";
  throw new KodenoError(
    "BAD_OPTION",
    "Cannot name images by KO_DOCKER_REPO alone (--bare): it is not set; set it, or leave --bare out",
  );
}
