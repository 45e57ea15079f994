/**
 * The schema of a skaffold.yaml: the fields of Skaffold's versions from v2beta15 to v4beta14, and
 * those that the ko builder's design had and Skaffold has not.
 * @module
 */
import { z } from "../../npm/zod.ts";
import { isTemplate } from "../checks.ts";

/** Since v2beta15 of the ko builder's first design; before, `build` looked otherwise. */
const VERSIONS = /^skaffold\/(?:v2beta(?:1[5-9]|2[0-9])|v3alpha1|v3|v4beta(?:[1-9]|1[0-4]))$/;

const text = (what: string) => z.string().describe(what).optional();
const texts = (what: string) => z.array(z.string()).describe(what).optional();
const flag = (what: string) => z.boolean().describe(what).optional();
/** Sections that shape no image, and that kodeno leaves to Skaffold. */
const foreign = (what: string) => z.unknown().describe(`${what}; not read by kodeno`).optional();

const pair = z.string().refine((entry) => isTemplate(entry) || /^[^=]+=/.test(entry), {
  error: "NAME=VALUE is allowed",
});

export const koArtifact = z.strictObject({
  fromImage: text("base image; default that of .ko.yaml"),
  dependencies: z.strictObject({
    paths: texts("files that shape the image; default go.mod and all Go files"),
    ignore: texts("files that do not, though paths names them"),
  }).describe("files to watch, relative to context").optional(),
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
    error: "either main or target is allowed, which are the same",
  })
  .refine(({ flags, args }) => flags === undefined || args === undefined, {
    path: ["args"],
    error: "either flags or args is allowed, which are the same",
  })
  .describe("builds the image with ko");

const keysOf = <T extends object>(shape: T) => Object.keys(shape) as (keyof T & string)[];

/** Says which of several keys are there, where only one is allowed. */
function onlyOne<T extends object>(keys: readonly (keyof T & string)[]) {
  return (value: T, context: z.RefinementCtx): void => {
    const [, second] = keys.filter((key) => value[key] !== undefined);
    if (second === undefined) return;
    const message = `one of ${keys.join(", ")} is allowed`;
    context.addIssue({ code: "custom", path: [second], message });
  };
}

const otherBuilders = {
  docker: foreign("builds with a Dockerfile"),
  bazel: foreign("builds with Bazel"),
  jib: foreign("builds with Jib"),
  kaniko: foreign("builds with kaniko"),
  buildpacks: foreign("builds with buildpacks"),
  custom: foreign("builds with a command"),
};
const builders = { ko: koArtifact.optional(), ...otherBuilders };
/** What builds an artifact, but ko. */
export const OTHER_BUILDERS = keysOf(otherBuilders);

const hostHook = z.strictObject({
  command: z.array(z.string()).min(1).describe("program and arguments; run without a shell"),
  os: texts("operating systems that it is for, as Go names them; default all"),
  dir: text("folder that it runs in; default the current one"),
}).describe("a command on this machine");

const buildHooks = z.strictObject({
  before: z.array(hostHook).describe("commands to run first").optional(),
  after: z.array(hostHook).describe("commands to run at the end").optional(),
});

const artifact = z.strictObject({
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
}).superRefine(onlyOne(keysOf(builders))).describe("an image to build");

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

const tagPolicy = z.strictObject({
  ...policies,
  customTemplate: z.strictObject({
    template: z.string().min(1).describe("of the components, GIT, DATE, SHA and INPUT_DIGEST"),
    components: z.array(
      z.strictObject({ name: z.string().min(1).describe("name in the template"), ...policies })
        .superRefine(onlyOne(keysOf(policies))),
    ).describe("policies by name").optional(),
  }).describe("tags by a template of other policies").optional(),
}).superRefine(onlyOne([...keysOf(policies), "customTemplate"])).describe(
  "how tags are made; default gitCommit",
);

const build = z.strictObject({
  artifacts: z.array(artifact).describe("images to build").optional(),
  insecureRegistries: texts("registries that are reached over plain HTTP"),
  tagPolicy: tagPolicy.optional(),
  platforms: texts("platforms that artifacts are built for"),
  local: z.strictObject({
    push: flag("whether images are pushed"),
    tryImportMissing: flag("imports images that are not there; not read by kodeno"),
    useDockerCLI: flag("of the Docker builder; not read by kodeno"),
    useBuildkit: flag("of the Docker builder; not read by kodeno"),
    concurrency: z.int().describe("builds at once, 0 for all; not read by kodeno").optional(),
  }).describe("builds on this machine").optional(),
  googleCloudBuild: foreign("builds on Google Cloud Build"),
  cluster: foreign("builds in a cluster"),
  hooks: buildHooks.describe("commands to run before and after all builds").optional(),
}).superRefine(onlyOne(["local", "googleCloudBuild", "cluster"])).describe("how images are built");

const foreignSections = {
  test: foreign("tests of images"),
  manifests: foreign("manifests to render"),
  deploy: foreign("how manifests are deployed"),
  portForward: foreign("ports to forward"),
  resourceSelector: foreign("resources that may be changed"),
  verify: foreign("containers that verify a deployment"),
  customActions: foreign("actions to run"),
};
/** Sections that shape no image. */
export const FOREIGN_SECTIONS = keysOf(foreignSections);
/** What profiles may say, too. */
const pipeline = { build: build.optional(), ...foreignSections };

const profile = z.strictObject({
  name: z.string().min(1).describe("what -p names it by"),
  activation: z.array(
    z.strictObject({
      env: text("NAME=REGEXP of a variable, or NAME=!REGEXP"),
      kubeContext: text("regular expression of the Kubernetes context, or ! and one"),
      command: text("regular expression of the command, or ! and one"),
    }).describe("all of these have to hold"),
  ).describe("when it is used unasked").optional(),
  requiresAllActivations: z.boolean().describe("whether all of these have to hold").optional(),
  patches: z.array(
    z.strictObject({
      op: z.enum(["add", "remove", "replace", "move", "copy", "test"]).describe("default replace")
        .optional(),
      path: z.string().min(1).describe("such as /build/artifacts/0/ko/main"),
      from: text("what move and copy take"),
      value: z.unknown().describe("what add, replace and test have").optional(),
    }).describe("a change of the configuration (RFC 6902)"),
  ).describe("changes, after the sections below").optional(),
  ...pipeline,
}).describe("sections that stand in the place of others");

const requirement = z.strictObject({
  path: text("skaffold.yaml or its folder; default this file"),
  configs: texts("metadata.name of what is needed of it; default all"),
  git: foreign("a repository with a skaffold.yaml"),
  googleCloudStorage: foreign("a bucket with a skaffold.yaml"),
  googleCloudBuildRepoV2: foreign("a repository with a skaffold.yaml"),
  activeProfiles: z.array(z.strictObject({
    name: z.string().min(1).describe("profile of the other configuration"),
    activatedBy: texts("profiles of this one that bring it; default always"),
  })).describe("profiles that are used in it").optional(),
}).describe("another configuration that this one needs");

export const skaffoldSchema = z.strictObject({
  apiVersion: z.string().regex(VERSIONS, {
    error: "skaffold/v2beta15 to skaffold/v4beta14 is allowed",
  }).describe("version of the schema, such as skaffold/v4beta13"),
  kind: z.literal("Config").describe("always Config"),
  metadata: z.strictObject({
    name: text("what -m and requires name it by"),
    labels: z.record(z.string(), z.string()).describe("not read by kodeno").optional(),
    annotations: z.record(z.string(), z.string()).describe("not read by kodeno").optional(),
  }).describe("its name").optional(),
  requires: z.array(requirement).describe("other configurations that it needs").optional(),
  ...pipeline,
  profiles: z.array(profile).describe("variations, chosen by -p or by themselves").optional(),
}).describe("Skaffold: how images are built");

export type SkaffoldConfig = z.infer<typeof skaffoldSchema>;
export type Profile = z.infer<typeof profile>;
/** The sections that both have. */
export type Pipeline = Pick<SkaffoldConfig, keyof typeof pipeline>;
export type Build = z.infer<typeof build>;
export type Artifact = z.infer<typeof artifact>;
export type KoArtifact = z.infer<typeof koArtifact>;
export type BuildHooks = z.infer<typeof buildHooks>;
export type TagPolicy = z.infer<typeof tagPolicy>;
export type Requirement = z.infer<typeof requirement>;
