/**
 * The recipe of `kodeno bundle join`: parts of a bundle become one file again.
 * @module
 */
import { explainParts, findParts, noHeader, partsChunks } from "../airgap/parts.ts";
import type { WorkOptions } from "../events.ts";
import { ioFailure } from "../io/files.ts";
import { checkOutput, writeOutput } from "../io/output.ts";

interface JoinRequest extends WorkOptions {
  /** Paths of the header and of parts; those that are not named are looked for beside the header. */
  readonly parts: readonly string[];
  /** Path of the file; `-` is stdout. */
  readonly output: string;
}

/** Joins parts, each of which is checked; a file is there when it is whole. */
export async function joinBundle({ parts, output, signal }: JoinRequest) {
  const what = output === "-" ? "the bundle on stdout" : `bundle ${output}`;
  await checkOutput(output, what);
  const found = await findParts(parts).catch((error) => {
    throw ioFailure(`read ${parts.join(" and ")}`, error);
  });
  if (found === undefined) throw noHeader("join", parts);
  try {
    await writeOutput(output, { what, signal }, async (take) => {
      for await (const chunk of partsChunks(found, { signal })) await take(chunk);
    });
  } catch (error) {
    throw await explainParts(found, error, { signal });
  }
  const { id, bytes, sha256, parts: all } = found.header;
  return { id, path: output, bytes, sha256, parts: all.length };
}
