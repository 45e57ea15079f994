/**
 * Damage anywhere in the cache: whatever bit is another one, the image is the right one, and the build
 * does not fail. KODENO_TEST_FLIPS says how many are tried.
 * @module
 */
import assert from "node:assert/strict";
import { join } from "node:path";
import { openRegistry } from "../../src/place/registry/registry.ts";
import { startRegistry } from "../parts/registry.ts";
import { needs } from "../parts/tools.ts";
import { goModule, printer, simpleModule } from "../support/go_module.ts";
import { blob, image, pushAll } from "../support/image_graph.ts";
import { done, kodeno } from "../support/kodeno.ts";
import { assertClean, digestIn, fileOf, outputOf } from "../support/layout.ts";
import { seeded } from "../support/seeded.ts";
import { filesBelow, type TempDir, tempDir } from "../support/temp.ts";

const FLIPS = Number(Deno.env.get("KODENO_TEST_FLIPS") ?? 20);

/** Flips a bit of a file: in its place, or in a copy that takes its place, as tools do either. */
async function flip(path: string, bit: number, inPlace: boolean): Promise<void> {
  const bytes = await Deno.readFile(path);
  bytes[bit >> 3] = (bytes[bit >> 3] ?? 0) ^ (1 << (bit & 7));
  const { mode } = await Deno.stat(path);
  if (!inPlace) await Deno.remove(path);
  await Deno.writeFile(path, bytes, { mode: (mode ?? 0o644) & 0o777 });
}

Deno.test({
  name: "damage: a flipped bit anywhere in the cache neither gets into an image nor fails a build",
  ...needs("docker-registry"),
  fn: async () => {
    await using dir = await tempDir();
    await using registry = await startRegistry();
    const random = seeded(10_008);
    {
      await using store = openRegistry(`${registry.host}/base`);
      // Large enough not to be held in memory.
      const large = new Uint8Array(5_000_000).map((_, i) => i % 251);
      const layers = [blob(large), blob("small")];
      const { manifest, config } = image({ os: "linux", architecture: "amd64" }, layers);
      await pushAll(store, [...layers, config, manifest]);
      await store.tag(manifest.descriptor, "v1");
    }
    await goModule(dir, "example.com/mod", {
      "a/main.go": printer("a"),
      "a/kodata/note.txt": "note",
      "b/main.go": printer("b"),
      ".ko.yaml": `baseImageOverrides:\n  example.com/mod/b: ${registry.host}/base:v1\n`,
    });
    const old = new Date(Date.now() - 60_000);
    await Deno.utime(dir.join("a/kodata/note.txt"), old, old);
    const env = { KODENO_CACHE: dir.join("cache") };
    const build = ["build", "./...", "--platform", "linux/amd64"];
    const right = await done(dir, [...build, "--oci-layout", "right"], env);
    const files = await filesBelow(dir.join("cache"));
    for (const kind of [/^bin\/.*\/a$/, /^bin\/.*\.lock$/, /^layers\/keys/, /^bases\/names/]) {
      assert.ok(files.some((name) => kind.test(name)), `${kind}: ${files}`);
    }
    for (let i = 0; i < FLIPS; i++) {
      const now = (await filesBelow(dir.join("cache"))).filter((name) => !name.endsWith(".tmp"));
      const path = dir.join("cache", now[Math.floor(random() * now.length)] ?? "");
      const { size } = await Deno.stat(path);
      // Every other time near the beginning, where formats say what they are.
      const bits = 8 * Math.min(size, random() < 0.5 ? 5000 : Infinity);
      const bit = Math.floor(random() * bits);
      const what = `flip ${i}: bit ${bit} of ${path}`;
      // Every fifth time, as a power cut leaves a file: zeros from somewhere on, or nothing there.
      if (i % 10 === 4) await Deno.truncate(path, bit >> 3);
      if (i % 5 === 4) await Deno.truncate(path, i % 10 === 4 ? size : bit >> 3);
      else await flip(path, bit, random() < 0.5);
      // Without kept layers, the binaries themselves are read.
      const more = random() < 0.5 ? ["--no-cache"] : [];
      const args = [...build, ...more, "--oci-layout", "out"];
      const { code, stdout, stderr } = await kodeno(args, { cwd: dir.path, env });
      assert.equal(code, 0, `${what}: ${stderr}`);
      assert.equal(stdout.trimEnd(), right, what);
      await assertClean(dir.join("out"));
      await Deno.remove(dir.join("out"), { recursive: true });
    }
  },
});

/** The program in the cache. */
async function binaryIn(dir: TempDir): Promise<string> {
  const found = (await filesBelow(dir.join("cache/bin"))).filter((name) => name.endsWith("/app"));
  assert.equal(found.length, 1, found.join());
  return dir.join("cache/bin", found[0] ?? "");
}

const LAYERS = "cache/layers";

Deno.test("damage: a program that is not what go wrote is made again, whoever changed it", async () => {
  await using dir = await tempDir();
  await simpleModule(dir);
  const env = { KODENO_CACHE: dir.join("cache") };
  const right = await done(dir, ["build"], env);
  const path = await binaryIn(dir);
  const bytes = await Deno.readFile(path);
  const id = new TextDecoder("latin1").decode(bytes).search(/(?:[\w-]{20}\/){3}[\w-]{20}/);
  assert.ok(id > 0);
  const damage: Readonly<Record<string, () => Promise<void>>> = {
    "the last byte": () => flip(path, 8 * (bytes.length - 1), true),
    "the last part of the build ID": () => flip(path, 8 * (id + 70), true),
    "the last part of the build ID, in a copy": () => flip(path, 8 * (id + 70), false),
    "the end of the build ID gone": () => flip(path, 8 * (id + 70) + 7, false),
    "cut": () => Deno.truncate(path, bytes.length / 2),
    "a folder": async () => {
      await Deno.remove(path);
      await Deno.mkdir(join(path, "in"), { recursive: true });
    },
    "a link": async () => {
      await Deno.rename(path, dir.join("elsewhere"));
      await flip(dir.join("elsewhere"), 8 * 100_000, true);
      await Deno.symlink(dir.join("elsewhere"), path);
    },
    "writable by others": () => Deno.chmod(join(path, ".."), 0o777),
  };
  for (const [what, harm] of Object.entries(damage)) {
    await harm();
    // Its layer has to be made again, too.
    await Deno.remove(dir.join(LAYERS), { recursive: true });
    assert.equal(await done(dir, ["build"], env), right, what);
    assert.deepEqual(await fileOf(dir.join("out"), "latest", "ko-app/app"), bytes, what);
    assert.deepEqual(await Deno.readFile(path), bytes, what);
  }
});

Deno.test("damage: a build ID that flags fix stands for nothing", async () => {
  await using dir = await tempDir();
  const env = { KODENO_CACHE: dir.join("cache") };
  await simpleModule(dir, "one");
  await done(dir, ["build"], env);
  const text = new TextDecoder("latin1").decode(await Deno.readFile(await binaryIn(dir)));
  const [real = ""] = /(?:[\w-]{20}\/){3}[\w-]{20}/.exec(text) ?? [];
  for (const id of [real, "a/b/c/d", ""]) {
    await done(dir, ["cache", "clean"], env);
    for (const line of ["one", "two"]) {
      await simpleModule(dir, line);
      for (const more of [{}, { GOFLAGS: `-ldflags=-buildid=${id}` }]) {
        const flags = "GOFLAGS" in more ? [] : [`--ldflags=-buildid=${id}`];
        await done(dir, ["build", ...flags], { ...env, ...more });
        assert.equal(await outputOf(dir.join("out"), "latest"), `${line} dev\n`, id);
      }
    }
  }
});

Deno.test("damage: keys that changed places, or that others may have written, are no keys", async () => {
  await using dir = await tempDir();
  const env = { KODENO_CACHE: dir.join("cache") };
  await goModule(dir, "example.com/mod", { "a/main.go": printer("a"), "b/main.go": printer("b") });
  const right = await done(dir, ["build", "./..."], env);
  const keys = (await dir.list(LAYERS, "keys")).map((name) => dir.join(LAYERS, "keys", name));
  const texts = await Promise.all(keys.map((path) => Deno.readTextFile(path)));
  for (const i of keys.keys()) {
    await Deno.writeTextFile(keys[i] ?? "", texts[(i + 1) % texts.length] ?? "");
  }
  assert.equal(await done(dir, ["build", "./...", "--oci-layout", "two"], env), right);
  assert.deepEqual(
    await Promise.all(keys.map((path) => Deno.readTextFile(path))),
    texts,
    "mended",
  );
  for (const path of keys) await Deno.chmod(path, 0o666);
  assert.equal(await done(dir, ["build", "./...", "--oci-layout", "three"], env), right);
  for (const path of keys) assert.equal((await Deno.stat(path)).mode ?? 0 & 0o777, 0o100644);
  assert.notEqual(digestIn(right.split("\n")[0] ?? ""), digestIn(right.split("\n")[1] ?? ""));
});

Deno.test("damage: a cache in an odd place is used, or refused in a line that says why", async () => {
  await using dir = await tempDir();
  await simpleModule(dir);
  await dir.write("file", "");
  await dir.write("kodata/note.txt", "note");
  await Deno.symlink(dir.join("nowhere"), dir.join("dangling"));
  await Deno.mkdir(dir.join("real"));
  await Deno.symlink(dir.join("real"), dir.join("link"));
  const right = await done(dir, ["build"], { KODENO_CACHE: dir.join("cache") });
  const [lock = ""] = (await dir.list("cache/bin")).filter((name) => name.endsWith(".lock"));
  await Deno.mkdir(dir.join("locked/bin", lock), { recursive: true });
  const refused: Readonly<Record<string, RegExp>> = {
    "file": /Cannot make layer cache .*: a part of the path is a file$/m,
    "dangling": /Cannot make layer cache .*: something else has that name$/m,
    "locked": /Cannot lock .*\.lock: it is a folder$/m,
    "kodata": /Cannot put .*\/kodata into an image: it is the cache; set KODENO_CACHE/,
    "kodata/in": /Cannot put .*\/kodata\/in into an image: it is the cache; set KODENO_CACHE/,
  };
  for (const [place, why] of Object.entries(refused)) {
    const env = { KODENO_CACHE: place };
    const { code, stderr } = await kodeno(["build", "--oci-layout", "odd"], { cwd: dir.path, env });
    assert.equal(code, 1, stderr);
    assert.match(stderr, why);
  }
  await Deno.remove(dir.join("kodata"), { recursive: true });
  await dir.write("kodata/note.txt", "note");
  for (const place of ["link", "in\na b", "~", "file:x"]) {
    await Deno.remove(dir.join("odd"), { recursive: true }).catch(() => {});
    const args = ["build", "--oci-layout", "odd"];
    assert.equal(await done(dir, args, { KODENO_CACHE: place }), right);
  }
});
