/**
 * A daemon and the nodes of a kind cluster against the contract of places. What takes their archives
 * here stands in for a daemon and for `docker exec`: the contract's blobs are no layers that a real one
 * would unpack. Real ones are in test/daemon.
 * @module
 */
import assert from "node:assert/strict";
import { copy } from "../../src/content/copy.ts";
import type { Place } from "../../src/content/places.ts";
import { digestOf } from "../../src/io/hash.ts";
import { fileStream } from "../../src/io/streams.ts";
import { imageName } from "../../src/oci/entries.ts";
import { openArchive } from "../../src/place/archive/archive_source.ts";
import { Daemon } from "../../src/place/daemon/daemon.ts";
import { KindCluster } from "../../src/place/daemon/kind.ts";
import { MemoryStore } from "../../src/place/memory.ts";
import { imageGraph, pushAll } from "../support/image_graph.ts";
import { type TempDir, tempDir } from "../support/temp.ts";
import { type MadePlace, targetContract } from "./target_contract.ts";

/** Takes an archive as a daemon does: its images, or nothing of it. */
async function take(path: string, into: MemoryStore): Promise<void> {
  const archive = await openArchive(path);
  for (const entry of await archive.entries()) {
    const name = imageName(entry);
    await copy(archive, entry, into, { tags: name === undefined ? [] : [name] });
  }
}

/** The part of Docker's API that places speak, over a unix socket. */
function daemonApi(dir: TempDir, images: MemoryStore): { socket: string } & AsyncDisposable {
  const socket = dir.join("s");
  let loads = 0;
  const answer = async (request: Request): Promise<Response> => {
    const path = decodeURIComponent(new URL(request.url).pathname);
    if (path === "/version") return Response.json({ Os: "linux", Arch: "amd64" });
    if (path === "/containers/json") {
      const Labels = { "io.x-k8s.kind.cluster": "dev", "io.x-k8s.kind.role": "worker" };
      return Response.json([{ Id: "one", Labels }, { Id: "two", Labels }]);
    }
    if (path === "/images/load") {
      const file = dir.join(`load-${++loads}.tar`);
      try {
        await Deno.writeFile(file, request.body ?? new Uint8Array());
        await take(file, images);
        return new Response('{"stream":"Loaded"}\n');
      } catch (error) {
        return Response.json({ errorDetail: { message: String(error) } });
      } finally {
        await Deno.remove(file).catch(() => {});
      }
    }
    const [, ref = ""] = /^\/images\/(.*)\/json$/.exec(path) ?? [];
    const found = await images.resolve(ref).catch(() => undefined);
    return found ? Response.json({ Id: found.digest }) : new Response("", { status: 404 });
  };
  const server = Deno.serve({ path: socket, onListen: () => {} }, answer);
  return { socket, [Symbol.asyncDispose]: () => server.shutdown() };
}

async function made(
  open: (dir: TempDir, socket: string, images: MemoryStore) => Promise<
    { readonly place: Place & AsyncDisposable; readonly arrive: () => Promise<void> }
  >,
): Promise<MadePlace> {
  const dir = await tempDir();
  const images = new MemoryStore();
  const api = daemonApi(dir, images);
  const { place, arrive } = await open(dir, api.socket, images);
  return {
    place,
    settle: async () => {
      await place.close();
      await arrive();
      return images;
    },
    traces: async () => {
      await arrive();
      return images.tags();
    },
    async [Symbol.asyncDispose]() {
      await place[Symbol.asyncDispose]();
      await api[Symbol.asyncDispose]();
      await dir[Symbol.asyncDispose]();
    },
  };
}

targetContract("daemon", () =>
  made((_, path) =>
    Promise.resolve({
      place: new Daemon({ kind: "unix", path }),
      arrive: () => Promise.resolve(),
    })
  ));

/** `docker exec`, as far as it brings an archive into a node that unpacks its layers by overlays. */
const DOCKER = `#!/bin/sh
set -e
case "$*" in
  "exec one containerd config dump" | "exec two containerd config dump")
    printf '[plugins."io.containerd.grpc.v1.cri".containerd]\\n  snapshotter = "native"\\n' ;;
  "exec -i "*" ctr --namespace=k8s.io images import --all-platforms --snapshotter=native -")
    part="$0.$3.$$"
    cat > "$part"
    tail -c 1024 "$part" | cmp -s -n 1024 - /dev/zero
    mv "$part" "$part.tar" ;;
  *) echo "docker $*" >&2; exit 64 ;;
esac
`;

targetContract("kind", () =>
  made(async (dir, path, images) => {
    const program = await dir.write("bin/docker", DOCKER);
    await Deno.chmod(program, 0o755);
    const PATH = `${dir.join("bin")}:${Deno.env.get("PATH")}`;
    const endpoint = { kind: "unix", path } as const;
    const place = new KindCluster({ endpoint, cluster: "dev", environment: { PATH } });
    const arrive = async () => {
      const tars = (await dir.list("bin")).filter((name) => name.endsWith(".tar"));
      const of = (node: string) => tars.filter((name) => name.includes(`.${node}.`));
      assert.equal(of("one").length, of("two").length, "each node gets it");
      for (const name of tars) {
        await take(dir.join("bin", name), images);
        await Deno.remove(dir.join("bin", name));
      }
    };
    return { place, arrive };
  }));

Deno.test("daemon: one that reads slowly gets each byte as it was", async () => {
  await using dir = await tempDir();
  const content = new Uint8Array(24 * 1024 * 1024).map((_, i) => i * 2654435761 >> 13);
  const file = await dir.write("layer", content);
  const layer = {
    mediaType: "application/x-layer",
    digest: digestOf(content),
    size: content.length,
  };
  const { manifests: [{ descriptor }], blobs } = imageGraph();
  let received = "";
  const server = Deno.serve({ path: dir.join("s"), onListen: () => {} }, async (request) => {
    if (!request.url.includes("/images/load")) return Response.json({ Id: descriptor.digest });
    received = digestOf(await slowly(request, content.length));
    return new Response("");
  });
  await using daemon = new Daemon({ kind: "unix", path: dir.join("s") });
  await daemon.push(layer, async () => fileStream(await Deno.open(file)));
  await pushAll(daemon, blobs);
  await daemon.tag(descriptor, "app:v1");
  await daemon.close();
  assert.equal(received, layer.digest);
  await server.shutdown();
});

/** The content of the first file of an archive. */
async function slowly(request: Request, size: number): Promise<Uint8Array<ArrayBuffer>> {
  // Headers of two folders and of the file.
  const skipped = 3 * 512;
  const whole = new Uint8Array(size);
  let at = -skipped;
  for await (const chunk of request.body ?? []) {
    const part = chunk.subarray(Math.max(0, -at), Math.max(0, size - at));
    if (at < size) whole.set(part, Math.max(0, at));
    at += chunk.length;
    if (Math.random() < 0.05) await new Promise((resolve) => setTimeout(resolve, 5));
  }
  return whole;
}
