/**
 * A bundle that is interrupted while it is written or applied, or finds no room: what was there before
 * stays, and nothing that is half made gets its name.
 * @module
 */
import assert from "node:assert/strict";
import { member, tar } from "../archive/images.ts";
import { needs } from "../parts/tools.ts";
import { assertFails } from "../support/failure.ts";
import { goProxy } from "../support/go_proxy.ts";
import { blob, image, pushAll } from "../support/image_graph.ts";
import { kodeno, spawnKodeno } from "../support/kodeno.ts";
import { tmpfs } from "../support/mounts.ts";
import { filesBelow, names, type TempDir, tempDir } from "../support/temp.ts";
import { BundleImages } from "../../src/airgap/images.ts";
import { openBundle } from "../../src/airgap/input.ts";
import { readBundle } from "../../src/airgap/reader.ts";
import { memberOfBytes, writeBundle } from "../../src/airgap/writer.ts";
import { zipSum } from "../../src/go/module_zip.ts";
import { openLayout } from "../../src/place/layout/layout.ts";

const ROUNDS = 30;
/** Of a source. */
const FILES = 200;

/** A layout with an image of so many bytes, under the name of its folder. */
async function layoutOf(dir: TempDir, folder: string, bytes: number): Promise<void> {
  const content = new Uint8Array(bytes);
  for (let at = 0; at < bytes; at += 65_536) {
    crypto.getRandomValues(content.subarray(at, at + 65_536));
  }
  using layout = await openLayout(dir.join(folder), { create: true });
  const layer = blob(content);
  const { manifest, config } = image({ os: "linux", architecture: "amd64" }, [layer]);
  await pushAll(layout, [layer, config, manifest]);
  await layout.tag(manifest.descriptor, `${folder}:v1`);
}

/** Kills a process after most of so many milliseconds, or less; whether it was still at work. */
async function killedWithin(child: Deno.ChildProcess, took: number): Promise<boolean> {
  const ended = child.output();
  // Most of the time passes before the first byte is written.
  await new Promise((resolve) => setTimeout(resolve, took * (0.3 + 0.7 * Math.random())));
  try {
    child.kill("SIGKILL");
  } catch {
    // It was done already.
  }
  return (await ended).signal === "SIGKILL";
}

const create = (layout: string) => ["bundle", "create", "-o", "x.tar", layout];

Deno.test(`bundle: ${ROUNDS} times kill -9 leaves the old bundle or the new one`, async () => {
  await using dir = await tempDir();
  await layoutOf(dir, "one", 16_000_000);
  await layoutOf(dir, "two", 16_000_000);
  const at = { cwd: dir.path };
  const began = performance.now();
  assert.equal((await kodeno(create("one"), at)).code, 0);
  const took = performance.now() - began;
  const has = async (): Promise<string> => {
    const { document } = await readBundle(await openBundle(dir.join("x.tar"), {}));
    return document.images[0]?.name?.replace(":v1", "") ?? "";
  };
  let killed = 0;
  let before = "one";
  for (let round = 0; round < ROUNDS; round++) {
    const next = before === "one" ? "two" : "one";
    if (await killedWithin(spawnKodeno(create(next), at), took)) killed++;
    const now = await has();
    assert.ok(now === before || now === next);
    before = now;
  }
  assert.ok(killed > 0);
  assert.equal((await kodeno(create("one"), at)).code, 0);
  // What was left of those that were killed is gone.
  assert.deepEqual(await names(dir.path), ["one", "two", "x.tar"]);
});

Deno.test(`bundle: ${ROUNDS} times kill -9 leaves whole images, and the next apply goes on`, async () => {
  await using dir = await tempDir();
  const at = { cwd: dir.path };
  for (const layout of ["one", "two", "three"]) await layoutOf(dir, layout, 5_000_000);
  assert.equal((await kodeno([...create("one"), "two", "three"], at)).code, 0);
  const apply = (to: string) => ["bundle", "apply", "x.tar", "--to", to];
  const began = performance.now();
  assert.equal((await kodeno(apply("whole"), at)).code, 0);
  const took = performance.now() - began;
  let killed = 0;
  for (let round = 0; round < ROUNDS; round++) {
    if (await killedWithin(spawnKodeno(apply("app"), at), took)) killed++;
    else await Deno.remove(dir.join("app"), { recursive: true });
    if (!(await names(dir.join("app/out"))).includes("oci-layout")) continue;
    using layout = await openLayout(dir.join("app/out"));
    const entries = await layout.entries();
    assert.ok(entries.length === 0 || entries.length === 3);
    for (const entry of entries) assert.ok(await layout.isWhole(entry));
  }
  assert.ok(killed > 0);
  assert.equal((await kodeno(apply("app"), at)).code, 0);
  assert.deepEqual(await names(dir.join("app")), ["kodeno-applied.json", "out"]);
  assert.equal((await kodeno(["verify", "app/out"], at)).code, 0);
  assert.deepEqual(await filesBelow(dir.join("app")), await filesBelow(dir.join("whole")));
});

/** A bundle of a module and a source, each file of which has the word in it. */
async function sourcesOf(dir: TempDir, word: string, sequence: number): Promise<void> {
  const module = `example.com/${word}`;
  await goProxy(dir, [[`${module}@v1.0.0`, { "lib.go": "package lib\n" }]], `${word}/gomod`);
  const at = `gomod/${module}/@v/v1.0.0`;
  const members = Array.from({ length: FILES }, (_, i) => member(`d${i % 7}/${i}.txt`, word));
  const files = [memberOfBytes("source.tar", tar(...members, member(`${word}.txt`, word)))];
  for (const ending of ["info", "mod", "zip"]) {
    const bytes = await Deno.readFile(dir.join(word, `${at}.${ending}`));
    files.push(memberOfBytes(`${at}.${ending}`, bytes));
  }
  const sum = await zipSum(dir.join(word, `${at}.zip`), "it");
  const gomod = { modules: [{ path: module, version: "v1.0.0", sum }], toolchains: [] };
  const source = { path: "source.tar", commit: "c".repeat(40), dirty: false };
  using file = await Deno.create(dir.join(`${word}.tar`));
  const content = { images: new BundleImages(), files, gomod, source, sequence };
  await writeBundle(content, (chunk) => void file.writeSync(chunk));
}

Deno.test(`bundle: ${ROUNDS} times kill -9 leaves whole files of a source, and all modules or none`, async () => {
  await using dir = await tempDir();
  await sourcesOf(dir, "one", 1);
  await sourcesOf(dir, "two", 1);
  const at = {
    cwd: dir.path,
    env: { GOMODCACHE: dir.join("mod"), KODENO_CACHE: dir.join("cache") },
  };
  const apply = (word: string) => ["bundle", "apply", `${word}.tar`, "--to", "app", "--force"];
  const began = performance.now();
  const first = await kodeno(apply("one"), at);
  assert.equal(first.code, 0, first.stderr);
  const took = performance.now() - began;
  const own = dir.join("app/source/d0/own.txt");
  await Deno.writeTextFile(own, "mine");
  let killed = 0;
  for (let round = 0; round < ROUNDS; round++) {
    if (await killedWithin(spawnKodeno(apply(round % 2 === 0 ? "two" : "one"), at), took)) killed++;
    for (const path of await filesBelow(dir.join("app/source"))) {
      const text = await Deno.readTextFile(dir.join("app/source", path));
      assert.ok(["one", "two", "mine"].includes(text), `${path}: ${text}`);
    }
    for (const path of await filesBelow(dir.join("mod"))) {
      if (path.endsWith(".zip")) await zipSum(dir.join("mod", path), path);
    }
  }
  assert.ok(killed > ROUNDS / 3, `${killed}`);
  for (const word of ["two", "one"]) {
    const { code, stderr } = await kodeno(apply(word), at);
    assert.equal(code, 0, stderr);
    const source = await filesBelow(dir.join("app/source"));
    assert.equal(source.length, FILES + 2);
    for (const path of source) {
      const text = await Deno.readTextFile(dir.join("app/source", path));
      assert.equal(text, path === "d0/own.txt" ? "mine" : word, path);
    }
  }
  // Nothing that was brought was taken for a person's own, and nothing is left beside.
  assert.deepEqual(await names(dir.join("app")), ["kodeno-applied.json", "source"]);
});

Deno.test({
  name: "bundle: a full disk is told, and leaves what was there",
  ...needs("tmpfs"),
  async fn() {
    await using dir = await tempDir();
    await layoutOf(dir, "one", 3_000_000);
    await using disk = await tmpfs(dir.join("disk"), 1_000_000);
    const args = ["bundle", "create", "-o", "disk/x.tar", "one"];
    await assertFails(dir, args, { code: 1, message: /bundle disk\/x\.tar: no space is left/ });
    assert.deepEqual(await names(disk.path), []);
  },
});
