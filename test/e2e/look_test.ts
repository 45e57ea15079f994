/**
 * `kodeno inspect`, `digest` and `cat` of an image wherever it is, and what they ask of a registry.
 * @module
 */
import assert from "node:assert/strict";
import { digestOf } from "../../src/io/hash.ts";
import { startDockerd } from "../parts/dockerd.ts";
import { startFaultProxy } from "../parts/fault_proxy.ts";
import { startRegistry } from "../parts/registry.ts";
import { goTool, needs } from "../parts/tools.ts";
import { simpleModule } from "../support/go_module.ts";
import { done, kodeno, kodenoWords } from "../support/kodeno.ts";
import { digestIn, manifestOf } from "../support/layout.ts";
import { run, succeed } from "../support/process.ts";
import { tempDir } from "../support/temp.ts";

Deno.test({
  name: "look: inspect, digest and cat in layouts, archives, stdin, a daemon and a registry",
  ...needs("root", "dockerd", "docker", "docker-registry"),
  async fn(t) {
    await using dir = await tempDir();
    await using registry = await startRegistry();
    await using proxy = await startFaultProxy(registry.host, (exchange) => exchange.pass());
    await simpleModule(dir);
    await dir.write("kodata/a.txt", "a text");
    const platforms = ["--platform", "linux/amd64,linux/arm64"];
    const build = [
      "build",
      ...platforms,
      "-t",
      "v1",
      "--tarball",
      "app.tar",
      "--oci-layout",
      "out",
    ];
    const reference = await done(dir, build);
    const whole = digestIn(reference);
    const app = reference.replace(/:v1@.*/, "");
    await done(dir, ["push", "out", "--to", `${registry.host}/team`]);
    const remote = `${proxy.host}/team/${app}:v1`;
    const { manifests } = await manifestOf(dir.join("out"), "v1");
    const arm64 = manifests[1] ?? assert.fail();
    /** What a registry is asked for, by method and kind. */
    const asked = async (...args: string[]) => {
      const before = proxy.seen.length;
      const stdout = await done(dir, args);
      const requests = proxy.seen.slice(before).map(({ method, url }) =>
        `${method} ${url.replace(/^\/v2\/.*?\/(manifests|blobs)\/.*/, "$1")}`
      );
      return { stdout, requests };
    };

    await t.step("a registry is asked for an index once, and twice for an image", async () => {
      const { stdout, requests } = await asked("inspect", remote, "--json");
      assert.deepEqual(requests.toSorted(), [
        "GET blobs",
        "GET blobs",
        "GET manifests",
        "GET manifests",
        "GET manifests",
      ]);
      const here = JSON.parse(await done(dir, ["inspect", "out", "--json"]));
      const there = JSON.parse(stdout);
      assert.deepEqual(there.references, [`${remote}@${whole}`]);
      assert.equal(there.name, remote);
      const { name, references } = there;
      assert.deepEqual(there, { ...here, name, references });
      const one = await asked("inspect", `${remote.replace(":v1", "")}@${arm64.digest}`);
      assert.deepEqual(one.requests, ["GET manifests", "GET blobs"]);
      const below = (tree: string) => tree.slice(tree.indexOf("\n"));
      const tree = await done(dir, ["inspect", "out", "--platform", "linux/arm64"]);
      assert.equal(below(one.stdout), below(tree));
    });
    await t.step("as bytes: the index, a manifest, a config", async () => {
      const raw = async (...args: string[]) => (await asked("inspect", ...args)).stdout;
      const { stdout, requests } = await asked("inspect", remote, "--raw");
      assert.equal(digestOf(new TextEncoder().encode(stdout)), whole);
      assert.deepEqual(requests, ["GET manifests"]);
      assert.equal(await raw("out", "--raw"), stdout);
      assert.equal(await raw("app.tar", `${app}:v1`, "--raw"), stdout);
      const arm = await raw(remote, "--raw", "--platform", "linux/arm64");
      assert.equal(digestOf(new TextEncoder().encode(arm)), arm64.digest);
      const config = await asked("inspect", remote, "--config", "--platform", "linux/arm64");
      assert.deepEqual(config.requests, ["GET manifests", "GET manifests", "GET blobs"]);
      assert.equal(
        digestOf(new TextEncoder().encode(config.stdout)),
        JSON.parse(arm).config.digest,
      );
      const usual = JSON.parse(await raw("out", "--config"));
      assert.equal(usual.architecture, "amd64");
      const crane = await goTool("crane");
      assert.equal(await succeed(crane, ["config", remote]), await raw(remote, "--config"));
    });
    await t.step("digests", async () => {
      const { stdout, requests } = await asked("digest", remote, "out", "app.tar");
      assert.deepEqual(stdout.split("\n"), [whole, whole, whole]);
      assert.deepEqual(requests, ["HEAD manifests"]);
      const one = await asked("digest", "--platform", "linux/arm64", remote, "out");
      assert.deepEqual(one.stdout.split("\n"), [arm64.digest, arm64.digest]);
      assert.deepEqual(one.requests, ["GET manifests"]);
      const twice = await kodeno(["digest", "-", "-"], { cwd: dir.path });
      assert.equal(twice.code, 2);
      assert.match(twice.stderr, /^Error: Cannot look at stdin more than once: [^\n]*\n$/);
    });
    const shell = (line: string) => run("sh", ["-c", line], { cwd: dir.path });
    await t.step("a file is read out of the topmost layers alone", async () => {
      const text = await done(dir, ["cat", "out:/var/run/ko/a.txt"]);
      assert.equal(text, "a text");
      for (const place of ["app.tar", `out:${app}:v1`, `oci:out`]) {
        assert.equal(await done(dir, ["cat", `${place}:/var/run/ko/a.txt`]), text);
      }
      const piped = await shell(`${kodenoWords()} cat archive:-:/var/run/ko/a.txt < app.tar`);
      assert.deepEqual([piped.code, piped.stdout], [0, text]);
      const { stdout, requests } = await asked("cat", `${remote}:/var/run/ko/a.txt`);
      assert.equal(stdout, text);
      // Index, manifest, config, and the layers of the binary and of kodata; not that of the base.
      assert.deepEqual(requests, [
        "GET manifests",
        "GET manifests",
        "GET blobs",
        "GET blobs",
        "GET blobs",
      ]);
      const program = await asked(
        "cat",
        `${remote}:/ko-app/${app}`,
        "--platform",
        "linux/arm64",
      );
      assert.equal(program.requests.length, 4);
    });
    await t.step("of what a pipe or a daemon gives", async () => {
      const piped = await shell(`${kodenoWords()} inspect - < app.tar`);
      assert.equal(piped.stdout.trimEnd(), await done(dir, ["inspect", "app.tar"]));
      await using dockerd = await startDockerd();
      const env = { DOCKER_HOST: dockerd.host };
      await done(dir, ["load", "out", "--platform", "linux/amd64"], env);
      const tree = await done(dir, ["inspect", `daemon:${app}:v1`], env);
      assert.match(tree, new RegExp(`^${app}:v1 linux/amd64 manifest sha256:`));
      assert.match(tree, /layer binary sha256:\w+/);
      const config = await done(dir, ["inspect", `daemon:${app}:v1`, "--config"], env);
      assert.equal(config, await done(dir, ["inspect", "out", "--config"]));
      assert.match(await done(dir, ["digest", `daemon:${app}:v1`], env), /^sha256:\w{64}$/);
      assert.equal(await done(dir, ["cat", `daemon:${app}:v1:/var/run/ko/a.txt`], env), "a text");
    });
    await t.step("what is not there, or wrong, is one line", async () => {
      const wrong: readonly (readonly [code: number, line: string, words: RegExp])[] = [
        [1, `inspect ${registry.host}/team/none:v1`, /Cannot pull .*none:v1/],
        [1, `digest out ${registry.host}/team/none:v1`, /none:v1/],
        [2, "inspect none", /Cannot use none: there is no such file; say the path of a layout/],
        [2, `inspect ${remote} v1`, /it names an image already; leave "v1" out/],
        [2, `inspect ${remote} --platform linux/s390x`, /it has linux\/amd64, linux\/arm64/],
        [1, "cat out:/etc", /Cannot print \/etc of out: it is a folder/],
        [1, "cat out:/etc/paswd", /it is not there \(Did you mean passwd\?\)/],
        [1, "cat out:/etc/passwd/x", /\/etc\/passwd is no folder/],
        [2, "cat out:/etc/../etc/passwd", /say its path without \.\./],
        [2, "cat out:etc/passwd", /say IMAGE:\/PATH/],
        [2, "cat none:/etc/passwd", /there is no such file/],
        [2, "inspect out --raw --config", /Cannot use --raw with --config/],
      ];
      for (const [code, line, words] of wrong) {
        const outcome = await kodeno(line.split(" "), { cwd: dir.path });
        assert.deepEqual([outcome.code, outcome.stdout], [code, ""], line + outcome.stderr);
        assert.match(outcome.stderr, /^Error: [^\n]*\n$/);
        assert.match(outcome.stderr, words);
      }
      // What is on disk needs no network, and the name of a registry is one to connect to.
      assert.equal(await done(dir, ["digest", "out", "--offline"]), whole);
      assert.equal(await done(dir, ["digest", remote, "--offline"]), whole);
    });
  },
});
