/**
 * What `verify` finds: each fault that a layout can have, and what keys and policies demand.
 * @module
 */
import assert from "node:assert/strict";
import { attest } from "../../src/app/attest.ts";
import { copyImage } from "../../src/app/copy.ts";
import { verifyImages } from "../../src/app/verify.ts";
import { MediaType } from "../../src/oci/descriptor.ts";
import { openLayout } from "../../src/place/layout/layout.ts";
import { needs, rootTool } from "../parts/tools.ts";
import { failsWith } from "../support/fails.ts";
import {
  type Blob,
  blob,
  image,
  imageGraph,
  jsonBlob,
  layoutWith,
  pushAll,
} from "../support/image_graph.ts";
import { kodenoCommand, kodenoEnvironment } from "../support/kodeno.ts";
import { succeed } from "../support/process.ts";
import { attestImage, keyFiles, signImages } from "../support/signing.ts";
import { tempDir } from "../support/temp.ts";

const LINUX = { os: "linux", architecture: "amd64" };

/** What is wrong with a layout, by the names of its images, or the digests of those without one. */
async function faultsOf(place: string, more: Parameters<typeof verifyImages>[0] | object = {}) {
  const { images, strays } = await verifyImages({ place, ...more });
  const faults = images.map(({ name, digest, faults }) => [name ?? digest, faults] as const);
  return { faults: new Map(faults), strays };
}

Deno.test("verify: each fault of a layout is found, and nothing else", async () => {
  await using dir = await tempDir();
  const place = await layoutWith(dir, "out", { "good:v1": imageGraph() });
  assert.deepEqual(await faultsOf(place), { faults: new Map([["good:v1", []]]), strays: [] });
  const plain = blob("plain text");
  const named = (mediaType: string, one: Blob): Blob => ({
    ...one,
    descriptor: { ...one.descriptor, mediaType },
  });
  const squeezed = blob(new Uint8Array([0x1f, 0x8b, 8, 0, 1]));
  const framed = blob(new Uint8Array([0x28, 0xb5, 0x2f, 0xfd, 1]));
  const one = image(LINUX, [plain]);
  const other = image(LINUX, [plain], { author: "other" });
  const less = jsonBlob({ ...LINUX, rootfs: { type: "layers", diff_ids: [] } }, MediaType.config);
  const manifest = (config: Blob, layers: readonly Blob[], mediaType?: string) =>
    jsonBlob({
      schemaVersion: 2,
      mediaType,
      config: config.descriptor,
      layers: layers.map(({ descriptor }) => descriptor),
    }, MediaType.manifest);
  const zstd = "application/vnd.oci.image.layer.v1.tar+zstd";
  const odd: Readonly<Record<string, readonly [root: Blob, fault: RegExp]>> = {
    "type:gzip": [
      manifest(one.config, [named(MediaType.layerGzip, plain)]),
      /as "application\/vnd.oci.image.layer.v1.tar\+gzip": its bytes are not gzip$/,
    ],
    "type:plain": [manifest(one.config, [squeezed]), /v1.tar": its bytes are gzip$/],
    "type:zstd": [
      manifest(one.config, [named(MediaType.layerGzip, framed)]),
      /tar\+gzip": its bytes are zstd$/,
    ],
    "type:own": [
      manifest(one.config, [plain], "application/vnd.docker.distribution.manifest.v2+json"),
      /manifest.v1\+json": it says that it is "application\/vnd.docker/,
    ],
    "config:less": [manifest(less, [plain]), /: it tells of 0 layers, its manifest of 1$/],
    "config:text": [manifest(named(MediaType.config, plain), [plain]), /is not an image config/],
  };
  const fine = { "fine:zstd": manifest(one.config, [named(zstd, framed)]) };
  const layout = await openLayout(place);
  const lost = image(LINUX, [blob("lost"), blob("longer")]);
  const stray = blob("a stray blob");
  await pushAll(layout, [plain, squeezed, framed, one.config, other.config, less, stray]);
  await pushAll(layout, [one.manifest, other.manifest, lost.config, lost.manifest]);
  const all = [...Object.entries(odd).map(([name, [root]]) => [name, root] as const)];
  for (const [name, root] of [...all, ...Object.entries(fine)]) {
    await pushAll(layout, [root]);
    await layout.tag(root.descriptor, name);
  }
  await layout.tag(one.manifest.descriptor, "tags:v1");
  const blobs = dir.join("out/blobs/sha256");
  const pathOf = ({ descriptor }: Blob) => `${blobs}/${descriptor.digest.slice(7)}`;
  await Deno.writeTextFile(pathOf(stray), "a Stray blob");
  const index = JSON.parse(await Deno.readTextFile(dir.join("out/index.json")));
  const tags = index.manifests.find((entry: { annotations: Record<string, string> }) =>
    entry.annotations["io.containerd.image.name"]?.endsWith("tags:v1")
  );
  tags.annotations["org.opencontainers.image.ref.name"] = "v2";
  const twice = { "org.opencontainers.image.ref.name": "twice" };
  index.manifests.push(
    { ...one.manifest.descriptor, annotations: twice },
    { ...other.manifest.descriptor, annotations: twice },
    { ...lost.manifest.descriptor, annotations: { "org.opencontainers.image.ref.name": "lost" } },
    {
      ...other.manifest.descriptor,
      annotations: { "io.containerd.manifest.subject": one.manifest.descriptor.digest },
    },
  );
  await Deno.writeTextFile(dir.join("out/index.json"), JSON.stringify(index));
  const { faults, strays } = await faultsOf(place);
  for (const [name, [, fault]] of Object.entries(odd)) {
    const [found, ...more] = faults.get(name) ?? [];
    assert.match(found ?? "", fault, name);
    assert.deepEqual(more, [], name);
  }
  for (const name of ["good:v1", "fine:zstd"]) assert.deepEqual(faults.get(name), [], name);
  assert.match(String(faults.get("tags:v1")), /^some tools call it .*tags:v1, and others v2;/);
  assert.match(
    String(faults.get("twice")),
    /^its name twice is that of sha256:.*, too; remove one/,
  );
  assert.match(
    String(faults.get(other.manifest.descriptor.digest)),
    /^its entry says that it refers to sha256:.*, its manifest to nothing$/,
  );
  // Each blob that is missing is told.
  assert.match(String(faults.get("lost")), /^Cannot find blob .*,Cannot find blob /);
  assert.equal(strays.length, 1);
  assert.equal(strays[0]?.digest, stray.descriptor.digest);
  assert.match(strays[0]?.fault ?? "", /its content has digest/);
  // An archive of the same is judged as the layout is.
  const tar = dir.join("out.tar");
  await succeed("tar", ["-cf", tar, "-C", dir.join("out"), "."]);
  const packed = await faultsOf(tar);
  assert.deepEqual(packed.strays.map(({ digest }) => digest), [stray.descriptor.digest]);
  assert.deepEqual([...packed.faults.keys()], [...faults.keys()]);
});

Deno.test("verify: an image that refers to what is not there does not hold", async () => {
  await using dir = await tempDir();
  const place = await layoutWith(dir, "out", { "app:v1": imageGraph() });
  const { key, pub } = await keyFiles(dir, "release");
  await signImages(place, key);
  const layout = await openLayout(place);
  const one = image(LINUX, [blob("evil")]);
  const subject = { mediaType: MediaType.manifest, digest: `sha256:${"0".repeat(64)}`, size: 2 };
  const value = JSON.parse(new TextDecoder().decode(one.manifest.bytes));
  const evil = jsonBlob({ ...value, subject }, MediaType.manifest);
  await pushAll(layout, [blob("evil"), one.config, evil]);
  await layout.change((all) => [...all, evil.descriptor]);
  const { faults } = await faultsOf(place, { verifyKeys: [pub] });
  assert.deepEqual(faults.get("app:v1"), []);
  assert.match(String(faults.get(evil.descriptor.digest)), /^Cannot find blob sha256:0{64} in /);
});

Deno.test("verify: who has signed a statement about an image has signed it, in either form", async () => {
  await using dir = await tempDir();
  const { key, pub } = await keyFiles(dir, "release");
  const predicate = await dir.write("said.txt", "fine");
  for (const form of ["bundle", "legacy"] as const) {
    const place = await layoutWith(dir, form, { "app:v1": imageGraph() });
    const askPassword = () => Promise.resolve("");
    await attest({ place, key, predicate, type: "custom", forms: [form], askPassword });
    const policy = await dir.write("policy.yaml", "rules: [{keys: release.pub}]");
    for (const demand of [{ verifyKeys: [pub] }, { policy }]) {
      assert.deepEqual((await faultsOf(place, demand)).faults.get("app:v1"), [], form);
      await copyImage({
        from: `oci:${place}:app:v1`,
        to: `archive:${dir.join("a.tar")}`,
        ...demand,
      });
    }
  }
});

Deno.test("verify: a policy decides by the name, and the first rule that is for it", async () => {
  await using dir = await tempDir();
  const names = ["reg.local/team/app:v1", "reg.local/team/web:v1", "tool:v1", "other:v1"];
  const place = await layoutWith(
    dir,
    "out",
    Object.fromEntries(names.map((name) => [name, imageGraph(name)])),
  );
  const [release, rogue] = [await keyFiles(dir, "keys/release"), await keyFiles(dir, "keys/rogue")];
  await signImages(place, release.key, { images: ["reg.local/team/app:v1"] });
  await signImages(place, rogue.key, { images: ["reg.local/team/web:v1"], form: "legacy" });
  await dir.write(
    "rules/policy.yaml",
    `rules:
- names: [reg.local/team/*, docker.io/library/signed]
  keys: [../keys/release.pub]
- names: docker.io/library/tool:v1
  type: insecureAcceptAnything
- names: tool
  type: reject
`,
  );
  const policy = dir.join("rules/policy.yaml");
  const { faults } = await faultsOf(place, { policy });
  assert.deepEqual(faults.get("reg.local/team/app:v1"), []);
  assert.match(
    String(faults.get("reg.local/team/web:v1")),
    /^no key of rule 1 of .*policy.yaml has signed it \(.* is of another key/,
  );
  assert.deepEqual(faults.get("tool:v1"), []);
  assert.match(String(faults.get("other:v1")), /^no rule of .*policy.yaml is for its name$/);
  const both = { verifyKeys: [release.pub, rogue.pub] };
  assert.deepEqual(
    [...(await faultsOf(place, both)).faults].map(([, faults]) => faults.length),
    [1, 0, 0, 1],
  );
  await failsWith(
    "BAD_OPTION",
    () => verifyImages({ place, policy, ...both }),
    /leave the keys out/,
  );
  const attestations = ["spdx"];
  await failsWith(
    "BAD_OPTION",
    () => verifyImages({ place, policy, attestations }),
    /say them in .*policy.yaml/,
  );
});

Deno.test("verify: a statement is demanded, and not older than it may be, by a time that is signed", async () => {
  await using dir = await tempDir();
  const graph = imageGraph();
  const place = await layoutWith(dir, "out", { "app:v1": graph });
  const [release, rogue] = [await keyFiles(dir, "release"), await keyFiles(dir, "rogue")];
  const vuln = "https://cosign.sigstore.dev/attestation/vuln/v1";
  const scanned = async (ago: number, key = release.key) =>
    await attestImage(place, graph.root.descriptor, key, vuln, {
      metadata: { scanFinishedOn: new Date(Date.now() - ago).toISOString() },
    });
  const [hour, day] = [3_600_000, 86_400_000];
  const policy = await dir.write(
    "policy.yaml",
    "rules: [{keys: release.pub, attestations: [{type: vuln, maxAge: 7d}, spdx]}]",
  );
  const faults = async () => (await faultsOf(place, { policy })).faults.get("app:v1");
  await signImages(place, release.key);
  assert.match(
    String(await faults()),
    /^no key of rule 1 of .* has signed a statement of type .*vuln\/v1,no key .*spdx.dev\/Document$/,
  );
  await attestImage(place, graph.root.descriptor, release.key, "https://spdx.dev/Document", {});
  await scanned(hour, rogue.key);
  assert.match(String(await faults()), /^no key of rule 1 .*vuln\/v1$/);
  await attestImage(place, graph.root.descriptor, release.key, vuln, {});
  assert.match(String(await faults()), /young enough: it says no time$/);
  await scanned(-day);
  await scanned(30 * day);
  assert.match(String(await faults()), /young enough: it (?:says no time|is of )/);
  await scanned(6 * day);
  assert.deepEqual(await faults(), []);
});

Deno.test("verify: what a policy may not say is told with its line", async () => {
  await using dir = await tempDir();
  const place = await layoutWith(dir, "out", { "app:v1": imageGraph() });
  const { pub } = await keyFiles(dir, "a");
  const cases: readonly (readonly [text: string, why: RegExp, code?: "BAD_OPTION"])[] = [
    ["", /policy.yaml:1:1: rules: found nothing; a list is needed$/],
    ["rules: []", /rules: found an empty list; at least 1 entry is needed$/],
    ["rules: [{}]", /:9: rules\[0\]: found a map; keys are needed, or another type$/],
    ["rules: [{key: a.pub}]", /found unknown field "key"; did you mean "keys"\?/],
    [
      "rules:\n- type: reject\n  keys: a.pub",
      /:2:3: .* keys, attestations and signedAs are allowed of type/,
    ],
    ["rules: [{type: accept}]", /"insecureAcceptAnything" or "reject" is allowed/],
    [
      "rules: [{keys: a.pub, attestations: [{type: spdx, maxAge: 7 weeks}]}]",
      /with m, h or d is allowed/,
    ],
    ["rules: [{keys: no.pub}]", /no\.pub: there is no such file/, "BAD_OPTION"],
    ["rules: [{keys: a.pub, names: '{a'}]", /glob "\{a": a "\{" is not closed/, "BAD_OPTION"],
  ];
  assert.ok(pub);
  for (const [text, why, code = "BAD_CONFIG"] of cases) {
    const policy = await dir.write("policy.yaml", text);
    await failsWith(code, () => verifyImages({ place, policy }), why);
  }
  const policy = dir.join("absent.yaml");
  await failsWith("BAD_CONFIG", () => verifyImages({ place, policy }), /there is no such file/);
});

Deno.test({
  name: "verify: nobody is dialled for a layout or archive, whatever it names and is told",
  ...needs("strace"),
  async fn() {
    await using dir = await tempDir();
    const place = await layoutWith(dir, "out", { "reg.local/app:v1": imageGraph() });
    const { key, pub } = await keyFiles(dir, "release");
    await signImages(place, key);
    await copyImage({ from: `oci:${place}`, to: `archive:${dir.join("out.tar")}` });
    const [program, ...own] = kodenoCommand();
    const log = dir.join("strace.log");
    for (const what of ["out", "out.tar"]) {
      const args = ["verify", what, "--key", pub];
      const all = ["-f", "-qq", "-e", "trace=connect,sendto,sendmsg", "-o", log, program];
      const options = { cwd: dir.path, env: { ...kodenoEnvironment(), DENO_NO_UPDATE_CHECK: "1" } };
      await succeed(rootTool("strace") ?? "", [...all, ...own, ...args], options);
      const calls = (await Deno.readTextFile(log)).split("\n");
      assert.deepEqual(calls.filter((line) => /AF_INET/.test(line)), []);
    }
  },
});
