/**
 * A real Docker daemon as a place: an image is sent once and then only named, it runs, and it comes
 * back. A proxy between the two counts what is sent.
 * @module
 */
import assert from "node:assert/strict";
import { copy, type CopyOptions } from "../../src/content/copy.ts";
import type { Source } from "../../src/content/places.ts";
import { verify } from "../../src/content/check.ts";
import { readDocument } from "../../src/content/walk.ts";
import type { Descriptor } from "../../src/oci/descriptor.ts";
import { parseManifest } from "../../src/oci/manifest.ts";
import { Daemon } from "../../src/place/daemon/daemon.ts";
import type { DaemonChoice } from "../../src/place/daemon/daemon_place.ts";
import { openLayout } from "../../src/place/layout/layout.ts";
import { MemoryStore } from "../../src/place/memory.ts";
import { realImage } from "../archive/images.ts";
import { startDockerd } from "../parts/dockerd.ts";
import { needs } from "../parts/tools.ts";
import { failsWith } from "../support/fails.ts";
import { blob, image, pushAll } from "../support/image_graph.ts";
import { assertClean } from "../support/layout.ts";
import { tempDir } from "../support/temp.ts";

/** Loads as commands do. */
async function load(
  daemon: Daemon,
  source: Source,
  root: Descriptor,
  names: readonly string[],
  { onBlob, ...options }: DaemonChoice & Pick<CopyOptions, "onBlob"> = {},
) {
  if (!options.all) {
    const { id, sent } = await daemon.load(source, root, names, { ...options, onBlob });
    return { id, sent };
  }
  await copy(source, await daemon.prepare(source, root, options), daemon, { tags: names });
  await daemon.close();
  return { id: daemon.idOf(root), sent: true };
}

/** Passes bytes on to a unix socket, and counts those that go there. */
function countingProxy(path: string, to: string) {
  const listener = Deno.listen({ transport: "unix", path });
  const count = { bytes: 0 };
  const serving = (async () => {
    const connections: Promise<unknown>[] = [];
    for await (const client of listener) {
      const server = await Deno.connect({ transport: "unix", path: to });
      const counter = new TransformStream<Uint8Array, Uint8Array>({
        transform(chunk, controller) {
          count.bytes += chunk.length;
          controller.enqueue(chunk);
        },
      });
      connections.push(
        client.readable.pipeThrough(counter).pipeTo(server.writable).catch(() => {}),
        server.readable.pipeTo(client.writable).catch(() => {}),
      );
    }
    await Promise.all(connections);
  })();
  return {
    count,
    async [Symbol.asyncDispose]() {
      listener.close();
      await serving;
    },
  };
}

Deno.test({
  name: "daemon: loads its platform, names what it has, runs it, and gives it back",
  ...needs("root", "dockerd", "docker"),
  async fn() {
    await using dir = await tempDir();
    await using dockerd = await startDockerd();
    await using proxy = countingProxy(dir.join("s"), dockerd.socket);
    await using daemon = new Daemon({ kind: "unix", path: dir.join("s") });
    const { store, root, amd64, arm64 } = await realImage();
    const id = amd64.config.descriptor.digest;

    const blobs: string[] = [];
    const first = await load(daemon, store, root, ["app:v1", "reg.local/team/app"], {
      onBlob: ({ digest }) => blobs.push(digest),
    });
    assert.deepEqual([first.id, first.sent], [id, true]);
    assert.equal(blobs.length, 4);
    assert.ok(!blobs.includes(arm64.manifest.descriptor.digest), "only its own platform");
    assert.ok(proxy.count.bytes > 100_000);
    for (const name of ["app:v1", "reg.local/team/app:latest"]) {
      const out = await dockerd.docker("run", "--rm", "--network=none", name);
      assert.match(out.stdout + out.stderr, /it runs dev/, name);
    }

    const before = proxy.count.bytes;
    const second = await load(daemon, store, root, ["app:v2"]);
    assert.deepEqual(second, { id, sent: false });
    assert.ok(proxy.count.bytes - before < 2000, `${proxy.count.bytes - before} bytes were sent`);
    assert.equal(await daemon.findImage("app:v2"), id);

    // A platform that is asked for, even if it does not run there.
    const arm = await load(daemon, store, root, ["app:arm"], {
      platform: { os: "linux", architecture: "arm64" },
    });
    assert.equal(arm.id, arm64.config.descriptor.digest);
    // What the daemon takes of all platforms is its own.
    await dockerd.docker("rmi", "-f", id);
    const all = await load(daemon, store, root, ["app:all"], { all: true });
    assert.equal(all.id, id);

    // What the daemon writes is kept where nobody sees it, and nothing of it stays.
    const temporary = dir.join("temporary");
    await Deno.mkdir(temporary);
    const usual = Deno.env.get("TMPDIR");
    Deno.env.set("TMPDIR", temporary);
    try {
      const layout = await openLayout(dir.join("layout"), { create: true });
      for (const [name, to] of [["app:all", layout], [id, new MemoryStore()]] as const) {
        const copied = await copy(daemon, name, to, { tags: ["app:back"] });
        const { config, layers } = parseManifest(await readDocument(to, copied), name);
        assert.deepEqual(await readDocument(to, config), amd64.config.bytes);
        assert.ok(layers.every(({ mediaType }) => mediaType.endsWith(".tar")));
        assert.equal((await verify(to, copied)).blobs, 4);
      }
    } finally {
      if (usual === undefined) Deno.env.delete("TMPDIR");
      else Deno.env.set("TMPDIR", usual);
    }
    assert.deepEqual(await dir.list("temporary"), []);
    await assertClean(dir.join("layout"));

    await failsWith("NOT_FOUND", () => daemon.resolve("absent"), /"absent/);
    await failsWith("BAD_REFERENCE", () => daemon.resolve("../../x"));
    await failsWith("BAD_REFERENCE", () => load(daemon, store, root, ["v1"]), /NAME:TAG/);
    await failsWith(
      "BAD_PLATFORM",
      () =>
        load(daemon, store, root, ["app:v1"], {
          platform: { os: "linux", architecture: "s390x" },
        }),
      /linux\/s390x.*linux\/arm64, linux\/amd64/,
    );
    // A layer that is none: what the daemon says in its answer comes through.
    const bad = await brokenImage();
    await failsWith(
      "IO_FAILED",
      () => load(daemon, bad.store, bad.root, ["bad:v1"]),
      /cannot load bad/,
    );
    assert.equal(await daemon.findImage("bad:v1"), undefined);
    // Bytes that are not what they should be never become an image.
    const lies = {
      resolve: (ref: string) => store.resolve(ref),
      fetch: async (d: typeof root) => {
        const stream = await store.fetch(d);
        if (!d.mediaType.includes("layer")) return stream;
        return stream.pipeThrough(
          new TransformStream<Uint8Array, Uint8Array>({
            transform: (chunk, controller) => controller.enqueue(chunk.map((byte) => byte ^ 1)),
          }),
        );
      },
    };
    await dockerd.docker("rmi", "-f", id);
    await failsWith("BAD_CONTENT", () => load(daemon, lies, root, ["lies:v1"]), /its content/);
    assert.equal(await daemon.findImage("lies:v1"), undefined);
    const signal = AbortSignal.abort(new Error("stopped by the test"));
    await assert.rejects(
      load(daemon, store, root, ["app:v1"], { signal }),
      /stopped by the test/,
    );
  },
});

/** An image whose layer is no tar. */
async function brokenImage() {
  const layer = blob("this is not a tar");
  const { config, manifest } = image({ os: "linux", architecture: "amd64" }, [layer]);
  const store = new MemoryStore();
  await pushAll(store, [layer, config, manifest]);
  return { store, root: manifest.descriptor };
}

Deno.test("daemon: one that is not there is one clear error", async () => {
  await using dir = await tempDir();
  const { store, root } = await realImage();
  await using unix = new Daemon({ kind: "unix", path: dir.join("s") });
  await failsWith("IO_FAILED", () => load(unix, store, root, ["app:v1"]), /no such socket/);
  await failsWith("IO_FAILED", () => unix.check(), /no such socket/);
  await failsWith("IO_FAILED", () => copy(store, root, unix, { tags: ["a:b"] }), /no such socket/);
  await failsWith("IO_FAILED", () => unix.resolve("app:v1"), /no such socket/);
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = listener.addr;
  listener.close();
  await using tcp = new Daemon({ kind: "tcp", host: "127.0.0.1", port });
  await failsWith("IO_FAILED", () => load(tcp, store, root, ["app:v1"]), /nobody listens/);
});
