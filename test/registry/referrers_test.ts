/**
 * Lists of referrers on a registry that has no API for them: several kodeno processes and other
 * tools change one at the same time, and nobody's entry gets lost.
 * @module
 */
import assert from "node:assert/strict";
import { openLayout } from "../../src/place/layout/layout.ts";
import { openRegistry } from "../../src/place/registry/registry.ts";
import { MediaType, referrersTag } from "../../src/oci/descriptor.ts";
import { type Asked, refusal, type Reply, startOddRegistry } from "../interop/odd_registry.ts";
import { startFaultProxy } from "../parts/fault_proxy.ts";
import { startRegistry } from "../parts/registry.ts";
import { needs } from "../parts/tools.ts";
import { failsWith, soon } from "../support/fails.ts";
import { type Blob, blob, imageGraph, index, jsonBlob, pushAll } from "../support/image_graph.ts";
import { kodeno } from "../support/kodeno.ts";
import { tempDir } from "../support/temp.ts";

const graph = imageGraph();
const subject = graph.root.descriptor;
const empty = blob("{}", "application/vnd.oci.empty.v1+json");

/** Something that is said of the image. */
function note(text: string): Blob {
  return jsonBlob({
    schemaVersion: 2,
    mediaType: MediaType.manifest,
    artifactType: "application/vnd.kodeno.test",
    config: empty.descriptor,
    layers: [],
    subject,
    annotations: { text },
  }, MediaType.manifest);
}

const digests = (blobs: readonly { readonly digest: string }[]) =>
  blobs.map(({ digest }) => digest).sort();

Deno.test({
  name: "referrers: five processes at once lose none of their entries",
  ...needs("docker-registry"),
  async fn() {
    await using dir = await tempDir();
    await using registry = await startRegistry();
    // Each step of a change takes a while, so that they meet.
    await using proxy = await startFaultProxy(registry.host, async (exchange) => {
      if (exchange.seen.url.endsWith(referrersTag(subject))) {
        await new Promise((resolve) => setTimeout(resolve, 100));
      }
      await exchange.pass();
    });
    await using store = openRegistry(`${registry.host}/app`);
    await pushAll(store, [...graph.blobs, empty]);
    const all: Blob[] = [];
    const places = await Promise.all(["a", "b", "c", "d", "e"].map(async (name) => {
      const layout = await openLayout(dir.join(name), { create: true });
      const notes = [1, 2, 3].map((n) => note(`${name}${n}`));
      await pushAll(layout, [...graph.blobs, empty, ...notes]);
      await layout.tag(subject, "v1");
      const entries = notes.map(({ descriptor }) => descriptor);
      await layout.change((before) => Promise.resolve([...before, ...entries]));
      all.push(...notes);
      return name;
    }));
    const runs = await Promise.all(places.map((name) => {
      const args = ["copy", `oci:${name}:v1`, `${proxy.host}/app:v1`, "--referrers"];
      return kodeno(args, { cwd: dir.path });
    }));
    for (const { code, stderr } of runs) assert.equal(code, 0, stderr);
    const found = await store.referrers(subject);
    assert.deepEqual(digests(found), digests(all.map(({ descriptor }) => descriptor)));
  },
});

Deno.test({
  name: "referrers: an entry that another tool has written over is written again",
  ...needs("docker-registry"),
  async fn() {
    await using registry = await startRegistry();
    const foreign = note("foreign");
    const list = index([[foreign]]);
    let left = 2;
    await using direct = openRegistry(`${registry.host}/app`);
    await pushAll(direct, [...graph.blobs, empty, foreign, list]);
    let written = false;
    await using proxy = await startFaultProxy(registry.host, async ({ seen, pass }) => {
      if (seen.url.endsWith(referrersTag(subject))) {
        if (seen.method === "GET" && written && left-- > 0) {
          await direct.tag(list.descriptor, referrersTag(subject));
        }
        written = seen.method === "PUT";
      }
      await pass();
    });
    await using store = openRegistry(`${proxy.host}/app`, { retry: { baseMs: 1 } });
    const own = note("own");
    await soon(pushAll(store, [own]));
    const found = await direct.referrers(subject);
    assert.deepEqual(
      digests(found),
      digests([own.descriptor, foreign.descriptor]),
    );

    // Somebody who never stops has the last word, and kodeno says so.
    left = Infinity;
    await soon(failsWith(
      "REGISTRY_FAILED",
      () => pushAll(store, [note("in vain")]),
      /^Cannot list sha256:\w+ in .*\/app:sha256-\w+: others write over it all the time; run it/,
    ));
  },
});

Deno.test({
  name: "referrers: an image that has the tag of a list stays as it is",
  ...needs("docker-registry"),
  async fn() {
    await using registry = await startRegistry();
    await using store = openRegistry(`${registry.host}/app`);
    await pushAll(store, [...graph.blobs, empty]);
    const [image] = graph.manifests;
    await store.tag(image.descriptor, referrersTag(subject));
    await failsWith("BAD_CONTENT", () => pushAll(store, [note("x")]), /that is no list, but a /);
    assert.equal((await store.resolve(referrersTag(subject))).digest, image.descriptor.digest);
    assert.deepEqual(await store.referrers(subject), []);
  },
});

Deno.test({
  name: "referrers: one that was pushed, but not listed before the end, is listed by the next run",
  ...needs("docker-registry"),
  async fn() {
    await using dir = await tempDir();
    const layout = await openLayout(dir.join("layout"), { create: true });
    const own = note("own");
    await pushAll(layout, [...graph.blobs, empty, own]);
    await layout.tag(subject, "app:v1");
    await layout.change((before) => Promise.resolve([...before, own.descriptor]));
    await using registry = await startRegistry();
    let deaf = true;
    await using proxy = await startFaultProxy(registry.host, async (exchange) => {
      const { seen: { method, url } } = exchange;
      if (deaf && method === "PUT" && url.endsWith(referrersTag(subject))) exchange.answer(403);
      else await exchange.pass();
    });
    for (
      const args of [
        ["push", "layout", "--to", proxy.host],
        ["copy", "oci:layout:app:v1", `${proxy.host}/copied:v1`, "--referrers"],
      ]
    ) {
      deaf = true;
      const cut = await kodeno(args, { cwd: dir.path });
      assert.notEqual(cut.code, 0);
      deaf = false;
      const again = await kodeno(args, { cwd: dir.path });
      assert.equal(again.code, 0, again.stderr);
    }
    for (const name of ["app", "copied"]) {
      await using store = openRegistry(`${registry.host}/${name}`);
      assert.equal(await store.has(own.descriptor), true);
      assert.deepEqual(digests(await store.referrers(subject)), [own.descriptor.digest]);
    }
  },
});

Deno.test("referrers: a registry is asked for what it may have, and at once", async () => {
  await using dir = await tempDir();
  const replies: Reply[] = [];
  const answer = (_: Asked, usual: () => Reply) => replies[0] ?? usual();
  await using registry = await startOddRegistry([{ url: "/referrers/", answer }]);
  const name = `${registry.host}/app`;
  const own = note("own");
  {
    await using store = openRegistry(name);
    await pushAll(store, [...graph.blobs, empty, own]);
    await store.tag(subject, "v1");
  }
  const images = graph.manifests.map(({ descriptor }) => descriptor.digest);
  const pulled = async (layout: string, from = name) => {
    registry.asked.length = 0;
    const { code, stderr } = await kodeno(["pull", `${from}:v1`, "--oci-layout", layout], {
      cwd: dir.path,
    });
    assert.equal(code, 0, stderr);
    const blobs = await dir.list(layout, "blobs", "sha256");
    assert.ok(blobs.includes(own.descriptor.digest.slice("sha256:".length)));
    return registry.requests().flatMap((one) =>
      /(?:referrers|tags|manifests)\/(?:list|sha256[-:].*)$/.exec(one)?.[0] ?? []
    ).filter((one) => !one.startsWith("manifests/sha256:")).sort();
  };
  // It has said once that it has no API, and which lists it has.
  const tag = `manifests/${referrersTag(subject)}`;
  const asked = [tag, `referrers/${subject.digest}`, "tags/list"].sort();
  assert.deepEqual(await pulled("without"), asked);
  // That it does not know one repository says nothing of the others.
  replies.push(refusal(404, "NAME_UNKNOWN", "not here"));
  const all = [subject.digest, ...images, own.descriptor.digest].map((one) => `referrers/${one}`);
  assert.deepEqual(await pulled("unknown"), [tag, "tags/list", ...all].sort());

  const found = { ...own.descriptor, artifactType: "application/vnd.kodeno.test" };
  const manifests = (url: string) => url.endsWith(subject.digest) ? [found] : [];
  const waiting: (() => void)[] = [];
  await using proxy = await startFaultProxy(registry.host, async (exchange) => {
    const { seen: { url } } = exchange;
    if (!url.includes("/referrers/")) {
      await exchange.pass();
      return;
    }
    // Those for the images and for what was found come before any of them is answered.
    if (!url.endsWith(subject.digest) && waiting.length < images.length) {
      await new Promise<void>((go) => waiting.push(go));
    }
    for (const go of waiting) go();
    const list = { schemaVersion: 2, mediaType: MediaType.index, manifests: manifests(url) };
    exchange.answer(200, { "content-type": MediaType.index }, JSON.stringify(list));
  });
  await soon(pulled("with", `${proxy.host}/app`));
});

Deno.test({
  name: "referrers: a folder for locks that cannot be made is done without",
  ...needs("docker-registry"),
  async fn() {
    await using dir = await tempDir();
    await using registry = await startRegistry();
    const lockFolder = `${await dir.write("file", "")}/locks`;
    await using store = openRegistry(`${registry.host}/app`, { lockFolder });
    const own = note("own");
    await pushAll(store, [...graph.blobs, empty, own]);
    assert.deepEqual(digests(await store.referrers(subject)), [own.descriptor.digest]);
  },
});
