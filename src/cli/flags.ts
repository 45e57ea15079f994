/**
 * Flags that several commands share, by the options that they fill: what shapes images, where they go,
 * and how registries are reached.
 * @module
 */
import { parseEpoch, parseJobs } from "../config/checks.ts";
import type { CommandOptions } from "../config/options.ts";
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

export const PATTERNS =
  '[patterns...]  import paths, folders, or patterns such as "./..." (default: ".")' as const;
export const LAYOUT = "<layout>  folder of the layout" as const;
export const LAYOUT_OR_ARCHIVE =
  "<layout|archive>  path of a layout folder or an archive file; - is stdin" as const;

/** Has a command tell how far it is in JSON. */
export const JSON_EVENTS = "--json  print events and results as JSON, one a line" as const;
export const JSON_IMAGES = "--json  print as JSON, an image a line" as const;
export const JSON_WHOLE = "--json  print as JSON" as const;

export const OFFLINE = "--offline  dial nothing but what is named on the command line" as const;

export const FOREIGN =
  "--foreign  take foreign layers along, from their URLs where they are not there" as const;

/** What commands are told that dial a registry. */
export const REGISTRY_FLAGS = {
  offline: OFFLINE,
  insecureRegistry: "--insecure-registry  leave certificates unchecked, and allow plain HTTP",
  caFile: "--ca-file <file>  certificates to trust beside the system's (default: Docker's certs.d)",
} satisfies Filling<CommandOptions>;

/** What commands are told that pull from a registry, too. */
export const TRANSFER_FLAGS = {
  ...REGISTRY_FLAGS,
  mirrors: texts(
    "--mirror <host=mirror>  registry to ask first when pulling (default: KODENO_MIRRORS)",
  ),
  foreign: FOREIGN,
} satisfies Filling<CommandOptions>;

/** What decides which platforms an image is for. */
export const PLATFORMS = texts(
  "--platform <list>  all, or os[/arch[/variant]] with commas between (default: linux/amd64)",
);

/** Where images go, and what they are called. */
export const NAMING_FLAGS = {
  push: "--push  push to KO_DOCKER_REPO",
  noPush: "--no-push  do not push, as is the default",
  local: "-L, --local  load into the Docker daemon; into kind's nodes under kind.local",
  localDomain: `--local-domain <domain>  KO_DOCKER_REPO below it means --local;
    prefix without one (default: "ko.local")`,
  bare: "--bare  name the image KO_DOCKER_REPO itself",
  baseImportPaths: "-B, --base-import-paths  name images by the last element of the import path",
  preserveImportPaths: "-P, --preserve-import-paths  name images by the whole import path",
  tags: texts('-t, --tags <list>  tags of the images (default: "latest")'),
  tagOnly: "--tag-only  leave the digest out of references",
} satisfies Filling<CommandOptions & { readonly noPush?: boolean }>;

/** What all commands that build are told of images, whatever these are called. */
export const UNNAMED_FLAGS = {
  ociLayout:
    '--oci-layout <dir>  folder of the layout (default: "out", where nothing else is named)',
  ociLayoutPath: {
    text: "--oci-layout-path <dir>  the same, as ko names it (default: none)",
    fills: "ociLayout",
  },
  tarball:
    '--tarball <file>  write an archive that "docker load" takes; - is stdout (default: none)',
  ...TRANSFER_FLAGS,
  offline: "--offline  fetch nothing; dial nothing but what is named here",
  platforms: PLATFORMS,
  baseImage: `--base-image <image>  static (built in), scratch, oci:DIR[:TAG], archive:FILE,
    daemon:NAME, a reference (default: static)`,
  labels: pairs("label", "--image-label <key=value>  label of the image config (default: none)"),
  annotations: pairs(
    "annotation",
    "--image-annotation <key=value>  annotation of the manifests (default: none)",
  ),
  imageEnv: pairs(
    "image variable",
    "--image-env <name=value>  variable that the image runs with (default: none)",
    (value) => [value],
  ),
  user: "--image-user <user>  user the image runs as (default: the base image's)",
  imageRefs: "--image-refs <file>  write the references to a file (default: none)",
  entrypointArgs: each(
    "--entrypoint-arg <arg>  argument after the binary in the entrypoint (default: none)",
  ),
  expose: texts("--expose <port>  port to expose, such as 8080 or 53/udp (default: none)"),
  jobs: {
    text: "-j, --jobs <n>  builds and layers worked on at once (default: processors)",
    read: parseJobs,
  },
  ldflags: texts("--ldflags <flags>  flags of the linker (default: none)", splitFlags),
  gcflags: each("--gcflags <flags>  flags of the compiler (default: none)"),
  asmflags: each("--asmflags <flags>  flags of the assembler (default: none)"),
  flags: texts(
    "--flags <flags>  more flags of go build, such as -tags=netgo (default: none)",
    splitWords,
  ),
  env: each(
    "--env <name=value>  variable for go build only, not for the image (default: none)",
  ),
  disableOptimizations: "--disable-optimizations  build for a debugger",
  sourceDateEpoch: {
    text:
      "--source-date-epoch <seconds>  creation time, in seconds since 1970 (default: the base's)",
    read: (value: string) => parseEpoch("--source-date-epoch", value),
  },
  compression: "--compression <how>  gzip[:1-9] or none (default: gzip:2)",
  cache: "--no-cache  neither use nor keep finished layers",
  sbom: {
    text: "--sbom <how>  none: no software bill of materials is made (default: none)",
    choices: ["none"],
  },
} satisfies Filling<CommandOptions & Record<"ociLayoutPath" | "sbom", unknown>>;

/** What all commands that build are told, but for those that are told names. */
export const BUILD_FLAGS = { ...NAMING_FLAGS, ...UNNAMED_FLAGS } satisfies Flags;

/** Those of a build whose images are pushed unless they go elsewhere. */
export const PUSHING_FLAGS = {
  ...BUILD_FLAGS,
  noPush: "--no-push  keep images in a layout instead of pushing",
} satisfies Flags;

/** What commands are told that read a skaffold.yaml, named as in Skaffold. */
export const SKAFFOLD_FLAGS = {
  file: "-f, --filename <file>  build what a skaffold.yaml says (default: none)",
  images: texts("-b, --build-image <image>  with -f: only these images (default: all)"),
  profiles: texts("-p, --profile <list>  with -f: profiles; -NAME turns one off (default: none)"),
  modules: texts("-m, --module <list>  with -f: configurations by name (default: all)"),
  defaultRepo:
    "-d, --default-repo <repo>  with -f: what comes before image names (default: nothing)",
  mode: {
    text: "--mode <mode>  with -f: debug builds for a debugger (default: dev)",
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
