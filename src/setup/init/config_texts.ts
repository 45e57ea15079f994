/**
 * The texts of a `.ko.yaml` and a skaffold.yaml for the main packages of a repository. Pure.
 * @module
 */
import { posix } from "node:path";
import { koPath } from "../../config/checks.ts";
import { Document } from "../../npm/yaml.ts";
import type { DockerProgram } from "./dockerfile.ts";
import type { NamedImages } from "./kubernetes.ts";
import type { GoProgram } from "./repository.ts";

/** What Dockerfiles say of programs, by import path. */
type ByImportPath = ReadonlyMap<string, DockerProgram>;

/** Writes a `.ko.yaml`; `schema` is the path of the JSON Schema, relative to it. */
export function koText(programs: readonly GoProgram[], docker: ByImportPath, schema: string) {
  const built = programs.map((program) => [program, docker.get(program.importPath)] as const);
  const bases = built.flatMap(([{ importPath }, from]) =>
    from ? [[importPath, from.build.base]] : []
  );
  const [base, ...others] = new Set(bases.map(([, base]) => base));
  const isShared = bases.length === programs.length && others.length === 0;
  const document = new Document();
  const builds = built.map(([program, from]) => {
    const { labels, imageEnv, user, entrypointArgs, expose } = from?.build ?? {};
    const entry = document.createNode({
      id: program.id,
      ...filled({ dir: program.module }),
      main: mainOf(program),
      ...goFields(from),
      ...filled(asTemplates({ labels, imageEnv, user, entrypointArgs, expose })),
    });
    if (from) entry.commentBefore = ` as in ${from.path}`;
    return entry;
  });
  document.contents = document.createNode({
    ...(isShared
      ? { defaultBaseImage: base }
      : filled({ baseImageOverrides: Object.fromEntries(bases) })),
    builds,
  });
  document.commentBefore = ` yaml-language-server: $schema=${schema}\n` +
    " How images of Go main packages are built; ko reads this file, too.";
  return document.toString({ lineWidth: 0 });
}

/** The package, relative to its module. */
function mainOf({ module, folder }: GoProgram): string {
  const way = posix.relative(module, folder);
  return way === "" ? "." : `./${way}`;
}

/** What a Dockerfile says of `go build`: the keys that `.ko.yaml` and skaffold.yaml share. */
function goFields(from: DockerProgram | undefined) {
  const { env, flags, ldflags } = from?.build.go ?? {};
  return filled({ env, ...asTemplates({ flags, ldflags }) });
}

/** Texts as Go templates that give them; names of a map are none. */
function asTemplates<T>(value: T): T {
  if (typeof value === "string") return value.replaceAll("{{", '{{"{{"}}') as T;
  if (Array.isArray(value)) return value.map(asTemplates) as T;
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([k, one]) => [k, asTemplates(one)])) as T;
}

/** Fields that say something. */
function filled(fields: Readonly<Record<string, string | object | undefined>>) {
  return Object.fromEntries(
    Object.entries(fields).filter(([, value]) => Object.keys(value ?? {}).length > 0),
  );
}

/** Writes a skaffold.yaml; `schema` as for {@link koText}. */
export function skaffoldText(
  { images, manifests }: NamedImages,
  programs: readonly GoProgram[],
  docker: ByImportPath,
  schema: string,
): string {
  const artifacts = images.map(({ image, importPath, module }) => {
    const from = docker.get(importPath);
    const program = programs.find((one) => one.importPath === importPath);
    const main = koPath(image) === undefined && program ? mainOf(program) : undefined;
    const { base, labels } = from?.build ?? {};
    const said = filled(asTemplates({ labels }));
    const ko = { ...filled({ main, fromImage: base }), ...goFields(from), ...said };
    return { image, ...filled({ context: module }), ko };
  });
  const document = new Document({
    apiVersion: "skaffold/v4beta13",
    kind: "Config",
    build: { artifacts },
    manifests: { rawYaml: manifests },
  });
  document.commentBefore = ` yaml-language-server: $schema=${schema}`;
  return document.toString({ lineWidth: 0 });
}
