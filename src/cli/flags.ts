/**
 * Flags that several commands share, by the options that they fill: what shapes images, where they go,
 * and how registries are reached.
 * @module
 */
import { parseEpoch, parseJobs } from "../config/checks.ts";
import type { CommandOptions, ResultOptions, TrustOptions } from "../config/options.ts";
import type { SkaffoldOptions } from "../config/skaffold/options.ts";
import { KodenoError } from "../errors.ts";
import {
  each,
  type Filling,
  type Flags,
  type Given,
  pairs,
  splitFlags,
  splitWords,
  texts,
} from "./flag.ts";
import type { Work } from "./progress.ts";

export const PATTERNS =
  '[patterns...]  import paths, folders, or patterns such as "./..." (default: ".")' as const;
export const LAYOUT = "<layout>  folder of an OCI layout" as const;
export const LAYOUT_OR_ARCHIVE =
  "<layout|archive>  folder of an OCI layout, or an archive file; - is stdin" as const;

/** What an image can be that somebody wants to look into. */
export const IMAGE_PLACES = ["Images", {
  "DIR[:NAME]": "of an OCI layout, or DIR@DIGEST; also as oci:DIR:NAME",
  "FILE[:NAME]": "of an archive; - is stdin; also as archive:FILE:NAME",
  "daemon:NAME": "of the Docker daemon (DOCKER_HOST, or the current context)",
  "HOST/PATH[:TAG]": "in a registry",
}] as const;

/** Has a command tell how far it is in JSON. */
export const JSON_EVENTS = "--json  print events and results as JSON, one per line" as const;
export const JSON_IMAGES = "--json  print JSON, one image per line" as const;
export const JSON_WHOLE = "--json  print JSON" as const;

export const OFFLINE = "--offline  connect only to what the command line names" as const;

/** The same of what may fetch modules, too. */
const BUILD_OFFLINE =
  "--offline  fetch nothing, and connect only to what the command line names" as const;

export const FOREIGN =
  "--foreign  copy foreign layers, too, from their URLs where they are missing" as const;

/** Has images move alone. */
export const NO_REFERRERS =
  "--no-referrers  leave out what refers to the images (signatures, SBOMs)" as const;

/** What commands are told that dial a registry. */
export const REGISTRY_FLAGS = {
  offline: OFFLINE,
  insecureRegistry: "--insecure-registry  do not verify TLS certificates, and allow plain HTTP",
  caFile:
    "--ca-file <file>  CA certificates to trust beside the system's (default: Docker's certs.d)",
} satisfies Filling<CommandOptions>;

/** What has to be proved of images before they are used. */
export const TRUST_FLAGS = {
  verifyKeys: each(
    `--verify-key <file>  public key that must have signed each image, before anything is done with
      one; may be repeated, and one is enough (default: none)`,
  ),
  policy: `--policy <file>  rules that say by names who must have signed what, as of "kodeno verify"
    (default: none)`,
} satisfies Filling<TrustOptions>;

/** What commands are told that pull from a registry, too. */
export const TRANSFER_FLAGS = {
  ...REGISTRY_FLAGS,
  mirrors: texts(
    "--mirror <host=mirror>  mirror of a registry, tried first (default: KODENO_MIRRORS)",
  ),
  foreign: FOREIGN,
} satisfies Filling<CommandOptions>;

/** Those of who reads no layers, and needs none from elsewhere. */
const { foreign: _, ...withoutForeign } = TRANSFER_FLAGS;
export const DOCUMENT_FLAGS = withoutForeign;

/** What decides which platforms an image is for. */
export const PLATFORMS = texts(
  "--platform <list>  all, or a list of os[/arch[/variant]] with commas (default: linux/amd64)",
);

/** What an image stands on. */
const BASE_IMAGE = `--base-image <image>  static (built in), scratch, oci:DIR[:TAG], archive:FILE,
    daemon:NAME, or an image in a registry (default: static)` as const;

/** What go is told. */
const GO_FLAGS = {
  ldflags: texts("--ldflags <flags>  linker flags of go build (default: none)", splitFlags),
  gcflags: each("--gcflags <flags>  compiler flags of go build (default: none)"),
  asmflags: each("--asmflags <flags>  assembler flags of go build (default: none)"),
  flags: texts(
    "--flags <flags>  other flags of go build, such as -tags=netgo (default: none)",
    splitWords,
  ),
  env: each(
    "--env <name=value>  environment variable of go build only, not of the image (default: none)",
  ),
  disableOptimizations: "--disable-optimizations  build without optimizations, for a debugger",
} satisfies Filling<CommandOptions>;

const COMPRESSION =
  "--compression <how>  compression of layers: gzip[:1-9], zstd[:1-19] or none (default: gzip:2)" as const;

/** What decides what images are built from. */
export const INPUT_FLAGS = {
  ...TRANSFER_FLAGS,
  offline: BUILD_OFFLINE,
  platforms: PLATFORMS,
  baseImage: BASE_IMAGE,
  ...GO_FLAGS,
  // The base that is built in is compressed as layers are.
  compression: COMPRESSION,
} satisfies Filling<CommandOptions>;

/** What puts a debugger into images. */
export const DEBUG_FLAGS = {
  debug:
    `--debug  put Delve into the images, which waits at port 40000 for who debugs the program, and
    build without optimizations`,
  delve: `--delve <version>  with --debug: version of Delve (default: that of kodeno.lock, else one
    that knows the version of Go)`,
} satisfies Filling<CommandOptions>;

/** Keeps a build to what was written by `kodeno lock`. */
export const LOCKED =
  "--locked  refuse to build from anything but what kodeno.lock says, and take base images from there" as const;

/** What is said of which images of all are built, and by which of several machines. */
export const PART_FLAGS = {
  shard: `--shard <i/n>  build the I-th of N parts of the images, such as 2/4; auto: as Kubernetes
    Jobs (JOB_COMPLETION_INDEX), GitLab (CI_NODE_INDEX) or KODENO_SHARD say (default: all)`,
  timings: each(
    `--timings <file>  seconds that images took, so that parts take equally long; may be repeated
      (default: none)`,
  ),
  writeTimings: "--write-timings <file>  write the seconds that each image took (default: none)",
  expect: `--expect <file>  names of the images that have to be planned, one per line; fails before
    anything is built where others are, or one lacks (default: none)`,
} satisfies Filling<CommandOptions>;

/** What is said of images that are built already. */
export const UNCHANGED_FLAGS = {
  affectedSince:
    `--affected-since <commit>  build only what changes since a commit concern, as "kodeno
    affected" lists it (default: all)`,
  reuse:
    `--reuse <place>  with --affected-since: take the other images from a layout, an archive or below
    a repository, with a tag behind it where that is another (default: none)`,
} satisfies Filling<CommandOptions>;

/** What images are called. */
export const NAME_FLAGS = {
  bare: "--bare  use KO_DOCKER_REPO as the whole image name",
  baseImportPaths: "-B, --base-import-paths  name images after the last element of the import path",
  preserveImportPaths: "-P, --preserve-import-paths  name images after the whole import path",
  tags: texts('-t, --tags <list>  tags of the images, with commas (default: "latest")'),
} satisfies Filling<CommandOptions>;

/** What is written of images for programs. */
export const RESULT_FLAGS = {
  metadataFile:
    `--metadata-file <file>  write digests and names of the images as JSON, as "docker buildx"
    does (default: none)`,
  iidFile: `--iidfile <file>  write the ID of the image to a file, as "docker buildx build" does; of
    several, one per line (default: none)`,
  github:
    `--github  in a step of GitHub Actions: set the outputs digest, image and images, and add a
    table to the summary`,
} satisfies Filling<ResultOptions>;

/** Where images go, and what they are called. */
export const NAMING_FLAGS = {
  push: "--push  push the images to KO_DOCKER_REPO",
  noPush: "--no-push  do not push the images, which is the default",
  local: "-L, --local  load the images into the Docker daemon, or into kind below kind.local",
  localDomain: `--local-domain <domain>  a KO_DOCKER_REPO below this domain means --local; without
    KO_DOCKER_REPO it is the prefix of names (default: "ko.local")`,
  ...NAME_FLAGS,
  tagOnly: "--tag-only  leave digests out of references",
} satisfies Filling<CommandOptions & { readonly noPush?: boolean }>;

/** A program that has a key. */
export const SIGNER = texts(
  `--signer <command>  program that signs what is on its stdin and prints the signature, for keys in
    hardware (default: none)`,
  splitWords,
);

/** What all commands that build are told of images, whatever these are called. */
export const UNNAMED_FLAGS = {
  ociLayout:
    '--oci-layout <dir>  folder of the OCI layout to write (default: "out", if images go nowhere else)',
  ociLayoutPath: {
    text: "--oci-layout-path <dir>  the same as --oci-layout, as in ko (default: none)",
    fills: "ociLayout",
  },
  tarball: '--tarball <file>  write an archive for "docker load"; - is stdout (default: none)',
  ...TRANSFER_FLAGS,
  offline: BUILD_OFFLINE,
  platforms: PLATFORMS,
  baseImage: BASE_IMAGE,
  verifyKeys: each(
    `--verify-key <file>  public key that must have signed base images; may be repeated, and one is
      enough (default: none)`,
  ),
  policy: `--policy <file>  rules that say by names who must have signed base images
    (default: baseImagePolicy of .ko.yaml)`,
  labels: pairs("label", "--image-label <key=value>  label of the image (default: none)"),
  annotations: pairs(
    "annotation",
    "--image-annotation <key=value>  annotation of manifests and index (default: none)",
  ),
  imageEnv: pairs(
    "image variable",
    "--image-env <name=value>  environment variable of the image (default: none)",
    (value) => [value],
  ),
  user: "--image-user <user>  user that the image runs as (default: the base image's)",
  imageRefs: "--image-refs <file>  write the references of the images to a file (default: none)",
  ...RESULT_FLAGS,
  entrypointArgs: each(
    "--entrypoint-arg <arg>  argument after the binary in the entrypoint (default: none)",
  ),
  expose: texts("--expose <port>  port to expose, such as 8080 or 53/udp (default: none)"),
  jobs: {
    text: "-j, --jobs <n>  builds and layers to work on at once (default: processors)",
    read: parseJobs,
  },
  ...GO_FLAGS,
  ...DEBUG_FLAGS,
  debugger:
    "--debugger <file>  with --debug: a program that is there, in the place of Delve (default: none)",
  sourceDateEpoch: {
    text:
      "--source-date-epoch <seconds>  creation time in seconds since 1970 (default: the base's)",
    read: (value: string) => parseEpoch("--source-date-epoch", value),
  },
  compression: COMPRESSION,
  cache: "--no-cache  do not use or keep cached layers",
  sbom: texts(`--sbom <form>  spdx or cyclonedx: a software bill of materials (SBOM) of each image,
    beside it in a layout or registry; or none (default: spdx in a registry)`),
  provenance: `--provenance  put beside each image in a layout or registry how it was built (SLSA
    provenance)`,
  noProvenance: "--no-provenance  do not, though .ko.yaml says so",
  attestInIndex:
    `--attest-in-index  put SBOMs and provenance into the index of an image, as buildx does,
    rather than beside it; its digest is another one then`,
  sbomDir:
    `--sbom-dir <dir>  write SBOMs to files, too, such as app-linux-amd64.spdx.json, of the form
    spdx unless --sbom says others (default: none)`,
  sign: `--sign <key>  sign each image, its platforms, SBOMs and provenance with a private key; with
    --signer the public one (default: none)`,
  signer: SIGNER,
} satisfies Filling<CommandOptions & Record<"noProvenance" | "ociLayoutPath", unknown>>;

/** What all commands that build are told, but for those that are told names. */
export const BUILD_FLAGS = { ...NAMING_FLAGS, ...UNNAMED_FLAGS } satisfies Flags;

/** Those of a build whose images are pushed unless they go elsewhere. */
export const PUSHING_FLAGS = {
  ...BUILD_FLAGS,
  locked: LOCKED,
  noPush: "--no-push  keep the images in a layout instead of pushing them",
} satisfies Flags;

/** What commands are told that read a skaffold.yaml, named as in Skaffold. */
export const SKAFFOLD_FLAGS = {
  file: "-f, --filename <file>  build the artifacts of a skaffold.yaml (default: none)",
  images: texts("-b, --build-image <image>  with -f: build only these images (default: all)"),
  profiles: texts(
    "-p, --profile <list>  with -f: profiles to activate; -NAME deactivates (default: none)",
  ),
  modules: texts("-m, --module <list>  with -f: build only these configurations (default: all)"),
  defaultRepo: "-d, --default-repo <repo>  with -f: prefix of image names (default: none)",
  mode: {
    text: "--mode <mode>  with -f: debug is for a debugger (default: dev)",
    choices: ["dev", "debug"],
  },
} satisfies Filling<SkaffoldOptions & { readonly mode?: string }>;

/** What is asked of a skaffold.yaml, and what there is to tell of the `skaffold.env` beside it. */
export async function skaffoldOptions(
  given: Given<typeof SKAFFOLD_FLAGS> & Pick<CommandOptions, "tags" | "platforms">,
) {
  // A command that was given no such file does not wait for what only these need.
  const { withSkaffoldEnv } = await import("../config/skaffold/env_file.ts");
  const { file, images, profiles, modules, defaultRepo, mode, tags, platforms } = given;
  const chosen = { file, images, profiles, modules, defaultRepo, platforms };
  const [tag, ...others] = tags ?? [];
  if (others.length > 0) {
    const why = "a build of a skaffold.yaml gives each image one tag; say one";
    throw new KodenoError("BAD_OPTION", `Cannot use tags ${tags?.join(",")} with -f: ${why}`);
  }
  return { ...chosen, tag, debug: mode === "debug", ...await withSkaffoldEnv() };
}

/** Refuses patterns where `-f` says a skaffold.yaml; `verb` is what a command does with them. */
export function refusePatterns(
  { file }: Pick<SkaffoldOptions, "file">,
  patterns: readonly string[],
  verb: string,
): void {
  if (file === undefined || patterns.length === 0) return;
  const why = `${file} says what is built; choose with -b IMAGE`;
  throw new KodenoError("BAD_OPTION", `Cannot ${verb} ${patterns.join(" ")} with -f: ${why}`);
}

/** What is asked of a skaffold.yaml, where `-f` says one; notes are told. */
export async function askedFile(
  given: Parameters<typeof skaffoldOptions>[0],
  emit: Work["emit"],
): Promise<Omit<Awaited<ReturnType<typeof skaffoldOptions>>, "notes"> | undefined> {
  if (given.file === undefined) return undefined;
  const { notes, ...skaffold } = await skaffoldOptions(given);
  for (const message of notes) emit({ type: "note", level: "warning", message });
  return skaffold;
}
