/**
 * Output goes where the user points: pipes, devices, descriptors and stdout are written through, links
 * are followed, and archives come from stdin. A stdout that takes nothing is one clear line.
 * @module
 */
import assert from "node:assert/strict";
import { needs } from "../parts/tools.ts";
import { simpleModule } from "../support/go_module.ts";
import { imageGraph, layoutWith } from "../support/image_graph.ts";
import { kodenoEnvironment, kodenoWords, spawnKodeno } from "../support/kodeno.ts";
import { isRunning, type Outcome, run, until } from "../support/process.ts";
import { tmpfs } from "../support/mounts.ts";
import { type TempDir, tempDir } from "../support/temp.ts";

const GRAPH = imageGraph("output");
const COPY = "copy oci:in:app:v1";
const REFERENCE = `app:v1@${GRAPH.root.descriptor.digest}`;

/** A folder with a layout `in`, and an archive of it. */
async function place(): Promise<TempDir> {
  const dir = await tempDir();
  await layoutWith(dir, "in", { "app:v1": GRAPH });
  const { code, stderr } = await shell(dir, `kodeno ${COPY} archive:want.tar`);
  assert.equal(code, 0, stderr);
  return dir;
}

/** Runs lines of bash, in which `kodeno` is the one under test. */
async function shell(
  dir: TempDir,
  lines: string,
  env: Readonly<Record<string, string>> = {},
): Promise<Outcome> {
  const text = `kodeno() { ${kodenoWords()} "$@"; }\n${lines}`;
  return await run("bash", ["-euo", "pipefail", "-c", text], {
    cwd: dir.path,
    env: kodenoEnvironment(env),
  });
}

/** Lines that have to go well; gives what they print. */
async function well(dir: TempDir, lines: string): Promise<string> {
  const { code, stdout, stderr } = await shell(dir, lines);
  assert.equal(code, 0, `${lines}\n${stderr}`);
  return stdout;
}

/** What is where an archive goes to, in bash, with lines that bring it into `got.tar`. */
const ARCHIVES: Readonly<Record<string, string>> = {
  "a pipe": `mkfifo p; cat p >got.tar & kodeno ${COPY} archive:p; wait; test -p p`,
  "stdout": `kodeno ${COPY} archive:- >got.tar`,
  "stdout by its path": `kodeno ${COPY} archive:/dev/stdout | cat >got.tar`,
  "stdout by a link": `ln -s /dev/fd/1 l; kodeno ${COPY} archive:l >got.tar; test -L l`,
  "a descriptor": `kodeno ${COPY} archive:/dev/fd/3 3>got.tar`,
  "the end of a file": `printf x >g; kodeno ${COPY} archive:/dev/fd/3 3>>g; tail -c +2 g >got.tar`,
  "another process": `kodeno ${COPY} archive:>(cat >got.tar); wait $!`,
  "a link": `mkdir d; echo old >d/got; ln -s d/got l; kodeno ${COPY} archive:l; test -L l; ` +
    "test ! -L d/got; mv d/got got.tar",
  "a link that leads nowhere yet": `ln -s got.tar l; kodeno ${COPY} archive:l; test -L l`,
  "the file it comes from": `cp want.tar got.tar; kodeno copy archive:got.tar archive:got.tar`,
  "stdout, from stdin": `kodeno copy archive:- archive:- <want.tar >got.tar`,
  "stdout, from a pipe": `kodeno copy archive:<(cat want.tar) archive:- | cat >got.tar`,
};

for (const [what, lines] of Object.entries(ARCHIVES)) {
  Deno.test(`output: an archive to ${what}`, async () => {
    await using dir = await place();
    await well(dir, `${lines}\ncmp want.tar got.tar`);
    assert.deepEqual((await dir.list()).filter((name) => name.startsWith(".")), []);
  });
}

Deno.test("output: beside an archive on stdout, references and events go to stderr", async () => {
  await using dir = await place();
  const { stderr } = await shell(dir, `kodeno ${COPY} archive:- >got.tar; cmp want.tar got.tar`);
  assert.equal(stderr.split("\n")[0], REFERENCE);
  const json = await shell(dir, `kodeno ${COPY} archive:- --json >got.tar; cmp want.tar got.tar`);
  const events = json.stderr.trimEnd().split("\n").map((line) => JSON.parse(line));
  assert.equal(events.at(-1).digest, GRAPH.root.descriptor.digest);
});

Deno.test("output: archives from stdin are read as others are", async () => {
  await using dir = await place();
  assert.equal(await well(dir, "kodeno ls - <want.tar"), await well(dir, "kodeno ls want.tar"));
  assert.equal(
    await well(dir, "cat want.tar | kodeno inspect - app:v1"),
    await well(dir, "kodeno inspect want.tar"),
  );
  assert.equal(await well(dir, "cat want.tar | kodeno merge out -"), `${REFERENCE}\n`);
  assert.equal(await well(dir, "kodeno ls <(cat want.tar)"), await well(dir, "kodeno ls out"));
  // As copy names them.
  for (const from of ["archive:-", "archive:want.tar", "oci:out"]) {
    assert.equal(await well(dir, `kodeno ls ${from} <want.tar`), await well(dir, "kodeno ls out"));
    assert.equal(await well(dir, `kodeno merge out ${from} <want.tar`), `${REFERENCE}\n`);
  }
  const wrong = async (lines: string, message: RegExp): Promise<void> => {
    const { code, stdout, stderr } = await shell(dir, lines);
    assert.deepEqual([code, stdout], [2, ""], stderr);
    assert.match(stderr, message);
  };
  await wrong(
    "kodeno ls - </dev/null",
    /^Error: Cannot use stdin as an image archive: it is empty;/,
  );
  await wrong(
    "kodeno merge out - - <want.tar",
    /^Error: Cannot read archive stdin: .*say - once\n$/,
  );
  const zstd = /^Error: .*it is compressed with zstd; .*, or "zstd -dc \| kodeno ls -"\n$/;
  await wrong("printf '\\x28\\xb5\\x2f\\xfd' | kodeno ls -", zstd);
  const file = "f.tar.zst";
  await dir.write(file, Uint8Array.of(0x28, 0xb5, 0x2f, 0xfd));
  const lines = [
    ["load f.tar.zst", "load -"],
    ["push f.tar.zst --to reg.example/x", "push - --to reg.example/x"],
    ["ls f.tar.zst", "ls -"],
    ["inspect f.tar.zst", "inspect -"],
    ["merge out f.tar.zst", "merge out -"],
    ["copy archive:f.tar.zst:app:v1 oci:o", "copy archive:-:app:v1 oci:o"],
  ];
  for (const [said, line] of lines) {
    await wrong(
      `kodeno ${said}`,
      new RegExp(`, or "zstd -dc f\\.tar\\.zst \\| kodeno ${line}"\n$`),
    );
  }
});

Deno.test({
  name: "output: neither is an archive written to a terminal nor read from one",
  ...needs("script"),
  fn: async () => {
    await using dir = await place();
    const words = kodenoWords();
    const lines = `script -qc "${words} ${COPY} archive:-" /dev/null </dev/null
      script -qc "${words} ls -" /dev/null </dev/null`;
    const said = await well(dir, lines);
    assert.match(said, /^Error: Cannot write an archive to stdout: it is a terminal; /m);
    assert.match(said, /^Error: Cannot read archive stdin: it is a terminal; /m);
  },
});

Deno.test("output: what a build writes goes through pipes and links, and to stdout", async () => {
  await using dir = await tempDir();
  await simpleModule(dir);
  const build = "kodeno build --oci-layout out";
  const reference = await well(dir, build);
  assert.match(reference, /^\S+@sha256:\S+\n$/);
  await well(
    dir,
    `mkfifo p; cat p >refs & ${build} --image-refs p >printed; wait; cmp refs printed`,
  );
  await well(dir, `ln -s real l; ${build} --image-refs l >printed; test -L l; cmp real printed`);
  if (Deno.build.os !== "windows") {
    await well(
      dir,
      `install -m 600 real own; ${build} --image-refs own; test -O own; cmp own real`,
    );
    assert.equal(((await Deno.stat(dir.join("own"))).mode ?? 0) & 0o777, 0o600);
  }
  assert.equal(await well(dir, `${build} --image-refs - 2>printed`), reference);
  assert.match(await Deno.readTextFile(dir.join("printed")), new RegExp(`^${reference}$`, "m"));
  assert.match(await well(dir, `kodeno build --tarball - 2>printed | kodeno ls -`), /^\S+:latest /);
  assert.match(await Deno.readTextFile(dir.join("printed")), /^\S+:latest@sha256:/m);
  const two = await shell(dir, "kodeno build --tarball - --image-refs /dev/stdout");
  assert.equal(two.code, 2);
  assert.match(
    two.stderr,
    /^Error: Cannot write --tarball and --image-refs: both would go to stdout/,
  );
  for (const command of ["resolve -f x.yaml", "apply -f x.yaml", "run .", "watch"]) {
    const { code, stdout, stderr } = await shell(dir, `kodeno ${command} --tarball -`);
    assert.deepEqual([code, stdout], [2, ""]);
    assert.match(stderr, /^Error: Cannot write --tarball to stdout: .*name a file\n$/);
  }
});

Deno.test({
  name: "output: a pipe that whoever shares it has set not to wait gets everything, once",
  ...needs("python3"),
  fn: async () => {
    await using dir = await tempDir();
    await simpleModule(dir);
    await dir.write("many.yaml", `items:\n${"- name: one  # of many\n".repeat(20_000)}`);
    await dir.write(
      "now.py",
      "import os, sys\nos.set_blocking(1, False)\nos.execv(sys.argv[1], sys.argv[1:])\n",
    );
    for (const args of ["build --tarball -", "resolve -f many.yaml"]) {
      await well(dir, `kodeno ${args} >want`);
      await well(
        dir,
        `python3 now.py ${kodenoWords()} ${args} | (sleep 1; cat) >got; cmp want got`,
      );
    }
  },
});

Deno.test("output: a stdout that is full or has no reader is one line", async () => {
  await using dir = await place();
  await simpleModule(dir);
  const failed = async (lines: string, message: RegExp): Promise<void> => {
    const { code, stderr } = await shell(dir, lines);
    assert.equal(code, 1, `${lines}\n${stderr}`);
    const said = stderr.trimEnd().split("\n").filter((line) =>
      !/: (?:compiling|done in)/.test(line)
    );
    assert.equal(said.length, 1, stderr);
    assert.match(said[0] ?? "", message, lines);
  };
  const full = /^Error: Cannot write to stdout: no space is left on the disk;/;
  const commands = [
    "--version",
    "--help",
    "ls in",
    "inspect in --json",
    "completion bash",
    "schema",
    "merge merged in",
    "build --oci-layout out",
    "build --oci-layout new --json",
  ];
  for (const command of commands) await failed(`kodeno ${command} >/dev/full`, full);
  assert.ok(
    !(await dir.list()).includes("new"),
    "a build that could not be told of left its layout",
  );
  await failed(
    `kodeno ${COPY} archive:- >/dev/full`,
    /^Error: Cannot write the archive on stdout: no/,
  );
  await failed(`kodeno ${COPY} archive:/dev/full`, /^Error: Cannot write archive \/dev\/full: no/);
  const gone = /^Error: Cannot write .*stdout: its reader has gone$/;
  await failed("mkfifo q; exec 3<>q 4>q 3<&-; kodeno ls in >&4", gone);
  await failed(`exec 3<>q 4>q 3<&-; kodeno ${COPY} archive:- >&4`, gone);
  // What nobody hears on stderr is no failure.
  assert.match(await well(dir, "kodeno ls in 2>/dev/full"), /^app:v1 /);
});

Deno.test("output: a pipe that nobody reads is waited for, till Ctrl-C", async () => {
  await using dir = await place();
  await well(dir, "mkfifo p");
  const child = spawnKodeno([...COPY.split(" "), "archive:p"], { cwd: dir.path });
  const said = new Response(child.stderr).text();
  // Now it is there to be signalled; whether it has come to the pipe makes no difference.
  await until("kodeno runs", () => isRunning(child.pid));
  await new Promise((resolve) => setTimeout(resolve, 1500));
  assert.ok(await isRunning(child.pid));
  child.kill("SIGINT");
  assert.equal((await child.status).code, 130);
  assert.match(await said, /^Error: Interrupted/);
  await child.stdout.cancel();
});

Deno.test("output: what a killed build kept for a pipe is swept by the next one", async () => {
  await using dir = await tempDir();
  await simpleModule(dir);
  await Deno.mkdir(dir.join("tmp"));
  await well(dir, "mkfifo p");
  const env = { TMPDIR: dir.join("tmp") };
  const child = spawnKodeno(["build", "--tarball", "p"], { cwd: dir.path, env });
  const left = async (): Promise<string[]> =>
    (await dir.list("tmp")).filter((name) => name.startsWith(".kodeno"));
  await until("layers are kept", async () => (await left()).length > 0, 60_000);
  child.kill("SIGKILL");
  await Promise.all([child.status, child.stdout.cancel(), child.stderr.cancel()]);
  assert.equal((await left()).length, 1);
  const { code, stderr } = await shell(dir, "kodeno build --tarball - | kodeno ls -", env);
  assert.equal(code, 0, stderr);
  assert.deepEqual(await left(), []);
});

Deno.test({
  name: "output: a file that is a mount of its own, as in a container, gets the archive",
  ...needs("tmpfs"),
  fn: async () => {
    await using dir = await place();
    await using disk = await tmpfs(dir.join("disk"), 1_000_000);
    await well(dir, "echo old that is longer >outside; : >disk/inside");
    await well(dir, "mount --bind outside disk/inside");
    try {
      await well(dir, `kodeno ${COPY} archive:disk/inside; cmp want.tar outside`);
    } finally {
      await well(dir, "umount disk/inside");
    }
    assert.deepEqual((await dir.list("disk")).sort(), ["inside"], disk.path);
  },
});

Deno.test({
  name: "output: a device stays one",
  ...needs("root"),
  fn: async () => {
    await using dir = await place();
    await well(dir, `mknod null c 1 3; kodeno ${COPY} archive:null; test -c null`);
  },
});
