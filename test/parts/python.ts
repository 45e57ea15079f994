/**
 * Programs of Python that judge what kodeno writes, at pinned versions, installed into the project's
 * own cache.
 * @module
 */
import { join } from "node:path";
import { succeed } from "../support/process.ts";
import { keptFolder } from "./tools.ts";

const PACKAGES = ["spdx-tools==0.8.5", "cyclonedx-python-lib[json-validation]==11.12.0"];

let coming: Promise<string> | undefined;

/** Runs a program of Python, which may import what is installed; gives what it prints. */
export async function python(args: readonly string[]): Promise<string> {
  coming ??= keptFolder(join("python", PACKAGES.join("-")), async (made) => {
    await pip("install", "--target", made, ...PACKAGES);
  });
  const env = { ...Deno.env.toObject(), PYTHONPATH: await coming };
  return await succeed("python3", args, { env });
}

/** Runs pip. */
export async function pip(...args: readonly string[]): Promise<void> {
  await succeed("python3", ["-m", "pip", "--quiet", ...args]);
}
