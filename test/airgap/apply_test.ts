/**
 * Bringing in bundles: what is wrong with one is told in a line, and nothing of it is there then; what was
 * interrupted goes on; and nothing asks what time it is.
 * @module
 */
import assert from "node:assert/strict";
import { applyBundle } from "../../src/airgap/apply.ts";
import type { BundleDocument } from "../../src/airgap/document.ts";
import { BundleImages } from "../../src/airgap/images.ts";
import { lockText } from "../../src/airgap/lock.ts";
import { refuseOmittedModules } from "../../src/airgap/modules.ts";
import { readBundle } from "../../src/airgap/reader.ts";
import { memberOfBytes, writeBundle } from "../../src/airgap/writer.ts";
import { verifyBundleFile } from "../../src/app/bundle_verify.ts";
import { zipSum } from "../../src/go/module_zip.ts";
import { digestOf } from "../../src/io/hash.ts";
import { blobPath, type Descriptor } from "../../src/oci/descriptor.ts";
import { MemoryStore } from "../../src/place/memory.ts";
import { newKeyPair, readPrivateKey, readPublicKey } from "../../src/trust/keys.ts";
import { concat, member, tar } from "../archive/images.ts";
import { needs } from "../parts/tools.ts";
import { failsWith } from "../support/fails.ts";
import { assertFails } from "../support/failure.ts";
import { goProxy } from "../support/go_proxy.ts";
import { imageGraph, pushAll } from "../support/image_graph.ts";
import { done } from "../support/kodeno.ts";
import { tmpfs } from "../support/mounts.ts";
import { filesBelow, names, type TempDir, tempDir } from "../support/temp.ts";
import { packed, type Part, partsOf, withDocument } from "./bundle_parts.ts";

const MODULE = "gomod/example.com/dep/@v/v1.0.0";
/** A toolchain that runs here. */
const GO = `v0.0.1-go1.99.0.${Deno.build.os}-${Deno.build.arch === "x86_64" ? "amd64" : "arm64"}`;
const GO_FILES = { "bin/go": "go\n", "src/_go.mod": "module std\n", "VERSION": "go1.99.0\n" };
const APP = imageGraph("app");
const BASE = imageGraph("base");
const pair = newKeyPair("secret");
const keys = [readPublicKey(pair.publicKey, "key")];
/** Bytes by which a disk in memory grows. */
const PAGE = 4096;

const lockOf = (sum: string) =>
  lockText({
    version: 1,
    images: {
      "example.com/app": {
        kodeno: "0.1.0",
        base: { name: "base.local/base:v1" },
        platforms: {},
        go: { version: "go1.26.8" },
        build: { trimpath: true },
        modules: { "example.com/dep": `v1.0.0 ${sum}` },
      },
    },
  });

const SOURCE = tar(
  member({ type: "dir", name: "cmd/", mode: 0o755 }),
  member("cmd/main.go", "package main\n"),
  member({ type: "file", name: "run.sh", mode: 0o755, size: 3 }, "go\n"),
  member({ type: "symlink", name: "cmd/link", mode: 0o777, linkname: "../run.sh" }),
);

/** A bundle with a member of each kind, signed. */
async function makeBundle(
  { isThere, source = SOURCE, lock, isSigned = true, go }: {
    readonly isSigned?: boolean;
    /** The toolchain that its zip says to be. */
    readonly go?: string;
    readonly isThere?: (d: Descriptor) => boolean;
    readonly source?: Uint8Array;
    readonly lock?: string;
  } = {},
): Promise<Uint8Array> {
  await using dir = await tempDir();
  await goProxy(dir, [["example.com/dep@v1.0.0", { "lib.go": "package lib\n" }]], "gomod");
  const sum = await zipSum(dir.join(`${MODULE}.zip`), "it");
  const store = new MemoryStore();
  await pushAll(store, [...APP.blobs, ...BASE.blobs]);
  const images = new BundleImages(isThere);
  const add = { source: store, role: "image" as const };
  await images.add({ ...add, root: APP.root.descriptor, name: "reg.local/app:v1" });
  await images.add({
    ...add,
    root: BASE.root.descriptor,
    name: "base.local/base:v1",
    role: "base",
  });
  const list = memberOfBytes("gomod/example.com/dep/@v/list", new TextEncoder().encode("v1.0.0\n"));
  const files = [list, memberOfBytes("source.tar", source)];
  const modules = [{ path: "example.com/dep", version: "v1.0.0", sum }];
  const trees = [MODULE];
  if (go !== undefined) {
    await goProxy(dir, [[`golang.org/toolchain@${go}`, GO_FILES]], "gomod");
    const tree = `gomod/golang.org/toolchain/@v/${GO}`;
    for (const ending of go === GO ? [] : ["info", "mod", "zip"]) {
      await Deno.rename(
        dir.join(`gomod/golang.org/toolchain/@v/${go}.${ending}`),
        dir.join(`${tree}.${ending}`),
      );
    }
    trees.push(tree);
    const said = await zipSum(dir.join(`${tree}.zip`), "it");
    modules.push({ path: "golang.org/toolchain", version: GO, sum: said });
  }
  for (
    const path of trees.flatMap((one) => ["info", "mod", "zip"].map((ending) => `${one}.${ending}`))
  ) {
    files.push(memberOfBytes(path, await Deno.readFile(dir.join(path))));
  }
  files.push(memberOfBytes("kodeno.lock", new TextEncoder().encode(lock ?? lockOf(sum))));
  const chunks: Uint8Array[] = [];
  const signer = await readPrivateKey(pair.privateKey, "key", () => Promise.resolve("secret"));
  await writeBundle({
    images,
    files,
    gomod: { modules, toolchains: [] },
    source: { path: "source.tar", commit: "c".repeat(40), dirty: false },
    ...isSigned ? { signer } : {},
  }, (chunk) => void chunks.push(Uint8Array.from(chunk)));
  return concat(...chunks);
}

let made: Promise<Uint8Array> | undefined;
const bundle = () => made ??= makeBundle();

async function* pieces(bytes: Uint8Array, size = 4096): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += size) {
    yield await Promise.resolve(bytes.slice(at, at + size));
  }
}

/** Applies bytes to folders of a test's own. */
async function applied(
  dir: TempDir,
  bytes: Uint8Array,
  { to = "app", ...options }: Partial<Parameters<typeof applyBundle>[2]> & {
    readonly to?: string;
  } = {},
) {
  const places = {
    directory: dir.join(to),
    cache: dir.join("cache"),
    modules: () => Promise.resolve(dir.join("mod")),
  };
  const input = { what: "bundle x.tar", chunks: pieces(bytes) };
  return await applyBundle(input, places, { keys: [], ...options });
}

/** Bytes with another bit in their middle. */
function changedIn(bytes: Uint8Array): Uint8Array {
  const changed = Uint8Array.from(bytes);
  const at = changed.length >> 1;
  changed[at] = (changed[at] ?? 0) ^ 1;
  return changed;
}

/** All that was brought, and what it is. */
async function broughtIn(dir: TempDir): Promise<Readonly<Record<string, string>>> {
  const found: Record<string, string> = {};
  for (const path of await filesBelow(dir.path)) {
    found[path] = digestOf(await Deno.readFile(dir.join(path)));
  }
  return found;
}

Deno.test("apply: each part is where it is used, once and again, and nothing is left beside", async () => {
  await using dir = await tempDir();
  const bytes = await bundle();
  const { layout, source, lock, modules, signed } = await applied(dir, bytes, { keys });
  assert.equal(signed, true);
  assert.deepEqual([layout, source, lock, modules], [
    dir.join("app/out"),
    dir.join("app/source"),
    dir.join("app/kodeno.lock"),
    dir.join("mod"),
  ]);
  const all = await broughtIn(dir);
  const files = Object.keys(all);
  const blobs = (folder: string) => files.filter((path) => path.startsWith(`${folder}/blobs/`));
  assert.equal(blobs("app/out").length, APP.blobs.length);
  assert.equal(blobs("cache/bases").length, BASE.blobs.length);
  const others = files.filter((path) => !/\/(?:blobs|names)\//.test(path));
  assert.deepEqual(others, [
    "app/kodeno-applied.json",
    "app/kodeno.lock",
    "app/out/index.json",
    "app/out/oci-layout",
    "app/source/cmd/link",
    "app/source/cmd/main.go",
    "app/source/run.sh",
    "mod/cache/download/example.com/dep/@v/list",
    ...["info", "mod", "zip", "ziphash"].map((one) =>
      `mod/cache/download/example.com/dep/@v/v1.0.0.${one}`
    ),
  ]);
  assert.equal(Deno.readLinkSync(dir.join("app/source/cmd/link")), "../run.sh");
  assert.notEqual((Deno.statSync(dir.join("app/source/run.sh")).mode ?? 0) & 0o100, 0);
  await applied(dir, bytes);
  assert.deepEqual(await broughtIn(dir), all);

  // A damaged one has its size still, and what go says of it.
  const zip = dir.join("mod/cache/download/example.com/dep/@v/v1.0.0.zip");
  await Deno.writeFile(zip, changedIn(await Deno.readFile(zip)));
  const text = partsOf(bytes).find(({ name }) => name === "kodeno-bundle.json")?.bytes;
  const { gomod: { modules: omitted } } = JSON.parse(new TextDecoder().decode(text));
  const document = { gomod: { modules: [], omitted, toolchains: [] } };
  const refusing = () => refuseOmittedModules({ doing: "do", document }, dir.join("mod"), {});
  await failsWith("NOT_FOUND", refusing, /are not in \S+mod: example.com\/dep@v1\.0\.0/);
  const { changes } = await applied(dir, bytes);
  assert.deepEqual(changes.modules.map(({ path }) => path), ["example.com/dep"]);
  assert.deepEqual(await broughtIn(dir), all);
  await refusing();

  // What somebody works on is not lost by it.
  await dir.write("app/source/new.go", "package main\n");
  await applied(dir, bytes);
  await dir.write("app/source/cmd/main.go", "package mine\n");
  await dir.write("app/kodeno.lock", "version: 1\nimages: {}\n");
  const why = /changed what it would .*app\/kodeno\.lock, \S+\/app\/source\/cmd\/main\.go; keep/;
  await failsWith("BAD_PLACE", () => applied(dir, bytes), why);
  const { kept } = await applied(dir, bytes, { force: true });
  assert.equal(kept, dir.join("app/kept-1"));
  assert.equal(
    await Deno.readTextFile(dir.join("app/kept-1/source/cmd/main.go")),
    "package mine\n",
  );
  assert.deepEqual(await filesBelow(kept), ["kodeno.lock", "source/cmd/main.go"]);
  await Deno.remove(kept, { recursive: true });
  await Deno.remove(dir.join("app/source/new.go"));
  assert.deepEqual(await broughtIn(dir), all);
  await dir.write("mod/cache/download/example.com/dep/@v/v1.0.0.ziphash", "h1:other");
  await failsWith("BAD_PLACE", () => applied(dir, bytes, { force: true }), /go clean -modcache/);
});

/** A bundle of files alone. */
async function sourceBundle(sequence: number, source: Uint8Array, lock?: string) {
  const chunks: Uint8Array[] = [];
  const files = [memberOfBytes("source.tar", source)];
  if (lock !== undefined) files.push(memberOfBytes("kodeno.lock", new TextEncoder().encode(lock)));
  const said = { path: "source.tar", commit: "c".repeat(40), dirty: false };
  const content = { images: new BundleImages(), files, source: said, sequence };
  await writeBundle(content, (chunk) => void chunks.push(Uint8Array.from(chunk)));
  return concat(...chunks);
}

Deno.test("apply: the next source replaces the last one, and nothing that a person has made", async () => {
  await using dir = await tempDir();
  const one = await sourceBundle(1, SOURCE, "version: 1\nimages: {}\n");
  await applied(dir, one);
  await dir.write("app/source/cmd/own.go", "package main\n");
  // A file went, one is a program now, a link is a folder, and there is another one.
  const two = await sourceBundle(
    2,
    tar(
      member({ type: "file", name: "run.sh", mode: 0o644, size: 3 }, "go\n"),
      member("cmd/link/x.go", "package x\n"),
    ),
    "version: 1\nimages: {}\n# two\n",
  );
  const before = await broughtIn(dir);
  const { changes } = await applied(dir, two, { dryRun: true });
  assert.deepEqual(changes.files, {
    written: ["kodeno.lock", "source/cmd/link/x.go", "source/run.sh"],
    removed: ["source/cmd/link", "source/cmd/main.go"],
    own: [],
  });
  assert.deepEqual(await broughtIn(dir), before);
  await applied(dir, two);
  assert.deepEqual(await filesBelow(dir.join("app/source")), [
    "cmd/link/x.go",
    "cmd/own.go",
    "run.sh",
  ]);
  assert.equal((Deno.statSync(dir.join("app/source/run.sh")).mode ?? 0) & 0o111, 0);
  assert.match(await Deno.readTextFile(dir.join("app/kodeno.lock")), /# two/);
  await failsWith(
    "BAD_PLACE",
    () => applied(dir, one),
    /it is bundle 1, and bundle 2 has come already; .*--force/,
  );
  await applied(dir, two);
  await applied(dir, one, { force: true });
  await Deno.remove(dir.join("app/source/cmd/own.go"));
  const note = ({ "app/kodeno-applied.json": _, ...rest }: Record<string, string>) => rest;
  delete (before as Record<string, string>)["app/source/cmd/own.go"];
  assert.deepEqual(note(await broughtIn(dir)), note(before));

  // A dry run of what is nowhere leaves no folder, either.
  await applied(dir, one, { to: "new/app", dryRun: true });
  assert.deepEqual(await names(dir.path), ["app"]);
});

Deno.test("apply: what has come before another bundle of as high a sequence does not go back", async () => {
  await using dir = await tempDir();
  const [one, two] = [await sourceBundle(1, SOURCE), await sourceBundle(1, tar(member("a", "a")))];
  await applied(dir, one);
  await applied(dir, two);
  await failsWith("BAD_PLACE", () => applied(dir, one), /before bundle sha256:\w+, and both are/);
  assert.deepEqual(await filesBelow(dir.join("app/source")), ["a"]);
  await applied(dir, one, { force: true });
  await applied(dir, two);
});

Deno.test("apply: a bundle that does not hold is refused in a line, and leaves nothing", async (t) => {
  const bytes = await bundle();
  const parts = partsOf(bytes);
  const refused = async (
    what: string,
    changed: Uint8Array,
    why: RegExp,
    code: "BAD_CONTENT" | "NOT_TRUSTED" = "BAD_CONTENT",
    options: Parameters<typeof applied>[2] = {},
  ) => {
    await t.step(what, async () => {
      await using dir = await tempDir();
      const error = await failsWith(code, () => applied(dir, changed, options), why);
      assert.equal(error.message.split("\n").length, 1, error.message);
      assert.equal(error.exitCode, 1);
      assert.deepEqual(await names(dir.path), []);
      // Who only looks at it is told the same.
      if (options.keys !== undefined || options.policy !== undefined) return;
      const bundle = dir.join("x.tar");
      await Deno.writeFile(bundle, changed);
      await failsWith(code, () => verifyBundleFile({ bundle }), why);
    });
  };
  for (const { name } of parts) {
    const flipped = parts.map((one) =>
      one.name === name ? { name, bytes: changedIn(one.bytes) } : one
    );
    const why = name.endsWith("sigstore.json") ? /signature of bundle x\.tar/ : /x\.tar: /;
    await refused(`a flipped bit in ${name}`, packed(flipped), why, "BAD_CONTENT", { keys });
  }
  for (const part of [0.1, 0.5, 0.95]) {
    const cut = bytes.slice(0, Math.floor(bytes.length * part));
    await refused(`an end after ${part}`, cut, /ends early/);
  }
  const more = { name: "more", bytes: new Uint8Array(3) };
  await refused("a member that is not listed", packed([...parts, more]), /"more", of which/);
  const out = { name: "gomod/../../x", bytes: new Uint8Array(3) };
  await refused("a way out", packed([...parts, out]), /leads out of it/);
  const link = member({ type: "symlink", name: "gomod/l", mode: 0o777, linkname: "index.json" });
  const members = parts.map((one) => member(one.name, one.bytes));
  await refused("a link", concat(...members, tar(link)), /is a link/);

  const replaced = (name: string, bytes: Uint8Array) =>
    parts.map((one: Part) => one.name === name ? { name, bytes } : one);
  const version = new TextEncoder().encode('{"version":2}');
  await refused("another version", packed(replaced("kodeno-bundle.json", version)), /version 2/);
  /** A bundle whose document says what somebody has put into a member. */
  const said = (
    name: string,
    content: Uint8Array,
    change: (document: BundleDocument) => BundleDocument = (one) => one,
  ) =>
    withDocument(packed(replaced(name, content)), (document) => ({
      ...change(document),
      files: document.files.map((file) =>
        file.path === name ? { ...file, digest: digestOf(content), size: content.length } : file
      ),
    }));
  const zip = parts.find(({ name }) => name.endsWith(".zip"))?.bytes ?? new Uint8Array();
  const sum = "h1:ag1VXXKsLhH0GRVzBlDX2vxKD0v8xGsc9XGPGBtqwUg=";
  const lock = new TextEncoder().encode(lockOf(sum));
  await refused("a module that the lock has otherwise", said("kodeno.lock", lock), /lock says h1:/);
  await refused(
    "a signed bundle with another lock",
    said("kodeno.lock", lock),
    /has signed it/,
    "NOT_TRUSTED",
    {
      keys,
    },
  );
  const otherSum = (document: BundleDocument) => ({
    ...document,
    gomod: { toolchains: [], modules: [{ path: "example.com/dep", version: "v1.0.0", sum }] },
  });
  const free = new TextEncoder().encode("version: 1\nimages: {}\n");
  await refused(
    "a module of another sum",
    said("kodeno.lock", free, otherSum),
    /has sum h1:.*not the/,
  );
  await refused(
    "a module that is no zip",
    said(`${MODULE}.zip`, zip.slice(0, 40)),
    /module example/,
  );
  const none = (document: BundleDocument) => ({
    ...document,
    gomod: { toolchains: [], modules: [] },
  });
  await refused(
    "a module that is not named",
    said("kodeno.lock", free, none),
    /says nothing of module/,
  );
  const moved = (name: string) =>
    withDocument(
      packed(parts.map((one) => one.name === `${MODULE}.mod` ? { ...one, name } : one)),
      (document) => ({
        ...document,
        files: document.files.map((one) =>
          one.path === `${MODULE}.mod` ? { ...one, path: name } : one
        ),
      }),
    );
  await refused("a file of no proxy", moved("gomod/cache/lock"), /is no file of a proxy/);
  const tars: readonly (readonly [string, Uint8Array, RegExp])[] = [
    ["leads out", tar(member("../x", "x")), /leads out of it/],
    [
      "goes through a link",
      tar(
        member({ type: "symlink", name: "a", mode: 0o777, linkname: "b" }),
        member("a/x", "x"),
      ),
      /below a link/,
    ],
    [
      "links out",
      tar(member({ type: "symlink", name: "a", mode: 0o777, linkname: "/etc" })),
      /outside of it/,
    ],
  ];
  for (const [what, content, why] of tars) {
    await refused(`a source that ${what}`, said("source.tar", content), why);
  }
  await refused("nobody's", packed(parts.slice(0, -1)), /is not signed/, "NOT_TRUSTED", { keys });
  const demand = { type: "signedBy" as const, keys, statements: [] };
  const policy = { what: "the rules", demandOn: () => demand };
  await refused("an image that nobody has signed", bytes, /nothing was applied/, "NOT_TRUSTED", {
    policy,
  });
});

Deno.test("apply: what is to be there already is named where it is not, and used where it is", async () => {
  await using dir = await tempDir();
  const { digest, size } = APP.shared.descriptor;
  const delta = await makeBundle({ isThere: (d) => d.digest === digest });
  const error = await failsWith(
    "NOT_FOUND",
    () => applied(dir, delta),
    /1 blob of \d+ bytes is not there/,
  );
  assert.deepEqual(error.detail["missing"], [{ digest, size }]);
  assert.ok(error.message.includes(`${digest} (${size} bytes)`), error.message);
  assert.deepEqual(await names(dir.path), []);
  await applied(dir, await bundle());
  await applied(dir, delta);
});

Deno.test("apply: what is there and damaged is brought again, and is missing where it was left out", async () => {
  await using dir = await tempDir();
  const { digest } = APP.shared.descriptor;
  const [bytes, delta] = [
    await bundle(),
    await makeBundle({ isThere: (d) => d.digest === digest }),
  ];
  await applied(dir, bytes);
  const whole = await broughtIn(dir);
  const blob = dir.join("app/out", blobPath(APP.shared.descriptor));
  const damaged = (await Deno.readFile(blob)).map((byte) => byte ^ 1);
  const damage = async () => {
    await Deno.remove(blob);
    await Deno.writeFile(blob, damaged);
  };
  await damage();
  await failsWith("NOT_FOUND", () => applied(dir, delta), /1 blob of \d+ bytes is not there/);
  await Deno.writeFile(dir.join("delta.tar"), delta);
  const verifying = () =>
    verifyBundleFile({ bundle: dir.join("delta.tar"), base: dir.join("app/out") });
  await failsWith("NOT_FOUND", verifying, /1 blob of \d+ bytes is not there/);
  await Deno.remove(dir.join("delta.tar"));
  await applied(dir, bytes);
  assert.deepEqual(await broughtIn(dir), whole);
});

Deno.test("apply: a bundle that is refused takes nothing of one that was interrupted", async () => {
  await using dir = await tempDir();
  const begun = dir.join(`app/.kodeno-bundle-${"0".repeat(16)}`);
  await Deno.mkdir(begun, { recursive: true });
  const unsigned = await makeBundle({ isSigned: false });
  await failsWith("NOT_TRUSTED", () => applied(dir, unsigned, { keys }), /it is not signed/);
  assert.ok((await Deno.stat(begun)).isDirectory);
  await applied(dir, await bundle(), { keys });
  await assert.rejects(Deno.stat(begun), Deno.errors.NotFound);
});

Deno.test("apply: a base that is an image of its own, too, is in the layout and in the cache", async () => {
  await using dir = await tempDir();
  const store = new MemoryStore();
  await pushAll(store, BASE.blobs);
  const images = new BundleImages();
  for (const role of ["image", "base"] as const) {
    const name = "base.local/base:v1";
    await images.add({ source: store, root: BASE.root.descriptor, name, role });
  }
  const chunks: Uint8Array[] = [];
  await writeBundle({ images }, (chunk) => void chunks.push(Uint8Array.from(chunk)));
  await applied(dir, concat(...chunks));
  for (const folder of ["app/out/blobs", "cache/bases/blobs"]) {
    assert.equal((await filesBelow(dir.join(folder))).length, BASE.blobs.length, folder);
  }
});

Deno.test("apply: what it accepts verify does, and a receipt has what is there and no more", async () => {
  await using dir = await tempDir();
  const { digest } = BASE.shared.descriptor;
  await Deno.writeFile(dir.join("all.tar"), await bundle());
  const delta = await makeBundle({ isThere: (d) => d.digest === digest });
  await Deno.writeFile(dir.join("delta.tar"), delta);
  const env = { KODENO_CACHE: dir.join("cache"), GOMODCACHE: dir.join("mod") };
  await done(dir, ["bundle", "apply", "all.tar", "--to", "app"], env);
  await done(dir, ["bundle", "verify", "delta.tar", "--base", "app/out"], env);
  await done(dir, ["bundle", "apply", "delta.tar", "--to", "app"], env);
  const elsewhere = { ...env, KODENO_CACHE: dir.join("empty") };
  await assertFails(dir, ["bundle", "verify", "delta.tar", "--base", "app/out"], {
    code: 1,
    message: /with app\/out: 1 blob of \d+ bytes is not there/,
  }, { env: elsewhere });

  const receipt = async () =>
    JSON.parse(await done(dir, ["bundle", "receipt", "app/out"], env)).modules.length;
  assert.equal(await receipt(), 1);
  await Deno.remove(dir.join("mod/cache/download/example.com/dep/@v/v1.0.0.zip"));
  assert.equal(await receipt(), 0);
});

Deno.test("apply: interrupted anywhere it goes on, and writes nothing twice", async () => {
  const bytes = await bundle();
  await using whole = await tempDir();
  await applied(whole, bytes);
  const expected = await broughtIn(whole);
  await using dir = await tempDir();
  const kept = new Map<string, number>();
  for (let at = 512; at < bytes.length; at += 4096) {
    const controller = new AbortController();
    const places = {
      directory: dir.join("app"),
      cache: dir.join("cache"),
      modules: () => Promise.resolve(dir.join("mod")),
    };
    const chunks = (async function* () {
      yield* pieces(bytes.subarray(0, at));
      controller.abort(new Error("interrupted"));
      yield bytes.slice(at);
    })();
    const work = applyBundle({ what: "bundle x.tar", chunks }, places, {
      keys: [],
      signal: controller.signal,
    });
    await assert.rejects(() => work, /interrupted/);
    const [stage] = await names(dir.join("app"));
    // Nothing is there before it is known what is to come.
    if (stage === undefined && kept.size === 0) continue;
    assert.deepEqual([await names(dir.path), stage?.startsWith(".kodeno-bundle-")], [
      ["app"],
      true,
    ]);
    for (const path of await filesBelow(dir.join("app", stage ?? ""))) {
      const { ino } = Deno.statSync(dir.join("app", stage ?? "", path));
      const before = kept.get(path);
      if (before !== undefined && ino !== null) assert.equal(ino, before, path);
      if (ino !== null && !/\.tmp$|^files/.test(path)) kept.set(path, ino);
    }
  }
  assert.ok(kept.size > 10, `${kept.size}`);
  assert.ok(kept.has(blobPath(APP.shared.descriptor)));
  // A power cut may take the bytes of what has its name and its size.
  const [stage = ""] = await names(dir.join("app"));
  for (const path of [blobPath(APP.shared.descriptor), `${MODULE}.mod`]) {
    const file = dir.join("app", stage, path);
    await Deno.writeFile(file, new Uint8Array(Deno.statSync(file).size));
  }
  await applied(dir, bytes);
  assert.deepEqual(await broughtIn(dir), expected);
});

Deno.test("bundle: a clock of 1980 changes nothing of what is made, checked and applied", async () => {
  await using dir = await tempDir();
  await using other = await tempDir();
  const bytes = await makeBundle({ isSigned: false });
  await applied(other, bytes);
  const { Date: Now } = globalThis;
  const then = Now.UTC(1980, 0, 1);
  try {
    globalThis.Date = class extends Now {
      constructor(time: number = then) {
        super(time);
      }
      static override now = () => then;
    } as DateConstructor;
    assert.deepEqual(await makeBundle({ isSigned: false }), bytes);
    const signed = await makeBundle();
    await readBundle({ what: "bundle x.tar", chunks: pieces(signed) });
    await applied(dir, signed, { keys, to: "signed", dryRun: true });
    await applied(dir, bytes);
  } finally {
    globalThis.Date = Now;
  }
  assert.deepEqual(await broughtIn(dir), await broughtIn(other));
});

Deno.test("apply: a toolchain is whole, and what fails at its last file leaves nothing else", async () => {
  await using dir = await tempDir();
  const other = await makeBundle({ go: GO.replace("1.99.0", "1.98.0") });
  await failsWith("BAD_CONTENT", () => applied(dir, other), /unpack toolchain .* leads out of it/);
  assert.deepEqual(await broughtIn(dir), {});

  const bytes = await makeBundle({ go: GO });
  const { goFolder } = await applied(dir, bytes);
  const root = dir.join(`mod/golang.org/toolchain@${GO}`);
  assert.equal(goFolder, `${root}/bin`);
  const all = await broughtIn(dir);
  assert.equal((await filesBelow(root)).length, 5);
  assert.deepEqual(await names(dir.join("mod")), ["cache", "golang.org"]);
  // A power cut may take the bytes of what was just unpacked.
  await Deno.truncate(`${root}/bin/go`);
  await applied(dir, bytes);
  assert.deepEqual(await broughtIn(dir), all);
});

for (const disk of ["app", "cache", "mod"]) {
  Deno.test({
    name: `apply: wherever a disk is full that has ${disk}, nothing of a bundle is there in part`,
    ...needs("tmpfs"),
    async fn() {
      const bytes = await makeBundle({ go: GO });
      await using dir = await tempDir();
      await using small = await tmpfs(dir.join(disk), PAGE);
      const there = new Set<string>();
      let pages = 1;
      for (; pages < 300; pages++) {
        await small.grow(pages * PAGE);
        try {
          await applied(dir, bytes);
          break;
        } catch (error) {
          const { message } = error as Error;
          assert.match(message, /^Cannot .*no space is left on the disk[^\n]*$/);
          const files = Object.keys(await broughtIn(dir));
          for (const path of files) there.add(path.replace(/[0-9a-f]{64}/, "*"));
          const bases = files.filter((path) => path.startsWith("cache/bases/blobs/"));
          assert.ok([0, BASE.blobs.length].includes(bases.length), files.join("\n"));
        }
      }
      assert.ok(pages > 5, `${pages}`);
      // Whole bases, what is on its way, and an index that no layout has yet.
      const allowed = [
        "app/out/index.json",
        "app/kodeno-applied.json",
        "cache/bases/blobs/sha256/*",
        "cache/bases/names/*",
      ];
      assert.deepEqual([...there].filter((path) => !allowed.includes(path)), []);
      await using whole = await tempDir();
      await applied(whole, bytes);
      assert.deepEqual(await broughtIn(dir), await broughtIn(whole));
    },
  });
}

Deno.test({
  name: "apply: a full disk is told in a line, and what was brought goes again",
  ...needs("tmpfs"),
  async fn() {
    await using dir = await tempDir();
    const large = tar(member("large", new Uint8Array(3 * 1024 * 1024)));
    const bytes = await makeBundle({ source: large });
    await using small = await tmpfs(dir.join("small"), 4 * 1024 * 1024);
    const full = () => applied(dir, bytes, { to: "small/app" });
    const error = await failsWith("IO_FAILED", full, /no space is left on the disk/);
    assert.equal(error.message.split("\n").length, 1);
    assert.deepEqual(await names(small.path), []);
    assert.deepEqual(await names(dir.path), ["small"]);
    await small.grow(32 * 1024 * 1024);
    // Two file systems: nothing can be linked.
    await full();
    assert.deepEqual(await names(dir.join("small/app")), [
      "kodeno-applied.json",
      "kodeno.lock",
      "out",
      "source",
    ]);
    assert.equal(Deno.statSync(dir.join("small/app/source/large")).size, 3 * 1024 * 1024);
  },
});
