/**
 * The lines that tell without a terminal how far the work is.
 * @module
 */
import assert from "node:assert/strict";
import type { Stage, TransferEvent } from "../events.ts";
import { PlainView } from "./plain_view.ts";

/** A view, its lines so far, and its clock in seconds. */
function plain(seldom = false) {
  const lines: string[] = [];
  const clock = { seconds: 0 };
  const view = new PlainView(seldom, (line) => lines.push(line), () => clock.seconds * 1000);
  const stage = (stage: Stage, image: string, platform = "linux/amd64") =>
    view.take({ type: "stage", stage, image, platform, elapsedMs: clock.seconds * 1000 });
  const blob = (digest: string, bytes: number, state: TransferEvent["state"], total = 4e6) =>
    view.take({ type: "transfer", image: "app", digest, bytes, total, state });
  /** The lines since it was called the last time. */
  const since = (): string[] => lines.splice(0);
  return { view, clock, stage, blob, since, [Symbol.dispose]: () => view.close() };
}

Deno.test("plain lines: half a minute later, what still goes on", () => {
  using made = plain();
  const { view, clock, stage, since } = made;
  stage("listing", "", "");
  clock.seconds = 30;
  view.pulse();
  assert.deepEqual(since(), ["still listing packages, 30 s"]);
  for (const name of ["a", "b", "c"]) stage("compiling", name);
  clock.seconds = 40;
  stage("compiling", "a", "linux/arm64");
  since();
  clock.seconds = 90;
  view.take({ type: "compiled", platform: "linux/amd64", packages: 212 });
  view.pulse();
  assert.deepEqual(since(), [
    "still compiling 3 packages for linux/amd64, 60 s (212 compiled so far, with imports)",
    "still compiling 1 package for linux/arm64, 50 s",
  ]);
  stage("layering", "a");
  stage("done", "b");
  clock.seconds = 120;
  view.pulse();
  assert.deepEqual(since(), [
    "b linux/amd64: done in 1m30s",
    "still layering 1 package for linux/amd64, 30 s",
    "still compiling 1 package for linux/amd64, 90 s (212 compiled so far, with imports)",
    "still compiling 1 package for linux/arm64, 80 s",
  ]);
  for (const name of ["a", "c"]) stage("done", name);
  stage("done", "a", "linux/arm64");
  since();
  view.pulse();
  assert.deepEqual(since(), []);
});

Deno.test("plain lines: large blobs, and those that do not move", () => {
  using made = plain();
  const { view, clock, blob, since } = made;
  const digest = `sha256:${"ab".repeat(32)}`;
  blob(digest, 0, "moving");
  blob("sha256:small", 0, "done", 10);
  clock.seconds = 5;
  blob(digest, 1e6, "moving");
  assert.deepEqual(since(), []);
  clock.seconds = 10;
  blob(digest, 2e6, "moving");
  assert.deepEqual(since(), ["app sha256:abababababab: 2.0 MB of 4.0 MB"]);
  clock.seconds = 60;
  view.pulse();
  assert.deepEqual(since(), ["still moving 1 of 2 blobs, 2.0 MB of 4.0 MB, 60 s"]);
  blob(digest, 4e6, "done");
  view.pulse();
  assert.deepEqual(since(), ["app sha256:abababababab: 4.0 MB done"]);
});

Deno.test("plain lines: only those of half a minute, and none when a round has failed", () => {
  using made = plain(true);
  const { view, clock, stage, blob, since } = made;
  stage("listing", "", "");
  stage("compiling", "a");
  blob("sha256:x", 0, "moving");
  clock.seconds = 30;
  blob("sha256:x", 1e6, "moving");
  view.pulse();
  assert.deepEqual(since(), [
    "still compiling 1 package for linux/amd64, 30 s",
    "still moving 1 of 1 blob, 1.0 MB of 4.0 MB, 30 s",
  ]);
  stage("done", "", "");
  clock.seconds = 60;
  view.pulse();
  assert.deepEqual(since(), []);
});
