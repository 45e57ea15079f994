/**
 * Which folders are layouts, which can become one, and which are somebody else's.
 * @module
 */
import assert from "node:assert/strict";
import { failsWith } from "../../../test/support/fails.ts";
import { fingerprint } from "../../../test/support/layout.ts";
import { tempDir } from "../../../test/support/temp.ts";
import { createMarker } from "./files.ts";
import { openLayout } from "./layout.ts";

const MARKER = '{"imageLayoutVersion":"1.0.0"}';
const EMPTY =
  '{"schemaVersion":2,"mediaType":"application/vnd.oci.image.index.v1+json","manifests":[]}';
const ENTRY = `{"mediaType":"x","digest":"sha256:${"a".repeat(64)}","size":1}`;
const FULL = `{"schemaVersion":2,"manifests":[${ENTRY}]}`;

type Files = Readonly<Record<string, string>>;

Deno.test("marker: a new, empty or half-made folder becomes a layout", async () => {
  const cases: readonly (readonly [Files, entries: number])[] = [
    [{}, 0],
    // What a killed process may have left.
    [{ "blobs/sha256/.keep": "" }, 0],
    [{ "blobs/sha256/.keep": "", "index.json": EMPTY }, 0],
    [{ "index.json": FULL }, 1],
    [{ ".kodeno-elsewhere-1-1.tmp": "x" }, 0],
  ];
  for (const [files, entries] of cases) {
    await using dir = await tempDir();
    for (const [name, text] of Object.entries(files)) await dir.write(`layout/${name}`, text);
    const layout = await openLayout(dir.join("layout"), { create: true });
    assert.equal((await layout.entries()).length, entries);
    assert.notEqual(layout.made, undefined);
    assert.equal(await Deno.readTextFile(dir.join("layout/oci-layout")), MARKER);
    assert.equal((await Deno.stat(dir.join("layout/blobs/sha256"))).isDirectory, true);
    assert.equal((await openLayout(dir.join("layout"))).made, undefined);
  }
});

Deno.test("marker: folders above are made, and an empty index is what others write", async () => {
  await using dir = await tempDir();
  await openLayout(dir.join("a/b/layout"), { create: true });
  assert.equal(await Deno.readTextFile(dir.join("a/b/layout/index.json")), EMPTY);
  assert.deepEqual(await dir.list("a/b/layout"), ["blobs", "index.json", "oci-layout"]);
});

Deno.test("marker: what is somebody else's is refused, and stays as it is", async () => {
  const cases: readonly (readonly [Files, path: string, why: RegExp])[] = [
    [{ "layout/notes.txt": "x" }, "layout", /it holds "notes.txt" and has no oci-layout file/],
    [{ "layout/blobs/x": "", "layout/src/x": "" }, "layout", /it holds "src"/],
    [{ "layout": "x" }, "layout", /it is a file; name a folder/],
    [{ "layout": "x" }, "layout/below", /it is a file; name a folder/],
    [{ "layout/oci-layout": "x" }, "layout", /its oci-layout file is not JSON/],
    [{ "layout/oci-layout": "null" }, "layout", /its oci-layout file names no version/],
    [{ "layout/oci-layout": "[]" }, "layout", /its oci-layout file names no version/],
    [
      { "layout/oci-layout": '{"imageLayoutVersion":"2.0.0"}' },
      "layout",
      /its version is "2.0.0"; kodeno reads 1.0.0/,
    ],
  ];
  for (const [files, path, why] of cases) {
    await using dir = await tempDir();
    for (const [name, text] of Object.entries(files)) await dir.write(name, text);
    const before = await fingerprint(dir.path);
    const open = () => openLayout(dir.join(path), { create: true });
    const { exitCode, message } = await failsWith("BAD_PLACE", open, why);
    assert.equal(exitCode, 2);
    assert.match(message, /^Cannot use .* as an OCI layout: /);
    assert.deepEqual(await fingerprint(dir.path), before);
  }
});

Deno.test("marker: without being asked to, nothing is made", async () => {
  await using dir = await tempDir();
  await Deno.mkdir(dir.join("empty"));
  const reasons = {
    empty: /it has no oci-layout file; name a layout folder/,
    absent: /there is no such file or folder; name a layout or archive/,
    emtpy: /there is no such file or folder; did you mean ".*empty"\?$/,
  };
  for (const [name, why] of Object.entries(reasons)) {
    await failsWith("BAD_PLACE", () => openLayout(dir.join(name)), why);
  }
  assert.deepEqual(await dir.list(), ["empty"]);
  assert.deepEqual(await dir.list("empty"), []);
});

Deno.test("marker: a link to a layout is one", async () => {
  await using dir = await tempDir();
  await openLayout(dir.join("layout"), { create: true });
  await Deno.symlink(dir.join("layout"), dir.join("link"));
  assert.equal((await openLayout(dir.join("link"), { create: true })).made, undefined);
});

Deno.test("marker: several may make the same layout at once", async () => {
  await using dir = await tempDir();
  const path = dir.join("layout");
  await Deno.mkdir(path);
  await Promise.all(Array.from({ length: 8 }, () => createMarker(path)));
  const before = await fingerprint(path);
  assert.deepEqual(Object.keys(before), ["index.json", "oci-layout"]);
  // Nor does one that comes late take away what is there by then.
  await Deno.writeTextFile(dir.join("layout/index.json"), FULL);
  await createMarker(path);
  assert.equal(await Deno.readTextFile(dir.join("layout/index.json")), FULL);
});
