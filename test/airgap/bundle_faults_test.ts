/**
 * A bundle that is interrupted while it is written or applied, or finds no room: what was there before
 * stays, and nothing that is half made gets its name.
 * @module
 */
import assert from "node:assert/strict";
import { member, tar } from "../archive/images.ts";
import { needs } from "../parts/tools.ts";
import { assertFails } from "../support/failure.ts";
import { goModule } from "../support/go_module.ts";
import { goProxy } from "../support/go_proxy.ts";
import { blob, image, pushAll } from "../support/image_graph.ts";
import { kodeno, kodenoEnvironment, spawnKodeno } from "../support/kodeno.ts";
import { tmpfs } from "../support/mounts.ts";
import { succeed } from "../support/process.ts";
import { filesBelow, names, type TempDir, tempDir } from "../support/temp.ts";
import { BundleImages } from "../../src/airgap/images.ts";
import { openBundle } from "../../src/airgap/input.ts";
import { readBundle } from "../../src/airgap/reader.ts";
import { memberOfBytes, writeBundle } from "../../src/airgap/writer.ts";
import { zipSum } from "../../src/go/module_zip.ts";
import { isTemporary } from "../../src/io/atomic.ts";
import { openLayout } from "../../src/place/layout/layout.ts";

const ROUNDS = 30;
/** `parts_test.ts` looks at each step of taking the place of another bundle. */
const SPLIT_ROUNDS = 10;
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

/** Bytes of the files in folders that somebody is writing to. */
function bytesBelow(...folders: readonly string[]): number {
  let sum = 0;
  for (const folder of folders) {
    try {
      for (const { name, isDirectory } of Deno.readDirSync(folder)) {
        const path = `${folder}/${name}`;
        sum += isDirectory ? bytesBelow(path) : Deno.lstatSync(path).size;
      }
    } catch {
      // It went meanwhile, or is not there yet.
    }
  }
  return sum;
}

/** Kills a process as soon as it has come so far; whether it was still at work. */
async function killedWhen(child: Deno.ChildProcess, isTime: () => boolean): Promise<boolean> {
  let hasEnded = false;
  const ended = child.output().finally(() => hasEnded = true);
  while (!hasEnded && !isTime()) await new Promise((resolve) => setTimeout(resolve, 1));
  try {
    child.kill("SIGKILL");
  } catch {
    // It was done already.
  }
  return (await ended).signal === "SIGKILL";
}

const create = (layout: string, ...more: string[]) => [
  ...["bundle", "create", "-o", "x.tar", ...more, layout],
];

/** Variables by which go has a toolchain that runs here, and a module. */
async function supplies(dir: TempDir): Promise<Readonly<Record<string, string>>> {
  const version = (await succeed("go", ["env", "GOVERSION"])).trim();
  const toolchain = `golang.org/toolchain@v0.0.1-${version}.${HOST.replace("/", "-")}` as const;
  const programs = Object.fromEntries(
    Array.from({ length: 20 }, (_, i) => [`pkg/tool/${i}`, `${i}`.repeat(50_000)]),
  );
  const dep = { "lib.go": "package lib\n\nconst Word = 1\n" };
  return await goProxy(dir, [
    [toolchain, { "bin/go": "go", ...programs }],
    ["example.com/dep@v1.0.0", dep],
  ]);
}

const HOST = `linux/${Deno.build.arch === "aarch64" ? "arm64" : "amd64"}`;

for (const split of [[], ["--split", "1MB"]]) {
  const rounds = split.length > 0 ? SPLIT_ROUNDS : ROUNDS;
  const what = split.length > 0 ? "in parts" : "or the new one";
  Deno.test(`bundle: ${rounds} times kill -9 leaves the old bundle ${what}, whole`, async () => {
    await using dir = await tempDir();
    const at = { cwd: dir.path, env: await supplies(dir) };
    for (const layout of ["one", "two"]) await layoutOf(dir, layout, 16_000_000);
    const args = (layout: string) => create(layout, ...split, "--toolchain", HOST);
    assert.equal((await kodeno(args("one"), at)).code, 0);
    const file = split.length > 0 ? "x.tar.000" : "x.tar";
    const has = async (): Promise<string> => {
      const { document } = await readBundle(await openBundle(dir.join(file), {}));
      assert.equal(document.gomod?.toolchains.length, 1);
      return document.images[0]?.name?.replace(":v1", "") ?? "";
    };
    // What is written has other names till all of it is there.
    const written = (): number =>
      [...Deno.readDirSync(dir.path)].filter(({ name }) => isTemporary(name))
        .reduce((sum, { name }) => sum + (lstat(dir.join(name))?.size ?? 0), 0);
    let killed = 0;
    let before = "one";
    for (let round = 0; round < rounds; round++) {
      const next = before === "one" ? "two" : "one";
      const left = written();
      const moment = Math.random() * 17_000_000;
      const child = spawnKodeno(args(next), at);
      if (await killedWhen(child, () => written() > moment && written() !== left)) killed++;
      const now = await has();
      assert.ok(now === before || now === next);
      before = now;
    }
    assert.ok(killed > rounds / 2, `${killed} of ${rounds}`);
    assert.equal((await kodeno(args("one"), at)).code, 0);
    // What was left of those that were killed is gone.
    const left = (await names(dir.path)).filter((name) => !/^x\.tar(?:\.b?\d{3})?$/.test(name));
    assert.deepEqual(left, ["modules", "one", "proxy", "two"]);
  });
}

function lstat(path: string): Deno.FileInfo | undefined {
  try {
    return Deno.lstatSync(path);
  } catch {
    return undefined;
  }
}

Deno.test(`bundle: ${ROUNDS} times kill -9 leaves whole images, and the next apply goes on`, async () => {
  await using dir = await tempDir();
  const env = await supplies(dir);
  for (const layout of ["one", "two", "three"]) await layoutOf(dir, layout, 5_000_000);
  await goModule(dir, "example.com/team/app", {
    "main.go": 'package main\n\nimport "example.com/dep"\n\nfunc main() { println(lib.Word) }\n',
  }, "work");
  const work = { cwd: dir.join("work"), env: kodenoEnvironment(env) };
  await succeed("go", ["mod", "edit", "-require=example.com/dep@v1.0.0"], work);
  await succeed("go", ["mod", "tidy"], work);
  const all = ["--toolchain", HOST, "../one", "../two", "../three", "."];
  const made = await kodeno(["bundle", "create", "-o", "../x.tar", ...all], {
    cwd: dir.join("work"),
    env,
  });
  assert.equal(made.code, 0, made.stderr);
  const gap = (name: string) => ({
    cwd: dir.path,
    env: { GOMODCACHE: dir.join(`${name}-mod`), KODENO_CACHE: dir.join(`${name}-cache`) },
  });
  const apply = (to: string) => ["bundle", "apply", "x.tar", "--to", to];
  assert.equal((await kodeno(apply("whole"), gap("whole"))).code, 0);
  const progress = (name: string) => bytesBelow(dir.join(name), dir.join(`${name}-mod`));
  // At the end all of it is there twice: in the folder that it is gathered in, too.
  const most = progress("whole") + (await Deno.stat(dir.join("x.tar"))).size;
  let killed = 0;
  for (let round = 0; round < ROUNDS; round++) {
    const now = progress("app");
    const moment = now + Math.random() * (most - now);
    const child = spawnKodeno(apply("app"), gap("app"));
    if (await killedWhen(child, () => progress("app") > moment)) killed++;
    else {
      for (const one of ["app", "app-mod"]) await Deno.remove(dir.join(one), { recursive: true });
      continue;
    }
    if (!(await names(dir.join("app/out"))).includes("oci-layout")) continue;
    using layout = await openLayout(dir.join("app/out"));
    const entries = await layout.entries();
    assert.ok(entries.length === 0 || entries.length === 4);
    for (const entry of entries) assert.ok(await layout.isWhole(entry));
  }
  assert.ok(killed > ROUNDS / 2, `${killed} of ${ROUNDS}`);
  assert.equal((await kodeno(apply("app"), gap("app"))).code, 0);
  assert.equal((await kodeno(["verify", "app/out"], gap("app"))).code, 0);
  for (const one of ["", "-mod"]) {
    const [files, expected] = [
      await filesBelow(dir.join(`app${one}`)),
      await filesBelow(dir.join(`whole${one}`)),
    ];
    assert.deepEqual(files, expected);
  }
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
  let took = performance.now() - began;
  const own = dir.join("app/source/d0/own.txt");
  await Deno.writeTextFile(own, "mine");
  let killed = 0;
  for (let round = 0; round < ROUNDS; round++) {
    // Most of the time passes before the first byte is written.
    const moment = performance.now() + took * (0.3 + 0.7 * Math.random());
    const child = spawnKodeno(apply(round % 2 === 0 ? "two" : "one"), at);
    if (await killedWhen(child, () => performance.now() > moment)) killed++;
    // The first was the slowest: a miss was too late.
    else took *= 0.8;
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
    for (const more of [[], ["--split", "100kB"]]) {
      const message = /bundle disk\/x\.tar.*: no space is left/;
      await assertFails(dir, [...args, ...more], { code: 1, message });
    }
    assert.deepEqual(await names(disk.path), []);
  },
});
