/**
 * Each flag of `kodeno build` with what it does, as another program reads it in the layout.
 * @module
 */
import assert from "node:assert/strict";
import { goModule, printer, simpleModule } from "../support/go_module.ts";
import { kodeno } from "../support/kodeno.ts";
import {
  assertClean,
  buildSettings,
  configOf,
  digestIn,
  entriesOf,
  fileOf,
  imageNames,
  manifestOf,
  outputOf,
} from "../support/layout.ts";
import { succeed } from "../support/process.ts";
import { type TempDir, tempDir } from "../support/temp.ts";

/** Builds the module in a folder into its `out`, which the tests then look at. */
async function build(
  dir: TempDir,
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<{ out: string; stdout: string; digest: string }> {
  const { code, stdout, stderr } = await kodeno(["build", ...args], { cwd: dir.path, env });
  assert.equal(code, 0, stderr);
  const digest = stdout.includes("@") ? digestIn(stdout) : "";
  return { out: dir.join("out"), stdout, digest };
}

/** A folder with the module of one program. */
async function app(): Promise<TempDir> {
  const dir = await tempDir();
  await simpleModule(dir);
  return dir;
}

for (const flag of ["--oci-layout", "--oci-layout-path"]) {
  Deno.test(`flags: ${flag} names the layout, in folders that are not there yet`, async () => {
    await using dir = await app();
    await build(dir, [flag, "some/where/images"]);
    await assertClean(dir.join("some/where/images"));
    assert.deepEqual(await dir.list("out"), []);
  });
}

Deno.test("flags: --platform makes an index of several platforms, each with its own program", async () => {
  await using dir = await app();
  const wanted = "linux/amd64,linux/arm64,linux/arm/v6,linux/386";
  const { out, digest } = await build(dir, ["--platform", wanted]);
  const { manifests, mediaType } = await manifestOf(out, digest);
  assert.equal(mediaType, "application/vnd.oci.image.index.v1+json");
  assert.deepEqual(manifests.map(({ platform }) => platform), [
    { os: "linux", architecture: "amd64" },
    { os: "linux", architecture: "arm64" },
    { os: "linux", architecture: "arm", variant: "v6" },
    { os: "linux", architecture: "386" },
  ]);
  for (const platform of wanted.split(",")) {
    const settings = await buildSettings(out, digest, platform);
    assert.equal(settings.GOARCH, platform.split("/")[1]);
    assert.equal(settings.CGO_ENABLED, "0");
  }
  assert.equal((await entriesOf(out))[0]?.platform, undefined);
});

Deno.test("flags: --platform all is all of Linux on the static base", async () => {
  await using dir = await tempDir();
  // It imports nothing, since go compiles whatever it does for each of them.
  await goModule(dir, "example.com/app", { "main.go": "package main\n\nfunc main() {}\n" });
  const { out, digest } = await build(dir, ["--platform", "all"]);
  const { manifests } = await manifestOf(out, digest);
  const dist = await succeed("go", ["tool", "dist", "list"]);
  const known = dist.split("\n").filter((p) => p.startsWith("linux/")).map((p) => p.slice(6));
  assert.deepEqual(manifests.map((m) => m.platform?.architecture).sort(), known.sort());
  await assertClean(out);
});

Deno.test("flags: --base-image static brings certificates, time zones and a user", async () => {
  await using dir = await app();
  const { out } = await build(dir, ["--base-image", "static"]);
  const passwd = new TextDecoder().decode(await fileOf(out, "latest", "etc/passwd"));
  assert.match(passwd, /^nonroot:x:65532:65532:/m);
  const certificates = await fileOf(out, "latest", "etc/ssl/certs/ca-certificates.crt");
  assert.match(new TextDecoder().decode(certificates), /^-----BEGIN CERTIFICATE-----\n/);
  const { annotations = {} } = await manifestOf(out, "latest");
  assert.equal(annotations["org.opencontainers.image.base.name"], "static");
});

Deno.test("flags: --base-image scratch leaves kodata and the program alone", async () => {
  await using dir = await app();
  const { out } = await build(dir, ["--base-image", "scratch"]);
  assert.equal((await manifestOf(out, "latest")).layers.length, 2);
  assert.equal((await configOf(out, "latest")).config?.User, undefined);
});

Deno.test("flags: --base-image oci:DIR takes the only image, oci:DIR:TAG the one with that tag", async () => {
  await using dir = await app();
  const base = ["--oci-layout", "base", "--platform", "linux/amd64,linux/arm64"];
  const first = await build(dir, [...base, "--image-label", "base=one", "-t", "one"]);
  const { out } = await build(dir, ["--base-image", "oci:base", "--image-label", "own=yes"]);
  const { config, history = [] } = await configOf(out, "latest");
  assert.deepEqual(config?.Labels, { base: "one", own: "yes" });
  assert.equal(history.length, 5);
  const { layers, annotations } = await manifestOf(out, "latest");
  assert.equal(layers.length, 5);
  const own = await manifestOf(dir.join("base"), first.digest);
  assert.deepEqual(annotations, {
    "org.opencontainers.image.base.digest": own.manifests[0]?.digest,
    "org.opencontainers.image.base.name": "app:one",
  });

  await build(dir, [...base, "--image-label", "base=two", "-t", "two"]);
  for (const tag of ["one", "two"]) {
    await build(dir, ["--base-image", `oci:base:${tag}`, "--platform", "linux/arm64"]);
    const { config, architecture } = await configOf(out, "latest");
    assert.deepEqual([config?.Labels?.base, architecture], [tag, "arm64"]);
  }
  await build(dir, ["--base-image", `oci:${dir.join("base")}@${first.digest}`]);
  assert.equal((await configOf(out, "latest")).config?.Labels?.base, "one");
  await assertClean(out);
});

Deno.test("flags: --bare, -B and -P choose the name", async () => {
  await using dir = await tempDir();
  await goModule(dir, "example.com/Some/app", { "cmd/Srv/main.go": printer("srv") });
  const env = { KO_DOCKER_REPO: "reg.local/team" };
  const cases = [
    { args: ["--bare"], name: "reg.local/team" },
    { args: ["-B"], name: "reg.local/team/srv" },
    { args: ["--base-import-paths"], name: "reg.local/team/srv" },
    { args: ["-P"], name: "reg.local/team/example.com/some/app/cmd/srv" },
    { args: ["--preserve-import-paths"], name: "reg.local/team/example.com/some/app/cmd/srv" },
    { args: ["--bare", "-B", "-P"], name: "reg.local/team/example.com/some/app/cmd/srv" },
  ];
  for (const { args, name } of cases) {
    const { stdout } = await build(dir, ["./cmd/Srv", ...args], env);
    assert.equal(stdout, `${name}:latest@${digestIn(stdout)}\n`, args.join(" "));
  }
  const names = [...new Set(cases.map(({ name }) => `${name}:latest`))].sort();
  assert.deepEqual(await imageNames(dir.join("out")), names);
});

Deno.test("flags: -t gives one entry for each tag, and the first one's reference", async () => {
  await using dir = await app();
  const { out, stdout, digest } = await build(dir, ["-t", "v1,v1.2", "--tags", "edge", "-t", "v1"]);
  assert.equal(stdout, `app:v1@${digest}\n`);
  assert.deepEqual(await imageNames(out), ["app:edge", "app:v1", "app:v1.2"]);
  for (const tag of ["edge", "v1", "v1.2"]) await manifestOf(out, tag);
  assert.equal(new Set((await entriesOf(out)).map((entry) => entry.digest)).size, 1);
});

Deno.test("flags: --tag-only leaves the digest out of the reference", async () => {
  await using dir = await app();
  const { out, stdout } = await build(dir, ["--tag-only", "-t", "v7"]);
  assert.equal(stdout, "app:v7\n");
  assert.deepEqual(await imageNames(out), ["app:v7"]);
});

Deno.test("flags: --image-label sets labels of the config, with commas and quotes as in ko", async () => {
  await using dir = await app();
  const more = ["--image-label", 'a=1,b=x=y,"c=1,2"', "--image-label", "a=2"];
  const { out } = await build(dir, more);
  assert.deepEqual((await configOf(out, "latest")).config?.Labels, { a: "2", b: "x=y", c: "1,2" });
});

Deno.test("flags: --image-env is for the image and not for go build, commas and all", async () => {
  await using dir = await app();
  const more = ["--image-env", "HOSTS=a,b", "--image-env=GOAMD64=v3", "--image-env", "EMPTY="];
  const { out, digest } = await build(dir, [
    ...more,
    "--image-env",
    "HOSTS=c,d",
    "--env",
    "MINE=1",
  ]);
  const env = (await configOf(out, "latest")).config?.Env ?? [];
  assert.deepEqual(env.slice(-3), ["HOSTS=c,d", "GOAMD64=v3", "EMPTY="]);
  assert.ok(!env.some((entry) => entry.startsWith("MINE=")));
  assert.equal((await buildSettings(out, digest)).GOAMD64, "v1");
});

Deno.test("flags: --image-annotation annotates the index and each of its manifests", async () => {
  await using dir = await app();
  const args = ["--image-annotation", "team=blue", "--platform", "linux/amd64,linux/arm64"];
  const { out, digest } = await build(dir, args);
  const index = await manifestOf(out, digest);
  assert.equal(index.annotations?.team, "blue");
  for (const { digest } of index.manifests) {
    assert.equal((await manifestOf(out, digest)).annotations?.team, "blue");
  }
});

Deno.test("flags: --image-user, --entrypoint-arg and --expose shape the config", async () => {
  await using dir = await app();
  const { out } = await build(dir, [
    ...["--image-user", "1000:1000", "--entrypoint-arg", "serve", "--entrypoint-arg=--fast"],
    ...["--expose", "8080,53/udp", "--expose", "9090/tcp"],
  ]);
  const { config } = await configOf(out, "latest");
  assert.equal(config?.User, "1000:1000");
  assert.deepEqual(config?.Entrypoint, ["/ko-app/app", "serve", "--fast"]);
  const ports = Object.keys(config?.ExposedPorts ?? {}).sort();
  assert.deepEqual(ports, ["53/udp", "8080/tcp", "9090/tcp"]);
});

Deno.test("flags: --image-refs writes what stdout has into a file", async () => {
  await using dir = await app();
  await dir.write("refs.txt", "of the build before\n");
  const { stdout } = await build(dir, ["--image-refs", "refs.txt"]);
  assert.equal(await Deno.readTextFile(dir.join("refs.txt")), stdout);
  assert.deepEqual(await dir.list(), ["go.mod", "main.go", "out", "refs.txt"]);
});

Deno.test("flags: -j changes nothing of the result", async () => {
  await using dir = await app();
  const one = await build(dir, ["-j", "1", "--platform", "linux/amd64,linux/arm64"]);
  const many = await build(dir, ["--jobs", "7", "--platform", "linux/amd64,linux/arm64"]);
  assert.equal(one.stdout, many.stdout);
});

Deno.test("flags: --ldflags reach the linker, and -X the program", async () => {
  await using dir = await app();
  const full = await build(dir, []);
  const args = ["--ldflags", "-s,-w", "--ldflags=-X main.version=v1,2"];
  const small = await build(dir, args);
  assert.equal(await outputOf(small.out, small.digest), "hello v1,2\n");
  const sizes = await Promise.all(
    [full, small].map(async ({ out, digest }) => (await fileOf(out, digest, "ko-app/app")).length),
  );
  assert.ok((sizes[1] ?? 0) < 0.8 * (sizes[0] ?? 0), `stripped: ${sizes}`);
});

Deno.test("flags: --gcflags and --asmflags are in what go writes down about the build", async () => {
  await using dir = await app();
  const args = ["--gcflags", "-N", "--gcflags=-l", "--asmflags", "-D=X=1"];
  const { out, digest } = await build(dir, args);
  const settings = await buildSettings(out, digest);
  assert.equal(settings["-gcflags"], "-N -l");
  assert.equal(settings["-asmflags"], "-D=X=1");
  assert.equal(settings["-trimpath"], "true");
});

Deno.test("flags: --disable-optimizations is for all packages", async () => {
  await using dir = await app();
  const { out, digest } = await build(dir, ["--disable-optimizations"]);
  assert.equal((await buildSettings(out, digest))["-gcflags"], "all=-N -l");
});

Deno.test("flags: --flags=-tags=... choose files, for go list, too", async () => {
  await using dir = await tempDir();
  await goModule(dir, "example.com/app", {
    "plain.go": `//go:build !special\n\n${printer("plain")}`,
    "special.go": `//go:build special\n\n${printer("special")}`,
    "hidden/main.go": `//go:build special\n\n${printer("hidden")}`,
  });
  const plain = await build(dir, []);
  assert.equal(await outputOf(plain.out, plain.digest), "plain dev\n");
  const special = await build(dir, ["--flags=-tags=special '-ldflags=-s -X main.version=v3'"]);
  assert.equal(await outputOf(special.out, special.digest), "special v3\n");
  const hidden = await build(dir, ["--flags", "-tags special", "./hidden"]);
  assert.equal(await outputOf(hidden.out, hidden.digest, "hidden"), "hidden dev\n");
});

Deno.test("flags: --env is for go build and beats the environment", async () => {
  await using dir = await app();
  const args = ["--env", "GOAMD64=v3", "--env=GOFLAGS=-tags=fromflag"];
  const env = { GOAMD64: "v2", GOFLAGS: "-tags=fromenv" };
  const { out, digest } = await build(dir, args, env);
  const settings = await buildSettings(out, digest);
  assert.deepEqual([settings.GOAMD64, settings["-tags"]], ["v3", "fromflag"]);
  const { config } = await configOf(out, digest);
  assert.ok(config?.Env?.every((entry) => !entry.startsWith("GO")), config?.Env?.join());
});

Deno.test("flags: --source-date-epoch is the creation time; the environment beats it", async () => {
  await using dir = await app();
  const { out } = await build(dir, ["--source-date-epoch", "1000000000"]);
  const { created, history } = await configOf(out, "latest");
  assert.equal(created, "2001-09-09T01:46:40Z");
  assert.equal(history?.at(-1)?.created, created);
  const env = { SOURCE_DATE_EPOCH: "1500000000" };
  await build(dir, ["--source-date-epoch", "1000000000"], env);
  assert.equal((await configOf(out, "latest")).created, "2017-07-14T02:40:00Z");
});

Deno.test("flags: --compression chooses how layers are packed, not what is in them", async () => {
  await using dir = await app();
  const built = [];
  for (const how of ["gzip:1", "gzip:9", "none"]) {
    const { out, digest } = await build(dir, ["--compression", how]);
    const layer = (await manifestOf(out, digest)).layers.at(-1);
    built.push({ ...layer, diffIds: (await configOf(out, digest)).rootfs.diff_ids });
  }
  const [fast, best, none] = built;
  const tar = "application/vnd.oci.image.layer.v1.tar";
  assert.deepEqual(built.map(({ mediaType }) => mediaType), [`${tar}+gzip`, `${tar}+gzip`, tar]);
  assert.ok((best?.size ?? 0) < (fast?.size ?? 0) && (fast?.size ?? 0) < (none?.size ?? 0));
  assert.equal(none?.digest, none?.diffIds.at(-1));
  assert.deepEqual(fast?.diffIds, best?.diffIds);
  assert.deepEqual(fast?.diffIds, none?.diffIds);
  await assertClean(dir.join("out"));
});

Deno.test("flags: --no-cache makes the same image and keeps no layer", async () => {
  await using dir = await app();
  const kept = await build(dir, []);
  const KODENO_CACHE = dir.join("cache");
  const fresh = await build(dir, ["--no-cache"], { KODENO_CACHE });
  assert.equal(fresh.stdout, kept.stdout);
  const info = await kodeno(["cache", "info", "--json"], { env: { KODENO_CACHE } });
  assert.equal(JSON.parse(info.stdout).layers, 0);
});

Deno.test("flags: --sbom=none, as scripts for ko say it, is taken by all that ko has it for", async () => {
  await using dir = await app();
  const plain = await build(dir, []);
  for (const args of [["--sbom=none"], ["--sbom", "none"]]) {
    assert.equal((await build(dir, args)).digest, plain.digest);
  }
  await dir.write("a.yaml", "a: 1\n");
  const resolved = await kodeno(["resolve", "--sbom=none", "-f", "a.yaml"], { cwd: dir.path });
  assert.deepEqual([resolved.code, resolved.stdout], [0, "a: 1\n---\n"], resolved.stderr);
  for (const command of ["resolve", "apply", "create", "run", "build"]) {
    assert.match((await kodeno([command, "--help"])).stdout, /--sbom <form>/, command);
  }
  // What it does not make is not passed over.
  for (
    const [form, why] of [["go.version-m", /say spdx, cyclonedx, or none/], [
      "spdx,none",
      /say none alone/,
    ]] as const
  ) {
    const refused = await kodeno(["build", "--sbom", form, "."], { cwd: dir.path });
    assert.deepEqual([refused.code, refused.stdout], [2, ""], form);
    assert.match(refused.stderr, why);
  }
});
