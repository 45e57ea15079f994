/**
 * Builds that sign what they make: images, their platforms, SBOMs and provenance, wherever they go.
 * @module
 */
import assert from "node:assert/strict";
import { startRegistry } from "../parts/registry.ts";
import { goTool, needs } from "../parts/tools.ts";
import { goModule, printer } from "../support/go_module.ts";
import { done, kodeno } from "../support/kodeno.ts";
import { digestIn, entriesOf, fingerprint } from "../support/layout.ts";
import { succeed } from "../support/process.ts";
import { keyFiles } from "../support/signing.ts";
import { type TempDir, tempDir } from "../support/temp.ts";

const PLATFORMS = ["--platform", "linux/amd64,linux/arm64"];
const SAID = ["--attestation", "spdx", "--attestation", "slsaprovenance1"];

/** A folder with a module, and keys `release.key` and `release.pub`. */
async function openLab(): Promise<TempDir> {
  const dir = await tempDir();
  await goModule(dir, "example.com/app", { "main.go": printer("hello") });
  await keyFiles(dir, "release");
  return dir;
}

Deno.test({
  name: "build: signs images, platforms and documents, in all places, the same each time",
  ...needs("docker-registry"),
  async fn() {
    await using dir = await openLab();
    await using registry = await startRegistry();
    await using cache = await tempDir();
    const env = { KO_DOCKER_REPO: `${registry.host}/team`, KODENO_CACHE: cache.path };
    const args = [
      ...["build", "--oci-layout", "out", "--push", "--tarball", "app.tar", "-B"],
      ...[...PLATFORMS, "--sbom", "spdx", "--provenance", "--sign", "release.key"],
    ];
    const digest = digestIn(await done(dir, args, env));
    const once = await fingerprint(dir.path);
    // What is damaged of what was read before is not signed, but read anew.
    const records = [...Deno.readDirSync(cache.join("contents"))];
    assert.ok(records.length > 0);
    for (const { name } of records) {
      const text = await Deno.readTextFile(cache.join("contents", name));
      await cache.write(`contents/${name}`, text.replaceAll(/"sha256":"../g, '"sha256":"00'));
    }
    // What is there already is not signed again, nor is anything else.
    assert.equal(digestIn(await done(dir, args, env)), digest);
    assert.deepEqual(await fingerprint(dir.path), once);
    const types = (await entriesOf(dir.join("out"))).map(({ artifactType }) => artifactType);
    const count = (type: string) => types.filter((one) => one?.includes(type)).length;
    // Of the index and two platforms each a signature, an SBOM and the provenance.
    assert.deepEqual([count("bundle"), count("spdx"), count("in-toto")], [9, 3, 0]);
    const image = `${registry.host}/team/app:latest`;
    for (const place of ["out", "app.tar", image]) {
      const line = await done(dir, ["verify", place, "--key", "release.pub", ...SAID, "--json"]);
      assert.equal(JSON.parse(line.split("\n")[0] ?? "").signatures.length, 3, place);
    }
    const cosign = await goTool("cosign3");
    const how = [
      "--insecure-ignore-tlog",
      "--allow-http-registry",
      "--key",
      dir.join("release.pub"),
    ];
    const manifests = JSON.parse(
      await Deno.readTextFile(dir.join("out/blobs/sha256", digest.slice(7))),
    ).manifests as { readonly digest: string }[];
    const parts = manifests.map((one) => `${registry.host}/team/app@${one.digest}`);
    assert.equal(parts.length, 2);
    const cosignEnv = { HOME: dir.path, PATH: Deno.env.get("PATH") ?? "" };
    for (const one of [image, ...parts]) {
      await succeed(cosign, ["verify", ...how, one], { env: cosignEnv });
      for (const type of ["spdxjson", "slsaprovenance1"]) {
        await succeed(cosign, ["verify-attestation", ...how, "--type", type, one], {
          env: cosignEnv,
        });
      }
    }
  },
});

Deno.test({
  name: "build: a program signs, once; where nobody can sign nothing is kept",
  ...needs("openssl"),
  async fn() {
    await using dir = await openLab();
    const fails = async (code: number, args: readonly string[], why: RegExp, env = {}) => {
      const outcome = await kodeno(["build", ...args], { cwd: dir.path, env });
      assert.equal(outcome.code, code, outcome.stderr);
      assert.match(outcome.stderr, why);
      assert.ok(!(await dir.list(".")).includes("out"));
    };
    await done(dir, ["key", "new"], { KODENO_KEY_PASSWORD: "secret" });
    const wrong = { KODENO_KEY_PASSWORD: "hunter2" };
    await fails(2, ["--sign", "kodeno.key"], /the password is wrong/, wrong);
    await fails(2, ["--sign", "kodeno.key"], /Cannot use the key: set KODENO_KEY_PASSWORD/);
    await fails(2, ["--signer", "x"], /Cannot use signer x: say with --sign FILE the public key/);
    await fails(2, ["--sign", "absent.key"], /absent\.key: there is no such file/);
    const failing = ["--sign", "release.pub", "--signer", "sh -c 'echo no token >&2; exit 1'"];
    await fails(1, failing, /^Error: Cannot sign with sh: it ended with exit code 1: no token$/m);
    const signer = ["--sign", "release.pub", "--signer", "openssl dgst -sha256 -sign release.key"];
    await done(dir, ["build", ...PLATFORMS, ...signer]);
    await done(dir, ["verify", "out", "--key", "release.pub"]);
    // It gives another signature each time.
    const once = await fingerprint(dir.join("out"));
    await done(dir, ["build", ...PLATFORMS, ...signer]);
    assert.deepEqual(await fingerprint(dir.join("out")), once);
  },
});

Deno.test("build: where all is signed already, neither the key nor its password is needed", async () => {
  await using dir = await openLab();
  const secret = { KODENO_KEY_PASSWORD: "secret" };
  const wrong = { KODENO_KEY_PASSWORD: "hunter2" };
  await done(dir, ["key", "new"], secret);
  const build = ["build", "--sbom", "spdx", "--provenance", "--sign", "kodeno.key"];
  await done(dir, build, secret);
  const once = await fingerprint(dir.join("out"));
  await done(dir, build, wrong);
  assert.deepEqual(await fingerprint(dir.join("out")), once);
  // The same image elsewhere is not signed by anybody yet.
  const elsewhere = ["--oci-layout", "elsewhere"];
  const refused = await kodeno([...build, ...elsewhere], { cwd: dir.path, env: wrong });
  assert.equal(refused.code, 2, refused.stderr);
  assert.match(refused.stderr, /the password is wrong/);
  assert.ok(!(await dir.list(".")).includes("elsewhere"));
  await done(dir, [...build, ...elsewhere], secret);
  await done(dir, ["verify", "elsewhere", "--key", "kodeno.pub", "--attestation", "spdx"]);
});

Deno.test("build: resolve signs, too, and who has documents in an index signs that", async () => {
  await using dir = await openLab();
  const within = ["--attest-in-index", "--sbom", "spdx", "--oci-layout", "within"];
  await done(dir, ["build", ...PLATFORMS, ...within, "--sign", "release.key"]);
  await done(dir, ["verify", "within", "--key", "release.pub"]);
  const types = (await entriesOf(dir.join("within"))).flatMap((one) => one.artifactType ?? []);
  assert.deepEqual(types.map((type) => type.includes("bundle")), [true, true, true]);
  await dir.write("pod.yaml", `kind: Pod\nspec: {containers: [{image: "ko://example.com/app"}]}\n`);
  const resolve = ["resolve", "-f", "pod.yaml", "--push=false", "--oci-layout", "resolved"];
  await done(dir, [...resolve, "--sign", "release.key"], { KO_DOCKER_REPO: "reg.local" });
  await done(dir, ["verify", "resolved", "--key", "release.pub"]);
});
