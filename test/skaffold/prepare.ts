/**
 * Makes the repository of a golden case.
 * @module
 */
import { gitRepository } from "../support/git_repository.ts";
import { type TempDir, tempDir } from "../support/temp.ts";
import type { GoldenCase } from "./golden.ts";

/** A folder with the files of a case, in a repository unless it has none; goes away with its scope. */
export async function prepare({ files, then, noGit }: GoldenCase): Promise<TempDir> {
  if (noGit) {
    const folder = await tempDir();
    for (const [name, text] of Object.entries(files)) await folder.write(name, text);
    return folder;
  }
  const repository = await gitRepository();
  await repository.commit("initial", files);
  await then?.(repository);
  return repository.dir;
}

/** The home folder of a case; goes away with its scope. */
export async function prepareHome({ home = {} }: Pick<GoldenCase, "home">): Promise<TempDir> {
  const folder = await tempDir();
  for (const [name, text] of Object.entries(home)) await folder.write(name, text);
  return folder;
}
