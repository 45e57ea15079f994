/**
 * Programs of a release: compiled for each machine, and those of a folder, which have to be of this
 * version.
 * @module
 */
import { basename, join } from "node:path";
import { VERSION } from "../../src/config/version.ts";
import { ROOT } from "../../test/support/kodeno.ts";
import { succeed } from "../../test/support/process.ts";
import { names } from "../../test/support/temp.ts";
import { ownTarget, programName, type Target, TARGETS } from "./targets.ts";

/** Compiles the program for each machine into a folder; Deno fetches the runtimes of the others. */
export async function compilePrograms(folder: string): Promise<void> {
  await Deno.mkdir(folder, { recursive: true });
  for (const target of TARGETS) {
    const args = ["task", "compile", "--target", target.triple];
    await succeed(Deno.execPath(), args, { cwd: ROOT });
    const made = join(ROOT, "dist", target.os === "windows" ? "kodeno.exe" : "kodeno");
    await Deno.copyFile(made, join(folder, programName(target)));
    console.error(programName(target));
  }
}

/** A program that is in a folder. */
export interface Program extends Target {
  readonly path: string;
  readonly name: string;
}

/** The programs of a folder. */
export async function programsIn(folder: string): Promise<readonly Program[]> {
  const there = new Set(await names(folder));
  const found = TARGETS.map((target) => ({ ...target, path: join(folder, programName(target)) }))
    .map((one) => ({ ...one, name: basename(one.path) }))
    .filter(({ name }) => there.has(name));
  if (found.length > 0) return found;
  const next = `it has no ${programName(TARGETS[0] as Target)}, nor another program`;
  throw new Error(`Cannot release ${folder}: ${next}`);
}

/**
 * The version of Deno in the programs, as the one says that runs here.
 *
 * @throws {Error} for a program of another version of kodeno
 */
export async function runtimeOf(programs: readonly Program[]): Promise<string> {
  const own = programs.find(({ triple }) => triple === ownTarget()?.triple);
  if (own === undefined) return Deno.version.deno;
  const said = await succeed(own.path, ["version"]);
  const [, version, runtime] = /^kodeno (\S+) \(deno ([^,)\s]+)/.exec(said) ?? [];
  if (version === VERSION && runtime !== undefined) return runtime;
  const why = `it says that it is ${said.trim()}`;
  throw new Error(`Cannot release ${own.path} as version ${VERSION}: ${why}; compile it again`);
}
