/**
 * Manifests, indexes and configs: what is read of what other tools write, and what is refused.
 * @module
 */
import assert from "node:assert/strict";
import { failsWith } from "../../test/support/fails.ts";
import { encodeJson, MAX_JSON_BYTES, parseConfig, parseIndex, parseManifest } from "./manifest.ts";
import { isIndexType, isManifestType, MediaType, ociMediaType } from "./descriptor.ts";

const digest = `sha256:${"a".repeat(64)}`;
const descriptor = { mediaType: MediaType.layer, digest, size: 1 };
const manifest = { schemaVersion: 2, config: descriptor, layers: [descriptor] };
const index = { schemaVersion: 2, manifests: [descriptor] };
const config = {
  architecture: "amd64",
  os: "linux",
  rootfs: { type: "layers", diff_ids: [digest] },
};

Deno.test("manifest: what was read is written again, with fields nobody here knows", () => {
  const documents: readonly (readonly [(b: Uint8Array, what: string) => unknown, object])[] = [
    [parseManifest, manifest],
    [parseManifest, { ...manifest, layers: [], subject: descriptor, "org.example": { a: [1] } }],
    [parseManifest, { ...manifest, layers: [{ ...descriptor, urls: ["x"], data: "eA==" }] }],
    [parseIndex, index],
    [parseIndex, {
      ...index,
      manifests: [{ ...descriptor, platform: { os: "o", architecture: "a", features: ["x"] } }],
    }],
    [parseConfig, config],
    [parseConfig, { ...config, config: { Cmd: null, Env: null, Labels: null, Healthcheck: {} } }],
    [parseConfig, { ...config, history: [{ created_by: "x", "moby.x": 1 }] }],
  ];
  for (const [parse, value] of documents) {
    const written = encodeJson(parse(encodeJson(value), "it"));
    assert.deepEqual(JSON.parse(new TextDecoder().decode(written)), value);
  }
  // Go writes an empty list so.
  const empty = encodeJson({ schemaVersion: 2, manifests: null });
  assert.deepEqual(parseIndex(empty, "it").manifests, []);
});

Deno.test("manifest: what is no document of its kind is refused, saying where", async () => {
  const layers = (more: object) => ({ ...manifest, layers: [{ ...descriptor, ...more }] });
  const cases: readonly (readonly [typeof parseManifest | typeof parseIndex, unknown, RegExp])[] = [
    [parseManifest, [], /the document: /],
    [parseManifest, null, /the document: /],
    [parseManifest, index, /config: /],
    [parseManifest, { ...manifest, schemaVersion: 1 }, /schemaVersion/],
    [parseManifest, layers({ size: -1 }), /layers\.0\.size/],
    [parseManifest, layers({ size: 1.5 }), /layers\.0\.size/],
    [parseManifest, layers({ size: 2 ** 60 }), /layers\.0\.size/],
    [parseManifest, layers({ digest: "sha256:../../x" }), /layers\.0\.digest.*64 hex digits/],
    [parseManifest, { ...manifest, annotations: { a: 1 } }, /annotations\.a/],
    [parseManifest, { ...manifest, subject: {} }, /subject/],
    [parseIndex, manifest, /manifests/],
    [parseIndex, { ...index, manifests: [{ ...descriptor, platform: { os: "x" } }] }, /platform/],
  ];
  for (const [parse, value, why] of cases) {
    await failsWith("BAD_CONTENT", () => parse(encodeJson(value), "blob of a test"), why);
  }
  const badConfigs: readonly unknown[] = [
    { ...config, rootfs: {} },
    { ...config, os: 1 },
    { ...config, config: { Env: "A=b" } },
    { ...config, rootfs: { type: "layers", diff_ids: ["sha256:x"] } },
  ];
  for (const value of badConfigs) {
    await failsWith("BAD_CONTENT", () => parseConfig(encodeJson(value), "it"), /image config/);
  }
});

Deno.test("manifest: bytes that are no JSON are refused, and so are too many", async () => {
  const cases: readonly (readonly [Uint8Array, RegExp])[] = [
    [new Uint8Array(), /not JSON/],
    [new TextEncoder().encode("{"), /not JSON/],
    [new Uint8Array([0x22, 0xff, 0x22]), /not JSON/],
    [new Uint8Array(MAX_JSON_BYTES + 1), /larger than 4194304 bytes/],
  ];
  for (const [bytes, why] of cases) {
    const { message } = await failsWith("BAD_CONTENT", () => parseIndex(bytes, "base x"), why);
    assert.match(message, /^Cannot read base x: it is not an image index/);
  }
});

Deno.test("media types: Docker's are OCI's by another name", () => {
  const docker = "application/vnd.docker.";
  const cases: Record<string, string> = {
    [`${docker}distribution.manifest.list.v2+json`]: MediaType.index,
    [`${docker}distribution.manifest.v2+json`]: MediaType.manifest,
    [`${docker}container.image.v1+json`]: MediaType.config,
    [`${docker}image.rootfs.diff.tar.gzip`]: MediaType.layerGzip,
    [MediaType.layer]: MediaType.layer,
    "text/plain": "text/plain",
    "toString": "toString",
  };
  for (const [given, expected] of Object.entries(cases)) {
    assert.equal(ociMediaType(given), expected);
    assert.equal(isIndexType(given), expected === MediaType.index);
    assert.equal(isManifestType(given), expected === MediaType.manifest);
  }
});
