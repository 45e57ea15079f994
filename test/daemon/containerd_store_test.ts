/**
 * A Docker daemon of today as a place: its images are manifests and indexes, of which it may have a
 * part alone.
 * @module
 */
import assert from "node:assert/strict";
import { copy } from "../../src/content/copy.ts";
import { Daemon } from "../../src/place/daemon/daemon.ts";
import type { DaemonChoice } from "../../src/place/daemon/daemon_place.ts";
import { MemoryStore } from "../../src/place/memory.ts";
import { realImage } from "../archive/images.ts";
import { startDockerd } from "../parts/dockerd.ts";
import { needs } from "../parts/tools.ts";
import { failsWith } from "../support/fails.ts";

Deno.test({
  name: "daemon of today: an image is sent once, whole or its own platform, and comes back",
  ...needs("root", "docker", "gcc"),
  async fn() {
    await using dockerd = await startDockerd({ kind: "today" });
    await using daemon = new Daemon({ kind: "unix", path: dockerd.socket });
    const { store, root, amd64, arm64 } = await realImage();
    const own = amd64.manifest.descriptor.digest;
    const load = async (name: string, options: DaemonChoice = {}) => {
      if (!options.all) {
        const { id, sent } = await daemon.load(store, root, [name], options);
        return [id, sent];
      }
      let sent = false;
      const onBlob = (_: unknown, isMoved: boolean) => sent ||= isMoved;
      await copy(store, await daemon.prepare(store, root, options), daemon, {
        tags: [name],
        onBlob,
      });
      await daemon.close();
      return [daemon.idOf(root), sent];
    };
    const runs = async (name: string) => {
      const { stdout, stderr } = await dockerd.docker("run", "--rm", "--network=none", name);
      assert.match(stdout + stderr, /it runs dev/, name);
    };
    assert.deepEqual(await load("app:v1"), [own, true]);
    await runs("app:v1");
    assert.deepEqual(await load("app:v2"), [own, false]);
    const arm = { platform: { os: "linux", architecture: "arm64" } };
    assert.deepEqual(await load("app:arm", arm), [arm64.manifest.descriptor.digest, true]);
    const back = new MemoryStore();
    assert.equal((await copy(daemon, "app:v1", back)).digest, own);

    // All platforms are one image, which is enough for who wants one of them.
    assert.deepEqual(await load("app:all", { all: true }), [root.digest, true]);
    assert.deepEqual(await load("app:again", { all: true }), [root.digest, false]);
    await runs("app:again");
    assert.equal((await dockerd.docker("rmi", "app:v1", "app:v2", "app:arm")).code, 0);
    assert.deepEqual(await load("app:v3"), [root.digest, false]);
    await runs("app:v3");
    // As docker does, an index is never given the name of one of its platforms.
    assert.equal((await load("app:arm", arm))[0], arm64.manifest.descriptor.digest);
    assert.equal((await copy(daemon, "app:all", back)).digest, root.digest);
    await failsWith("NOT_FOUND", () => daemon.resolve("absent"), /"absent/);
  },
});
