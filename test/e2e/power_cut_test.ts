/**
 * Power cuts: what kodeno has said to be done is on disk. A disk in a file is copied while it is
 * mounted, which is what a cut leaves, and the system calls come in the order that makes it so.
 * @module
 */
import assert from "node:assert/strict";
import { keepLogin } from "../../src/place/registry/login.ts";
import { needs, rootTool } from "../parts/tools.ts";
import { simpleModule } from "../support/go_module.ts";
import { imageGraph, layoutWith } from "../support/image_graph.ts";
import { done, kodeno, kodenoCommand, kodenoEnvironment } from "../support/kodeno.ts";
import { assertClean } from "../support/layout.ts";
import { ext4 } from "../support/mounts.ts";
import { succeed } from "../support/process.ts";
import { type TempDir, tempDir } from "../support/temp.ts";

const MB = 1024 * 1024;

/** What is done, and what has to be there then. */
interface Work {
  readonly run: (dir: TempDir, disk: string) => Promise<unknown>;
  readonly holds: (disk: string) => Promise<unknown>;
}

async function entriesIn(layout: string): Promise<number> {
  // Opening it would mend this one.
  const marker = await Deno.readTextFile(`${layout}/oci-layout`);
  assert.equal(JSON.parse(marker).imageLayoutVersion, "1.0.0");
  return (await assertClean(layout)).length;
}

const WORKS: readonly Work[] = [
  {
    run: (dir, disk) => done(dir, ["copy", "oci:A:a:v1", `oci:${disk}/new/deep/out:v1`]),
    holds: async (disk) => assert.equal(await entriesIn(`${disk}/new/deep/out`), 1),
  },
  {
    // A layout that is there gets another name, and no blob.
    run: (dir, disk) => done(dir, ["copy", "oci:A:a:v1", `oci:${disk}/new/deep/out:v2`]),
    holds: async (disk) => assert.equal(await entriesIn(`${disk}/new/deep/out`), 2),
  },
  {
    run: (dir, disk) => done(dir, ["merge", `${disk}/merged`, "A", `${disk}/new/deep/out`]),
    holds: async (disk) => assert.equal(await entriesIn(`${disk}/merged`), 3),
  },
  {
    run: (dir, disk) => done(dir, ["copy", "oci:A:a:v1", `archive:${disk}/archives/new/a.tar`]),
    holds: async (disk) =>
      assert.match((await kodeno(["ls", `${disk}/archives/new/a.tar`])).stdout, /a:v1 +sha256:/),
  },
  {
    run: (dir, disk) =>
      done(dir, ["build", ".", "--oci-layout", `${disk}/built`, "--image-refs", `${disk}/refs`]),
    holds: async (disk) => {
      assert.equal(await entriesIn(`${disk}/built`), 1);
      assert.match(await Deno.readTextFile(`${disk}/refs`), /^app:latest@sha256:\w{64}\n$/);
    },
  },
  {
    run: (dir, disk) => done(dir, ["build", ".", "--push=false", "--tarball", `${disk}/t/app.tar`]),
    holds: async (disk) =>
      assert.match((await kodeno(["ls", `${disk}/t/app.tar`])).stdout, /app:latest +sha256:/),
  },
  {
    run: (_, disk) =>
      keepLogin("reg.example", "me", "secret", { DOCKER_CONFIG: `${disk}/home/docker` }),
    holds: async (disk) =>
      assert.match(await Deno.readTextFile(`${disk}/home/docker/config.json`), /"reg\.example"/),
  },
];

Deno.test({
  name: "power cut: what was done is there afterwards, whole",
  ...needs("ext4"),
  fn: async () => {
    await using dir = await tempDir();
    await layoutWith(dir, "A", { "a:v1": imageGraph("a") });
    await simpleModule(dir);
    await using disk = await ext4(dir.join("disk"), 64 * MB);
    for (const [i, { run, holds }] of WORKS.entries()) {
      await run(dir, disk.path);
      await using after = await disk.cut(dir.join(`cut-${i}`));
      await holds(after.path);
    }
  },
});

/** A file or folder that was synced, or that got its name. */
interface Call {
  readonly what: "synced" | "named";
  readonly path: string;
  /** What it was called before. */
  readonly before?: string | undefined;
}

/** Runs kodeno; gives what it synced, when that had ended, and what it named, when that began. */
async function calls(dir: TempDir, args: readonly string[]): Promise<readonly Call[]> {
  const [program, ...own] = kodenoCommand();
  const log = dir.join("strace.log");
  const trace = "trace=fsync,fdatasync,rename,renameat,renameat2,link,linkat";
  const all = ["-f", "-y", "-qq", "-e", trace, "-o", log, program, ...own, ...args];
  await succeed(rootTool("strace") ?? "", all, { cwd: dir.path, env: kodenoEnvironment() });
  const found: Call[] = [];
  const syncing = new Map<string, string>();
  for (const line of (await Deno.readTextFile(log)).split("\n")) {
    const [, thread = "", rest = ""] = /^(\d+) +(.*)$/.exec(line) ?? [];
    const synced = /^f(?:data)?sync\(\d+<(.*?)>/.exec(rest)?.[1];
    if (synced !== undefined) syncing.set(thread, synced);
    const path = syncing.get(thread);
    if (path !== undefined && /\) += 0$/.test(rest)) {
      syncing.delete(thread);
      found.push({ what: "synced", path });
    }
    if (!/^(?:rename|link)/.test(rest)) continue;
    const [before, name] = [...rest.matchAll(/"([^"]*)"/g)].map(([, text]) => text);
    if (name !== undefined) found.push({ what: "named", path: name, before });
  }
  return found;
}

Deno.test({
  name: "power cut: files are synced before their names, folders before the index",
  ...needs("strace"),
  fn: async () => {
    await using dir = await tempDir();
    await layoutWith(dir, "A", { "a:v1": imageGraph("a") });
    const out = dir.join("new/out");
    const made = await calls(dir, ["copy", "oci:A:a:v1", `oci:${out}:v1`]);
    const isSynced = (path: string, from: number, to: number) =>
      made.slice(from, to).some((call) => call.what === "synced" && call.path === path);
    // The runtime names files of its own cache, elsewhere.
    const isOurs = (call: Call) => call.what === "named" && call.path.startsWith(out);
    const named = made.flatMap((call, at) => isOurs(call) ? [{ ...call, at }] : []);
    const short = (path: string) => path.replace(`${out}/`, "").replace(/\w{64}/, "*");
    const expected = ["index.json", "oci-layout", ...Array(8).fill("blobs/sha256/*"), "index.json"];
    assert.deepEqual(named.map(({ path }) => short(path)), expected);
    for (const { path, before = "", at } of named) {
      assert.ok(isSynced(before, 0, at), `${short(path)} had its name before it was on disk`);
    }
    const index = named.at(-1)?.at ?? 0;
    const blob = named.at(-2)?.at ?? 0;
    assert.ok(isSynced(`${out}/blobs/sha256`, blob, index), "the names of the blobs");
    assert.ok(isSynced(`${out}/blobs`, 0, index), "the folder of their folder");
    assert.ok(isSynced(out, named[1]?.at ?? 0, index), "the name of oci-layout");
    assert.ok(isSynced(dir.join("new"), 0, index), "the folder that the layout is in");
    assert.ok(isSynced(dir.path, 0, index), "the folder above, which was made as well");
    assert.ok(isSynced(out, index, made.length), "the name of the index");
    // Once in a run, whatever the number of blobs.
    const folder = made.filter(({ what, path }) =>
      what === "synced" && path === `${out}/blobs/sha256`
    );
    assert.equal(folder.length, 1);
  },
});

Deno.test("power cut: a damaged oci-layout beside a whole index is mended, and said", async () => {
  await using dir = await tempDir();
  const layout = await layoutWith(dir, "l", { "a:v1": imageGraph("a") });
  const whole = await Deno.readTextFile(`${layout}/oci-layout`);
  const note =
    /^Mended oci-layout of layout .*: it was damaged, as by a power cut; its index.json is/;
  const commands: readonly (readonly string[])[] = [
    ["ls", layout],
    ["inspect", layout, "a:v1"],
    ["gc", layout],
    ["tag", layout, "a:v1", "b:v1"],
    ["rm", layout, "b:v1"],
    ["copy", `oci:${layout}:a:v1`, `oci:${dir.join("out")}:v1`],
    ["copy", `oci:${dir.join("out")}:v1`, `oci:${layout}:c:v1`],
    ["merge", layout, dir.join("out")],
    ["push", layout, "--to", "127.0.0.1:1/x", "--dry-run", "--offline"],
  ];
  for (const damage of ["", "\0".repeat(whole.length), whole.slice(0, 9), `${whole}}`, "null"]) {
    for (const args of damage === "" ? commands : commands.slice(0, 1)) {
      await Deno.writeTextFile(`${layout}/oci-layout`, damage);
      const { code, stderr } = await kodeno(args, { cwd: dir.path });
      if (args[0] !== "push") assert.equal(code, 0, `${args[0]}: ${stderr}`);
      assert.match(stderr, note, args[0]);
      assert.equal(await Deno.readTextFile(`${layout}/oci-layout`), whole);
      assert.doesNotMatch((await kodeno(["ls", layout])).stderr, /./);
    }
  }
  // Without an index nobody can tell that it was a layout.
  await Deno.writeTextFile(`${layout}/oci-layout`, "");
  await Deno.writeTextFile(`${layout}/index.json`, "");
  const { code, stderr } = await kodeno(["ls", layout]);
  assert.equal(code, 2);
  assert.match(stderr, /its oci-layout file is not JSON/);
});
