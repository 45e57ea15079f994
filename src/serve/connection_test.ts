import assert from "node:assert/strict";
import { Deadline } from "./connection.ts";

const sleep = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms));

function counting() {
  const made = { late: 0, deadline: new Deadline(() => {}) };
  made.deadline = new Deadline(() => {
    made.late++;
    made.deadline.close();
  });
  return made;
}

Deno.test("deadline: work in time is let be, however often", async () => {
  const made = counting();
  for (let i = 0; i < 8; i++) {
    assert.equal(await made.deadline.within(400, () => sleep(100).then(() => i)), i);
  }
  await assert.rejects(made.deadline.within(400, () => Promise.reject(new Error("x"))), /x/);
  assert.equal(made.late, 0);
  assert.equal(made.deadline.hasLeftWork, false);
  made.deadline.close();
  assert.equal(made.deadline.hasLeftWork, false);
});

for (const before of [60_000, 20]) {
  Deno.test(`deadline: late work is not waited for, after a bound of ${before} ms`, async () => {
    const made = counting();
    await made.deadline.within(before, () => sleep(1));
    const never = made.deadline.within(100, () => new Promise(() => {}));
    await assert.rejects(never, /closed/);
    assert.equal(made.late, 1);
    assert.equal(made.deadline.hasLeftWork, true);
    await sleep(200);
    assert.equal(made.late, 1);
  });
}
