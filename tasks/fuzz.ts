/**
 * Behind `deno task fuzz [--seed N] [--count N] [--from N] [TARGET...]`: tries mutations of
 * everything that kodeno reads, and prints each finding with what repeats it.
 * @module
 */
import { parseArgs } from "node:util";
import { fuzz } from "../test/fuzz/run.ts";
import { TARGETS } from "../test/fuzz/targets.ts";
import { tryCommands } from "../test/fuzz/trial.ts";
import { tempDir } from "../test/support/temp.ts";

const { values, positionals } = parseArgs({
  args: Deno.args,
  allowPositionals: true,
  options: {
    seed: { type: "string", default: String(Date.now() % 1_000_000) },
    count: { type: "string", default: "2000" },
    from: { type: "string", default: "0" },
    // So many inputs are read by processes instead.
    commands: { type: "string", default: "0" },
  },
});
const [seed, count, from] = [values.seed, values.count, values.from].map(Number);
const names = positionals.length > 0 ? positionals : TARGETS.map(({ name }) => name);
let found = 0;

/** Tries the command lines of a target on some inputs. */
async function commands(name: string): Promise<void> {
  const target = TARGETS.find((one) => one.name === name);
  if (target === undefined) throw new Error(`there is no target ${name}`);
  const first = from ?? 0;
  const last = first + Number(values.commands);
  for (let i = first; i < last; i++) {
    await using dir = await tempDir();
    try {
      await tryCommands(target, dir, seed ?? 1, i);
    } catch (error) {
      found++;
      console.log(`FOUND: deno task fuzz --seed ${seed} --from ${i} --commands 1 ${name}`);
      console.log(String(error).replaceAll(/^/gm, "  "));
    }
  }
  console.log(`${name}, seed ${seed}: the commands on ${values.commands} inputs`);
}

for (const name of names) {
  if (values.commands !== "0") {
    await commands(name);
    continue;
  }
  const report = await fuzz(name, { seed: seed ?? 1, count: count ?? 1, from: from ?? 0 });
  const { outcomes, findings, slowest: [most, at], milliseconds, memory } = report;
  const sums = Object.entries(outcomes).sort(([, a], [, b]) => b - a)
    .map(([outcome, times]) => `${outcome} ${times}`).join(", ");
  console.log(
    `${name}, seed ${seed}: ${count} in ${(milliseconds / 1000).toFixed(1)} s, ` +
      `${Math.round(memory)} MiB, slowest ${Math.round(most)} ms (${at}); ${sums}`,
  );
  const kinds = new Set<string>();
  for (const { iteration, what } of findings) {
    found++;
    // The same again is told by its place alone.
    const kind = what.slice(0, 60);
    if (kinds.has(kind)) {
      console.log(`FOUND again: --from ${iteration}: ${what.split("\n")[0]}`);
      continue;
    }
    kinds.add(kind);
    console.log(`FOUND: deno task fuzz --seed ${seed} --from ${iteration} --count 1 ${name}`);
    console.log(what.replaceAll(/^/gm, "  "));
  }
}
console.log(found === 0 ? "nothing found" : `${found} found`);
Deno.exitCode = found === 0 ? 0 : 1;
