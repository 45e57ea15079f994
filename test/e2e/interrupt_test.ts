/**
 * Ctrl-C and its like, in each part of a build: kodeno ends soon, with exit code 130, and neither
 * processes nor half-made files stay.
 * @module
 */
import assert from "node:assert/strict";
import { goMod, goModule, printer, simpleModule } from "../support/go_module.ts";
import { kodeno, spawnKodeno } from "../support/kodeno.ts";
import { assertClean, fingerprint, temporaries } from "../support/layout.ts";
import { processesIn, runsIn, until } from "../support/process.ts";
import { filesBelow, names, type TempDir, tempDir } from "../support/temp.ts";

const MIB = 1024 * 1024;
/** How long an interrupted build may take to end, in milliseconds, on a machine that is busy. */
const SOON_MS = 10_000;

interface Interrupted {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
  /** Milliseconds from the signal to the end. */
  readonly took: number;
}

/** Starts a build, and sends a signal as soon as `when` says so. */
async function interrupted(
  dir: TempDir,
  args: readonly string[],
  env: Readonly<Record<string, string>>,
  when: () => Promise<boolean>,
  signal: Deno.Signal = "SIGINT",
): Promise<Interrupted> {
  const child = spawnKodeno(["build", ...args], { cwd: dir.path, env });
  const ended = child.output();
  await until("the moment to interrupt", when, 60_000);
  const began = performance.now();
  child.kill(signal);
  const { code, stdout, stderr } = await ended;
  const took = performance.now() - began;
  const text = new TextDecoder();
  return { code, stdout: text.decode(stdout), stderr: text.decode(stderr), took };
}

function assertInterrupted({ code, stdout, stderr, took }: Interrupted): void {
  assert.equal(code, 130, stderr);
  assert.equal(stdout, "");
  const lines = stderr.trimEnd().split("\n").filter((line) => !line.endsWith(": compiling"));
  assert.deepEqual(lines, ["Error: Interrupted; nothing half-made was left"]);
  assert.ok(took < SOON_MS, `${took} ms`);
}

/** A module with a program that takes long to compile when nothing of it is in go's cache. */
async function slowModule(dir: TempDir): Promise<Record<string, string>> {
  const main =
    'package main\n\nimport "net/http"\n\nfunc main() { http.ListenAndServe("", nil) }\n';
  await goModule(dir, "example.com/slow", { "main.go": main });
  await Deno.mkdir(dir.join("gotmp"));
  return {
    KODENO_CACHE: dir.join("cache"),
    GOCACHE: dir.join("gocache"),
    GOTMPDIR: dir.join("gotmp"),
  };
}

/** Whether go's compiler runs for a module made by {@link slowModule}. */
const isCompiling = (dir: TempDir) => runsIn(dir.path, /\/compile\0/);

/** Whether a `go build` runs there, be it between two runs of the compiler. */
const isBuilding = (dir: TempDir) => runsIn(dir.path, /(?:^|\/)go\0build\0/);

for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
  Deno.test(`interrupt: ${signal} while go compiles ends go, too`, async () => {
    await using dir = await tempDir();
    const env = await slowModule(dir);
    const outcome = await interrupted(dir, [], env, () => isCompiling(dir), signal);
    assertInterrupted(outcome);
    await until("go to be gone", async () => (await processesIn(dir.path)).length === 0);
    assert.deepEqual(await dir.list("out"), []);
    assert.deepEqual(await temporaries(dir.join("cache")), []);
  });
}

Deno.test("interrupt: a build that waits for another one's lock ends, and lets that one go on", async () => {
  await using dir = await tempDir();
  const env = await slowModule(dir);
  const first = spawnKodeno(["build"], { cwd: dir.path, env });
  const firstEnded = first.output();
  await until("go to compile", () => isCompiling(dir));
  const child = spawnKodeno(["build", "--oci-layout", "second"], { cwd: dir.path, env });
  const ended = child.output();
  // It waits for the lock as soon as it has found its packages; a while more does no harm.
  await new Promise((resolve) => setTimeout(resolve, 1500));
  assert.ok(await isBuilding(dir), "the first is done already");
  child.kill("SIGINT");
  const { code, stderr } = await ended;
  assert.equal(code, 130, new TextDecoder().decode(stderr));
  assert.ok(await isBuilding(dir), "it waited for the first");
  assert.deepEqual(await dir.list("second"), []);
  first.kill("SIGINT");
  const end = await firstEnded;
  assert.equal(end.code, 130, new TextDecoder().decode(end.stderr));
  await until("go to be gone", async () => (await processesIn(dir.path)).length === 0);
});

/** Whether a process hears of SIGINT, which otherwise ends it. */
async function isListening({ pid }: Deno.ChildProcess): Promise<boolean> {
  return /^SigCgt:\s.*[2367abef]$/m.test(await Deno.readTextFile(`/proc/${pid}/status`));
}

Deno.test("interrupt: while the standard input says nothing", async (t) => {
  const login = ["login", "127.0.0.1:1", "-u", "me", "--password-stdin"];
  for (const args of [login, ["resolve", "--push=false", "-f", "-"]]) {
    await t.step(args.join(" "), async () => {
      const child = spawnKodeno(args, { stdin: "piped" });
      const output = child.output();
      await until("it to listen", () => isListening(child), 60_000);
      const began = performance.now();
      child.kill("SIGINT");
      const giveUp = setTimeout(() => child.stdin.close(), SOON_MS);
      const { code, stdout, stderr } = await output;
      clearTimeout(giveUp);
      const took = performance.now() - began;
      const text = new TextDecoder();
      assertInterrupted({ code, stdout: text.decode(stdout), stderr: text.decode(stderr), took });
      await child.stdin.close().catch(() => {});
    });
  }
});

/** A module with 300 MB of kodata that do not compress. */
async function bigModule(dir: TempDir): Promise<Record<string, string>> {
  await simpleModule(dir, "big");
  await Deno.mkdir(dir.join("kodata"));
  using file = await Deno.open(dir.join("kodata/data.bin"), { write: true, create: true });
  const block = new Uint8Array(MIB);
  for (let at = 0; at < MIB; at += 65536) crypto.getRandomValues(block.subarray(at, at + 65536));
  for (let i = 0; i < 300; i++) await file.write(block);
  return { KODENO_CACHE: dir.join("cache") };
}

/** Whether a temporary file in a folder has grown to some megabytes. */
async function isWriting(folder: string): Promise<boolean> {
  for (const name of await names(folder)) {
    if (!name.endsWith(".tmp")) continue;
    const info = await Deno.stat(`${folder}/${name}`).catch(() => undefined);
    if ((info?.size ?? 0) > 20 * MIB) return true;
  }
  return false;
}

Deno.test("interrupt: in the middle of a big layer, and of its copy into the layout", async (t) => {
  await using dir = await tempDir();
  const env = await bigModule(dir);
  // A small image that is there before.
  await dir.write("small/go.mod", goMod("example.com/small"));
  await dir.write("small/main.go", printer("small"));
  assert.equal((await kodeno(["build", "./small"], { cwd: dir.path, env })).code, 0);
  const before = await fingerprint(dir.join("out"));

  await t.step("while the layer is written to the cache", async () => {
    const writing = () => isWriting(dir.join("cache/layers"));
    assertInterrupted(await interrupted(dir, ["--oci-layout=new"], env, writing));
    assert.deepEqual(await dir.list("new"), []);
    assert.deepEqual(await temporaries(dir.join("cache")), []);
  });

  await t.step("while it is copied into a new layout", async () => {
    const writing = () => isWriting(dir.join("new"));
    const args = ["--oci-layout=new", "--compression=none"];
    assertInterrupted(await interrupted(dir, args, env, writing));
    assert.deepEqual(await dir.list(), ["cache", "go.mod", "kodata", "main.go", "out", "small"]);
  });

  await t.step("while it is copied into a layout that has an image", async () => {
    const writing = () => isWriting(dir.join("out"));
    assertInterrupted(await interrupted(dir, ["--compression=none"], env, writing));
    assert.equal((await assertClean(dir.join("out"))).length, 1);
    const { "index.json": index } = await fingerprint(dir.join("out"));
    assert.equal(index, before["index.json"]);
  });

  await t.step("and the next build goes on as if nothing had been", async () => {
    const args = ["build", "--compression=none"];
    assert.equal((await kodeno(args, { cwd: dir.path, env })).code, 0);
    assert.equal((await assertClean(dir.join("out"))).length, 2);
    assert.deepEqual((await filesBelow(dir.path)).filter((name) => name.endsWith(".tmp")), []);
  });
});
