/**
 * What does not verify does not move: of each command that moves images, with what real cosign has signed,
 * and with what nobody has, somebody else has, was changed, or has another name.
 * @module
 */
import assert from "node:assert/strict";
import { copyImage } from "../../src/app/copy.ts";
import { load } from "../../src/app/load.ts";
import { merge } from "../../src/app/merge.ts";
import { push } from "../../src/app/push.ts";
import { serve } from "../../src/app/serve.ts";
import { openLayout } from "../../src/place/layout/layout.ts";
import { predicateType } from "../../src/trust/statement.ts";
import { startDockerd } from "../parts/dockerd.ts";
import { startRegistry } from "../parts/registry.ts";
import { goTool, needs } from "../parts/tools.ts";
import { startServe } from "../serve/served.ts";
import { failsWith } from "../support/fails.ts";
import { blob, image, imageGraph, layoutWith, pushAll } from "../support/image_graph.ts";
import { fingerprint, imageNames } from "../support/layout.ts";
import { succeed, until } from "../support/process.ts";
import { attestImage, keyFiles, signImages } from "../support/signing.ts";
import { tempDir } from "../support/temp.ts";

/** A layout for each way in which an image does not hold, beside one that does. */
async function openLab() {
  const dir = await tempDir();
  const [release, rogue] = [await keyFiles(dir, "release"), await keyFiles(dir, "rogue")];
  const policy = await dir.write(
    "policy.yaml",
    "rules: [{names: reg.local/**, keys: release.pub}]",
  );
  const make = async (name: string, image: string, key?: string) => {
    const good = "reg.local/good:v1";
    const graph = imageGraph(name);
    const place = await layoutWith(dir, name, { [good]: imageGraph("good"), [image]: graph });
    await signImages(place, release.key, { images: [good] });
    if (key !== undefined) await signImages(place, key, { images: [image] });
    return { place, graph };
  };
  const [app, by] = ["reg.local/app:v1", release.key];
  const blobOf = (place: string, digest: string) => `${place}/blobs/sha256/${digest.slice(7)}`;
  const whole = await make("whole", app, by);
  const bad = {
    unsigned: await make("unsigned", app),
    other: await make("other", app, rogue.key),
    name: await make("name", "elsewhere.local/app:v1", by),
    layer: await make("layer", app, by),
    manifest: await make("manifest", app, by),
  };
  const { digest, size } = bad.layer.graph.shared.descriptor;
  await Deno.writeFile(blobOf(bad.layer.place, digest), new Uint8Array(size));
  const { bytes, descriptor } = bad.manifest.graph.root;
  const changed = new TextEncoder().encode(
    new TextDecoder().decode(bytes).replace("arm64", "amd64"),
  );
  await Deno.writeFile(blobOf(bad.manifest.place, descriptor.digest), changed);
  const why = {
    unsigned: /app:v1 \(no key of rule 1 of .* has signed it\)/,
    other:
      /app:v1 \(no key of rule 1 of .* has signed it \(bundle .* is of another key or image\)\)/,
    name: /elsewhere.local\/app:v1 \(no rule of .* is for its name\)/,
    layer: /app:v1 \(Cannot use blob .*: its content has digest/,
    manifest: /app:v1 \(Cannot use blob .*: its content has digest/,
  };
  return {
    dir,
    release,
    policy,
    whole,
    bad,
    why,
    [Symbol.asyncDispose]: () => dir[Symbol.asyncDispose](),
  };
}

Deno.test({
  name:
    "moves: what does not verify is not pushed, copied, pulled, merged or loaded, nor what is beside it",
  ...needs("root", "docker-registry", "dockerd", "docker"),
  async fn() {
    await using lab = await openLab();
    const { dir, policy, whole, bad, why, release } = lab;
    await using registry = await startRegistry();
    await using dockerd = await startDockerd();
    const environment = {
      ...Deno.env.toObject(),
      DOCKER_HOST: dockerd.host,
      DOCKER_CONFIG: dir.path,
    };
    const images = async (): Promise<string> =>
      await succeed("docker", ["-H", dockerd.host, "images", "-q"]);
    const catalog = async () => await (await fetch(`http://${registry.host}/v2/_catalog`)).text();
    const none = await catalog();
    for (const kind of ["unsigned", "other", "name", "layer", "manifest"] as const) {
      const { place } = bad[kind];
      const name = kind === "name" ? "elsewhere.local/app:v1" : "reg.local/app:v1";
      const to = [`${registry.host}/x`];
      const ways: Readonly<Record<string, () => Promise<unknown>>> = {
        push: () => push({ from: place, to, policy }),
        load: () => load({ from: place, policy, environment }),
        merge: () => merge(dir.join("merged"), [whole.place, place], { policy }),
        layout: () =>
          copyImage({ from: `oci:${place}:${name}`, to: `oci:${dir.join("to")}`, policy }),
        archive: () =>
          copyImage({ from: `oci:${place}:${name}`, to: `archive:${dir.join("to.tar")}`, policy }),
        registry: () =>
          copyImage({ from: `oci:${place}:${name}`, to: `${registry.host}/x:v1`, policy }),
        daemon: () =>
          copyImage({ from: `oci:${place}:${name}`, to: "daemon:x:v1", policy, environment }),
      };
      for (const [way, move] of Object.entries(ways)) {
        const { message, exitCode } = await failsWith("NOT_TRUSTED", move, why[kind]);
        assert.equal(exitCode, 1);
        assert.match(message, /; nothing was (?:pushed|loaded|merged|copied)$/, way);
        if (way === "push") assert.match(message, /^Cannot trust 1 of 2 images: /);
      }
    }
    assert.equal(await images(), "");
    assert.equal(await catalog(), none);
    const left = await dir.list();
    for (const name of ["merged", "to", "to.tar"]) assert.ok(!left.includes(name), name);

    // All of it holds, and goes the same ways, with what refers to it.
    const keys = { verifyKeys: [release.pub] };
    const repository = `${registry.host}/good`;
    assert.equal((await push({ from: whole.place, to: [repository], policy })).length, 2);
    // One with layers that a daemon takes.
    const empty = blob(new Uint8Array(1024));
    const runnable = image({ os: "linux", architecture: "amd64" }, [empty]);
    const from = dir.join("runnable");
    using layout = await openLayout(from, { create: true });
    await pushAll(layout, [empty, runnable.config, runnable.manifest]);
    await layout.tag(runnable.manifest.descriptor, "reg.local/app:v1");
    await failsWith("NOT_TRUSTED", () => load({ from, policy, environment }));
    await signImages(from, release.key, { form: "legacy" });
    await load({ from, policy, environment });
    assert.notEqual(await images(), "");
    await merge(dir.join("merged"), [whole.place], { policy });
    assert.deepEqual(
      (await imageNames(dir.join("merged"))).filter((name) => name),
      ["reg.local/app:v1", "reg.local/good:v1"],
    );
    const pulled = `oci:${dir.join("pulled")}`;
    const pushed = `${repository}/app:v1`;
    await copyImage({ from: pushed, to: pulled, ...keys });
    const renamed = /app:v1 \(no rule of .* is for its name\); nothing was copied/;
    await failsWith(
      "NOT_TRUSTED",
      () => copyImage({ from: pushed, to: `oci:${dir.join("no")}`, policy }),
      renamed,
    );
    for (const kind of ["unsigned", "other"] as const) {
      const images = ["reg.local/app:v1"];
      await push({ from: bad[kind].place, to: [`${registry.host}/${kind}`], images });
      const from = `${registry.host}/${kind}/app:v1`;
      const to = `oci:${dir.join("no")}`;
      await failsWith("NOT_TRUSTED", () => copyImage({ from, to, ...keys }), /nothing was copied$/);
    }
    assert.ok(!(await dir.list()).includes("no"));
    // One platform of what was signed as a whole, out of an archive, too.
    const platform = "linux/arm64";
    const archive = `archive:${dir.join("one.tar")}`;
    await copyImage({ from: pulled, to: archive, ...keys });
    await copyImage({ from: archive, to: `oci:${dir.join("one")}`, platform, ...keys });
    const one = { from: dir.join("one.tar"), to: [`${registry.host}/one`], platform };
    assert.equal((await push({ ...one, ...keys })).length, 1);
    // A daemon keeps no signatures.
    const daemon = { from: `daemon:${pushed}`, to: `oci:${dir.join("no")}`, environment };
    await copyImage({ ...daemon, from: "daemon:reg.local/app:v1", to: `oci:${dir.join("any")}` });
    await failsWith(
      "NOT_TRUSTED",
      () => copyImage({ ...daemon, from: "daemon:reg.local/app:v1", policy }),
      /has signed it\); nothing was copied/,
    );
  },
});

Deno.test({
  name: "moves: what cosign has signed moves, by its own key alone",
  ...needs("docker-registry"),
  async fn() {
    await using dir = await tempDir();
    await using registry = await startRegistry();
    const names = ["bundle:v1", "legacy:v1"];
    const place = await layoutWith(
      dir,
      "out",
      Object.fromEntries(names.map((name) => [name, imageGraph(name)])),
    );
    await push({ from: place, to: [registry.host] });
    const env = { HOME: dir.path, PATH: Deno.env.get("PATH") ?? "", COSIGN_PASSWORD: "secret" };
    const options = { cwd: dir.path, env };
    const [two, three] = [await goTool("cosign2"), await goTool("cosign3")];
    await succeed(three, ["generate-key-pair"], options);
    const sign = [
      "sign",
      "-y",
      "--key",
      "cosign.key",
      "--allow-http-registry",
      "--tlog-upload=false",
    ];
    const own = "--use-signing-config=false";
    await succeed(three, [...sign, own, `${registry.host}/bundle:v1`], options);
    await succeed(two, [...sign, `${registry.host}/legacy:v1`], options);
    const key = { verifyKeys: [dir.join("cosign.pub")] };
    const other = { verifyKeys: [(await keyFiles(dir, "other")).pub] };
    for (const name of names) {
      const from = `${registry.host}/${name}`;
      const to = `oci:${dir.join("pulled")}`;
      await failsWith("NOT_TRUSTED", () => copyImage({ from, to, ...other }));
      await copyImage({ from, to, ...key });
    }
    // From there, too: in the old form the signatures of the registry stay behind unless they came along.
    const all = await imageNames(dir.join("pulled"));
    assert.equal(all.filter((name) => name?.endsWith("bundle:v1")).length, 1);
    const onward = { from: dir.join("pulled"), to: [`${registry.host}/on`], images: ["bundle"] };
    await failsWith("NOT_TRUSTED", () => push({ ...onward, ...other }));
    await push({ ...onward, ...key });
  },
});

Deno.test("moves: serve hides what does not verify, and what refers to that", async () => {
  await using lab = await openLab();
  const { dir, policy, bad: { unsigned, other, layer, manifest }, release } = lab;
  await failsWith(
    "NOT_TRUSTED",
    async () => {
      const lone = await layoutWith(dir, "lone", { "reg.local/app:v1": imageGraph() });
      const { signal } = new AbortController();
      await serve({ layout: lone, verifyKeys: [release.pub], listen: "127.0.0.1:0", signal });
    },
    /^Cannot serve .*lone: no image is signed as it has to be$/,
  );
  for (const { place, graph } of [unsigned, other, layer, manifest]) {
    await using server = await startServe(place, "--policy", policy);
    const status = async (path: string) => {
      const answer = await fetch(`http://${server.host}/v2/${path}`);
      await answer.body?.cancel();
      return answer.status;
    };
    assert.equal(await status("good/manifests/v1"), 200);
    assert.equal(await status("app/manifests/v1"), 404);
    const layout = await openLayout(place);
    const own = layout.ownName;
    const { digest } = graph.root.descriptor;
    for (const path of [own, "good", "app"]) {
      assert.equal(await status(`${path}/manifests/${digest}`), 404, path);
      for (const { digest: about, annotations } of await layout.entries()) {
        if (annotations?.["io.containerd.manifest.subject"] !== digest) continue;
        assert.equal(await status(`${path}/manifests/${about}`), 404, path);
      }
    }
    if (place !== unsigned.place) continue;
    // As soon as it is signed it is there.
    await signImages(place, release.key, { images: ["reg.local/app:v1"] });
    await new Promise((resolve) => setTimeout(resolve, 300));
    assert.equal(await status("app/manifests/v1"), 200);
    assert.equal(await status(`app/referrers/${digest}`), 200);
  }
  assert.ok(Object.keys(await fingerprint(unsigned.place)).length > 0);
});

Deno.test("moves: serve shows an image as long as what is said of it is young enough", async () => {
  await using dir = await tempDir();
  const { key, pub } = await keyFiles(dir, "release");
  const { root: { descriptor } } = imageGraph();
  const place = await layoutWith(dir, "out", { "reg.local/app:v1": imageGraph() });
  await signImages(place, key);
  const end = Date.now() + 4000;
  const metadata = { scanFinishedOn: new Date(end - 60_000).toISOString() };
  await attestImage(place, descriptor, key, predicateType("vuln"), { metadata });
  const rule = `rules: [{keys: ${pub}, attestations: [{type: vuln, maxAge: 1m}]}]`;
  const policy = await dir.write("policy.yaml", rule);
  const told: string[] = [];
  const ending = new AbortController();
  const serving = serve({
    layout: place,
    policy,
    listen: "127.0.0.1:0",
    signal: ending.signal,
    emit: (event) => event.type === "note" && told.push(event.message),
  });
  try {
    const address = () => /http:\S+/.exec(told.join("\n"))?.[0];
    await until("it serves", () => address() !== undefined);
    const status = async () => {
      const answer = await fetch(`${address()}/v2/app/manifests/v1`);
      await answer.body?.cancel();
      return answer.status;
    };
    assert.equal(await status(), 200);
    await until("it is too old", async () => await status() === 404);
    assert.ok(Date.now() >= end);
    assert.match(
      told.join("\n"),
      /^Hid reg.local\/app:v1 of .*vuln.* that is young enough: it is/m,
    );
  } finally {
    ending.abort();
    await serving;
  }
});
