/**
 * `kodeno check-base`: images on bases of a registry, of a layout and of kodeno's own, which move on; and
 * images of which nobody can tell.
 * @module
 */
import assert from "node:assert/strict";
import { startServe } from "../serve/served.ts";
import { goModule, printer } from "../support/go_module.ts";
import { imageGraph, layoutWith } from "../support/image_graph.ts";
import { done, kodeno } from "../support/kodeno.ts";
import { digestIn } from "../support/layout.ts";
import { tempDir } from "../support/temp.ts";

const PLATFORMS = ["--platform", "linux/amd64,linux/arm64"];

Deno.test("check-base: images on a base of a registry that moves on", async (t) => {
  await using dir = await tempDir();
  await goModule(dir, "example.com/app", { "main.go": printer("app") });
  /** The base, with another label each time that it is made. */
  const makeBase = async (label: string, to = "bases", ...more: string[]) => {
    const args = ["build", "--oci-layout", to, "-t", "v1", "--image-label", `is=${label}`];
    return digestIn(await done(dir, [...args, ...PLATFORMS, ...more]));
  };
  const check = async (...args: string[]) => {
    const { code, stdout, stderr } = await kodeno(["check-base", ...args], { cwd: dir.path });
    return { code, stderr, lines: stdout.trimEnd().split("\n") };
  };
  const first = await makeBase("first");
  await using server = await startServe(dir.join("bases"), "--verbose");
  const base = `${server.host}/app:v1`;
  for (const [tag, ...flags] of [["one"], ["two", ...PLATFORMS]]) {
    await done(dir, ["build", "-t", tag ?? "", "--base-image", base, ...flags]);
  }
  const asked = () => server.log().split("\n").filter((line) => line.includes("/app/manifests/v1"));

  await t.step("the same: each base is asked for once", async () => {
    const before = asked().length;
    const { code, stderr, lines } = await check();
    assert.deepEqual([code, stderr, lines.length], [0, "", 2], stderr);
    for (const line of lines) assert.match(line, new RegExp(`^same +app:\\w+ +${base} +sha256:`));
    assert.equal(asked().length, before + 1);
  });

  await t.step("a newer one: what it was, what it is, and exit code 1", async () => {
    const second = await makeBase("second");
    const { code, stderr, lines } = await check("out");
    assert.equal(code, 1);
    assert.ok(lines[1]?.startsWith("newer"), lines[1]);
    assert.ok(lines[1]?.includes(`${first} -> ${second}`), lines[1]);
    assert.match(stderr, /^Error: .*\/app:v1 is newer than what app:one, app:two stand on; build/);
    const { stdout } = await kodeno(["check-base", "out:app:two", "--json"], { cwd: dir.path });
    const [line = ""] = stdout.split("\n");
    const { type, status, newest, platforms, base: old } = JSON.parse(line);
    assert.deepEqual([type, status, newest, old], ["base", "newer", second, {
      name: base,
      digest: first,
    }]);
    assert.deepEqual(platforms, ["linux/amd64", "linux/arm64"]);
  });

  await t.step("offline it is what a build would take: what the cache has", async () => {
    assert.equal((await check("out", "--offline")).code, 0);
  });

  await t.step("where only one platform of the base is new, the other one says so", async () => {
    await makeBase("first", "bases", "--platform", "linux/s390x");
    const { code, lines } = await check();
    assert.deepEqual([code, lines.map((line) => line.slice(0, 4))], [0, ["same", "same"]]);
  });

  await t.step("a digest never moves, so that nobody can tell", async () => {
    const pinned = ["--base-image", `${server.host}/app@${first}`, "--oci-layout", "pinned"];
    await done(dir, ["build", ...pinned]);
    assert.match((await check("pinned")).stderr, /its base \S+ is named by a digest, which is the/);
  });

  await t.step("in a layout that has crossed the gap, by their names", async () => {
    await done(dir, ["copy", base, `oci:here:${base}`]);
    const nowhere = await check("out", "--bases", "none", "--offline");
    assert.match(nowhere.stderr, /^Error: .*none/);
    const { code, stderr } = await check("out", "--bases", "here", "--offline");
    assert.deepEqual([code, stderr], [0, ""]);
    const other = await check("out", "--bases", "out", "--offline");
    assert.equal(other.code, 1);
    assert.match(other.stderr, /^Error: Cannot tell whether app:one stands .*: out has no 127/);
  });

  await t.step("a registry that does not answer is no newer base", async () => {
    await server.stop();
    const { code, stderr, lines } = await check();
    assert.equal(code, 1);
    assert.match(lines[0] ?? "", /^unknown +app:one +127\S+ +\(Cannot /);
    assert.match(stderr, /^Error: Cannot .*127\.0\.0\.1/);
  });
});

Deno.test("check-base: bases of kodeno's own, and images that do not say what they stand on", async (t) => {
  await using dir = await tempDir();
  await goModule(dir, "example.com/app", { "main.go": printer("app") });
  await done(dir, ["build", "-t", "static", "--compression", "gzip:9"]);
  await done(dir, ["build", "-t", "scratch", "--base-image", "scratch", ...PLATFORMS]);
  const check = (...args: string[]) => kodeno(["check-base", ...args], { cwd: dir.path });

  await t.step(
    "static is what is in it, however it was packed, and scratch is nothing",
    async () => {
      const { code, stdout, stderr } = await check("out", "--offline");
      assert.equal(code, 0, stderr);
      assert.match(stdout, /^same +app:scratch +scratch\nsame +app:static +static +sha256:\w+\n$/);
    },
  );
  await t.step(
    "one that does not say is passed over among others, and refused by its name",
    async () => {
      await layoutWith(dir, "out", { "other:v1": imageGraph() });
      const among = await check("out");
      assert.equal(among.code, 0, among.stderr);
      assert.match(among.stdout, /^unknown +other:v1 +- +\(it does not say what it stands on/m);
      const alone = await check("out:other:v1");
      assert.equal(alone.code, 1);
      assert.match(
        alone.stderr,
        /^Error: Cannot tell whether other:v1 stands on the newest base: it/,
      );
    },
  );
  await t.step("a name of no registry is not asked for", async () => {
    await done(dir, ["build", "--oci-layout", "local", "-t", "v1"]);
    await done(dir, ["build", "--oci-layout", "on", "--base-image", "oci:local"]);
    const local = await check("on");
    assert.match(local.stderr, /its base app:v1 is of no registry; say with --bases where it is/);
    assert.equal((await check("on", "--bases", "local")).code, 0);
  });
  const wrong: Readonly<Record<string, RegExp>> = {
    "none": /^Error: Cannot .*none/,
    "out:nosuch": /^Error: Cannot find image "nosuch"/,
    "daemon:": /^Error: Cannot read an image from daemon: say daemon:NAME/,
  };
  for (const [place, message] of Object.entries(wrong)) {
    await t.step(`wrong: ${place}`, async () => {
      const { code, stderr } = await check(place);
      assert.ok(code > 0);
      assert.match(stderr, message);
    });
  }
});
