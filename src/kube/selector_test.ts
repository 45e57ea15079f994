import assert from "node:assert/strict";
import { KodenoError } from "../errors.ts";
import { parseSelector } from "./selector.ts";

const LABELS = new Map([["app", "web"], ["tier", "a"], ["x.io/weight", "12"], ["empty", ""]]);

Deno.test("selector: picks what kubectl's -l picks", () => {
  const cases: readonly (readonly [selector: string, fits: boolean])[] = [
    ["", true],
    [" ", true],
    ["app", true],
    ["none", false],
    ["!app", false],
    ["! none", true],
    ["app=web", true],
    ["app == web", true],
    ["app=api", false],
    ["app!=api", true],
    ["none!=api", true],
    ["none=api", false],
    ["empty=", true],
    ["empty", true],
    ["app=", false],
    ["app=web,tier=a", true],
    ["app=web, tier=b", false],
    ["tier in (a,b)", true],
    ["tier in(a, b),app", true],
    ["tier in (c)", false],
    ["none in (c)", false],
    ["tier notin (c)", true],
    ["none notin (c)", true],
    ["tier notin (a)", false],
    ["empty in ()", true],
    ["empty in (a,)", true],
    ["in in (a)", false],
    ["notin", false],
    ["x.io/weight>11", true],
    ["x.io/weight > 12", false],
    ["x.io/weight<13", true],
    ["x.io/weight<99999999999999999999", true],
    ["app>1", false],
  ];
  for (const [selector, fits] of cases) {
    assert.equal(parseSelector(selector)(LABELS), fits, JSON.stringify(selector));
  }
});

Deno.test("selector: a long one takes no square of its length", () => {
  const started = performance.now();
  assert.throws(() => parseSelector("a(,".repeat(40_000)), KodenoError);
  assert.throws(() => parseSelector(",".repeat(120_000)), KodenoError);
  assert.ok(performance.now() - started < 3000);
});

Deno.test("selector: what is none is an error that quotes it", () => {
  const cases: readonly (readonly [selector: string, why: RegExp])[] = [
    ["a,", /a requirement is empty/],
    [",a", /a requirement is empty/],
    ["a,,b", /a requirement is empty/],
    ["!a=b", /"!a=b" is no requirement/],
    ["a=b=c", /is no requirement/],
    ["a in b", /is no requirement/],
    ["a in (b", /is no requirement/],
    ["a b", /is no requirement/],
    ["a in (b c)", /"b c" is no value of a label/],
    ["-a=b", /"-a" is no name of a label/],
    ["UPPER.io/a=b", /is no name of a label/],
    ["a/b/c=d", /is no name of a label/],
    [`a=${"b".repeat(64)}`, /is no value of a label/],
    ["a>b", /"b" is no whole number/],
  ];
  for (const [selector, why] of cases) {
    assert.throws(() => parseSelector(selector), (error) => {
      assert.ok(error instanceof KodenoError);
      assert.equal(error.code, "BAD_OPTION");
      assert.match(error.message, why, selector);
      return error.message.includes(JSON.stringify(selector));
    });
  }
});
