/**
 * Others at both ends: what crane, skopeo and regctl push, kodeno pulls, and the other way round,
 * over docker-registry and the registry of go-containerregistry.
 * @module
 */
import assert from "node:assert/strict";
import { copy } from "../../src/content/copy.ts";
import { verify } from "../../src/content/check.ts";
import { MediaType, referrersTag } from "../../src/oci/descriptor.ts";
import { MemoryStore } from "../../src/place/memory.ts";
import { nextPage } from "../../src/place/registry/referrers.ts";
import { openRegistry, Registries } from "../../src/place/registry/registry.ts";
import { startFaultProxy } from "../parts/fault_proxy.ts";
import { startRegistry } from "../parts/registry.ts";
import { goTool, needs, rootTool, startDaemon } from "../parts/tools.ts";
import { succeed } from "../support/process.ts";
import { type Blob, imageGraph, jsonBlob, pushAll } from "../support/image_graph.ts";
import { tempDir } from "../support/temp.ts";

interface GoRegistry extends AsyncDisposable {
  readonly host: string;
}

/** go-containerregistry's registry, which keeps everything in memory. */
async function startGoRegistry(): Promise<GoRegistry> {
  const daemon = await startDaemon(
    await goTool("registry"),
    ["serve", "--address", "127.0.0.1:0"],
    (log) => log.match(/(?:serving on|port) (?:port )?(?:127\.0\.0\.1:)?(\d+)/)?.[1],
  );
  return { host: `127.0.0.1:${daemon.ready}`, [Symbol.asyncDispose]: () => daemon.stop() };
}

/** Copies every platform of an image from one registry to another. */
type CopyImage = (from: string, to: string, home: string) => Promise<unknown>;

const tools: Readonly<Record<string, CopyImage>> = {
  crane: async (from, to) => await succeed(await goTool("crane"), ["copy", from, to]),
  skopeo: async (from, to) =>
    await succeed(rootTool("skopeo") ?? "", [
      ...["--insecure-policy", "copy", "--all", "--preserve-digests"],
      ...["--src-tls-verify=false", "--dest-tls-verify=false"],
      ...[`docker://${from}`, `docker://${to}`],
    ]),
  async regctl(from, to, home) {
    const hosts = [from, to].flatMap((ref) => ["--host", `reg=${ref.split("/")[0]},tls=disabled`]);
    const env = { HOME: home, PATH: "/usr/bin:/bin" };
    await succeed(await goTool("regctl"), [...hosts, "image", "copy", from, to], { env });
  },
};

for (const [name, copyImage] of Object.entries(tools)) {
  Deno.test({
    name: `registry tools: ${name} takes what kodeno pushed, and kodeno what ${name} pushed`,
    ...needs("docker-registry", ...(name === "skopeo" ? ["skopeo"] : [])),
    async fn() {
      await using one = await startRegistry();
      await using two = await startGoRegistry();
      await using home = await tempDir();
      const { root, blobs } = imageGraph(name);
      const from = new MemoryStore();
      await pushAll(from, blobs);
      for (const [a, b] of [[one, two], [two, one]] as const) {
        await using source = openRegistry(`${a.host}/by/kodeno`);
        await copy(from, root.descriptor, source, { tags: ["v1"] });
        await copyImage(`${a.host}/by/kodeno:v1`, `${b.host}/by/${name}:v1`, home.path);
        await using target = openRegistry(`${b.host}/by/${name}`);
        const found = await target.resolve("v1");
        assert.deepEqual(found, root.descriptor);
        assert.equal((await verify(target, found)).blobs, blobs.length);
        // Everything anew, from a registry to a place.
        const back = new MemoryStore();
        await copy(target, "v1", back);
        assert.equal((await verify(back, found)).blobs, blobs.length);
      }
    },
  });
}

/** An artifact that refers to an image. */
function artifact(subject: Blob, text: string): { readonly blobs: Blob[]; readonly root: Blob } {
  const config = jsonBlob({}, "application/vnd.oci.empty.v1+json");
  const root = jsonBlob({
    schemaVersion: 2,
    mediaType: MediaType.manifest,
    artifactType: "application/vnd.kodeno.test",
    config: config.descriptor,
    layers: [config.descriptor],
    subject: subject.descriptor,
    annotations: { text },
  }, MediaType.manifest);
  return { blobs: [config, root], root };
}

Deno.test({
  name: "registry: referrers by API, and by tag where there is none",
  ...needs("docker-registry"),
  async fn() {
    await using plain = await startRegistry();
    await using modern = await startGoRegistry();
    for (const { host } of [plain, modern]) {
      await using store = openRegistry(`${host}/app`);
      const { root, blobs } = imageGraph();
      await pushAll(store, blobs);
      assert.deepEqual(await store.referrers(root.descriptor), []);
      const artifacts = ["one", "two"].map((text) => artifact(root, text));
      await Promise.all(artifacts.map((one) => pushAll(store, one.blobs)));
      // Once more changes nothing.
      await pushAll(store, artifacts.flatMap((one) => one.blobs));
      const found = await store.referrers(root.descriptor);
      const digests = artifacts.map((one) => one.root.descriptor.digest);
      assert.deepEqual(found.map(({ digest }) => digest).sort(), digests.sort());
      for (const { artifactType, annotations } of found) {
        assert.equal(artifactType, "application/vnd.kodeno.test");
        assert.match(annotations?.text ?? "", /^(one|two)$/);
      }
    }
    await using store = openRegistry(`${plain.host}/app`);
    assert.deepEqual(await store.tags(), [referrersTag(imageGraph().root.descriptor)]);
  },
});

Deno.test({
  name: "registry: tags come in pages",
  ...needs("docker-registry"),
  async fn() {
    await using registry = await startRegistry();
    // docker-registry 2.8 knows no pages of tags.
    const all = Array.from({ length: 25 }, (_, i) => `v${i}`);
    await using proxy = await startFaultProxy(registry.host, (exchange) => {
      const url = new URL(exchange.seen.url, "http://proxy");
      const begin = Number(url.searchParams.get("from"));
      const link: Record<string, string> = begin + 10 < all.length
        ? { link: `</v2/app/tags/list?from=${begin + 10}>; rel="next"` }
        : {};
      const tags = all.slice(begin, begin + 10);
      exchange.answer(200, link, JSON.stringify({ name: "app", tags }));
    });
    await using store = openRegistry(`${proxy.host}/app`);
    assert.deepEqual(await store.tags(), all);
  },
});

Deno.test("registry: the next page is one of several links", () => {
  const base = new URL("http://127.0.0.1:5000/v2/app/tags/list");
  const next = (header: string | null) => nextPage(header, base)?.href;
  assert.equal(next('</a?n=1>; rel="next"'), "http://127.0.0.1:5000/a?n=1");
  assert.equal(next("<b>; rel=prev, </a>; rel=next"), "http://127.0.0.1:5000/a");
  assert.equal(next("<b>; rel=prev"), undefined);
  assert.equal(next("<<<>>>; rel"), undefined);
  assert.equal(next(null), undefined);
});

Deno.test({
  name: "registry: a mirror is asked first, and the origin for what it lacks",
  ...needs("docker-registry"),
  async fn() {
    await using origin = await startRegistry();
    await using mirror = await startRegistry();
    const { root, blobs, shared } = imageGraph();
    await using direct = new Registries();
    await pushAll(direct.open(`${origin.host}/app`), blobs);
    await pushAll(direct.open(`${mirror.host}/cache/app`), [shared]);
    await using spy = await startFaultProxy(mirror.host, (exchange) => exchange.pass());
    const warnings: string[] = [];
    const options = { retry: { baseMs: 1 }, onWarning: (text: string) => warnings.push(text) };
    const mirrors = { [origin.host]: `${spy.host}/cache` };
    {
      await using store = openRegistry(`${origin.host}/app`, { ...options, mirrors });
      const back = new MemoryStore();
      await copy(store, root.descriptor, back);
      assert.equal((await verify(back, root.descriptor)).blobs, blobs.length);
      assert.ok(spy.seen.length >= blobs.length);
      assert.deepEqual(warnings, []);
      // What is pushed does not go there.
      const before = spy.seen.length;
      await store.tag(root.descriptor, "v1");
      assert.equal(spy.seen.length, before);
    }
    await spy.stop();
    await using store = openRegistry(`${origin.host}/app`, { ...options, mirrors });
    assert.equal((await store.resolve("v1")).digest, root.descriptor.digest);
    assert.match(warnings.join(), /did not answer: .*; asking 127/);
  },
});
