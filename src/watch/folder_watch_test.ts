/**
 * Watched folders: which changes are told, and when.
 * @module
 */
import assert from "node:assert/strict";
import { tempDir } from "../../test/support/temp.ts";
import { FolderWatch } from "./folder_watch.ts";

const QUIET_MS = 50;
const END = AbortSignal.timeout(60_000);

Deno.test("folders: changes in each by itself, not in what lies below", async () => {
  await using dir = await tempDir();
  await dir.write("a/deep/x", "");
  await dir.write("b/x", "");
  using folders = new FolderWatch();
  const [a, b] = [dir.join("a"), dir.join("b")];
  assert.deepEqual(folders.watch([a, b, dir.join("none"), dir.join("b/x")]), [a, b]);
  assert.deepEqual(folders.watch([a, b]), []);
  await dir.write("a/deep/x", "1");
  await dir.write("b/y", "1");
  assert.deepEqual([...await folders.next(QUIET_MS, END)], [dir.join("b/y")]);
});

Deno.test("folders: whole trees and files, but for what does not matter", async () => {
  await using dir = await tempDir();
  await dir.write("a/deep/x", "");
  await dir.write("b/file", "");
  using folders = new FolderWatch({ recursive: true, matters: (path) => !path.endsWith("~") });
  folders.watch([dir.join("a"), dir.join("b/file")]);
  await dir.write("a/deep/x~", "1");
  await dir.write("b/other", "1");
  await dir.write("a/deep/x", "1");
  assert.deepEqual([...await folders.next(QUIET_MS, END)], [dir.join("a/deep/x")]);
  await dir.write("b/file", "1");
  assert.deepEqual([...await folders.next(QUIET_MS, END)], [dir.join("b/file")]);
});

Deno.test("folders: what is told by hand counts, and the signal ends the waiting", async () => {
  using folders = new FolderWatch();
  folders.add("/somewhere");
  assert.deepEqual([...await folders.next(QUIET_MS)], ["/somewhere"]);
  const signal = AbortSignal.timeout(50);
  await assert.rejects(folders.next(QUIET_MS, signal), (error) => error === signal.reason);
});
