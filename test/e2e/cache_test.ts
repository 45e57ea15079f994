/**
 * The cache between builds: what `kodeno cache` tells and does, its bound, and that nothing in it is
 * trusted.
 * @module
 */
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { Layout } from "../../src/place/layout/layout.ts";
import { goModule, printer, simpleModule } from "../support/go_module.ts";
import { kodeno, spawnKodeno } from "../support/kodeno.ts";
import {
  assertClean,
  digestIn,
  fingerprint,
  imageNames,
  outputOf,
  temporaries,
} from "../support/layout.ts";
import { processesIn, until } from "../support/process.ts";
import { type TempDir, tempDir } from "../support/temp.ts";

const BLOBS = "cache/layers/blobs";

/** Runs kodeno with the cache in a folder; it has to succeed. */
async function ok(
  dir: TempDir,
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<string> {
  const KODENO_CACHE = dir.join("cache");
  const outcome = await kodeno(args, { cwd: dir.path, env: { ...env, KODENO_CACHE } });
  assert.equal(outcome.code, 0, outcome.stderr);
  return outcome.stdout;
}

async function cacheInfo(dir: TempDir, command = "info"): Promise<Record<string, unknown>> {
  return JSON.parse(await ok(dir, ["cache", command, "--json"]));
}

/** Bytes of all files of a folder. */
async function bytesIn(dir: TempDir, folder: string): Promise<number> {
  const sizes = (await dir.list(folder)).map(async (name) => {
    const info = await Deno.stat(dir.join(folder, name));
    return info.isFile ? info.size : await bytesIn(dir, `${folder}/${name}`);
  });
  return (await Promise.all(sizes)).reduce((sum, size) => sum + size, 0);
}

Deno.test("cache: info counts layers and binaries, clean removes them and tells what was there", async () => {
  await using dir = await tempDir();
  await simpleModule(dir);
  const empty = await cacheInfo(dir);
  assert.deepEqual(empty, {
    type: "cache",
    directory: dir.join("cache"),
    layers: 0,
    layerBytes: 0,
    binaries: 0,
    binaryBytes: 0,
    baseBytes: 0,
    maxBytes: 10 * 1024 ** 3,
  });
  await ok(dir, ["build", "--platform", "linux/amd64,linux/arm64"]);
  const full = await cacheInfo(dir);
  // The base, the empty kodata, and one binary for each platform.
  assert.deepEqual([full.layers, full.binaries], [4, 2]);
  assert.equal(full.layerBytes, await bytesIn(dir, BLOBS));
  assert.ok(Number(full.binaryBytes) > 2_000_000);

  const text = await ok(dir, ["cache", "info"]);
  assert.match(text, /4 layers/);
  assert.match(text, /2 binaries/);
  assert.ok(text.includes(dir.join("cache")), text);

  await dir.write("cache/bases/blobs/sha256/aa", "12345");
  const baseBytes = 5;
  const freedBytes = Number(full.layerBytes) + Number(full.binaryBytes) + baseBytes;
  assert.deepEqual(await cacheInfo(dir, "clean"), { ...full, baseBytes, freedBytes });
  assert.match(await ok(dir, ["cache", "clean"]), /^freed 0 B in \S+cache\n {2}0 layers, 0 B\n/);
  assert.deepEqual(await cacheInfo(dir), empty);
  assert.deepEqual(await dir.list("cache/layers/keys"), []);
  await ok(dir, ["build", "--oci-layout", "again"]);
  assert.equal((await assertClean(dir.join("again"))).length, 1);
});

Deno.test("cache: a build with all in the cache writes no layer", async () => {
  await using dir = await tempDir();
  await simpleModule(dir);
  // Files that were just written are looked at again by the next build.
  await dir.write("kodata/note.txt", "note");
  const old = new Date(Date.now() - 60_000);
  await Deno.utime(dir.join("kodata/note.txt"), old, old);
  await new Promise((resolve) => setTimeout(resolve, 3000));
  const inodes = async (): Promise<unknown[]> =>
    await Promise.all((await dir.list(BLOBS)).map(async (name) => {
      return [name, (await Deno.stat(dir.join(BLOBS, name))).ino];
    }));
  const first = await ok(dir, ["build"]);
  const before = await inodes();
  assert.equal(before.length, 3);
  assert.equal(await ok(dir, ["build", "--oci-layout", "other"]), first);
  assert.deepEqual(await inodes(), before);
  assert.deepEqual(await fingerprint(dir.join("other")), await fingerprint(dir.join("out")));
});

Deno.test("cache: a changed kodata file is noticed, even one of the same size and time", async () => {
  await using dir = await tempDir();
  await simpleModule(dir);
  const digests = new Set<string>();
  for (const text of ["one", "two", "six"]) {
    const path = await dir.write("kodata/note.txt", text);
    await Deno.utime(path, 1_000_000_000, 1_000_000_000);
    digests.add(digestIn(await ok(dir, ["build"])));
  }
  assert.equal(digests.size, 3);
});

Deno.test("cache: KODENO_CACHE_MAX_BYTES bounds it after each build, whatever the build needs", async () => {
  await using dir = await tempDir();
  let count = 0;
  for (const maxBytes of [6_000_000, 0]) {
    const env = { KODENO_CACHE_MAX_BYTES: String(maxBytes) };
    for (const flags of [[], [], [], ["--no-cache"]]) {
      const text = `build ${++count}`;
      await simpleModule(dir, text);
      const stdout = await ok(dir, ["build", ...flags], env);
      const { layerBytes, binaryBytes } = await cacheInfo(dir);
      assert.ok(Number(layerBytes) + Number(binaryBytes) <= maxBytes, `${layerBytes}`);
      assert.ok(await bytesIn(dir, BLOBS) <= maxBytes);
      const [entry] = await assertClean(dir.join("out"));
      assert.equal(entry?.digest, digestIn(stdout));
      assert.equal(await outputOf(dir.join("out"), "latest"), `${text} dev\n`);
    }
  }
});

Deno.test("cache: a layer with a flipped byte is noticed when it is used, and written anew", async () => {
  await using dir = await tempDir();
  await simpleModule(dir);
  const first = await ok(dir, ["build"]);
  for (const name of await dir.list(BLOBS)) {
    const path = dir.join(BLOBS, name);
    const bytes = await Deno.readFile(path);
    const middle = Math.floor(bytes.length / 2);
    bytes[middle] = 255 - (bytes[middle] ?? 0);
    await Deno.writeFile(path, bytes);
  }
  assert.equal(await ok(dir, ["build", "--oci-layout", "other"]), first);
  await assertClean(dir.join("other"));
  assert.deepEqual(await fingerprint(dir.join("other")), await fingerprint(dir.join("out")));
  for (const name of await dir.list(BLOBS)) {
    const digest = createHash("sha256").update(await Deno.readFile(dir.join(BLOBS, name)));
    assert.equal(digest.digest("hex"), name, "still damaged");
  }
});

Deno.test("cache: layers cut short or gone, and keys that say nothing, are written anew", async () => {
  await using dir = await tempDir();
  await simpleModule(dir);
  const first = await ok(dir, ["build"]);
  const good = await fingerprint(dir.join("out"));
  const blobs = await dir.list(BLOBS);
  const keys = await dir.list("cache/layers/keys");
  const damage: (() => Promise<unknown>)[] = [
    ...blobs.map((name) => () => Deno.truncate(dir.join(BLOBS, name), 50)),
    ...blobs.map((name) => () => Deno.remove(dir.join(BLOBS, name))),
    ...keys.slice(0, 1).map((name) => () => dir.write(`cache/layers/keys/${name}`, "{")),
    ...keys.slice(0, 1).map((name) => () => dir.write(`cache/layers/keys/${name}`, "")),
  ];
  for (const [i, doDamage] of damage.entries()) {
    await doDamage();
    assert.equal(await ok(dir, ["build", "--oci-layout", `out-${i}`]), first);
    assert.deepEqual(await fingerprint(dir.join(`out-${i}`)), good);
  }
});

Deno.test("cache: half a binary that a killed build left is not taken for a whole one", async () => {
  await using dir = await tempDir();
  await simpleModule(dir, "whole");
  // A go command that is killed, with kodeno, while it copies the binary to its place.
  const wrapper = await dir.write(
    "bin/go",
    `#!/bin/sh
go "$@" || exit
[ "$1" = build ] || exit 0
for binary in '${dir.path}'/cache/bin/*/app; do truncate -s 300000 "$binary"; done
touch '${dir.path}/stuck'
exec sleep 600
`,
  );
  await Deno.chmod(wrapper, 0o755);
  const env = { KODENO_CACHE: dir.join("cache"), KO_GO_PATH: wrapper };
  const child = spawnKodeno(["build"], { cwd: dir.path, env });
  const ended = child.output();
  await until("the binary to be cut", async () => (await dir.list()).includes("stuck"));
  child.kill("SIGKILL");
  await ended;
  for (const pid of await processesIn(dir.path)) Deno.kill(pid, "SIGKILL");

  await ok(dir, ["build"]);
  assert.equal(await outputOf(dir.join("out"), "latest"), "whole dev\n");
});

Deno.test("cache: processes that share one cache, with one that cleans it, make the right images", async () => {
  await using dir = await tempDir();
  const names = ["a", "b", "c"];
  const files = names.map((name) => [`${name}/main.go`, printer(name)] as const);
  await goModule(dir, "example.com/mod", Object.fromEntries(files));
  await ok(dir, ["build", "./...", "--oci-layout", "expected"]);
  const expected = await fingerprint(dir.join("expected"));
  await ok(dir, ["cache", "clean"]);
  const builds = ["out-0", "out-1", "out-2"].map((layout) =>
    ok(dir, ["build", "./...", "--oci-layout", layout])
  );
  const cleans = async (): Promise<void> => {
    for (let i = 0; i < 3; i++) await ok(dir, ["cache", "clean"]);
  };
  await Promise.all([...builds, cleans()]);
  for (const layout of ["out-0", "out-1", "out-2"]) {
    assert.deepEqual(await imageNames(dir.join(layout)), ["a:latest", "b:latest", "c:latest"]);
    assert.deepEqual(await fingerprint(dir.join(layout)), expected);
  }
  assert.deepEqual(await temporaries(dir.join("cache")), []);
});

Deno.test("cache: base images that somebody is using are removed when that has ended, and no sooner", async () => {
  await using dir = await tempDir();
  const files = ["blobs/sha256/a", "blobs/sha512/b", "names/c"].map((one) => `cache/bases/${one}`);
  for (const file of files) await dir.write(file, "d");
  const inUse = await new Layout(dir.join("cache/bases")).hold();
  const child = spawnKodeno(["cache", "clean", "--json"], {
    cwd: dir.path,
    env: { KODENO_CACHE: dir.join("cache") },
  });
  // It holds the lock of the gate as soon as it waits.
  using gate = await Deno.open(dir.join("cache/bases/blobs"));
  await until("cache clean waits", async () => {
    if (!await gate.tryLock(false)) return true;
    await gate.unlock();
    return false;
  });
  for (const file of files) assert.ok((await Deno.stat(dir.join(file))).isFile);
  inUse[Symbol.dispose]();
  const { code, stdout } = await child.output();
  assert.equal(code, 0);
  assert.equal(JSON.parse(new TextDecoder().decode(stdout)).freedBytes, files.length);
  for (const file of files) await assert.rejects(Deno.stat(dir.join(file)), Deno.errors.NotFound);
});
