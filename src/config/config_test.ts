/**
 * Options and environment to one configuration: what beats what, and what is refused before any
 * work is done.
 * @module
 */
import assert from "node:assert/strict";
import { resolve } from "node:path";
import type { ErrorCode } from "../errors.ts";
import { failsWith } from "../../test/support/fails.ts";
import {
  type BuildConfig,
  type PublishConfig,
  resolveBuildConfig,
  resolveCacheConfig,
  resolvePublishConfig,
} from "./config.ts";
import type { Environment } from "./environment.ts";
import type { BuildOptions, PublishOptions } from "./options.ts";

const config = (environment: Environment = {}, options: BuildOptions = {}): BuildConfig =>
  resolveBuildConfig({ ...options, environment: { HOME: "home", ...environment } });
const linux = (architecture: string, variant?: string) => ({ os: "linux", architecture, variant });

Deno.test("build config: SBOMs are made where a form or a folder is said", () => {
  const forms = (options: BuildOptions) => config({}, options).sbom.forms;
  assert.deepEqual(forms({ sbomDir: "sboms" }), ["spdx"]);
  const pushed = (options: BuildOptions) => resolveBuildConfig(options, undefined, true).sbom;
  assert.deepEqual([pushed({}).forms, pushed({}).isAsked], [["spdx"], false]);
  assert.deepEqual(pushed({ sbom: ["none"] }).forms, []);
  assert.ok(pushed({ sbom: ["spdx"] }).isAsked);
  assert.deepEqual(forms({ sbom: ["cyclonedx", "spdx", "spdx"] }), ["cyclonedx", "spdx"]);
  assert.deepEqual(forms({ sbom: ["none"], sbomDir: "sboms" }), []);
  assert.throws(() => forms({ sbom: ["none", "spdx"] }), /say none alone/);
  assert.throws(() => forms({ sbom: ["SPDX"] }), /Cannot use SBOM form "SPDX": say spdx,/);
});

Deno.test("build config: nothing said is ko's default", () => {
  const { go, cache, transfer, image, ...rest } = config();
  const { platforms, go: flags, origins, ...values } = image;
  assert.deepEqual([transfer.insecureRegistry, transfer.offline, transfer.mirrors], [
    false,
    false,
    {},
  ]);
  assert.deepEqual(values, {
    baseImage: "static",
    linuxCapabilities: [],
    templates: [],
    untold: new Set(),
    labels: {},
    annotations: {},
    imageEnv: {},
    user: undefined,
    entrypointArgs: [],
    expose: [],
    sourceDateEpoch: undefined,
  });
  assert.deepEqual(rest, {
    workingDirectory: resolve("."),
    koFile: undefined,
    offline: false,
    builds: [],
    baseImageOverrides: {},
    kodataTime: undefined,
    kodataAllowedRoot: undefined,
    baseDemand: { verifyKeys: [], policy: undefined },
    sbom: { forms: [], folder: undefined, isAsked: false },
    provenance: false,
    attestInIndex: false,
    signing: undefined,
    debug: undefined,
    compression: { type: "gzip", level: 2 },
    jobs: navigator.hardwareConcurrency,
  });
  assert.deepEqual({ ...platforms[0] as object }, { ...linux("amd64"), osVersion: undefined });
  assert.deepEqual([go.command, flags.trimpath, flags.disableOptimizations], ["go", true, false]);
  assert.deepEqual(origins, {
    baseImage: "default",
    platforms: "default",
    disableOptimizations: "default",
    trimpath: "default",
  });
  assert.deepEqual([cache.enabled, cache.maxBytes], [true, 10 * 2 ** 30]);
});

Deno.test("build config: what beats what", () => {
  const cases: readonly (readonly [
    environment: Environment,
    options: BuildOptions,
    get: (config: BuildConfig) => unknown,
    expected: unknown,
  ])[] = [
    [{ KO_DEFAULTBASEIMAGE: "scratch" }, {}, (c) => c.image.baseImage, "scratch"],
    [{ KO_DEFAULTBASEIMAGE: "scratch" }, { baseImage: "oci:x" }, (c) => c.image.baseImage, "oci:x"],
    [{ GOPROXY: "direct" }, { offline: true }, (c) => c.go.environment["GOPROXY"], "off"],
    [{ GOPROXY: "direct" }, {}, (c) => c.go.environment["GOPROXY"], "direct"],
    [{}, { env: ["GOPROXY=direct", "A=1"], offline: true }, (c) => c.image.go.env, {
      GOPROXY: "off",
      A: "1",
    }],
    [{ KO_DEFAULTBASEIMAGE: "" }, { baseImage: "" }, (c) => c.image.baseImage, "static"],
    [{ SOURCE_DATE_EPOCH: "5" }, { sourceDateEpoch: 7 }, (c) => c.image.sourceDateEpoch, 5],
    [{}, { sourceDateEpoch: 0 }, (c) => c.image.sourceDateEpoch, 0],
    [{ SOURCE_DATE_EPOCH: "" }, {}, (c) => c.image.sourceDateEpoch, undefined],
    [{ KO_DATA_DATE_EPOCH: "9" }, { sourceDateEpoch: 7 }, (c) => c.kodataTime, 9],
    [{ SOURCE_DATE_EPOCH: "5" }, {}, (c) => c.kodataTime, undefined],
    [{ KO_DATA_PATH_ALLOWED_ROOT: "root" }, {}, (c) => c.kodataAllowedRoot, "root"],
    [{ KO_GO_PATH: "other-go" }, {}, (c) => c.go.command, "other-go"],
    [{}, { env: ["A=1", "A=2"] }, (c) => c.image.go.env, { A: "2" }],
    [{ A: "0" }, { env: ["A=1"] }, (c) => c.go.environment["A"], "0"],
    [{}, { expose: ["80", "53/udp"] }, (c) => c.image.expose, ["80/tcp", "53/udp"]],
    [{}, { user: "" }, (c) => c.image.user, undefined],
    [{}, { compression: "none" }, (c) => c.compression, { type: "none" }],
    [{}, { jobs: 3 }, (c) => c.jobs, 3],
    [{}, { trimpath: false }, (c) => c.image.go.trimpath, false],
    [{}, { workingDirectory: "a" }, (c) => c.workingDirectory, resolve("a")],
    [{ KODENO_CACHE: "c" }, { cache: false }, (c) => c.cache.directory, resolve("c")],
    [{ KODENO_CACHE: "c" }, { cache: false }, (c) => c.cache.enabled, false],
    [{ KODENO_CACHE_MAX_BYTES: "1000" }, {}, (c) => c.cache.maxBytes, 1000],
  ];
  for (const [environment, options, get, expected] of cases) {
    assert.deepEqual(get(config(environment, options)), expected, `${get} ${environment}`);
  }
});

Deno.test("build config: platforms come from options, then ko's variable, then Go's", () => {
  const cases: readonly (readonly [Environment, readonly string[] | undefined, unknown])[] = [
    [{}, ["linux/arm64", " linux/arm/v7 ", ""], [linux("arm64"), linux("arm", "v7")]],
    [{}, ["all"], "all"],
    [{ KO_DEFAULTPLATFORMS: "all" }, undefined, "all"],
    [{ KO_DEFAULTPLATFORMS: " " }, [" ", ""], [linux("amd64")]],
    [{ KO_DEFAULTPLATFORMS: "all" }, [""], "all"],
    [{ KO_DEFAULTPLATFORMS: "linux/s390x, linux/386" }, [], [linux("s390x"), linux("386")]],
    [{ KO_DEFAULTPLATFORMS: "all" }, ["linux/arm64"], [linux("arm64")]],
    [{ GOOS: "linux", GOARCH: "arm64" }, undefined, [linux("arm64")]],
    [{ GOOS: "linux", GOARCH: "arm", GOARM: "6" }, undefined, [linux("arm", "v6")]],
    [{ GOOS: "linux", GOARCH: "arm", GOARM: "7,softfloat" }, undefined, [linux("arm", "v7")]],
    // ko takes neither of the two alone.
    [{ GOOS: "windows" }, undefined, [linux("amd64")]],
    [{ GOARCH: "arm64" }, undefined, [linux("amd64")]],
  ];
  for (const [environment, platforms, expected] of cases) {
    const { image: { platforms: found } } = config(environment, { platforms });
    const plain = found === "all"
      ? found
      : found.map(({ os, architecture = "", variant }) => ({ os, architecture, variant }));
    assert.deepEqual(plain, expected);
  }
});

Deno.test("build config: what cannot be used is refused at once", async () => {
  const cases: readonly (readonly [ErrorCode, Environment, BuildOptions, RegExp])[] = [
    ["BAD_PLATFORM", {}, { platforms: ["linux/x86"] }, /"linux\/x86"/],
    ["BAD_PLATFORM", { KO_DEFAULTPLATFORMS: "beos" }, {}, /"beos"/],
    ["BAD_PLATFORM", { GOOS: "linux", GOARCH: "vax" }, {}, /"linux\/vax"/],
    ["BAD_OPTION", {}, { platforms: ["all", "linux/amd64"] }, /say "all" alone/],
    ["BAD_OPTION", { GOARCH: "arm64" }, { platforms: ["linux/amd64"] }, /unset GOARCH/],
    ["BAD_OPTION", { GOOS: "linux", KO_DEFAULTPLATFORMS: "all" }, {}, /GOOS=linux: unset GOOS/],
    ["BAD_OPTION", {}, { env: ["A"] }, /environment entry "A"/],
    ["BAD_OPTION", {}, { expose: ["x"] }, /port "x"/],
    ["BAD_OPTION", {}, { jobs: -1 }, /jobs "-1"/],
    ["BAD_OPTION", {}, { compression: "zstd:20" }, /compression "zstd:20"/],
    ["BAD_OPTION", {}, { sourceDateEpoch: 1.5 }, /sourceDateEpoch "1.5"/],
    ["BAD_OPTION", { SOURCE_DATE_EPOCH: "today" }, { sourceDateEpoch: 1 }, /EPOCH "today"/],
    ["BAD_OPTION", { KO_DATA_DATE_EPOCH: "x" }, {}, /KO_DATA_DATE_EPOCH "x"/],
    ["BAD_OPTION", {}, { flags: ["-toolexec=x"] }, /-toolexec in "flags"/],
    ["BAD_OPTION", { GOFLAGS: "-v -toolexec=x" }, {}, /-toolexec in "GOFLAGS"/],
    ["BAD_OPTION", {}, { env: ["GOFLAGS=--toolexec=x"] }, /-toolexec in "GOFLAGS"/],
    ["BAD_OPTION", { GOFLAGS: "'-toolexec=x y'" }, {}, /-toolexec in "GOFLAGS"/],
    ["BAD_OPTION", { KODENO_CACHE_MAX_BYTES: "10GB" }, {}, /MAX_BYTES "10GB": .*number of bytes/],
    ["BAD_OPTION", { KODENO_CACHE_MAX_BYTES: "-1" }, {}, /MAX_BYTES "-1"/],
  ];
  for (const [code, environment, options, why] of cases) {
    const error = await failsWith(code, () => config(environment, options), why);
    assert.equal(error.exitCode, 2);
  }
  // What the configuration's own GOFLAGS beats does no harm.
  config({ GOFLAGS: "-toolexec=x" }, { env: ["GOFLAGS=-v"] });
});

Deno.test("build config: nobody changes it afterwards", () => {
  const labels: Record<string, string> = { a: "1" };
  const made = config({}, { labels });
  labels["a"] = "2";
  assert.deepEqual(made.image.labels, { a: "1" });
  const { image } = made;
  for (const part of [made, made.go, image, image.go, image.labels, made.cache]) {
    assert.ok(Object.isFrozen(part));
  }
});

Deno.test("cache config: the same place and bound as a build's", () => {
  const environment = { KODENO_CACHE: "c", KODENO_CACHE_MAX_BYTES: "0" };
  const expected = { directory: resolve("c"), enabled: true, maxBytes: 0 };
  assert.deepEqual(resolveCacheConfig(environment), expected);
  assert.deepEqual(config(environment).cache, expected);
});

const publishConfig = (options?: PublishOptions, repository?: string): PublishConfig => {
  const environment = repository === undefined ? {} : { KO_DOCKER_REPO: repository };
  return resolvePublishConfig({ ...options, environment });
};

Deno.test("publish config: nothing said is a layout, and short names", () => {
  const { transfer, ...rest } = publishConfig();
  assert.deepEqual([transfer.insecureRegistry, transfer.offline], [false, false]);
  assert.deepEqual(rest, {
    repository: "",
    naming: "short",
    layout: "out",
    push: false,
    local: false,
    isKept: true,
    kind: undefined,
    tarball: undefined,
    tags: ["latest"],
    tagOnly: false,
    results: undefined,
  });
  assert.ok(Object.isFrozen(publishConfig()));
});

Deno.test("publish config: a layout is made where nothing else is, or where one is named", async () => {
  const cases: readonly (readonly [PublishOptions, string, Partial<PublishConfig>])[] = [
    [{ push: true }, "reg.local/x", { push: true, local: false, layout: undefined }],
    [{ push: false }, "reg.local/x", { push: false, layout: "out" }],
    [{ push: true, ociLayout: "l" }, "reg.local/x", { push: true, layout: "l" }],
    [{ tarball: "a.tar" }, "", { tarball: "a.tar", layout: undefined }],
    [{ local: true }, "", { local: true, repository: "ko.local", layout: undefined }],
    [{}, "ko.local/team", { local: true, push: false, layout: undefined }],
    [{ localDomain: "dev.local" }, "dev.local", { local: true }],
    [{}, "ko.localhost/x", { local: false, layout: "out" }],
    [{}, "kind.local", { kind: "kind", local: false, layout: undefined }],
    [{ local: true }, "kind.local/team", { kind: "kind", local: false, layout: undefined }],
    [{}, "kind.localhost/x", { kind: undefined, layout: "out" }],
  ];
  for (const [options, repository, expected] of cases) {
    const found = publishConfig(options, repository);
    assert.deepEqual({ ...found, ...expected }, found, JSON.stringify(options));
  }
  await failsWith("BAD_OPTION", () => publishConfig({ push: true }));
  await failsWith("BAD_OPTION", () => publishConfig({ push: true }, "ko.local"));
  await failsWith(
    "BAD_OPTION",
    () => publishConfig({ push: true }, "kind.local"),
    /is no registry/,
  );
  const pushed = (options: PublishOptions, KO_DOCKER_REPO: string) =>
    resolvePublishConfig({ ...options, environment: { KO_DOCKER_REPO } }, { pushes: true }).push;
  const asked: readonly (readonly [PublishOptions, string, boolean])[] = [
    [{}, "reg.local/x", true],
    [{ push: false }, "reg.local/x", false],
    [{ local: true }, "reg.local/x", false],
    [{}, "ko.local/x", false],
    [{}, "kind.local", false],
  ];
  for (const [options, repository, push] of asked) {
    assert.equal(pushed(options, repository), push, `${repository} ${JSON.stringify(options)}`);
  }
  await failsWith("BAD_OPTION", () => pushed({}, ""), /KO_DOCKER_REPO is not set/);
  const environment = { KO_DOCKER_REPO: "kind.local", KIND_CLUSTER_NAME: "dev" };
  assert.equal(resolvePublishConfig({ environment }).kind, "dev");
});

Deno.test("publish config: names follow ko's flags, the more special one first", () => {
  const [bare, base, full] = [
    { bare: true },
    { baseImportPaths: true },
    { preserveImportPaths: true },
  ];
  const cases: readonly (readonly [PublishOptions, string, PublishConfig["naming"]])[] = [
    [{}, "", "short"],
    [{}, "reg.local/team", "md5"],
    [bare, "reg.local/team", "bare"],
    [base, "reg.local/team", "base"],
    [full, "", "full"],
    [{ ...bare, ...base }, "reg.local/team", "base"],
    [{ ...bare, ...base, ...full }, "reg.local/team", "full"],
  ];
  for (const [options, repository, naming] of cases) {
    assert.equal(publishConfig(options, repository).naming, naming);
  }
});

Deno.test("publish config: the option beats KO_DOCKER_REPO; a host alone is a prefix", () => {
  for (const repo of ["reg.local", "localhost:5000", "127.0.0.1:5000/a/b", "team", "a.b/c__d"]) {
    assert.equal(publishConfig({}, repo).repository, repo);
    assert.equal(publishConfig({ dockerRepo: repo }, "reg.local/other").repository, repo);
  }
  assert.equal(publishConfig({ dockerRepo: "" }, "reg.local/other").repository, "");
});

Deno.test("publish config: each tag once, in the order given", () => {
  assert.deepEqual(publishConfig({ tags: ["v2", "v1", "v2"] }).tags, ["v2", "v1"]);
  assert.deepEqual(publishConfig({ tags: [] }).tags, ["latest"]);
  assert.equal(publishConfig({ tags: ["v1"], tagOnly: true }).tagOnly, true);
});

Deno.test("publish config: what cannot be used is refused at once", async () => {
  const cases: readonly (readonly [ErrorCode, PublishOptions, string, RegExp])[] = [
    ["BAD_REFERENCE", { tags: ["v 1"] }, "", /tag "v 1"/],
    ["BAD_REFERENCE", { tags: [""] }, "", /tag ""/],
    ["BAD_REFERENCE", {}, "reg.local/Team", /"Team" may hold only lower-case/],
    ["BAD_REFERENCE", {}, "reg.local/team:v1", /"team:v1"/],
    ["BAD_REFERENCE", { dockerRepo: "https://reg.local/x" }, "", /./],
    ["BAD_OPTION", { bare: true }, "", /--bare/],
    ["BAD_OPTION", { tagOnly: true }, "", /say one tag that is not "latest"/],
    ["BAD_OPTION", { tagOnly: true, tags: ["latest"] }, "", /one tag/],
    ["BAD_OPTION", { tagOnly: true, tags: ["v1", "v2"] }, "", /with tags v1,v2/],
  ];
  for (const [code, options, repository, why] of cases) {
    await failsWith(code, () => publishConfig(options, repository), why);
  }
});
