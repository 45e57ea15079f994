/**
 * Base images that have to be signed: from a registry, out of the cache without a network, and of a layout.
 * @module
 */
import assert from "node:assert/strict";
import { attest } from "../../src/app/attest.ts";
import { copyImage } from "../../src/app/copy.ts";
import { push } from "../../src/app/push.ts";
import { sign } from "../../src/app/sign.ts";
import { BaseSet } from "../../src/build/bases.ts";
import { loadConfig, resolveBuildConfig } from "../../src/config/config.ts";
import type { BuildOptions } from "../../src/config/options.ts";
import { startRegistry } from "../parts/registry.ts";
import { goTool, needs } from "../parts/tools.ts";
import { startWatcher } from "../parts/watcher.ts";
import { failsWith } from "../support/fails.ts";
import { imageGraph, layoutWith } from "../support/image_graph.ts";
import { succeed } from "../support/process.ts";
import { keyFiles } from "../support/signing.ts";
import { type TempDir, tempDir } from "../support/temp.ts";

/** Opens the base of options, with a cache of a name; gives its digest. */
async function baseOf(dir: TempDir, cache: string, options: BuildOptions): Promise<string> {
  const environment = {
    ...Deno.env.toObject(),
    KODENO_CACHE: dir.join(cache),
    ...options.environment,
  };
  const complete = await loadConfig({ workingDirectory: dir.path, ...options, environment });
  const config = resolveBuildConfig(complete);
  const parts = () => Promise.reject(new Error("no static base is asked for"));
  await using bases = new BaseSet(config, {}, parts);
  return String((await bases.open(config.image)).digest);
}

Deno.test({
  name: "bases: what is signed is built on, online and out of the cache; nothing else is",
  ...needs("docker-registry"),
  async fn() {
    await using dir = await tempDir();
    await using registry = await startRegistry();
    const { digest } = imageGraph().root.descriptor;
    const place = await layoutWith(dir, "out", { "base:v1": imageGraph() });
    await push({ from: place, to: [registry.host] });
    const baseImage = `${registry.host}/base:v1`;
    const env = { HOME: dir.path, PATH: Deno.env.get("PATH") ?? "", COSIGN_PASSWORD: "secret" };
    await succeed(await goTool("cosign3"), ["generate-key-pair"], { cwd: dir.path, env });
    const key = { baseImage, verifyKeys: [dir.join("cosign.pub")] };
    const other = await keyFiles(dir, "other");
    const others = { baseImage, verifyKeys: [other.pub] };
    const offline = true;
    const open = (cache: string, options: BuildOptions) => baseOf(dir, cache, options);
    const refused = (cache: string, options: BuildOptions, why: RegExp) =>
      failsWith("NOT_TRUSTED", () => open(cache, options), why);

    await refused(
      "a",
      key,
      /^Cannot use base image .*base:v1.*: no key that was given has signed it$/,
    );
    // Without a demand it is taken, and then it is in the cache without signatures.
    assert.equal(await open("bare", { baseImage }), digest);
    await refused(
      "bare",
      { ...key, offline },
      /has signed it; offline only the signatures in the cache count.*kodeno pull .*base:v1 --oci-l/,
    );
    const signing = [
      ...["sign", "-y", "--key", "cosign.key", "--use-signing-config=false"],
      ...["--tlog-upload=false", "--allow-http-registry", baseImage],
    ];
    await succeed(await goTool("cosign3"), signing, { cwd: dir.path, env });
    await refused("a", others, /no key that was given has signed it \(bundle .* is of another key/);
    for (const cache of ["a", "bare"]) {
      assert.equal(await open(cache, key), digest);
      assert.equal(await open(cache, { ...key, offline }), digest);
      await refused(cache, { ...others, offline }, /has signed it \(bundle .* is of another key/);
    }
    // What came later is asked for, in the old form, too, where what is kept is not enough.
    const askPassword = () => Promise.resolve("");
    await sign({ place: baseImage, key: other.key, askPassword, forms: ["legacy"] });
    await refused("a", { ...others, offline }, /has signed it/);
    assert.equal(await open("a", others), digest);
    const byDigest = { ...others, baseImage: `${registry.host}/base@${digest}` };
    assert.equal(await open("a", byDigest), digest);
    assert.equal(await open("a", { ...byDigest, offline }), digest);

    // So are statements.
    const predicate = await dir.write("said.json", '{"good":true}');
    const policy = await dir.write(
      "demand.yaml",
      "rules: [{keys: other.pub, attestations: custom}]",
    );
    const demanded = { baseImage, policy };
    await refused("a", demanded, /has signed a statement of type /);
    const said = { key: other.key, askPassword, predicate, type: "custom" } as const;
    await attest({ place: baseImage, ...said, forms: ["legacy"] });
    assert.equal(await open("a", demanded), digest);
    assert.equal(await open("a", { ...demanded, offline }), digest);

    // Behind the gap there are files alone, and nobody is dialled.
    await copyImage({ from: baseImage, to: `oci:${dir.join("bases")}` });
    await registry[Symbol.asyncDispose]();
    await using watcher = await startWatcher();
    const proxies = { HTTPS_PROXY: `http://${watcher.host}`, HTTP_PROXY: `http://${watcher.host}` };
    const environment = { ...proxies, NO_PROXY: "" };
    const files = { ...key, baseImage: `oci:${dir.join("bases")}`, offline, environment };
    assert.equal(await open("none", files), digest);
    await refused("none", { ...files, baseImage: `oci:${place}` }, /Cannot use base image oci:/);
    assert.equal(await open("a", { ...key, offline, environment }), digest);
    assert.equal(watcher.dialled(), 0);
  },
});

Deno.test("bases: .ko.yaml says what is demanded of them, itself or in a file", async () => {
  await using dir = await tempDir();
  const place = await layoutWith(dir, "out", { "reg.local/base:v1": imageGraph() });
  const { key } = await keyFiles(dir, "conf/release");
  const baseImage = `oci:${place}`;
  const write = (text: string) => dir.write("conf/.ko.yaml", text);
  const environment = { KO_CONFIG_PATH: dir.join("conf") };
  const open = (more: BuildOptions = {}) =>
    baseOf(dir, "cache", { baseImage, environment, ...more });
  const rules = (names: string) => `{rules: [{names: ${names}, keys: release.pub}]}`;
  await write(`baseImagePolicy: ${rules("reg.local/*")}`);
  await failsWith(
    "NOT_TRUSTED",
    open,
    /no key of rule 1 of baseImagePolicy of .*ko.yaml has signed it$/,
  );
  await sign({ place, key, askPassword: () => Promise.resolve(""), forms: ["bundle"] });
  await open();
  await write(`baseImagePolicy: policy.yaml`);
  await dir.write("conf/policy.yaml", rules("elsewhere.local/*"));
  await failsWith("NOT_TRUSTED", open, /no rule of .*conf\/policy.yaml is for its name$/);
  await open({ verifyKeys: [dir.join("conf/release.pub")] });
  await write("baseImagePolicy: {rules: [{keys: []}]}");
  await failsWith(
    "BAD_CONFIG",
    open,
    /ko.yaml:1:34: .*rules\[0\].keys: found an empty list; at least 1/,
  );
  // What is built in is nobody else's.
  await write(`baseImagePolicy: ${rules("none")}`);
  await baseOf(dir, "cache", { baseImage: "scratch", environment });
});
