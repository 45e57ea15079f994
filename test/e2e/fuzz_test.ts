/**
 * Some inputs of the fuzzer, read by processes: their exit codes and what they print.
 * @module
 */
import { tryCommands } from "../fuzz/trial.ts";
import { TARGETS } from "../fuzz/targets.ts";
import { tempDir } from "../support/temp.ts";

const SEED = 20;

for (const target of TARGETS) {
  Deno.test(`fuzz: commands stay tame on a mutation of ${target.name}`, async () => {
    await using dir = await tempDir();
    await tryCommands(target, dir, SEED, 0);
  });
}
