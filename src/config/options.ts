/**
 * What a caller may say: the options of the library, which are also what the command line fills in.
 * Names follow ko's `BuildOptions` and `PublishOptions`.
 * @module
 */

/** How images are built. Everything may be left out. */
export interface BuildOptions {
  /**
   * `static` (built in, the default), `scratch`, `oci:DIR[:TAG]`, `archive:FILE`, `daemon:NAME`, or an
   * image in a registry. Without it, `KO_DEFAULTBASEIMAGE` is asked.
   */
  readonly baseImage?: string | undefined;
  /** Folder that patterns are relative to and `go` runs in; default the current one. */
  readonly workingDirectory?: string | undefined;
  /** `User-Agent` of requests for base images. */
  readonly userAgent?: string | undefined;
  /**
   * `os[/arch[/variant]]` each, or `all` alone. Without it `KO_DEFAULTPLATFORMS`, then
   * `GOOS`/`GOARCH`/`GOARM`, then `linux/amd64`.
   */
  readonly platforms?: readonly string[] | undefined;
  /** `NAME=VALUE` for `go build` only; they beat the environment. */
  readonly env?: readonly string[] | undefined;
  /** More flags for `go build`, such as `-tags=netgo`. */
  readonly flags?: readonly string[] | undefined;
  /** Joined with spaces into one `-ldflags`. */
  readonly ldflags?: readonly string[] | undefined;
  /** Joined with spaces into one `-gcflags`. */
  readonly gcflags?: readonly string[] | undefined;
  /** Joined with spaces into one `-asmflags`. */
  readonly asmflags?: readonly string[] | undefined;
  /** Builds with `-gcflags "all=-N -l"`, for a debugger. */
  readonly disableOptimizations?: boolean | undefined;
  /** Whether `-trimpath` is given; default true. */
  readonly trimpath?: boolean | undefined;
  /** Labels of the image config. */
  readonly labels?: Readonly<Record<string, string>> | undefined;
  /** Annotations of the manifests and of the index. */
  readonly annotations?: Readonly<Record<string, string>> | undefined;
  /** User the image runs as; default the base image's. */
  readonly user?: string | undefined;
  /** Arguments after the binary in the entrypoint. */
  readonly entrypointArgs?: readonly string[] | undefined;
  /** Ports to expose, `8080` or `53/udp`. */
  readonly expose?: readonly string[] | undefined;
  /** Creation time in whole seconds since 1970; the variable `SOURCE_DATE_EPOCH` beats it. */
  readonly sourceDateEpoch?: number | undefined;
  /** `gzip[:LEVEL]` (level 1 to 9) or `none`; default `gzip:2`. */
  readonly compression?: string | undefined;
  /** Builds and layers worked on at once; default the number of processors. */
  readonly jobs?: number | undefined;
  /** Fetches nothing: base images come from the cache, modules from Go's. */
  readonly offline?: boolean | undefined;
  /** Leaves certificates of registries unchecked, and allows plain HTTP. */
  readonly insecureRegistry?: boolean | undefined;
  /** File of PEM certificates to trust beside the system's. */
  readonly caFile?: string | undefined;
  /** `HOST=MIRROR` each: registries that are asked first for base images. */
  readonly mirrors?: readonly string[] | undefined;
  /** Whether finished layers are kept for the next build; default true. */
  readonly cache?: boolean | undefined;
  /** Stands for the process's environment, for embedding. */
  readonly environment?: Readonly<Record<string, string>> | undefined;
}

/** Where images go and what they are called. Everything may be left out. */
export interface PublishOptions {
  /** Prefix of image names; without it `KO_DOCKER_REPO` is asked. */
  readonly dockerRepo?: string | undefined;
  /** Domain of images for the local daemon; default `ko.local`. */
  readonly localDomain?: string | undefined;
  /** `User-Agent` of requests to registries. */
  readonly userAgent?: string | undefined;
  /** Folder of the OCI layout; default `out` where images go nowhere else. */
  readonly ociLayout?: string | undefined;
  /** Pushes to the registry that `dockerRepo` names. */
  readonly push?: boolean | undefined;
  /** Loads into the Docker daemon; also when `dockerRepo` is under `localDomain`. */
  readonly local?: boolean | undefined;
  /** File of an archive that `docker load` takes. */
  readonly tarball?: string | undefined;
  /** Dials nothing but the registry of `dockerRepo`. */
  readonly offline?: boolean | undefined;
  /** Leaves certificates of registries unchecked, and allows plain HTTP. */
  readonly insecureRegistry?: boolean | undefined;
  /** File of PEM certificates to trust beside the system's. */
  readonly caFile?: string | undefined;
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
  /** Stands for the process's environment, for embedding. */
  readonly environment?: Readonly<Record<string, string>> | undefined;
}
