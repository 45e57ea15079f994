/**
 * Where a `.ko.yaml` is looked for, by ko's rules.
 * @module
 */
import { join, resolve } from "node:path";
import { KodenoError } from "../errors.ts";
import { type Environment, variable } from "./environment.ts";

/** Its names, the first before the second: ko's config library takes the short ending, too. */
export const KO_FILES: readonly string[] = [".ko.yaml", ".ko.yml"];

/** A file that was found. */
interface FoundFile {
  /** Absolute. */
  readonly path: string;
  /** As a person would name it. */
  readonly name: string;
}

/**
 * Finds the `.ko.yaml` of a folder, or the file or folder that `KO_CONFIG_PATH` names.
 *
 * @param workingDirectory where it is looked for, and what `KO_CONFIG_PATH` is relative to
 * @returns undefined where there is none
 * @throws {KodenoError} `BAD_OPTION` when `KO_CONFIG_PATH` leads nowhere
 */
export async function findKoFile(
  workingDirectory: string,
  environment: Environment,
): Promise<FoundFile | undefined> {
  const stat = (path: string) => Deno.stat(path).catch(() => undefined);
  const named = variable(environment, "KO_CONFIG_PATH");
  if (named === undefined) {
    for (const name of KO_FILES) {
      const path = join(workingDirectory, name);
      if ((await stat(path))?.isFile) return { path, name };
    }
    return undefined;
  }
  const path = resolve(workingDirectory, named);
  const info = await stat(path);
  const found = info?.isDirectory
    ? { path: join(path, ".ko.yaml"), name: join(named, ".ko.yaml") }
    : { path, name: named };
  if ((await stat(found.path))?.isFile) return found;
  const why = info === undefined
    ? "there is no such file or folder"
    : `${found.path} is not a file`;
  throw new KodenoError(
    "BAD_OPTION",
    `Cannot use KO_CONFIG_PATH ${JSON.stringify(named)}: ${why}; ` +
      "name a .ko.yaml, or a folder with one",
  );
}

/** `labels` as a default is `defaultLabels`. */
export function defaultKey(field: string): string {
  return `default${field.charAt(0).toUpperCase()}${field.slice(1)}`;
}
