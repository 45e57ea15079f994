/**
 * What variables mean: where the cache and programs are, and whether there is a terminal worth
 * drawing on.
 * @module
 */
import assert from "node:assert/strict";
import { join, relative } from "node:path";
import { tempDir } from "../../test/support/temp.ts";
import {
  allowsLiveView,
  cacheDirectory,
  goCommandOf,
  processEnvironment,
  programOnPath,
  variable,
} from "./environment.ts";

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

Deno.test({
  name: "environment: a program is a file on PATH that may be run; go's folder is absolute",
  ignore: Deno.build.os === "windows",
  fn: async () => {
    await using dir = await tempDir();
    const [plain, folder, good] = ["plain", "folder", "good"].map((name) => dir.join(name));
    await dir.write("plain/go", "");
    await dir.write("folder/go/x", "");
    await dir.write("good/go", "");
    await Deno.chmod(dir.join("good/go"), 0o755);
    const found = { PATH: `${plain}:${folder}:${good}` };
    assert.equal(programOnPath(found, "go"), dir.join("good/go"));
    assert.equal(goCommandOf(found), dir.join("good/go"));
    assert.equal(programOnPath({ PATH: `${plain}:${folder}` }, "go"), undefined);
    const near = relative(".", dir.join("good"));
    assert.equal(programOnPath({ PATH: near }, "go"), join(near, "go"));
    assert.equal(goCommandOf({ PATH: near }), "go");
    assert.equal(goCommandOf({ PATH: near, KO_GO_PATH: "./go" }), "./go");
  },
});
