/**
 * The text of a `.ko.yaml` for the main packages of a repository. Pure.
 * @module
 */
import { posix } from "node:path";
import { Document, isMap, isSeq } from "yaml";
import type { DockerProgram } from "./docker_programs.ts";
import type { Program } from "./programs.ts";

/** A fields' map of a configuration file. */
export type Fields = Readonly<Record<string, unknown>>;

/**
 * Writes it.
 *
 * @param schema path of the JSON Schema, relative to the file
 */
export function koText(
  programs: readonly Program[],
  docker: ReadonlyMap<string, DockerProgram>,
  schema: string,
): string {
  const bases = programs.map(({ importPath }) => docker.get(importPath)?.build.base);
  const [base] = bases;
  const isShared = base !== undefined && bases.every((one) => one === base);
  const overrides = programs.flatMap(({ importPath }, i) =>
    bases[i] === undefined ? [] : [[importPath, bases[i]]]
  );
  const value = {
    ...(isShared ? { defaultBaseImage: base } : {}),
    ...(isShared || overrides.length === 0
      ? {}
      : { baseImageOverrides: Object.fromEntries(overrides) }),
    builds: programs.map((program) => ({
      id: program.id,
      ...(program.module === "" ? {} : { dir: program.module }),
      main: mainOf(program),
      ...imageFields(docker.get(program.importPath)),
    })),
  };
  const document = new Document(value);
  document.commentBefore = [
    ` yaml-language-server: $schema=${schema}`,
    " How images of Go main packages are built; ko reads this file, too.",
  ].join("\n");
  const builds = document.get("builds");
  for (const [i, item] of (isSeq(builds) ? builds.items : []).entries()) {
    const from = docker.get(programs[i]?.importPath ?? "")?.path;
    if (from !== undefined && isMap(item)) item.commentBefore = ` as in ${from}`;
  }
  return document.toString({ lineWidth: 0 });
}

/** The package, relative to its module. */
export function mainOf({ module, folder }: Program): string {
  const way = posix.relative(module, folder);
  return way === "" ? "." : `./${way}`;
}

/** What a Dockerfile says beside the base image, in the keys of an entry of `builds`. */
function imageFields(from: DockerProgram | undefined): Fields {
  if (from === undefined) return {};
  const { go, user, expose, labels, entrypointArgs } = from.build;
  return said({
    ...goFields(from),
    platforms: go.platform === undefined ? [] : [go.platform],
    labels,
    user,
    entrypointArgs,
    expose,
  });
}

/** What it says of `go build`: the keys that `.ko.yaml` and skaffold.yaml share. */
export function goFields({ build: { go } }: DockerProgram): Fields {
  return said({
    env: go.env,
    flags: go.flags.map(asTemplate),
    ldflags: go.ldflags.map(asTemplate),
  });
}

/** Fields that say something. */
export function said(fields: Fields): Fields {
  return Object.fromEntries(
    Object.entries(fields).filter(([, value]) =>
      value !== undefined && Object.keys(value as object).length > 0
    ),
  );
}

/** A text as a Go template that gives it. */
function asTemplate(text: string): string {
  return text.replaceAll("{{", '{{"{{"}}');
}
