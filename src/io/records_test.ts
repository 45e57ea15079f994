/**
 * Records: what is damaged, misnamed or of another user is none.
 * @module
 */
import assert from "node:assert/strict";
import { succeed } from "../../test/support/process.ts";
import { tempDir } from "../../test/support/temp.ts";
import { isOwnFile, readSealed, seal, writeSealed } from "./records.ts";

Deno.test("sealed: any flipped bit, missing byte or other name is noticed", async () => {
  await using dir = await tempDir();
  const path = dir.join("record");
  const read = (name: string, content: string | Uint8Array) => {
    if (typeof content === "string") Deno.writeTextFileSync(path, content, { mode: 0o600 });
    else Deno.writeFileSync(path, content, { mode: 0o600 });
    return readSealed(path, name);
  };
  const value = { digest: "sha256:abc", size: 1 };
  const text = seal("a", value);
  assert.deepEqual(read("a", text), value);
  assert.equal(read("b", text), undefined);
  const bytes = new TextEncoder().encode(text);
  for (let bit = 0; bit < 8 * bytes.length; bit++) {
    const flipped = bytes.slice();
    flipped[bit >> 3] = (flipped[bit >> 3] ?? 0) ^ (1 << (bit & 7));
    assert.equal(read("a", flipped), undefined, `bit ${bit}`);
  }
  for (let end = 0; end < text.length; end++) {
    assert.equal(read("a", text.slice(0, end)), undefined);
  }
  assert.equal(read("a", text + text), undefined);
});

Deno.test("sealed: a record that is there is read, and any other is none", async () => {
  await using dir = await tempDir();
  const path = dir.join("record");
  assert.equal(readSealed(path, "record"), undefined);
  await writeSealed(path, dir.path, "record", [1, "two"]);
  assert.deepEqual(readSealed(path, "record"), [1, "two"]);
  assert.equal(readSealed(dir.path, "record"), undefined);
  assert.deepEqual(await dir.list(), ["record"]);
});

Deno.test({
  name: "sealed: what others may have written is not read, whatever it says",
  ignore: Deno.build.os === "windows",
  fn: async () => {
    await using dir = await tempDir();
    const path = dir.join("record");
    const before = Deno.umask(0);
    try {
      await writeSealed(path, dir.path, "record", 1);
    } finally {
      Deno.umask(before);
    }
    assert.equal(readSealed(path, "record"), 1);
    for (const mode of [0o664, 0o646]) {
      await Deno.chmod(path, mode);
      assert.equal(readSealed(path, "record"), undefined);
    }
    await Deno.rename(path, dir.join("elsewhere"));
    await Deno.symlink(dir.join("elsewhere"), path);
    assert.equal(readSealed(path, "record"), undefined);
    // Nobody writes to this one, so that it would be waited for.
    await Deno.remove(path);
    await succeed("mkfifo", [path]);
    assert.equal(readSealed(path, "record"), undefined);
    assert.equal(isOwnFile({ uid: 12345, mode: 0o100600 }), Deno.uid() === 12345);
    assert.equal(isOwnFile({ uid: 0, mode: 0o100644 }), true);
    assert.equal(isOwnFile({ uid: null, mode: null }), true);
  },
});
