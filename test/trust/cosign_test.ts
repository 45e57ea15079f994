/**
 * cosign of both ages verifies what kodeno signs, and kodeno verifies what cosign signs: in a registry,
 * and in a layout that kodeno serves.
 * @module
 */
import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { generateKeyPairSync } from "node:crypto";
import { attest } from "../../src/app/attest.ts";
import { startRegistry } from "../parts/registry.ts";
import { goTool, needs } from "../parts/tools.ts";
import { startServe } from "../serve/served.ts";
import { kodeno } from "../support/kodeno.ts";
import { imageGraph, layoutWith } from "../support/image_graph.ts";
import { type Outcome, run } from "../support/process.ts";
import { keyFiles } from "../support/signing.ts";
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

const ATTESTED = ["verify-attestation", ...VERIFY.slice(1)];

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

/** Something that is said of an image, by the names that cosign has for such things. */
const PREDICATES: Readonly<Record<string, unknown>> = {
  spdxjson: { spdxVersion: "SPDX-2.3", SPDXID: "SPDXRef-DOCUMENT" },
  spdx: "SPDXVersion: SPDX-2.3\n",
  cyclonedx: { bomFormat: "CycloneDX", specVersion: "1.6", version: 1 },
  slsaprovenance: { builder: { id: "urn:builder" }, buildType: "urn:type" },
  slsaprovenance1: { buildDefinition: { buildType: "urn:type" }, runDetails: {} },
  vuln: { scanner: { uri: "urn:scanner" }, metadata: { scanStartedOn: "2026-01-02T03:04:05Z" } },
  link: { name: "step", materials: {}, products: {}, byproducts: {}, command: [] },
  openvex: { "@context": "https://openvex.dev/ns/v0.2.0", statements: [] },
  custom: "released by somebody\n",
  "https://example.com/approval/v1": { by: "somebody" },
};

Deno.test({
  name: "trust: cosign verifies what kodeno says of images, of each type and in both forms",
  ...needs("docker-registry"),
  async fn() {
    await using trust = await openTrust();
    const { dir, done, kodeno, cosign2, cosign3 } = trust;
    await using registry = await startRegistry();
    // Where there are bundles cosign 2 does not look at the old form.
    await layoutWith(dir, "new", { "reg.local/team/app:v1": imageGraph() });
    await layoutWith(dir, "old", { "reg.local/team/old:v1": imageGraph("old") });
    const { key } = await keyFiles(dir, "plain");
    const said = { key, askPassword: () => Promise.resolve("") };
    for (const [i, [type, predicate]] of Object.entries(PREDICATES).entries()) {
      const text = typeof predicate === "string" ? predicate : JSON.stringify(predicate);
      const file = await dir.write(`predicate-${i}`, text);
      for (const [place, form] of [["new", "bundle"], ["old", "legacy"]] as const) {
        const what = { place: dir.join(place), predicate: file, type, forms: [form] };
        const [first] = await attest({ ...said, ...what });
        const [again] = await attest({ ...said, ...what });
        assert.deepEqual([first?.isNew, again?.isNew], [true, false], `${type} ${form}`);
        assert.equal(again?.signature, first?.signature);
      }
    }
    await done(kodeno("push", "old", "--to", registry.host));
    await using served = await startServe(dir.join("new"));
    const types = Object.keys(PREDICATES);
    await Promise.all(types.map(async (type) => {
      const check = [...ATTESTED, "--key", "plain.pub", "--type", type];
      const statement = await done(cosign3(...check, `${served.host}/team/app:v1`));
      // Both forms of SPDX are of one type, and cosign adds to what a scanner says.
      if (type === "spdx" || type === "vuln") return;
      const told = PREDICATES[type];
      const said = envelopes(statement).map((text) => JSON.parse(text).predicate);
      assert.deepEqual(said, [type === "custom" ? { Data: told } : told], type);
    }));
    const old = `${registry.host}/team/old:v1`;
    for (const type of types) {
      const check = [...ATTESTED, "--key", "plain.pub", "--type", type, old];
      await done(cosign2(...check));
      if (type === "spdx" || type === "custom") await done(cosign3(...check));
    }
    const attestations = types.flatMap((type) => ["--attestation", type]);
    for (const image of [old, "old", "new"]) {
      await done(kodeno("verify", image, "--key", "plain.pub", ...attestations));
    }
    // Nobody else has said it.
    const other = await kodeno("verify", old, "--key", "theirs.pub", "--attestation", "vuln");
    assert.equal(other.code, 1, other.stderr);
    const never = await cosign2(...ATTESTED, "--key", "theirs.pub", "--type", "vuln", old);
    assert.notEqual(never.code, 0);
  },
});

Deno.test({
  name: "trust: kodeno verifies what cosign says of images, in both forms",
  ...needs("docker-registry"),
  async fn() {
    await using trust = await openTrust();
    const { dir, done, kodeno, cosign2, cosign3 } = trust;
    await using registry = await startRegistry();
    await layout(dir);
    await dir.write("vex.json", JSON.stringify(PREDICATES["openvex"]));
    const say = ["attest", "-y", "--tlog-upload=false", "--allow-http-registry"];
    const what = ["--key", "theirs.key", "--predicate", "vex.json", "--type", "openvex"];
    const signing = [["old", cosign2, []], ["young", cosign3, [
      "--use-signing-config=false",
    ]]] as const;
    for (const [name, cosign, more] of signing) {
      const image = `${registry.host}/team/${name}:v1`;
      await done(kodeno("copy", "oci:out", image));
      await done(cosign(...say, ...more, ...what, image));
      const check = ["verify", image, "--key", "theirs.pub", "--attestation"];
      await done(kodeno(...check, "openvex"));
      const other = await kodeno(...check, "vuln");
      assert.equal(other.code, 1);
      assert.match(other.stderr, /no key that was given has signed a statement of type .*vuln/);
    }
  },
});

Deno.test({
  name: "trust: kodeno verifies what cosign signs with keys of other kinds",
  ...needs("docker-registry"),
  async fn() {
    await using trust = await openTrust();
    const { dir, done, kodeno, cosign2, cosign3 } = trust;
    await using registry = await startRegistry();
    await layout(dir);
    const pairs = {
      "p-384": generateKeyPairSync("ec", { namedCurve: "P-384" }),
      // Over a hash (Ed25519ph), as cosign has it.
      ed25519: generateKeyPairSync("ed25519"),
      rsa: generateKeyPairSync("rsa", { modulusLength: 2048 }),
    };
    for (const [kind, { privateKey }] of Object.entries(pairs)) {
      await dir.write(`${kind}.pem`, `${privateKey.export({ format: "pem", type: "pkcs8" })}`);
      const prefix = ["--output-key-prefix", kind];
      await done(cosign3("import-key-pair", "-y", "--key", `${kind}.pem`, ...prefix));
      const sign = ["sign", "-y", "--tlog-upload=false", "--allow-http-registry", "--key"];
      for (const [form, cosign] of [["old", cosign2], ["young", cosign3]] as const) {
        const image = `${registry.host}/team/${kind}-${form}:v1`;
        await done(kodeno("copy", "oci:out", image));
        const more = form === "young" ? ["--use-signing-config=false"] : [];
        await done(cosign(...sign, `${kind}.key`, ...more, image));
        await done(kodeno("verify", image, "--key", `${kind}.pub`));
        assert.equal((await kodeno("verify", image, "--key", "kodeno.pub")).code, 1);
      }
    }
  },
});

/** The statements that cosign prints, one envelope a line. */
function envelopes(printed: string): readonly string[] {
  return printed.split("\n").filter((line) => line.startsWith("{"))
    .map((line) => Buffer.from(JSON.parse(line).payload, "base64").toString());
}
