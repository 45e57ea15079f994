/**
 * The schema of `build` in a skaffold.yaml: the fields of Skaffold's versions from v2beta15 to
 * v4beta14, and those that the ko builder's design had and Skaffold has not.
 * @module
 */
import { z } from "zod";

const text = (what: string) => z.string().describe(what).optional();
const texts = (what: string) => z.array(z.string()).describe(what).optional();
const flag = (what: string) => z.boolean().describe(what).optional();
/** Sections that shape no image, and that kodeno leaves to Skaffold. */
const foreign = (what: string) => z.unknown().describe(`${what}; not read by kodeno`).optional();

const pair = z.string().refine((entry) => entry.includes("{{") || /^[^=]+=/.test(entry), {
  error: "NAME=VALUE is allowed",
});

/** Says that two names of one field contradict each other. */
const oneName = (names: readonly [string, string]) => ({
  error: `either ${names[0]} or ${names[1]} is allowed, which are the same`,
});

const dependencies = z.strictObject({
  paths: texts("files that shape the image; default go.mod and all Go files"),
  ignore: texts("files that do not, though paths names them"),
}).describe("files to watch, relative to context");

/** An artifact's `ko`. */
export const koArtifact = z.strictObject({
  fromImage: text("base image; default that of .ko.yaml"),
  dependencies: dependencies.optional(),
  dir: text("folder that go runs in, relative to context"),
  main: text("main package, relative to dir; ./... must match exactly one"),
  target: text("older name of main"),
  env: z.array(pair).describe("NAME=VALUE for go build; templates").optional(),
  flags: texts("flags of go build; templates"),
  args: texts("older name of flags"),
  labels: z.record(z.string(), z.string()).describe("labels of the image; templates").optional(),
  ldflags: texts("flags of the linker; templates"),
  asmflags: texts("flags of the assembler (kodeno only)"),
  gcflags: texts("flags of the compiler (kodeno only)"),
  platforms: texts("as platforms of the artifact, where Skaffold has it since v2beta28"),
  sourceDateEpoch: z.int().min(0).describe(
    "creation time in seconds since 1970; SOURCE_DATE_EPOCH beats it (kodeno only)",
  ).optional(),
})
  .refine(({ main, target }) => main === undefined || target === undefined || main === target, {
    path: ["target"],
    ...oneName(["main", "target"]),
  })
  .refine(({ flags, args }) => flags === undefined || args === undefined, {
    path: ["args"],
    ...oneName(["flags", "args"]),
  })
  .describe("builds the image with ko");

/** What builds an artifact, but ko. */
export const OTHER_BUILDERS = [
  "docker",
  "bazel",
  "jib",
  "kaniko",
  "buildpacks",
  "custom",
] as const;

/** Says which of several keys are there, where only one is allowed. */
function onlyOne<T extends object>(keys: readonly (keyof T & string)[]) {
  return (value: T, context: z.RefinementCtx): void => {
    const [, second] = keys.filter((key) => value[key] !== undefined);
    if (second === undefined) return;
    const message = `one of ${keys.join(", ")} is allowed`;
    context.addIssue({ code: "custom", path: [second], message });
  };
}

const builderKeys = ["ko", ...OTHER_BUILDERS] as const;
const builders = {
  ko: koArtifact.optional(),
  docker: foreign("builds with a Dockerfile"),
  bazel: foreign("builds with Bazel"),
  jib: foreign("builds with Jib"),
  kaniko: foreign("builds with kaniko"),
  buildpacks: foreign("builds with buildpacks"),
  custom: foreign("builds with a command"),
};

const hostHook = z.strictObject({
  command: z.array(z.string()).min(1).describe("program and arguments; run without a shell"),
  os: texts("operating systems that it is for, as Go names them; default all"),
  dir: text("folder that it runs in; default the current one"),
}).describe("a command on this machine");

/** Commands around builds. */
export const buildHooks = z.strictObject({
  before: z.array(hostHook).describe("commands to run first").optional(),
  after: z.array(hostHook).describe("commands to run at the end").optional(),
});

/** An entry of `build.artifacts`. */
export const artifact = z.strictObject({
  image: z.string().min(1).describe("name of the image, or ko:// and an import path"),
  context: text("folder with the sources; default the current one"),
  ...builders,
  platforms: texts("platforms that it can be built for"),
  requires: z.array(z.strictObject({
    image: z.string().min(1).describe("image of another artifact"),
    alias: text("build argument or variable that gets its name"),
  })).describe("artifacts that are built before").optional(),
  runtimeType: text("language, for skaffold debug"),
  sync: foreign("files to copy into running containers"),
  hooks: buildHooks.describe("commands to run before and after its build").optional(),
}).superRefine(onlyOne(builderKeys)).describe("an image to build");

const variants = ["Tags", "CommitSha", "AbbrevCommitSha", "TreeSha", "AbbrevTreeSha", "Branches"];

const policies = {
  gitCommit: z.strictObject({
    variant: z.string().refine(
      (name) => ["", ...variants].some((one) => one.toLowerCase() === name.toLowerCase()),
      { error: `${variants.slice(0, -1).join(", ")} or ${variants.at(-1)} is allowed` },
    ).describe(`${variants.join(", ")}; default Tags`).optional(),
    prefix: text("stands before the tag"),
    ignoreChanges: flag("leaves -dirty off"),
  }).describe("tags by git").optional(),
  sha256: z.strictObject({}).describe("always latest").optional(),
  envTemplate: z.strictObject({
    template: z.string().min(1).describe("of the environment and IMAGE_NAME"),
  }).describe("tags by a template").optional(),
  dateTime: z.strictObject({
    format: text("as Go has it; default 2006-01-02_15-04-05.999_MST"),
    timezone: text("such as Europe/Berlin; default that of the machine"),
  }).describe("tags by the time of the build").optional(),
  inputDigest: z.strictObject({}).describe("tags by what is in the files").optional(),
};
const componentKeys = [
  "gitCommit",
  "sha256",
  "envTemplate",
  "dateTime",
  "inputDigest",
] as const;

/** How tags are made. */
export const tagPolicy = z.strictObject({
  ...policies,
  customTemplate: z.strictObject({
    template: z.string().min(1).describe("of the components, GIT, DATE, SHA and INPUT_DIGEST"),
    components: z.array(
      z.strictObject({ name: z.string().min(1).describe("name in the template"), ...policies })
        .superRefine(onlyOne(componentKeys)),
    ).describe("policies by name").optional(),
  }).describe("tags by a template of other policies").optional(),
}).superRefine(onlyOne([...componentKeys, "customTemplate"])).describe(
  "how tags are made; default gitCommit",
);

const local = z.strictObject({
  push: flag("whether images are pushed"),
  tryImportMissing: flag("imports images that are not there; not read by kodeno"),
  useDockerCLI: flag("of the Docker builder; not read by kodeno"),
  useBuildkit: flag("of the Docker builder; not read by kodeno"),
  concurrency: z.int().describe("builds at once, 0 for all; not read by kodeno").optional(),
}).describe("builds on this machine");

/** The section `build`. */
export const build = z.strictObject({
  artifacts: z.array(artifact).describe("images to build").optional(),
  insecureRegistries: texts("registries that are reached over plain HTTP"),
  tagPolicy: tagPolicy.optional(),
  platforms: texts("platforms that artifacts are built for"),
  local: local.optional(),
  googleCloudBuild: foreign("builds on Google Cloud Build"),
  cluster: foreign("builds in a cluster"),
  hooks: buildHooks.describe("commands to run before and after all builds").optional(),
}).superRefine(onlyOne(["local", "googleCloudBuild", "cluster"])).describe("how images are built");
