/**
 * The files of a proposal are written once, and whole.
 * @module
 */
import assert from "node:assert/strict";
import { failsWith } from "../../test/support/fails.ts";
import { tempDir } from "../../test/support/temp.ts";
import { writeNew } from "./init.ts";

Deno.test("write new: makes a file and its folders once, whoever is first", async () => {
  await using dir = await tempDir();
  const path = dir.join("a/b/file");
  const texts = Array.from({ length: 20 }, (_, i) => `text ${i}\n`);
  const made = await Promise.all(texts.map((text) => writeNew(path, text)));
  assert.equal(made.filter((is) => is).length, 1);
  assert.equal(await Deno.readTextFile(path), texts[made.indexOf(true)]);
  assert.equal(await writeNew(path, "other"), false);
  assert.equal(await Deno.readTextFile(path), texts[made.indexOf(true)]);
  // No temporary file stays.
  assert.deepEqual(await dir.list("a/b"), ["file"]);
});

Deno.test("write new: a folder that cannot be made is an error", async () => {
  await using dir = await tempDir();
  await dir.write("file", "");
  await failsWith(
    "IO_FAILED",
    () => writeNew(dir.join("file/x"), ""),
    /^Cannot (?:make folder|write) .*\/file/,
  );
});
