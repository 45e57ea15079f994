/**
 * Behind `deno task compile`: makes the binary `dist/kodeno` from cli.ts with the Deno that runs
 * this. Arguments go to `deno compile`; a file that DENORT_BIN names is used instead of a download.
 * Types are checked by `deno task ok`, not here.
 * @module
 */
import { join } from "node:path";
import { ROOT } from "../test/support/kodeno.ts";
import { ENTRY, makePieces } from "./pieces.ts";
import { RUNTIME_FLAGS } from "./runtime_flags.ts";

const dist = join(ROOT, "dist");

async function deno(args: readonly string[], cwd: string): Promise<void> {
  const command = new Deno.Command(Deno.execPath(), {
    args: [...args],
    cwd,
    stdin: "null",
    stdout: "inherit",
    stderr: "inherit",
  });
  const { code } = await command.output();
  if (code !== 0) throw new Error(`deno ${args[0]}: exit code ${code}`);
}

async function compile(args: readonly string[]): Promise<void> {
  const denort = Deno.env.get("DENORT_BIN");
  // Deno would name the file, but not the variable.
  if (denort) {
    await Deno.stat(denort).catch(() => {
      throw new Error(`DENORT_BIN: no file ${denort}`);
    });
  }
  // The machine that it is for may be another one.
  const target = args.find((_, i) => args[i - 1] === "--target") ?? Deno.build.target;
  const made = target.includes("windows") ? "kodeno.exe" : "kodeno";
  await Deno.mkdir(dist, { recursive: true });
  const folder = await Deno.makeTempDir({ dir: dist, prefix: ".new-" });
  try {
    await makePieces(folder);
    const fixed = ["compile", "--quiet", "--output", "kodeno", ...RUNTIME_FLAGS];
    await deno([...fixed, ...args, ENTRY], folder);
    // Renamed, so that a binary that runs goes on, and nobody sees half of one.
    await Deno.rename(join(folder, made), join(dist, made));
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
  const { size } = await Deno.stat(join(dist, made));
  console.log(`dist/${made}: ${Math.round(size / 1e6)} MB`);
}

try {
  await compile(Deno.args);
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  Deno.exit(1);
}
