/**
 * What a caller may say: the options of the library, which are also what the command line fills in.
 * Names follow ko's `BuildOptions` and `PublishOptions`; the same thing has the same name everywhere.
 * @module
 */
import type { RegistryOptions } from "../place/registry/options.ts";
import type { ImageSource, ImageValues } from "./image_config.ts";
import type { KoFile } from "./ko_file.ts";

/** How registries and daemons are reached. Everything may be left out. */
export interface TransferOptions extends
  Pick<
    RegistryOptions,
    | "answerMs"
    | "caCerts"
    | "certsFolders"
    | "connectMs"
    | "credentials"
    | "documentMs"
    | "idleMs"
    | "insecureRegistries"
    | "insecureRegistry"
    | "retry"
    | "userAgent"
  > {
  /** File of PEM certificates to trust beside the system's. */
  readonly caFile?: string | undefined;
  /**
   * `HOST=MIRROR` each: registries that are asked first when something is pulled; they beat
   * `KODENO_MIRRORS`.
   */
  readonly mirrors?: readonly string[] | undefined;
  /** Dials nothing but what is named: base images come from the cache, modules from Go's. */
  readonly offline?: boolean | undefined;
  /** Stands for the process's environment, for embedding. */
  readonly environment?: Readonly<Record<string, string>> | undefined;
}

/** How images are built. Everything may be left out. */
export interface BuildOptions extends ImageValues, TransferOptions {
  /** Folder that patterns are relative to and `go` runs in; default the current one. */
  readonly workingDirectory?: string | undefined;
  /** `gzip[:LEVEL]` (level 1 to 9) or `none`; default `gzip:2`. */
  readonly compression?: string | undefined;
  /** Builds and layers worked on at once; default the number of processors. */
  readonly jobs?: number | undefined;
  /** Whether finished layers are kept for the next build; default true. */
  readonly cache?: boolean | undefined;
  /** A `.ko.yaml`, as `loadConfig` reads it; what is said here beats it. */
  readonly koFile?: KoFile | undefined;
  /** What a skaffold.yaml says of the image; beats `koFile` only. */
  readonly artifact?: ImageSource | undefined;
}

/** Where images go and what they are called. Everything may be left out. */
export interface PublishOptions extends TransferOptions {
  /** Prefix of image names; without it `KO_DOCKER_REPO` is asked. */
  readonly dockerRepo?: string | undefined;
  /** Domain of images for the local daemon; default `ko.local`. */
  readonly localDomain?: string | undefined;
  /** Folder of the OCI layout; default `out` where images go nowhere else. */
  readonly ociLayout?: string | undefined;
  /** Pushes to the registry that `dockerRepo` names. */
  readonly push?: boolean | undefined;
  /**
   * Loads into the Docker daemon; also when `dockerRepo` is under `localDomain`. Under `kind.local`
   * it is the nodes of the kind cluster `KIND_CLUSTER_NAME` (default `kind`).
   */
  readonly local?: boolean | undefined;
  /** File of an archive that `docker load` takes. */
  readonly tarball?: string | undefined;
  /** Names every image `dockerRepo` itself. */
  readonly bare?: boolean | undefined;
  /** Names an image by the last element of its import path. */
  readonly baseImportPaths?: boolean | undefined;
  /** Names an image by its whole import path. */
  readonly preserveImportPaths?: boolean | undefined;
  /** Tags; default `latest`. */
  readonly tags?: readonly string[] | undefined;
  /** Leaves the digest out of references; needs one tag that is not `latest`. */
  readonly tagOnly?: boolean | undefined;
  /** File that gets the references, one a line. */
  readonly imageRefs?: string | undefined;
}

/** All that a command which builds and publishes may be told. */
export interface CommandOptions extends BuildOptions, PublishOptions {}
