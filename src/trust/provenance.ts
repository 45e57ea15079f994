/**
 * Provenance: how an image was built, as a statement of SLSA (provenance v1 in in-toto v1). The same
 * build makes the same bytes.
 * @module
 */
import { Buffer } from "node:buffer";
import { parseDigest } from "../oci/descriptor.ts";
import { formatPlatform } from "../oci/platform.ts";
import { type Attachment, attachment } from "./attachment.ts";
import {
  basePurl,
  goPurl,
  type ImageFacts,
  type ModuleFacts,
  modulePurl,
  programsOf,
  releaseOf,
  replacedBy,
  type SbomMaker,
  sha256Of,
  timestampOf,
} from "./contents.ts";
import {
  encodeStatement,
  PROVENANCE,
  STATEMENT_NOTE,
  STATEMENT_TYPE,
  type UnsignedStatement,
} from "./statement.ts";

/** What the parameters mean is said in docs/trust.md. */
export const BUILD_TYPE = "urn:kodeno:buildtype:go-image:v1";
const BUILDER = "urn:kodeno:builder:local";

/** What a build was told, by which it can be done again. */
export interface BuildParameters {
  /** Repository and branch. */
  readonly source?: string | undefined;
  /** Folder that go runs in, from the root of the checkout. */
  readonly directory: string;
  /** Import path of the main package. */
  readonly package: string;
  /** `os/arch[/variant]` each. */
  readonly platforms: readonly string[];
  /** Base image as it was named; a path is relative to the folder. */
  readonly base: string;
  readonly flags: readonly string[];
  readonly ldflags: readonly string[];
  readonly gcflags: readonly string[];
  readonly asmflags: readonly string[];
  readonly trimpath: boolean;
  readonly disableOptimizations: boolean;
  /** `NAME=VALUE` each, of those that the configuration says. */
  readonly env: readonly string[];
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
  readonly imageEnv: Readonly<Record<string, string>>;
  readonly user?: string | undefined;
  readonly entrypointArgs: readonly string[];
  readonly expose: readonly string[];
  readonly linuxCapabilities: readonly string[];
  /** `delve@VERSION`, or `file:` and the digest of one. */
  readonly debugger?: string | undefined;
  readonly compression: string;
  readonly sourceDateEpoch?: number | undefined;
  /** Time of kodata files. */
  readonly kodataTime?: number | undefined;
}

/** How an image was built. */
export interface BuildFacts {
  readonly parameters: BuildParameters;
  /** GOFLAGS, as go has it. */
  readonly goFlags: string;
  /** The commit; nothing where the folder is in no repository. */
  readonly source?: { readonly commit: string; readonly isDirty: boolean } | undefined;
  /** What it stands on, as an image says that. */
  readonly base: NonNullable<ImageFacts["base"]>;
}

/** Who has built it, and when. */
interface ProvenanceMaker extends SbomMaker {
  /** Version of the runtime, whose library compresses layers. */
  readonly deno: string;
}

/**
 * Makes the provenance of an image or index.
 *
 * @param parts the images of an index; the image itself where it is none
 */
export function makeProvenance(
  { image, name }: ImageFacts,
  parts: readonly ImageFacts[],
  { parameters, goFlags, source, base }: BuildFacts,
  { version, deno, time }: ProvenanceMaker,
): UnsignedStatement {
  const predicate = {
    buildDefinition: {
      buildType: BUILD_TYPE,
      externalParameters: parameters,
      internalParameters: { kodeno: version, deno, goFlags, settings: settingsOf(parts) },
      resolvedDependencies: [
        ...sourceOf(parameters, source),
        ...baseOf(base),
        ...toolchainsOf(parts),
        ...modulesOf(parts).map(moduleOf),
      ],
    },
    runDetails: {
      builder: { id: BUILDER, version: { kodeno: version } },
      ...(time === undefined ? {} : { metadata: { finishedOn: timestampOf(time) } }),
      byproducts: parts.flatMap(binariesOf),
    },
  };
  const bytes = encodeStatement(parseDigest(image.digest), PROVENANCE, predicate, { name });
  return { image, predicateType: PROVENANCE, bytes };
}

/** A statement that nobody has signed, as a manifest that refers to its image. */
export function statementAttachment(
  { image, predicateType, bytes }: UnsignedStatement,
): Attachment {
  const note = { [STATEMENT_NOTE]: predicateType };
  return attachment(image, STATEMENT_TYPE, bytes, { manifest: note, layer: note });
}

function platformName({ platform }: ImageFacts): string {
  return platform ? formatPlatform(platform) : "";
}

/** Names of variables of go, among the flags and the facts of the checkout that it notes, too. */
const VARIABLE = /^(?:GO[A-Z0-9]+|CGO_ENABLED)$/;

function settingsOf(parts: readonly ImageFacts[]) {
  return Object.fromEntries(parts.map((part) => {
    const all = programsOf(part).flatMap(({ settings }) => Object.entries(settings));
    return [platformName(part), Object.fromEntries(all.filter(([name]) => VARIABLE.test(name)))];
  }));
}

function sourceOf({ source: uri }: BuildParameters, source: BuildFacts["source"]) {
  if (source === undefined) return [];
  const digest = { gitCommit: source.commit };
  const dirty = source.isDirty ? { annotations: { dirty: true } } : {};
  return [{ name: "source", ...(uri === undefined ? {} : { uri }), digest, ...dirty }];
}

function baseOf(base: BuildFacts["base"]) {
  const [uri, sha256] = [basePurl(base), sha256Of(base.digest)];
  if (uri === undefined) return [];
  const { name } = base;
  return [{
    name: "base",
    uri,
    ...(sha256 ? { digest: { sha256 } } : {}),
    ...(name === undefined ? {} : { annotations: { name } }),
  }];
}

function toolchainsOf(parts: readonly ImageFacts[]) {
  const programs = parts.flatMap(programsOf);
  return [...Map.groupBy(programs, ({ goVersion }) => goVersion).values()].flatMap(([program]) => {
    if (program === undefined) return [];
    const { goVersion } = program;
    const release = releaseOf(program);
    const uri = release === undefined ? "pkg:golang/stdlib" : goPurl(release);
    return [{ name: "toolchain", uri, annotations: { goVersion } }];
  });
}

function modulesOf(parts: readonly ImageFacts[]): readonly ModuleFacts[] {
  const modules = parts.flatMap(programsOf).flatMap((program) => program.modules);
  const byPurl = new Map(modules.map((module) => [modulePurl(module), module]));
  return [...byPurl].sort(([a], [b]) => a < b ? -1 : 1).map(([, module]) => module);
}

function moduleOf(module: ModuleFacts) {
  const { sum, folder } = module;
  const asked = replacedBy(module);
  const notes = {
    ...(folder === undefined ? {} : { folder }),
    ...(asked === undefined ? {} : { replaces: asked }),
  };
  return {
    uri: modulePurl(module),
    // Go's own hash in hex (in-toto, "DigestSet").
    ...(sum?.startsWith("h1:")
      ? { digest: { dirHash1: Buffer.from(sum.slice("h1:".length), "base64").toString("hex") } }
      : {}),
    ...(Object.keys(notes).length > 0 ? { annotations: notes } : {}),
  };
}

function binariesOf(part: ImageFacts) {
  const annotations = { platform: platformName(part) };
  return part.files.filter(({ program }) => program !== undefined)
    .map(({ path, sha256 }) => ({ name: path, digest: { sha256 }, annotations }));
}
