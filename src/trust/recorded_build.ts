/**
 * Provenance, read: what has to be known to build an image again. Whoever has written it, it is checked.
 * @module
 */
import { KodenoError } from "../errors.ts";
import { z } from "../npm/zod.ts";
import { BUILD_TYPE, type BuildFacts, type BuildParameters } from "./provenance.ts";
import { PROVENANCE, type Statement } from "./statement.ts";

const texts = z.array(z.string());
const pairs = z.record(z.string(), z.string());

const parameters: z.ZodType<BuildParameters> = z.object({
  source: z.string().optional(),
  directory: z.string(),
  package: z.string(),
  platforms: texts.min(1),
  base: z.string(),
  flags: texts,
  ldflags: texts,
  gcflags: texts,
  asmflags: texts,
  trimpath: z.boolean(),
  disableOptimizations: z.boolean(),
  env: texts,
  labels: pairs,
  annotations: pairs,
  imageEnv: pairs,
  user: z.string().optional(),
  entrypointArgs: texts,
  expose: texts,
  linuxCapabilities: texts,
  debugger: z.string().optional(),
  compression: z.string(),
  sourceDateEpoch: z.int().optional(),
  kodataTime: z.int().optional(),
});

const predicate = z.object({
  buildDefinition: z.object({
    externalParameters: parameters,
    internalParameters: z.object({
      kodeno: z.string(),
      deno: z.string(),
      goFlags: z.string(),
      settings: z.record(z.string(), pairs),
    }),
    resolvedDependencies: z.array(z.object({
      name: z.string().optional(),
      digest: pairs.optional(),
      annotations: z.record(z.string(), z.unknown()).optional(),
    })),
  }),
});

/** A build that was recorded. */
export interface RecordedBuild extends BuildFacts {
  /** Version of go, as it calls itself: `go1.26.8`. */
  readonly goVersion: string | undefined;
  /** Variables that go has noted in the programs, by platform. */
  readonly settings: Readonly<Record<string, Readonly<Record<string, string>>>>;
  /** Versions of what has built it. */
  readonly kodeno: string;
  readonly deno: string;
}

/** Whether a statement is provenance of a build that kodeno can do again. */
export function isRecordedBuild({ predicateType, predicate }: Statement): boolean {
  const { buildDefinition } = predicate as { buildDefinition?: { buildType?: unknown } } ?? {};
  return predicateType === PROVENANCE && buildDefinition?.buildType === BUILD_TYPE;
}

/** Reads provenance; `BAD_CONTENT` for what is not as kodeno writes it. */
export function readRecordedBuild(statement: Statement, what: string): RecordedBuild {
  const { data, error } = predicate.safeParse(statement.predicate);
  if (data === undefined) {
    const [{ path, message } = { path: [], message: "it is no provenance" }] = error.issues;
    throw new KodenoError("BAD_CONTENT", `Cannot use ${what}: ${path.join(".")}: ${message}`);
  }
  const { externalParameters, internalParameters, resolvedDependencies } = data.buildDefinition;
  const named = (name: string) => resolvedDependencies.find((one) => one.name === name);
  const [source, base, toolchain] = ["source", "base", "toolchain"].map(named);
  const commit = source?.digest?.["gitCommit"];
  const sha256 = base?.digest?.["sha256"];
  const note = (one: typeof base, key: string) => {
    const value = one?.annotations?.[key];
    return typeof value === "string" ? value : undefined;
  };
  return {
    ...internalParameters,
    parameters: externalParameters,
    source: commit === undefined
      ? undefined
      : { commit, isDirty: source?.annotations?.["dirty"] === true },
    base: { name: note(base, "name"), digest: sha256 && `sha256:${sha256}` },
    goVersion: note(toolchain, "goVersion"),
  };
}
