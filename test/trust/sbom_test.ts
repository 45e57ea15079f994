/**
 * `kodeno sbom`: what it tells of real images, whether others take it for what it says it is, and wrong
 * input.
 * @module
 */
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { zstdCompressSync } from "node:zlib";
import { digestOf } from "../../src/io/hash.ts";
import { MediaType } from "../../src/oci/descriptor.ts";
import { openLayout } from "../../src/place/layout/layout.ts";
import { type OddRule, refusal, startOddRegistry } from "../interop/odd_registry.ts";
import { python } from "../parts/python.ts";
import { startRegistry } from "../parts/registry.ts";
import { needs } from "../parts/tools.ts";
import { goModule, printer } from "../support/go_module.ts";
import { blob, image, imageGraph, jsonBlob, layoutWith, pushAll } from "../support/image_graph.ts";
import { done, kodeno } from "../support/kodeno.ts";
import { digestIn, fileOf, fingerprint } from "../support/layout.ts";
import { succeed } from "../support/process.ts";
import { names, type TempDir, tempDir } from "../support/temp.ts";

const VALIDATE_CYCLONEDX = `
import sys
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
for name in sys.argv[1:]:
    fault = JsonStrictValidator(SchemaVersion.V1_6).validate_str(open(name).read())
    if fault: sys.exit(name + ": " + str(fault))
`;

/** As a go of before 1.25. */
const OLD_GO = `#!/bin/sh
case "$*" in
version*-json*) echo "flag provided but not defined: -json" >&2; exit 2 ;;
esac
exec go "$@"
`;

/** An image for two platforms in `out`, of a module that a folder replaces a part of. */
async function built(dir: TempDir): Promise<string> {
  await goModule(dir, "example.com/team/app", {
    "cmd/app/main.go": 'package main\n\nimport "example.com/lib_x"\n\nfunc main() { lib.Say() }\n',
    "cmd/app/kodata/text.txt": "hello\n",
  });
  await goModule(
    dir,
    "example.com/lib_x",
    { "lib.go": 'package lib\n\nfunc Say() { println("said") }\n' },
    "lib",
  );
  const needs = "require example.com/lib_x v1.2.3\nreplace example.com/lib_x => ./lib\n";
  await Deno.writeTextFile(dir.join("go.mod"), needs, { append: true });
  return await done(dir, ["build", "./cmd/app", "--platform", "linux/amd64,linux/arm64"]);
}

Deno.test("sbom: both forms are valid, and tell what is in the image", async () => {
  await using dir = await tempDir();
  const root = digestIn(await built(dir));
  const env = { GOPROXY: "https://user:secret@proxy.test/go,direct", GOFLAGS: "" };
  for (const form of ["spdx", "cyclonedx"]) {
    await done(dir, ["sbom", "out", "--format", form, "--sbom-dir", "sboms"], env);
  }
  const files = await names(dir.join("sboms"));
  const stems = ["index", "linux-amd64", "linux-arm64"].map((one) => `app-${one}`);
  assert.deepEqual(files, stems.flatMap((one) => [`${one}.cdx.json`, `${one}.spdx.json`]));
  const paths = files.map((name) => dir.join("sboms", name));
  for (const path of paths.filter((one) => one.endsWith("spdx.json"))) {
    await python(["-m", "spdx_tools.spdx.clitools.pyspdxtools", "-i", path]);
  }
  await python(["-c", VALIDATE_CYCLONEDX, ...paths.filter((one) => one.endsWith("cdx.json"))]);

  const program = createHash("sha256")
    .update(await fileOf(dir.join("out"), "latest", "ko-app/app", "linux/arm64")).digest("hex");
  const read = async (name: string) => JSON.parse(await Deno.readTextFile(dir.join("sboms", name)));
  const spdx = await read("app-linux-arm64.spdx.json");
  const named = (name: string) =>
    spdx.packages.find((one: { readonly name: string }) => one.name === name);
  assert.equal(named("example.com/lib_x").SPDXID, "SPDXRef-Package-example.com-lib-x");
  assert.match(named("example.com/lib_x").sourceInfo, /replaces it by the folder \.\/lib/);
  assert.equal(named("example.com/lib_x").downloadLocation, "NOASSERTION");
  assert.match(JSON.stringify(named("stdlib")), /cpe:2\.3:a:golang:go:1\./);
  assert.match(named("static").versionInfo, /^sha256:/);
  assert.deepEqual(
    spdx.files.map((one: { readonly fileName: string }) => one.fileName),
    ["./ko-app/app", "./var/run/ko/text.txt"],
  );
  assert.ok(JSON.stringify(spdx.files[0]).includes(program));
  const index = await read("app-index.spdx.json");
  assert.equal(index.name, `sbom-${root}`);
  const cyclone = await read("app-linux-arm64.cdx.json");
  const application = "pkg:golang/example.com/team/app?goarch=arm64&goos=linux&type=module#cmd/app";
  assert.ok(JSON.stringify(spdx.packages).includes(application));
  const { dependsOn } = cyclone.dependencies.find((one: { readonly ref: string }) =>
    one.ref === application
  );
  assert.equal(dependsOn[0], "pkg:golang/example.com/lib_x?type=module");
  assert.match(dependsOn[1], /^pkg:golang\/stdlib@1\./);
  for (const path of paths) assert.ok(!(await Deno.readTextFile(path)).includes("secret"), path);
});

Deno.test("sbom: attached once, beside an image that stays what it was", async () => {
  await using dir = await tempDir();
  const root = digestIn(await built(dir));
  await done(dir, ["sbom", "out", "app", "--attach"]);
  const once = await fingerprint(dir.join("out"));
  await done(dir, ["sbom", "out", "--attach"]);
  assert.deepEqual(await fingerprint(dir.join("out")), once);
  const lines = (await done(dir, ["inspect", "out", "--json"])).split("\n");
  const image = lines.map((line) => JSON.parse(line)).find(({ digest }) => digest === root);
  const types = [image, ...image.manifests].map(({ referrers: [one] }) => one.artifactType);
  assert.deepEqual(types, Array(3).fill("application/spdx+json"));
  // What was attached is what is printed afterwards.
  const [{ layers: [layer] }] = image.manifests[0].referrers;
  const text = await done(dir, ["sbom", "out", "--platform", "linux/amd64"]);
  const digest = createHash("sha256").update(`${text}\n`).digest("hex");
  assert.equal(layer.digest, `sha256:${digest}`);
  await done(dir, ["verify", "out"]);
});

Deno.test("sbom: a build makes the same, where it is asked to, and again without a look at layers", async () => {
  await using dir = await tempDir();
  const plain = digestIn(await built(dir));
  const args = ["build", "./cmd/app", "--platform", "linux/amd64,linux/arm64"];
  const forms = ["--sbom", "spdx", "--sbom=cyclonedx", "--sbom-dir"];
  assert.equal(digestIn(await done(dir, [...args, ...forms, "built"])), plain);
  const once = await fingerprint(dir.join("out"));
  const files = await fingerprint(dir.join("built"));
  assert.equal(Object.keys(files).length, 6);
  for (const form of ["spdx", "cyclonedx"]) {
    await done(dir, ["sbom", "out", "--format", form, "--sbom-dir", "after", "--attach"]);
  }
  assert.deepEqual(await fingerprint(dir.join("after")), files);
  assert.deepEqual(await fingerprint(dir.join("out")), once, "what was attached is there");
  for (const more of [[], ["--no-cache"], ["--offline"]]) {
    await done(dir, [...args, ...forms, `again${more}`, ...more]);
    assert.deepEqual(await fingerprint(dir.join(`again${more}`)), files, more[0]);
  }
});

Deno.test("sbom: .ko.yaml says which, a flag beats it, and an archive for docker load has none", async () => {
  await using dir = await tempDir();
  await goModule(dir, "example.com/app", { "main.go": printer("hello") });
  await dir.write(".ko.yaml", "sbom: [cyclonedx, spdx]\n");
  const listed = async (place: string) => (await done(dir, ["ls", place])).split("\n").slice(1);
  const beside = /^- (spdx|cyclonedx) sbom of app:latest +sha256:/;
  await done(dir, ["build", "--oci-layout", "both", "--tarball", "app.tar"]);
  assert.deepEqual((await listed("both")).map((line) => beside.exec(line)?.[1]).sort(), [
    "cyclonedx",
    "spdx",
  ]);
  assert.deepEqual(await listed("app.tar"), []);
  await done(dir, ["build", "--oci-layout", "none", "--sbom", "none"]);
  assert.deepEqual(await listed("none"), []);
  await dir.write(".ko.yaml", "sbom: x\n");
  const { code, stderr } = await kodeno(["build"], { cwd: dir.path });
  assert.equal(code, 2);
  assert.match(stderr, /Cannot use sbom of \.ko\.yaml "x": say spdx, cyclonedx, or none/);
});

const pushed = "sbom: pushed beside its image unless none is asked for, where a registry lists it";
Deno.test({ name: pushed, ...needs("docker-registry") }, async () => {
  await using dir = await tempDir();
  await goModule(dir, "example.com/app", { "main.go": printer("hello") });
  await using registry = await startRegistry();
  const env = { KO_DOCKER_REPO: `${registry.host}/team` };
  await done(dir, ["build", "--push", "-B", "--sbom", "none", "-t", "none"], env);
  await done(dir, ["copy", `${env.KO_DOCKER_REPO}/app:none`, "oci:none"]);
  assert.equal((await done(dir, ["ls", "none"])).split("\n").length, 1);
  const built = await done(dir, ["build", "--push", "-B"], env);
  const image = `${registry.host}/team/app:latest`;
  await done(dir, ["copy", image, "oci:pulled"]);
  const [, line] = (await done(dir, ["ls", "pulled"])).split("\n");
  assert.match(line ?? "", /^- spdx sbom of /);
  const text = await done(dir, ["sbom", image]);
  assert.ok(text.includes(digestIn(built)));
});

Deno.test("sbom: a registry that takes images alone gets these, unless an SBOM is asked for", async () => {
  await using dir = await tempDir();
  await goModule(dir, "example.com/app", { "a/main.go": printer("a"), "b/main.go": printer("b") });
  const takesImages: OddRule = {
    method: "PUT",
    url: "/manifests/",
    answer: ({ body }, usual) =>
      new TextDecoder().decode(body).includes('"subject"')
        ? refusal(400, "MANIFEST_INVALID", "no image")
        : usual(),
  };
  await using registry = await startOddRegistry([takesImages]);
  const how = { cwd: dir.path, env: { KO_DOCKER_REPO: `${registry.host}/team` } };
  const push = ["build", "--push", "-B", "./..."];
  const { code, stderr } = await kodeno(push, how);
  assert.equal(code, 0, stderr);
  const [warning = "", ...more] = stderr.split("\n").filter((line) => line.includes("SBOM"));
  assert.match(warning, /^Warning: images are pushed without SBOMs.*MANIFEST_INVALID.*--sbom none/);
  assert.deepEqual(more, []);
  const tags = [...registry.manifests.keys()].filter((name) => name.endsWith(":latest"));
  assert.deepEqual(tags.sort(), ["team/a:latest", "team/b:latest"]);
  const asked = await kodeno([...push, "--sbom", "spdx"], how);
  assert.equal(asked.code, 1);
  assert.match(asked.stderr, /^Error: Cannot push .*MANIFEST_INVALID/m);
});

Deno.test("sbom: programs of one name do not write over each other's files", async () => {
  await using dir = await tempDir();
  const text = printer("hello");
  await goModule(dir, "example.com/app", { "a/app/main.go": text, "b/app/main.go": text });
  const outcome = await kodeno(["build", "./...", "--sbom-dir", "sboms"], { cwd: dir.path });
  assert.equal(outcome.code, 2);
  assert.match(outcome.stderr, /those of example\.com\/app\/a\/app and example\.com\/app\/b\/app/);
  const file = await kodeno(["build", "./a/app", "--sbom-dir", "go.mod"], { cwd: dir.path });
  assert.equal(file.code, 2);
  assert.match(file.stderr, /^Error: Cannot write SBOMs to go\.mod: it is no folder/m);
  const made = (await names(dir.path)).filter((name) => name === "sboms" || name === "out");
  assert.deepEqual(made, []);
  // An archive alone has no room for them.
  const archive = ["build", "./a/app", "--sbom", "spdx", "--tarball", "app.tar"];
  const { stderr } = await kodeno(archive, { cwd: dir.path });
  assert.match(stderr, /^Warning: no SBOM is kept: .*--sbom-dir DIR$/m);
});

Deno.test("sbom: of an archive, and at a time that is said", async () => {
  await using dir = await tempDir();
  await goModule(dir, "example.com/app", { "main.go": printer("hello") });
  await done(dir, ["build", "--oci-layout", "out", "--tarball", "app.tar"]);
  const env = { SOURCE_DATE_EPOCH: "1700000000" };
  const [ofLayout, ofArchive] = [
    await done(dir, ["sbom", "out"], env),
    await done(dir, ["sbom", "app.tar", "app:latest"], env),
  ];
  const { creationInfo } = JSON.parse(ofLayout);
  assert.equal(creationInfo.created, "2023-11-14T22:13:20Z");
  assert.equal(ofArchive, ofLayout);
  await done(dir, ["sbom", "app.tar", "--attach"]);
  const once = await fingerprint(dir.path);
  await done(dir, ["sbom", "app.tar", "--attach"]);
  assert.deepEqual(await fingerprint(dir.path), once);
  assert.match(await done(dir, ["ls", "app.tar"]), /^- spdx sbom of app:latest /m);
});

Deno.test("sbom: images of one program do not write over each other's files", async () => {
  await using dir = await tempDir();
  await goModule(dir, "example.com/app", { "main.go": printer("one") });
  await done(dir, ["build", "-t", "v1"]);
  await dir.write("main.go", printer("two"));
  await done(dir, ["build", "-t", "v2"]);
  const both = await kodeno(["sbom", "out", "--sbom-dir", "sboms"], { cwd: dir.path });
  assert.match(both.stderr, /would both be app-linux-amd64\.spdx\.json; say a name/);
  assert.equal(both.code, 2);
  await done(dir, ["tag", "out", "app:v2", "app:v3"]);
  await done(dir, ["rm", "out", "app:v1"]);
  await done(dir, ["sbom", "out", "--sbom-dir", "sboms"]);
  assert.deepEqual(await names(dir.join("sboms")), ["app-linux-amd64.spdx.json"]);
});

Deno.test("sbom: a program that go has not built is listed, and said to tell nothing", async () => {
  await using dir = await tempDir();
  await dir.write("root/bin/tool", new Uint8Array([0x7f, 0x45, 0x4c, 0x46, 1, 2, 3]));
  await dir.write("root/etc/text", "text\n");
  await succeed("chmod", ["755", dir.join("root/bin/tool")]);
  await succeed("tar", ["-C", dir.join("root"), "-cf", dir.join("layer.tar"), "bin", "etc"]);
  const layer = blob(await Deno.readFile(dir.join("layer.tar")));
  const { manifest, config } = image({ os: "linux", architecture: "amd64" }, [layer]);
  using layout = await openLayout(dir.join("out"), { create: true });
  await pushAll(layout, [layer, config, manifest]);
  await layout.tag(manifest.descriptor, "tool:v1");
  const { stdout, stderr } = await kodeno(["sbom", "out"], { cwd: dir.path });
  assert.match(stderr, /^Note: no program in sha256:\w+ says what it is made of/m);
  assert.equal(JSON.parse(stdout).packages.length, 1);
  assert.equal(JSON.parse(stdout).name, `sbom-${manifest.descriptor.digest}`);
  // What is not there is not passed over in silence.
  const away = blob("away", "application/vnd.oci.image.layer.nondistributable.v1.tar+gzip");
  const { manifest: lacking, config: of } = image({ os: "windows", architecture: "amd64" }, [away]);
  await pushAll(layout, [of, lacking]);
  await layout.tag(lacking.descriptor, "lacking:v1");
  const partial = await kodeno(["sbom", "out", "lacking"], { cwd: dir.path });
  assert.equal(partial.code, 0, partial.stderr);
  assert.match(
    partial.stderr,
    /^Note: the foreign layer sha256:\w+ of sha256:\w+ is not looked into/m,
  );
  await done(dir, ["rm", "out", "lacking:v1"]);
  // What is no image is left out of all, and refused where it is named.
  const chart = jsonBlob({ name: "chart" }, "application/vnd.cncf.helm.config.v1+json");
  const ofChart = jsonBlob({
    schemaVersion: 2,
    mediaType: MediaType.manifest,
    config: chart.descriptor,
    layers: [],
  }, MediaType.manifest);
  await pushAll(layout, [chart, ofChart]);
  await layout.tag(ofChart.descriptor, "chart:v1");
  const all = await kodeno(["sbom", "out", "--sbom-dir", "sboms"], { cwd: dir.path });
  assert.equal(all.code, 0, all.stderr);
  assert.match(all.stderr, /^Left out chart:v1 of out: it is no image/m);
  assert.deepEqual(await names(dir.join("sboms")), ["tool-linux-amd64.spdx.json"]);
  const named = await kodeno(["sbom", "out", "chart:v1"], { cwd: dir.path });
  assert.equal(named.code, 1);
  assert.match(named.stderr, /^Error: Cannot list what is in sha256:\w+: it is no image/m);
  // Without go nobody can say whether it was built by it.
  const env = { KO_GO_PATH: dir.join("nosuch") };
  const without = await kodeno(["sbom", "out", "tool"], { cwd: dir.path, env });
  assert.equal(without.code, 1);
  assert.match(without.stderr, /^Error: Cannot run .*nosuch.*install Go/m);
});

Deno.test("sbom: of layers of zstd, by a go that knows no -json, and of a program that tells nothing", async () => {
  await using dir = await tempDir();
  await goModule(dir, "example.com/app", { "main.go": printer("hello") });
  const text = await done(dir, ["build"]).then(() => done(dir, ["sbom", "out"]));
  const old = await dir.write("old/go", OLD_GO);
  await Deno.chmod(old, 0o755);
  assert.equal(await done(dir, ["sbom", "out"], { KO_GO_PATH: old }), text);

  const program = await fileOf(dir.join("out"), "latest", "ko-app/app");
  const silent = program.slice();
  const start = new TextDecoder("latin1").decode(silent).indexOf("\xff Go buildinf:");
  silent.fill(0, start, start + 16);
  using layout = await openLayout(dir.join("made"), { create: true });
  const BASE = "org.opencontainers.image.base";
  const annotations = { [`${BASE}.name`]: "base:v1", [`${BASE}.digest`]: digestOf("base") };
  const sbomOf = async (name: string, bytes: Uint8Array) => {
    await dir.write(`${name}/bin/app`, bytes);
    await succeed("tar", ["-C", dir.join(name), "-cf", dir.join(`${name}.tar`), "bin"]);
    const packed = zstdCompressSync(await Deno.readFile(dir.join(`${name}.tar`)));
    const layer = blob(new Uint8Array(packed), "application/vnd.oci.image.layer.v1.tar+zstd");
    const { manifest: plain, config } = image({ os: "linux", architecture: "amd64" }, [layer]);
    const told = { ...JSON.parse(new TextDecoder().decode(plain.bytes)), annotations };
    const manifest = jsonBlob(told, MediaType.manifest);
    await pushAll(layout, [layer, config, manifest]);
    await layout.tag(manifest.descriptor, `${name}:v1`);
    const { stdout, stderr } = await kodeno(["sbom", "made", name], { cwd: dir.path });
    const { packages } = JSON.parse(stdout);
    return { stderr, names: packages.map(({ name }: { readonly name: string }) => name).slice(1) };
  };
  assert.deepEqual((await sbomOf("whole", program)).names, [
    "base:v1",
    "example.com/app",
    "stdlib",
    "whole",
  ]);
  const said = await sbomOf("silent", silent);
  assert.match(said.stderr, /^Note: no program in sha256:\w+ says what it is made of/m);
  assert.deepEqual(said.names, ["base:v1"]);
});

Deno.test("sbom: a layer that was changed is no source", async () => {
  await using dir = await tempDir();
  await goModule(dir, "example.com/app", { "main.go": printer("hello") });
  await done(dir, ["build"]);
  const [image] = (await done(dir, ["inspect", "out", "--json"])).split("\n").map((line) =>
    JSON.parse(line)
  );
  const { digest } = image.layers.find(({ part }: { readonly part?: string }) => part === "binary");
  const path = dir.join("out/blobs/sha256", digest.slice("sha256:".length));
  const bytes = await Deno.readFile(path);
  bytes[bytes.length - 20] = (bytes[bytes.length - 20] ?? 0) ^ 1;
  await Deno.writeFile(path, bytes);
  const { code, stdout, stderr } = await kodeno(["sbom", "out"], { cwd: dir.path });
  assert.deepEqual([code, stdout], [1, ""]);
  assert.match(stderr, new RegExp(`^Error: Cannot (?:unpack layer|use blob) ${digest}`, "m"));
});

Deno.test("sbom: what cannot be told is said in one line, and nothing is written", async () => {
  await using dir = await tempDir();
  await layoutWith(dir, "out", { "app:v1": imageGraph() });
  await dir.write("app.tar", "no archive");
  const before = await fingerprint(dir.path);
  const fails = async (code: number, args: readonly string[], why: RegExp, env = {}) => {
    const outcome = await kodeno(["sbom", ...args], { cwd: dir.path, env });
    assert.equal(outcome.code, code, outcome.stderr);
    assert.match(outcome.stderr, why);
    assert.equal(outcome.stderr.match(/^Error: /gm)?.length, 1, outcome.stderr);
    assert.deepEqual(await fingerprint(dir.path), before);
  };
  await fails(2, ["out"], /Cannot print an SBOM of out: there are \d of its images/);
  await fails(2, ["out", "--format", "x"], /x/);
  await fails(2, ["out", "--platform", "linux/s390x"], /there is no such image/);
  await fails(1, ["out", "absent"], /absent/);
  await fails(2, ["nosuch"], /nosuch: there is no such folder/);
  const inIndex =
    /Cannot put an SBOM into the index .*: its digest would be another one.*--attach, /;
  await fails(2, ["out", "--attach", "--attest-in-index"], inIndex);
  await fails(2, ["app.tar", "--attach"], /Cannot use .*app\.tar as an image archive: it has only/);
});
