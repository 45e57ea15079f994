/**
 * Behind `deno task compile`: makes the binary `dist/kodeno` from cli.ts with the Deno that runs
 * this. Arguments go to `deno compile`; a file that DENORT_BIN names is used instead of a download.
 * @module
 */
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("..", import.meta.url));
const dist = join(root, "dist");

async function compile(args: readonly string[]): Promise<void> {
  const denort = Deno.env.get("DENORT_BIN");
  // Deno would name the file, but not the variable.
  if (denort) {
    await Deno.stat(denort).catch(() => {
      throw new Error(`DENORT_BIN: no file ${denort}`);
    });
  }
  await Deno.mkdir(dist, { recursive: true });
  const folder = await Deno.makeTempDir({ dir: dist, prefix: ".new-" });
  try {
    const made = join(folder, "kodeno");
    // The binary has all permissions from the start and never asks: nobody may be there to answer.
    const fixed = ["compile", "-A", "--no-prompt", "--output", made];
    const deno = new Deno.Command(Deno.execPath(), {
      args: [...fixed, ...args, "cli.ts"],
      cwd: root,
      stdin: "null",
      stdout: "inherit",
      stderr: "inherit",
    });
    const { code } = await deno.output();
    if (code !== 0) throw new Error(`deno compile: exit code ${code}`);
    // Renamed, so that a binary that runs goes on, and nobody sees half of one.
    await Deno.rename(made, join(dist, "kodeno"));
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
  const { size } = await Deno.stat(join(dist, "kodeno"));
  console.log(`dist/kodeno: ${Math.round(size / 1e6)} MB`);
}

try {
  await compile(Deno.args);
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  Deno.exit(1);
}
