/**
 * Manifests, indexes and configs: what is read of what other tools write, and what is refused.
 * @module
 */
import assert from "node:assert/strict";
import { failsWith } from "../../test/support/fails.ts";
import {
  asWritten,
  encodeJson,
  MAX_JSON_BYTES,
  oddity,
  parseConfig,
  parseIndex,
  parseManifest,
} from "./manifest.ts";
import {
  type Descriptor,
  isIndexType,
  isManifestType,
  MediaType,
  ociMediaType,
} from "./descriptor.ts";

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
  const documents: readonly (readonly [(b: Uint8Array, what: string) => object, object])[] = [
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
    const written = encodeJson(asWritten(parse(encodeJson(value), "it")));
    assert.deepEqual(JSON.parse(new TextDecoder().decode(written)), value);
  }
});

Deno.test("manifest: numbers that nobody here knows keep each digit", () => {
  const text = '{"schemaVersion":2,"manifests":[],' +
    '"x":[1.0,12345678901234567890,1e400,-0.50],"y":{"z":2.50},"t":"1.0"}';
  const index = parseIndex(new TextEncoder().encode(text), "it");
  assert.equal(new TextDecoder().decode(encodeJson(index)), text);
});

/** Every member that may be left out, as `null`. */
const nulls = (...names: readonly string[]) =>
  Object.fromEntries(names.map((name) => [name, null]));

Deno.test("manifest: null is what is not there, in every member that may be left out", () => {
  const entry = {
    ...descriptor,
    ...nulls("annotations", "artifactType", "platform", "urls", "data"),
  };
  const half = { ...descriptor, platform: { os: null, architecture: "", ...nulls("variant") } };
  const whole = {
    ...descriptor,
    annotations: { a: "x", b: null },
    platform: { os: "linux", architecture: "arm", ...nulls("variant", "os.version") },
  };
  const more = nulls("mediaType", "artifactType", "subject", "annotations");
  const list = { schemaVersion: 2, ...more, manifests: [entry, half, whole] };
  const index = parseIndex(encodeJson(list), "it");
  const platform = { os: "linux", architecture: "arm" };
  assert.deepEqual(index, {
    schemaVersion: 2,
    manifests: [
      descriptor,
      descriptor,
      { ...descriptor, annotations: { a: "x" }, platform },
    ],
  });
  assert.deepEqual(index.manifests.map(oddity), [undefined, undefined, undefined]);
  assert.deepEqual(index.manifests.map(asWritten), list.manifests);
  assert.deepEqual(asWritten(index), list);
  for (const manifests of [{}, { manifests: null }]) {
    assert.deepEqual(
      parseIndex(encodeJson({ schemaVersion: 2, ...manifests }), "it").manifests,
      [],
    );
  }

  for (const layers of [{}, { layers: null }]) {
    const value = { schemaVersion: 2, ...more, config: entry, ...layers };
    assert.deepEqual(parseManifest(encodeJson(value), "it"), {
      schemaVersion: 2,
      config: descriptor,
      layers: [],
    });
  }

  const optional = ["variant", "os.version", "created", "author", "config", "history"];
  assert.deepEqual(parseConfig(encodeJson({ ...config, ...nulls(...optional) }), "it"), config);
  const settings = "Entrypoint Cmd Env User WorkingDir Labels ExposedPorts".split(" ");
  const run = { ...config, config: { ...nulls(...settings), Labels: { a: null } } };
  assert.deepEqual(parseConfig(encodeJson(run), "it").config, { Labels: {} });
  // Of an image of nothing, and of what is no image.
  const none = { type: "layers", diff_ids: [] };
  // In a list it is what Go takes it for.
  const listed = { ...config, config: { Env: ["A=b", null] }, history: [null, { comment: "x" }] };
  const { config: { Env } = {}, history } = parseConfig(encodeJson(listed), "it");
  assert.deepEqual([Env, history], [["A=b", ""], [{}, { comment: "x" }]]);
  for (const rootfs of [{ type: "layers", diff_ids: null }, { type: null }, {}, null]) {
    assert.deepEqual(parseConfig(encodeJson({ ...config, rootfs }), "it").rootfs, none);
  }
  assert.deepEqual(parseConfig(encodeJson({}), "it"), { os: "", architecture: "", rootfs: none });
});

Deno.test("manifest: an entry that is none does not hinder the others, and says why", () => {
  const unknown = `blake3:${"a".repeat(64)}`;
  const cases: readonly (readonly [unknown, string, RegExp])[] = [
    [{ ...descriptor, digest: unknown }, unknown, /^its digest: it is not a digest .*\("sha256:"/],
    [{ ...descriptor, digest: "sha256:../../x" }, "sha256:../../x", /^its digest: /],
    [{ ...descriptor, digest: "sha512:aa" }, "sha512:aa", /and 128/],
    [{ ...descriptor, digest: null }, "?", /^its digest: /],
    [{ ...descriptor, size: -1 }, digest, /^its size: it is not a number of bytes/],
    [{ ...descriptor, mediaType: null }, digest, /^its mediaType: it is not a string/],
    [{ ...descriptor, annotations: { a: 1, b: "x" } }, digest, /^its annotations\.a: /],
    [{ ...descriptor, platform: "linux" }, digest, /^its platform: it is not an object/],
    [null, "?", /^it is not an object/],
    ["sha256:x", "?", /^it is not an object/],
    [{ digest: "x".repeat(10_000) }, "x".repeat(300), /^its mediaType/],
  ];
  const manifests = [descriptor, ...cases.map(([value]) => value), descriptor];
  const index = parseIndex(encodeJson({ schemaVersion: 2, manifests }), "it");
  assert.deepEqual(index.manifests.map(asWritten), manifests);
  assert.equal(oddity(index.manifests[0] as Descriptor), undefined);
  for (const [i, [value, digest, why]] of cases.entries()) {
    const odd = index.manifests[i + 1] as Descriptor;
    assert.equal(odd.digest, digest);
    assert.match(oddity(odd) ?? "", why, JSON.stringify(value));
  }
  // What can be read of it is.
  assert.deepEqual(index.manifests[7]?.annotations, { b: "x" });
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
    [parseIndex, { ...index, manifests: {} }, /manifests: it is not a list/],
    [parseIndex, { ...index, subject: descriptor.digest }, /subject: it is not an object/],
  ];
  for (const [parse, value, why] of cases) {
    await failsWith("BAD_CONTENT", () => parse(encodeJson(value), "blob of a test"), why);
  }
  const badConfigs: readonly unknown[] = [
    { ...config, rootfs: [] },
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
