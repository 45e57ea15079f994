/**
 * Hashing and checking of bytes, at once and in pieces.
 * @module
 */
import assert from "node:assert/strict";
import { failsWith } from "../../test/support/fails.ts";
import { blob } from "../../test/support/image_graph.ts";
import { digestOf, Hasher, Verifier } from "./hash.ts";

/** From FIPS 180-4's examples. */
const VECTORS: Readonly<Record<string, string>> = {
  "": "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
  "abc": "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
  "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq":
    "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1",
};

Deno.test("hash: digests are the standard's, however the bytes are cut", () => {
  for (const [text, hex] of Object.entries(VECTORS)) {
    const bytes = new TextEncoder().encode(text);
    assert.equal(digestOf(text), `sha256:${hex}`);
    assert.equal(digestOf(bytes), `sha256:${hex}`);
    const meter = new Hasher();
    for (const byte of bytes) meter.update(new Uint8Array([byte]));
    assert.equal(meter.bytes, bytes.length);
    assert.equal(meter.digest(), `sha256:${hex}`);
  }
});

Deno.test("hash: sha512 is the standard's, too, and checked as such", async () => {
  const sha512 = "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a" +
    "2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f";
  assert.equal(digestOf("abc", "sha512"), `sha512:${sha512}`);
  const descriptor = { ...blob("abc").descriptor, digest: digestOf("abc", "sha512") };
  const check = (text: string) => {
    const verifier = new Verifier(descriptor);
    verifier.update(new TextEncoder().encode(text));
    verifier.finish();
  };
  check("abc");
  await failsWith("BAD_CONTENT", () => check("abd"), /its content has digest sha512:/);
});

Deno.test("hash: a verifier passes the bytes of its descriptor alone", async () => {
  const { descriptor } = blob("hello");
  const cases: readonly (readonly [readonly string[], RegExp | undefined])[] = [
    [["hello"], undefined],
    [["he", "", "llo"], undefined],
    [[], /has 0 bytes, not the 5 named/],
    [["hell"], /has 4 bytes, not the 5 named/],
    [["hello", "!"], /more than the 5 bytes named/],
    [["jello"], /its content has digest sha256:/],
  ];
  for (const [chunks, why] of cases) {
    const work = () => {
      const verifier = new Verifier(descriptor);
      for (const chunk of chunks) verifier.update(new TextEncoder().encode(chunk));
      verifier.finish();
    };
    if (why === undefined) work();
    else {
      const { detail } = await failsWith("BAD_CONTENT", work, why);
      // The layer cache is told by this which layer to write anew.
      assert.equal(detail["digest"], descriptor.digest);
    }
  }
});

Deno.test("hash: a verifier does not wait for the end of too many bytes", async () => {
  const verifier = new Verifier(blob("hello").descriptor);
  await failsWith("BAD_CONTENT", () => verifier.update(new Uint8Array(6)));
});
