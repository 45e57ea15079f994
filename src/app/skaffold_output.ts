/**
 * What was built, as Skaffold's `--file-output` and `--output` tell it to other programs.
 * @module
 */
import { KodenoError } from "../errors.ts";
import { writeTextOutput } from "../io/output.ts";
import { fixed, type Functions } from "../template/functions.ts";
import { compileTemplate } from "../template/template.ts";
import type { SkaffoldBuilt } from "./skaffold_build.ts";

/**
 * The images as JSON: `{"builds":[{"imageName":"app","tag":"reg.local/app:v1@sha256:..."}]}`.
 */
export function buildsJson(builds: readonly SkaffoldBuilt[]): string {
  return JSON.stringify({ builds: builds.map(({ imageName, tag }) => ({ imageName, tag })) });
}

/**
 * The images through a Go template over `.Builds`, each with `.ImageName` and `.Tag`; `{{json .}}` is
 * all of it.
 *
 * @throws {KodenoError} `BAD_CONFIG` for a template that cannot be read
 */
export function renderBuilds(builds: readonly SkaffoldBuilt[], template: string): string {
  if (template.replaceAll(/\s/g, "") === "{{json.}}") return buildsJson(builds);
  const json: Functions = new Map([[
    "json",
    fixed(["interface {}"], () => {
      throw new Error("json prints everything: say {{json .}} alone");
    }),
  ]]);
  return compileTemplate(template, "--output", { functions: json }).run({
    Builds: builds.map(({ imageName, tag }) => ({ ImageName: imageName, Tag: tag })),
  });
}

/**
 * Writes the images as JSON into a file; `-` is the standard output.
 *
 * @throws {KodenoError} `IO_FAILED`, `BAD_OPTION` without a name
 */
export async function writeBuilds(path: string, builds: readonly SkaffoldBuilt[]): Promise<void> {
  if (path === "") {
    throw new KodenoError("BAD_OPTION", "Cannot write --file-output: it has no name");
  }
  await writeTextOutput(path, { what: path }, buildsJson(builds));
}
