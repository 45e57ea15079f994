/**
 * Signatures as cosign writes and reads them: a checked example of each form, and what is refused.
 * @module
 */
import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { createSign, generateKeyPairSync, type KeyObject } from "node:crypto";
import { failsWith } from "../../test/support/fails.ts";
import { KodenoError } from "../errors.ts";
import { digestOf } from "../io/hash.ts";
import { bytesStream } from "../io/streams.ts";
import { type Descriptor, type Digest, MediaType } from "../oci/descriptor.ts";
import { encodeJson, type Manifest } from "../oci/manifest.ts";
import { trustBlob } from "./attachment.ts";
import { signedBundle, verifyBundle } from "./bundle.ts";
import { newKeyPair, readPrivateKey, readPublicKey } from "./keys.ts";
import { signaturesBy } from "./signatures.ts";
import { signatureManifest, simpleSignature, verifySimple } from "./simple_signing.ts";

const PUBLIC = `-----BEGIN PUBLIC KEY-----
MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE0W8rDhrxfsHf0+y9nMh4ifzRtaYj
SeCwSvzw5MBZ5bRSp0u77+QY/zUnxdYgAUJkv1eFtdrGdylwpWkayFzsfg==
-----END PUBLIC KEY-----
`;
const DIGEST: Digest = "sha256:f0c8f2f8f9f0d3d8a1b2c3d4e5f60718293a4b5c6d7e8f90a1b2c3d4e5f60718";
const IMAGE = { mediaType: MediaType.index, digest: DIGEST, size: 1587 };
const HINT = "0TOroVbqvjyg1lcYdPJYdpn28j8G3ZMPEFnRg9/zSOo=";
const SIGNATURES = {
  bundle:
    "MEUCIGPWPQKSbx5jFThb+BxA8cCqetcb98wQAMnlLj01xggiAiEA5RnHLtAz9PacLGT5KvCnEDeyz/5I3S4vMTUce+MPL5g=",
  simple:
    "MEUCIFNgjkeLBVX9KFIPLosQgoCLPLX/+4cevUk09pZVDbirAiEAhWQ76O73eQFn1vI82Tjo/FGRb+EZCCnkDitwt8j6hQc=",
};

/** A private key of no use, as OpenSSL writes one. */
const SEC1 = `-----BEGIN EC PRIVATE KEY-----
MHcCAQEEINiNj5TzZMCU3iONg0XVrKAqZ8A173Nyyf2AisJgXhQpoAoGCCqGSM49
AwEHoUQDQgAEKhs4JvifXCuvM0rFfsvyCEo+3l5KoGw78vY3+GqjznAMOHfVa7jR
I4cRrL0BCK2PF5s73rHiSZEpjsomKOlXyA==
-----END EC PRIVATE KEY-----
`;

/** Signs with a signature that another program made. */
const signerOf = (signature: string) => ({
  sign: () => Promise.resolve(Buffer.from(signature, "base64")),
  key: readPublicKey(PUBLIC, "cosign.pub"),
});

Deno.test("trust: a bundle has the bytes that cosign's has, and its signature fits", async () => {
  const { manifest, blobs } = await signedBundle(IMAGE, signerOf(SIGNATURES.bundle));
  const [, bundle] = blobs;
  assert.ok(bundle);
  assert.equal(readPublicKey(PUBLIC, "cosign.pub").hint, HINT);
  assert.deepEqual(
    [bundle.descriptor.digest, bundle.bytes.length],
    ["sha256:c3510f029bad539cd2ec38caf666c12e3a464cd56ce41596c7b5bdbc589d4613", 659],
  );
  assert.deepEqual(
    [manifest.descriptor.digest, manifest.bytes.length],
    ["sha256:73bb2053be8cbc01879599871fbe3f1f5d065f88687fb84a4a2e9b3004efd1ca", 768],
  );
  const keys = [readPublicKey(newKeyPair("").publicKey, "other"), readPublicKey(PUBLIC, "it")];
  const found = verifyBundle(bundle.bytes, DIGEST, keys, "it");
  assert.equal(found?.key, keys[1]);
  assert.equal(found?.statement.predicateType, "https://sigstore.dev/cosign/sign/v1");
  assert.equal(verifyBundle(bundle.bytes, DIGEST, keys.slice(0, 1), "it"), undefined);
  const other: Digest = `sha256:${"0".repeat(64)}`;
  assert.equal(verifyBundle(bundle.bytes, other, keys, "it"), undefined);
});

Deno.test("trust: a simple signature has the bytes that cosign's has, and fits", async () => {
  const signer = signerOf(SIGNATURES.simple);
  const layer = await simpleSignature(DIGEST, "registry.local/team/app", signer);
  assert.equal(
    layer.descriptor.digest,
    "sha256:4b27f4217526665fdeb20b7dd8fcd9412c9aa5ee4dc25821f24fe2ea79110d7a",
  );
  const { blobs: [, config] } = signatureManifest(layer);
  assert.equal(config?.bytes.length, 233);
  const found = verifySimple(layer.descriptor, layer.bytes, DIGEST, [signer.key]);
  assert.deepEqual(found, {
    key: signer.key,
    annotations: null,
    repository: "registry.local/team/app",
  });
  const other: Digest = `sha256:${"0".repeat(64)}`;
  assert.equal(verifySimple(layer.descriptor, layer.bytes, other, [signer.key]), undefined);
});

Deno.test("trust: a simple signature that is damaged does not hinder others", async () => {
  const [damaged, whole] = await Promise.all(["registry.local/other", "registry.local/team/app"]
    .map((name) => simpleSignature(DIGEST, name, signerOf(SIGNATURES.simple))));
  assert.ok(damaged && whole);
  const empty = trustBlob(MediaType.config, encodeJson({}));
  const first: Manifest = {
    schemaVersion: 2,
    config: empty.descriptor,
    layers: [damaged.descriptor],
  };
  const { manifest } = signatureManifest(whole, first);
  const blobs = new Map([manifest, whole].map((one) => [one.descriptor.digest, one.bytes]));
  const source = {
    resolve: () => Promise.reject(new Error("nothing is looked for")),
    fetch: (d: Descriptor) => Promise.resolve(bytesStream(blobs.get(d.digest) ?? new Uint8Array())),
  };
  const unfit: string[] = [];
  const signed = { source, image: IMAGE, referrers: [], legacy: [manifest.descriptor] };
  const found = await signaturesBy([signerOf(SIGNATURES.simple).key], signed, {
    unfit: (why) => unfit.push(why),
  });
  assert.deepEqual(found.map(({ form }) => form), ["legacy"]);
  assert.match(unfit.join("\n"), /^Cannot use blob sha256:\w+: it has 0 bytes, not the/);
});

Deno.test("trust: bundles that are damaged or missing hinder no others, nor do very many", async () => {
  const { manifest, blobs } = await signedBundle(IMAGE, signerOf(SIGNATURES.bundle));
  const bytes = new Map([...blobs, manifest].map((one) => [one.descriptor.digest, one.bytes]));
  let read = 0;
  const source = {
    resolve: () => Promise.reject(new Error("nothing is looked for")),
    fetch: (d: Descriptor) => {
      const found = bytes.get(d.digest);
      read++;
      return found
        ? Promise.resolve(bytesStream(found))
        : Promise.reject(new KodenoError("NOT_FOUND", "it is not there"));
    },
  };
  const missing = { ...manifest.descriptor, digest: digestOf("missing") };
  const damaged = { ...manifest.descriptor, digest: digestOf("damaged") };
  bytes.set(damaged.digest, new Uint8Array(manifest.bytes.length));
  const look = async (referrers: readonly Descriptor[]) => {
    const unfit: string[] = [];
    const found = await signaturesBy([signerOf(SIGNATURES.bundle).key], {
      source,
      image: IMAGE,
      referrers,
      legacy: [],
    }, { unfit: (why) => unfit.push(why) });
    return [found.map(({ digest }) => digest), unfit.at(-1)];
  };
  const [found, why] = await look([missing, damaged, manifest.descriptor]);
  assert.deepEqual(found, [manifest.descriptor.digest]);
  assert.match(String(why), /^Cannot use blob sha256:\w+: /);
  read = 0;
  // Whoever may add to what refers to an image has not the last word.
  const many = Array.from({ length: 10_000 }, () => missing);
  const others = many.map((d) => ({ ...d, artifactType: "application/spdx+json" }));
  const [despite] = await look([...others, ...many, manifest.descriptor]);
  assert.deepEqual(despite, [manifest.descriptor.digest]);
  // What is known to be something else is not read.
  assert.equal(read, many.length + 2);
});

Deno.test("trust: a key that is made signs, and is opened by its password alone", async () => {
  const { privateKey, publicKey } = newKeyPair("secret");
  assert.match(privateKey, /^-----BEGIN ENCRYPTED SIGSTORE PRIVATE KEY-----\n/);
  const signer = await readPrivateKey(privateKey, "k.key", () => Promise.resolve("secret"));
  const key = readPublicKey(publicKey, "k.pub");
  assert.equal(signer.key.hint, key.hint);
  const bytes = new TextEncoder().encode("it");
  const signature = await signer.sign(bytes);
  assert.ok(key.verifies(bytes, signature));
  // By that the same build makes the same layout and archive, signed (RFC 6979).
  assert.deepEqual(await signer.sign(bytes), signature);
  assert.ok(!key.verifies(new TextEncoder().encode("is"), signature));
  assert.ok(!key.verifies(bytes, new Uint8Array(3)));
  const wrong = (): Promise<string> => Promise.resolve("hunter2");
  await failsWith(
    "BAD_OPTION",
    () => readPrivateKey(privateKey, "k.key", wrong),
    /^Cannot use key k\.key: the password is wrong, or the file is damaged$/,
  );
  const error = await readPrivateKey(privateKey, "k.key", wrong).catch((error) => error);
  assert.ok(error.cause instanceof Error);
  assert.deepEqual(error.detail, {});
});

Deno.test("trust: plain keys sign, too; keys of other kinds only verify", async () => {
  const nobody = (): Promise<string> => Promise.reject(new Error("nobody is asked"));
  const bytes = new TextEncoder().encode("it");
  const pair = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const pkcs8 = pair.privateKey.export({ format: "pem", type: "pkcs8" }).toString();
  // As "openssl ecparam -genkey" writes it.
  const parameters =
    "-----BEGIN EC PARAMETERS-----\nBggqhkjOPQMBBw==\n-----END EC PARAMETERS-----\n";
  for (const pem of [pkcs8, SEC1, parameters + SEC1]) {
    const signer = await readPrivateKey(pem, "k.pem", nobody);
    assert.ok(signer.key.verifies(bytes, await signer.sign(bytes)), pem);
  }
  const { privateKey, publicKey } = generateKeyPairSync("rsa", { modulusLength: 2048 });
  const rsa = privateKey.export({ format: "pem", type: "pkcs8" }).toString();
  await failsWith("BAD_OPTION", () => readPrivateKey(rsa, "r.pem", nobody), /another kind \(rsa/);
  const publicOf = (key: KeyObject) => key.export({ format: "pem", type: "spki" }).toString();
  const key = readPublicKey(publicOf(publicKey), "r.pub");
  assert.ok(key.verifies(bytes, createSign("sha256").update(bytes).sign(privateKey)));
  const small = generateKeyPairSync("rsa", { modulusLength: 1024 });
  const why =
    /^Cannot use key s\.pub: it is an RSA key of 1024 bits; as with cosign it may have 2048, /;
  await failsWith("BAD_OPTION", () => readPublicKey(publicOf(small.publicKey), "s.pub"), why);
});

Deno.test("trust: Ed25519 is verified over the bytes, and over their hash as cosign signs", () => {
  // RFC 8032, section 7.1, test 3, and section 7.3.
  const cases: readonly (readonly [key: string, message: string, signature: string])[] = [
    [
      "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025",
      "af82",
      "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac" +
      "18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a",
    ],
    [
      "ec172b93ad5e563bf4932c70e1245034c35467ef2efd4d64ebf819683467e2bf",
      "616263",
      "98a70222f0b8121aa9d30f813d683f809e462b469c7ff87639499bb94e6dae41" +
      "31f85042463c2a355a2003d062adf5aaa10b8c61e636062aaad11c2a26083406",
    ],
  ];
  const prefix = "302a300506032b6570032100";
  for (const [hex, message, signature] of cases) {
    const der = Buffer.from(prefix + hex, "hex");
    const pem = `-----BEGIN PUBLIC KEY-----\n${der.toString("base64")}\n-----END PUBLIC KEY-----\n`;
    const key = readPublicKey(pem, "e.pub");
    const signed = Buffer.from(signature, "hex");
    assert.ok(key.verifies(Buffer.from(message, "hex"), signed), message);
    assert.ok(!key.verifies(Buffer.from("00", "hex"), signed), message);
    assert.ok(!key.verifies(Buffer.from(message, "hex"), signed.subarray(1)), message);
  }
});

Deno.test("trust: what is no key is refused, and why", async () => {
  const cases: readonly (readonly [string, RegExp])[] = [
    ["hello", /: it is not PEM; say /],
    [newKeyPair("").privateKey.slice(0, 200), /: it is cut off$/],
    [PUBLIC, /: it holds a PUBLIC KEY, which signs nothing/],
    [
      "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n",
      /no key, or not all of one$/,
    ],
    ["x".repeat(100_000), /: it is far larger than any key$/],
  ];
  for (const [text, why] of cases) {
    const read = () => readPrivateKey(text, "k", () => Promise.resolve(""));
    await failsWith("BAD_OPTION", read, why);
  }
  const own = newKeyPair("").privateKey;
  await failsWith(
    "BAD_OPTION",
    () => readPublicKey(own, "k"),
    /: it is a private key; say the pub/,
  );
});

Deno.test("trust: bundles that are none are refused", async () => {
  const key = readPublicKey(PUBLIC, "it");
  const { blobs: [, whole] } = await signedBundle(IMAGE, signerOf(SIGNATURES.bundle));
  const bundle = JSON.parse(new TextDecoder().decode(whole?.bytes));
  const verify = (value: unknown) =>
    verifyBundle(new TextEncoder().encode(JSON.stringify(value)), DIGEST, [key], "bundle X");
  const { dsseEnvelope } = bundle;
  const [signature] = dsseEnvelope.signatures;
  const cases: readonly (readonly [unknown, RegExp])[] = [
    ["", /no bundle with a signed statement$/],
    [{ ...bundle, messageSignature: {} }, /it signs bytes/],
    [
      { ...bundle, dsseEnvelope: { ...dsseEnvelope, signatures: [signature, signature] } },
      /it has more than one signature$/,
    ],
    [{ ...bundle, dsseEnvelope: { ...dsseEnvelope, payloadType: "text/plain" } }, /no statement$/],
  ];
  for (const [value, why] of cases) {
    await failsWith("BAD_CONTENT", () => verify(value), why);
  }
  const changed = Buffer.from(dsseEnvelope.payload, "base64").toString().replace("f0c8", "f0c9");
  const payload = Buffer.from(changed).toString("base64");
  assert.equal(verify({ ...bundle, dsseEnvelope: { ...dsseEnvelope, payload } }), undefined);
});
