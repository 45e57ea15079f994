/**
 * Signatures that are none, not those of the image, or made to do harm: each is told in one line, and
 * nothing is trusted for it.
 * @module
 */
import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { basename } from "node:path";
import { refuseFaults, verifyImages } from "../../src/app/verify.ts";
import { sign } from "../../src/app/sign.ts";
import type { KodenoError } from "../../src/errors.ts";
import { bytesStream } from "../../src/io/streams.ts";
import { type Descriptor, MediaType, parseDigest } from "../../src/oci/descriptor.ts";
import { encodeJson } from "../../src/oci/manifest.ts";
import { openLayout } from "../../src/place/layout/layout.ts";
import { attachment, keepAttachments, trustBlob } from "../../src/trust/attachment.ts";
import { BUNDLE_TYPE, signedBundle, statementBundle } from "../../src/trust/bundle.ts";
import { openSigner } from "../../src/trust/key_files.ts";
import { signaturesBy } from "../../src/trust/signatures.ts";
import { encodeStatement, SIGNED, signPayload } from "../../src/trust/statement.ts";
import { failsWith } from "../support/fails.ts";
import { image, imageGraph, layoutWith, pushAll } from "../support/image_graph.ts";
import { kodeno } from "../support/kodeno.ts";
import { fingerprint } from "../support/layout.ts";
import { keyFiles, signImages } from "../support/signing.ts";
import { type TempDir, tempDir } from "../support/temp.ts";

const GIB = 1024 ** 3;
const SUBJECT = { ...imageGraph().root.descriptor };
const DIGEST = parseDigest(SUBJECT.digest);

async function openLab() {
  const dir = await tempDir();
  const keys = await keyFiles(dir, "release");
  const askPassword = () => Promise.resolve("");
  const signer = await openSigner({ key: keys.key, askPassword }, {}, {});
  return { dir, ...keys, signer, [Symbol.asyncDispose]: () => dir[Symbol.asyncDispose]() };
}

/** A layout of one image, and a bundle beside it as somebody made it. */
async function layoutOf(dir: TempDir, name: string, bundle: Uint8Array<ArrayBuffer>) {
  const path = await layoutWith(dir, name, { "app:v1": imageGraph() });
  using layout = await openLayout(path);
  await keepAttachments([attachment(SUBJECT, BUNDLE_TYPE, bundle)], layout);
  return path;
}

/** What `verify` says of a layout that does not hold: a line, and its exit code. */
async function refusal(place: string, pub: string): Promise<KodenoError> {
  const found = await verifyImages({ place, verifyKeys: [pub] });
  const error = await failsWith("NOT_TRUSTED", () => refuseFaults(place, found), /./);
  assert.ok(!error.message.includes("\n"));
  return error;
}

Deno.test("trust: bundles that prove nothing of an image are refused, and why", async (t) => {
  await using lab = await openLab();
  const { dir, signer, pub } = lab;
  const { blobs: [, good] } = await signedBundle({ ...SUBJECT, digest: DIGEST }, signer);
  assert.ok(good);
  const { dsseEnvelope, ...bundle } = JSON.parse(new TextDecoder().decode(good.bytes));
  const withEnvelope = (envelope: unknown) => encodeJson({ ...bundle, dsseEnvelope: envelope });
  const [signature] = dsseEnvelope.signatures;
  const other = `sha256:${"0".repeat(64)}` as const;
  const ofOther = await statementBundle({
    image: { ...SUBJECT, digest: other },
    predicateType: SIGNED,
    bytes: encodeStatement(other, SIGNED, {}),
  }, signer);
  const signed = async (payload: Uint8Array, type = "application/vnd.in-toto+json") =>
    withEnvelope(await signPayload(payload, type, signer));
  const cases: Readonly<Record<string, readonly [Uint8Array<ArrayBuffer>, RegExp]>> = {
    "two signatures": [
      withEnvelope({ ...dsseEnvelope, signatures: [signature, signature] }),
      /it has more than one signature\)$/,
    ],
    "another subject": [
      ofOther.blobs[1]?.bytes ?? good.bytes,
      /bundle sha256:\w+ is of another key or image\)$/,
    ],
    "no statement": [await signed(encodeJson({ hello: 1 })), /what it signs is no statement\)$/],
    "no JSON": [await signed(Buffer.from("hello")), /what it signs is not JSON\)$/],
    "another payload": [await signed(encodeJson({}), "text/plain"), /signs is no statement\)$/],
    "no subject": [
      await signed(encodeJson({ _type: "https://in-toto.io/Statement/v1", predicateType: SIGNED })),
      /its statement has no subject, or no predicate type\)$/,
    ],
    "a signature of bytes": [encodeJson({ ...bundle, messageSignature: {} }), /it signs bytes/],
    "no bundle": [Buffer.from("hello"), /it is no bundle, since it is not JSON\)$/],
  };
  for (const [what, [bytes, why]] of Object.entries(cases)) {
    await t.step(what, async () => {
      const place = await layoutOf(dir, what.replaceAll(" ", "-"), bytes);
      const { message, exitCode } = await refusal(place, pub);
      assert.match(message, /^Cannot trust app:v1 of .*: no key that was given has signed it \(/);
      assert.match(message, why);
      assert.equal(exitCode, 1);
      // Nor does it hinder one that is good.
      await signImages(place, lab.key);
      refuseFaults(place, await verifyImages({ place, verifyKeys: [pub] }));
    });
  }
});

Deno.test("trust: a bundle of 1 GB is not read to see that it is none", async () => {
  await using lab = await openLab();
  const layer = { mediaType: BUNDLE_TYPE, digest: `sha256:${"1".repeat(64)}`, size: GIB };
  const bytes = encodeJson({
    schemaVersion: 2,
    mediaType: MediaType.manifest,
    artifactType: BUNDLE_TYPE,
    config: layer,
    layers: [layer],
    subject: SUBJECT,
  });
  const { descriptor: referrer } = trustBlob(MediaType.manifest, bytes);
  const place = await layoutWith(lab.dir, "out", { "app:v1": imageGraph() });
  const path = lab.dir.join("out/blobs/sha256", "1".repeat(64));
  await Deno.writeFile(path, new Uint8Array());
  await Deno.truncate(path, GIB);
  using layout = await openLayout(place);
  await layout.push(referrer, () => Promise.resolve(bytesStream(bytes)));
  await layout.keep([referrer]);
  let read = 0;
  const source = {
    resolve: (ref: string) => layout.resolve(ref),
    fetch: async (d: Descriptor) => {
      const stream = await layout.fetch(d);
      return stream.pipeThrough(
        new TransformStream({
          transform: (chunk: Uint8Array, controller) => {
            read += chunk.length;
            controller.enqueue(chunk);
          },
        }),
      );
    },
  };
  const unfit: string[] = [];
  const signed = { source, image: SUBJECT, referrers: [referrer], legacy: [] };
  const found = await signaturesBy([lab.signer.key], signed, { unfit: (why) => unfit.push(why) });
  assert.deepEqual(found, []);
  assert.equal(unfit.length, 1);
  assert.match(unfit[0] ?? "", /of 1073741824 bytes is larger than the 16777216 allowed$/);
  assert.ok(read < 10_000, `${read} bytes`);
  // Whoever signs beside it does not wait for it.
  await signImages(place, lab.key);
  const more = await sign({
    place,
    key: lab.key,
    askPassword: () => Promise.resolve(""),
    forms: ["bundle"],
  });
  assert.deepEqual(more.map(({ isNew }) => isNew), [false]);
});

Deno.test("trust: a tag for signatures with layers of something else proves nothing", async () => {
  await using lab = await openLab();
  const { dir, key, pub } = lab;
  const place = await layoutWith(dir, "out", { "app:v1": imageGraph() });
  const { shared } = imageGraph();
  const { manifest, config } = image({ os: "linux", architecture: "amd64" }, [shared]);
  using layout = await openLayout(place);
  await pushAll(layout, [config, manifest]);
  await layout.tag(manifest.descriptor, `app:${SUBJECT.digest.replace(":", "-")}.sig`);
  const { message, exitCode } = await refusal(place, pub);
  assert.match(message, /signed it \(layer sha256:\w+ of sha256:\w+ is no signature\)$/);
  assert.equal(exitCode, 1);
  const before = await fingerprint(dir.path);
  const legacy = () => signImages(place, key, { form: "legacy" });
  const why = /^Cannot add a signature to sha256:\w+: its layer sha256:\w+ is of type application/;
  await failsWith("BAD_CONTENT", legacy, why);
  assert.deepEqual(await fingerprint(dir.path), before);
});

Deno.test("trust: a signature for another repository is none, unless a rule takes it", async () => {
  await using lab = await openLab();
  const { dir, key, pub } = lab;
  const place = await layoutWith(dir, "out", { "reg.local/team/other:v1": imageGraph() });
  await signImages(place, key, { form: "legacy" });
  const run = (...args: string[]) => kodeno(args, { cwd: dir.path });
  const outcome = async (name: string) => {
    const { code, stderr } = await run("verify", "out", name, "--key", pub);
    return { code, stderr };
  };
  assert.equal((await run("tag", "out", "other:v1", "reg.local/team/app:v1")).code, 0);
  const { code, stderr } = await outcome("app:v1");
  assert.equal(code, 1, stderr);
  assert.match(stderr, / is for reg\.local\/team\/other, not for reg\.local\/team\/app:v1\)$/m);
  const signedAs = (glob: string) => `rules: [{keys: ${basename(pub)}, signedAs: "${glob}"}]`;
  for (const [glob, expected] of [["reg.local/team/*", 0], ["site.local/**", 1]] as const) {
    await dir.write("policy.yaml", signedAs(glob));
    assert.equal((await run("verify", "out", "app:v1", "--policy", "policy.yaml")).code, expected);
  }
  // That it is in another registry now is what happens to images.
  assert.equal((await run("tag", "out", "other:v1", "site.local/other:v1")).code, 0);
  assert.equal((await outcome("site.local/other:v1")).code, 0);
});
