/**
 * `kodeno export`: the files that other tools make of the same image, and images that nobody should unpack.
 * @module
 */
import assert from "node:assert/strict";
import { openLayout } from "../../src/place/layout/layout.ts";
import type { TarEntry } from "../../src/io/tar_writer.ts";
import { member, tar } from "../archive/images.ts";
import { startRegistry } from "../parts/registry.ts";
import { goTool, needs } from "../parts/tools.ts";
import { type Blob, blob, image, pushAll } from "../support/image_graph.ts";
import { done, kodeno, kodenoEnvironment, kodenoWords } from "../support/kodeno.ts";
import { run, succeed } from "../support/process.ts";
import { type TempDir, tempDir } from "../support/temp.ts";

/** Makes an image `made:v1` of three layers, with all that a layer can do to those below it. */
const MAKE = `
set -e
umoci init --layout made
umoci new --image made:v1
umoci unpack --image made:v1 bundle >/dev/null
cd bundle/rootfs
mkdir -p etc/opaque etc/gone usr/bin var/tmp/deep
echo passwd > etc/passwd; echo old > etc/changed; echo x > etc/removed; echo y > etc/gone/y
echo o > etc/opaque/old; echo t > usr/bin/tool; chmod 4755 usr/bin/tool; ln usr/bin/tool usr/bin/same
ln -s ../etc/passwd usr/passwd; ln -s /none/at/all usr/dangling; mkdir becomes_file; echo > becomes_file/x
echo f > becomes_folder; mknod null c 1 3; mkfifo pipe; chmod 1777 var/tmp; chown 7:8 etc/passwd
head -c 300000 /dev/urandom > large; mkdir -p "a folder/\u00e4"; echo u > "a folder/\u00e4/\u00f6"
long=$(printf '%0120d' 1); mkdir -p $long/$long; echo l > $long/$long/$long
cd ../..; umoci repack --image made:v1 --refresh-bundle bundle; cd bundle/rootfs
echo new > etc/changed; rm -r etc/removed etc/gone etc/opaque becomes_file becomes_folder
mkdir etc/opaque becomes_folder; echo n > etc/opaque/new; echo i > becomes_folder/in; echo b > becomes_file
cd ../..; umoci repack --image made:v1 --refresh-bundle bundle; cd bundle/rootfs
rm pipe; chmod 600 etc/passwd; echo last > var/tmp/deep/last
cd ../..; umoci repack --image made:v1 --refresh-bundle bundle
`;

/** What a tar has, a line each, but for times: mode, owner, size or device, name, target. */
async function listed(dir: TempDir, path: string): Promise<readonly string[]> {
  const env = { ...Deno.env.toObject(), LC_ALL: "C.UTF-8" };
  const text = await succeed("tar", ["--numeric-owner", "-tvf", dir.join(path)], { env });
  return text.trimEnd().split("\n").map((line) =>
    line.replace(/\s+/g, " ").replace(/ \d{4}-\d\d-\d\d \d\d:\d\d /, " ").replace(/\/$/, "")
  ).sort();
}

/** Each file below a folder as the system tells of it, with the digests of contents. */
async function found(folder: string): Promise<string> {
  const script =
    `cd "$0"; find . -mindepth 1 ! -type f -printf '%M %U:%G %n %P %l\\n' | sed 's/^\\(d.*:[0-9]*\\) [0-9]* /\\1 /'
    find . -type f -printf '%M %U:%G %n %s %P\\n'; find . -type f -exec sha256sum {} +`;
  return (await succeed("sh", ["-c", script, folder])).split("\n").sort().join("\n");
}

Deno.test({
  name: "export: the files that umoci unpacks and crane exports, from each place the same bytes",
  ...needs("root", "umoci", "docker-registry"),
  async fn() {
    await using dir = await tempDir();
    await using registry = await startRegistry();
    await succeed("bash", ["-c", MAKE], { cwd: dir.path });
    await succeed("umoci", ["unpack", "--image", "made:v1", "whole"], { cwd: dir.path });
    await done(dir, ["export", "made", "-o", "own.tar"]);
    await Deno.mkdir(dir.join("own"));
    await succeed("tar", ["--numeric-owner", "-xpf", dir.join("own.tar"), "-C", dir.join("own")]);
    assert.equal(await found(dir.join("own")), await found(dir.join("whole/rootfs")));
    await done(dir, ["push", "made", "--to", registry.host]);
    await done(dir, ["export", `${registry.host}/made:v1`, "-o", "remote.tar"]);
    assert.deepEqual(
      await Deno.readFile(dir.join("remote.tar")),
      await Deno.readFile(dir.join("own.tar")),
    );
    await succeed(await goTool("crane"), [
      "export",
      `${registry.host}/made:v1`,
      dir.join("crane.tar"),
    ]);
    assert.deepEqual(await listed(dir, "own.tar"), await listed(dir, "crane.tar"));
  },
});

/** Makes a layout with an image of layers. */
async function layoutOf(dir: TempDir, name: string, ...layers: readonly Blob[]): Promise<void> {
  const { manifest, config } = image({ os: "linux", architecture: "amd64" }, layers);
  using layout = await openLayout(dir.join(name), { create: true });
  await pushAll(layout, [...layers, config, manifest]);
  await layout.tag(manifest.descriptor, "app:v1");
}

const entry = (type: TarEntry["type"], name: string, more: Partial<TarEntry> = {}) =>
  member({ type, name, mode: 0o644, ...more });

Deno.test("export: a hard link gets the file that it was made of, wherever that is", async () => {
  await using dir = await tempDir();
  const low = blob(tar(entry("dir", "a/"), member("a/file", "first"), member("other", "other")));
  const middle = blob(
    tar(entry("link", "b", { linkname: "a/file" }), entry("link", "c", { linkname: "/b" })),
  );
  const top = blob(tar(entry("dir", "a/"), member("a/file", "second"), member(".wh.other")));
  await layoutOf(dir, "out", low, middle, top);
  await done(dir, ["export", "out", "-o", "x.tar"]);
  await Deno.mkdir(dir.join("x"));
  await succeed("tar", ["-xf", dir.join("x.tar"), "-C", dir.join("x")]);
  const read = (name: string) => Deno.readTextFile(dir.join("x", name));
  assert.deepEqual(await Promise.all(["a/file", "b", "c"].map(read)), ["second", "first", "first"]);
  assert.equal((await Deno.stat(dir.join("x/b"))).nlink, 2);
  assert.deepEqual(
    (await Array.fromAsync(Deno.readDir(dir.join("x")))).map(({ name }) => name).sort(),
    ["a", "b", "c"],
  );
});

Deno.test("export: hostile images are refused in one line, and leave what was there", async () => {
  await using dir = await tempDir();
  const cases: Readonly<Record<string, readonly [RegExp, ...Uint8Array[]]>> = {
    dots: [/its entry "\.\.\/evil" leads out of it/, member("../evil")],
    link: [/its entry "\/l" links to "\.\.\/x"/, entry("link", "l", { linkname: "../x" })],
    below: [/lies below what is no folder/, member("f"), member("f/x")],
    device: [
      /lies below what is no folder/,
      entry("block", "d", { device: [8, 0] }),
      member("d/x"),
    ],
    name: [/Cannot export \/\ufffd: its name or target is not UTF-8/, raw(member("x"), 0xff)],
  };
  for (const [name, [words, ...members]] of Object.entries(cases)) {
    await layoutOf(dir, name, blob(tar(...members)));
    await dir.write("x.tar", "before");
    const { code, stdout, stderr } = await kodeno(["export", name, "-o", "x.tar"], {
      cwd: dir.path,
    });
    assert.deepEqual([code, stdout], [1, ""], name);
    assert.match(stderr, /^Error: [^\n]*\n$/);
    assert.match(stderr, words);
    assert.equal(await Deno.readTextFile(dir.join("x.tar")), "before");
  }
  // What only looks so stays in the folder that it is unpacked in.
  const layer = blob(tar(
    member("/absolute", "a"),
    member("./a/../inside", "b"),
    entry("symlink", "up", { linkname: "../../../.." }),
    member("up/through", "c"),
    member("twice", "1"),
    member("twice", "2"),
  ));
  await layoutOf(dir, "odd", layer);
  await done(dir, ["export", "odd", "-o", "odd.tar"]);
  assert.deepEqual(
    (await listed(dir, "odd.tar")).map((line) => line.split(" ").slice(2).join(" ")),
    [
      "1 absolute",
      "1 inside",
      "1 through",
      "1 twice",
      "0 up -> ../../../..",
    ],
  );
});

/** A member whose name is one byte. */
function raw(bytes: Uint8Array<ArrayBuffer>, byte: number): Uint8Array<ArrayBuffer> {
  const sum = bytes.subarray(148, 156);
  const total = parseInt(new TextDecoder().decode(sum), 8) - (bytes[0] ?? 0) + byte;
  sum.set(new TextEncoder().encode(`${total.toString(8).padStart(6, "0")}\0 `));
  bytes[0] = byte;
  return bytes;
}

Deno.test("export: a reader that goes is what is told, and not a layer", async () => {
  await using dir = await tempDir();
  // More than a pipe takes.
  await layoutOf(dir, "out", blob(tar(member("large", new Uint8Array(1_000_000)))));
  for (const command of ["export out", "cat out:/large"]) {
    const line = `set -o pipefail; ${kodenoWords()} ${command} | head -c 1 > first`;
    const how = { cwd: dir.path, env: kodenoEnvironment() };
    const { code, stderr } = await run("bash", ["-c", line], how);
    assert.equal(code, 1, stderr);
    assert.match(stderr, /^Error: Cannot write [^\n]* to stdout: its reader has gone\n$/);
  }
});
