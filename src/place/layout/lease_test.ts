/**
 * Leases: who is at work keeps blobs from being removed, for as long as it is, and no longer.
 * @module
 */
import assert from "node:assert/strict";
import { blob, pushAll } from "../../../test/support/image_graph.ts";
import { soon } from "../../../test/support/fails.ts";
import { tempDir } from "../../../test/support/temp.ts";
import { collectGarbage } from "./gc.ts";
import { openLayout } from "./layout.ts";
import { withoutLeases } from "./lease.ts";

const LOOSE = blob("named by nobody");
const NOW = { minimumAgeMs: -Infinity, waitMs: 50 };

Deno.test("lease: what was found or brought stays till the layout is closed", async () => {
  await using dir = await tempDir();
  const path = dir.join("layout");
  const bringing = await openLayout(path, { create: true });
  await pushAll(bringing, [LOOSE]);
  const finding = await openLayout(path);
  assert.equal(await finding.has(LOOSE.descriptor), true);
  const other = await openLayout(path);
  const left = async () => {
    const { removed, busy } = await collectGarbage(other, NOW);
    return [removed.length, busy.length];
  };
  assert.deepEqual(await left(), [0, 1]);
  await bringing.close();
  assert.deepEqual(await left(), [0, 1]);
  assert.equal(await other.has(LOOSE.descriptor), true);
  await finding.close();
  await finding.close();
  // Whoever collects does not count on anything.
  assert.deepEqual(await left(), [1, 0]);
});

Deno.test("lease: several of a process are one, and the last one counts", async () => {
  await using dir = await tempDir();
  const layout = await openLayout(dir.join("layout"), { create: true });
  const alone = () => withoutLeases(layout.directory, 50, () => Promise.resolve("alone"));
  const one = await layout.hold();
  const waiting = alone();
  // A second one does not wait behind who waits for the first.
  const two = await soon(layout.hold());
  assert.equal(await waiting, "busy");
  one[Symbol.dispose]();
  assert.equal(await alone(), "busy");
  two[Symbol.dispose]();
  assert.equal(await soon(alone()), "alone");
});

Deno.test("lease: who waits ends with the signal, and new ones come in after the work", async () => {
  await using dir = await tempDir();
  const layout = await openLayout(dir.join("layout"), { create: true });
  const during = Promise.withResolvers<void>();
  const begun = Promise.withResolvers<void>();
  const work = withoutLeases(layout.directory, 50, () => {
    begun.resolve();
    return during.promise;
  });
  await begun.promise;
  const signal = AbortSignal.timeout(20);
  await assert.rejects(soon(layout.hold({ signal })), /timeout/i);
  const holding = layout.hold();
  during.resolve();
  await work;
  (await soon(holding))[Symbol.dispose]();
});

Deno.test("lease: without blobs, there is nothing to hold", async () => {
  await using dir = await tempDir();
  const layout = await openLayout(dir.join("layout"), { create: true });
  await Deno.remove(dir.join("layout/blobs"), { recursive: true });
  (await layout.hold())[Symbol.dispose]();
  const { removed, busy } = await collectGarbage(layout, NOW);
  assert.deepEqual([removed, busy], [[], []]);
});
