/**
 * `kodeno rebuild`: an image is the same when it is built again elsewhere, and another one when its
 * sources are; and what it refuses.
 * @module
 */
import assert from "node:assert/strict";
import { openLayout } from "../../src/place/layout/layout.ts";
import { statementAttachment } from "../../src/trust/provenance.ts";
import { keepAttachments } from "../../src/trust/attachment.ts";
import { PROVENANCE } from "../../src/trust/statement.ts";
import { startRegistry } from "../parts/registry.ts";
import { goTool, needs } from "../parts/tools.ts";
import { goModule, printer } from "../support/go_module.ts";
import { GitRepository } from "../support/git_repository.ts";
import { kodeno } from "../support/kodeno.ts";
import { digestIn, fingerprint, provenanceIn } from "../support/layout.ts";
import { succeed } from "../support/process.ts";
import { type TempDir, tempDir } from "../support/temp.ts";

/** A repository with two modules, of which a program in a folder is built. */
async function checkout(dir: TempDir): Promise<GitRepository> {
  const repository = new GitRepository(dir);
  await repository.git("init", "--quiet", "--initial-branch=main");
  await goModule(dir, "example.com/team/app", {
    "cmd/app/main.go": printer("hello"),
    "cmd/app/kodata/text.txt": "text\n",
  }, "services/app");
  return await repository.commit("initial");
}

/** Everything that shapes an image, in one build or the other. */
const SHAPED = [
  ...["--flags=-tags=netgo", "--ldflags", "-s -X main.version={{.Git.ShortCommit}}-{{.Env.WHO}}"],
  ...["--image-label", "team=blue", "--image-annotation", "a=b", "--image-env", "LEVEL=info"],
  ...["--image-user", "1000", "--entrypoint-arg=-x", "--expose", "8080", "--compression=gzip:5"],
  ...["--env", "GOEXPERIMENT=", "--platform", "linux/amd64,linux/arm64"],
];

Deno.test("rebuild: the same from a clone in another place, offline, and another one when changed", async () => {
  await using dir = await tempDir();
  await using elsewhere = await tempDir();
  const repository = await checkout(dir);
  await goModule(elsewhere, "example.com/base", { "main.go": printer("base") }, "base");
  const platforms = ["--platform", "linux/amd64,linux/arm64"];
  const base = ["build", "-t", "v1", "--oci-layout", "../bases", ...platforms];
  const inBase = async (args: readonly string[]) => {
    const { code, stderr } = await kodeno(args, { cwd: elsewhere.join("base") });
    assert.equal(code, 0, stderr);
  };
  await inBase(base);
  const app = dir.join("services/app");
  const settings = "defaultLdflags: [-w]\nbuilds:\n- main: ./cmd/app\n" +
    "  linux_capabilities: [net_bind_service]\n";
  await dir.write("services/app/.ko.yaml", settings);
  await repository.commit("settings");
  const out = elsewhere.join("out");
  const bases = ["--base-image", `oci:${elsewhere.join("bases")}`];
  const environment = {
    WHO: "me",
    SOURCE_DATE_EPOCH: "1700000000",
    KO_DATA_DATE_EPOCH: "1600000000",
    GOFLAGS: "-buildvcs=true",
  };
  const built = await kodeno(
    ["build", "./cmd/app", "--provenance", "--oci-layout", out, ...SHAPED, ...bases],
    { cwd: app, env: environment },
  );
  assert.equal(built.code, 0, built.stderr);
  // The name of the base stands for another image now.
  await inBase(["tag", "../bases", "base:v1", "base:old"]);
  await inBase([...base, "--image-label", "newer=true"]);
  await succeed("git", ["clone", "--quiet", dir.path, elsewhere.join("clone")]);
  const clone = elsewhere.join("clone");
  await Deno.writeTextFile(`${clone}/services/app/.ko.yaml`, settings);
  const before = await fingerprint(out);
  const again = async (...more: string[]) =>
    await kodeno(["rebuild", out, "--source", clone, "--offline", ...bases, ...more], {
      cwd: elsewhere.path,
      env: { WHO: "me", GOFLAGS: "-tags=other", GOAMD64: "v4", KO_DEFAULTPLATFORMS: "linux/s390x" },
    });
  const same = await again("--no-cache");
  assert.equal(same.code, 0, same.stderr);
  assert.equal(digestIn(same.stdout), digestIn(built.stdout));
  assert.match(same.stderr, /Built again, and the same: sha256:/);
  assert.ok(!same.stderr.includes("Warning"), same.stderr);

  await Deno.writeTextFile(`${clone}/services/app/cmd/app/main.go`, printer("hallo"));
  const changed = await again("--json");
  assert.equal(changed.code, 1);
  assert.match(changed.stderr, /^Warning: .*: files of .*clone are changed or not tracked/m);
  const [line = "{}"] = changed.stdout.split("\n");
  const { digest, rebuilt, isSame, difference } = JSON.parse(line);
  assert.equal(digest, digestIn(built.stdout));
  assert.notEqual(rebuilt, digest);
  assert.equal(isSame, false);
  const first =
    /^linux\/\w+: layer of the binary: \/ko-app\/app: setting vcs\.modified: false -> true$/;
  assert.match(difference, first);
  assert.match(
    changed.stderr,
    /^Error: .* is not what is built here, sha256:\w+: linux\/\w+: layer /m,
  );
  assert.deepEqual(await fingerprint(out), before, "no image is written");
});

const pushed = "rebuild: of a registry, on a base of a registry, which is only in the cache now";
Deno.test({ name: pushed, ...needs("docker-registry") }, async () => {
  await using dir = await tempDir();
  await checkout(dir);
  await using registry = await startRegistry();
  const cwd = dir.join("services/app");
  const env = { KO_DOCKER_REPO: `${registry.host}/team`, KO_DEFAULTBASEIMAGE: "scratch" };
  const run = async (args: readonly string[], more = {}) => {
    const outcome = await kodeno(args, { cwd, env: { ...env, ...more } });
    assert.equal(outcome.code, 0, outcome.stderr);
    return outcome.stdout;
  };
  await run(["build", "./cmd/app", "--push", "-B", "-t", "base"]);
  const base = `${registry.host}/team/app:base`;
  const args = ["build", "./cmd/app", "--push", "-B", "-t", "v1", "--provenance"];
  const built = digestIn(await run(args, { KO_DEFAULTBASEIMAGE: base }));
  // The tag moves on; the digest that was recorded holds.
  await run(["build", "./cmd/app", "--push", "-B", "-t", "base", "--image-label", "a=b"]);
  const image = `${registry.host}/team/app:v1`;
  assert.equal(digestIn(await run(["rebuild", image])), built);
  await run(["copy", image, "oci:../../out"]);
  await run(["rebuild", "../../out", "--offline"]);

  // cosign signs what it says, as a statement of its own, and finds that again.
  const { predicate } = JSON.parse(await provenanceIn(dir.join("out"), built));
  await dir.write("predicate.json", JSON.stringify(predicate));
  const cosign = async (...args: readonly string[]) =>
    await succeed(await goTool("cosign3"), args, {
      cwd: dir.path,
      env: { HOME: dir.path, PATH: Deno.env.get("PATH") ?? "", COSIGN_PASSWORD: "" },
    });
  await cosign("generate-key-pair");
  const about = ["--allow-http-registry", "--type", "slsaprovenance1", image];
  const attest = [
    "attest",
    "--key=cosign.key",
    "--predicate=predicate.json",
    "--tlog-upload=false",
  ];
  await cosign(...attest, "--use-signing-config=false", "-y", ...about);
  await cosign("verify-attestation", "--key=cosign.pub", "--insecure-ignore-tlog", ...about);
  assert.equal(digestIn(await run(["rebuild", image, "--key", "../../cosign.pub"])), built);

  // Those of another registry than the image's are asked where a file of the checkout names it.
  const fresh = { KODENO_CACHE: dir.join("fresh"), KO_DEFAULTBASEIMAGE: "" };
  const refused = await kodeno(["rebuild", "../../out"], { cwd, env: { ...env, ...fresh } });
  assert.equal(refused.code, 1);
  assert.match(
    refused.stderr,
    /^Error: Cannot use base image .*: it is not in the cache, and prov/m,
  );
  await dir.write("services/app/.ko.yaml", `defaultBaseImage: ${registry.host}/other\n`);
  assert.equal(digestIn(await run(["rebuild", "../../out"], fresh)), built);
});

Deno.test("rebuild: what a key has signed may say anything, and nothing else may", async () => {
  await using dir = await tempDir();
  await checkout(dir);
  const env = { KODENO_KEY_PASSWORD: "secret", MY_TOKEN: "s3cret" };
  const run = (...args: string[]) => kodeno(args, { cwd: dir.join("services/app"), env });
  const works = async (...args: string[]) => {
    const outcome = await run(...args);
    assert.equal(outcome.code, 0, outcome.stderr);
    return outcome.stdout;
  };
  const fails = async (code: number, why: RegExp, ...args: string[]) => {
    const outcome = await run("rebuild", ...args);
    assert.equal(outcome.code, code, outcome.stderr);
    assert.match(outcome.stderr, why);
    assert.equal(outcome.stderr.match(/^Error: /gm)?.length, 1, outcome.stderr);
  };
  for (const name of ["release", "other"]) await works("key", "new", "--output", name);
  await works(...["build", "./cmd/app", "-t", "none", "--oci-layout", "../../out"]);
  const args = ["build", "./cmd/app", "-t", "v1", "--oci-layout", "../../out", "--provenance"];
  const more = ["--env", "CC=mycc", "--env", "MY_TOKEN=s3cret", "--image-label", "a=b"];
  const built = digestIn(await works(...args, ...more));
  await fails(2, /\.\.\/\.\.\/out again: it has 2; name one/, "../../out");
  await fails(1, /Cannot build app:none again: it has no provenance/, "../../out", "app:none");
  await fails(1, /its variable "CC" may run programs; say with --key/, "../../out", "app:v1");
  const signed = ["../../out", "app:v1", "--key", "release.pub"];
  await fails(1, /no key that was given has signed its provenance/, ...signed);
  await works("sign", "../../out", "app:v1", "--key", "release.key", "--recursive");
  await fails(1, /no key that was given has signed/, ...signed.slice(0, 2), "--key", "other.pub");
  assert.equal(digestIn(await works("rebuild", ...signed)), built);
  await fails(2, /there is no folder services\/app; name the checkout/, ...signed, "--source", "/");
  await fails(
    1,
    /Cannot use base image scratch|is not what is built/,
    ...signed,
    "--base-image=scratch",
  );
  // A go that is no other, whatever it is told.
  await dir.write("go", '#!/bin/sh\necho \'{"GOVERSION":"go1.2.3","GOROOT":"/x"}\'\n');
  await Deno.chmod(dir.join("go"), 0o755);
  const odd = await kodeno(["rebuild", ...signed], {
    cwd: dir.join("services/app"),
    env: { ...env, KO_GO_PATH: dir.join("go") },
  });
  assert.equal(odd.code, 1);
  assert.match(odd.stderr, /it was built with go1\.[\d.]+, and here is go1\.2\.3; install go1/);
});

Deno.test("rebuild: provenance leads neither out of the checkout nor to other packages", async () => {
  await using dir = await tempDir();
  await checkout(dir);
  const cwd = dir.join("services/app");
  const { code, stdout, stderr } = await kodeno(
    ["build", "./cmd/app", "--provenance", "--oci-layout", "../../out"],
    { cwd },
  );
  assert.equal(code, 0, stderr);
  const digest = digestIn(stdout);
  const statement = JSON.parse(await provenanceIn(dir.join("out"), digest));
  const { externalParameters } = statement.predicate.buildDefinition;
  const cases: readonly (readonly [said: object | string, code: number, why: RegExp])[] = [
    [{ directory: "../.." }, 2, /folder \.\.\/\.\. of its provenance is not in it/],
    [{ directory: "/" }, 2, /folder \/ of its provenance is not in it/],
    [{ package: "example.com/team/app/..." }, 2, /is not one main package/],
    [{ package: "-toolexec=x" }, 2, /neither an import path nor a folder/],
    [{ platforms: ["linux/../x"] }, 2, /linux\/\.\.\/x/],
    [{ base: "oci:nosuch" }, 2, /nosuch/],
    [{ base: "oci:../../../bases" }, 1, /it is not in the checkout, and .* say --base-image oci:/],
    [
      { base: "evil.test/base:v1" },
      1,
      /evil.test\/base:v1 .*: it is not in the cache, and provenance that/,
    ],
    [{ flags: ["-toolexec=x"] }, 1, /may run programs/],
    [{ compression: "brotli" }, 2, /brotli/],
    [{ env: 1 }, 1, /externalParameters\.env: /],
    ["no JSON", 1, /not JSON/],
  ];
  for (const [said, exit, why] of cases) {
    Object.assign(statement.predicate.buildDefinition, {
      externalParameters: { ...externalParameters, ...typeof said === "string" ? {} : said },
    });
    const text = typeof said === "string" ? said : JSON.stringify(statement);
    await withProvenance(dir.join("out"), digest, text);
    const outcome = await kodeno(["rebuild", "../../out"], { cwd });
    assert.match(outcome.stderr, why);
    assert.equal(outcome.code, exit, outcome.stderr);
    assert.equal(outcome.stderr.match(/^Error: /gm)?.length, 1, outcome.stderr);
  }
});

Deno.test("rebuild: by provenance in the index, and by what is under the tag .att", async () => {
  await using dir = await tempDir();
  await checkout(dir);
  const env = { KODENO_KEY_PASSWORD: "secret" };
  const run = (...args: string[]) => kodeno(args, { cwd: dir.join("services/app"), env });
  const works = async (...args: string[]) => {
    const outcome = await run(...args);
    assert.equal(outcome.code, 0, outcome.stderr);
    return outcome.stdout;
  };
  const ends = async (code: number, why: RegExp, ...args: string[]) => {
    const outcome = await run(...args);
    assert.equal(outcome.code, code, outcome.stderr);
    assert.match(outcome.stderr, why);
  };
  await works("key", "new", "--output", "release");
  const platforms = ["--platform", "linux/amd64,linux/arm64"];
  const build = ["build", "./cmd/app", "--provenance"];
  const built = digestIn(
    await works(...build, ...platforms, "--attest-in-index", "--oci-layout", "../../in"),
  );
  assert.equal(digestIn(await works("rebuild", "../../in")), built);
  const attested = ["../../in", "--key", "release.pub", "--attestation", "slsaprovenance1"];
  await ends(1, /no key that was given has signed/, "rebuild", ...attested.slice(0, 3));
  await ends(1, /no key that was given has signed it/, "verify", ...attested);
  await works("sign", "../../in", "--key", "release.key");
  await works("verify", ...attested);
  await ends(
    1,
    /has signed a statement of type .*openvex/,
    "verify",
    ...attested,
    "--attestation=openvex",
  );
  assert.equal(digestIn(await works("rebuild", ...attested.slice(0, 3))), built);

  const beside = digestIn(await works(...build, "--oci-layout", "../../beside"));
  const { predicate } = JSON.parse(await provenanceIn(dir.join("beside"), beside));
  await dir.write("predicate.json", JSON.stringify(predicate));
  const bare = ["build", "./cmd/app", "--oci-layout", "../../bare"];
  assert.equal(digestIn(await works(...bare)), beside);
  const about = ["--predicate", "../../predicate.json", "--type", "slsaprovenance1"];
  await works("attest", "../../bare", ...about, "--key", "release.key", "--format", "legacy");
  await ends(1, /say with --key FILE who has signed it/, "rebuild", "../../bare");
  assert.equal(digestIn(await works("rebuild", "../../bare", "--key", "release.pub")), beside);
});

/** Puts another statement beside an image, in the place of the one that is there. */
async function withProvenance(layout: string, digest: string, text: string): Promise<void> {
  using place = await openLayout(layout);
  const entries = await place.entries();
  const root = entries.find((entry) => entry.digest === digest);
  assert.ok(root);
  await place.change((all) => all.filter(({ artifactType }) => artifactType === undefined));
  const bytes = new TextEncoder().encode(text);
  const made = statementAttachment({ image: root, predicateType: PROVENANCE, bytes });
  await keepAttachments([made], place);
}
