/**
 * The flags of all commands that build: what shapes images, and where they go.
 * @module
 */
import type { Command } from "commander";
import { parseEpoch, parseJobs, parsePairs } from "../config/checks.ts";
import type { BuildOptions, CommandOptions, PublishOptions } from "../config/options.ts";
import { append, appendFlags, appendList, appendWords } from "./lists.ts";

/** What the flags say. */
export interface BuildFlags {
  readonly ociLayout?: string;
  readonly ociLayoutPath?: string;
  readonly push?: boolean;
  readonly local?: boolean;
  readonly localDomain?: string;
  readonly tarball?: string;
  readonly offline?: boolean;
  readonly mirror?: readonly string[];
  readonly insecureRegistry?: boolean;
  readonly caFile?: string;
  readonly platform?: readonly string[];
  readonly baseImage?: string;
  readonly bare?: boolean;
  readonly baseImportPaths?: boolean;
  readonly preserveImportPaths?: boolean;
  readonly tags?: readonly string[];
  readonly tagOnly?: boolean;
  readonly imageLabel?: readonly string[];
  readonly imageAnnotation?: readonly string[];
  readonly imageUser?: string;
  readonly imageRefs?: string;
  readonly entrypointArg?: readonly string[];
  readonly expose?: readonly string[];
  readonly jobs?: string;
  readonly ldflags?: readonly string[];
  readonly gcflags?: readonly string[];
  readonly asmflags?: readonly string[];
  readonly flags?: readonly string[];
  readonly env?: readonly string[];
  readonly disableOptimizations?: boolean;
  readonly sourceDateEpoch?: string;
  readonly compression?: string;
  readonly cache: boolean;
  readonly json?: boolean;
  readonly verbose?: boolean;
}

/** Adds the flags to a command. */
export function addBuildFlags(command: Command): Command {
  return command
    .option(
      "--oci-layout <dir>",
      'folder of the layout (default: "out", where nothing else is named)',
    )
    .option("--oci-layout-path <dir>", "the same, as ko names it (default: none)")
    .option("--push", "push to KO_DOCKER_REPO")
    .option("-L, --local", "load into the Docker daemon; into kind's nodes under kind.local")
    .option(
      "--local-domain <domain>",
      'KO_DOCKER_REPO below it means --local; prefix without one (default: "ko.local")',
    )
    .option(
      "--tarball <file>",
      'write an archive that "docker load" takes; - is stdout (default: none)',
    )
    .option("--offline", "fetch nothing; dial nothing but what is named here")
    .option("--insecure-registry", "leave certificates unchecked, and allow plain HTTP")
    .option("--ca-file <file>", "certificates to trust beside the system's (default: certs.d)")
    .option(
      "--mirror <host=mirror>",
      "registry to ask first for base images (default: KODENO_MIRRORS)",
      appendList,
    )
    .option(
      "--platform <list>",
      "all, or os[/arch[/variant]] with commas between (default: linux/amd64)",
      appendList,
    )
    .option(
      "--base-image <image>",
      "static (built in), scratch, oci:DIR[:TAG], archive:FILE, daemon:NAME, a reference " +
        "(default: static)",
    )
    .option("--bare", "name the image KO_DOCKER_REPO itself")
    .option("-B, --base-import-paths", "name images by the last element of the import path")
    .option("-P, --preserve-import-paths", "name images by the whole import path")
    .option("-t, --tags <list>", 'tags of the images (default: "latest")', appendList)
    .option("--tag-only", "leave the digest out of references")
    .option("--image-label <key=value>", "label of the image config (default: none)", appendList)
    .option(
      "--image-annotation <key=value>",
      "annotation of the manifests (default: none)",
      appendList,
    )
    .option("--image-user <user>", "user the image runs as (default: the base image's)")
    .option("--image-refs <file>", "write the references to a file (default: none)")
    .option(
      "--entrypoint-arg <arg>",
      "argument after the binary in the entrypoint (default: none)",
      append,
    )
    .option("--expose <port>", "port to expose, such as 8080 or 53/udp (default: none)", appendList)
    .option("-j, --jobs <n>", "builds and layers worked on at once (default: processors)")
    .option("--ldflags <flags>", "flags of the linker (default: none)", appendFlags)
    .option("--gcflags <flags>", "flags of the compiler (default: none)", append)
    .option("--asmflags <flags>", "flags of the assembler (default: none)", append)
    .option(
      "--flags <flags>",
      "more flags of go build, such as -tags=netgo (default: none)",
      appendWords,
    )
    .option("--env <name=value>", "environment variable of go build (default: none)", append)
    .option("--disable-optimizations", "build for a debugger")
    .option(
      "--source-date-epoch <seconds>",
      "creation time, in seconds since 1970 (default: the base's)",
    )
    .option("--compression <how>", "gzip[:1-9] or none (default: gzip:2)")
    .option("--no-cache", "neither use nor keep finished layers")
    .option("-v, --verbose", "tell more, and where a failure came from");
}

/** The options of a builder that the flags stand for. */
function buildOptions(flags: BuildFlags): BuildOptions {
  return {
    baseImage: flags.baseImage,
    offline: flags.offline,
    insecureRegistry: flags.insecureRegistry,
    caFile: flags.caFile,
    mirrors: flags.mirror,
    platforms: flags.platform,
    env: flags.env,
    flags: flags.flags,
    ldflags: flags.ldflags,
    gcflags: flags.gcflags,
    asmflags: flags.asmflags,
    disableOptimizations: flags.disableOptimizations,
    labels: parsePairs("label", flags.imageLabel ?? []),
    annotations: parsePairs("annotation", flags.imageAnnotation ?? []),
    user: flags.imageUser,
    entrypointArgs: flags.entrypointArg,
    expose: flags.expose,
    sourceDateEpoch: flags.sourceDateEpoch === undefined
      ? undefined
      : parseEpoch("--source-date-epoch", flags.sourceDateEpoch),
    compression: flags.compression,
    jobs: flags.jobs === undefined ? undefined : parseJobs(flags.jobs),
    cache: flags.cache,
  };
}

/** All options that the flags stand for. */
export function commandOptions(flags: BuildFlags): CommandOptions {
  return { ...buildOptions(flags), ...publishOptions(flags) };
}

/** The options of a publisher that the flags stand for. */
function publishOptions(flags: BuildFlags): PublishOptions {
  return {
    ociLayout: flags.ociLayout ?? flags.ociLayoutPath,
    push: flags.push,
    offline: flags.offline,
    local: flags.local,
    localDomain: flags.localDomain,
    tarball: flags.tarball,
    insecureRegistry: flags.insecureRegistry,
    caFile: flags.caFile,
    bare: flags.bare,
    baseImportPaths: flags.baseImportPaths,
    preserveImportPaths: flags.preserveImportPaths,
    tags: flags.tags,
    tagOnly: flags.tagOnly,
    imageRefs: flags.imageRefs,
  };
}
