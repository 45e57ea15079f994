/**
 * Digests become paths, so nothing but an algorithm and its hex digits may pass; and which layers are
 * foreign.
 * @module
 */
import assert from "node:assert/strict";
import { failsWith } from "../../test/support/fails.ts";
import {
  blobPath,
  digestAlgorithm,
  digestHex,
  isDigest,
  isForeign,
  ociMediaType,
  parseDigest,
  referrersTag,
} from "./descriptor.ts";

const HEX = "0123456789abcdef".repeat(4);

Deno.test("digest: sha256 and 64 hex digits", () => {
  const digest = parseDigest(`sha256:${HEX}`);
  assert.equal(digestHex(digest), HEX);
  assert.equal(blobPath({ digest }), `blobs/sha256/${HEX}`);
  assert.equal(referrersTag({ digest }), `sha256-${HEX}`);
});

Deno.test("digest: or sha512 and 128", () => {
  const digest = parseDigest(`sha512:${HEX}${HEX}`);
  assert.equal(digestHex(digest), HEX + HEX);
  assert.equal(digestAlgorithm(digest), "sha512");
  assert.equal(blobPath({ digest }), `blobs/sha512/${HEX}${HEX}`);
  // A tag has 128 characters at most.
  assert.equal(referrersTag({ digest }), `sha512-${HEX}`);
});

Deno.test("digest: nothing else passes, and a long one does not fill the message", async () => {
  const bad = [
    "",
    HEX,
    "sha256:",
    `sha256:${HEX.slice(1)}`,
    `sha256:${HEX}0`,
    `sha256:${HEX}\n`,
    `sha256:${HEX.toUpperCase()}`,
    `SHA256:${HEX}`,
    `sha512:${HEX}`,
    `sha512:${HEX}${HEX}0`,
    `sha256:${HEX}${HEX}`,
    `sha384:${HEX}${HEX.slice(32)}`,
    `sha256:${HEX.slice(2)}/x`,
    `sha256:../../../etc/passwd`,
    `sha256:${"../".repeat(21)}x`,
    `x sha256:${HEX}`,
    "x".repeat(10_000),
  ];
  for (const text of bad) {
    assert.equal(isDigest(text), false, text);
    const { message } = await failsWith("BAD_CONTENT", () => parseDigest(text), /64 hex digits/);
    assert.ok(message.length < 250, message);
  }
});

Deno.test("media types: foreign layers are known by their names at Docker and at OCI", () => {
  const d = { digest: parseDigest(`sha256:${HEX}`), size: 1 };
  const docker = "application/vnd.docker.image.rootfs";
  const oci = "application/vnd.oci.image.layer";
  const types: Readonly<Record<string, boolean>> = {
    [`${docker}.foreign.diff.tar`]: true,
    [`${docker}.foreign.diff.tar.gzip`]: true,
    [`${oci}.nondistributable.v1.tar`]: true,
    [`${oci}.nondistributable.v1.tar+gzip`]: true,
    [`${oci}.nondistributable.v1.tar+zstd`]: true,
    [`${docker}.diff.tar.gzip`]: false,
    [`${oci}.v1.tar+gzip`]: false,
    "toString": false,
  };
  for (const [mediaType, expected] of Object.entries(types)) {
    assert.equal(isForeign({ ...d, mediaType }), expected, mediaType);
  }
  assert.equal(ociMediaType(`${docker}.diff.tar.zstd`), `${oci}.v1.tar+zstd`);
});
