/**
 * `kodeno build`: flags to options, the build, and its references on stdout.
 * @module
 */
import { Command } from "commander";
import { build } from "../app/build.ts";
import { parseEpoch, parseJobs, parsePairs } from "../config/checks.ts";
import type { BuildOptions, PublishOptions } from "../config/options.ts";
import { append, appendFlags, appendList, appendWords } from "./lists.ts";
import { printResult } from "./output.ts";
import { interruptible } from "./interrupt.ts";
import { makeProgress } from "./progress.ts";

interface Flags {
  readonly ociLayout?: string;
  readonly push?: boolean;
  readonly local?: boolean;
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

const EXAMPLES = `
Examples:
  # one image for the default platform, into the layout "out"
  kodeno build ./cmd/app

  # every main package of the module, for two platforms
  kodeno build ./... --platform linux/amd64,linux/arm64

  # named for the registry it will be pushed to later
  KO_DOCKER_REPO=registry.local/team kodeno build -B -t v1.2.0 ./cmd/app

  # on a base image that is a layout, too
  kodeno build --base-image oci:./bases:debian12 ./cmd/app`;

/** The command with its flags. */
export function buildCommand(): Command {
  return new Command("build")
    .alias("publish")
    .summary("build images of Go main packages into an OCI layout")
    .description(
      "Builds Go main packages, makes an image of each, and puts them into an OCI layout.\n" +
        "Prints the reference of each image, one a line.",
    )
    .argument("[patterns...]", 'import paths, folders, or patterns such as "./..." (default ".")')
    .option(
      "--oci-layout <dir>",
      'folder of the layout (default "out", where nothing else is named)',
    )
    .option("--oci-layout-path <dir>", "the same, as ko names it")
    .option("--push", "push to KO_DOCKER_REPO")
    .option("-L, --local", "load into the Docker daemon")
    .option("--tarball <file>", 'write an archive that "docker load" takes')
    .option("--offline", "fetch nothing; dial nothing but what is named here")
    .option("--insecure-registry", "leave certificates unchecked, and allow plain HTTP")
    .option("--ca-file <file>", "certificates to trust beside the system's")
    .option("--mirror <host=mirror>", "registry to ask first for base images", appendList)
    .option("--platform <list>", "all, or os[/arch[/variant]] with commas between", appendList)
    .option("--base-image <image>", "static (built in), scratch, oci:DIR[:TAG], a reference")
    .option("--bare", "name the image KO_DOCKER_REPO itself")
    .option("-B, --base-import-paths", "name images by the last element of the import path")
    .option("-P, --preserve-import-paths", "name images by the whole import path")
    .option("-t, --tags <list>", 'tags of the images (default "latest")', appendList)
    .option("--tag-only", "leave the digest out of references")
    .option("--image-label <key=value>", "label of the image config", appendList)
    .option("--image-annotation <key=value>", "annotation of the manifests", appendList)
    .option("--image-user <user>", "user the image runs as")
    .option("--image-refs <file>", "write the references to a file")
    .option("--entrypoint-arg <arg>", "argument after the binary in the entrypoint", append)
    .option("--expose <port>", "port to expose, such as 8080 or 53/udp", appendList)
    .option("-j, --jobs <n>", "builds and layers worked on at once (default: processors)")
    .option("--ldflags <flags>", "flags of the linker", appendFlags)
    .option("--gcflags <flags>", "flags of the compiler", append)
    .option("--asmflags <flags>", "flags of the assembler", append)
    .option("--flags <flags>", "more flags of go build, such as -tags=netgo", appendWords)
    .option("--env <name=value>", "environment variable of go build", append)
    .option("--disable-optimizations", "build for a debugger")
    .option("--source-date-epoch <seconds>", "creation time, in seconds since 1970")
    .option("--compression <how>", "gzip[:1-9] or none (default gzip:2)")
    .option("--no-cache", "neither use nor keep finished layers")
    .option("--json", "print events and results as JSON, one a line")
    .option("-v, --verbose", "tell more, and where a failure came from")
    .addHelpText("after", EXAMPLES)
    .action(async (patterns: readonly string[], flags: Flags & { ociLayoutPath?: string }) => {
      await run(patterns, { ...flags, ociLayout: flags.ociLayout ?? flags.ociLayoutPath });
    });
}

async function run(
  patterns: readonly string[],
  flags: Omit<Flags, "ociLayout"> & { readonly ociLayout: string | undefined },
): Promise<void> {
  const options: BuildOptions = {
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
  const publish: PublishOptions = {
    ociLayout: flags.ociLayout,
    push: flags.push,
    offline: flags.offline,
    local: flags.local,
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
  const progress = await makeProgress({ json: flags.json, verbose: flags.verbose });
  try {
    const references = await interruptible((signal) =>
      build({ patterns, build: options, publish }, { signal, emit: progress.emit })
    );
    progress.close();
    // As JSON, each reference was told by its event.
    if (!flags.json) { for (const reference of references.values()) printResult(reference); }
  } finally {
    progress.close();
  }
}
