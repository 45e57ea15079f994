/**
 * A short run of the fuzzer, the same each time; `deno task fuzz` makes long ones.
 * @module
 */
import assert from "node:assert/strict";
import { fuzz } from "./run.ts";
import { TARGETS } from "./targets.ts";

const SEED = 10;
const COUNT = 200;

for (const { name } of TARGETS) {
  Deno.test(`fuzz: ${COUNT} mutations of ${name} bring nothing about that must not be`, async () => {
    const { findings, outcomes } = await fuzz(name, { seed: SEED, from: 0, count: COUNT });
    const [first] = findings;
    const again = `deno task fuzz --seed ${SEED} --from ${first?.iteration} --count 1 ${name}`;
    assert.equal(first, undefined, `${again}\n${first?.what}`);
    // Mutations after which nothing could be read, or everything, would try little.
    const good = Object.entries(outcomes).filter(([outcome]) => outcome.startsWith("ok"));
    const sum = good.reduce((all, [, times]) => all + times, 0);
    assert.ok(sum > COUNT / 50 && sum < COUNT, JSON.stringify(outcomes));
  });
}
