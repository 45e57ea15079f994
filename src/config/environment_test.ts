/**
 * What variables mean: where the cache is, and whether there is a terminal worth drawing on.
 * @module
 */
import assert from "node:assert/strict";
import { join } from "node:path";
import { allowsLiveView, cacheDirectory, processEnvironment, variable } from "./environment.ts";

Deno.test("environment: set to nothing is not set", () => {
  assert.equal(variable({ A: "x" }, "A"), "x");
  assert.equal(variable({ A: "" }, "A"), undefined);
  assert.equal(variable({}, "A"), undefined);
});

Deno.test("environment: a snapshot does not change", () => {
  const name = "KODENO_TEST_VARIABLE";
  Deno.env.set(name, "before");
  try {
    const environment = processEnvironment();
    Deno.env.set(name, "after");
    assert.equal(environment[name], "before");
    assert.ok(Object.isFrozen(environment));
  } finally {
    Deno.env.delete(name);
  }
});

Deno.test("environment: the cache is where the most special variable says", () => {
  const all = { KODENO_CACHE: "own", KOCACHE: "ko", XDG_CACHE_HOME: "xdg", HOME: "home" };
  assert.equal(cacheDirectory(all), "own");
  assert.equal(cacheDirectory({ ...all, KODENO_CACHE: "" }), join("ko", "kodeno"));
  const { XDG_CACHE_HOME, HOME } = all;
  assert.equal(cacheDirectory({ XDG_CACHE_HOME, HOME }), join("xdg", "kodeno"));
  const folder = { darwin: ["Library", "Caches"], windows: ["AppData", "Local"] };
  const own = folder[Deno.build.os as "darwin"] ?? [".cache"];
  assert.equal(cacheDirectory({ HOME }), join("home", ...own, "kodeno"));
  assert.ok(cacheDirectory({}).endsWith("kodeno"));
});

Deno.test("environment: no live view in CI and on a dumb terminal", () => {
  assert.equal(allowsLiveView({}), true);
  assert.equal(allowsLiveView({ CI: "", TERM: "xterm" }), true);
  assert.equal(allowsLiveView({ CI: "true" }), false);
  assert.equal(allowsLiveView({ TERM: "dumb" }), false);
});
