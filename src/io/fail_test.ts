/**
 * What the operating system says, in words of the next step.
 * @module
 */
import assert from "node:assert/strict";
import { KodenoError } from "../errors.ts";
import { tempDir } from "../../test/support/temp.ts";
import { ioFailure, isNotFound } from "./fail.ts";

async function thrownBy(work: () => Promise<unknown>): Promise<unknown> {
  try {
    await work();
  } catch (error) {
    return error;
  }
  assert.fail("it did not fail");
}

Deno.test("fail: a failed file operation says what to do next", async () => {
  await using dir = await tempDir();
  const file = await dir.write("file", "");
  const cases: (readonly [() => Promise<unknown>, RegExp])[] = [
    [() => Deno.open(dir.join("absent")), /there is no such file$/],
    [() => Deno.open(`${file}/below`), /a part of the path is a file$/],
    [() => Promise.reject(new Error("(os error 13)")), /permission denied; choose another place/],
    [() => Promise.reject(new Error("(os error 130)")), /\(os error 130\)$/],
    [() => Promise.reject(new Error("EROFS: x")), /read-only; choose another place$/],
    [() => Promise.reject("a text"), /a text$/],
  ];
  if (Deno.build.os === "linux") {
    const full = () => Deno.writeTextFile("/dev/full", "x");
    cases.push([full, /no space is left on the disk; free some/]);
  }
  for (const [work, why] of cases) {
    const thrown = await thrownBy(work);
    const error = ioFailure("write it", thrown);
    assert.deepEqual([error.code, error.exitCode, error.cause], ["IO_FAILED", 1, thrown]);
    assert.match(error.message, /^Cannot write it: /);
    assert.match(error.message, why);
  }
  assert.equal(isNotFound(await thrownBy(() => Deno.stat(dir.join("absent")))), true);
  assert.equal(isNotFound(await thrownBy(() => Deno.stat(`${file}/below`))), false);
});

Deno.test("fail: an error that already says so stays as it is", () => {
  const error = new KodenoError("NOT_FOUND", "Cannot find it");
  assert.equal(ioFailure("write it", error), error);
});
