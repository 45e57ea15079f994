/**
 * Files and folders of kodata that become something else while they are packed: what lies outside
 * gets into no layer, whatever the moment.
 * @module
 */
import assert from "node:assert/strict";
import { failsWith, soon } from "../../test/support/fails.ts";
import { succeed } from "../../test/support/process.ts";
import { type TempDir, tempDir } from "../../test/support/temp.ts";
import { KodenoError } from "../errors.ts";
import { planKodataLayer } from "./kodata_layer.ts";
import { type LayerPlan, writeLayer } from "./layer.ts";

const INSIDE = "inside";
const SECRET = "secret";

const plan = (dir: TempDir) => planKodataLayer(dir.join("app"), { os: "linux" });

async function write(dir: TempDir, { entries }: LayerPlan): Promise<string> {
  using file = await Deno.create(dir.join("layer"));
  await writeLayer(file, entries, { compression: { type: "none" } });
  return await Deno.readTextFile(dir.join("layer"));
}

/** `app/kodata/a`, `app/kodata/d/e/f`, and `out`, which has the same and is nobody's business. */
async function place(): Promise<TempDir> {
  const dir = await tempDir();
  for (const name of ["a", "d/e/f"]) {
    await dir.write(`app/kodata/${name}`, INSIDE);
    await dir.write(`out/${name}`, SECRET);
  }
  await Deno.mkdir(dir.join("spare"));
  return dir;
}

Deno.test("kodata: what is not the file that was planned is not written", async () => {
  const swaps: Readonly<Record<string, (dir: TempDir) => Promise<unknown>>> = {
    "a link": async (dir) => {
      await Deno.remove(dir.join("app/kodata/a"));
      await Deno.symlink(dir.join("out/a"), dir.join("app/kodata/a"));
    },
    "a link to a file of the same name, above": async (dir) => {
      await Deno.rename(dir.join("app/kodata/d"), dir.join("spare/d"));
      await Deno.symlink(dir.join("out/d"), dir.join("app/kodata/d"));
    },
    "another file": (dir) => Deno.rename(dir.join("out/a"), dir.join("app/kodata/a")),
    "other content": async (dir) => {
      await dir.write("app/kodata/a", SECRET);
      await Deno.utime(dir.join("app/kodata/a"), 5, 5);
    },
    "a pipe": async (dir) => {
      await Deno.remove(dir.join("app/kodata/a"));
      await succeed("mkfifo", [dir.join("app/kodata/a")]);
    },
    "a folder": async (dir) => {
      await Deno.remove(dir.join("app/kodata/a"));
      await Deno.mkdir(dir.join("app/kodata/a"));
    },
  };
  for (const swap of Object.values(swaps)) {
    await using dir = await place();
    const planned = await plan(dir);
    assert.ok((await write(dir, planned)).includes(INSIDE));
    await swap(dir);
    const work = () => soon(write(dir, planned));
    await failsWith("BAD_SOURCE_FILE", work, /kodata\/\S+ into a layer: it changed while/);
  }
});

/** Puts a link to what is outside in the place of a file or folder, and takes it back, all the time. */
const RACER = `
const [home, spare, out] = Deno.args;
for (;;) {
  Deno.renameSync(home, spare);
  Deno.symlinkSync(out, spare + "-link");
  Deno.renameSync(spare + "-link", home);
  Deno.removeSync(home);
  Deno.renameSync(spare, home);
}`;

for (const name of ["a", "d", "d/e", "d/e/f"]) {
  Deno.test(`kodata: 60 times while ${name} becomes a link and is itself again`, async () => {
    await using dir = await place();
    const args = [dir.join("app/kodata", name), dir.join("spare/x"), dir.join("out", name)];
    const script = await dir.write("racer.js", RACER);
    await using _racer = new Deno.Command(Deno.execPath(), {
      args: ["run", "-A", "--no-prompt", script, ...args],
      stdin: "null",
      stdout: "null",
      stderr: "null",
    }).spawn();
    let written = 0;
    let refused = 0;
    const end = performance.now() + 20_000;
    // Some tries come before the racer has begun; all that are refused have met it.
    while (refused < 60 && performance.now() < end) {
      try {
        assert.ok(!(await soon(plan(dir).then((one) => write(dir, one)))).includes(SECRET));
        written++;
      } catch (error) {
        if (!(error instanceof KodenoError)) throw error;
        assert.match(error.code, /^(?:BAD_SOURCE_FILE|IO_FAILED)$/, error.message);
        refused++;
      }
    }
    assert.ok(refused > 0, `${written} written, ${refused} refused`);
  });
}

Deno.test({
  name: "kodata: a name that is not UTF-8 is refused, wherever it is",
  ignore: Deno.build.os !== "linux",
  fn: async () => {
    const cases: readonly (readonly [string, string, RegExp])[] = [
      [".", "caf\\351.txt", /Cannot put all of \S+\/kodata into an image: .*"caf\\xe9\.txt"/],
      ["d/e", "\\377", /Cannot put all of \S+\/d\/e into an image: .*"\\xff" in it is not UTF-8/],
    ];
    for (const [folder, name, message] of cases) {
      for (const command of [">", "mkdir"]) {
        await using dir = await place();
        const script = `cd "$1" && ${command} "$(printf '${name}')"`;
        await succeed("sh", ["-c", script, "sh", dir.join("app/kodata", folder)]);
        await failsWith("BAD_SOURCE_FILE", () => plan(dir), message);
      }
    }
    await using dir = await place();
    // That character itself is as good as any.
    await dir.write("app/kodata/\ufffd", "x");
    assert.ok((await write(dir, await plan(dir))).includes("ko/\ufffd"));
  },
});
