/**
 * One target in a process of its own: `child.ts TARGET SEED FROM COUNT PROGRESS`. The file PROGRESS
 * always holds the number of the mutation that is being tried; the report goes to stdout.
 * @module
 */
import { tempDir } from "../support/temp.ts";
import { TARGETS } from "./targets.ts";
import { tryTarget } from "./trial.ts";

const [name, seed, from, count, progress = ""] = Deno.args;
const target = TARGETS.find((one) => one.name === name);
if (target === undefined) throw new Error(`there is no target ${name}`);
using file = Deno.openSync(progress, { write: true, create: true });
const begin = (iteration: number): void => {
  file.seekSync(0, Deno.SeekMode.Start);
  file.writeSync(new TextEncoder().encode(`${iteration}\n`.padEnd(16)));
};
await using dir = await tempDir();
const options = { seed: Number(seed), from: Number(from), count: Number(count) };
console.log(JSON.stringify(await tryTarget(target, dir.path, options, begin)));
