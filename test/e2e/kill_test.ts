/**
 * `kill -9` in the middle of builds: whatever the moment, a layout holds whole images only, and the
 * next build goes on as if nothing had been.
 * @module
 */
import assert from "node:assert/strict";
import { goModule, printer } from "../support/go_module.ts";
import { kodeno, spawnKodeno } from "../support/kodeno.ts";
import {
  assertClean,
  assertSound,
  digestIn,
  imageNames,
  outputOf,
  temporaries,
} from "../support/layout.ts";
import { processesIn, until } from "../support/process.ts";
import { seeded } from "../support/seeded.ts";
import { names, type TempDir, tempDir } from "../support/temp.ts";

const PACKAGES = ["a", "b", "c"];
const LAYOUTS = 5;
const KILLS_EACH = 10;
const KODATA_BYTES = 1_000_000;
/** About how long the images are written to the layout, in milliseconds. */
const WRITING_MS = 60;

/** Writes programs and kodata that no build has seen. */
async function change(dir: TempDir, random: () => number, text: string): Promise<void> {
  for (const name of PACKAGES) {
    await dir.write(`${name}/main.go`, printer(`${name} ${text}`));
    // Bytes that do not compress, so that layers take a while.
    const bytes = new Uint32Array(KODATA_BYTES / 4).map(() => random() * 2 ** 32);
    await dir.write(`${name}/kodata/data.bin`, new Uint8Array(bytes.buffer));
  }
}

/** Waits till something is being written to a layout, or the process has ended. */
async function untilWriting(out: string, ended: Promise<unknown>): Promise<void> {
  let over = false;
  ended.then(() => over = true, () => over = true);
  while (!over && !(await names(out)).some((name) => name.endsWith(".tmp"))) {
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
}

/** Waits for so long, or till the process has ended. */
async function sleep(milliseconds: number, ended: Promise<unknown>): Promise<void> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const passed = new Promise((resolve) => timer = setTimeout(resolve, milliseconds));
  await Promise.race([passed, ended]);
  clearTimeout(timer);
}

/** Kills a process, unless it has ended. */
function kill(child: Deno.ChildProcess): void {
  try {
    child.kill("SIGKILL");
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
  }
}

/** Whether `oci-layout`, which is written last, is there; if not, there is no image either. */
async function hasLayout(path: string): Promise<boolean> {
  return await Deno.stat(`${path}/oci-layout`).then(() => true, () => false);
}

Deno.test("kill: 50 builds killed at any moment leave whole layouts, and the next ones succeed", async (t) => {
  await using dir = await tempDir();
  await goModule(dir, "example.com/mod", {});
  const random = seeded(20_260_101);
  const args = ["build", "./...", "-t", "one,two"];
  const caches = ["cache-0", "cache-1", "cache-2"].map((name) => dir.join(name));
  const run = { cwd: dir.path };

  await change(dir, random, "to measure");
  let began = performance.now();
  const first = await kodeno([...args, "--oci-layout", "measured"], {
    ...run,
    env: { KODENO_CACHE: caches[0] ?? "" },
  });
  assert.equal(first.code, 0, first.stderr);
  let full = performance.now() - began;

  let killed = 0;
  let halfWritten = 0;
  for (let number = 0; number < LAYOUTS; number++) {
    const out = dir.join(`out-${number}`);
    await t.step(`layout ${number}`, async () => {
      for (let round = 0; round < KILLS_EACH; round++) {
        // Most rounds have something new to write; some find all of it in the cache but the layout.
        if (random() < 0.8) await change(dir, random, `${number}.${round}`);
        const KODENO_CACHE = caches[Math.floor(random() * caches.length)] ?? "";
        const cached = random() < 0.8 ? [] : ["--no-cache"];
        const options = { ...run, env: { KODENO_CACHE } };
        began = performance.now();
        const child = spawnKodeno([...args, ...cached, "--oci-layout", out], options);
        // Both pipes are read, so that the process never waits for a reader.
        const ended = child.output();
        // Every other moment is in the short time in which the layout changes.
        const moment = random();
        if (round % 2 === 0) await sleep(moment * full, ended);
        else {
          await untilWriting(out, ended);
          await sleep(moment * WRITING_MS, ended);
        }
        kill(child);
        if ((await ended).signal === "SIGKILL") killed++;
        // The shortest run is the measure, since the machine may have been busy with others.
        else full = Math.min(full, performance.now() - began);
        if (!(await hasLayout(out))) continue;
        if ((await temporaries(out)).length > 0) halfWritten++;
        await assertSound(out);
      }
      const text = `at the end of ${number}`;
      await change(dir, random, text);
      const env = { KODENO_CACHE: caches[number % caches.length] ?? "" };
      const { code, stdout, stderr } = await kodeno([...args, "--oci-layout", out], {
        ...run,
        env,
      });
      assert.equal(code, 0, stderr);
      await assertClean(out);
      assert.deepEqual(
        await imageNames(out),
        PACKAGES.flatMap((name) => [`${name}:one`, `${name}:two`]),
      );
      for (const [i, name] of PACKAGES.entries()) {
        const digest = digestIn(stdout.split("\n")[i] ?? "");
        assert.equal(await outputOf(out, digest, name), `${name} ${text} dev\n`);
      }
    });
  }
  // Some had ended before their time came.
  assert.ok(killed >= 30, `only ${killed} were killed`);
  assert.ok(halfWritten >= 3, `only ${halfWritten} were killed while they wrote to the layout`);

  // The go commands of killed builds end by themselves.
  await until("orphans to end", async () => (await processesIn(dir.path)).length === 0);
  for (const KODENO_CACHE of caches) {
    assert.equal((await kodeno(args, { ...run, env: { KODENO_CACHE } })).code, 0);
    assert.deepEqual(await temporaries(KODENO_CACHE), []);
  }
});
