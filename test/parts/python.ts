/**
 * Programs of Python that judge what kodeno writes, at pinned versions, installed into the project's
 * own cache.
 * @module
 */
import { dirname, join, resolve } from "node:path";
import { ROOT } from "../support/kodeno.ts";
import { succeed } from "../support/process.ts";

const PACKAGES = ["spdx-tools==0.8.5", "cyclonedx-python-lib[json-validation]==11.12.0"];

let coming: Promise<string> | undefined;

/** Runs a program of Python, which may import what is installed; gives what it prints. */
export async function python(args: readonly string[]): Promise<string> {
  coming ??= install();
  const env = { ...Deno.env.toObject(), PYTHONPATH: await coming };
  return await succeed("python3", args, { env });
}

async function install(): Promise<string> {
  const cache = resolve(Deno.env.get("KODENO_TOOLS_DIR") || join(ROOT, ".cache", "tools"));
  const folder = join(cache, "python", PACKAGES.join("-"));
  if (await Deno.stat(folder).then(() => true, () => false)) return folder;
  await Deno.mkdir(dirname(folder), { recursive: true });
  // Beside its final place, so that the rename is atomic: two test processes may both install.
  const made = await Deno.makeTempDir({ dir: dirname(folder), prefix: ".new-" });
  await succeed("python3", ["-m", "pip", "install", "--quiet", "--target", made, ...PACKAGES]);
  await Deno.rename(made, folder).catch(async (error) => {
    await Deno.remove(made, { recursive: true });
    if (!(await Deno.stat(folder).catch(() => undefined))?.isDirectory) throw error;
  });
  return folder;
}
