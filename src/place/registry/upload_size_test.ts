/**
 * How a request of an upload gets smaller, and where that ends.
 * @module
 */
import assert from "node:assert/strict";
import { smallestChunk, UploadSize } from "./upload_size.ts";

const MIB = 1024 * 1024;

Deno.test("upload size: halves from 4 MiB down, and has an end", () => {
  const size = new UploadSize();
  assert.equal(size.most, Infinity);
  const tried: number[] = [];
  for (let body = 300_000_000; size.refuse(body, 0); body = size.most) tried.push(size.most);
  const halves = [4, 2, 1, 1 / 2, 1 / 4, 1 / 8, 1 / 16].map((n) => n * MIB);
  assert.deepEqual(tried, halves);
});

Deno.test("upload size: a stream that is refused for having no length begins with the largest", () => {
  const size = new UploadSize();
  assert.equal(size.refuse(Infinity, 0), true);
  assert.equal(size.most, 4 * MIB);
});

Deno.test("upload size: begins below what was refused", () => {
  for (const [refused, most] of [[5_000_000, 4], [4 * MIB, 2], [4 * MIB + 1, 4]] as const) {
    const size = new UploadSize();
    assert.equal(size.refuse(refused, 0), true);
    assert.equal(size.most, most * MIB);
    // An upload beside it that was refused the same is told of a smaller one, too.
    assert.equal(size.refuse(300_000_000, 0), true);
    assert.equal(size.most, most * MIB);
  }
});

Deno.test("upload size: not below what the registry wants a chunk to have", () => {
  const size = new UploadSize();
  assert.equal(size.refuse(20 * MIB, 6 * MIB), true);
  assert.equal(size.most, 4 * MIB);
  assert.equal(size.refuse(6 * MIB, 6 * MIB), false);
  // A last chunk that is smaller says nothing of the others.
  assert.equal(size.refuse(1000, 0), false);
  assert.equal(new UploadSize().refuse(1000, 0), false);
});

Deno.test("upload size: reads OCI-Chunk-Min-Length, and nothing into what is no number", () => {
  const of = (value: string) => smallestChunk(new Headers({ "oci-chunk-min-length": value }));
  assert.deepEqual([of("5242880"), of("0"), of("-1"), of("x"), of("1e9")], [5242880, 0, 0, 0, 0]);
  assert.equal(smallestChunk(new Headers()), 0);
});
