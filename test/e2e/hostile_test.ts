/**
 * Layouts and archives that somebody made to do harm: names that lead elsewhere or move a terminal's
 * cursor, links and pipes in the place of files. Nothing outside is touched, and one line says why.
 * @module
 */
import assert from "node:assert/strict";
import { openLayout } from "../../src/place/layout/layout.ts";
import { member, tar } from "../archive/images.ts";
import { startRegistry } from "../parts/registry.ts";
import { needs } from "../parts/tools.ts";
import { imageGraph, pushAll } from "../support/image_graph.ts";
import { deadTemporary, fingerprint } from "../support/layout.ts";
import { type Outcome, succeed } from "../support/process.ts";
import { tame as tameRun } from "../support/tame.ts";
import { filesBelow, type TempDir, tempDir } from "../support/temp.ts";

const REF = "org.opencontainers.image.ref.name";
const NAME = "io.containerd.image.name";
const graph = imageGraph("hostile");
const ROOT = graph.root.descriptor;

const NAMES: readonly string[] = [
  "../../etc",
  "/etc/passwd",
  "..",
  "a\0b",
  "a\nb\nError: something else",
  "a\r\x1b[2Kb",
  "\x1b[31mred\x1b]0;title\x07\x1b]8;;http://x\x1b\\",
  "\u009b31m\u009d0;title\u009c",
  "\u202egpj.exe",
  "x".repeat(100_000),
  "-rf",
  "%2e%2e%2f",
  "C:\\Windows",
  "a b",
  "",
];

const FAILURE =
  /^(?:(?:Left out the name "|Could not ask )[^\n]{1,10000}\n)*Error: Cannot [^\n]{1,10000}\n$/;

/** Runs kodeno, which may fail in one line, and tell before that which name nothing can have, or
 * that a registry is away. */
async function tame(dir: TempDir, args: readonly string[]): Promise<Outcome> {
  const outcome = await tameRun(dir, args);
  const { code, stderr } = outcome;
  if (code !== 0) assert.match(stderr, FAILURE, args.join(" "));
  return outcome;
}

/** A folder with a folder `in`, where a layout is, and a file beside it. */
async function place(): Promise<TempDir & { readonly layout: string }> {
  const dir = await tempDir();
  const layout = await openLayout(dir.join("in/evil"), { create: true });
  await pushAll(layout, graph.blobs);
  await layout.tag(ROOT, "app:v1");
  await dir.write("outside/index.json", "not yours");
  return Object.assign(dir, { layout: dir.join("in/evil") });
}

/** What is not in `in`. */
async function outside(dir: TempDir): Promise<readonly unknown[]> {
  return [await dir.list(), await fingerprint(dir.join("outside"))];
}

async function writeIndex(layout: string, manifests: readonly unknown[]): Promise<void> {
  await Deno.writeTextFile(`${layout}/index.json`, JSON.stringify({ schemaVersion: 2, manifests }));
}

const named = (annotations: Record<string, string>) => ({ ...ROOT, annotations });
const entries = NAMES.flatMap((name) => [
  named({ [REF]: name }),
  named({ [NAME]: name }),
  named({ [NAME]: `${name}:${name}`, [REF]: name }),
]);
const commands = (from: string, name: string): readonly (readonly string[])[] => [
  ["inspect", from, name],
  ["copy", `oci:${from}:${name}`, "oci:copied"],
  ["copy", `oci:${from}:${name}`, "archive:copied.tar"],
  ["copy", `oci:${from}:app:v1`, `oci:copied:${name}`],
  ["push", from, "--to", "127.0.0.1:1/x", "--image", name, "--dry-run"],
  ["push", from, "--image", name, "--dry-run"],
  ["load", from, "--image", name],
  ["tag", from, "app:v1", name],
  ["tag", from, name, "fine"],
  ["rm", from, name],
  ["pull", `127.0.0.1:1/${name}`],
];

Deno.test("hostile names are printed tamely, and make no files", async () => {
  await using dir = await place();
  await writeIndex(dir.layout, [...entries, named({ [NAME]: "app:v1", [REF]: "v1" })]);
  const index = await Deno.readFile(`${dir.layout}/index.json`);
  const before = await outside(dir);
  const all = [
    ["ls", "evil"],
    ["ls", "evil", "--json"],
    ["inspect", "evil"],
    ["inspect", "evil", "--json"],
    ["merge", "merged", "evil"],
    ["merge", "merged", "evil", "--json"],
    ["gc", "evil"],
    ["copy", "oci:evil:nothing", "oci:x"],
    ["rm", "evil", "nothing"],
    ["load", "evil"],
    ["push", "evil", "--to", "127.0.0.1:1/x"],
  ];
  for (const args of all) {
    const { stdout } = await tame(dir, args);
    if (!args.includes("--json")) continue;
    // It is JSON all the same, and says what is there.
    const lines = stdout.trimEnd().split("\n").map((line) => JSON.parse(line));
    assert.ok(lines.some(({ name }) => name === "../../etc"), stdout.slice(0, 500));
  }
  assert.deepEqual(await Deno.readFile(`${dir.layout}/index.json`), index);
  assert.deepEqual(await outside(dir), before);
});

for (const name of ["../../etc", "a\nb\nError: something else", "\x1b[31mred", "x".repeat(5000)]) {
  Deno.test(`hostile name ${JSON.stringify(name.slice(0, 20))} is a name at most`, async () => {
    await using dir = await place();
    const mean = [...entries, named({ [NAME]: "app:v1", [REF]: "v1" })];
    const before = await outside(dir);
    for (const args of commands("evil", name)) {
      await writeIndex(dir.layout, mean);
      await tame(dir, args);
    }
    assert.deepEqual(await outside(dir), before);
    const made = new Set((await filesBelow(dir.join("in"))).map((file) => file.split("/")[0]));
    for (const one of made) assert.ok(["evil", "copied", "copied.tar"].includes(one ?? ""), one);
  });
}

Deno.test("hostile platforms and annotations are printed tamely", async () => {
  await using dir = await place();
  const bad = "\x1b[31m\nred\u009b";
  const platform = { os: bad, architecture: bad, variant: bad, "os.version": bad };
  await writeIndex(dir.layout, [{
    ...ROOT,
    platform,
    annotations: { [NAME]: "app:v1", [REF]: "v1" },
  }]);
  for (const more of [[], ["--json"]]) {
    await tame(dir, ["ls", "evil", ...more]);
    await tame(dir, ["inspect", "evil", ...more]);
  }
  await tame(dir, ["copy", "oci:evil:app:v1", "--platform", "linux/s390x", "oci:x"]);
});

Deno.test({
  name: "a registry's tags, names and errors are printed tamely",
  ...needs("docker-registry"),
  async fn() {
    await using dir = await place();
    await using registry = await startRegistry();
    const to = `${registry.host}/x`;
    assert.equal((await tame(dir, ["push", "evil", "--to", to])).code, 0);
    for (const name of NAMES.filter((one) => !one.includes("\0"))) {
      await tame(dir, ["pull", `${to}/app:${name}`, "--oci-layout", "pulled"]);
      await tame(dir, ["copy", `${to}/app:v1`, `oci:pulled:${name}`]);
      await tame(dir, ["copy", "oci:evil:app:v1", `${to}:${name}`]);
    }
  },
});

/** What stands in the place of a file or folder, and whether the layout can still be read. */
const TRAPS: Readonly<Record<string, (layout: string, outside: string) => Promise<void>>> = {
  "an index.json that is a link": async (layout, outside) => {
    await Deno.rename(`${layout}/index.json`, `${outside}/index.json`);
    await Deno.symlink("../../outside/index.json", `${layout}/index.json`);
  },
  "an index.json that leads to /etc/passwd": async (layout) => {
    await Deno.remove(`${layout}/index.json`);
    await Deno.symlink("/etc/passwd", `${layout}/index.json`);
  },
  "an index.json that is a pipe": (layout) => pipe(`${layout}/index.json`),
  "an oci-layout that is a pipe": (layout) => pipe(`${layout}/oci-layout`),
  "an oci-layout of 1 TB": (layout) => Deno.truncate(`${layout}/oci-layout`, 1e12),
  "an index.json of 1 TB": (layout) => Deno.truncate(`${layout}/index.json`, 1e12),
  "blobs that are pipes": async (layout) => {
    for (const name of await filesBelow(`${layout}/blobs`)) await pipe(`${layout}/blobs/${name}`);
  },
  "blobs that lead to a device": async (layout) => {
    for (const name of await filesBelow(`${layout}/blobs`)) {
      await Deno.remove(`${layout}/blobs/${name}`);
      await Deno.symlink("/dev/zero", `${layout}/blobs/${name}`);
    }
  },
  "blobs that lead to other files": async (layout, outside) => {
    for (const name of await filesBelow(`${layout}/blobs/sha256`)) {
      await Deno.remove(`${layout}/blobs/sha256/${name}`);
      await Deno.symlink(`${outside}/index.json`, `${layout}/blobs/sha256/${name}`);
    }
  },
  "a folder of blobs that is a link": async (layout, outside) => {
    await Deno.rename(`${layout}/blobs`, `${outside}/blobs`);
    await Deno.symlink("../../outside/blobs", `${layout}/blobs`);
    // Now all that lies there looks as if nobody needed it.
    await writeIndex(layout, []);
  },
  "temporary files that are links": async (layout, outside) => {
    await Deno.symlink(outside, deadTemporary(layout));
  },
};

async function pipe(path: string): Promise<void> {
  await Deno.remove(path);
  await succeed("mkfifo", [path]);
}

for (const [what, set] of Object.entries(TRAPS)) {
  Deno.test(`a layout with ${what} harms nobody`, async () => {
    await using dir = await place();
    const other = imageGraph("good");
    const good = await openLayout(dir.join("in/good"), { create: true });
    await pushAll(good, other.blobs);
    await good.tag(other.root.descriptor, "good:v1");
    await set(dir.layout, dir.join("outside"));
    const before = await outside(dir);
    const all = [
      ["ls", "evil"],
      ["inspect", "evil"],
      ["copy", "oci:evil:app:v1", "oci:copied"],
      ["copy", "oci:evil:app:v1", "archive:copied.tar"],
      ["push", "evil", "--to", "127.0.0.1:1/x", "--dry-run"],
      ["load", "evil"],
      ["merge", "merged", "evil"],
      ["tag", "evil", "app:v1", "app:v2"],
      ["copy", "oci:good:good:v1", "oci:evil"],
      ["merge", "evil", "good"],
      ["rm", "evil", "app:v1"],
      ["gc", "evil", "--prune-now"],
    ];
    for (const args of all) {
      await tame(dir, args);
      assert.deepEqual(await outside(dir), before, args.join(" "));
    }
  });
}

Deno.test("an archive with hostile names is read tamely", async () => {
  await using dir = await place();
  const blobs = graph.blobs.map(({ descriptor: { digest }, bytes }) =>
    member(`blobs/sha256/${digest.slice(7)}`, bytes)
  );
  const index = JSON.stringify({ schemaVersion: 2, manifests: entries });
  const marker = member("oci-layout", '{"imageLayoutVersion":"1.0.0"}');
  await dir.write("in/evil.tar", tar(marker, member("index.json", index), ...blobs));
  // What the names of members may be is the archive's own tests' matter; here it is what is printed.
  await dir.write("in/names.tar", tar(marker, member("\x1b[31m\nred/../../x", "x")));
  const link = {
    type: "symlink",
    name: "index.json",
    mode: 0o777,
    linkname: "../\x1b[31m",
  } as const;
  await dir.write("in/link.tar", tar(marker, member(link)));
  const before = await outside(dir);
  for (const archive of ["evil.tar", "names.tar", "link.tar"]) {
    const all = [
      ["ls", archive],
      ["inspect", archive],
      ["copy", `archive:${archive}`, "oci:copied"],
      ["copy", `archive:${archive}:../../etc`, "oci:copied"],
      ["push", archive, "--to", "127.0.0.1:1/x", "--dry-run"],
      ["load", archive],
      ["merge", "merged", archive],
    ];
    for (const args of all) await tame(dir, args);
  }
  assert.deepEqual(await outside(dir), before);
});
