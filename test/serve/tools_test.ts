/**
 * Pulling from `kodeno serve` with the programs of others: crane, skopeo, regctl and a real Docker
 * daemon, over plain HTTP and TLS. None of them can push.
 * @module
 */
import assert from "node:assert/strict";
import { dirname } from "node:path";
import { imageName } from "../../src/oci/entries.ts";
import { startDockerd } from "../parts/dockerd.ts";
import { goTool, needs, rootTool } from "../parts/tools.ts";
import { goModule, printer } from "../support/go_module.ts";
import { kodeno, spawnKodeno } from "../support/kodeno.ts";
import { assertClean, entriesOf } from "../support/layout.ts";
import { run, succeed, until } from "../support/process.ts";
import { type TempDir, tempDir } from "../support/temp.ts";
import { type Served, servedBy, serveIn, startServe } from "./served.ts";

/** Two images of two platforms, and one of a single platform that has a tag alone. */
async function makeLayout(dir: TempDir): Promise<string> {
  await goModule(dir, "example.com/m", {
    "cmd/a/main.go": printer("a says hello"),
    "cmd/b/main.go": printer("b says hello"),
  });
  const out = dir.join("out");
  const build = async (args: readonly string[], repo = ""): Promise<string> => {
    const env = { KO_DOCKER_REPO: repo };
    const all = ["build", "-B", "--oci-layout", out, "--base-image", "scratch", ...args];
    const { code, stdout, stderr } = await kodeno(all, { cwd: dir.path, env });
    assert.equal(code, 0, stderr);
    return stdout.trim();
  };
  const platforms = ["--platform", "linux/amd64,linux/arm64"];
  await build([...platforms, "-t", "v1,v2", "./..."], "registry.local/team");
  await build(["--platform", "linux/amd64", "./cmd/b"]);
  const { code, stderr } = await kodeno(["tag", out, "b:latest", "loose"]);
  assert.equal(code, 0, stderr);
  return out;
}

async function served(
  ...flags: readonly string[]
): Promise<Served & { readonly dir: TempDir; readonly layout: string }> {
  const dir = await tempDir();
  const layout = await makeLayout(dir);
  return { ...await serveIn(dir, layout, ...flags), dir, layout };
}

async function digestOf(layout: string, name: string): Promise<string> {
  const entry = (await entriesOf(layout))
    .find((entry) => imageName(entry) === name);
  assert.ok(entry, name);
  return entry.digest;
}

Deno.test("serve: crane lists, reads, validates and pulls, and cannot push", async () => {
  await using server = await served();
  const { host, layout, dir } = server;
  const path = await goTool("crane");
  const crane = (...args: string[]) => succeed(path, args);
  assert.equal(await crane("catalog", host), "b\nout\nteam/a\nteam/b\n");
  assert.equal(await crane("ls", `${host}/team/a`), "v1\nv2\n");
  assert.equal(await crane("ls", `${host}/out`), "loose\n");
  const digest = await digestOf(layout, "registry.local/team/a:v1");
  assert.equal((await crane("digest", `${host}/team/a:v1`)).trim(), digest);
  const manifest = await Deno.readTextFile(`${layout}/blobs/sha256/${digest.slice(7)}`);
  assert.equal(await crane("manifest", `${host}/team/a@${digest}`), manifest);
  for (const image of ["team/a:v1", "team/b:v2", "b:latest", "out:loose"]) {
    await crane("validate", "--remote", `${host}/${image}`);
  }
  await crane("pull", "--format=oci", `${host}/team/a:v1`, dir.join("pulled"));
  await assertClean(dir.join("pulled"));

  await crane("pull", `${host}/b:latest`, dir.join("b.tar"));
  const before = await Deno.readTextFile(`${layout}/index.json`);
  for (
    const args of [
      ["push", dir.join("b.tar"), `${host}/b:pushed`],
      ["tag", `${host}/b:latest`, "pushed"],
      ["delete", `${host}/b:latest`],
      ["copy", `${host}/b:latest`, `${host}/new:pushed`],
    ]
  ) {
    const { code, stderr } = await run(path, args);
    assert.notEqual(code, 0);
    assert.match(stderr, /UNSUPPORTED: this registry is read-only|405/, args[0]);
  }
  assert.equal(await Deno.readTextFile(`${layout}/index.json`), before);
  await assertClean(layout);
});

Deno.test({
  name: "serve: skopeo copies an image with all its platforms, and cannot push",
  ...needs("skopeo"),
  async fn() {
    await using server = await served();
    const { host, layout, dir } = server;
    const skopeo = rootTool("skopeo") ?? "";
    const copied = `oci:${dir.join("copied")}:a`;
    const from = `docker://${host}/team/a:v2`;
    await succeed(skopeo, ["copy", "--all", "--src-tls-verify=false", from, copied]);
    const [entry] = await assertClean(dir.join("copied"));
    assert.equal(entry?.digest, await digestOf(layout, "registry.local/team/a:v2"));
    const tags = await succeed(skopeo, [
      "list-tags",
      "--tls-verify=false",
      `docker://${host}/team/a`,
    ]);
    assert.deepEqual(JSON.parse(tags).Tags, ["v1", "v2"]);
    const push = ["copy", "--dest-tls-verify=false", copied, `docker://${host}/team/a:v3`];
    assert.notEqual((await run(skopeo, push)).code, 0);
    await assertClean(layout);
  },
});

Deno.test("serve: regctl reads, copies and finds referrers", async () => {
  await using server = await served();
  const { host, layout, dir } = server;
  const path = await goTool("regctl");
  const env = { HOME: dir.path, PATH: Deno.env.get("PATH") ?? "" };
  const regctl = (...args: string[]) =>
    succeed(path, ["--host", `reg=${host},tls=disabled`, ...args], { env });
  assert.equal(await regctl("repo", "ls", host), "b\nout\nteam/a\nteam/b\n");
  assert.equal(await regctl("tag", "ls", `${host}/team/b`), "v1\nv2\n");
  const digest = await digestOf(layout, "registry.local/team/b:v1");
  assert.equal((await regctl("image", "digest", `${host}/team/b:v1`)).trim(), digest);
  await regctl("image", "copy", `${host}/team/b:v1`, `ocidir://${dir.join("copied")}:v1`);
  const [entry] = await entriesOf(dir.join("copied"));
  assert.equal(entry?.digest, digest);

  // An artifact that regctl itself puts into the layout, the way it does it.
  const subject = `ocidir://${layout}@${digest}`;
  await dir.write("sbom.json", "{}");
  const file = ["--file", dir.join("sbom.json"), "--file-media-type", "application/json"];
  const put = ["artifact", "put", "--artifact-type", "application/x-sbom", ...file];
  await succeed(path, [...put, "--subject", subject], { env });
  const list = await regctl("artifact", "list", `${host}/team/b:v1`, "--format", "{{json .}}");
  const found: { artifactType: string }[] = JSON.parse(list).descriptors;
  assert.deepEqual(found.map(({ artifactType }) => artifactType), ["application/x-sbom"]);
});

Deno.test({
  name: "serve: a Docker daemon pulls and runs an image, and cannot push one",
  ...needs("root", "dockerd", "docker"),
  async fn() {
    await using server = await served();
    const { host, layout } = server;
    // As a mirror of Docker Hub it is asked for library/b, too.
    const config = { "registry-mirrors": [`http://${host}`] };
    await using dockerd = await startDockerd({ config });
    const { docker } = dockerd;
    for (const [image, says] of [["team/a:v1", "a"], ["b:latest", "b"], ["out:loose", "b"]]) {
      const pulled = await docker("pull", `${host}/${image}`);
      assert.equal(pulled.code, 0, pulled.stderr);
      const ran = await docker("run", "--rm", "--network=none", `${host}/${image}`);
      assert.equal(ran.stdout, `${says} says hello dev\n`, ran.stderr);
    }
    // What it is told to try itself.
    const [, ...pull] = pullCommand(server);
    assert.equal((await docker(...pull)).code, 0, pull.join(" "));
    const mirrored = await docker("pull", "b");
    assert.equal(mirrored.code, 0, mirrored.stderr);
    const digest = await digestOf(layout, "registry.local/team/b:v1");
    assert.equal((await docker("pull", `${host}/team/b@${digest}`)).code, 0);
    assert.equal((await docker("tag", `${host}/b:latest`, `${host}/b:pushed`)).code, 0);
    assert.notEqual((await docker("push", `${host}/b:pushed`)).code, 0);
    assert.notEqual((await docker("pull", `${host}/team/none:v1`)).code, 0);
    await assertClean(layout);
  },
});

/** A certificate for the loopback address that vouches for itself. */
async function certificate(dir: TempDir): Promise<{ cert: string; key: string }> {
  const [cert, key] = [dir.join("cert.pem"), dir.join("key.pem")];
  const subject = ["-subj", "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1"];
  const kind = [
    "-newkey",
    "ec",
    "-pkeyopt",
    "ec_paramgen_curve:prime256v1",
    "-nodes",
    "-days",
    "2",
  ];
  const files = ["-keyout", key, "-out", cert];
  await succeed(rootTool("openssl") ?? "openssl", ["req", "-x509", ...kind, ...subject, ...files]);
  return { cert, key };
}

/** What a server says that an image is pulled by. */
function pullCommand({ log }: Served): readonly string[] {
  return /; to pull one: (.+)$/m.exec(log())?.[1]?.split(" ") ?? [];
}

Deno.test("serve: how many images there are, and a pull that works, on all interfaces too", async () => {
  await using dir = await tempDir();
  const layout = await makeLayout(dir);
  for (const listen of ["127.0.0.1:0", "0.0.0.0:0", ":0"]) {
    // Where there is no Docker, the command is one of kodeno.
    const env = { PATH: dir.path };
    await using server = await servedBy(
      spawnKodeno(["serve", layout, "--listen", listen], { env }),
    );
    await until("the second line", () => pullCommand(server).length > 0);
    assert.match(server.log(), /^3 images; to pull one: kodeno pull \S+$/m);
    const isOpen = !listen.startsWith("127");
    assert.equal(server.log().includes(`${listen} is all interfaces: others can pull`), isOpen);
    assert.equal(server.log().includes(`at http://${server.host}, on all interfaces\n`), isOpen);
    const [, ...pull] = pullCommand(server);
    const pulled = await kodeno([...pull, "--oci-layout", dir.join(`pulled-${listen}`)]);
    assert.equal(pulled.code, 0, pulled.stderr);
    const others = Deno.networkInterfaces().filter(({ family }) => family === "IPv6" || isOpen);
    for (const { address } of others.filter(({ scopeid }) => !scopeid)) {
      const at = address.includes(":") ? `[${address}]` : address;
      const answer = await fetch(`http://${at}:${server.port}/v2/`).catch(() => undefined);
      await answer?.body?.cancel();
      const isHeard = listen === ":0" || (isOpen && !address.includes(":"));
      assert.equal(answer?.ok ?? false, isHeard, `${listen} ${address}`);
    }
  }
  await using empty = await tempDir();
  await empty.write("oci-layout", '{"imageLayoutVersion":"1.0.0"}');
  await empty.write("index.json", '{"schemaVersion":2,"manifests":[]}');
  await using server = await startServe(empty.path);
  await until("the second line", () => /^0 images$/m.test(server.log()));
});

Deno.test({
  name: "serve: TLS with a certificate of one's own",
  ...needs("openssl"),
  async fn() {
    await using dir = await tempDir();
    const { cert, key } = await certificate(dir);
    await using server = await served("--tls-cert", cert, "--tls-key", key);
    const { host, log } = server;
    assert.match(log(), /at https:\/\//);
    await until("the second line", () => pullCommand(server).length > 0);
    const [, ...pull] = pullCommand(server);
    assert.equal(pull.at(-1), "--insecure-registry");
    const pulled = await kodeno([...pull, "--oci-layout", dir.join("pulled")]);
    assert.equal(pulled.code, 0, pulled.stderr);
    const crane = await goTool("crane");
    const image = `${host}/team/a:v1`;
    const trust = { ...Deno.env.toObject(), SSL_CERT_FILE: cert };
    await succeed(crane, ["validate", "--remote", image], { env: trust });
    assert.notEqual((await run(crane, ["manifest", image])).code, 0, "it is not to be trusted");
    const skopeo = rootTool("skopeo");
    if (skopeo === undefined) return;
    const folder = dir.join("certs");
    await Deno.mkdir(folder);
    await Deno.copyFile(cert, `${folder}/ca.crt`);
    await succeed(skopeo, ["inspect", "--cert-dir", folder, `docker://${image}`]);
  },
});

Deno.test({
  name: "serve: what cannot be served is told in one line",
  ...needs("openssl"),
  async fn() {
    await using server = await served();
    const { host, layout, dir } = server;
    const { cert, key } = await certificate(dir);
    const text = await dir.write("text", "no certificate");
    const broken = await dir.write("broken.pem", "-----BEGIN CERTIFICATE-----\nx\n");
    const free = ["--listen", "127.0.0.1:0"];
    for (
      const [code, args, message] of [
        [2, [], /missing required argument/],
        [2, [dir.join("none")], /Cannot use .*none as an OCI layout/],
        [2, [text], /text as an image archive: it has only 14 bytes; name a \.tar of images$/m],
        [2, [dirname(layout)], /it has no oci-layout file/],
        [1, [layout, "--listen", host], /the address is taken; name another with --listen/],
        [2, [layout, "--listen", "127.0.0.1"], /say HOST:PORT/],
        [2, [layout, "--listen", "127.0.0.1:99999"], /say HOST:PORT/],
        [2, [layout, "--listen", "a b:80"], /say HOST:PORT/],
        [
          2,
          [layout, "--listen", "192.0.2.1:5999"],
          /others can pull[^]*this machine has no such address/,
        ],
        [2, [layout, ...free, "--tls-cert", cert], /--tls-cert and --tls-key go together/],
        [
          2,
          [layout, ...free, "--tls-cert", cert, "--tls-key", dir.join("no")],
          /there is no such file/,
        ],
        [2, [layout, ...free, "--tls-cert", cert, "--tls-key", text], /it is not PEM/],
        [2, [layout, ...free, "--tls-cert", broken, "--tls-key", key], /Cannot/],
        [2, [layout, ...free, "--tls-cert", key, "--tls-key", cert], /Cannot/],
      ] as const
    ) {
      const outcome = await kodeno(["serve", ...args]);
      assert.equal(outcome.code, code, `${args.join(" ")}: ${outcome.stderr}`);
      assert.match(outcome.stderr, message);
      const lines = outcome.stderr.trim().replace(/\nUsage: .*$/, "").split("\n");
      assert.equal(lines.at(-1)?.startsWith("Error: "), true, outcome.stderr);
    }
  },
});
