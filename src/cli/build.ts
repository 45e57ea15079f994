/**
 * The commands that build images, and that tell what a build is made of: `kodeno build`, `watch`,
 * `skaffold` and `deps`.
 * @module
 */
import { KodenoError, printable } from "../errors.ts";
import { counted } from "../io/sizes.ts";
import { saidAs } from "./arguments.ts";
import { command, type Commands } from "./command.ts";
import { each, type Flags, type Given, optionOf, splitWords, texts } from "./flag.ts";
import {
  askedFile,
  BUILD_FLAGS,
  INPUT_FLAGS,
  JSON_EVENTS,
  JSON_WHOLE,
  LOCKED,
  NAME_FLAGS,
  NAMING_FLAGS,
  PART_FLAGS,
  PATTERNS,
  PLATFORMS,
  refusePatterns,
  SKAFFOLD_FLAGS,
  skaffoldOptions,
  UNCHANGED_FLAGS,
  UNNAMED_FLAGS,
} from "./flags.ts";
import {
  alignedRows,
  formatDuration,
  printError,
  printFailure,
  printJson,
  printNote,
  printResult,
  printValue,
} from "./output.ts";
import type { Work } from "./progress.ts";

const DEFAULT_OUTPUT = "{{json .}}";

/** What only a skaffold.yaml gives a meaning to, beside what that is read with. */
const WITH_FILE = {
  fileOutput: "--file-output <file>  with -f: write the built images as JSON (default: none)",
  quiet: "-q, --quiet  with -f: print nothing but the images, as --output says",
  output:
    `-o, --output <template>  with -f and -q: Go template of the output (default: "${DEFAULT_OUTPUT}")`,
  dryRun: "--dry-run  with -f: print names and tags, and build nothing",
  hooks: "--no-hooks  with -f: do not run the hooks of the file",
} satisfies Flags;
const BUILDING = { ...BUILD_FLAGS, json: JSON_EVENTS };
const ALL = {
  ...BUILD_FLAGS,
  locked: LOCKED,
  ...PART_FLAGS,
  ...UNCHANGED_FLAGS,
  ...SKAFFOLD_FLAGS,
  ...WITH_FILE,
  json: JSON_EVENTS,
};

const build = command({
  about: `Builds an image of each Go main package, and writes the images to an OCI layout. Prints
    their references, one per line.`,
  words: [PATTERNS],
  flags: ALL,
  examples: {
    'one image for the default platform, into the layout "out"': "kodeno build ./cmd/app",
    "every main package of the module, for two platforms":
      "kodeno build ./... --platform linux/amd64,linux/arm64",
    "named for the registry it will be pushed to later":
      "KO_DOCKER_REPO=registry.local/team kodeno build -B -t v1.2.0 ./cmd/app",
    "on a base image that is a layout, too":
      "kodeno build --base-image oci:./bases:debian12 ./cmd/app",
    "what a skaffold.yaml says, under a registry's name":
      "kodeno build -f skaffold.yaml -d registry.local/team",
  },
  onStdout: "yield",
  view: true,
  run: async (given, work, patterns) => {
    refusePatterns(given, patterns, "build");
    if (given.file !== undefined) return await buildFile(given, work);
    const alone = { ...WITH_FILE, images: ALL.images, profiles: ALL.profiles };
    refuse(alone, given, "without -f: say -f skaffold.yaml");
    const { build } = await import("../app/build.ts");
    const references = [...(await build(patterns, given, work)).values()];
    return () => printReferences(references, given.json);
  },
  toldAsEvents: true,
  print: (print) => print(),
});

/** As JSON, each was told by its event. */
function printReferences(references: readonly string[], json?: boolean): void {
  if (!json) references.forEach(printResult);
}

function refuse(flags: Flags, given: Readonly<Record<string, unknown>>, why: string): void {
  for (const [name, flag] of Object.entries(flags)) {
    if (given[name] === undefined) continue;
    const said = saidAs(optionOf(name, flag), given[name]);
    throw new KodenoError("BAD_OPTION", `Cannot use ${said} ${why}`);
  }
}

async function buildFile(
  asked: Given<typeof ALL>,
  work: Work,
): Promise<() => Promise<void>> {
  const { notes, ...skaffold } = await skaffoldOptions(asked);
  // A build of packages does not wait for what only these need.
  const { OUTPUT_VARIABLES, withVariables } = await import("../config/skaffold/options.ts");
  const { buildSkaffold, renderBuilds, writeBuilds } = await import("../app/skaffold_build.ts");
  const given = withVariables(asked, skaffold.environment, OUTPUT_VARIABLES);
  const { quiet, dryRun, fileOutput, output = DEFAULT_OUTPUT } = given;
  const emit = quiet ? undefined : work.emit;
  for (const message of notes) emit?.({ type: "note", level: "warning", message });
  const request = { skaffold, options: given, dryRun, hooks: given.hooks ?? true };
  const builds = await buildSkaffold(request, { ...work, emit });
  return async () => {
    if (fileOutput !== undefined) await writeBuilds(fileOutput, builds);
    if (quiet) printResult(renderBuilds(builds, output));
    else if (given.json && dryRun) {
      for (const { imageName, tag } of builds) printJson("planned", { imageName, reference: tag });
    } else printReferences(builds.map(({ tag }) => tag), given.json);
  };
}

const watch = command({
  about: `Builds images as "kodeno build" does, and builds those again whose files have changed.
    Prints a line for each: the time, the reference, and how long it took.`,
  words: [PATTERNS],
  flags: BUILDING,
  examples: {
    'one image, into the layout "out"': "kodeno watch ./cmd/app",
    "all images of the module, into the local daemon": "kodeno watch --local ./...",
    "pushed under one tag":
      "KO_DOCKER_REPO=registry.local/team kodeno watch --push -B -t dev ./...",
  },
  after: "Ctrl-C stops it.",
  // A line for each image is all there is to read, unless more is asked for.
  view: "seldom",
  run: async (options, { signal, emit, tell }, patterns) => {
    const { watch } = await import("../app/watch.ts");
    const { json } = options;
    let isTold = false;
    await watch({ patterns, options }, {
      built: ({ importPath, reference, elapsedMs }) =>
        tell(() => {
          if (json) return printJson("built", { importPath, reference, elapsedMs });
          const time = new Date().toTimeString().slice(0, 8);
          printResult(`${time} ${reference} ${formatDuration(elapsedMs)}`);
        }),
      failed: (error) =>
        tell(() => {
          printError(error.message);
          if (json) printFailure(error);
        }),
      waiting: ({ images, folders }) => {
        const what = `${counted(folders, "folder")} of ${counted(images, "image")}`;
        const line = `watching ${what}; Ctrl-C ends it`;
        if (!isTold) tell(() => printNote(line));
        isTold = true;
      },
    }, { signal, emit });
  },
});

const skaffold = command({
  about: `Builds an image of one Go main package for Skaffold, which calls this as a custom builder:
    pushes or loads it under the name that Skaffold asks for. Prints its reference.`,
  words: ['[pattern]  import path or folder of the main package (default: ".")'],
  flags: { ...UNNAMED_FLAGS, locked: LOCKED, json: JSON_EVENTS },
  refused: NAMING_FLAGS,
  file: [
    "Example, in skaffold.yaml",
    `build:
  artifacts:
    - image: app
      custom:
        buildCommand: kodeno skaffold ./cmd/app
        dependencies:
          command: kodeno deps --json ./cmd/app`,
  ],
  after:
    `Skaffold sets environment variables: IMAGE (name and tag of the image), PUSH_IMAGE (true: push it;
false: load it into the local daemon), PLATFORMS and BUILD_CONTEXT. Settings of the image in .ko.yaml
and KO_* variables apply as usual; KO_DOCKER_REPO and flags for names do not.`,
  onStdout: "yield",
  view: true,
  run: async (options, work, pattern = ".") => {
    const why = "Skaffold says where the image goes and what it is called; leave it out";
    refuse(NAMING_FLAGS, options, `with "kodeno skaffold": ${why}`);
    const { buildForSkaffold } = await import("../app/skaffold_custom.ts");
    return await buildForSkaffold(pattern, options, work);
  },
  toldAsEvents: true,
  print: (reference, { json }) => printReferences([reference], json),
});

/** What says which files there are. */
const SOURCE_FLAGS = {
  platforms: PLATFORMS,
  flags: texts(
    "--flags <flags>  flags of go build, such as -tags=x (default: none)",
    splitWords,
  ),
  env: each("--env <name=value>  environment variable of go build (default: none)"),
  baseImage: "--base-image <image>  base image, for --platform all (default: static)",
  offline: "--offline  fetch nothing",
} satisfies Flags;

const deps = command({
  about: `Lists the files that images of Go main packages are built from, relative to the current
    folder: Go files, but those of the standard library and of the module cache, embedded files,
    go.mod and go.sum, kodata, and .ko.yaml.`,
  words: [PATTERNS],
  flags: {
    json: "--json  print a JSON array, as Skaffold expects it",
    paths: each(
      "--paths <glob>  list the files that match instead; may be repeated (default: none)",
    ),
    ignore: each("--ignore <glob>  leave out files that match; may be repeated (default: none)"),
    ...SOURCE_FLAGS,
  },
  examples: {
    "all files that the image is built from, one per line": "kodeno deps ./cmd/app",
    'in skaffold.yaml, below "custom"; Skaffold knows no quotes there':
      `buildCommand: kodeno skaffold ./cmd/app
dependencies:
  command: kodeno deps --json ./cmd/app`,
    "without generated files": 'kodeno deps --ignore "**/*.pb.go" ./cmd/app',
    [`what these globs match, as "dependencies.paths" of Skaffold's ko builder`]:
      'kodeno deps --paths go.mod --paths "**/*.go"',
  },
  after:
    `Globs are Skaffold's: "**" as a whole path element matches any number of folders. "**/*.go"
matches every Go file, "**.go" only those of one folder.`,
  run: async ({ json: _, ...options }, { signal, emit }, patterns) =>
    (await import("../app/deps.ts")).deps(patterns, options, {
      signal,
      emit: (event) => {
        const isQuiet = event.type === "note" && event.level === "info";
        if (!isQuiet || event.waitMs !== undefined) emit(event);
      },
    }),
  print: (files, { json }) => {
    if (json) printValue(files);
    // A line of its own each, whatever the name: as JSON writes it.
    else for (const file of files) printResult(file.replaceAll("\n", "\\u000a"));
  },
});

const plan = command({
  about:
    `Says what "kodeno build" would build, and builds nothing: of each image its name, platforms, base
    and a hash of all that shapes it. With --json this is what "kodeno merge --complete" holds parts of a
    build against, and "matrix" in it is what GitHub Actions takes for the matrix of a job.`,
  words: [PATTERNS],
  flags: {
    shards:
      "--shards <n>  plan n parts: a job of the matrix for each part (default: one for each image)",
    githubMatrix: "--github-matrix  print the matrix alone, on one line",
    shard: PART_FLAGS.shard,
    timings: PART_FLAGS.timings,
    expect: PART_FLAGS.expect,
    ...NAME_FLAGS,
    ...INPUT_FLAGS,
    locked:
      "--locked  take the digests of base images from kodeno.lock, as builds with --locked do",
    ...SKAFFOLD_FLAGS,
    json: JSON_WHOLE,
  },
  examples: {
    "what would be built": "kodeno plan ./...",
    "a plan, for machines that build its parts": "kodeno plan ./... --shards 4 --json > plan.json",
    "a job of GitHub Actions for each part, in a step with the id plan":
      'echo "matrix=$(kodeno plan ./... --shards 4 --github-matrix)" >> "$GITHUB_OUTPUT"',
  },
  after:
    `The hash is of Go files, embedded files and kodata, the modules by the sums of go.sum, Go's version
and settings, flags, and what else is said of the image. It is not of what only a build finds out:
the commit that Go and {{.Git}} write into programs, and without --locked what the tag of a base in a
registry stands for; docs/scale.md says it in full.`,
  run: async ({ shards, githubMatrix: _, json: __, ...given }, work, patterns) => {
    refusePatterns(given, patterns, "plan");
    const skaffold = await askedFile(given, work.emit);
    const { plan } = await import("../app/plan.ts");
    return await plan({ patterns, shards, options: given, skaffold }, work);
  },
  print: ({ images, matrix }, { githubMatrix, json, shards }) => {
    if (githubMatrix) return printResult(JSON.stringify(matrix));
    if (json) return printJson("plan", { images, matrix });
    const partOf = new Map(
      matrix.include.flatMap(({ shard = "", images = "" }) =>
        images.split(" ").map((image) => [image, shard] as const)
      ),
    );
    const rows = images.map(({ image, references, platforms, base, inputs }) => [
      ...shards === undefined ? [] : [partOf.get(image) ?? ""],
      ...[references[0] ?? "", platforms.join(","), base.name].map(printable),
      inputs.slice(0, "sha256:".length + 12),
    ]);
    alignedRows(rows, "  ").forEach(printResult);
  },
});

const affected = command({
  about:
    `Lists the images of Go main packages that would not be built from the same as at a commit: by
    what is committed since, staged, changed or new. Files as "kodeno deps" lists them count, modules,
    embedded files, kodata, and what .ko.yaml says of the image. Where that cannot be told the image is
    listed. Prints import paths, for "kodeno build".`,
  words: [PATTERNS],
  flags: {
    since:
      "--since <commit>  the commit, as git names it; REV... is where this history has parted from REV",
    why: "--why  print a reason behind each, too",
    ...SOURCE_FLAGS,
    ...SKAFFOLD_FLAGS,
    json: "--json  print JSON, one image per line",
  },
  examples: {
    "what a branch has changed": "kodeno affected --since origin/main... ./...",
    "and why": "kodeno affected --since HEAD~1 --why ./...",
    "build nothing else": "kodeno affected --since origin/main... ./... | xargs -r kodeno build",
    "artifacts of a skaffold.yaml": "kodeno affected --since v1.2.0 -f skaffold.yaml",
  },
  after:
    `What no commit tells does not count: the version of Go, the environment, what the tag of a base
image stands for, and what {{.Git}} and Go itself write into programs of the commit.`,
  run: async ({ since, ...given }, work, patterns) => {
    if (since === undefined) {
      const next = "say with --since the commit to compare with, such as origin/main...";
      throw new KodenoError("BAD_OPTION", `Cannot tell what is affected: ${next}`);
    }
    refusePatterns(given, patterns, "look at");
    const skaffold = await askedFile(given, work.emit);
    const { affected } = await import("../app/affected.ts");
    return await affected({ patterns, since, options: given, skaffold }, work);
  },
  print: (images, { json, why: isTold }) => {
    for (const { image, why } of images) {
      if (json) printJson("affected", { image, why });
      else printResult(isTold ? `${image}\t${why}` : image);
    }
  },
});

export default { build, watch, skaffold, deps, plan, affected } satisfies Commands;
