/**
 * Bundles beside what anybody has: a layout that `tar` packs or unpacks while `sha256sum` reads along. What
 * is written is on the disk at the end, on both sides.
 * @module
 */
import { join } from "node:path";
import type { Comparison } from "./comparison.ts";
import type { Setting } from "./competitors.ts";
import { startRegistry } from "../test/parts/registry.ts";
import { largeFolder, makeLarge } from "./images.ts";
import { environment, output, run } from "./process.ts";

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

/** A bundle of 2 GB into a folder that is new for each run. */
export async function openBundleApply({ work, kodeno }: Setting): Promise<Comparison> {
  const { blobs } = await makeLarge(work);
  const folder = await Deno.makeTempDir({ dir: work, prefix: "apply-" });
  const [file, to] = [join(folder, "bundle.tar"), join(folder, "inside")];
  const env = environment({ KODENO_CACHE: join(folder, "cache") });
  const own = (...args: string[]) => ({ program: kodeno, args, env, cwd: folder });
  await run(own("bundle", "create", "-o", file, largeFolder(work)));
  const other = 'tee >(sha256sum >&2) < "$0" | tar -xf - -C "$1" && sync -f "$1"';
  return {
    run: async (side, watch) => {
      await Deno.remove(to, { recursive: true }).catch(() => {});
      await Deno.mkdir(to);
      const done = side === "kodeno"
        ? await run(own("bundle", "apply", file, "--to", to), watch)
        : await run({ program: "bash", args: ["-c", other, file, to], env, cwd: folder }, watch);
      const layout = side === "kodeno" ? join(to, "out") : to;
      for (const [digest, size] of blobs) {
        const path = join(layout, "blobs", ...digest.split(":"));
        if ((await Deno.stat(path)).size !== size) throw new Error(`${path} is not whole`);
      }
      return done;
    },
    [Symbol.asyncDispose]: () => Deno.remove(folder, { recursive: true }),
  };
}

/** The same image of 2 GB into one file, and out of it, by hauler; both are on the disk at the end. */
export async function openHauler({ work, kodeno }: Setting, hauler: string): Promise<Comparison> {
  await makeLarge(work);
  const folder = await Deno.makeTempDir({ dir: work, prefix: "hauler-" });
  const env = environment({ HOME: folder, KODENO_CACHE: join(folder, "cache") });
  const shell = (script: string) => ({
    program: "sh",
    args: ["-euc", script, kodeno, hauler, largeFolder(work)],
    env,
    cwd: folder,
  });
  {
    await using registry = await startRegistry();
    const pushed = await output(shell(`"$0" push "$2" --to ${registry.host}`));
    const [image = ""] = pushed.split("@");
    await run(shell(`"$1" -s store store add image ${image}`));
  }
  const scripts = {
    kodeno: `rm -rf x.tar in; "$0" bundle create -o x.tar "$2"; "$0" bundle apply x.tar --to in`,
    other: `rm -rf y.tar.zst in; "$1" -s store store save -f y.tar.zst; sync y.tar.zst
      "$1" -s in store load -f y.tar.zst; sync -f in`,
  };
  return {
    run: (side, watch) => run(shell(scripts[side]), watch),
    [Symbol.asyncDispose]: () => Deno.remove(folder, { recursive: true }),
  };
}
