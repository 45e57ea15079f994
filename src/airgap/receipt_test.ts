import assert from "node:assert/strict";
import { generateKeyPairSync, type KeyObject, sign } from "node:crypto";
import { digestOf } from "../io/hash.ts";
import { newKeyPair, readPrivateKey, readPublicKey } from "../trust/keys.ts";
import { failsWith } from "../../test/support/fails.ts";
import { encodeReceipt, parseReceipt, refuseReceipt } from "./receipt.ts";

const BLOBS = Array.from({ length: 7 }, (_, i) => digestOf(`blob ${i}`));
const MODULE = { path: "example.com/M", version: "v1.0.0", sum: "h1:abc=" };
const CONTENT = {
  site: "plant-7",
  sequence: 3,
  bundle: digestOf("bundle"),
  blobs: BLOBS.toReversed(),
  modules: [MODULE],
};
const utf8 = (text: string) => new TextEncoder().encode(text);
const textOf = (bytes: Uint8Array) => new TextDecoder().decode(bytes);

Deno.test("receipt: both forms are read as they were written, whatever order came in", async () => {
  for (const text of [false, true]) {
    const { bytes, id } = await encodeReceipt(CONTENT, { text });
    const again = await encodeReceipt({ ...CONTENT, blobs: [...BLOBS, ...BLOBS] }, { text });
    assert.deepEqual(again.bytes, bytes);
    const receipt = parseReceipt(bytes, "r");
    assert.deepEqual([receipt.id, receipt.site, receipt.sequence, receipt.blobs], [
      id,
      "plant-7",
      3,
      7,
    ]);
    assert.ok(BLOBS.every(receipt.hasBlob));
    assert.ok(!receipt.hasBlob(digestOf("other")));
    assert.ok(receipt.hasModule(MODULE));
    assert.ok(!receipt.hasModule({ ...MODULE, sum: "h1:other=" }));
  }
  const { bytes } = await encodeReceipt({ blobs: [], modules: [] }, { text: true });
  assert.equal(parseReceipt(bytes, "r").sequence, undefined);
});

Deno.test("receipt: what people type is taken as it is meant, and what is mistyped is named", async () => {
  const { bytes } = await encodeReceipt(CONTENT, { text: true });
  const lines = textOf(bytes).trim().split("\n");
  assert.ok(lines.length > 4);
  assert.ok(lines.every((line) => line.length <= 60), lines.join("\n"));
  const read = (some: readonly string[]) => parseReceipt(utf8(some.join("\n")), "r.txt");
  const id = read(lines).id;
  const [title = "", ...rest] = lines;
  const sloppy = rest.toReversed().map((line) =>
    ` ${line.toLowerCase().replaceAll("0", "o").replaceAll(" ", "  ")}`.replace(
      /^(\s*)[o\d]+/,
      (n) => n.replaceAll("o", "0"),
    )
  );
  // The numbers of the last line, too, are digits.
  const typed = sloppy.map((line) =>
    line.replace(/^(\s*end\s+)[o\d]+/, (n) => n.replaceAll("o", "0"))
  );
  assert.equal(read([title.toUpperCase(), "", ...typed]).id, id);
  const wrong = (at: number) =>
    lines.map((line, i) =>
      i === at ? line.replace(/.(?=.{9}$)/, (one) => one === "7" ? "8" : "7") : line
    );
  await failsWith(
    "BAD_CONTENT",
    () => read(wrong(2)),
    /receipt r.txt: line 3 \("002 .*is mistyped/,
  );
  await failsWith("BAD_CONTENT", () => read(lines.toSpliced(3, 1)), /line 003 is missing/);
  await failsWith("BAD_CONTENT", () => read(lines.slice(0, -1)), /"end ...", is missing/);
  const { bytes: other } = await encodeReceipt({ ...CONTENT, blobs: BLOBS.slice(1) }, {
    text: true,
  });
  const mixed = [...lines.slice(0, 5), ...textOf(other).trim().split("\n").slice(5)];
  await failsWith("BAD_CONTENT", () => read(mixed), /do not belong together|missing/);
  for (let i = 1; i < lines.length; i++) {
    const line = lines[i] ?? "";
    for (let at = 4; at < line.length; at += 3) {
      if (line[at] === " ") continue;
      const changed = line.slice(0, at) + (line[at] === "A" ? "B" : "A") + line.slice(at + 1);
      await failsWith("BAD_CONTENT", () => read(lines.with(i, changed)), /r\.txt: /);
    }
  }
});

Deno.test("receipt: one that was changed, of another version or site, or of another key is refused", async () => {
  const pair = newKeyPair("");
  const signer = await readPrivateKey(pair.privateKey, "k", () => Promise.resolve(""));
  const key = readPublicKey(pair.publicKey, "k");
  const other = readPublicKey(newKeyPair("").publicKey, "o");
  for (const text of [false, true]) {
    const { bytes } = await encodeReceipt(CONTENT, { text, signer });
    const receipt = parseReceipt(bytes, "r");
    refuseReceipt(receipt, "r", { site: "plant-7", keys: [other, key] });
    const refused = (options: Parameters<typeof refuseReceipt>[2], why: RegExp) =>
      failsWith("NOT_TRUSTED", () => refuseReceipt(receipt, "r", options), why);
    await refused({ site: "plant-8", keys: [] }, /it is of site plant-7, not plant-8/);
    await refused(
      { keys: [other] },
      /receipt r of site plant-7: no key that was given has signed it/,
    );
    const plain = parseReceipt(
      (await encodeReceipt({ ...CONTENT, site: undefined }, { text })).bytes,
      "r",
    );
    await failsWith(
      "NOT_TRUSTED",
      () => refuseReceipt(plain, "r", { site: "a", keys: [] }),
      /does not say of which site/,
    );
    await failsWith(
      "NOT_TRUSTED",
      () => refuseReceipt(plain, "r", { keys: [key] }),
      /is not signed/,
    );
  }
  const { bytes } = await encodeReceipt(CONTENT, {});
  const changed = (from: string, to: string) => utf8(textOf(bytes).replace(from, to));
  const cases: readonly (readonly [Uint8Array, RegExp])[] = [
    [changed("plant-7", "plant-8"), /it says id sha256:\w+, and has sha256/],
    [changed('"version":1', '"version":2'), /it is of version 2, and this kodeno reads version 1/],
    [changed('"blobs":[', '"blobs":["x",'), /damaged or was changed: blobs/],
    [bytes.slice(0, -20), /it is damaged, or none/],
    [utf8("{}"), /it is none; name a file of "kodeno bundle receipt"/],
  ];
  for (const [damaged, why] of cases) {
    await failsWith("BAD_CONTENT", () => parseReceipt(damaged, "r"), why);
  }
});

Deno.test("receipt: both forms are read with signatures of each kind of key", async () => {
  const pairs: Readonly<Record<string, { publicKey: KeyObject; privateKey: KeyObject }>> = {
    "RSA of 2048 bits": generateKeyPairSync("rsa", { modulusLength: 2048 }),
    "P-256": generateKeyPairSync("ec", { namedCurve: "P-256" }),
    "P-384": generateKeyPairSync("ec", { namedCurve: "P-384" }),
    Ed25519: generateKeyPairSync("ed25519"),
  };
  for (const [kind, { publicKey, privateKey }] of Object.entries(pairs)) {
    const key = readPublicKey(publicKey.export({ format: "pem", type: "spki" }).toString(), kind);
    const hash = kind === "Ed25519" ? null : kind === "P-384" ? "sha384" : "sha256";
    const signer = {
      key,
      sign: (bytes: Uint8Array) => Promise.resolve(sign(hash, bytes, privateKey)),
    };
    for (const text of [false, true]) {
      const { bytes } = await encodeReceipt(CONTENT, { text, signer });
      const receipt = parseReceipt(bytes, kind);
      assert.ok(BLOBS.every(receipt.hasBlob));
      refuseReceipt(receipt, kind, { site: "plant-7", keys: [key] });
    }
  }
});
