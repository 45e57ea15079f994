/**
 * The text of a skaffold.yaml for the images that Kubernetes objects of a repository name. Pure.
 * @module
 */
import { posix } from "node:path";
import { Document } from "yaml";
import type { DockerProgram } from "./docker_programs.ts";
import type { KubernetesFile } from "./kubernetes.ts";
import { type Fields, goFields, mainOf, said } from "./ko_text.ts";
import { type Program, programName } from "./programs.ts";

/** The newest version of the schema that kodeno knows. */
const API_VERSION = "skaffold/v4beta13";

/** An image to build, as objects name it. */
export interface WantedImage {
  /** `ko://` and an import path, or the name of an image. */
  readonly image: string;
  readonly importPath: string;
  /** Folder of the module it is built in, relative to the repository; "" for that. */
  readonly module: string;
}

/**
 * The images among those of objects that are made of main packages: those with `ko://`, and those
 * named as exactly one main package is.
 *
 * @param modules folder of the module for each import path that can be built
 */
export function wantedImages(
  files: readonly KubernetesFile[],
  programs: readonly Program[],
  modules: ReadonlyMap<string, string>,
): readonly WantedImage[] {
  const found = new Map<string, WantedImage>();
  for (const importPath of files.flatMap(({ references }) => references)) {
    const module = modules.get(importPath);
    if (module === undefined) continue;
    found.set(`ko://${importPath}`, { image: `ko://${importPath}`, importPath, module });
  }
  for (const given of files.flatMap(({ images }) => images)) {
    const image = given.replace(/@sha256:.*$/, "").replace(/:[^/:]*$/, "");
    const named = programs.filter((one) => programName(one.importPath) === posix.basename(image));
    const [program] = named;
    // A name that needs a template is Helm's or somebody else's.
    if (program === undefined || named.length > 1 || !/^[\w./:-]+$/.test(image)) continue;
    found.set(image, { image, importPath: program.importPath, module: program.module });
  }
  return [...found.values()];
}

/** The files that name one of the images, and those in the same folders. */
export function wantedFiles(
  files: readonly KubernetesFile[],
  images: readonly WantedImage[],
): readonly string[] {
  const names = new Set(images.map(({ image }) => image));
  const isNaming = ({ references, images }: KubernetesFile): boolean =>
    references.some((one) => names.has(`ko://${one}`)) ||
    images.some((one) => names.has(one.replace(/@sha256:.*$/, "").replace(/:[^/:]*$/, "")));
  const folders = new Set(files.filter(isNaming).map(({ path }) => posix.dirname(path)));
  return files.map(({ path }) => path).filter((path) => folders.has(posix.dirname(path)));
}

/**
 * Writes it.
 *
 * @param manifests paths, relative to the file
 * @param schema path of the JSON Schema, relative to the file; left out where there is none
 */
export function skaffoldText(
  images: readonly WantedImage[],
  manifests: readonly string[],
  sources: {
    readonly programs: readonly Program[];
    readonly docker: ReadonlyMap<string, DockerProgram>;
    readonly schema: string | undefined;
  },
): string {
  const artifacts = images.map(({ image, importPath, module }) => {
    const from = sources.docker.get(importPath);
    const program = sources.programs.find((one) => one.importPath === importPath);
    const isNamed = image.startsWith("ko://") || program === undefined;
    const ko: Fields = {
      ...(isNamed ? {} : { main: mainOf(program) }),
      ...(from === undefined ? {} : said({
        fromImage: from.build.base,
        ...goFields(from),
        labels: from.build.labels,
      })),
    };
    return { image, ...(module === "" ? {} : { context: module }), ko };
  });
  const document = new Document({
    apiVersion: API_VERSION,
    kind: "Config",
    build: { artifacts },
    manifests: { rawYaml: manifests },
  });
  if (sources.schema !== undefined) {
    document.commentBefore = ` yaml-language-server: $schema=${sources.schema}`;
  }
  return document.toString({ lineWidth: 0 });
}
