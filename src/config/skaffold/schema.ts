/**
 * The schema of a skaffold.yaml.
 * @module
 */
import { z } from "zod";
import {
  type artifact,
  build,
  type buildHooks,
  type koArtifact,
  type tagPolicy,
} from "./schema_build.ts";

/** Since v2beta15 of the ko builder's first design; before, `build` looked otherwise. */
const VERSIONS = /^skaffold\/(?:v2beta(?:1[5-9]|2[0-9])|v3alpha1|v3|v4beta(?:[1-9]|1[0-4]))$/;

const text = (what: string) => z.string().describe(what).optional();
const texts = (what: string) => z.array(z.string()).describe(what).optional();
const foreign = (what: string) => z.unknown().describe(`${what}; not read by kodeno`).optional();

/** What profiles may say, too. */
const pipeline = {
  build: build.optional(),
  test: foreign("tests of images"),
  manifests: foreign("manifests to render"),
  deploy: foreign("how manifests are deployed"),
  portForward: foreign("ports to forward"),
  resourceSelector: foreign("resources that may be changed"),
  verify: foreign("containers that verify a deployment"),
  customActions: foreign("actions to run"),
};

const activation = z.strictObject({
  env: text("NAME=REGEXP of a variable, or NAME=!REGEXP"),
  kubeContext: text("regular expression of the Kubernetes context, or ! and one"),
  command: text("regular expression of the command, or ! and one"),
}).describe("all of these have to hold");

const patch = z.strictObject({
  op: z.enum(["add", "remove", "replace", "move", "copy", "test"]).describe("default replace")
    .optional(),
  path: z.string().min(1).describe("such as /build/artifacts/0/ko/main"),
  from: text("what move and copy take"),
  value: z.unknown().describe("what add, replace and test have").optional(),
}).describe("a change of the configuration (RFC 6902)");

const profile = z.strictObject({
  name: z.string().min(1).describe("what -p names it by"),
  activation: z.array(activation).describe("when it is used unasked").optional(),
  requiresAllActivations: z.boolean().describe("whether all of these have to hold").optional(),
  patches: z.array(patch).describe("changes, after the sections below").optional(),
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

/** A document of a skaffold.yaml. */
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

/** A document of a skaffold.yaml. */
export type SkaffoldConfig = z.infer<typeof skaffoldSchema>;
/** A profile of it. */
export type Profile = z.infer<typeof profile>;
/** The sections that both have. */
export type Pipeline = Pick<SkaffoldConfig, keyof typeof pipeline>;
/** The section `build`. */
export type Build = z.infer<typeof build>;
/** An entry of `build.artifacts`. */
export type Artifact = z.infer<typeof artifact>;
/** An artifact's `ko`. */
export type KoArtifact = z.infer<typeof koArtifact>;
/** Commands around builds. */
export type BuildHooks = z.infer<typeof buildHooks>;
/** How tags are made. */
export type TagPolicy = z.infer<typeof tagPolicy>;
/** An entry of `requires`. */
export type Requirement = z.infer<typeof requirement>;
