/**
 * Binaries that are linked to what their base image may not have: a warning says so before anybody
 * runs the image. Without a C compiler, `-buildmode=pie` makes such a binary.
 * @module
 */
import assert from "node:assert/strict";
import { gzipSync } from "node:zlib";
import { openLayout } from "../../src/place/layout/layout.ts";
import { MediaType } from "../../src/oci/descriptor.ts";
import { startRegistry } from "../parts/registry.ts";
import { needs } from "../parts/tools.ts";
import { simpleModule } from "../support/go_module.ts";
import { blob, image, pushAll } from "../support/image_graph.ts";
import { done, kodeno } from "../support/kodeno.ts";
import { succeed } from "../support/process.ts";
import { type TempDir, tempDir } from "../support/temp.ts";

const LOADER = "/lib64/ld-linux-x86-64.so.2";
const PIE = ["build", "--flags", "-buildmode=pie"];

/** A layout `NAME` with a base image, with a layer of each list of empty files. */
async function base(dir: TempDir, name: string, ...layers: readonly string[][]): Promise<void> {
  const blobs = [];
  for (const files of layers) {
    const folder = await Deno.makeTempDir({ dir: dir.path });
    for (const file of files) await dir.write(`${folder.slice(dir.path.length + 1)}${file}`, "");
    await succeed("tar", ["-cf", `${folder}.tar`, "-C", folder, "."]);
    const tar = await Deno.readFile(`${folder}.tar`);
    blobs.push({ packed: blob(gzipSync(tar), MediaType.layerGzip), plain: blob(tar) });
    await Deno.remove(folder, { recursive: true });
    await Deno.remove(`${folder}.tar`);
  }
  const diffIds = blobs.map(({ plain }) => plain.descriptor.digest);
  const { manifest, config } = image(
    { os: "linux", architecture: "amd64" },
    blobs.map(({ packed }) => packed),
    { rootfs: { type: "layers", diff_ids: diffIds } },
  );
  using layout = await openLayout(dir.join(name), { create: true });
  await pushAll(layout, [...blobs.map(({ packed }) => packed), config, manifest]);
  await layout.tag(manifest.descriptor, `${name}:v1`);
}

/** The warning of a build that succeeds, if there is one. */
async function warning(dir: TempDir, args: readonly string[]): Promise<string | undefined> {
  const { code, stderr } = await kodeno(args, { cwd: dir.path });
  assert.equal(code, 0, stderr);
  const found = stderr.split("\n").filter((line) => line.startsWith("Warning: "));
  assert.ok(found.length < 2, stderr);
  return found[0];
}

Deno.test("linked binaries: a base without the loader is named, with three ways out", async () => {
  await using dir = await tempDir();
  await simpleModule(dir);
  await base(dir, "none", ["/etc/passwd"], ["/lib/ld-musl-x86_64.so.1"]);
  for (const name of ["static", "scratch", "oci:none"]) {
    // What was found out is known the next time, and told again.
    for (const _ of ["first", "second"]) {
      assert.equal(
        await warning(dir, [...PIE, "--base-image", name]),
        `Warning: /ko-app/app of example.com/app for linux/amd64 will not start on base image ` +
          `${name}, which does not have ${LOADER}; leave out -buildmode=pie, link it statically ` +
          '(--env CGO_ENABLED=1 --ldflags "-linkmode external -extldflags -static-pie"), or take ' +
          "a base image that has them, such as --base-image debian:stable-slim",
      );
    }
    assert.equal(await warning(dir, ["build", "--base-image", name]), undefined);
  }
  const { stdout } = await kodeno([...PIE, "--json"], { cwd: dir.path });
  const events = stdout.trim().split("\n").map((line) => JSON.parse(line));
  const warnings = events.filter(({ level }) => level === "warning");
  assert.match(warnings.map(({ message }) => message).join(), /^Warning: .* base image static, /);
});

Deno.test("linked binaries: a base that has the loader, in whatever layer, says nothing", async () => {
  await using dir = await tempDir();
  await simpleModule(dir);
  await base(dir, "one", [LOADER]);
  await base(dir, "two", ["/etc/passwd"], ["/usr/lib64/ld-linux-x86-64.so.2"]);
  for (const name of ["one", "two"]) {
    assert.equal(await warning(dir, [...PIE, "--base-image", `oci:${name}`]), undefined);
  }
});

Deno.test("linked binaries: a layer that cannot be unpacked is no reason to fail", async () => {
  await using dir = await tempDir();
  await simpleModule(dir);
  const layer = blob("not packed at all", MediaType.layerGzip);
  const { manifest, config } = image({ os: "linux", architecture: "amd64" }, [layer]);
  using layout = await openLayout(dir.join("bad"), { create: true });
  await pushAll(layout, [layer, config, manifest]);
  await layout.tag(manifest.descriptor, "bad:v1");
  const args = [...PIE, "--base-image", "oci:bad"];
  assert.equal(await warning(dir, args), undefined);
  const { stderr } = await kodeno([...args, "--verbose"], { cwd: dir.path });
  assert.match(stderr, /^Cannot tell whether .* starts on its base image: Cannot unpack layer/m);
});

Deno.test({
  name: "linked binaries: libraries that cgo needs, on a base of a registry, offline, too",
  ...needs("docker-registry", "gcc"),
  fn: async () => {
    await using dir = await tempDir();
    await simpleModule(dir);
    await dir.write(
      "main.go",
      'package main\n\n// #include <stdlib.h>\nimport "C"\n\nfunc main() { C.abs(1) }\n',
    );
    await base(dir, "loader", [LOADER]);
    await base(dir, "all", [LOADER, "/usr/lib/x86_64-linux-gnu/libc.so.6"]);
    await using registry = await startRegistry();
    for (const name of ["loader", "all"]) {
      await done(dir, ["push", name, "--to", `${registry.host}/${name}`]);
    }
    const build = (name: string, ...more: string[]) => {
      const image = `${registry.host}/${name}/${name}:v1`;
      return warning(dir, ["build", "--env", "CGO_ENABLED=1", "--base-image", image, ...more]);
    };
    for (const more of [[], ["--offline"]]) {
      assert.equal(await build("all", ...more), undefined);
      assert.match(
        await build("loader", ...more) ?? "",
        /which does not have libc\.so\.6; build it without cgo \(--env CGO_ENABLED=0\), link it statically \(--ldflags "-linkmode external -extldflags -static"\), or take a base image/,
      );
    }
    const ldflags = ["--ldflags", "-linkmode external -extldflags -static"];
    const statically = ["build", "--env", "CGO_ENABLED=1", ...ldflags];
    assert.equal(await warning(dir, statically), undefined);
  },
});
