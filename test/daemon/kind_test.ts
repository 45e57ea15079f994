/**
 * The nodes of a kind cluster as a place: an image is in the containerd of each, under all of its
 * names, and bytes that are not what they should be never get a name there.
 * @module
 */
import assert from "node:assert/strict";
import type { Source } from "../../src/content/places.ts";
import type { Descriptor } from "../../src/oci/descriptor.ts";
import { parseManifest } from "../../src/oci/manifest.ts";
import { KindCluster } from "../../src/place/daemon/kind.ts";
import { MemoryStore } from "../../src/place/memory.ts";
import { realImage } from "../archive/images.ts";
import { type Dockerd, startDockerd } from "../parts/dockerd.ts";
import { type Node, NODE_IMAGE, startNode } from "../parts/kind.ts";
import { needs } from "../parts/tools.ts";
import { failsWith, soon } from "../support/fails.ts";

const PARTS = ["root", "dockerd", "docker", "containerd", "ctr"];

/** Names and digests of the images in a node, but for those that containerd makes by itself. */
async function imagesIn(node: Node): Promise<string[]> {
  const { code, stdout, stderr } = await node.ctr("images", "list");
  assert.equal(code, 0, stderr);
  const rows = stdout.trim().split("\n").slice(1).map((line) => line.split(/\s+/));
  return rows.map(([name, , digest]) => `${name} ${digest}`)
    .filter((line) => !line.startsWith("sha256:")).sort();
}

/** An image the last of whose blobs, as an archive has them, is a layer. */
async function layerLast() {
  for (let i = 0;; i++) {
    const { store, amd64: { manifest, config } } = await realImage(`image ${i}`);
    const { layers } = parseManifest(manifest.bytes, "it");
    const sorted = layers.map(({ digest }) => digest).sort();
    const others = [manifest, config].map(({ descriptor }) => descriptor.digest);
    if (others.every((digest) => digest < (sorted.at(-1) ?? ""))) {
      return { store, root: manifest.descriptor, layers: sorted };
    }
  }
}

/** The cluster of a daemon, reached by the docker of this machine. */
function clusterIn(dockerd: Dockerd, cluster: string): KindCluster {
  const endpoint = { kind: "unix", path: dockerd.socket } as const;
  return new KindCluster({ endpoint, cluster, environment: Deno.env.toObject() });
}

/** Loads as commands do; tells whether it was sent. */
async function load(
  cluster: KindCluster,
  source: Source,
  root: Descriptor,
  names: readonly string[],
  signal?: AbortSignal,
): Promise<boolean> {
  return (await cluster.load(source, root, names, { signal })).sent;
}

/** A source whose blobs of a kind go through a function. */
function changed(
  source: Source,
  isMeant: (d: Descriptor) => boolean,
  change: (chunk: Uint8Array) => Uint8Array,
): Source {
  return {
    resolve: (ref) => source.resolve(ref),
    fetch: async (d, options) => {
      const stream = await source.fetch(d, options);
      if (!isMeant(d)) return stream;
      return stream.pipeThrough(
        new TransformStream<Uint8Array, Uint8Array>({
          transform: (chunk, controller) => controller.enqueue(change(chunk)),
        }),
      );
    },
  };
}

Deno.test({
  name: "kind: an image is in every node of its cluster, and sent to each once",
  ...needs(...PARTS),
  async fn() {
    await using dockerd = await startDockerd();
    const nodes = [
      await startNode(dockerd, "dev", "dev-control-plane"),
      await startNode(dockerd, "dev", "dev-worker", "worker"),
    ];
    const other = await startNode(dockerd, "other", "other-control-plane");
    await startNode(dockerd, "dev", "dev-balancer", "external-load-balancer");
    await using cluster = clusterIn(dockerd, "dev");
    const found = (await cluster.nodes()).map(({ name }) => name);
    assert.deepEqual(found, ["dev-control-plane", "dev-worker"]);

    const { store, root, amd64, arm64 } = await realImage();
    const chosen = await cluster.choose(store, root);
    const { digest } = amd64.manifest.descriptor;
    assert.equal(chosen.digest, digest, "of several platforms, the nodes' own");
    const names = (...tags: string[]) => tags.map((tag) => `kind.local/app:${tag}`);
    assert.equal(await load(cluster, store, root, names("a", "b", "c")), true);
    assert.equal(await load(cluster, store, root, names("a", "d")), false);
    for (const node of nodes) {
      const expected = names("a", "b", "c", "d").map((name) => `${name} ${digest}`);
      assert.deepEqual(await imagesIn(node), expected, node.name);
      const { stdout } = await node.ctr("images", "check");
      assert.match(stdout, /^kind\.local\/app:a .* complete \((\d)\/\1\) .* true$/m);
    }
    assert.deepEqual(await imagesIn(other), []);

    // Another image takes the names; one for another machine is kept, too.
    const { digest: arm } = arm64.manifest.descriptor;
    const armed = { ...arm64.manifest.descriptor };
    assert.equal(await load(cluster, store, armed, names("a")), true);
    for (const node of nodes) {
      const [line] = await imagesIn(node);
      assert.equal(line, `kind.local/app:a ${arm}`);
    }

    await using no = clusterIn(dockerd, "no");
    await failsWith("BAD_PLACE", () => no.check(), /has: dev, other$/);
    await failsWith("BAD_REFERENCE", () => load(cluster, store, armed, []), /without a name/);
    await dockerd.docker("stop", "-t", "0", "dev-worker");
    await failsWith(
      "BAD_PLACE",
      () => load(cluster, store, root, names("late")),
      /"dev": node dev-worker is exited; run "docker start dev-worker"/,
    );
    assert.equal((await imagesIn(nodes[0] ?? assert.fail())).join().includes("late"), false);
  },
});

Deno.test({
  name: "kind: nodes of today have an image under the name that Kubernetes looks up",
  ...needs("root", "docker", "gcc"),
  async fn() {
    await using dockerd = await startDockerd({ kind: "today" });
    const node = await startNode(dockerd, "dev", "dev-control-plane", "control-plane", 2);
    await using cluster = clusterIn(dockerd, "dev");
    const { store, root, amd64 } = await realImage();
    const chosen = await cluster.choose(store, root);
    const { digest } = amd64.manifest.descriptor;
    assert.equal(chosen.digest, digest);
    const names = ["kind.local/app:v1", "app:v1", "team/app:v1"] as const;
    assert.equal(await load(cluster, store, root, ["app:latest", ...names]), true);
    // What is there under one of its names is not sent again.
    assert.equal(await load(cluster, store, root, ["app:latest", ...names]), false);
    const whole = ["library/app:latest", "library/app:v1", "team/app:v1"];
    const expected = [...whole.map((name) => `docker.io/${name}`), "kind.local/app:v1"];
    assert.deepEqual(await imagesIn(node), expected.map((name) => `${name} ${digest}`));
  },
});

Deno.test({
  name: "kind: what goes wrong on the way gives no name, and says why",
  ...needs(...PARTS),
  async fn() {
    await using dockerd = await startDockerd();
    await using cluster = clusterIn(dockerd, "kind");
    await failsWith("BAD_PLACE", () => cluster.nodes(), /no node of it.*"kind create cluster"/);
    const node = await startNode(dockerd, "kind", "kind-control-plane");
    const { store, amd64: { manifest } } = await realImage();
    const root = manifest.descriptor;
    const names = ["kind.local/app:v1"];
    const loadFrom = (source: Source, signal?: AbortSignal) =>
      soon(load(cluster, source, root, names, signal), 20_000);
    const isLayer = (d: Descriptor) => d.mediaType.includes("layer");

    const lies = changed(store, isLayer, (chunk) => chunk.map((byte) => byte ^ 1));
    await failsWith("BAD_CONTENT", () => loadFrom(lies), /its content/);
    assert.deepEqual(await imagesIn(node), []);

    // What is cut between two members of the archive would look whole, with all but the last layer.
    const cut = await layerLast();
    const [last] = cut.layers.slice(-1);
    const lacking: Source = {
      resolve: (ref) => cut.store.resolve(ref),
      fetch: async (d: Descriptor) =>
        await (d.digest === last ? new MemoryStore() : cut.store).fetch(d),
    };
    await failsWith("NOT_FOUND", () => soon(load(cluster, lacking, cut.root, names), 20_000));
    assert.deepEqual(await imagesIn(node), []);

    const controller = new AbortController();
    const stopping = changed(store, isLayer, (chunk) => {
      controller.abort(new Error("stopped by the test"));
      return chunk;
    });
    await assert.rejects(loadFrom(stopping, controller.signal), /stopped by the test/);
    assert.deepEqual(await imagesIn(node), []);

    // A node without ctr, before the other one: the daemon's own words come through.
    const labels = ["cluster=kind", "role=worker"].flatMap((
      l,
    ) => ["--label", `io.x-k8s.kind.${l}`]);
    const run = ["run", "-d", "--name", "kind-a", "--network", "none", ...labels];
    const masked = ["-v", "/dev/null:/usr/bin/ctr"];
    const started = await dockerd.docker(...run, ...masked, NODE_IMAGE, "/usr/bin/containerd");
    assert.equal(started.code, 0, started.stderr);
    await failsWith(
      "IO_FAILED",
      () => loadFrom(store),
      /in kind node kind-a: exit code 126 \(.*"ctr"/,
    );
    assert.deepEqual(await imagesIn(node), []);

    await dockerd.docker("rm", "-f", "kind-a");
    await loadFrom(store);
    assert.equal((await imagesIn(node)).length, 1);
  },
});
