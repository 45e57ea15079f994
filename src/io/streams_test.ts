/**
 * Byte streams: from files and memory, whole, in chunks, and into memory that is used again.
 * @module
 */
import assert from "node:assert/strict";
import { failsWith, soon } from "../../test/support/fails.ts";
import { tempDir } from "../../test/support/temp.ts";
import { writeAll } from "./files.ts";
import {
  bytesStream,
  byteStream,
  CHUNK_BYTES,
  chunksOf,
  fileStream,
  observed,
  readAll,
  reusedChunks,
  type ReuseOptions,
} from "./streams.ts";

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);

Deno.test("streams: a file comes whole, in chunks, from its current place on", async () => {
  await using dir = await tempDir();
  const content = new Uint8Array(2 * CHUNK_BYTES + 5).map((_, i) => i % 251);
  const path = await dir.write("file", content);
  for (const skip of [0, 7, content.length]) {
    const file = await Deno.open(path);
    await file.seek(skip, Deno.SeekMode.Start);
    const sizes: number[] = [];
    const counted = fileStream(file).pipeThrough(
      new TransformStream<Uint8Array, Uint8Array>({
        transform(chunk, controller) {
          sizes.push(chunk.length);
          controller.enqueue(chunk);
        },
      }),
    );
    const read = await readAll(counted, content.length, "the file");
    assert.equal(read.length, content.length - skip);
    assert.ok(read.every((byte, i) => byte === content[i + skip]));
    assert.ok(Math.max(0, ...sizes) <= CHUNK_BYTES);
  }
});

Deno.test("streams: a file is closed when its reader goes away or reading fails", async () => {
  await using dir = await tempDir();
  const path = await dir.write("file", "hello");
  const left = fileStream(await Deno.open(path));
  for await (const chunk of left) {
    assert.equal(chunk.length, 5);
    break;
  }
  await fileStream(await Deno.open(path)).cancel();
  // Reading a folder fails.
  await assert.rejects(readAll(fileStream(await Deno.open(dir.path)), 1, "a folder"));
});

Deno.test("streams: bytes at hand are a stream, none of them an empty one", async () => {
  assert.deepEqual(await readAll(bytesStream(bytes("hello")), 5, "it"), bytes("hello"));
  assert.deepEqual(await readAll(bytesStream(new Uint8Array()), 0, "it"), new Uint8Array());
});

/** A stream without end that tells how often it was asked and whether it was cancelled. */
function endless(wait?: Promise<void>) {
  const seen = { asked: 0, cancelled: false };
  const stream = new ReadableStream<Uint8Array>({
    async pull(controller) {
      if (seen.asked++ > 0) await wait;
      controller.enqueue(bytes("x"));
    },
    cancel: () => void (seen.cancelled = true),
  }, { highWaterMark: 0 });
  return { stream, seen };
}

Deno.test("streams: past the limit nothing more is read", async () => {
  const { stream, seen } = endless();
  await failsWith("BAD_CONTENT", () => readAll(stream, 3, "it"), /it is larger than 3 bytes/);
  assert.deepEqual(seen, { asked: 4, cancelled: true });
});

Deno.test("streams: chunks come until the reader leaves, then the stream is cancelled", async () => {
  const { stream, seen } = endless();
  let count = 0;
  for await (const chunk of chunksOf(stream)) if ((count += chunk.length) === 3) break;
  assert.deepEqual(seen, { asked: 3, cancelled: true });
  const all: Uint8Array[] = [];
  for await (const chunk of chunksOf(bytesStream(bytes("hello")))) all.push(chunk);
  assert.deepEqual(all, [bytes("hello")]);
});

Deno.test("streams: chunks end with the signal, also while none comes", async () => {
  for (const wait of [undefined, new Promise<void>(() => {})]) {
    const { stream, seen } = endless(wait);
    const controller = new AbortController();
    const timer = setTimeout(() => controller.abort(new Error("stopped by the test")), 20);
    const work = async () => {
      for await (const _ of chunksOf(stream, controller.signal)) {
        await new Promise((resolve) => setTimeout(resolve, 1));
      }
    };
    await assert.rejects(soon(work()), /stopped by the test/);
    assert.equal(seen.cancelled, true);
    clearTimeout(timer);
  }
});

Deno.test("streams: a file is closed when the signal ends its reading", async () => {
  await using dir = await tempDir();
  const path = await dir.write("file", new Uint8Array(3 * CHUNK_BYTES));
  const controller = new AbortController();
  const stream = fileStream(await Deno.open(path));
  const work = async () => {
    for await (const _ of chunksOf(stream, controller.signal)) controller.abort(new Error("stop"));
  };
  await assert.rejects(work(), /stop/);
});

Deno.test("streams: a file that takes less at a time gets all of a chunk", () => {
  const taken: number[] = [];
  // No file system here does this; a pipe or a full network disk does.
  const slow = {
    writeSync: (chunk: Uint8Array) => {
      taken.push(...chunk.subarray(0, 2));
      return Math.min(2, chunk.length);
    },
  };
  writeAll(slow as unknown as Deno.FsFile, new Uint8Array([1, 2, 3, 4, 5]));
  assert.deepEqual(taken, [1, 2, 3, 4, 5]);
});

Deno.test("streams: moving a large file leaves room for timers", async () => {
  await using dir = await tempDir();
  const bytes = new Uint8Array(64 * CHUNK_BYTES);
  const from = fileStream(await Deno.open(await dir.write("from", bytes)));
  const to = await Deno.open(`${dir.path}/to`, { write: true, createNew: true });
  let fired = 0;
  const timer = setInterval(() => fired++, 1);
  for await (const chunk of chunksOf(from)) writeAll(to, chunk);
  clearInterval(timer);
  to.close();
  assert.equal((await Deno.stat(`${dir.path}/to`)).size, bytes.length);
  assert.ok(fired > 0, "no timer fired");
});

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
  options: Partial<ReuseOptions> = {},
): Promise<Uint8Array> {
  const copies: Uint8Array[] = [];
  for await (const chunk of reusedChunks(stream, { size: content.length, ...options })) {
    copies.push(chunk.slice());
  }
  return await readAll(ReadableStream.from(copies), content.length, "it");
}

Deno.test("reused memory: all bytes come, whoever has made the stream", async () => {
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

Deno.test("reused memory: a chunk holds till the next is asked for, or as many more bytes as were said", async () => {
  for (const [keep, more] of [[0, 0], [1, 1], [CHUNK_BYTES + 1, 2]] as const) {
    const chunks: Uint8Array[] = [];
    for await (const chunk of reusedChunks(lending(CHUNK_BYTES), { size: content.length, keep })) {
      chunks.push(chunk);
      // Memory that is in use again is no longer there.
      const hold = chunks.map(({ length }) => length > 0);
      const expected = chunks.map((_, i) => i >= chunks.length - 1 - more);
      assert.deepEqual(hold, expected);
    }
    assert.equal(chunks.length, 4);
  }
});

Deno.test("reused memory: an error and the end of the interest go through", async () => {
  const broken = new Error("broken");
  await assert.rejects(taken(lending(10, broken)), broken);
  await assert.rejects(taken(observed(lending(10, broken), () => {})), broken);
  const waiting = byteStream(() => new Promise(() => {}), () => {});
  const stop = new AbortController();
  const ended = assert.rejects(taken(observed(waiting, () => {}), { signal: stop.signal }), broken);
  stop.abort(broken);
  await ended;
});
