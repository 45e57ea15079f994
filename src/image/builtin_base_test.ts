/**
 * The bases that are built in: what is in the layer of `static`, as `tar` sees it, and for which
 * platforms they are there.
 * @module
 */
import assert from "node:assert/strict";
import { rootCertificates } from "node:tls";
import { failsWith } from "../../test/support/fails.ts";
import { succeed } from "../../test/support/process.ts";
import { type TempDir, tempDir } from "../../test/support/temp.ts";
import { copy } from "../content/copy.ts";
import { openLayerCache } from "../layers/cache.ts";
import { MediaType } from "../oci/descriptor.ts";
import { formatPlatform, LINUX_ARCHITECTURES, parsePlatformSpec } from "../oci/platform.ts";
import { MemoryStore } from "../place/memory.ts";
import { type Base, type BasePlatforms, readBase } from "./base.ts";
import { isBuiltinBase, scratchBase, staticBase } from "./builtin_base.ts";

const wanted = (...texts: string[]): BasePlatforms => texts.map(parsePlatformSpec);
const names = ({ images }: Base) => images.map((one) => formatPlatform(one.platform));

const CERTIFICATES = "etc/ssl/certs/ca-certificates.crt";
/** A toolchain's time zones, which nobody here unpacks. */
const ZONES = "zones";

async function makeStatic(dir: TempDir, platforms: BasePlatforms, cache = "cache"): Promise<Base> {
  await dir.write("go/lib/time/zoneinfo.zip", ZONES);
  return await staticBase(platforms, {
    cache: await openLayerCache(dir.join(cache), true),
    level: 6,
    goroot: dir.join("go"),
  });
}

Deno.test("builtin base: the files of static", async () => {
  await using dir = await tempDir();
  const base = await makeStatic(dir, wanted("linux/amd64"));
  const [image] = base.images;
  const [layer] = image?.manifest.layers ?? [];
  assert.ok(image !== undefined && layer !== undefined);
  const path = dir.join("layer.tar.gz");
  await Deno.writeFile(path, await image.source.fetch(layer));
  const env = { ...Deno.env.toObject(), TZ: "UTC" };
  const listing = await succeed("tar", ["--numeric-owner", "-tvzf", path], { env });
  const rows = listing.trimEnd().split("\n").map((line) => {
    const [mode, owner, _size, day, time, name] = line.split(/\s+/);
    assert.deepEqual([day, time], ["1970-01-01", "00:00"]);
    return `${mode} ${owner} ${name}`;
  });
  assert.deepEqual(rows, [
    "drwxr-xr-x 0/0 etc/",
    "-rw-r--r-- 0/0 etc/group",
    "-rw-r--r-- 0/0 etc/nsswitch.conf",
    "-rw-r--r-- 0/0 etc/passwd",
    "drwxr-xr-x 0/0 etc/ssl/",
    "drwxr-xr-x 0/0 etc/ssl/certs/",
    `-rw-r--r-- 0/0 ${CERTIFICATES}`,
    "drwxr-xr-x 0/0 home/",
    "drwx------ 65532/65532 home/nonroot/",
    "drwx------ 0/0 root/",
    "drwxrwxrwt 0/0 tmp/",
    "drwxr-xr-x 0/0 usr/",
    "drwxr-xr-x 0/0 usr/share/",
    "-rw-r--r-- 0/0 usr/share/zoneinfo.zip",
  ]);
  const read = (name: string) => succeed("tar", ["-xOzf", path, name]);
  assert.match(await read("etc/passwd"), /^root:x:0:0:.*\nnonroot:x:65532:65532:.*\n$/);
  assert.equal(await read("usr/share/zoneinfo.zip"), ZONES);
  const certificates = await read(CERTIFICATES);
  const count = certificates.match(/^-----BEGIN CERTIFICATE-----$/gm)?.length;
  assert.equal(count, rootCertificates.length);
  assert.ok((count ?? 0) > 100);
});

Deno.test("builtin base: static runs as nonroot and finds its files", async () => {
  await using dir = await tempDir();
  const { images, name } = await makeStatic(dir, wanted("linux/arm64"));
  assert.equal(name, "static");
  const { config, rootfs, os, architecture } = images[0]?.config ?? assert.fail();
  assert.deepEqual([os, architecture, rootfs.diff_ids.length], ["linux", "arm64", 1]);
  assert.deepEqual([config?.User, config?.WorkingDir], ["65532", "/home/nonroot"]);
  assert.deepEqual(config?.Env?.map((entry) => entry.split("=")[0]), [
    "PATH",
    "SSL_CERT_FILE",
    "ZONEINFO",
  ]);
  assert.ok(config?.Env?.includes(`SSL_CERT_FILE=/${CERTIFICATES}`));
  assert.ok(config?.Env?.includes("ZONEINFO=/usr/share/zoneinfo.zip"));
});

Deno.test("builtin base: the same bytes on every machine", async () => {
  await using dir = await tempDir();
  await using other = await tempDir();
  const first = await makeStatic(dir, wanted("linux/amd64"));
  await Deno.utime(await other.write("go/lib/time/zoneinfo.zip", ""), 1, 1);
  const second = await makeStatic(other, wanted("linux/amd64"), "elsewhere");
  assert.equal(second.digest, first.digest);
  assert.deepEqual(second.images[0]?.manifest, first.images[0]?.manifest);
});

Deno.test("builtin base: another base can be read out of it", async () => {
  await using dir = await tempDir();
  const { images, digest } = await makeStatic(dir, wanted("linux/amd64"));
  const [image] = images;
  assert.ok(image !== undefined && digest !== undefined);
  const store = new MemoryStore();
  const { config, layers } = image.manifest;
  for (const d of [config, ...layers]) await store.push(d, () => image.source.fetch(d));
  const root = await store.add(
    MediaType.manifest,
    new TextEncoder().encode(JSON.stringify(image.manifest)),
  );
  assert.equal(root.digest, digest);
  const copied = await copy(store, root, new MemoryStore());
  const base = await readBase(store, copied, wanted("linux/amd64"), "the copy");
  assert.deepEqual(names(base), ["linux/amd64"]);
});

Deno.test("builtin base: scratch has nothing but a PATH, and no digest", () => {
  const { name, digest, images } = scratchBase(wanted("linux/amd64"));
  assert.deepEqual([name, digest], ["scratch", undefined]);
  const { config, manifest, digest: own } = images[0] ?? assert.fail();
  assert.deepEqual([manifest.layers, config.rootfs.diff_ids, own], [[], [], undefined]);
  assert.deepEqual(Object.keys(config.config ?? {}), ["Env"]);
});

Deno.test("builtin base: there for every linux platform, each once", async () => {
  const cases: readonly (readonly [BasePlatforms, readonly string[]])[] = [
    [wanted("linux/amd64"), ["linux/amd64"]],
    [wanted("linux/s390x", "linux/386", "linux/s390x"), ["linux/s390x", "linux/386"]],
    [wanted("linux/arm", "linux/arm/v7"), ["linux/arm/v7"]],
    [wanted("linux/arm/v6"), ["linux/arm/v6"]],
    [wanted("linux/amd64/v3"), ["linux/amd64/v3"]],
  ];
  for (const [platforms, expected] of cases) {
    assert.deepEqual(names(scratchBase(platforms)), expected);
  }
  for (const all of ["all", wanted("linux"), wanted("linux", "linux/amd64")] as const) {
    assert.equal(names(scratchBase(all)).length, LINUX_ARCHITECTURES.length);
  }
  const list = /Cannot build for windows: base image "scratch" has linux\/386, linux\/amd64/;
  const windows = wanted("linux/amd64", "windows/amd64");
  await failsWith("BAD_PLATFORM", () => scratchBase(windows), list);
  await using dir = await tempDir();
  await failsWith("BAD_PLATFORM", () => makeStatic(dir, windows), /"static"/);
});

Deno.test("builtin base: a toolchain without time zones is told", async () => {
  await using dir = await tempDir();
  const cache = await openLayerCache(dir.join("cache"), true);
  const options = { cache, level: 1, goroot: dir.join("go") };
  const why = /zoneinfo.zip: there is no such file/;
  await failsWith("IO_FAILED", () => staticBase(wanted("linux/amd64"), options), why);
});

Deno.test("builtin base: only the bare names mean these bases", () => {
  for (const name of ["static", "scratch"]) assert.equal(isBuiltinBase(name), true);
  for (const name of ["", "static:latest", "Static", "distroless/static", "toString"]) {
    assert.equal(isBuiltinBase(name), false);
  }
});
