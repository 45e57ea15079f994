/**
 * The kodata layer: which files go into it, in which order, and which links are followed.
 * @module
 */
import assert from "node:assert/strict";
import { failsWith } from "../../test/support/fails.ts";
import { succeed } from "../../test/support/process.ts";
import { type TempDir, tempDir } from "../../test/support/temp.ts";
import { identityOf, isSettled } from "../io/files.ts";
import { WINDOWS_SECURITY } from "./binary_layer.ts";
import { type KodataOptions, planKodataLayer } from "./kodata_layer.ts";

/** What lies below `repo/app`: text of a file, or `-> TARGET` for a link. */
type Tree = Readonly<Record<string, string>>;

const HEAD = ["var/", "var/run/", "var/run/ko/"];

async function make(dir: TempDir, tree: Tree): Promise<void> {
  await dir.write("repo/app/main.go", "");
  for (const [name, content] of Object.entries(tree)) {
    const target = /^-> (.*)$/.exec(content)?.[1]?.replace("DIR", dir.path);
    if (target === undefined) await dir.write(name, content);
    else await Deno.symlink(target, await dir.write(name, "").then((p) => (Deno.removeSync(p), p)));
  }
}

/** Names in the layer, folders with a slash, files with their content. */
async function names(dir: TempDir, options: Partial<KodataOptions> = {}): Promise<string[]> {
  const plan = await planKodataLayer(dir.join("repo/app"), { os: "linux", ...options });
  return plan.entries.map(({ entry, content }) => {
    assert.equal(entry.mode, 0o555);
    const name = entry.name.replace(/^\//, "");
    if (entry.type === "dir") return `${name}/`;
    const text = Deno.readTextFileSync(String(content));
    assert.equal(entry.size, text.length);
    return `${name}=${text}`;
  });
}

const below = (...rows: readonly string[]) => [...HEAD, ...rows.map((row) => `var/run/ko/${row}`)];

Deno.test("kodata: what goes into the layer, and in which order", async () => {
  const cases: readonly (readonly [Tree, readonly string[]])[] = [
    [{}, HEAD],
    // A file of that name is no folder of data.
    [{ "repo/app/kodata": "x" }, HEAD],
    [{ "repo/app/kodata/a": "1", "repo/app/kodata/.hidden": "2" }, below(".hidden=2", "a=1")],
    // Bytes decide, as in Go, and a folder's files come right behind it.
    [
      {
        "repo/app/kodata/b": "1",
        "repo/app/kodata/a.txt": "2",
        "repo/app/kodata/a/x": "3",
        "repo/app/kodata/a-": "4",
        "repo/app/kodata/Z": "5",
        "repo/app/kodata/\uffee": "6",
        "repo/app/kodata/\u{1f600}": "7",
      },
      below("Z=5", "a/", "a/x=3", "a-=4", "a.txt=2", "b=1", "\uffee=6", "\u{1f600}=7"),
    ],
    // Links are replaced by what they point to.
    [
      {
        "repo/app/kodata/a/x": "1",
        "repo/app/kodata/file": "-> a/x",
        "repo/app/kodata/folder": "-> a",
        "repo/app/kodata/again": "-> DIR/repo/app/kodata/file",
      },
      below("a/", "a/x=1", "again=1", "file=1", "folder/", "folder/x=1"),
    ],
    [{ "repo/app/kodata": "-> data", "repo/app/data/x": "1" }, below("x=1")],
    // A link out of kodata may lead into the rest of the repository.
    [
      {
        "repo/.git/HEAD": "x",
        "repo/LICENSE": "mit",
        "repo/app/kodata/LICENSE": "-> ../../LICENSE",
      },
      below("LICENSE=mit"),
    ],
    // So it may in a worktree, whose .git is a file.
    [
      { "repo/.git": "gitdir: x", "repo/docs/a": "1", "repo/app/kodata": "-> ../docs" },
      below("a=1"),
    ],
  ];
  for (const [tree, expected] of cases) {
    await using dir = await tempDir();
    await make(dir, tree);
    assert.deepEqual(await names(dir), expected);
  }
});

Deno.test("kodata: what cannot go into a layer is refused, by name", async () => {
  const outside = /outside of kodata and of the git repository.*KO_DATA_PATH_ALLOWED_ROOT/;
  const cases: readonly (readonly [Tree, RegExp])[] = [
    [{ "repo/app/kodata/x": "-> ../../secret", "repo/secret": "s" }, outside],
    [{ "repo/app/kodata/x": "-> ../main.go" }, outside],
    [{ "repo/app/kodata/x": "-> /etc/hosts" }, outside],
    [{ "repo/app/kodata": "-> ../data", "repo/data/x": "s" }, outside],
    // Neither by way of another link, nor into a folder whose name only begins the same.
    [
      { "repo/app/kodata/x": "-> y/s", "repo/app/kodata/y": "-> ../../o", "repo/o/s": "s" },
      outside,
    ],
    [{ "repo/app/kodata/x": "-> ../kodata2/s", "repo/app/kodata2/s": "s" }, outside],
    [
      { "repo/.git/HEAD": "x", "repo/app/kodata/x": "-> ../../../secret", "secret": "s" },
      outside,
    ],
    [{ "repo/app/kodata/x": "-> nowhere" }, /it is a link to nothing/],
    [{ "repo/app/kodata/x": "-> y", "repo/app/kodata/y": "-> x" }, /cannot be followed/],
    [{ "repo/app/kodata/a/b/x": "-> ../../a" }, /it is a link to a folder that it lies in/],
    [{ "repo/app/kodata/x": "-> ." }, /it is a link to a folder that it lies in/],
  ];
  for (const [tree, why] of cases) {
    await using dir = await tempDir();
    await make(dir, tree);
    const { message } = await failsWith("BAD_SOURCE_FILE", () => names(dir), why);
    assert.match(message, /^Cannot put .*\/repo\/app\/kodata\S* into an image: /);
  }
});

Deno.test("kodata: links may lead into the allowed root, and no further", async () => {
  await using dir = await tempDir();
  const link = "-> ../../../shared/data/x";
  await make(dir, { "repo/app/kodata/x": link, "shared/data/x": "1", "way": "-> shared" });
  for (const allowed of ["shared", "shared/data", "way"]) {
    assert.deepEqual(await names(dir, { allowedRoot: dir.join(allowed) }), below("x=1"));
  }
  for (const allowed of ["repo", "shared/dat", "absent"]) {
    await failsWith("BAD_SOURCE_FILE", () => names(dir, { allowedRoot: dir.join(allowed) }));
  }
});

Deno.test("kodata: a pipe is refused instead of read for ever", async () => {
  await using dir = await tempDir();
  await make(dir, { "repo/app/kodata/a": "1" });
  await succeed("mkfifo", [dir.join("repo/app/kodata/pipe")]);
  const why = /kodata\/pipe into an image: it is neither a file nor a folder/;
  await failsWith("BAD_SOURCE_FILE", () => names(dir), why);
});

Deno.test("kodata: Windows has its own folders, and no links", async () => {
  await using dir = await tempDir();
  const tree = {
    "repo/app/kodata/a": "1",
    "repo/app/kodata/b": "-> a",
    "repo/app/kodata/c": "-> /",
  };
  await make(dir, tree);
  const { entries } = await planKodataLayer(dir.join("repo/app"), { os: "windows" });
  assert.deepEqual(entries.map(({ entry }) => [entry.name, entry.pax]), [
    ["Hives", undefined],
    ["Files", undefined],
    ["Files/var", undefined],
    ["Files/var/run", undefined],
    ["Files/var/run/ko", undefined],
    ["Files/var/run/ko/a", WINDOWS_SECURITY],
  ]);
});

Deno.test("kodata: one time for all entries", async () => {
  await using dir = await tempDir();
  await make(dir, { "repo/app/kodata/a/b": "1" });
  for (const mtime of [undefined, 0, 1700000000]) {
    const { entries } = await planKodataLayer(dir.join("repo/app"), { os: "linux", mtime });
    assert.deepEqual([...new Set(entries.map(({ entry }) => entry.mtime))], [mtime]);
  }
});

Deno.test("kodata: what changes the layer changes its key", async () => {
  await using dir = await tempDir();
  const file = "repo/app/kodata/a";
  await make(dir, { [file]: "1" });
  const keys: string[] = [];
  const look = async (options: Partial<KodataOptions> = {}) => {
    const plan = await planKodataLayer(dir.join("repo/app"), { os: "linux", ...options });
    keys.push(JSON.stringify(plan.key));
    return plan;
  };
  // Written just now: the next change may not show in the file's times.
  assert.equal((await look()).settled, false);
  await look({ mtime: 5 });
  await look({ os: "windows" });
  await dir.write(file, "22");
  await look();
  await Deno.rename(dir.join(file), dir.join(`${file}2`));
  await look();
  await Deno.mkdir(dir.join("repo/app/kodata/empty"));
  await look();
  await Deno.utime(dir.join(`${file}2`), 1, 1);
  await look();
  assert.equal(new Set(keys).size, keys.length);
  await look();
  assert.equal(new Set(keys).size, keys.length - 1);
});

Deno.test("kodata: a file is settled when its next change will show", async () => {
  await using dir = await tempDir();
  const identity = await identityOf(await dir.write("a", "1"));
  assert.equal(identity.size, 1);
  const { modified } = identity;
  for (const changed of [modified, modified - 900]) {
    assert.equal(isSettled({ ...identity, changed }, modified + 2500), false);
    assert.equal(isSettled({ ...identity, changed }, modified + 2501), true);
  }
  // A time set back does not hide that the file was changed.
  const back = { ...identity, modified: 1000, changed: modified };
  assert.equal(isSettled(back, modified + 2000), false);
  await make(dir, {});
  assert.equal((await planKodataLayer(dir.join("repo/app"), { os: "linux" })).settled, true);
});
