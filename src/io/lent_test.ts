/**
 * Lent memory: all the bytes in their order from streams of either kind, and a chunk holds as long as
 * it was promised to.
 * @module
 */
import assert from "node:assert/strict";
import { tempDir } from "../../test/support/temp.ts";
import { byteStream, CHUNK_BYTES, lentChunks, type LentOptions, observed } from "./lent.ts";
import { fileStream, readAll } from "./streams.ts";

const content = new Uint8Array(3 * CHUNK_BYTES + 5).map((_, i) => (i * 7) % 251);

/** The content in the memory of a reader, `step` bytes at a time. */
function lending(step: number, fails?: Error): ReadableStream<Uint8Array> {
  let at = 0;
  return byteStream((memory) => {
    if (fails && at > 0) return Promise.reject(fails);
    const part = content.subarray(at, at + Math.min(step, memory.length));
    at += part.length;
    memory.set(part);
    return Promise.resolve(memory.subarray(0, part.length));
  }, () => {});
}

/** The content in memory of its own, with an empty chunk. */
const bringing = (): ReadableStream<Uint8Array> =>
  ReadableStream.from([content.slice(0, 9), new Uint8Array(0), content.slice(9)]);

async function taken(
  stream: ReadableStream<Uint8Array>,
  options: Partial<LentOptions> = {},
): Promise<Uint8Array> {
  const copies: Uint8Array[] = [];
  for await (const chunk of lentChunks(stream, { size: content.length, ...options })) {
    copies.push(chunk.slice());
  }
  return await readAll(ReadableStream.from(copies), content.length, "it");
}

Deno.test("lent memory: all bytes come, whoever has made the stream", async () => {
  await using dir = await tempDir();
  const path = await dir.write("file", content);
  const streams: readonly (() => Promise<ReadableStream<Uint8Array>>)[] = [
    async () => fileStream(await Deno.open(path)),
    () => Promise.resolve(lending(CHUNK_BYTES)),
    () => Promise.resolve(lending(70_001)),
    () => Promise.resolve(bringing()),
  ];
  for (const open of streams) {
    for (const keep of [0, 1, 3]) assert.deepEqual(await taken(await open(), { keep }), content);
    assert.deepEqual(await taken(await open(), { size: 1000 }), content);
    // The other ways to read the same stream.
    assert.deepEqual(await readAll(await open(), content.length, "it"), content);
    let seen = 0;
    const twice = observed(observed(await open(), ({ length }) => seen += length), () => {});
    assert.deepEqual(await taken(twice), content);
    assert.equal(seen, content.length);
  }
});

Deno.test("lent memory: a chunk holds till the next is asked for, or as many more as were said", async () => {
  for (const keep of [0, 1, 2]) {
    const chunks: Uint8Array[] = [];
    for await (const chunk of lentChunks(lending(CHUNK_BYTES), { size: content.length, keep })) {
      chunks.push(chunk);
      // Memory that was lent again is no longer there.
      const hold = chunks.map(({ length }) => length > 0);
      const expected = chunks.map((_, i) => i >= chunks.length - 1 - keep);
      assert.deepEqual(hold, expected);
    }
    assert.equal(chunks.length, 4);
  }
});

Deno.test("lent memory: an error and the end of the interest go through", async () => {
  const broken = new Error("broken");
  await assert.rejects(taken(lending(10, broken)), broken);
  await assert.rejects(taken(observed(lending(10, broken), () => {})), broken);
  const waiting = byteStream(() => new Promise(() => {}), () => {});
  const stop = new AbortController();
  const ended = assert.rejects(taken(observed(waiting, () => {}), { signal: stop.signal }), broken);
  stop.abort(broken);
  await ended;
});
