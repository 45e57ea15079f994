/**
 * What registries say of how to authenticate, honest and malformed.
 * @module
 */
import assert from "node:assert/strict";
import { parseChallenges, scopeText } from "./auth.ts";

const parsed = (header: string) =>
  parseChallenges(header).map(({ scheme, parameters }) => ({ scheme, ...parameters }));

Deno.test("parseChallenges reads what registries send", () => {
  const bearer =
    'Bearer realm="https://auth.local/token",service="reg, \\"x\\"",scope="repository:a:pull,push"';
  assert.deepEqual(parsed(bearer), [{
    scheme: "bearer",
    realm: "https://auth.local/token",
    service: 'reg, "x"',
    scope: "repository:a:pull,push",
  }]);
  assert.deepEqual(parsed('Negotiate, BASIC Realm="a b", Bearer realm=x'), [
    { scheme: "negotiate" },
    { scheme: "basic", realm: "a b" },
    { scheme: "bearer", realm: "x" },
  ]);
  assert.deepEqual(parsed("basic"), [{ scheme: "basic" }]);
});

Deno.test("parseChallenges ends at what is malformed", () => {
  for (const header of ["", ",,,", "=", '="x"', "realm=x", '"', "\u00e9"]) {
    assert.deepEqual(parsed(header), [], header);
  }
  assert.deepEqual(parsed('Bearer __proto__="x"')[0]?.scheme, "bearer");
  assert.equal(({} as Record<string, unknown>).x, undefined);
  const began = performance.now();
  parsed('Bearer realm="' + "\\".repeat(100_000));
  parsed("a ".repeat(50_000) + "=".repeat(50_000));
  assert.ok(performance.now() - began < 1000);
});

Deno.test("scopeText names path and actions", () => {
  assert.equal(scopeText({ path: "a/b", actions: ["pull", "push"] }), "repository:a/b:pull,push");
});
