/**
 * Work that nothing comes in between of, and those who listen meanwhile.
 * @module
 */
import assert from "node:assert/strict";
import { listenNow, undisturbed } from "./undisturbed.ts";

Deno.test("undisturbed: nobody listens while it goes on, and all do before and after", () => {
  const told: string[] = [];
  const say = (what: string) => () => void told.push(what);
  {
    using _ = listenNow({ listen: say("listen"), rest: say("rest"), check: say("check") });
    assert.equal(undisturbed(() => told.push("work")), 4);
  }
  undisturbed(say("more"));
  assert.deepEqual(told, ["listen", "check", "rest", "work", "listen", "rest", "more"]);
});

Deno.test("undisturbed: what was heard before it began ends it", () => {
  const check = (): never => {
    throw new Error("heard");
  };
  using _ = listenNow({ listen: () => {}, rest: () => {}, check });
  assert.throws(() => undisturbed(() => assert.fail("it has begun")), /^Error: heard$/);
});
