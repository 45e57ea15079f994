/**
 * What is seen of a transfer while it goes on, on a terminal and elsewhere, and how it ends on Ctrl-C.
 * @module
 */
import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { type Exchange, type Seen, startFaultProxy } from "../parts/fault_proxy.ts";
import { type Registry, startRegistry } from "../parts/registry.ts";
import { needs } from "../parts/tools.ts";
import { openLayout } from "../../src/place/layout/layout.ts";
import { goModule, printer } from "../support/go_module.ts";
import { blob, image, pushAll } from "../support/image_graph.ts";
import { kodeno, spawnKodeno } from "../support/kodeno.ts";
import { assertSound, entriesOf } from "../support/layout.ts";
import { until } from "../support/process.ts";
import { filesBelow, type TempDir, tempDir } from "../support/temp.ts";
import { commandLine, shown, terminal } from "../support/terminal.ts";

const LAYER_BYTES = 24 * 1024 * 1024;

/** A layout `big` with an image whose only layer takes a while. */
async function bigImage(dir: TempDir): Promise<void> {
  const layer = blob(randomBytes(LAYER_BYTES));
  const { manifest, config } = image({ os: "linux", architecture: "amd64" }, [layer]);
  const layout = await openLayout(dir.join("big"), { create: true });
  await pushAll(layout, [layer, config, manifest]);
  await layout.tag(manifest.descriptor, "big:v1");
}

/** A registry that gets, or gives, the large layer only when the test says so. */
async function heldRegistry(registry: Registry, isHeld: (exchange: Exchange) => boolean) {
  const release = Promise.withResolvers<void>();
  const held: Exchange[] = [];
  const proxy = await startFaultProxy(registry.host, async (exchange) => {
    if (isHeld(exchange)) {
      held.push(exchange);
      await release.promise;
    }
    await exchange.pass();
  });
  const stop = async () => {
    release.resolve();
    await proxy.stop();
  };
  return {
    host: proxy.host,
    seen: proxy.seen,
    release: release.resolve,
    /** Whether one came in since it was asked the last time with yes for an answer. */
    held: () => held.splice(0).length > 0,
    [Symbol.asyncDispose]: stop,
  };
}

/** Only a large blob goes in a request of its own. */
const isLayer = ({ method, url }: Seen) => method === "PATCH" && url.includes("/blobs/uploads/");
const isUpload = ({ seen }: Exchange) => isLayer(seen);

Deno.test({
  name: "progress: on a terminal a row for each blob on its way, and a sum that is gone at the end",
  ...needs("docker-registry", "tmux"),
  fn: async () => {
    await using dir = await tempDir();
    await bigImage(dir);
    await using registry = await startRegistry();
    await using held = await heldRegistry(registry, isUpload);
    await using screen = await terminal(dir, { NO_PROXY: "*" });
    const to = `${held.host}/x`;
    await screen.type(`clear; ${commandLine("push", "big", "--to", to)}`);
    const row = /^> big:v1 sha256:[0-9a-f]{12} +\d+(?:\.\d)? [kM]B of {2}25\.2 MB +\d+%$/;
    let lines: string[] = [];
    await until("a row of the layer", async () => {
      lines = await screen.lines();
      return lines.some((line) => row.test(line));
    }).catch((error) => assert.fail(`${error}\n${lines.join("\n")}`));
    assert.match(lines.at(-1) ?? "", /^\d of \d blobs?, .* of .*, \d.*B\/s$/, lines.join("\n"));
    held.release();
    await until("the end", async () => (await screen.lines()).at(-1) === "ended 0 >");
    lines = await screen.lines();
    assert.equal(lines.filter((line) => row.test(line) || /blobs, .*B\/s$/.test(line)).length, 0);
    assert.equal(lines.at(-3), `${to}/big:v1@${(await entriesOf(dir.join("big")))[0]?.digest}`);
    assert.match(lines.at(-2) ?? "", /^1 image, sent 25\.2 MB$/);
    assert.deepEqual(held.seen.filter(isLayer).map(({ bytes }) => bytes), [LAYER_BYTES]);
    // Plain, where nobody looks.
    const plain = await shown(
      screen,
      `CI=1 ${commandLine("pull", `${to}/big:v1`, "--oci-layout", "pulled")}`,
    );
    assert.ok(
      plain.some((line) => /^\S+\/big:v1 sha256:\w{12}: 25\.2 MB done$/.test(line)),
      `${plain}`,
    );
    assert.match(plain.at(-1) ?? "", /^moved 3 blobs, 25\.2 MB in \d/);
  },
});

/** Starts kodeno, and tells it to stop when the large layer is on its way. */
async function interrupted(dir: TempDir, held: () => boolean, args: readonly string[]) {
  const child = spawnKodeno(args, { cwd: dir.path });
  const ended = child.output();
  await until("the layer to be on its way", held);
  child.kill("SIGINT");
  const { code, stderr, stdout } = await ended;
  const text = new TextDecoder();
  assert.equal(code, 130, text.decode(stderr));
  assert.equal(text.decode(stderr), "Error: Interrupted; nothing half-made was left\n");
  assert.equal(text.decode(stdout), "");
}

Deno.test({
  name: "progress: Ctrl-C of a push leaves no name and no upload, and the next one ends well",
  ...needs("docker-registry"),
  fn: async () => {
    await using dir = await tempDir();
    await bigImage(dir);
    await using registry = await startRegistry();
    await using held = await heldRegistry(registry, isUpload);
    const push = ["push", "big", "--to"];
    await interrupted(dir, held.held, [...push, `${held.host}/x`]);
    const upload = held.seen.find(isLayer)?.url.replace(/\?.*/, "");
    const given = held.seen.filter(({ method, url }) =>
      method === "DELETE" && url.startsWith(`${upload}`)
    );
    assert.equal(given.length, 1, "the upload was given up");
    const files = await filesBelow(registry.storage);
    assert.deepEqual(files.filter((file) => /_manifests\/|\/tags\//.test(file)), []);
    const { code, stderr } = await kodeno([...push, `${registry.host}/x`], { cwd: dir.path });
    assert.equal(code, 0, stderr);
  },
});

Deno.test({
  name: "progress: Ctrl-C of a pull leaves no layout, or the one that was there as it was",
  ...needs("docker-registry"),
  fn: async () => {
    await using dir = await tempDir();
    await bigImage(dir);
    await using registry = await startRegistry();
    const direct = `${registry.host}/x/big:v1`;
    assert.equal((await kodeno(["copy", "oci:big", direct], { cwd: dir.path })).code, 0);
    const { layers } = JSON.parse(
      await (await fetch(`http://${registry.host}/v2/x/big/manifests/v1`, {
        headers: { accept: "application/vnd.oci.image.manifest.v1+json" },
      })).text(),
    );
    await using held = await heldRegistry(
      registry,
      ({ seen }) => seen.method === "GET" && seen.url.endsWith(layers[0].digest),
    );
    const pull = ["pull", `${held.host}/x/big:v1`, "--oci-layout"];
    await interrupted(dir, held.held, [...pull, "new"]);
    assert.deepEqual(await dir.list(), ["big"]);
    const small = image({ os: "linux", architecture: "arm64" }, []);
    const old = await openLayout(dir.join("old"), { create: true });
    await pushAll(old, [small.config, small.manifest]);
    await old.tag(small.manifest.descriptor, "small:v1");
    await interrupted(dir, held.held, [...pull, "old"]);
    assert.equal((await assertSound(dir.join("old"))).length, 1);
    held.release();
    const { code, stderr } = await kodeno([...pull, "old"], { cwd: dir.path });
    assert.equal(code, 0, stderr);
    assert.equal((await assertSound(dir.join("old"))).length, 2);
  },
});

Deno.test("progress: without a terminal, a line every half a minute while go compiles", async () => {
  await using dir = await tempDir();
  const files = { "a/main.go": printer("a"), "b/main.go": printer("b") };
  await goModule(dir, "example.com/mod", files);
  // The go of a large program, for which the real one is only slow enough.
  const slow = '#!/bin/sh\n[ "$1" = build ] && sleep 62\nexec go "$@"\n';
  await Deno.chmod(await dir.write("bin/go", slow), 0o755);
  const env = { KO_GO_PATH: dir.join("bin/go") };
  const { code, stderr } = await kodeno(["build", "./..."], { cwd: dir.path, env });
  assert.equal(code, 0, stderr);
  const lines = stderr.split("\n").filter((line) => line.startsWith("still"));
  const times = lines.map((line) =>
    Number(/^still compiling 2 packages for linux\/amd64, (\d+) s$/.exec(line)?.[1])
  );
  assert.equal(times.length, 2, stderr);
  assert.ok(times.every((time, i) => Math.abs(time - 30 * (i + 1)) < 5), stderr);
});

Deno.test("progress: how many packages go has compiled, whose names only -v shows", async () => {
  await using dir = await tempDir();
  const compile = async (flags: readonly string[], broken = "") => {
    // What go has never seen.
    const lib = `package lib\n\nconst X = "${crypto.randomUUID()}"\n${broken}`;
    const main = 'package main\n\nimport "example.com/mod/lib"\n\nfunc main() { println(lib.X) }\n';
    await goModule(dir, "example.com/mod", { "lib/lib.go": lib, "main.go": main });
    const { code, stdout, stderr } = await kodeno(["build", "--json", ...flags], { cwd: dir.path });
    const events = stdout.trim().split("\n").map((line) => JSON.parse(line));
    // What go is told to do is for those who ask for it.
    const shown = events.filter(({ level }) => level !== "verbose");
    return { code, stderr, events: (name: string) => shown.filter(({ type }) => type === name) };
  };
  const quiet = await compile([]);
  assert.equal(quiet.code, 0, quiet.stderr);
  const [first, ...others] = quiet.events("compiled");
  assert.deepEqual(first, { type: "compiled", platform: "linux/amd64", packages: 1 });
  assert.ok(others.every(({ packages }) => packages > 1 && packages <= 2));
  assert.deepEqual([quiet.events("note"), quiet.stderr], [[], ""]);

  const told = await compile(["--flags", "-v"]);
  assert.deepEqual(told.events("compiled"), []);
  const [note] = told.events("note");
  assert.equal(note?.message, "example.com/mod/lib\nexample.com/mod");

  const failed = await compile([], "var y = missing\n");
  assert.equal(failed.code, 1);
  assert.match(
    failed.stderr,
    /exit code 1:\n# example\.com\/mod\/lib\n(?:\.\/)?lib\/lib\.go:4:9: undefined: missing\n$/,
  );
});
