/**
 * kodeno as JavaScript for the runtime, in pieces, and how the runtime is to be started with it: the same
 * in the binary and in the npm package.
 * @module
 */
import { ROOT } from "../test/support/kodeno.ts";
import { succeed } from "../test/support/process.ts";

/** The piece that kodeno begins with. */
export const ENTRY = "cli.js";

/**
 * Writes the pieces of kodeno into a folder. Each of hundreds of modules costs time whenever kodeno starts,
 * and so does one file with all of them, of which a command needs a part; a few pieces cost little.
 */
export async function makePieces(folder: string): Promise<void> {
  const args = ["bundle", "--quiet", "--code-splitting", "--outdir", folder, "cli.ts"];
  await succeed(Deno.execPath(), args, { cwd: ROOT });
}
