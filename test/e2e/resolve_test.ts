/**
 * `kodeno resolve`, as its user sees it: where images go, what is printed, and what is wrong.
 * @module
 */
import assert from "node:assert/strict";
import { startRegistry } from "../parts/registry.ts";
import { needs } from "../parts/tools.ts";
import { goModule, printer } from "../support/go_module.ts";
import { kodeno, kodenoCommand, kodenoEnvironment, spawnKodeno } from "../support/kodeno.ts";
import { until } from "../support/process.ts";
import { type TempDir, tempDir } from "../support/temp.ts";

const IMAGE = "ko://example.com/app/cmd/a";

async function makeModule(dir: TempDir): Promise<void> {
  await goModule(dir, "example.com/app", {
    "cmd/a/main.go": printer("a"),
    "cmd/b/main.go": printer("b"),
    "lib/lib.go": "package lib\n",
  });
}

/** Resolves in a folder without a registry: images go to a layout. */
async function resolve(dir: TempDir, ...args: readonly string[]) {
  return await kodeno(["resolve", "--push=false", ...args], { cwd: dir.path });
}

Deno.test("resolve: without a push, images go to a layout and the objects name them", async () => {
  await using dir = await tempDir();
  await makeModule(dir);
  await dir.write("a.yaml", `# kept\nimage: ${IMAGE}\nother: ko://example.com/app/cmd/b\n`);
  const { code, stdout, stderr } = await resolve(dir, "-f", "a.yaml");
  assert.equal(code, 0, stderr);
  const [, a, b] = /image: (a:latest@\S+)\nother: (b:latest@\S+)\n---\n$/.exec(stdout) ?? [];
  assert.match(stdout, /^# kept\n/);
  for (const reference of [a, b]) {
    const digest = reference?.split("@")[1] ?? "none";
    assert.ok((await dir.list("out/blobs/sha256")).includes(digest.slice(7)), stdout);
  }
});

Deno.test("resolve: folders, and slashes that say nothing, lead to the same packages as in ko", async () => {
  await using dir = await tempDir();
  await makeModule(dir);
  await goModule(dir, "example.com/inner", { "cmd/c/main.go": printer("c") }, "inner");
  const names = ["./cmd/a", "./cmd//a/", "example.com/app//cmd/a/", "example.com/app/cmd/a"];
  const lines = names.map((name, i) => `a${i}: ko://${name}\n`).join("");
  await dir.write("a.yaml", `${lines}c: ko://./inner/cmd/c\nb: "ko://./cmd/b/ "\n`);
  const { code, stdout, stderr } = await resolve(dir, "-f", "a.yaml");
  assert.equal(code, 0, stderr);
  const found = [...stdout.matchAll(/^(\w+): "?([abc]):latest@(sha256:[0-9a-f]{64})"?$/gm)];
  assert.deepEqual(found.map(([, key]) => key), ["a0", "a1", "a2", "a3", "c", "b"], stdout);
  assert.deepEqual(found.map(([, , name]) => name).join(""), "aaaacb");
  assert.equal(new Set(found.map(([, , , digest]) => digest)).size, 3);
});

Deno.test({
  name: "resolve: images are pushed where KO_DOCKER_REPO says, each once",
  ...needs("docker-registry"),
  async fn() {
    await using dir = await tempDir();
    await using registry = await startRegistry();
    await makeModule(dir);
    for (let i = 0; i < 20; i++) await dir.write(`config/${i}.yaml`, `image: ${IMAGE}\n`);
    const env = { KO_DOCKER_REPO: `${registry.host}/team` };
    const done = await kodeno(["resolve", "-f", "config", "-B"], { cwd: dir.path, env });
    assert.equal(done.code, 0, done.stderr);
    const printed = done.stdout.split("\n---\n").slice(0, -1);
    assert.equal(printed.length, 20);
    assert.equal(new Set(printed).size, 1);
    assert.equal(done.stderr.match(/compiling/g)?.length, 1);
    const digest = /^image: 127\.0\.0\.1:\d+\/team\/a@(sha256:[0-9a-f]{64})$/.exec(
      printed[0] ?? "",
    );
    const url = `http://${registry.host}/v2/team/a/manifests/latest`;
    const answer = await fetch(url, {
      headers: { accept: "application/vnd.oci.image.manifest.v1+json" },
    });
    await answer.body?.cancel();
    assert.equal(answer.headers.get("docker-content-digest"), digest?.[1]);
    assert.deepEqual(await dir.list("out"), []);
  },
});

Deno.test("resolve: objects come through the standard input, too", async () => {
  await using dir = await tempDir();
  await makeModule(dir);
  const [program, ...before] = kodenoCommand();
  const child = new Deno.Command(program, {
    args: [...before, "resolve", "--push=false", "-f", "-"],
    cwd: dir.path,
    env: kodenoEnvironment(),
    clearEnv: true,
    stdin: "piped",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const writer = child.stdin.getWriter();
  await writer.write(new TextEncoder().encode(`image: ${IMAGE}\n`));
  await writer.close();
  const { code, stdout, stderr } = await child.output();
  assert.equal(code, 0, new TextDecoder().decode(stderr));
  assert.match(new TextDecoder().decode(stdout), /^image: a:latest@sha256:/);
});

Deno.test("resolve: objects without references need neither Go nor a registry", async () => {
  await using dir = await tempDir();
  await dir.write("a.yaml", "a:   b # c\n");
  const env = { KO_GO_PATH: "/nonexistent" };
  const done = await kodeno(["resolve", "-f", "a.yaml"], { cwd: dir.path, env });
  assert.equal(done.code, 0, done.stderr);
  assert.equal(done.stdout, "a:   b # c\n---\n");
});

Deno.test("resolve: what is wrong is told in a line, and nothing is built or printed", async (t) => {
  await using dir = await tempDir();
  await makeModule(dir);
  const cases: readonly (readonly [text: string, why: RegExp])[] = [
    ["x: 1\nimage: ko://example.com/app/lib\n", /example\.com\/app\/lib is not main .*a\.yaml:2/],
    [`i: ${IMAGE}\nb: ko://example.com/none\n`, /"example\.com\/none": .*; a\.yaml:2 names it/],
    ["image: ko://example.com/app/...\n", /\(a\.yaml:1\): it is a pattern/],
    ["image: ko:///cmd/a\n", /\(a\.yaml:1\): it is a folder of this machine alone; say the/],
    ["x: 1\nimage: ko://./none\n", /"\.\/none": there is no such folder; .*; a\.yaml:2 names it/],
    ["x: 1\nimage: ko://./lib/\n", /"\.\/lib": package .* is not main .*; a\.yaml:2 names it/],
    ["x: 1\nimage: ko://example.com//none/\n", /"example\.com\/none": .*; a\.yaml:2 names it/],
    ["image: ko://\n", /\(a\.yaml:1\): it is empty/],
    ["image: ko://a b\n", /\(a\.yaml:1\): there is a blank in it/],
    [`image: ${IMAGE}\n---\na: [\n`, /Cannot read a\.yaml:3:4: found \[ that is never closed/],
  ];
  for (const [text, why] of cases) {
    await t.step(JSON.stringify(text), async () => {
      await dir.write("a.yaml", text);
      const { code, stdout, stderr } = await resolve(dir, "-f", "a.yaml");
      assert.equal(code, 2, stderr);
      assert.equal(stdout, "");
      assert.match(stderr, why);
      assert.equal(stderr.trim().split("\n").length, 1, stderr);
      assert.deepEqual(await dir.list("out"), []);
    });
  }
  await dir.write("bad/a.yaml", "a: [\n");
  await dir.write("bad/b.yaml", "b: {\n");
  await dir.write("bad/c.yaml", new Uint8Array([0x61, 0x3a, 0x20, 0xff, 0x0a]));
  await dir.write("big.yaml", new Uint8Array(50_000_000).fill(0x61));
  const others: readonly (readonly [args: readonly string[], why: RegExp])[] = [
    [
      ["-f", "bad"],
      /bad\/a\.yaml:1:4: .*\n.*bad\/b\.yaml:1:4: .*\n.*bad\/c\.yaml:1:4: found byte 0xff, which is not UTF-8/,
    ],
    [["-f", "none.yaml"], /Cannot read none\.yaml: there is no such file/],
    [["-f", "big.yaml"], /Cannot read big\.yaml: it is larger than 6291456 bytes; split it/],
    [[], /no files are named; use -f FILE/],
    [["-f", "bad", "-l", "a=b=c"], /Cannot use selector "a=b=c"/],
    [["-f", "-", "--watch"], /Cannot watch the standard input/],
  ];
  for (const [args, why] of others) {
    await t.step(args.join(" "), async () => {
      const { code, stdout, stderr } = await resolve(dir, ...args);
      assert.equal(code, 2, stderr);
      assert.equal(stdout, "");
      assert.match(stderr, why);
    });
  }
  await t.step("no registry", async () => {
    await dir.write("a.yaml", `image: ${IMAGE}\n`);
    const { code, stderr } = await kodeno(["resolve", "-f", "a.yaml"], { cwd: dir.path });
    assert.equal(code, 2, stderr);
    assert.match(stderr, /Cannot push: KO_DOCKER_REPO is not set/);
  });
});

Deno.test("resolve: --watch prints what a change has changed, until it is interrupted", async () => {
  await using dir = await tempDir();
  await makeModule(dir);
  await dir.write("config/a.yaml", `image: ${IMAGE}\n`);
  await dir.write("config/b.yaml", "image: ko://example.com/app/cmd/b\n");
  const args = ["resolve", "--push=false", "--watch", "-f", "config"];
  const child = spawnKodeno(args, { cwd: dir.path });
  let [printed, told] = ["", ""];
  const reading = Promise.all([
    (async () => {
      for await (const text of child.stdout.pipeThrough(new TextDecoderStream())) printed += text;
    })(),
    (async () => {
      for await (const text of child.stderr.pipeThrough(new TextDecoderStream())) told += text;
    })(),
  ]);
  const documents = (): string[] => printed.split("\n---\n").slice(0, -1);
  try {
    await until("both were printed", () => documents().length === 2);
    // A change of a program prints the one that names it.
    await dir.write("cmd/a/main.go", printer("changed"));
    await until("the first again", () => documents().length === 3);
    assert.match(documents()[2] ?? "", /^image: a:latest@/);
    assert.notEqual(documents()[2], documents()[0]);
    // What fails is told, and does not end it.
    await dir.write("cmd/b/main.go", "package main\n\nfunc main() { broken }\n");
    await until("a failure", () => told.includes("broken"));
    await dir.write("cmd/b/main.go", printer("mended"));
    await until("the second again", () => documents().length === 4);
    assert.match(documents()[3] ?? "", /^image: b:latest@/);
    await dir.write("config/c.yaml", "new: file\n");
    await until("the new one", () => documents().length === 5);
    assert.equal(documents()[4], "new: file");
  } finally {
    child.kill("SIGINT");
  }
  assert.equal((await child.status).code, 130, told);
  await reading;
});
