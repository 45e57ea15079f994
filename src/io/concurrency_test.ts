/**
 * Bounded concurrency: as much at once as there is room for, the rest in turn.
 * @module
 */
import assert from "node:assert/strict";
import { soon } from "../../test/support/fails.ts";
import { forEach, inTurn, Pool, sleep } from "./concurrency.ts";

const pause = () => new Promise((resolve) => setTimeout(resolve, 1));

Deno.test("pool: as many at once as it is large, in the order they came", async () => {
  for (const [size, expected] of [[1, 1], [3, 3], [2.9, 2], [0, 1], [-1, 1], [20, 10]] as const) {
    const pool = new Pool(size);
    let now = 0;
    let most = 0;
    const begun: number[] = [];
    const work = async (i: number) => {
      begun.push(i);
      most = Math.max(most, ++now);
      await pause();
      now--;
      return i;
    };
    const order = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9];
    assert.deepEqual(await soon(Promise.all(order.map((i) => pool.run(() => work(i))))), order);
    // What was waited for leaves no more room than there was.
    await soon(Promise.all(order.map(() => pool.run(pause))));
    most = 0;
    await soon(Promise.all(order.map((i) => pool.run(() => work(i)))));
    begun.splice(10);
    assert.deepEqual([most, begun], [expected, order], `size ${size}`);
  }
});

Deno.test("pool: of what waits the weightiest comes first, equal ones as they came", async () => {
  const pool = new Pool(1);
  const begun: string[] = [];
  const weights = [["a", 1], ["b", 0], ["c", 5], ["d", 1], ["e", Infinity], ["f", 5], ["g", 0]];
  await soon(Promise.all(weights.map(([name, weight]) =>
    pool.run(() => {
      begun.push(String(name));
      return pause();
    }, Number(weight))
  )));
  // The first found a free place.
  assert.equal(begun.join(""), "aecfdbg");
});

Deno.test("pool: work that fails makes room for the next", async () => {
  const pool = new Pool(1);
  const fails = (): Promise<void> => Promise.reject(new Error("no"));
  const throws = (): Promise<void> => {
    throw new Error("no");
  };
  const work = [pool.run(fails), pool.run(throws), pool.run(fails), pool.run(() => pause())];
  const results = await soon(Promise.allSettled(work));
  const expected = ["rejected", "rejected", "rejected", "fulfilled"];
  assert.deepEqual(results.map(({ status }) => status), expected);
});

Deno.test("in turn: one after the other by key, also after one that failed", async () => {
  const last = new Map<string, Promise<void>>();
  const told: string[] = [];
  const work = (name: string) => async () => {
    told.push(`+${name}`);
    await pause();
    told.push(`-${name}`);
    if (name === "a1") throw new Error("no");
    return name;
  };
  const all = ["a1", "a2", "b1", "a3"].map((name) => inTurn(last, name.slice(0, 1), work(name)));
  const results = await soon(Promise.allSettled(all));
  const values = results.map((one) => one.status === "fulfilled" ? one.value : "failed");
  assert.deepEqual(values, ["failed", "a2", "b1", "a3"]);
  const ofA = told.filter((one) => one.includes("a"));
  assert.deepEqual(ofA, ["+a1", "-a1", "+a2", "-a2", "+a3", "-a3"]);
  assert.ok(told.indexOf("+b1") < told.indexOf("-a1"));
  assert.equal(last.size, 0);
});

Deno.test("forEach: after a failure nothing begins, and it is told when the others have ended", async () => {
  const begun: number[] = [];
  const ended: number[] = [];
  const work = async (one: number, signal: AbortSignal) => {
    begun.push(one);
    if (one === 1) throw new Error("one");
    await new Promise((resolve) => signal.addEventListener("abort", resolve));
    ended.push(one);
  };
  await assert.rejects(forEach([0, 1, 2, 3], new Pool(2), work), /^Error: one$/);
  assert.deepEqual([begun, ended], [[0, 1], [0]]);
});

Deno.test("sleep: ends with its signal", async () => {
  const controller = new AbortController();
  const waiting = sleep(60_000, controller.signal);
  controller.abort(new Error("stopped by the test"));
  await assert.rejects(waiting, /stopped by the test/);
});
