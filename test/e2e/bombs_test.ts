/**
 * Graphs and documents that are made to have no end or to fill the memory, in layouts, archives and
 * registries: every command ends soon, with one line at most, and stays small.
 * @module
 */
import assert from "node:assert/strict";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { gzipSync } from "node:zlib";
import { digestOf } from "../../src/io/hash.ts";
import { encodeJson } from "../../src/oci/manifest.ts";
import { MediaType } from "../../src/oci/descriptor.ts";
import { simpleModule } from "../support/go_module.ts";
import { type Blob, blob, image, jsonBlob } from "../support/image_graph.ts";
import { measured } from "../support/measured.ts";
import { type Outcome, succeed } from "../support/process.ts";
import { type TempDir, tempDir } from "../support/temp.ts";

/** What a run may take: much more than it does, since machines of tests are busy. */
const SOON_MS = 60_000;
const MOST_MIB = 500;

const NAME = { "io.containerd.image.name": "app:v1", "org.opencontainers.image.ref.name": "v1" };
const config = jsonBlob(
  { os: "linux", architecture: "amd64", rootfs: { type: "layers", diff_ids: [] } },
  MediaType.config,
);

/** Blobs, the root last, and the `index.json` where it is not the usual one. */
interface Bomb {
  readonly blobs: readonly Blob[];
  readonly index?: Uint8Array;
  /** Why it cannot be copied; it can be where this is left out. */
  readonly why?: RegExp;
}

const DEEP = /over 64 levels deep; no honest image has that$/m;
const NESTS = /\(nested over 100 levels deep\)$/m;

function manifest(more: Record<string, unknown> = {}): Blob {
  const value = { schemaVersion: 2, mediaType: MediaType.manifest, config: config.descriptor };
  return jsonBlob({ ...value, layers: [], ...more }, MediaType.manifest);
}

function indexOf(children: readonly Blob[]): Blob {
  const manifests = children.map(({ descriptor }) => descriptor);
  return jsonBlob({ schemaVersion: 2, mediaType: MediaType.index, manifests }, MediaType.index);
}

/** A blob that is made of the one before it, so many times. */
function chain(length: number, next: (before: Blob) => Blob): Blob[] {
  const blobs = [config, manifest()];
  for (let i = 0; i < length; i++) blobs.push(next(blobs.at(-1) ?? config));
  return blobs;
}

const NESTED = `${"[".repeat(100_000)}${"]".repeat(100_000)}`;

const BOMBS: Readonly<Record<string, () => Bomb>> = {
  "an index in an index, 1000 deep": () => ({
    blobs: chain(1000, (one) => indexOf([one])),
    why: DEEP,
  }),
  // Each names the one before it twice: 2 ** 60 ways down.
  "indexes that name each other twice": () => ({
    blobs: chain(60, (one) => indexOf([one, one])),
  }),
  "a chain of 10 000 subjects": () => ({
    blobs: chain(10_000, ({ descriptor }) => manifest({ subject: descriptor })),
    why: DEEP,
  }),
  "an index with 20 000 times the same": () => ({
    blobs: [config, manifest(), indexOf(Array.from({ length: 20_000 }, () => manifest()))],
  }),
  "an index.json with 100 000 entries": () => {
    const { descriptor } = manifest();
    const manifests = Array.from({ length: 100_000 }, () => descriptor);
    const index = encodeJson({ schemaVersion: 2, manifests });
    return { blobs: [config, manifest()], index, why: /larger than 4194304 bytes/ };
  },
  "an index.json with lists 100 000 deep": () => {
    const { descriptor } = manifest();
    const entry = JSON.stringify({ ...descriptor, annotations: NAME });
    const text = `{"schemaVersion":2,"x":${NESTED},"manifests":[${entry}]}`;
    return { blobs: [config, manifest()], index: new TextEncoder().encode(text), why: NESTS };
  },
  "an entry with lists 100 000 deep": () => {
    const { mediaType, digest, size } = manifest().descriptor;
    const annotations = JSON.stringify(NAME);
    const text = `{"schemaVersion":2,"manifests":[{"mediaType":"${mediaType}","size":${size},` +
      `"digest":"${digest}","annotations":${annotations},"x":${NESTED}}]}`;
    return { blobs: [config, manifest()], index: new TextEncoder().encode(text), why: NESTS };
  },
  "a manifest with lists 100 000 deep": () => {
    const text = new TextDecoder().decode(manifest().bytes);
    const nested = blob(text.replace("{", `{"x":${NESTED},`), MediaType.manifest);
    return { blobs: [config, nested], why: NESTS };
  },
  "100 manifests of 4 MB": () => {
    const all = Array.from(
      { length: 100 },
      (_, i) => manifest({ annotations: { pad: String(i).padEnd(4_000_000, "x") } }),
    );
    return { blobs: [config, ...all, indexOf(all)], why: /manifests have over 67108864 bytes/ };
  },
};

async function writeLayout(path: string, { blobs, index }: Bomb): Promise<void> {
  const folder = `${path}/blobs/sha256`;
  await Deno.mkdir(folder, { recursive: true });
  await Deno.writeTextFile(`${path}/oci-layout`, '{"imageLayoutVersion":"1.0.0"}');
  for (const { descriptor, bytes } of blobs) {
    await Deno.writeFile(`${folder}/${descriptor.digest.slice(7)}`, bytes);
  }
  const root = { ...blobs.at(-1)?.descriptor, annotations: NAME };
  const usual = encodeJson({ schemaVersion: 2, mediaType: MediaType.index, manifests: [root] });
  await Deno.writeFile(`${path}/index.json`, index ?? usual);
}

/** Runs kodeno, which may succeed, or fail in one line; but not for long, and in little memory. */
async function small(dir: TempDir, args: readonly string[]): Promise<Outcome> {
  const { mebibytes, ...outcome } = await measured(args, { cwd: dir.path, milliseconds: SOON_MS });
  const { code, stderr } = outcome;
  const said = `${args.join(" ")}: ${code} ${stderr.slice(0, 2000)}`;
  assert.ok(code === 0 || code === 1 || code === 2, said);
  assert.doesNotMatch(stderr, /unexpectedly|RangeError|stack/, said);
  if (code !== 0) {
    assert.match(stderr, /^(?:Could not ask [^\n]{1,1000}\n)?Error: Cannot [^\n]{1,2000}\n$/, said);
  }
  assert.ok(mebibytes < MOST_MIB, `${mebibytes} MiB: ${said}`);
  return outcome;
}

/** Checks that it was copied, or why not. */
function assertCopied({ code, stderr }: Outcome, { why }: Bomb): void {
  assert.equal(code, why === undefined ? 0 : 1, stderr);
  if (why !== undefined) assert.match(stderr, why);
}

const COPIES = [["oci:copied"], ["archive:copied.tar:x:y"]];

for (const [what, make] of Object.entries(BOMBS)) {
  Deno.test(`bombs: ${what}, in a layout and in an archive`, async () => {
    await using dir = await tempDir();
    const bomb = make();
    await writeLayout(dir.join("evil"), bomb);
    await succeed("tar", ["-cf", "../evil.tar", "."], { cwd: dir.join("evil") });
    const tar = (await Deno.stat(dir.join("evil.tar"))).size;
    for (const [path, kind] of [["evil", "oci"], ["evil.tar", "archive"]] as const) {
      await small(dir, ["ls", path]);
      const { stdout } = await small(dir, ["inspect", path]);
      await small(dir, ["inspect", path, "--json"]);
      // What is printed is no more than there is.
      assert.ok(stdout.length < 4 * tar, String(stdout.length));
      for (const to of COPIES) {
        assertCopied(await small(dir, ["copy", `${kind}:${path}:app:v1`, ...to]), bomb);
      }
      await small(dir, ["push", path, "--to", "127.0.0.1:1/x", "--dry-run"]);
      await small(dir, ["merge", "merged", path]);
    }
    for (
      const args of [["gc", "evil"], ["tag", "evil", "app:v1", "app:v2"], ["rm", "evil", "v2"]]
    ) {
      await small(dir, args);
    }
  });
}

/** A registry that has everything it is asked for, checks nothing, and makes up referrers. */
async function startFake(blobs: readonly Blob[]): Promise<AsyncDisposable & { host: string }> {
  const all = new Map(blobs.map((one) => [one.descriptor.digest as string, one]));
  const root = blobs.at(-1);
  let made = 0;
  const server = createServer((request, response) => {
    const [, kind, ref = ""] = /^\/v2\/app\/(\w+)\/(.+)$/.exec(request.url ?? "") ?? [];
    const found = ref === "v1" ? root : all.get(ref);
    if (kind === "referrers") {
      const descriptor = { ...root?.descriptor, digest: digestOf(String(made++)) };
      response.writeHead(200, { "content-type": MediaType.index });
      const list = { schemaVersion: 2, manifests: [descriptor] };
      response.end(encodeJson(list));
    } else if (found === undefined) response.writeHead(kind === undefined ? 200 : 404).end();
    else {
      const { mediaType, digest, size } = found.descriptor;
      const headers = { "content-type": mediaType, "docker-content-digest": digest };
      response.writeHead(200, { ...headers, "content-length": String(size) });
      response.end(request.method === "HEAD" ? undefined : found.bytes);
    }
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    host: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

for (const [what, make] of Object.entries(BOMBS).filter(([, make]) => !make().index)) {
  Deno.test(`bombs: ${what}, in a registry`, async () => {
    await using dir = await tempDir();
    const bomb = make();
    await using fake = await startFake(bomb.blobs);
    const pull = ["pull", `${fake.host}/app:v1`, "--oci-layout", "pulled"];
    assertCopied(await small(dir, pull), bomb);
    for (const to of COPIES) {
      assertCopied(await small(dir, ["copy", `${fake.host}/app:v1`, ...to]), bomb);
    }
  });
}

Deno.test("bombs: a registry that makes up referrers of referrers, and wrong bytes for a digest", async () => {
  await using dir = await tempDir();
  const root = indexOf([manifest()]);
  {
    await using fake = await startFake([config, manifest(), root]);
    const { code, stderr } = await small(dir, [
      "copy",
      `${fake.host}/app:v1`,
      "oci:copied",
      "--referrers",
    ]);
    assert.equal(code, 1);
    assert.match(stderr, /over 64 levels deep/);
  }
  // An index that holds its own digest cannot be made; a registry that says it has one is found out.
  const self = { ...root, bytes: indexOf([root]).bytes };
  const claimed = { ...self, descriptor: { ...root.descriptor, size: self.bytes.length } };
  await using fake = await startFake([config, claimed]);
  const { code, stderr } = await small(dir, ["pull", `${fake.host}/app:v1`]);
  assert.equal(code, 1);
  assert.match(stderr, /Cannot .*: the registry has sha256:/);
});

/** 10 MB that unpack to 10 GiB: gzip members one behind the other are one gzip file. */
function gzipBomb(): Blob {
  const member = gzipSync(new Uint8Array(64 << 20));
  const bytes = new Uint8Array(160 * member.length);
  for (let i = 0; i < 160; i++) bytes.set(member, i * member.length);
  return blob(bytes, MediaType.layerGzip);
}

Deno.test("bombs: a layer of a base that unpacks to 10 GiB is never unpacked", async () => {
  await using dir = await tempDir();
  await simpleModule(dir, "hello");
  const layer = gzipBomb();
  const base = image({ os: "linux", architecture: "amd64" }, [layer]);
  const blobs = [layer, base.config, base.manifest];
  await writeLayout(dir.join("evil"), { blobs });
  await using fake = await startFake(blobs);
  const runs = [
    ["build", ".", "--base-image", "oci:evil:app:v1", "--oci-layout", "built"],
    ["build", ".", "--base-image", `${fake.host}/app:v1`, "--oci-layout", "built2"],
    ["pull", `${fake.host}/app:v1`, "--oci-layout", "pulled"],
    ["copy", "oci:evil:app:v1", "archive:copied.tar"],
    ["copy", "archive:copied.tar", "oci:copied"],
    ["inspect", "copied.tar"],
    ["merge", "merged", "pulled", "copied.tar"],
  ];
  for (const args of runs) {
    const { code, stderr } = await small(dir, args);
    assert.equal(code, 0, `${args.join(" ")}: ${stderr}`);
  }
  for (const output of ["built", "built2", "pulled", "copied.tar", "copied", "merged"]) {
    const size = Number((await succeed("du", ["-sb", dir.join(output)])).split("\t")[0]);
    assert.ok(size > layer.bytes.length && size < layer.bytes.length + 5e6, `${output}: ${size}`);
  }
});
