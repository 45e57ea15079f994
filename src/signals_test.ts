/**
 * Work that nothing comes in between of, and those who listen meanwhile.
 * @module
 */
import assert from "node:assert/strict";
import { listenNow, uninterruptible } from "./signals.ts";

Deno.test("uninterruptible: nobody listens while it goes on, and all do before and after", () => {
  const told: string[] = [];
  const say = (what: string) => () => void told.push(what);
  {
    using _ = listenNow({ listen: say("listen"), rest: say("rest"), check: say("check") });
    assert.equal(uninterruptible(() => told.push("work")), 4);
  }
  uninterruptible(say("more"));
  assert.deepEqual(told, ["listen", "check", "rest", "work", "listen", "rest", "more"]);
});

Deno.test("uninterruptible: within another, nobody listens before the outer one has ended", () => {
  const told: string[] = [];
  const say = (what: string) => () => void told.push(what);
  using _ = listenNow({ listen: say("listen"), rest: say("rest"), check: say("check") });
  const fails = (): never => {
    throw new Error("it cannot be");
  };
  uninterruptible(() => {
    uninterruptible(say("inner"));
    assert.throws(() => uninterruptible(fails), /^Error: it cannot be$/);
    told.push("outer");
  });
  const once = ["check", "rest", "inner", "outer", "listen"];
  assert.deepEqual(told, ["listen", ...once]);
  assert.throws(() => uninterruptible(fails), /^Error: it cannot be$/);
  uninterruptible(say("after"));
  assert.deepEqual(told.slice(6), ["check", "rest", "listen", "check", "rest", "after", "listen"]);
});

Deno.test("uninterruptible: what was heard before it began ends it", () => {
  const check = (): never => {
    throw new Error("heard");
  };
  using _ = listenNow({ listen: () => {}, rest: () => {}, check });
  assert.throws(() => uninterruptible(() => assert.fail("it has begun")), /^Error: heard$/);
});
