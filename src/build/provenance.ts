/**
 * What a build knows of how its images were made, as it is told to others: what was declared for it,
 * without secrets, and never the environment of the process.
 * @module
 */
import { relative, resolve, sep } from "node:path";
import { formatCompression } from "../config/checks.ts";
import type { BuildConfig } from "../config/config.ts";
import type { ImageSettings } from "../config/image_config.ts";
import { openValue } from "../config/secrets.ts";
import { VERSION } from "../config/version.ts";
import { HIDDEN, withoutLogins } from "../errors.ts";
import type { GitSource } from "../git/source.ts";
import type { Base } from "../image/base.ts";
import { isIndexType } from "../oci/descriptor.ts";
import { formatPlatform } from "../oci/platform.ts";
import { parsePlace } from "../place/open.ts";
import type { ImageFacts } from "../trust/contents.ts";
import { type BuildParameters, makeProvenance } from "../trust/provenance.ts";
import type { UnsignedStatement } from "../trust/statement.ts";
import type { PlannedImage } from "./plan.ts";

/** How an image was made. */
export interface MadeImage {
  readonly planned: PlannedImage;
  readonly base: Pick<Base, "name" | "digest">;
  /** GOFLAGS, as go has it. */
  readonly goFlags: string;
  /** Where its sources are from; nothing where git tells nothing. */
  readonly source: GitSource | undefined;
  /** What its debugger is; nothing where it has none. */
  readonly debugger?: string | undefined;
}

/** What go is told, of all that a build is. */
export type ToldToGo = Pick<
  BuildParameters,
  "asmflags" | "disableOptimizations" | "env" | "flags" | "gcflags" | "ldflags" | "trimpath"
>;

/** Provenance of an image, by what is known of it and of the images below it. */
export function provenanceOf(
  facts: readonly ImageFacts[],
  made: MadeImage,
  config: Pick<BuildConfig, "compression" | "kodataTime" | "workingDirectory">,
): readonly UnsignedStatement[] {
  const { source, goFlags, base, planned: { image: { sourceDateEpoch: time } } } = made;
  const images = facts.filter(({ image }) => !isIndexType(image.mediaType));
  const maker = { version: VERSION, deno: Deno.version.deno, time };
  return facts.map((one) => {
    const parts = isIndexType(one.image.mediaType) ? images : [one];
    const platforms = parts.map(({ platform }) => platform ? formatPlatform(platform) : "");
    const parameters = parametersOf(made, platforms, config);
    return makeProvenance(
      one,
      parts,
      { parameters, goFlags: withoutLogins(goFlags), source, base },
      maker,
    );
  });
}

/** What go was told to build an image with, in the words of the configuration, without secrets. */
export function toldToGo({ go, untold }: Pick<ImageSettings, "go" | "untold">): ToldToGo {
  const open = (text: string) => untold.has(text) ? HIDDEN : withoutLogins(text);
  return {
    flags: go.flags.map(open),
    ldflags: go.ldflags.map(open),
    gcflags: go.gcflags.map(open),
    asmflags: go.asmflags.map(open),
    trimpath: go.trimpath,
    disableOptimizations: go.disableOptimizations,
    env: Object.entries(go.env).map(([name, text]) => {
      const isHidden = untold.has(`${name}=${text}`);
      return `${name}=${isHidden ? HIDDEN : withoutLogins(openValue(name, text))}`;
    }),
  };
}

function parametersOf(
  { planned: { importPath, directory, told }, source, debugger: debug }: MadeImage,
  platforms: readonly string[],
  { compression, kodataTime, workingDirectory }: Parameters<typeof provenanceOf>[2],
): BuildParameters {
  const { user, sourceDateEpoch } = told;
  const value = (name: string, text: string) =>
    told.untold.has(text) ? HIDDEN : withoutLogins(openValue(name, text));
  const values = (pairs: Readonly<Record<string, string>>) =>
    Object.fromEntries(Object.entries(pairs).map(([name, text]) => [name, value(name, text)]));
  return {
    ...(source?.repository ? { source: sourceUri(source) } : {}),
    directory: source?.folder ?? (relative(workingDirectory, directory) || "."),
    package: importPath,
    platforms,
    base: withoutLogins(baseFrom(told, workingDirectory, directory)),
    ...toldToGo(told),
    labels: values(told.labels),
    annotations: values(told.annotations),
    imageEnv: values(told.imageEnv),
    ...(user === undefined ? {} : { user: value("user", user) }),
    entrypointArgs: told.entrypointArgs.map((text) => value("", text)),
    expose: told.expose,
    linuxCapabilities: told.linuxCapabilities,
    ...(debug === undefined ? {} : { debugger: debug }),
    compression: formatCompression(compression),
    ...(sourceDateEpoch === undefined ? {} : { sourceDateEpoch }),
    ...(kodataTime === undefined ? {} : { kodataTime }),
  };
}

/** A repository and the branch, or else the commit, as SLSA has them. */
function sourceUri({ repository, branch, commit }: GitSource): string {
  return `${repository}@${branch ?? commit}`;
}

/** A base image as it was named; a relative path is one from the folder that go runs in. */
function baseFrom({ baseImage }: ImageSettings, from: string, directory: string): string {
  if (from === directory || !/^(?:oci|archive):(?!\/)/.test(baseImage)) return baseImage;
  const place = parsePlace(baseImage);
  if (place.kind !== "layout" && place.kind !== "archive") return baseImage;
  const path = relative(directory, resolve(from, place.path)).split(sep).join("/") || ".";
  return baseImage.replace(place.path, path);
}
