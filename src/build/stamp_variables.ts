/**
 * Variables for the git that go runs to stamp binaries with the commit of their checkout.
 * @module
 */
import { KodenoError, messageOf } from "../errors.ts";
import { gitVariables } from "../git/changes.ts";
import { repositoryRoot } from "../git/own_programs.ts";
import type { BuildGroup } from "./plan.ts";

/**
 * Makes them, so that git runs none of the programs that the checkout names.
 *
 * @throws {KodenoError} `GIT_FAILED` where that cannot be said
 */
export async function stampVariables(
  { directory, environment, go }: BuildGroup,
  signal: AbortSignal | undefined,
): Promise<Readonly<Record<string, string>>> {
  const words = [...(environment["GOFLAGS"] ?? "").split(/\s+/), ...go.flags];
  const stamps = words.findLast((word) => /^--?buildvcs(=|$)/.test(word));
  if (stamps?.endsWith("=false") || await repositoryRoot(directory) === undefined) return {};
  try {
    return await gitVariables({ directory, environment, signal });
  } catch (error) {
    signal?.throwIfAborted();
    // go says by itself that there is no git.
    if (error instanceof KodenoError) return {};
    throw new KodenoError(
      "GIT_FAILED",
      `Cannot have go ask git about ${directory}: ${messageOf(error)}; ` +
        "say GOFLAGS=-buildvcs=false to build without",
    );
  }
}
