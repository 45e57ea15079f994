/**
 * Base images that are not what they should be: damaged, missing, too large, or of other platforms.
 * Nothing of them reaches a layout.
 * @module
 */
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { assertFails } from "../support/failure.ts";
import { printer, simpleModule } from "../support/go_module.ts";
import { kodeno, spawnKodeno } from "../support/kodeno.ts";
import { type TempDir, tempDir } from "../support/temp.ts";

const GIB = 1024 ** 3;
const MANIFEST = "application/vnd.oci.image.manifest.v1+json";
/** What a kodeno that holds none of a huge blob may take, with all of its runtime. */
const MEMORY_KB = 400_000;

/** What the tests change of a descriptor. */
interface Loose {
  mediaType: string;
  digest: string;
  size: number;
}

/** A base image in the layout `base`, to be damaged, beside a module. */
class BaseUnderTest implements AsyncDisposable {
  constructor(readonly dir: TempDir) {}

  async [Symbol.asyncDispose](): Promise<void> {
    await this.dir[Symbol.asyncDispose]();
  }

  blob(digest: string): string {
    return this.dir.join("base/blobs/sha256", digest.slice("sha256:".length));
  }

  async readIndex(): Promise<{ manifests: Loose[] }> {
    return JSON.parse(await Deno.readTextFile(this.dir.join("base/index.json")));
  }

  /** Changes the one entry of the index. */
  async changeEntry(change: Partial<Loose>): Promise<void> {
    const index = await this.readIndex();
    Object.assign(index.manifests[0] ?? {}, change);
    await this.dir.write("base/index.json", JSON.stringify(index));
  }

  async readManifest(): Promise<{ config: Loose; layers: Loose[] }> {
    const [entry] = (await this.readIndex()).manifests;
    return JSON.parse(await Deno.readTextFile(this.blob(entry?.digest ?? "")));
  }

  /** Puts another manifest in the place of the only one. */
  async writeManifest(manifest: unknown): Promise<void> {
    const bytes = new TextEncoder().encode(JSON.stringify(manifest));
    const digest = `sha256:${createHash("sha256").update(bytes).digest("hex")}`;
    await Deno.writeFile(this.blob(digest), bytes);
    await this.changeEntry({ digest, size: bytes.length });
  }

  /** The largest layer: the program of the base. */
  async layer(): Promise<Loose> {
    const { layers } = await this.readManifest();
    const layer = layers.sort((a, b) => b.size - a.size)[0];
    assert.ok(layer);
    return layer;
  }

  /** Builds on the base, which has to fail with exit code 1. */
  async fails(message: RegExp): Promise<void> {
    await assertFails(this.dir, ["build", "--base-image", "oci:base"], { code: 1, message });
  }
}

async function base(): Promise<BaseUnderTest> {
  const dir = await tempDir();
  await simpleModule(dir, "base");
  const { code, stderr } = await kodeno(["build", "--oci-layout", "base"], { cwd: dir.path });
  assert.equal(code, 0, stderr);
  // What stands on the base is another program: else its own layer would be the base's, too.
  await dir.write("main.go", printer("top"));
  return new BaseUnderTest(dir);
}

Deno.test("base: a layer with other bytes than its digest says", async () => {
  await using under = await base();
  const { digest } = await under.layer();
  const bytes = await Deno.readFile(under.blob(digest));
  const middle = Math.floor(bytes.length / 2);
  bytes[middle] = 255 - (bytes[middle] ?? 0);
  await Deno.writeFile(under.blob(digest), bytes);
  await under.fails(
    new RegExp(`blob ${digest} of base image oci:base: its content has digest sha256:`),
  );
});

Deno.test("base: a layer of another size than its descriptor says", async () => {
  await using under = await base();
  const { digest, size } = await under.layer();
  await Deno.truncate(under.blob(digest), size - 1);
  await under.fails(new RegExp(`layer ${digest} is not there, or has another size`));
});

Deno.test("base: a layer that is not there", async () => {
  await using under = await base();
  const { digest } = await under.layer();
  await Deno.remove(under.blob(digest));
  await under.fails(new RegExp(`layer ${digest} is not there`));
});

Deno.test("base: a manifest or config that is damaged or not there", async () => {
  await using under = await base();
  const entry = (await under.readIndex()).manifests[0];
  const { config } = await under.readManifest();
  for (const { digest } of [config, entry ?? config]) {
    const bytes = await Deno.readFile(under.blob(digest));
    await Deno.writeFile(under.blob(digest), bytes.map((byte, i) => i === 9 ? byte ^ 1 : byte));
    const where = "of layout \\S+base: its content has digest";
    await under.fails(RegExp(`^Cannot use base image oci:base: .*blob ${digest} ${where}`));
    await Deno.remove(under.blob(digest));
    await under.fails(new RegExp(`Cannot find blob ${digest}`));
    await Deno.writeFile(under.blob(digest), bytes);
  }
});

Deno.test("base: a digest that would lead out of the layout", async () => {
  await using under = await base();
  for (const digest of ["sha256:../../../go.mod", `sha256:${"A".repeat(64)}`, "md5:00", ""]) {
    await using again = await base();
    const manifest = await again.readManifest();
    manifest.layers[0] = { ...manifest.layers[0] ?? manifest.config, digest };
    await again.writeManifest(manifest);
    await again.fails(/base image oci:base.*digest/);
  }
  await under.changeEntry({ digest: "sha256:../../../go.mod" });
  await under.fails(/Cannot use \S+ of layout .*base: its digest: /);
});

Deno.test("base: a manifest with other content than an image has", async () => {
  for (const wrong of [[], {}, { schemaVersion: 2, layers: "none" }, { schemaVersion: 1 }]) {
    await using under = await base();
    await under.writeManifest(wrong);
    await under.fails(/oci:base/);
  }
});

Deno.test("base: a config that names other layers than the manifest", async () => {
  await using under = await base();
  const manifest = await under.readManifest();
  manifest.layers.pop();
  await under.writeManifest(manifest);
  await under.fails(/its config names 3 layers, its manifest 2/);
});

Deno.test("base: huge documents are refused, and not read into memory", async () => {
  await using under = await base();
  const digest = `sha256:${"0".repeat(64)}`;
  await Deno.writeFile(under.blob(digest), new Uint8Array());
  await Deno.truncate(under.blob(digest), GIB);
  const peaks: number[] = [];
  const manifest = await under.readManifest();
  const changes: (() => Promise<void>)[] = [
    () => under.changeEntry({ mediaType: MANIFEST, digest, size: GIB }),
    // A descriptor that does not tell the truth.
    () => under.changeEntry({ mediaType: MANIFEST, digest, size: 500 }),
    () => under.writeManifest({ ...manifest, config: { ...manifest.config, digest, size: GIB } }),
    () => Deno.truncate(under.dir.join("base/index.json"), GIB),
  ];
  for (const change of changes) {
    await change();
    peaks.push(await peakOfFailure(under.dir));
  }
  assert.ok(Math.max(...peaks) < MEMORY_KB, `peaks: ${peaks} kB`);
});

/** Builds on the base, which has to fail in one line; gives the most memory it held, in kB. */
async function peakOfFailure(dir: TempDir): Promise<number> {
  const child = spawnKodeno(["build", "--base-image", "oci:base"], { cwd: dir.path });
  let peak = 0;
  const look = setInterval(() => {
    try {
      // The kernel's own high-water mark, so that nothing between two looks is missed.
      const status = Deno.readTextFileSync(`/proc/${child.pid}/status`);
      peak = Math.max(peak, Number(/^VmHWM:\s*(\d+) kB/m.exec(status)?.[1] ?? 0));
    } catch {
      // It has ended.
    }
  }, 5);
  const { code, stderr } = await child.output().finally(() => clearInterval(look));
  const said = new TextDecoder().decode(stderr);
  assert.equal(code, 1, said);
  assert.match(said, /^Error: .*(larger than|it has \d+ bytes, not the 500)[^\n]*\n$/);
  assert.ok(peak > 0, "never seen");
  return peak;
}

Deno.test("base: a platform that it does not have", async () => {
  await using dir = await tempDir();
  await simpleModule(dir);
  const make = async (layout: string, platform: string): Promise<void> => {
    const args = ["build", "--oci-layout", layout, "--platform", platform];
    assert.equal((await kodeno(args, { cwd: dir.path })).code, 0);
  };
  await make("one", "linux/amd64");
  await make("two", "linux/amd64,linux/arm64");
  const cases: [string, string, RegExp][] = [
    ["one", "linux/s390x", /Cannot build for linux\/s390x: .*oci:one has linux\/amd64$/],
    ["two", "linux/amd64,linux/386", /linux\/386: .*oci:two has linux\/amd64, linux\/arm64$/],
    ["two", "linux/arm64/v8", /Cannot build for linux\/arm64\/v8: /],
    ["two", "windows", /Cannot build for windows: .* has linux\/amd64, linux\/arm64$/],
  ];
  for (const [layout, platform, message] of cases) {
    const args = ["build", "--base-image", `oci:${layout}`, "--platform", platform];
    await assertFails(dir, args, { code: 2, message });
  }
});

Deno.test("base: what is wrong with one says where it was named, and what helps", async () => {
  await using under = await base();
  const { dir } = under;
  const away = "127.0.0.1:9/base:v1";
  const helps =
    'name a mirror \\(--mirror 127\\.0\\.0\\.1:9=MIRROR\\), bring it with "kodeno pull ' +
    `${away} --oci-layout bases" .* --base-image oci:bases, or say --base-image static`;
  const silent = (origin: string) =>
    RegExp(`^Cannot use base image ${away}${origin}: 127\\S+ did not answer: .*; ${helps}`);
  const fails = async (code: 1 | 2, message: RegExp, args: string[] = [], env = {}) => {
    await assertFails(dir, ["build", ...args], { code, message }, { env });
  };
  await fails(1, silent(""), ["--base-image", away]);
  await fails(1, silent(" \\(KO_DEFAULTBASEIMAGE\\)"), [], { KO_DEFAULTBASEIMAGE: away });
  await fails(2, /^Cannot use base image docker:\/\/x: leave "docker:\/\/" out$/, [
    "--base-image",
    "docker://x",
  ]);
  // A proxy that is not there keeps Docker Hub from being asked.
  const path = /^Cannot use base image base: .* did not answer: .*; say oci:base for the layout$/;
  await fails(1, path, ["--base-image", "base"], { HTTPS_PROXY: "http://127.0.0.1:1" });
  await dir.write(".ko.yaml", `# ours\ndefaultBaseImage: ${away}\n`);
  await fails(1, silent(" \\(\\.ko\\.yaml:2\\)"));
  await dir.write(".ko.yaml", `baseImageOverrides:\n  example.com/app: ${away}\n`);
  await fails(1, silent(" \\(\\.ko\\.yaml:2\\)"));
  await dir.write(".ko.yaml", "defaultBaseImage: oci:base\n");
  const lacks = /^Cannot build for linux\/s390x: base image oci:base \(\.ko\.yaml:1\) has linux\//;
  await fails(2, lacks, ["--platform", "linux/s390x"]);
  const { digest } = await under.layer();
  await Deno.remove(under.blob(digest));
  await fails(1, /^Cannot use base image oci:base \(\.ko\.yaml:1\): layer .* is not there/);
});

Deno.test("base: a path that is no layout, and a tag that is not in one", async () => {
  await using under = await base();
  const { dir } = under;
  await dir.write("folder/file.txt", "no layout");
  const cases: [string, 1 | 2, RegExp][] = [
    [
      "oci:nothing",
      2,
      /base image oci:nothing: Cannot use .*nothing as an OCI layout: there is no such/,
    ],
    ["oci:folder", 2, /Cannot use .*folder as an OCI layout: it has no oci-layout file/],
    ["oci:go.mod", 2, /Cannot use .*go\.mod as an OCI layout: it is a file/],
    ["oci:", 2, /Cannot use .*"oci:"/],
    ["oci:base:none", 1, /Cannot find image "none" in layout .*: it has app:latest/],
    [`oci:base@sha256:${"1".repeat(64)}`, 1, /Cannot find image "sha256:1{64}"/],
  ];
  for (const [name, code, message] of cases) {
    await assertFails(dir, ["build", "--base-image", name], { code, message });
  }
  const second = ["build", "--oci-layout", "base", "-t", "two", "--image-label=a=b"];
  assert.equal((await kodeno(second, { cwd: dir.path })).code, 0);
  const message = /Cannot tell which image is meant .* app:latest, app:two; say one/;
  await assertFails(dir, ["build", "--base-image", "oci:base"], { code: 2, message });
});
