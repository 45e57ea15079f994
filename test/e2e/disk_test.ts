/**
 * Full and read-only disks: the failure says so, and nothing half-made is left on them.
 * @module
 */
import assert from "node:assert/strict";
import { verify } from "../../src/content/check.ts";
import { openArchive } from "../../src/place/archive/archive_source.ts";
import { openRegistry } from "../../src/place/registry/registry.ts";
import { startRegistry } from "../parts/registry.ts";
import { needs } from "../parts/tools.ts";
import { assertFails } from "../support/failure.ts";
import { simpleModule } from "../support/go_module.ts";
import { blob, image, pushAll } from "../support/image_graph.ts";
import { done, kodeno, spawnKodeno } from "../support/kodeno.ts";
import { assertClean, fingerprint, temporaries } from "../support/layout.ts";
import { tmpfs } from "../support/mounts.ts";
import { filesBelow, type TempDir, tempDir } from "../support/temp.ts";

const FULL = /: no space is left on the disk; free some and run it again$/;
const READ_ONLY = /: the file system is read-only; choose another place$/;

/** A module whose image needs more than three megabytes. */
async function app(): Promise<TempDir> {
  const dir = await tempDir();
  await simpleModule(dir);
  await dir.write("kodata/data.bin", crypto.getRandomValues(new Uint8Array(60_000)));
  return dir;
}

Deno.test({
  name: "disk: a full disk under the layout",
  ...needs("tmpfs"),
  fn: async () => {
    await using dir = await app();
    await using disk = await tmpfs(dir.join("disk"), 600_000);
    const args = ["build", "--oci-layout", "disk/out"];
    await assertFails(dir, args, { code: 1, message: FULL });
    assert.deepEqual(await filesBelow(disk.path), []);
  },
});

Deno.test({
  name: "disk: a full disk under a layout that has an image leaves that image",
  ...needs("tmpfs"),
  fn: async () => {
    await using dir = await app();
    await using disk = await tmpfs(dir.join("disk"), 3_000_000);
    const args = ["build", "--oci-layout", "disk/out"];
    assert.equal((await kodeno(args, { cwd: dir.path })).code, 0);
    const more = [...args, "-t", "two", "--compression=none"];
    const { code, stdout, stderr } = await kodeno(more, { cwd: dir.path });
    assert.deepEqual([code, stdout], [1, ""]);
    assert.match(stderr.trimEnd(), FULL);
    assert.equal((await assertClean(`${disk.path}/out`)).length, 1);
  },
});

Deno.test({
  name: "disk: a read-only disk under the layout, whether there is one or not",
  ...needs("tmpfs"),
  fn: async () => {
    await using dir = await app();
    await using disk = await tmpfs(dir.join("disk"), 10_000_000);
    assert.equal((await kodeno(["build", "--oci-layout=disk/out"], { cwd: dir.path })).code, 0);
    await disk.makeReadOnly();
    const failure = { code: 1, message: READ_ONLY } as const;
    await assertFails(dir, ["build", "--oci-layout=disk/new"], failure);
    await assertFails(dir, ["build", "--oci-layout=disk/out", "-t", "two"], failure);
    // What is there already needs no writing.
    assert.equal((await kodeno(["build", "--oci-layout=disk/out"], { cwd: dir.path })).code, 0);
  },
});

Deno.test({
  name: "disk: a full disk under the cache, at the layers and at the binaries",
  ...needs("tmpfs"),
  fn: async () => {
    // The first has no room for the static base, the second for the program's layer.
    for (const bytes of [100_000, 2_500_000]) {
      await using dir = await app();
      await using disk = await tmpfs(dir.join("disk"), bytes);
      const env = { KODENO_CACHE: disk.path };
      const { code, stdout, stderr } = await kodeno(["build"], { cwd: dir.path, env });
      assert.deepEqual([code, stdout], [1, ""]);
      assert.match(stderr, /^Error: .*no space (is )?left on/m);
      assert.deepEqual(await temporaries(disk.path), []);
      assert.deepEqual(await dir.list("out"), []);
    }
  },
});

Deno.test({
  name: "disk: a read-only disk under the cache",
  ...needs("tmpfs"),
  fn: async () => {
    await using dir = await app();
    await using disk = await tmpfs(dir.join("disk"), 100_000);
    await disk.makeReadOnly();
    const env = { KODENO_CACHE: disk.path };
    await assertFails(dir, ["build"], { code: 1, message: READ_ONLY }, { env });
  },
});

Deno.test({
  name: "disk: a full disk while pulling, saving and caching a base; with more space it goes on",
  ...needs("tmpfs", "docker-registry"),
  fn: async () => {
    await using dir = await tempDir();
    await using registry = await startRegistry();
    await using store = openRegistry(`${registry.host}/app`);
    const layers = [1, 2, 3, 4].map(() => {
      const bytes = new Uint8Array(1_000_000);
      for (let at = 0; at < bytes.length; at += 50_000) {
        crypto.getRandomValues(bytes.subarray(at, at + 50_000));
      }
      return blob(bytes);
    });
    const { manifest, config } = image({ os: "linux", architecture: "amd64" }, layers);
    await pushAll(store, [...layers, config, manifest]);
    await store.tag(manifest.descriptor, "v1");
    await simpleModule(dir);
    await using disk = await tmpfs(dir.join("disk"), 2_500_000);
    const ref = `${registry.host}/app:v1`;
    const env = { KODENO_CACHE: disk.path };
    const works: readonly (readonly [readonly string[], Record<string, string>])[] = [
      [["pull", ref, "--oci-layout", "disk/out"], {}],
      [["copy", ref, "archive:disk/a.tar"], {}],
      [["build", "--base-image", ref, "--platform", "linux/amd64"], env],
    ];
    for (const [args, more] of works) {
      const { code, stdout, stderr } = await kodeno(args, { cwd: dir.path, env: more });
      assert.deepEqual([code, stdout], [1, ""], stderr);
      const [line = "", ...rest] = stderr.trimEnd().split("\n").filter((one) => /^Error/.test(one));
      assert.match(line, FULL, stderr);
      assert.deepEqual(rest, []);
      assert.deepEqual(await temporaries(disk.path), []);
      const left = await filesBelow(disk.path);
      if (args[0] !== "build") assert.deepEqual(left, []);
      // A base is kept as far as it came in, in whole blobs.
      for (const [name, digest] of Object.entries(await fingerprint(disk.path))) {
        if (name.startsWith("bases/blobs/")) assert.equal(name, `bases/blobs/sha256/${digest}`);
      }
    }
    await disk.grow(60_000_000);
    for (const [args, more] of works) {
      const { code, stderr } = await kodeno(args, { cwd: dir.path, env: more });
      assert.equal(code, 0, stderr);
    }
    const [entry] = await assertClean(`${disk.path}/out`);
    assert.equal(entry?.digest, manifest.descriptor.digest);
    await verify(await openArchive(`${disk.path}/a.tar`), manifest.descriptor);
  },
});

Deno.test({
  name: "disk: a full disk under what is kept for a pipe is named, and nothing stays on it",
  ...needs("tmpfs"),
  fn: async () => {
    await using dir = await app();
    // Now go has nothing to do, which needs room there, too.
    await done(dir, ["build", "--tarball", "big.tar"]);
    await using disk = await tmpfs(dir.join("disk"), 60_000);
    const env = { TMPDIR: disk.path };
    const built = await kodeno(["build", "--tarball", "/dev/null"], { cwd: dir.path, env });
    assert.equal(built.code, 1, built.stderr);
    assert.match(built.stderr, /, kept in \S+ \(TMPDIR\) till then: no space is left/);
    const child = spawnKodeno(["ls", "-"], { cwd: dir.path, env, stdin: "piped" });
    const big = await Deno.open(dir.join("big.tar"));
    // It need not be read to its end.
    await big.readable.pipeTo(child.stdin).catch(() => {});
    const { code, stderr } = await child.output();
    assert.equal(code, 1);
    const keeping =
      /^Error: Cannot keep archive stdin in \S+ \(TMPDIR\) while it is read: no space/;
    assert.match(new TextDecoder().decode(stderr), keeping);
    const left = (await filesBelow(disk.path)).filter((name) => !name.startsWith("deno-compile"));
    assert.deepEqual(left, []);
  },
});
