/**
 * Bundles beside what anybody has: a layout that `tar` packs while `sha256sum` reads along. What is
 * written is on the disk at the end, on both sides.
 * @module
 */
import { join } from "node:path";
import type { Comparison } from "./comparison.ts";
import type { Setting } from "./competitors.ts";
import { largeFolder, makeLarge } from "./images.ts";
import { environment, run } from "./process.ts";

/** Bundles of 2 GB. */
export async function openBundleCreate({ work, kodeno }: Setting): Promise<Comparison> {
  const { blobs } = await makeLarge(work);
  const least = blobs.values().reduce((sum, size) => sum + size, 0);
  const layout = largeFolder(work);
  const file = join(work, "bundle.tar");
  const env = environment();
  const other = 'tar -cf - "$0" | tee "$1" | sha256sum && sync "$1"';
  return {
    run: async (side, watch) => {
      await Deno.remove(file).catch(() => {});
      const command = side === "kodeno"
        ? { program: kodeno, args: ["bundle", "create", "-o", file, layout], env, cwd: work }
        : { program: "sh", args: ["-c", other, layout, file], env, cwd: work };
      const done = await run(command, watch);
      const { size } = await Deno.stat(file);
      if (size < least) {
        throw new Error(`${file} has ${size} bytes, less than the ${least} of blobs`);
      }
      return done;
    },
    [Symbol.asyncDispose]: async () => await Deno.remove(file),
  };
}
