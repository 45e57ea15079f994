/**
 * How a daemon is spoken to, what is made of answers that it should not give, what it cannot unpack, and
 * what becomes of those who take an archive.
 * @module
 */
import assert from "node:assert/strict";
import { failsWith, soon } from "../../../test/support/fails.ts";
import { blob, image, index, pushAll } from "../../../test/support/image_graph.ts";
import { bytesStream } from "../../io/streams.ts";
import { MemoryStore } from "../memory.ts";
import { Daemon } from "./daemon.ts";
import type { DaemonChoice, TakeArchive } from "./daemon_place.ts";

Deno.test("daemon: speaks TCP, past a proxy that the environment names", async () => {
  const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen: () => {} }, (request) => {
    const { pathname } = new URL(request.url);
    if (pathname === "/images/app:v1/json") return Response.json({ Id: "ab" });
    if (pathname === "/images/huge:v1/json") return new Response(new Uint8Array(17 << 20));
    return pathname === "/version" ? new Response("<html>") : new Response("no", { status: 500 });
  });
  const before = Deno.env.get("HTTP_PROXY");
  Deno.env.set("HTTP_PROXY", "http://127.0.0.1:1");
  try {
    await using daemon = new Daemon({ kind: "tcp", host: "127.0.0.1", port: server.addr.port });
    assert.equal(await daemon.findImage("app:v1"), "sha256:ab");
    await failsWith("IO_FAILED", () => daemon.platforms(), /not what a Docker daemon says/);
    const tooLarge = /^Cannot talk to the Docker daemon at \S+: its answer is too large; /;
    await failsWith("IO_FAILED", () => daemon.findImage("huge:v1"), tooLarge);
    await failsWith("IO_FAILED", () => daemon.resolve("x:v1"), /answered 500 \(no\)/);
  } finally {
    if (before === undefined) Deno.env.delete("HTTP_PROXY");
    else Deno.env.set("HTTP_PROXY", before);
    await server.shutdown();
  }
});

Deno.test("daemon: when one of several takers fails at once, the others are let go", async () => {
  const ended = Promise.withResolvers<unknown>();
  class Two extends Daemon {
    protected override takers(): Promise<readonly TakeArchive[]> {
      const fails: TakeArchive = async (archive) => {
        await archive.cancel();
        throw new Error("no room");
      };
      const waits: TakeArchive = async (archive) => {
        await Array.fromAsync(archive).catch(ended.resolve);
      };
      return Promise.resolve([fails, waits]);
    }
  }
  await using place = new Two({ kind: "unix", path: "/nowhere" });
  const { descriptor, bytes } = blob("content");
  const push = () => place.push(descriptor, () => Promise.resolve(bytesStream(bytes)));
  await assert.rejects(push, /no room/);
  await place.undo();
  assert.match(String(await soon(ended.promise)), /no room/);
});

Deno.test("daemon: it is sent no artifact", async () => {
  const source = new MemoryStore();
  const layer = blob("chart");
  const { manifest: real, config } = image({ os: "linux", architecture: "amd64" }, [layer]);
  const mediaType = "application/vnd.cncf.helm.config.v1+json";
  const text = new TextDecoder().decode(real.bytes).replace(config.descriptor.mediaType, mediaType);
  const chart = blob(text, real.descriptor.mediaType);
  const root = index([[chart]]);
  await pushAll(source, [layer, config, chart, root]);
  // Nothing is asked.
  await using daemon = new Daemon({ kind: "unix", path: "/none" });
  const why =
    /^Cannot load sha256:.*: it is no image: its config is of the type "application\/vnd\.cncf/;
  for (const { descriptor } of [chart, root]) {
    await failsWith("BAD_CONTENT", () => daemon.choose(source, descriptor), why);
  }
});

Deno.test("daemon: an old Docker is sent no layers that zstd has compressed", async () => {
  const containerd = { DriverStatus: [["driver-type", "io.containerd.snapshotter.v1"]] };
  const overlay = { DriverStatus: [["Backing Filesystem", "extfs"]] };
  const docker = (Version: string) => ({ Version, Components: [{ Name: "Engine" }] });
  const podman = { Version: "4.9.3", Components: [{ Name: "Podman Engine" }] };
  const oci = "application/vnd.oci.image.layer.v1.tar";
  const cases: readonly (readonly [mediaType: string, version: unknown, info: unknown, boolean])[] =
    [
      [`${oci}+zstd`, docker("20.10.24+dfsg1"), overlay, false],
      ["application/vnd.docker.image.rootfs.diff.tar.zstd", docker("1.13.1"), {}, false],
      [`${oci}+zstd`, docker("22.06.0"), { DriverStatus: null }, false],
      [`${oci}+zstd`, docker("22.06.0"), containerd, true],
      [`${oci}+zstd`, docker("23.0.0-rc.1"), overlay, true],
      [`${oci}+zstd`, docker("29.0.1"), overlay, true],
      [`${oci}+zstd`, docker("dev"), overlay, true],
      [`${oci}+zstd`, {}, overlay, true],
      [`${oci}+zstd`, podman, overlay, true],
      [`${oci}+gzip`, docker("20.10.24"), overlay, true],
    ];
  const asked: string[] = [];
  let [version, info]: readonly unknown[] = [];
  const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen: () => {} }, (request) => {
    const { pathname } = new URL(request.url);
    asked.push(pathname);
    return Response.json(pathname === "/version" ? version : info);
  });
  try {
    await using daemon = new Daemon({ kind: "tcp", host: "127.0.0.1", port: server.addr.port });
    for (const [mediaType, ...answers] of cases) {
      const layer = blob("layer", mediaType);
      const { manifest, config } = image({ os: "linux", architecture: "amd64" }, [layer]);
      const source = new MemoryStore();
      await pushAll(source, [layer, config, manifest]);
      [version, info] = answers;
      const choose = () => daemon.choose(source, manifest.descriptor);
      if (answers[2]) assert.equal(await choose(), manifest.descriptor);
      else {
        const { digest } = layer.descriptor;
        const why =
          `layer ${digest} is compressed with zstd, which Docker \\d+\\.\\S+ does not know`;
        await failsWith("BAD_PLACE", choose, new RegExp(`^Cannot load .*: ${why}; Docker 23 does`));
      }
    }
    assert.ok(asked.every((path) => path === "/version" || path === "/info"), asked.join(" "));
  } finally {
    await server.shutdown();
  }
});

Deno.test("daemon: what containerd has is sent again where foreign layers are to come along", async () => {
  const foreign = blob("system", "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip");
  const there = new Set<string>();
  const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen: () => {} }, (request) => {
    const [id = ""] = /sha256:[0-9a-f]+/.exec(decodeURIComponent(request.url)) ?? [];
    return there.has(id) ? Response.json({ Id: id }) : new Response("", { status: 404 });
  });
  try {
    for (const layer of [foreign, blob("program")]) {
      const { manifest, config } = image({ os: "linux", architecture: "amd64" }, [layer]);
      const source = new MemoryStore();
      await pushAll(source, [config, manifest]);
      const root = manifest.descriptor;
      for (const { digest } of [root, config.descriptor]) {
        there.clear();
        there.add(digest);
        const isThere = async (options: DaemonChoice) => {
          const { port } = server.addr;
          await using daemon = new Daemon({ kind: "tcp", host: "127.0.0.1", port });
          return await daemon.has(await daemon.prepare(source, root, options));
        };
        assert.equal(await isThere({}), true);
        // An old Docker takes no image without them.
        const isWhole = layer !== foreign || digest !== root.digest;
        assert.equal(await isThere({ foreign: source }), isWhole);
      }
    }
  } finally {
    await server.shutdown();
  }
});
