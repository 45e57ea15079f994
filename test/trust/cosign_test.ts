/**
 * cosign of both ages verifies what kodeno signs, and kodeno verifies what cosign signs: in a registry,
 * and in a layout that kodeno serves.
 * @module
 */
import assert from "node:assert/strict";
import { startRegistry } from "../parts/registry.ts";
import { goTool, needs } from "../parts/tools.ts";
import { startServe } from "../serve/served.ts";
import { kodeno } from "../support/kodeno.ts";
import { imageGraph, layoutWith } from "../support/image_graph.ts";
import { type Outcome, run } from "../support/process.ts";
import { type TempDir, tempDir } from "../support/temp.ts";

const PASSWORD = "secret";

/** A folder with a pair of keys of kodeno's, another of cosign's, and both programs. */
async function openTrust() {
  const dir = await tempDir();
  const env = {
    HOME: dir.path,
    PATH: Deno.env.get("PATH") ?? "",
    COSIGN_PASSWORD: PASSWORD,
    // Whoever dials anything but the registry waits for nobody.
    HTTPS_PROXY: "http://127.0.0.1:1",
  };
  const [two, three] = [await goTool("cosign2"), await goTool("cosign3")];
  const options = { cwd: dir.path, env };
  const done = async (outcome: Promise<Outcome>): Promise<string> => {
    const { code, stdout, stderr } = await outcome;
    assert.equal(code, 0, stderr);
    return stdout.trim();
  };
  const ours = (...args: string[]) =>
    kodeno(args, { cwd: dir.path, env: { COSIGN_PASSWORD: PASSWORD } });
  await done(ours("key", "new"));
  await done(run(three, ["generate-key-pair", "--output-key-prefix", "theirs"], options));
  return {
    dir,
    done,
    kodeno: ours,
    cosign2: (...args: string[]) => run(two, args, options),
    cosign3: (...args: string[]) => run(three, args, options),
    [Symbol.asyncDispose]: () => dir[Symbol.asyncDispose](),
  };
}

const VERIFY = ["verify", "--insecure-ignore-tlog", "--allow-http-registry"];

async function layout(dir: TempDir): Promise<void> {
  await layoutWith(dir, "out", { "reg.local/team/app:v1": imageGraph() });
}

Deno.test({
  name: "trust: cosign verifies what kodeno has signed in a registry, in both forms",
  ...needs("docker-registry"),
  async fn() {
    await using trust = await openTrust();
    const { dir, done, kodeno, cosign2, cosign3 } = trust;
    await using registry = await startRegistry();
    await layout(dir);
    const image = `${registry.host}/team/app:v1`;
    await done(kodeno("copy", "oci:out", image));
    const unsigned = await cosign3(...VERIFY, "--key", "kodeno.pub", image);
    assert.notEqual(unsigned.code, 0);
    // Either form with either key pair; cosign 2 takes bundles with a file that trusts nobody else.
    for (
      const [key, pub] of [["kodeno.key", "kodeno.pub"], ["theirs.key", "theirs.pub"]] as const
    ) {
      await done(kodeno("sign", image, "--key", key, "--format", "legacy"));
      await done(cosign2(...VERIFY, "--key", pub, image));
      await done(cosign3(...VERIFY, "--key", pub, image));
    }
    await done(kodeno("sign", image, "--key", "kodeno.key", "-a", "by=test"));
    await done(cosign3(...VERIFY, "--key", "kodeno.pub", image));
    assert.notEqual((await cosign3(...VERIFY, "--key", "theirs.pub", image)).code, 0);
    const again = await done(kodeno("sign", image, "--key", "kodeno.key", "--json"));
    assert.equal(JSON.parse(again).isNew, false);
    await done(kodeno("verify", image, "--key", "kodeno.pub"));
    const none = await kodeno("verify", image, "--key", "kodeno.pub", "--attestation", "spdx");
    assert.equal(none.code, 1);
    assert.match(none.stderr, /no key that was given has signed a statement of type .*spdx/);
  },
});

Deno.test({
  name: "trust: kodeno verifies what cosign has signed in a registry, and carries it away",
  ...needs("docker-registry"),
  async fn() {
    await using trust = await openTrust();
    const { dir, done, kodeno, cosign2, cosign3 } = trust;
    await using registry = await startRegistry();
    await layout(dir);
    const [old, young] = ["old", "young"].map((tag) => `${registry.host}/team/${tag}:v1`);
    assert.ok(old && young);
    const sign = ["sign", "-y", "--tlog-upload=false", "--allow-http-registry"];
    for (const image of [old, young]) await done(kodeno("copy", "oci:out", image));
    await done(cosign2(...sign, "--key", "theirs.key", old));
    await done(cosign3(...sign, "--use-signing-config=false", "--key", "theirs.key", young));
    for (const image of [old, young]) {
      await done(kodeno("verify", image, "--key", "theirs.pub"));
      await done(kodeno("verify", image, "--key", "kodeno.pub", "--key", "theirs.pub"));
      const other = await kodeno("verify", image, "--key", "kodeno.pub");
      assert.equal(other.code, 1);
      assert.match(other.stderr, /Error: Cannot trust .*: no key that was given has signed it/);
    }
    for (const image of [old, young]) await done(kodeno("pull", image, "--oci-layout", "carried"));
    await done(kodeno("verify", "carried", "--key", "theirs.pub", "--offline"));
  },
});

Deno.test("trust: a layout that was signed is verified where it is, pushed and served", async () => {
  await using trust = await openTrust();
  const { dir, done, kodeno, cosign2, cosign3 } = trust;
  await layout(dir);
  await done(kodeno("verify", "out"));
  await done(kodeno("sign", "out", "--key", "kodeno.key", "--format", "both", "--recursive"));
  await done(kodeno("verify", "out", "--key", "kodeno.pub"));
  await using served = await startServe(dir.join("out"));
  const image = `${served.host}/team/app:v1`;
  await done(cosign3(...VERIFY, "--key", "kodeno.pub", image));
  const trusted = await dir.write(
    "root.json",
    JSON.stringify({
      mediaType: "application/vnd.dev.sigstore.trustedroot+json;version=0.1",
      tlogs: [],
      certificateAuthorities: [],
      ctlogs: [],
      timestampAuthorities: [],
    }),
  );
  await done(cosign2(...VERIFY, "--trusted-root", trusted, "--key", "kodeno.pub", image));
  await done(kodeno("verify", image, "--key", "kodeno.pub"));
});
