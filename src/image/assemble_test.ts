/**
 * Images from a base and layers, field for field: the values are ko's.
 * @module
 */
import assert from "node:assert/strict";
import { blob } from "../../test/support/image_graph.ts";
import { digestOf } from "../io/hash.ts";
import { bytesStream } from "../io/streams.ts";
import type { Layer } from "../layers/layer.ts";
import { MediaType } from "../oci/descriptor.ts";
import {
  type ImageConfig,
  type Manifest,
  parseConfig,
  parseIndex,
  parseManifest,
  type RunConfig,
} from "../oci/manifest.ts";
import { assembleImage, builtImage, type ImageOptions } from "./assemble.ts";
import type { BaseImage } from "./base.ts";

const NOBODY_SAID_WHEN = "0001-01-01T00:00:00Z";
const OPTIONS: ImageOptions = {
  labels: {},
  annotations: {},
  imageEnv: {},
  user: undefined,
  entrypointArgs: [],
  expose: [],
  sourceDateEpoch: undefined,
  kodataTime: undefined,
};

function layerOf(text: string): Layer {
  const { descriptor, bytes } = blob(text, MediaType.layerGzip);
  const open = () => Promise.resolve(bytesStream(bytes));
  return { descriptor, diffId: digestOf(`plain ${text}`), open };
}

const APP = {
  importPath: "example.com/cmd/app",
  appName: "app",
  kodata: layerOf("kodata"),
  binary: layerOf("binary"),
};

interface BaseFields {
  readonly run?: RunConfig;
  readonly config?: Partial<ImageConfig>;
  readonly manifest?: Partial<Manifest>;
  readonly os?: string;
}

function baseOf({ run, config, manifest, os = "linux" }: BaseFields = {}): BaseImage {
  const layer = blob("base layer", "application/vnd.docker.image.rootfs.diff.tar.gzip");
  const platform = { os, architecture: "amd64" };
  return {
    platform,
    digest: digestOf("base"),
    config: {
      ...platform,
      ...(run ? { config: run } : {}),
      rootfs: { type: "layers", diff_ids: [digestOf("base diff")] },
      history: [{ created_by: "base" }],
      ...config,
    },
    manifest: {
      schemaVersion: 2,
      config: blob("{}", MediaType.config).descriptor,
      layers: [layer.descriptor],
      ...manifest,
    },
    source: { fetch: () => Promise.resolve(bytesStream(layer.bytes)) },
  };
}

function made(base: BaseFields = {}, options: Partial<ImageOptions> = {}) {
  const image = assembleImage(baseOf(base), "reg.local/base:v1", APP, { ...OPTIONS, ...options });
  return {
    image,
    config: parseConfig(image.config.bytes, "it"),
    manifest: parseManifest(image.manifest.bytes, "it"),
  };
}

Deno.test("assemble: the run config is the base's with ko's entries", () => {
  const run: RunConfig = {
    Entrypoint: ["/old"],
    Cmd: ["old"],
    Env: ["A=1", "PATH=/bin", "PATH=/second", "B=2"],
    User: "65532",
    WorkingDir: "/home",
    Labels: { base: "x", both: "base" },
    ExposedPorts: { "80/tcp": {} },
  };
  assert.deepEqual({ ...made({ run }).config.config }, {
    User: "65532",
    WorkingDir: "/home",
    Entrypoint: ["/ko-app/app"],
    Env: ["A=1", "PATH=/bin:/ko-app", "PATH=/second", "B=2", "KO_DATA_PATH=/var/run/ko"],
    Labels: { base: "x", both: "base" },
    ExposedPorts: { "80/tcp": {} },
  });
  const options = {
    labels: { both: "own", own: "y" },
    imageEnv: { A: "own=1, 2", EMPTY: "", PATH: "/own" },
    user: "1000:1000",
    entrypointArgs: ["serve", "--port=80"],
    expose: ["80/tcp", "53/udp"],
  };
  const { config } = made({ run }, options).config;
  assert.deepEqual(config?.Labels, { base: "x", both: "own", own: "y" });
  const env = ["B=2", "KO_DATA_PATH=/var/run/ko", "A=own=1, 2", "EMPTY=", "PATH=/own"];
  assert.deepEqual(config?.Env, env);
  assert.equal(config?.User, "1000:1000");
  assert.deepEqual(config?.Entrypoint, ["/ko-app/app", "serve", "--port=80"]);
  assert.deepEqual(config?.ExposedPorts, { "80/tcp": {}, "53/udp": {} });

  // A base that says nothing, or null as Go does.
  const expected = {
    Entrypoint: ["/ko-app/app"],
    Env: ["PATH=/ko-app", "KO_DATA_PATH=/var/run/ko"],
  };
  assert.deepEqual({ ...made().config.config }, expected);
  const empty = made({ run: { Env: null, Labels: null, Cmd: null, ExposedPorts: null } });
  assert.deepEqual({ ...empty.config.config }, expected);
  const odd = made({ run: { Env: ["PATH=", "MYPATH=/x"] } }).config.config?.Env;
  assert.deepEqual(odd, ["PATH=:/ko-app", "MYPATH=/x", "KO_DATA_PATH=/var/run/ko"]);
});

Deno.test("assemble: Windows has Windows' paths", () => {
  const { config } = made({ os: "windows", run: { Env: ["PATH=C:\\x"] } }).config;
  assert.deepEqual(config?.Entrypoint, ["C:\\ko-app\\app"]);
  assert.deepEqual(config?.Env, ["PATH=C:\\x:C:\\ko-app", "KO_DATA_PATH=C:\\var\\run\\ko"]);
});

Deno.test("assemble: times are what was said, or the base's, or nobody's", () => {
  const old = "2020-02-02T02:02:02.123Z";
  const cases: readonly (readonly [
    sourceDateEpoch: number | undefined,
    kodataTime: number | undefined,
    base: string | undefined,
    expected: readonly [created: string, kodata: string, binary: string],
  ])[] = [
    [undefined, undefined, undefined, [NOBODY_SAID_WHEN, NOBODY_SAID_WHEN, NOBODY_SAID_WHEN]],
    [undefined, undefined, old, [old, NOBODY_SAID_WHEN, NOBODY_SAID_WHEN]],
    [0, undefined, old, ["1970-01-01T00:00:00Z", NOBODY_SAID_WHEN, "1970-01-01T00:00:00Z"]],
    [undefined, 86400, old, [old, "1970-01-02T00:00:00Z", NOBODY_SAID_WHEN]],
    [-1, 1, old, ["1969-12-31T23:59:59Z", "1970-01-01T00:00:01Z", "1969-12-31T23:59:59Z"]],
  ];
  for (const [sourceDateEpoch, kodataTime, base, expected] of cases) {
    const { config } = made({ config: { created: base } }, { sourceDateEpoch, kodataTime });
    const [, kodata, binary] = config.history ?? [];
    assert.deepEqual([config.created, kodata?.created, binary?.created], expected);
  }
});

Deno.test("assemble: layers and history go on top; the rest of the base stays", () => {
  const { image, config, manifest } = made({
    config: { variant: "v1", "os.version": "1", ...{ "org.example": [1] } },
    manifest: { annotations: { base: "x" } },
  });
  const [base, kodata, binary] = manifest.layers;
  assert.equal(manifest.layers.length, 3);
  // The bytes are the base's, under OCI's name.
  assert.equal(base?.mediaType, MediaType.layerGzip);
  assert.equal(base?.digest, digestOf("base layer"));
  assert.deepEqual([kodata, binary], [APP.kodata.descriptor, APP.binary.descriptor]);
  assert.deepEqual(config.rootfs.diff_ids, [
    digestOf("base diff"),
    APP.kodata.diffId,
    APP.binary.diffId,
  ]);
  const step = {
    author: "kodeno",
    created: NOBODY_SAID_WHEN,
    created_by: "kodeno build ko://example.com/cmd/app",
  };
  assert.deepEqual(config.history, [
    { created_by: "base" },
    { ...step, comment: "kodata contents, at $KO_DATA_PATH" },
    { ...step, comment: "go build output, at /ko-app/app" },
  ]);
  const { variant, "os.version": version, ...more } = config;
  assert.deepEqual([variant, version, Object(more)["org.example"]], ["v1", "1", [1]]);
  assert.deepEqual([config.author, config.os, config.architecture], ["kodeno", "linux", "amd64"]);
  assert.equal(manifest.config.digest, digestOf(image.config.bytes));
  assert.deepEqual([manifest.mediaType, manifest.config.mediaType], [
    MediaType.manifest,
    MediaType.config,
  ]);
});

Deno.test("assemble: annotations are the base's, then those asked for, then where it stands", () => {
  const name = "org.opencontainers.image.base.name";
  const digest = "org.opencontainers.image.base.digest";
  const annotations = { z: "own", a: "own", [name]: "lie" };
  const { manifest } = made({ manifest: { annotations: { a: "base", m: "base" } } }, {
    annotations,
  });
  assert.deepEqual(Object.entries(manifest.annotations ?? {}), [
    ["a", "own"],
    ["m", "base"],
    [digest, digestOf("base")],
    [name, "reg.local/base:v1"],
    ["z", "own"],
  ]);
  const { digest: _, ...nameless } = baseOf();
  const plain = assembleImage(nameless, undefined, APP, OPTIONS);
  assert.equal(parseManifest(plain.manifest.bytes, "it").annotations, undefined);
});

Deno.test("assemble: the same input gives the same bytes; labels change the digest", () => {
  assert.deepEqual(made().image.manifest, made().image.manifest);
  const labels = { a: "1" };
  assert.notEqual(
    made({}, { labels }).image.manifest.descriptor.digest,
    made().image.manifest.descriptor.digest,
  );
});

Deno.test("assemble: one platform is a manifest, several are an index of them", async () => {
  const [one, two] = [made().image, made({ os: "windows" }).image];
  const base = { name: "reg.local/base:v1", digest: digestOf("base index") };
  const options = { ...OPTIONS, annotations: { a: "1" } };
  const single = builtImage(APP.importPath, [one], base, options);
  assert.deepEqual(single.root, {
    ...one.manifest.descriptor,
    platform: { os: "linux", architecture: "amd64" },
  });
  const several = builtImage(APP.importPath, [one, two], base, options);
  assert.deepEqual(several.platforms, ["linux/amd64", "windows/amd64"]);
  const [bytes = new Uint8Array()] = await Array.fromAsync(await several.fetch(several.root));
  assert.deepEqual(several.root, {
    mediaType: MediaType.index,
    digest: digestOf(bytes),
    size: bytes.length,
  });
  const { manifests, annotations } = parseIndex(bytes, "it");
  assert.deepEqual(manifests.map((d) => ({ ...d, platform: { ...d.platform } })), [
    { ...one.manifest.descriptor, platform: { os: "linux", architecture: "amd64" } },
    { ...two.manifest.descriptor, platform: { os: "windows", architecture: "amd64" } },
  ]);
  assert.deepEqual(annotations, {
    a: "1",
    "org.opencontainers.image.base.digest": base.digest,
    "org.opencontainers.image.base.name": base.name,
  });
});
