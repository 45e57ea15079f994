/**
 * Caches that several machines share, as docs/scale.md tells of them: kodeno's own in a folder that
 * all of them see, and go's behind a program that `GOCACHEPROG` names.
 * @module
 */
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { freePort } from "../parts/dockerd.ts";
import { goTool, needs, searchPath, startDaemon } from "../parts/tools.ts";
import { goModule, printer } from "../support/go_module.ts";
import { denoDirectory, kodenoEnvironment, kodenoWords, ROOT } from "../support/kodeno.ts";
import { assertClean, fingerprint } from "../support/layout.ts";
import { onMachine } from "../support/machines.ts";
import { run, succeed, until } from "../support/process.ts";
import { filesBelow, type TempDir, tempDir } from "../support/temp.ts";

const NAMES = ["a", "b", "c", "d"];
const KODATA_BYTES = 12_000_000;
const BLOBS = "cache/layers/blobs";

/** A module of four programs, one with so much beside it that its layer takes a while. */
async function fourPrograms(dir: TempDir, kodataBytes = 0): Promise<void> {
  const files = NAMES.map((name) => [`cmd/${name}/main.go`, printer(name)] as const);
  await goModule(dir, "example.com/mod", Object.fromEntries(files), "mod");
  if (kodataBytes === 0) return;
  const bytes = new Uint8Array(kodataBytes);
  for (let at = 0; at < bytes.length; at += 65_536) {
    crypto.getRandomValues(bytes.subarray(at, at + 65_536));
  }
  await dir.write("mod/cmd/a/kodata/data.bin", bytes);
}

/** What the page has one run with a program for GOCACHEPROG, and the server that it names. */
async function commandsOfPage(server: string): Promise<string> {
  const page = await Deno.readTextFile(`${ROOT}docs/scale.md`);
  const blocks = [...page.matchAll(/^```sh\n(.*?)^```$/gms)].map(([, block = ""]) => block);
  const found = blocks.find((block) => block.includes("GOCACHEPROG"));
  assert.ok(found?.includes("http://cache.example:31364"), found);
  return (found ?? "").replace("http://cache.example:31364", server);
}

/** A machine that has nothing yet: the caches of go and kodeno and its home are new. */
function coldEnvironment(dir: TempDir, name: string): Record<string, string> {
  return {
    ...kodenoEnvironment({ KODENO_CACHE: dir.join(name, "cache") }),
    DENO_DIR: denoDirectory(),
    HOME: dir.join(name),
    GOCACHE: dir.join(name, "go"),
  };
}

Deno.test("caches: go's behind GOCACHEPROG gives the same images, and serves a second machine", async () => {
  await using dir = await tempDir();
  await fourPrograms(dir);
  const cwd = dir.join("mod");
  const expected = await succeed("bash", ["-c", `${kodenoWords()} build ./...`], {
    cwd,
    env: kodenoEnvironment({ KODENO_CACHE: dir.join("cache") }),
  });
  const address = `127.0.0.1:${freePort()}`;
  const server = await startDaemon(
    await goTool("go-cacher-server"),
    ["-listen", address, "-cache-dir", dir.join("server")],
    async () => await fetch(`http://${address}/`).then((r) => r.text(), () => undefined),
  );
  const script = await commandsOfPage(`http://${address}`);
  await dir.write("bin/kodeno", `#!/bin/sh\nexec ${kodenoWords()} "$@"\n`);
  await Deno.chmod(dir.join("bin/kodeno"), 0o755);
  await Deno.symlink(await goTool("go-cacher"), dir.join("bin/go-cacher"));
  try {
    /** Builds on a cold machine; gives how often the program had what go asked for. */
    const buildOn = async (machine: string): Promise<{ gets: number; hits: number }> => {
      const env = coldEnvironment(dir, machine);
      env["PATH"] = [dir.join("bin"), ...searchPath()].join(":");
      const outcome = await run("bash", ["-euc", script], { cwd, env });
      assert.equal(outcome.code, 0, outcome.stderr);
      assert.equal(outcome.stdout, expected);
      const counts = [...outcome.stderr.matchAll(/; (\d+) gets \((\d+) hits, .* (\d+) errors\);/g)];
      assert.ok(counts.length > 0, outcome.stderr);
      const sum = (column: number) => counts.reduce((all, one) => all + Number(one[column]), 0);
      assert.equal(sum(3), 0, "errors");
      return { gets: sum(1), hits: sum(2) };
    };
    const first = await buildOn("one");
    // Packages that the standard library begins with are compiled; what go lists is kept, too.
    assert.ok(first.gets - first.hits > 40, JSON.stringify(first));
    const second = await buildOn("two");
    assert.ok(second.gets - second.hits < first.gets / 10, JSON.stringify(second));
  } finally {
    await server.stop();
  }
});

Deno.test("caches: a program for GOCACHEPROG that is not there is named", async () => {
  await using dir = await tempDir();
  await fourPrograms(dir);
  const env = { ...coldEnvironment(dir, "one"), GOCACHEPROG: "/nowhere/go-cacher" };
  const script = `${kodenoWords()} build ./cmd/a`;
  const { code, stderr } = await run("bash", ["-c", script], { cwd: dir.join("mod"), env });
  assert.equal(code, 2, stderr);
  assert.match(stderr, /^Error: Cannot list .* GOCACHEPROG program "\/nowhere\/go-cacher"/);
});

Deno.test({
  name: "caches: four machines with one folder of layers, one of them killed, make the same images",
  ...needs("root", "unshare"),
  fn: async () => {
    await using dir = await tempDir();
    await fourPrograms(dir, KODATA_BYTES);
    const cwd = dir.join("mod");
    const env = kodenoEnvironment({ KODENO_CACHE: dir.join("cache") });
    const build = (name: string, layout: string) =>
      `${kodenoWords()} build ./cmd/${name} --oci-layout ../${layout}/${name}`;
    const alone = { cwd, env: kodenoEnvironment({ KODENO_CACHE: dir.join("own") }) };
    for (const name of NAMES) await succeed("bash", ["-c", build(name, "expected")], alone);

    const machines = NAMES.map((name) =>
      onMachine(`pod-${name}`, build(name, "out"), { cwd, env })
    );
    const [first] = machines;
    const written = async () =>
      (await filesBelow(dir.path, "cache").catch(() => [])).some((name) =>
        name.includes("-pod-a.")
      );
    await until("the first machine to write a layer", written);
    first?.kill();
    const outcomes = await Promise.all(machines.map(({ ended }) => ended));
    assert.deepEqual(outcomes.map(({ code }) => code), [137, 0, 0, 0], outcomes[1]?.stderr);

    const again = await onMachine("pod-a-again", build("a", "out"), { cwd, env }).ended;
    assert.equal(again.code, 0, again.stderr);
    for (const name of NAMES) {
      await assertClean(dir.join("out", name));
      assert.deepEqual(
        await fingerprint(dir.join("out", name)),
        await fingerprint(dir.join("expected", name)),
      );
    }
    const layers = async () =>
      await Promise.all((await dir.list(BLOBS)).map(async (name) => {
        const bytes = await Deno.readFile(dir.join(BLOBS, name));
        assert.equal(
          createHash("sha256").update(bytes).digest("hex"),
          name,
          "not what it is called",
        );
        return [name, (await Deno.stat(dir.join(BLOBS, name))).ino];
      }));
    const before = await layers();
    // The base, the empty kodata, that of the first, and four programs.
    assert.equal(before.length, 7);

    // Other machines find them, and write none.
    const more = NAMES.map((name) => onMachine(`next-${name}`, build(name, "more"), { cwd, env }));
    for (const { ended } of more) assert.equal((await ended).code, 0);
    assert.deepEqual(await layers(), before);
  },
});
