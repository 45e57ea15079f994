/**
 * The division of images among machines: complete, even, and the same whoever asks.
 * @module
 */
import assert from "node:assert/strict";
import { divide, ImageTimes } from "./shards.ts";

const NONE = new Map<string, number>();

Deno.test("every image is in one shard, whatever the order it is named in", () => {
  const names = Array.from({ length: 23 }, (_, i) => `example.com/${i}`);
  for (const total of [1, 2, 5, 23, 30]) {
    const shards = divide(names, total, NONE);
    assert.equal(shards.length, total);
    assert.deepEqual(shards.flat().sort(), names.toSorted());
    assert.deepEqual(divide(names.toReversed(), total, NONE), shards);
    const sizes = shards.map(({ length }) => length);
    assert.ok(Math.max(...sizes) - Math.min(...sizes) <= 1, `${sizes}`);
  }
});

Deno.test("what took long is divided by its time, and what is not known by the mean", () => {
  const seconds = new Map([["a", 10], ["b", 4], ["c", 3], ["d", 3], ["gone", 99]]);
  assert.deepEqual(divide(["d", "c", "b", "a"], 2, seconds), [["a"], ["b", "c", "d"]]);
  // 5 is the mean of what is known.
  assert.deepEqual(divide(["a", "b", "c", "d", "new"], 2, seconds), [["a", "d"], [
    "b",
    "c",
    "new",
  ]]);
});

Deno.test("images of one run of go share its time by their sizes", () => {
  let now = 0;
  const times = new ImageTimes(() => now);
  const emit = times.listen();
  const stage = (image: string, stage: "compiling" | "layering" | "writing", bytes = 0) =>
    emit({ type: "stage", image, platform: "linux/amd64", stage, elapsedMs: 0, bytes });
  stage("big", "compiling");
  stage("small", "compiling");
  now = 10_000;
  for (const [image, bytes] of [["small", 1], ["big", 9]] as const) {
    stage(image, "layering");
    now += 500;
    stage(image, "writing", bytes);
  }
  // Another run of go, and an image that was there.
  stage("alone", "compiling");
  now += 2000;
  stage("alone", "layering");
  stage("alone", "writing", 4);
  stage("cached", "layering");
  stage("cached", "writing", 5);
  assert.equal(times.text(), "2.000 alone\n9.500 big\n1.500 small\n");
});
