import assert from "node:assert/strict";
import { unzstdEach } from "./unzstd.ts";

const bytes = (...parts: readonly (string | readonly number[])[]): Uint8Array =>
  Uint8Array.from(
    parts.flatMap((one) => typeof one === "string" ? [...new TextEncoder().encode(one)] : one),
  );
/** Numbers from the least byte on. */
const le = (value: number, length: number): number[] =>
  Array.from({ length }, (_, i) => Math.floor(value / 256 ** i) % 256);

const MAGIC = le(0xfd2fb528, 4);
const raw = (text: string, isLast = true) => bytes(le(text.length << 3 | Number(isLast), 3), text);
/** A frame that says its size in one byte. */
const small = (text: string) => bytes(MAGIC, [0x20, text.length], [...raw(text)]);
/** A frame with a window, and a checksum that nobody reads. */
const wide = (window: number, blocks: readonly number[]) =>
  bytes(MAGIC, [0x04, window << 3], blocks, [0, 0, 0, 0]);
const skipped = (text: string) => bytes(le(0x184d2a5b, 4), le(text.length, 4), text);

async function unpacked(packed: Uint8Array, size = packed.length): Promise<string> {
  const pieces: Uint8Array[] = [];
  async function* chunks() {
    const chunk = new Uint8Array(size);
    for (let at = 0; at < packed.length; at += size) {
      const some = packed.subarray(at, at + size);
      chunk.set(some);
      yield chunk.subarray(0, some.length);
    }
  }
  // What is handed on may be written over.
  await unzstdEach(chunks(), (chunk) => void pieces.push(chunk.slice()));
  return await new Blob(pieces as BlobPart[]).text();
}

Deno.test("unzstd: frames one after the other, however they come, past those to be skipped", async () => {
  const repeated = bytes(le(5 << 3 | 2, 3), "x");
  const packed = bytes(
    [...skipped("table")],
    [...small("one ")],
    [...wide(13, [...repeated, ...raw(" two ", false), ...raw("three")])],
    [...skipped("")],
    [...small(" four")],
  );
  for (const size of [1, 2, 7, packed.length]) {
    assert.equal(await unpacked(packed, size), "one xxxxx two three four", String(size));
  }
  assert.equal(await unpacked(bytes("")), "");
});

Deno.test("unzstd: what is damaged, or wants too much, is refused", async () => {
  await assert.rejects(unpacked(bytes("no zstd at all")), /zstd/);
  await assert.rejects(unpacked(small("cut").subarray(0, -1)), /EOF/);
  await assert.rejects(unpacked(bytes([...small("a")], "more")), /zstd|EOF/);
  await assert.rejects(unpacked(wide(14, [...raw("x")])), /a window of 16777216 bytes/);
  const long = bytes(MAGIC, [0xe0], le(2 ** 33, 8), [...raw("x")]);
  await assert.rejects(unpacked(long), /a window of 8589934592 bytes/);
  const most = 2 ** 40 / 2 ** 23;
  const many = wide(13, new Array(most + 2).fill(le(0, 3)).flat());
  await assert.rejects(unpacked(many), /too many blocks/);
});
