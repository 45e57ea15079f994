/**
 * Images of Windows with a foreign layer, one that its license keeps where its maker has it: every
 * command takes the image without it and says so, or with it where that is asked for.
 * @module
 */
import assert from "node:assert/strict";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { gzipSync } from "node:zlib";
import { exists } from "../../src/io/files.ts";
import { digestOf } from "../../src/io/hash.ts";
import { openLayout } from "../../src/place/layout/layout.ts";
import { member, tar } from "../archive/images.ts";
import { startRegistry } from "../parts/registry.ts";
import { goTool, needs, rootTool } from "../parts/tools.ts";
import { simpleModule } from "../support/go_module.ts";
import { blob, image, pushAll } from "../support/image_graph.ts";
import { done, kodeno } from "../support/kodeno.ts";
import { assertSound, digestIn, entriesOf } from "../support/layout.ts";
import { run, succeed } from "../support/process.ts";
import { type TempDir, tempDir } from "../support/temp.ts";

const FOREIGN = "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip";
const system = tar(member("Files/Windows/system", "nano"));
const layer = blob(new Uint8Array(gzipSync(system)), FOREIGN);
const { digest } = layer.descriptor;

/** Has the layer, as Microsoft does. */
async function startMaker() {
  let asked = 0;
  const server = createServer((request, response) => {
    if (request.url !== "/layer") return void response.writeHead(404).end();
    asked++;
    response.writeHead(200, { "content-length": String(layer.bytes.length) }).end(layer.bytes);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/layer`,
    asked: () => asked,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

/** A layout `base` with an image `nano:v1` that lacks its only layer. */
async function baseLayout(dir: TempDir, url: string, version = "10.0.17763.1"): Promise<void> {
  const described = { ...layer, descriptor: { ...layer.descriptor, urls: [url] } };
  const platform = { os: "windows", architecture: "amd64", "os.version": version };
  const { manifest, config } = image(platform, [described], {
    rootfs: { type: "layers", diff_ids: [digestOf(system)] },
  });
  using layout = await openLayout(dir.join("base"), { create: true });
  await pushAll(layout, [config, manifest]);
  await layout.tag(manifest.descriptor, "nano:v1");
}

const blobIn = (dir: TempDir, layout: string): boolean =>
  exists(dir.join(layout, "blobs/sha256", digest.slice(7)));
const LEFT = new RegExp(`^Left out foreign layer ${digest}.*; take it along with --foreign$`, "m");

Deno.test("foreign layers: copy, merge and archives leave them out, or take them along", async () => {
  await using dir = await tempDir();
  await using maker = await startMaker();
  await baseLayout(dir, maker.url);
  // What lacks it is whole.
  assert.doesNotMatch(await done(dir, ["ls", "base"]), /incomplete/);
  assert.match(await done(dir, ["inspect", "base"]), new RegExp(`${digest} .* foreign, not here`));
  const runs = [
    ["copy", "oci:base", "oci:copied"],
    ["merge", "merged", "base"],
    ["copy", "oci:base", "archive:base.tar"],
    ["copy", "archive:base.tar", "oci:back"],
    ["merge", "far", "base.tar"],
  ];
  for (const args of runs) {
    const { code, stderr } = await kodeno(args, { cwd: dir.path });
    assert.equal(code, 0, stderr);
    assert.match(stderr, LEFT, args.join(" "));
  }
  assert.equal(maker.asked(), 0);
  for (const layout of ["copied", "merged", "back", "far"]) {
    await assertSound(dir.join(layout));
    assert.equal(blobIn(dir, layout), false);
    assert.deepEqual(
      (await entriesOf(dir.join(layout))).map((entry) => entry.digest),
      (await entriesOf(dir.join("base"))).map((entry) => entry.digest),
    );
  }
  // Also into what has the rest already, and from one that has it without asking anybody.
  await done(dir, ["copy", "oci:base", "oci:copied", "--foreign"]);
  await done(dir, ["merge", "merged", "base", "--foreign"]);
  await done(dir, ["copy", "oci:base", "archive:whole.tar", "--foreign"]);
  assert.equal(maker.asked(), 3);
  const whole = ["copy", "archive:whole.tar", "oci:whole", "--foreign", "--offline"];
  await done(dir, whole);
  for (const layout of ["copied", "merged", "whole"]) {
    await assertSound(dir.join(layout));
    assert.equal(blobIn(dir, layout), true);
  }
  assert.equal(maker.asked(), 3);
  const offline = ["copy", "oci:base", "oci:x", "--foreign", "--offline"];
  const { code, stderr } = await kodeno(offline, { cwd: dir.path });
  assert.equal(code, 1);
  assert.match(stderr, /\(offline\)/);
});

Deno.test("foreign layers: a build on such a base does without them, or takes them along", async () => {
  await using dir = await tempDir();
  await using maker = await startMaker();
  await baseLayout(dir, maker.url);
  await simpleModule(dir, "window");
  const flags = ["--base-image", "oci:base", "--platform", "windows/amd64"];
  const built = await kodeno(["build", ...flags], { cwd: dir.path });
  assert.equal(built.code, 0, built.stderr);
  assert.match(built.stderr, LEFT);
  const [entry] = await assertSound(dir.join("out"));
  assert.equal(blobIn(dir, "out"), false);
  const path = dir.join("out/blobs/sha256", entry?.digest.slice(7) ?? "");
  const [base] = JSON.parse(await Deno.readTextFile(path)).layers;
  const { size } = layer.descriptor;
  const mediaType = "application/vnd.oci.image.layer.nondistributable.v1.tar+gzip";
  assert.deepEqual(base, { mediaType, digest, size, urls: [maker.url] });
  assert.equal(maker.asked(), 0);
  await done(dir, ["build", ...flags, "--oci-layout", "whole", "--foreign"]);
  assert.equal(blobIn(dir, "whole"), true);
  assert.equal(maker.asked(), 1);
});

Deno.test({
  name: "foreign layers: what is built on such a base is pushed without them, or with them",
  ...needs("docker-registry"),
  fn: async () => {
    await using dir = await tempDir();
    await using maker = await startMaker();
    await using registry = await startRegistry();
    await baseLayout(dir, maker.url);
    await simpleModule(dir, "window");
    const flags = ["--base-image", "oci:base", "--platform", "windows/amd64", "--bare"];
    const env = { KO_DOCKER_REPO: `${registry.host}/app` };
    const built = await kodeno(["build", "--push", ...flags, "--oci-layout", "out"], {
      cwd: dir.path,
      env,
    });
    assert.equal(built.code, 0, built.stderr);
    assert.match(built.stderr, LEFT);
    await assertSound(dir.join("out"));
    const [entry] = await entriesOf(dir.join("out"));
    const crane = await goTool("crane");
    const manifest = await run(crane, ["manifest", `${registry.host}/app:latest`]);
    const [base] = JSON.parse(manifest.stdout).layers;
    const { size } = layer.descriptor;
    const mediaType = "application/vnd.oci.image.layer.nondistributable.v1.tar+gzip";
    assert.deepEqual(base, { mediaType, digest, size, urls: [maker.url] });
    const blobs = `http://${registry.host}/v2/app/blobs/${digest}`;
    const status = async () => {
      const answer = await fetch(blobs, { method: "HEAD" });
      await answer.body?.cancel();
      return answer.status;
    };
    assert.equal(await status(), 404);

    const push = ["push", "out", "--to", `${registry.host}/b`, "--bare"];
    for (const args of [[...push, "--dry-run"], push]) {
      const pushed = await kodeno(args, { cwd: dir.path });
      assert.equal(pushed.code, 0, pushed.stderr);
      assert.match(pushed.stderr, LEFT);
    }
    const plan = ["push", "out", "--to", `${registry.host}/app`, "--bare", "--dry-run"];
    assert.match((await kodeno(plan, { cwd: dir.path })).stderr, /would send 0 blobs/);
    const more = await kodeno([...plan, "--foreign"], { cwd: dir.path });
    assert.match(more.stderr, /would send 1 blob,/);
    assert.equal(maker.asked(), 0);
    await done(dir, ["push", "out", "--to", `${registry.host}/app`, "--bare", "--foreign"]);
    assert.deepEqual([await status(), maker.asked()], [200, 1]);

    // What has it in a registry gets it from there.
    await done(dir, ["pull", `${registry.host}/app:latest`, "--oci-layout", "p", "--foreign"]);
    assert.equal(blobIn(dir, "p"), true);
    assert.equal(maker.asked(), 1);
    assert.equal((await entriesOf(dir.join("p")))[0]?.digest, entry?.digest);
    // One that is built with them goes whole to where it is wanted.
    await done(dir, ["build", "--push", "--foreign", ...flags, "-t", "v2"], {
      KO_DOCKER_REPO: `${registry.host}/whole`,
    });
    assert.equal(maker.asked(), 2);
  },
});

Deno.test({
  name: "foreign layers: what is built on such a base crosses a gap, and moves to a newer base",
  ...needs("skopeo"),
  fn: async () => {
    await using dir = await tempDir();
    await using maker = await startMaker();
    await baseLayout(dir, maker.url);
    await simpleModule(dir, "window");
    const platform = ["--platform", "windows/amd64"];
    await done(dir, ["build", "--base-image", "oci:base", ...platform]);
    for (const [bundle, ...flags] of [["without"], ["with", "--foreign"]]) {
      const args = ["bundle", "create", "-o", `${bundle}.tar`, "out", ...flags];
      const { code, stderr } = await kodeno(args, { cwd: dir.path });
      assert.equal(code, 0, stderr);
      const isWith = flags.length > 0;
      assert.equal(LEFT.test(stderr), !isWith, stderr);
      await done(dir, ["bundle", "verify", `${bundle}.tar`]);
      await done(dir, ["bundle", "apply", `${bundle}.tar`, "--to", `${bundle}`, "--offline"]);
      const layout = `${bundle}/out`;
      await assertSound(dir.join(layout));
      assert.equal(blobIn(dir, layout), isWith);
      await done(dir, ["verify", layout]);
      const skopeo = rootTool("skopeo") ?? "skopeo";
      const raw = await succeed(skopeo, ["inspect", "--raw", `oci:${dir.join(layout)}:latest`]);
      assert.deepEqual(JSON.parse(raw).layers[0].urls, [maker.url]);
    }
    assert.equal(maker.asked(), 1);
    // Another build of Windows is another version of the platform.
    await baseLayout(dir, maker.url, "10.0.17763.9");
    const rebased = ["rebase", "out:app:latest", "--base", "oci:base"];
    const digest = digestIn(await done(dir, rebased));
    const built = await done(dir, ["build", "--base-image", "oci:base", ...platform]);
    assert.equal(digest, digestIn(built));
  },
});
