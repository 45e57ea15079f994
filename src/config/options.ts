/**
 * What may be said: the options of the library, which the command line and files fill in, too. Names
 * follow ko's `BuildOptions` and `PublishOptions`; the same thing has the same name everywhere.
 * @module
 */
import type { Environment } from "./environment.ts";
import type { PolicyFile } from "./policy_file.ts";
import type { RegistryOptions } from "../place/registry/transport.ts";

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
  /**
   * Takes foreign layers along, from their `urls` where an image's place lacks them; default false:
   * they are left out, and told of.
   */
  readonly foreign?: boolean | undefined;
  /** Dials nothing but what is named: base images come from the cache, modules from Go's. */
  readonly offline?: boolean | undefined;
  /** Stands for the process's environment, for embedding. */
  readonly environment?: Environment | undefined;
}

/** What is demanded of images before they are used. Everything may be left out. */
export interface TrustOptions {
  /** Files of public keys, one of which has to have signed each image. */
  readonly verifyKeys?: readonly string[] | undefined;
  /** File with rules that say by their names what is demanded of images; instead of keys. */
  readonly policy?: string | undefined;
}

/** How images are built, and what is demanded of their base images. Everything may be left out. */
export interface BuildOptions extends ImageValues, TransferOptions, TrustOptions {
  /** Folder that patterns are relative to and `go` runs in; default the current one. */
  readonly workingDirectory?: string | undefined;
  /**
   * `gzip[:LEVEL]` (level 1 to 9), `zstd[:LEVEL]` (1 to 19; Deno 2.7 or newer) or `none`; default `gzip:2`.
   */
  readonly compression?: string | undefined;
  /**
   * Puts a debugger into images, Delve, which runs the program and waits at port 40000 for who debugs it;
   * and builds without optimizations. For linux/amd64 and linux/arm64.
   */
  readonly debug?: boolean | undefined;
  /** Version of Delve, such as `v1.26.3`; default what kodeno.lock has, else one that knows the Go. */
  readonly delve?: string | undefined;
  /** File of a debugger that is there, in the place of Delve built here. */
  readonly debugger?: string | undefined;
  /** Builds and layers worked on at once; default the number of processors. */
  readonly jobs?: number | undefined;
  /** Whether finished layers are kept for the next build; default true. */
  readonly cache?: boolean | undefined;
  /**
   * Forms of the SBOMs that are put beside each image in a layout or registry: `spdx`, `cyclonedx`, or
   * `none` alone; default `spdx` with `sbomDir` and where a command pushes, else `none`.
   */
  readonly sbom?: readonly string[] | undefined;
  /** Folder that gets a file for each SBOM, named as ko names them. */
  readonly sbomDir?: string | undefined;
  /**
   * Puts beside each image in a layout or registry how it was built, for `kodeno rebuild` and for those
   * who verify; default false.
   */
  readonly provenance?: boolean | undefined;
  /**
   * Puts SBOMs and provenance into the index of the image, as BuildKit does, and not beside it: its digest
   * is another one then; default false.
   */
  readonly attestInIndex?: boolean | undefined;
  /**
   * File of the key that signs each image, its platforms, its SBOMs and its provenance: a private one, or
   * with `signer` the public one. Default none.
   */
  readonly sign?: string | undefined;
  /** A program that signs what is on its stdin, and its arguments; for keys in hardware. */
  readonly signer?: readonly string[] | undefined;
  /** Asks for the password of a key, where neither KODENO_KEY_PASSWORD nor COSIGN_PASSWORD is set. */
  readonly askPassword?: (() => Promise<string>) | undefined;
  /** Whether `signer` may ask a person on the terminal. */
  readonly isInteractive?: boolean | undefined;
  /** A `.ko.yaml`, as `loadConfig` reads it; what is said here beats it. */
  readonly koFile?: KoFile | undefined;
  /** What a skaffold.yaml says of the image; beats `koFile` only. */
  readonly artifact?: ImageSource | undefined;
}

/** What is written of images when all are where they belong. Everything may be left out. */
export interface ResultOptions {
  /** File that gets the references, one a line. */
  readonly imageRefs?: string | undefined;
  /** File that gets digests and names as JSON, as `docker buildx build` and `bake` write them. */
  readonly metadataFile?: string | undefined;
  /** File that gets the ID of the image, as of `docker buildx build`; of several one a line. */
  readonly iidFile?: string | undefined;
  /** Adds to the files that `GITHUB_OUTPUT` and `GITHUB_STEP_SUMMARY` name; default false. */
  readonly github?: boolean | undefined;
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
}

/** All that a command which builds and publishes may be told. */
export interface CommandOptions extends BuildOptions, PublishOptions, ResultOptions {
  /** Refuses to build from anything but what the file `kodeno.lock` says. */
  readonly locked?: boolean | undefined;
  /** Builds a part of the images: `I/N`, or `auto` as the CI system says; default all. */
  readonly shard?: string | undefined;
  /** Files with the seconds that images took, by which they are divided. */
  readonly timings?: readonly string[] | undefined;
  /** File that gets the seconds that images took. */
  readonly writeTimings?: string | undefined;
  /** Builds only images that changes since this commit concern; default all. */
  readonly affectedSince?: string | undefined;
  /** Place that the other images are taken from. */
  readonly reuse?: string | undefined;
  /** File that lists the images which have to be built, and no others. */
  readonly expect?: string | undefined;
}

/** What may be said of an image; everything may be left out. */
export interface ImageValues {
  /**
   * `static` (built in, the default), `scratch`, `oci:DIR[:TAG]`, `archive:FILE`, `daemon:NAME`, or an
   * image in a registry.
   */
  readonly baseImage?: string | undefined;
  /** `os[/arch[/variant]]` each, or `all` alone; default `GOOS`/`GOARCH`, then `linux/amd64`. */
  readonly platforms?: readonly string[] | undefined;
  /** `NAME=VALUE` for `go build` only, not for the image; they beat the environment. */
  readonly env?: readonly string[] | undefined;
  /** More flags for `go build`, such as `-tags=netgo`; may hold ko's templates. */
  readonly flags?: readonly string[] | undefined;
  /** Joined with spaces into one `-ldflags`; may hold ko's templates. */
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
  /** Variables that the program gets when the image runs; they beat those of the base. */
  readonly imageEnv?: Readonly<Record<string, string>> | undefined;
  /** Arguments after the binary in the entrypoint. */
  readonly entrypointArgs?: readonly string[] | undefined;
  /** Ports to expose, `8080` or `53/udp`. */
  readonly expose?: readonly string[] | undefined;
  /** Creation time in whole seconds since 1970; the variable `SOURCE_DATE_EPOCH` beats it. */
  readonly sourceDateEpoch?: number | string | undefined;
  /** Linux capabilities of the binary, such as `net_bind_service` or `chown=pe`. */
  readonly linuxCapabilities?: readonly string[] | undefined;
}

/** A source of values. */
export interface ImageSource {
  /** Names the place of a field for a person: `--base-image`, `.ko.yaml:3`, `default`. */
  readonly from: (field: keyof ImageValues) => string;
  /** What it says; nothing of most fields. */
  readonly values: ImageValues;
  /** Whether its texts are templates, as those of its flags are. */
  readonly isTemplate?: boolean | undefined;
  /** Texts that hold what the environment or a program has said, which is not told to others. */
  readonly untold?: ReadonlySet<string> | undefined;
  /** Whether its variables are put on top of those below it, not in their place. */
  readonly joinsEnv?: boolean | undefined;
}

/** A `.ko.yaml`. Frozen. */
export interface KoFile {
  /** As a person would name it. */
  readonly path: string;
  /** The `default...` keys. */
  readonly defaults: ImageValues;
  /** Base images by import path in lower case. */
  readonly baseImageOverrides: Readonly<Record<string, string>>;
  /** Settings of single main packages. */
  readonly builds: readonly KoBuild[];
  /** `HOST=MIRROR` each. */
  readonly mirrors: readonly string[];
  /** What is demanded of base images: the path of a file, or what stands for one. */
  readonly baseImagePolicy: string | PolicyFile | undefined;
  /** Forms of SBOMs, as they are said; nothing where the file does not say. */
  readonly sbom?: readonly string[] | undefined;
  /** Whether images come with their provenance; nothing where the file does not say. */
  readonly provenance?: boolean | undefined;
  /**
   * Line of each key that is there, counted from 1: `defaultFlags`, `builds[0].flags`,
   * `baseImageOverrides.example.com/app`.
   */
  readonly lines: Readonly<Record<string, number>>;
  /** A line each for what is there and not read. */
  readonly notes: readonly string[];
}

/** An entry of `builds`. */
export interface KoBuild {
  /** Its own `id`, or `#INDEX`. */
  readonly id: string;
  /** Folder that `go` runs in, relative to the working directory. */
  readonly dir: string;
  /** Main package, or one of its files, relative to `dir`. */
  readonly main: string;
  /** What it says of its image. */
  readonly values: ImageValues;
}
