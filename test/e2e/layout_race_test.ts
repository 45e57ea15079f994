/**
 * Six processes at once in one layout, one of which removes what it can: nobody fails for want of a
 * blob, every entry is whole in the end, and what nobody needs does go. KODENO_RACE_SECONDS says for
 * how long, 15 unless set.
 * @module
 */
import assert from "node:assert/strict";
import { startRegistry } from "../parts/registry.ts";
import { needs } from "../parts/tools.ts";
import { goModule, printer } from "../support/go_module.ts";
import { imageGraph, layoutWith } from "../support/image_graph.ts";
import { kodeno, spawnKodeno } from "../support/kodeno.ts";
import { assertClean, imageNames } from "../support/layout.ts";
import { names, type TempDir, tempDir } from "../support/temp.ts";

const SECONDS = Number(Deno.env.get("KODENO_RACE_SECONDS") || 15);
const LONG_AGO = new Date(Date.now() - 2 * 60 * 60 * 1000);

/** Makes all blobs of a layout older than what gc spares. */
async function age(layout: string): Promise<void> {
  for (const name of await names(`${layout}/blobs/sha256`)) {
    // Others may be removing it.
    await Deno.utime(`${layout}/blobs/sha256/${name}`, LONG_AGO, LONG_AGO).catch(() => {});
  }
}

/** Runs kodeno; it may fail only since another one took the name that it was to work on. */
async function step(dir: TempDir, args: readonly string[], mayMiss = false): Promise<string> {
  const { code, stdout, stderr } = await kodeno(args, { cwd: dir.path });
  const missed = mayMiss && code === 1 && /Cannot (?:find image|remove) "/.test(stderr);
  assert.ok(code === 0 || missed, `kodeno ${args.join(" ")}: ${code}\n${stderr}`);
  return stdout;
}

Deno.test({
  name: "layout: build, copy, merge, pull, push, tag, rm and gc --prune-now at once",
  ...needs("docker-registry"),
  fn: async (t) => {
    await using dir = await tempDir();
    await using registry = await startRegistry();
    const [a, b] = [imageGraph("a"), imageGraph("b")];
    await layoutWith(dir, "A", { "a:v1": a, "shared:v1": imageGraph("shared") });
    await layoutWith(dir, "B", { "b:v1": b, "shared:v1": imageGraph("shared") });
    await layoutWith(dir, "far", { "far:v1": imageGraph("far"), "far:v2": imageGraph("farther") });
    await layoutWith(dir, "out", { "kept:v1": imageGraph("kept") });
    await goModule(dir, "example.com/app", { "main.go": printer("app") });
    const remote = `${registry.host}/pulled`;
    await step(dir, ["push", "far", "--to", remote]);
    const out = dir.join("out");

    const build = async (i: number) => {
      // Two contents take turns, so that the name moves between blobs that were there before.
      await dir.write("kodata/turn", `${i % 4}`);
      await step(dir, ["build", ".", "--oci-layout", "out", "-t", `t${i % 2}`]);
    };
    const works: readonly ((i: number) => Promise<unknown>)[] = [
      build,
      (i) => step(dir, ["copy", `oci:${i % 2 ? "A:a" : "B:b"}:v1`, "oci:out:copied:v1"]),
      (i) => step(dir, ["merge", "out", "A", i % 2 ? "B" : "out", "--force"]),
      (i) => step(dir, ["pull", `${remote}/far:v${1 + i % 2}`, "--oci-layout", "out"]),
      (i) =>
        i % 2
          ? step(dir, ["push", "out", "--to", `${registry.host}/all`])
          : step(dir, ["copy", "oci:out:shared:v1", "archive:shared.tar"], true),
      async (i) => {
        await step(
          dir,
          ["tag", "out", ["copied:v1", "b:v1", "app:t0"][i % 3] ?? "", "tagged:v1"],
          true,
        );
        const gone = ["a:v1", "shared:v1", "copied:v1", "tagged:v1", "b:v1", "app:t1", "app:t0"];
        await step(dir, ["rm", "out", gone[i % gone.length] ?? ""], true);
      },
    ];
    const counts = works.map(() => 0);
    let removed = 0;
    let busy = 0;
    let collected = 0;
    const collect = async () => {
      await age(out);
      const found = JSON.parse(await step(dir, ["gc", "out", "--prune-now", "--json"]));
      removed += found.removed.length;
      if (found.busy.length > 0) busy++;
      collected++;
    };
    const began = Date.now();
    let failed = false;
    // On a busy machine gc hardly ever finds the layout at rest; it is given longer then.
    const goesOn = (): boolean => {
      const seconds = (Date.now() - began) / 1000;
      return !failed && (seconds < SECONDS || (removed === 0 && seconds < 4 * SECONDS));
    };
    const repeat = async (work: (i: number) => Promise<unknown>, slot: number) => {
      for (let i = 0; goesOn(); i++) {
        await work(i).catch((error) => {
          failed = true;
          throw error;
        });
        if (slot >= 0) counts[slot] = i + 1;
      }
    };
    const all = await Promise.allSettled([...works.map(repeat), repeat(collect, -1)]);
    for (const one of all) if (one.status === "rejected") throw one.reason;
    await t.step(
      `${counts.join(", ")} runs; ${collected} of gc removed ${removed}, ${busy} busy`,
      () => {
        assert.ok(counts.every((count) => count >= 2), "too few runs");
        assert.ok(removed > 0, "gc has removed nothing");
      },
    );
    await assertClean(out);
    assert.ok((await imageNames(out)).includes("kept:v1"));
    await step(dir, ["gc", "out", "--prune-now"]);
    await assertClean(out);
    const left = JSON.parse(await step(dir, ["gc", "out", "--prune-now", "--json", "--dry-run"]));
    assert.deepEqual([left.removed, left.busy, left.young], [[], [], []]);
  },
});

Deno.test("gc: leaves what a running copy counts on and says so; a killed one keeps nothing", async () => {
  await using dir = await tempDir();
  await layoutWith(dir, "out", { "one:v1": imageGraph("one") });
  const all = (await names(dir.join("out/blobs/sha256"))).length;
  // A registry that takes calls and never answers.
  using silent = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = silent.addr as Deno.NetAddr;
  const to = `127.0.0.1:${port}/app:v1`;
  const copying = spawnKodeno(["copy", "oci:out:one:v1", to], { cwd: dir.path });
  const ended = copying.output();
  using _call = await silent.accept();
  await step(dir, ["rm", "out", "one:v1"]);
  const gc = () => kodeno(["gc", "out", "--prune-now"], { cwd: dir.path });
  const kept = await gc();
  assert.equal(kept.code, 0, kept.stderr);
  assert.equal(kept.stdout, "");
  assert.match(kept.stderr, /^Removed 0 blobs, 0 B\nKept \d+ blobs .*: others are at work in the /);
  assert.equal((await names(dir.join("out/blobs/sha256"))).length, all);
  copying.kill("SIGKILL");
  await ended;
  assert.equal((await gc()).stdout.trim().split("\n").length, all);
  assert.deepEqual(await names(dir.join("out/blobs/sha256")), []);
});

Deno.test("merge: what gc took after it was seen is brought again", async () => {
  await using dir = await tempDir();
  await layoutWith(dir, "A", { "a:v1": imageGraph("a") });
  await layoutWith(dir, "B", { "b:v1": imageGraph("b") });
  const out = dir.join("out");
  for (let round = 0; round < 5; round++) {
    await step(dir, ["merge", "out", "A", "--force"]);
    await step(dir, ["rm", "out", "a:v1"]);
    await age(out);
    await Promise.all([step(dir, ["merge", "out", "A", "B"]), step(dir, ["gc", "out"])]);
    assert.deepEqual(await imageNames(out), ["a:v1", "b:v1"]);
    await assertClean(out);
  }
});
