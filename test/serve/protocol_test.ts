/**
 * `kodeno serve` by the letter of the OCI distribution spec 1.1: what each endpoint answers, to good
 * requests and bad ones.
 * @module
 */
import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { copy } from "../../src/content/copy.ts";
import { encodeJson } from "../../src/oci/manifest.ts";
import { MediaType, referrersTag } from "../../src/oci/descriptor.ts";
import { openLayout } from "../../src/place/layout/layout.ts";
import { MemoryStore } from "../../src/place/memory.ts";
import { digestOf } from "../../src/io/hash.ts";
import { blob, imageGraph, index, jsonBlob, pushAll } from "../support/image_graph.ts";
import { until } from "../support/process.ts";
import { tempDir } from "../support/temp.ts";
import { type Answer, ask, assertRefused, jsonOf, type Served, serveIn } from "./served.ts";

const one = imageGraph("one");
const two = imageGraph("two");
const ONE = one.root.descriptor;
const LAYER = one.shared;

/** A layout of two images under several names; `extra` changes it before it is served. */
async function served(
  extra: (folder: string) => Promise<void> = () => Promise.resolve(),
  ...flags: string[]
): Promise<Served & { readonly folder: string }> {
  const dir = await tempDir();
  const folder = dir.join("My Images");
  const layout = await openLayout(folder, { create: true });
  await pushAll(layout, [...one.blobs, ...two.blobs]);
  for (const tag of ["v1", "v2", "v3"]) await layout.tag(ONE, `reg.local:5000/team/one:${tag}`);
  await layout.tag(two.root.descriptor, "two:latest");
  await layout.tag(two.manifests[0].descriptor, "loose");
  await extra(folder);
  return { ...await serveIn(dir, folder, ...flags), folder };
}

/** Adds an entry as another tool writes it. */
async function addEntry(folder: string, entry: unknown): Promise<void> {
  const path = `${folder}/index.json`;
  const value = JSON.parse(await Deno.readTextFile(path));
  value.manifests.push(entry);
  await Deno.writeTextFile(path, JSON.stringify(value));
}

/** Names on all pages, and how many pages there were. */
async function walk(host: string, start: string, key: "tags" | "repositories") {
  const names: string[] = [];
  let pages = 0;
  for (let path: string | undefined = start; path !== undefined; pages++) {
    const answer: Answer = await ask(host, path);
    assert.equal(answer.status, 200);
    names.push(...jsonOf<Record<typeof key, string[]>>(answer)[key]);
    path = /^<([^>]+)>; rel="next"$/.exec(String(answer.headers["link"] ?? ""))?.[1];
  }
  return { names, pages };
}

Deno.test("serve: version, catalog and tags, in pages where asked for", async () => {
  await using server = await served();
  const { host } = server;
  for (const path of ["/v2/", "/v2"]) {
    const answer = await ask(host, path);
    assert.equal(answer.status, 200);
    assert.equal(answer.headers["docker-distribution-api-version"], "registry/2.0");
  }
  const all = ["my-images", "team/one", "two"];
  for (const [query, pages] of [["", 1], ["?n=1", 3], ["?n=2", 2], ["?n=3", 1], ["?n=99", 1]]) {
    assert.deepEqual(await walk(host, `/v2/_catalog${query}`, "repositories"), {
      names: all,
      pages,
    });
  }
  const tags = "/v2/team/one/tags/list";
  assert.deepEqual(jsonOf(await ask(host, tags)), { name: "team/one", tags: ["v1", "v2", "v3"] });
  assert.deepEqual(await walk(host, `${tags}?n=2`, "tags"), {
    names: ["v1", "v2", "v3"],
    pages: 2,
  });
  // `last` need not be a tag that is there.
  assert.deepEqual((await walk(host, `${tags}?last=v1x&n=1`, "tags")).names, ["v2", "v3"]);
  assert.deepEqual(await walk(host, `${tags}?n=0`, "tags"), { names: [], pages: 1 });
  for (const n of ["x", "-1", "1.5", ""]) {
    assertRefused(await ask(host, `${tags}?n=${n}`), 400, "PAGINATION_NUMBER_INVALID");
  }
  assertRefused(await ask(host, "/v2/none/tags/list"), 404, "NAME_UNKNOWN");
});

Deno.test("serve: manifests by tag and by digest, with HEAD and what a client has already", async () => {
  await using server = await served();
  const { host } = server;
  const child = one.manifests[1] ?? one.manifests[0];
  for (
    const [path, { descriptor, bytes }] of [
      ["/v2/team/one/manifests/v2", one.root],
      [`/v2/team/one/manifests/${ONE.digest}`, one.root],
      [`/v2/team/one/manifests/${child.descriptor.digest}`, child],
      ["/v2/my-images/manifests/loose", two.manifests[0]],
    ] as const
  ) {
    for (const method of ["GET", "HEAD"]) {
      const { status, headers, body } = await ask(host, path, { method });
      assert.equal(status, 200, path);
      assert.equal(headers["content-type"], descriptor.mediaType);
      assert.equal(headers["docker-content-digest"], descriptor.digest);
      assert.equal(headers["content-length"], String(bytes.length));
      assert.deepEqual(body, method === "HEAD" ? Buffer.alloc(0) : Buffer.from(bytes));
    }
    const known = { "if-none-match": `"${descriptor.digest}"` };
    assert.equal((await ask(host, path, { headers: known })).status, 304);
  }
  const unknown = digestOf("nothing");
  for (const ref of ["v9", unknown, LAYER.descriptor.digest, two.root.descriptor.digest]) {
    assertRefused(await ask(host, `/v2/team/one/manifests/${ref}`), 404, "MANIFEST_UNKNOWN");
    const head = await ask(host, `/v2/team/one/manifests/${ref}`, { method: "HEAD" });
    assert.deepEqual([head.status, head.body.length], [404, 0]);
  }
});

Deno.test("serve: blobs whole, in ranges, and only those of the repository", async () => {
  await using server = await served();
  const { host } = server;
  const { bytes, descriptor: { digest, size } } = LAYER;
  const path = `/v2/team/one/blobs/${digest}`;
  const get = (headers: Record<string, string> = {}, method = "GET") =>
    ask(host, path, { headers, method });
  for (const method of ["GET", "HEAD"]) {
    const { status, headers, body } = await get({}, method);
    assert.equal(status, 200);
    assert.equal(headers["docker-content-digest"], digest);
    assert.equal(headers["content-length"], String(size));
    assert.equal(headers["accept-ranges"], "bytes");
    assert.deepEqual(body, Buffer.from(method === "HEAD" ? "" : bytes));
  }
  const last = size - 1;
  for (
    const [range, from, to] of [
      ["bytes=0-0", 0, 0],
      ["bytes=2-5", 2, 5],
      ["bytes=3-", 3, last],
      ["bytes=-4", size - 4, last],
      [`bytes=-${size + 9}`, 0, last],
      [`bytes=5-${size + 9}`, 5, last],
      [`bytes=${last}-`, last, last],
    ] as const
  ) {
    const { status, headers, body } = await get({ range });
    assert.equal(status, 206, range);
    assert.equal(headers["content-range"], `bytes ${from}-${to}/${size}`);
    assert.equal(headers["content-length"], String(to - from + 1));
    assert.deepEqual(body, Buffer.from(bytes.slice(from, to + 1)));
  }
  for (const range of [`bytes=${size}-`, `bytes=${size + 5}-${size + 9}`, "bytes=-0"]) {
    const answer = await get({ range });
    assertRefused(answer, 416, "UNSUPPORTED");
    assert.equal(answer.headers["content-range"], `bytes */${size}`);
  }
  // What is no single range counts as none.
  for (const range of ["bytes=5-2", "bytes=0-1,3-4", "bytes=-", "lines=1-2", "bytes=a-b"]) {
    assert.equal((await get({ range })).status, 200, range);
  }
  assert.equal((await get({ range: "bytes=2-5", "if-range": `"${digest}"` })).status, 206);
  assert.equal((await get({ range: "bytes=2-5", "if-range": '"other"' })).status, 200);

  const other = two.shared.descriptor.digest;
  assertRefused(await ask(host, `/v2/team/one/blobs/${other}`), 404, "BLOB_UNKNOWN");
  assert.equal((await ask(host, `/v2/two/blobs/${other}`)).status, 200);
  assertRefused(await ask(host, `/v2/none/blobs/${digest}`), 404, "NAME_UNKNOWN");
});

Deno.test("serve: an empty blob, a missing one, one of another size, and a link", async () => {
  const empty = blob("");
  const gone = blob("gone");
  const short = blob("too short");
  const link = blob("secret");
  const layers = [empty, gone, short, link].map(({ descriptor }) => descriptor);
  const config = blob("{}", MediaType.config);
  const manifest = jsonBlob(
    { schemaVersion: 2, mediaType: MediaType.manifest, config: config.descriptor, layers },
    MediaType.manifest,
  );
  await using server = await served(async (folder) => {
    await pushAll(await openLayout(folder), [empty, config, manifest]);
    const path = (d: string) => `${folder}/blobs/sha256/${d.slice(7)}`;
    await Deno.writeTextFile(path(short.descriptor.digest), "short");
    await Deno.writeTextFile(`${folder}/../secret`, "secret");
    await Deno.symlink(`${folder}/../secret`, path(link.descriptor.digest));
    await addEntry(folder, manifest.descriptor);
  });
  const get = (d: string, range?: string) =>
    ask(server.host, `/v2/my-images/blobs/${d}`, range ? { headers: { range } } : {});
  const answer = await get(empty.descriptor.digest);
  assert.deepEqual([answer.status, answer.headers["content-length"]], [200, "0"]);
  assertRefused(await get(empty.descriptor.digest, "bytes=0-"), 416, "UNSUPPORTED");
  for (const { descriptor: { digest } } of [gone, short, link]) {
    assertRefused(await get(digest), 404, "BLOB_UNKNOWN");
  }
});

Deno.test("serve: referrers of what is in the repository, by artifact type", async () => {
  const config = blob("{}", "application/vnd.oci.empty.v1+json");
  const artifact = (text: string, subject: unknown) =>
    jsonBlob({
      schemaVersion: 2,
      mediaType: MediaType.manifest,
      artifactType: `application/${text}`,
      config: config.descriptor,
      layers: [],
      subject,
      annotations: { text },
    }, MediaType.manifest);
  const sbom = artifact("sbom", ONE);
  const signature = artifact("signature", ONE);
  const nested = artifact("signature", sbom.descriptor);
  const foreign = artifact("sbom", two.root.descriptor);
  await using server = await served(async (folder) => {
    const layout = await openLayout(folder);
    await pushAll(layout, [config, sbom, signature, nested, foreign]);
    for (const { descriptor } of [nested, sbom, signature, foreign]) {
      await addEntry(folder, descriptor);
    }
  });
  const list = async (repository: string, digest: string, query = "") => {
    const answer = await ask(server.host, `/v2/${repository}/referrers/${digest}${query}`);
    assert.equal(answer.status, 200);
    assert.equal(answer.headers["content-type"], MediaType.index);
    const { manifests } = jsonOf<{ manifests: { digest: string }[] }>(answer);
    return { answer, digests: manifests.map(({ digest }) => digest).sort(), manifests };
  };
  const both = [sbom.descriptor.digest, signature.descriptor.digest].sort();
  assert.deepEqual((await list("team/one", ONE.digest)).digests, both);
  const filtered = await list("team/one", ONE.digest, "?artifactType=application%2Fsbom");
  const { mediaType, digest, size } = sbom.descriptor;
  assert.deepEqual(filtered.manifests, [
    { mediaType, digest, size, artifactType: "application/sbom", annotations: { text: "sbom" } },
  ]);
  assert.equal(filtered.answer.headers["oci-filters-applied"], "artifactType");
  assert.deepEqual((await list("team/one", ONE.digest, "?artifactType=x")).digests, []);
  assert.deepEqual((await list("team/one", digest)).digests, [nested.descriptor.digest]);
  assert.equal((await ask(server.host, `/v2/team/one/manifests/${digest}`)).status, 200);
  const other = `/v2/team/one/manifests/${foreign.descriptor.digest}`;
  assertRefused(await ask(server.host, other), 404, "MANIFEST_UNKNOWN");
  assert.deepEqual((await list("team/one", digestOf("x"))).digests, []);
  assertRefused(await ask(server.host, `/v2/none/referrers/${digest}`), 404, "NAME_UNKNOWN");
  // The same list for who knows no API for it, by the tag and by the digest that it then has.
  const tagged = await ask(server.host, `/v2/team/one/manifests/${referrersTag(ONE)}`);
  assert.equal(tagged.status, 200);
  const listed = tagged.headers["docker-content-digest"] ?? "";
  assert.equal(listed, digestOf(tagged.body));
  const byDigest = await ask(server.host, `/v2/team/one/manifests/${listed}`);
  assert.deepEqual(byDigest.body, tagged.body);
  const { manifests } = jsonOf<{ manifests: { digest: string }[] }>(tagged);
  assert.deepEqual(manifests.map(({ digest }) => digest).sort(), both);
  const none = `/v2/team/one/manifests/${referrersTag(nested.descriptor)}`;
  assertRefused(await ask(server.host, none), 404, "MANIFEST_UNKNOWN");
  assertRefused(
    await ask(server.host, `/v2/team/one/referrers/${digest}?from=x`),
    400,
    "PAGINATION_NUMBER_INVALID",
  );
});

Deno.test("serve: other methods, other paths and names that are none are refused", async () => {
  await using server = await served();
  const { host } = server;
  const requests: readonly (readonly [string, string])[] = [
    ["POST", "/v2/team/one/blobs/uploads/"],
    ["PUT", "/v2/team/one/manifests/v1"],
    ["PATCH", "/v2/team/one/blobs/uploads/1"],
    ["DELETE", "/v2/team/one/manifests/v1"],
    ["OPTIONS", "/v2/"],
    ["PROPFIND", "/"],
  ];
  for (const [method, path] of requests) {
    const body = /^P(?:OST|UT|ATCH)$/.test(method) ? { body: "x".repeat(100_000) } : {};
    const answer = await ask(host, path, { method, ...body });
    assertRefused(answer, 405, "UNSUPPORTED");
    assert.equal(answer.headers["allow"], "GET, HEAD");
  }
  for (const path of ["/", "/v1/", "/index.html", "/v2/team/one", "/v2/team/one/tags"]) {
    assertRefused(await ask(host, path), 404, "UNSUPPORTED");
  }
  const hex = ONE.digest.slice(7);
  for (
    const [path, code] of [
      ["/v2/..%2f..%2fetc/manifests/v1", "NAME_INVALID"],
      ["/v2/team//one/manifests/v1", "NAME_INVALID"],
      ["/v2/Team/one/manifests/v1", "NAME_INVALID"],
      ["/v2//manifests/v1", "NAME_INVALID"],
      [`/v2/${"a".repeat(256)}/tags/list`, "NAME_INVALID"],
      ["/v2/team/one/manifests/", "TAG_INVALID"],
      [`/v2/team/one/manifests/${"t".repeat(129)}`, "TAG_INVALID"],
      ["/v2/team/one/manifests/sha256:abc", "DIGEST_INVALID"],
      [`/v2/team/one/manifests/sha512:${hex}`, "DIGEST_INVALID"],
      ["/v2/team/one/blobs/sha256:..%2f..%2findex.json", "DIGEST_INVALID"],
      [`/v2/team/one/blobs/${hex}`, "DIGEST_INVALID"],
      [`/v2/team/one/blobs/sha256:${hex.toUpperCase()}`, "DIGEST_INVALID"],
      ["/v2/team/one/referrers/latest", "DIGEST_INVALID"],
    ] as const
  ) {
    const answer = await ask(host, path);
    assert.equal(answer.status, 400, path);
    assertRefused(answer, 400, code);
  }
});

Deno.test("serve: nothing outside the layout, and nothing in it but blobs, can be had", async () => {
  await using server = await served();
  for (
    const path of [
      "/v2/../../etc/passwd",
      "/v2/%2e%2e/%2e%2e/etc/passwd",
      "/v2/../My%20Images/manifests/v1",
      "/v2/team/one/manifests/..",
      "/v2/team/one/manifests/%2e%2e",
      "/v2/team/one/blobs/../../../../index.json",
      "/v2/team/one/blobs/sha256:../../../index.json",
      "/v2/team/one/blobs/sha256:%2e%2e%2findex.json",
      "/v2/team/one/blobs/%2e%2e%2f%2e%2e%2foci-layout",
      "//etc/passwd",
      "/v2//etc/passwd",
      "/index.json",
      "/oci-layout",
    ]
  ) {
    // Some versions of the runtime resolve dots before anybody sees them.
    const { status, body } = await ask(server.host, path);
    assert.ok(status === 400 || status === 404, `${path}: ${status}`);
    assert.match(body.toString(), /^\{"errors":\[\{"code":"[A-Z_]+","message":".+"\}\]\}\n$/);
  }
});

Deno.test("serve: long addresses and headers are refused, broken requests do no harm", async () => {
  await using server = await served();
  const { host } = server;
  assertRefused(
    await ask(host, `/v2/team/one/tags/list?last=${"x".repeat(5000)}`),
    414,
    "UNSUPPORTED",
  );
  const headers = { "x-long": "y".repeat(20_000) };
  assertRefused(await ask(host, "/v2/", { headers }), 431, "UNSUPPORTED");
  const port = Number(host.split(":")[1]);
  for (
    const bytes of [
      `GET /${"a".repeat(2_000_000)} HTTP/1.1\r\nHost: x\r\n\r\n`,
      `GET / HTTP/1.1\r\nX: ${"b".repeat(2_000_000)}\r\n\r\n`,
      `GET / HTTP/1.1\r\n${"X: y\r\n".repeat(100_000)}\r\n`,
      "GET / HTTP/9.9\r\n\r\n",
      "\x16\x03\x01\x00\xa5\x01\x00\x00",
      "GET /v2/ HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n",
    ]
  ) {
    const connection = await Deno.connect({ hostname: "127.0.0.1", port });
    const writing = connection.write(new TextEncoder().encode(bytes)).catch(() => {});
    const reading = connection.read(new Uint8Array(4096)).catch(() => {});
    await new Promise((resolve) => setTimeout(resolve, 200));
    connection.close();
    await Promise.all([reading, writing]);
  }
  assert.equal((await ask(host, "/v2/")).status, 200);
});

Deno.test("serve: names of other tools are understood, and hostile ones are no names", async () => {
  const name = (text: string, annotation = "org.opencontainers.image.ref.name") => ({
    ...ONE,
    annotations: { [annotation]: text },
  });
  await using server = await served(async (folder) => {
    await addEntry(folder, name("docker.io/library/busybox:1.36"));
    await addEntry(folder, name("../../etc"));
    await addEntry(folder, name("a b\nc"));
    await addEntry(folder, name("../../x:y", "io.containerd.image.name"));
    await addEntry(folder, { ...two.root.descriptor, annotations: name("two:latest").annotations });
    await addEntry(folder, { ...ONE, annotations: { "io.containerd.image.name": "two:latest" } });
  });
  const { host } = server;
  const { names } = await walk(host, "/v2/_catalog", "repositories");
  assert.deepEqual(names, ["busybox", "my-images", "team/one", "two"]);
  assert.deepEqual((await walk(host, "/v2/library/busybox/tags/list", "tags")).names, ["1.36"]);
  assert.deepEqual((await walk(host, "/v2/my-images/tags/list", "tags")).names, ["loose"]);
  // Without a name they can be had by their digests.
  assert.equal((await ask(host, `/v2/my-images/manifests/${ONE.digest}`)).status, 200);
  const answer = await ask(host, "/v2/two/manifests/latest");
  assert.equal(answer.headers["docker-content-digest"], two.root.descriptor.digest);
  await until("the conflict is told", () => /two:latest is in the layout twice/.test(server.log()));
});

Deno.test("serve: answers as a mirror of the registry that a client says", async () => {
  const [other, third] = [two.root.descriptor, two.manifests[0].descriptor];
  await using server = await served(async (folder) => {
    const layout = await openLayout(folder);
    await layout.tag(ONE, "a.local/app:v1");
    await layout.tag(other, "b.local:5000/app:v1");
    await layout.tag(third, "app:v1");
    await layout.tag(third, "team/app:v1");
    await layout.tag(ONE, "a.local/library/other:v1");
    await addEntry(folder, {
      ...other,
      annotations: { "io.containerd.image.name": "buildkit:v1" },
    });
  });
  const { host } = server;
  const get = async (path: string, ns?: string) => {
    const query = ns === undefined ? "" : `?ns=${encodeURIComponent(ns)}`;
    const { status, headers } = await ask(host, `/v2/${path}${query}`);
    return status === 200 ? headers["docker-content-digest"] : status;
  };
  // As containerd and Docker ask for what Kubernetes calls app:v1.
  for (const ns of [undefined, "docker.io"]) {
    assert.equal(await get("library/buildkit/manifests/v1", ns), other.digest);
    assert.equal(await get(`library/buildkit/manifests/${other.digest}`, ns), other.digest);
    assert.equal(await get("team/app/manifests/v1", ns), third.digest);
    assert.equal(await get("library/app/manifests/v1", ns), third.digest);
    assert.equal(await get("library/my-images/manifests/loose", ns), third.digest);
  }
  // Three images have the path "app".
  assert.equal(await get("app/manifests/v1"), ONE.digest);
  assert.equal(await get("app/manifests/v1", "a.local"), ONE.digest);
  assert.equal(await get("app/manifests/v1", "b.local:5000"), other.digest);
  assert.equal(await get(`app/manifests/${ONE.digest}`, "b.local:5000"), 404);
  // A name that says no registry may be anybody's; one that says another is not.
  assert.equal(await get("app/manifests/v1", "c.local"), third.digest);
  assert.equal(await get("library/other/manifests/v1", "docker.io"), 404);
  assert.equal(await get("team/one/manifests/v1", "a.local"), 404);
  assert.equal(await get("team/one/manifests/v1", "reg.local:5000"), ONE.digest);
});

Deno.test("serve: an index that lacks a platform, and a manifest that is damaged", async () => {
  const sparse = imageGraph("sparse");
  const [first, second = first] = sparse.manifests;
  const list = index([[first, { os: "linux", architecture: "amd64" }], [second]]);
  await using server = await served(async (folder) => {
    const layout = await openLayout(folder);
    const memory = new MemoryStore();
    await pushAll(memory, sparse.blobs);
    await copy(memory, first.descriptor, layout);
    await pushAll(layout, [list]);
    await addEntry(folder, list.descriptor);
    const damaged = jsonBlob({ schemaVersion: 2, text: "damaged" }, MediaType.manifest);
    const path = `${folder}/blobs/sha256/${damaged.descriptor.digest.slice(7)}`;
    await Deno.writeFile(path, encodeJson({ schemaVersion: 2, text: "dam4ged" }));
    await addEntry(folder, damaged.descriptor);
  });
  const { host, folder } = server;
  const get = (d: string) => ask(host, `/v2/my-images/manifests/${d}`);
  assert.equal((await get(list.descriptor.digest)).status, 200);
  assert.equal((await get(first.descriptor.digest)).status, 200);
  const missing = second.descriptor.digest;
  assertRefused(await get(missing), 404, "MANIFEST_UNKNOWN");
  // It may come later, without a change of the index.
  await pushAll(await openLayout(folder), sparse.blobs);
  await until("the platform is there", async () => (await get(missing)).status === 200);
});

Deno.test("serve: the layout changes while it is served", async () => {
  await using server = await served();
  const { host, folder } = server;
  const three = imageGraph("three");
  const status = async (path: string) => (await ask(host, path)).status;
  const path = `/v2/three/manifests/${three.manifests[1]?.descriptor.digest}`;
  assert.equal(await status(path), 404);
  const layout = await openLayout(folder);
  await pushAll(layout, three.blobs);
  assert.equal(await status(path), 404);
  await layout.tag(three.root.descriptor, "three:v1");
  assert.equal(await status(path), 200);
  assert.equal(await status("/v2/three/manifests/v1"), 200);

  const digest = async () => (await ask(host, "/v2/three/manifests/v1")).headers["etag"];
  for (const { root } of [one, two, three]) {
    await layout.tag(root.descriptor, "three:v1");
    assert.equal(await digest(), `"${root.descriptor.digest}"`);
  }
  // A tool that writes in place is in the middle of it: what was there before holds.
  const index = `${folder}/index.json`;
  const text = await Deno.readTextFile(index);
  await Deno.writeTextFile(index, text.slice(0, 50));
  assert.equal(await status(path), 200);
  await Deno.writeTextFile(index, '{"schemaVersion":2,"manifests":[]}');
  assert.equal(await status(path), 404);
  assert.deepEqual(jsonOf(await ask(host, "/v2/_catalog")), { repositories: [] });
});

for (const signal of ["SIGINT", "SIGTERM"] as const) {
  Deno.test(`serve: ${signal} ends it with 0, and lets a request that is answered end`, async () => {
    await using server = await served();
    const { host, log, stop, pid } = server;
    const port = Number(host.split(":")[1]);
    // An open connection that asks for nothing does not hold it up.
    const idle = await Deno.connect({ hostname: "127.0.0.1", port });
    assert.equal((await ask(host, "/v2/")).status, 200);
    const began = Date.now();
    assert.equal(await stop(signal), 0, log());
    assert.ok(Date.now() - began < 5000, `it took ${Date.now() - began} ms`);
    idle.close();
    // What it says when it begins, and nothing after that.
    assert.equal(log().trim().split("\n").length, 2, `${pid}: ${log()}`);
    await assert.rejects(Deno.connect({ hostname: "127.0.0.1", port }));
  });
}

Deno.test("serve: -v tells of each request, in one line", async () => {
  await using server = await served(undefined, "-v");
  await ask(server.host, "/v2/team/one/manifests/v1?x=%0aGET");
  await until(
    "it is told",
    () => /^GET \/v2\/team\/one\/manifests\/v1\?x=%0aGET 200 \d+ [\d.]+ms$/m.test(server.log()),
  );
});

Deno.test("serve: a blob that a descriptor carries is served, a foreign layer is somewhere else", async () => {
  const config = blob("{}", "application/vnd.oci.empty.v1+json");
  const foreign = blob("not here", "application/vnd.oci.image.layer.nondistributable.v1.tar");
  const manifest = jsonBlob({
    schemaVersion: 2,
    mediaType: MediaType.manifest,
    config: { ...config.descriptor, data: "e30=" },
    layers: [{ ...foreign.descriptor, urls: ["https://layers.example/x"] }],
  }, MediaType.manifest);
  await using server = await served(async (folder) => {
    const layout = await openLayout(folder);
    await pushAll(layout, [manifest]);
    await layout.tag(manifest.descriptor, "inline:v1");
  });
  const path = `/v2/inline/blobs/${config.descriptor.digest}`;
  const whole = await ask(server.host, path);
  assert.deepEqual([whole.status, whole.body.toString()], [200, "{}"]);
  const head = await ask(server.host, path, { method: "HEAD" });
  assert.deepEqual([head.status, head.headers["content-length"]], [200, "2"]);
  const part = await ask(server.host, path, { headers: { range: "bytes=1-1" } });
  assert.deepEqual([part.status, part.body.toString()], [206, "}"]);
  const other = await ask(server.host, `/v2/inline/blobs/${foreign.descriptor.digest}`);
  assertRefused(other, 404, "BLOB_UNKNOWN");
});
