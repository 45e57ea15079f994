/**
 * `kodeno.lock` as a value: the same text for the same lock, every difference by its own line, and
 * files that are none.
 * @module
 */
import assert from "node:assert/strict";
import { failsWith } from "../../test/support/fails.ts";
import { tempDir } from "../../test/support/temp.ts";
import type { ImageInputs } from "../build/inputs.ts";
import { digestOf } from "../io/hash.ts";
import {
  differenceLine,
  differencesOf,
  EMPTY_LOCK,
  goneFrom,
  keptTo,
  type Lock,
  lockImage,
  lockText,
  onlyImages,
  readLock,
  withImages,
} from "./lock.ts";

const BASE = digestOf("base");
const sum = (letter: string) => `h1:${letter.repeat(43)}=`;

const INPUTS: ImageInputs = {
  importPath: "example.com/app",
  base: { name: "registry.test/base:v1", digest: BASE },
  platforms: {
    "linux/arm64": { base: digestOf("arm"), settings: { GOARM64: "v8.0", CGO_ENABLED: "0" } },
    "linux/amd64": { base: digestOf("amd"), settings: { CGO_ENABLED: "0" } },
  },
  toolchain: { version: "go1.26.8", sums: { "linux/amd64": sum("T") } },
  told: {
    flags: ["-tags=netgo"],
    ldflags: [],
    gcflags: [],
    asmflags: [],
    trimpath: true,
    disableOptimizations: false,
    env: ["GOPROXY=off", "GOTOOLCHAIN=local", "GOEXPERIMENT=arenas"],
  },
  modules: [
    { path: "example.com/z", version: "v1.0.0", sum: sum("Z"), asked: asked("z", "v1.0.0") },
    {
      path: "example.com/fork",
      version: "v0.1.0",
      sum: sum("F"),
      asked: asked("b", "v1.0.0"),
      replaces: asked("b", "v1.0.0"),
    },
    { path: "example.com/a", folder: "../a", asked: asked("a", "v0.0.0") },
    // Vendored, with no go.sum.
    { path: "example.com/v", version: "v2.0.0", asked: asked("v", "v2.0.0") },
  ],
};

function asked(name: string, version: string) {
  return { path: `example.com/${name}`, version };
}

const lockOf = (inputs: ImageInputs, name = inputs.importPath): Lock =>
  withImages(EMPTY_LOCK, { [name]: lockImage(inputs, name) });

/** What a lock is when it was written and read. */
async function again(text: string): Promise<Lock> {
  await using dir = await tempDir();
  return await readLock(await dir.write("kodeno.lock", text), "kodeno.lock");
}

/** The differences of inputs from {@link INPUTS}, as lines. */
function lines(change: Partial<ImageInputs>): readonly string[] {
  const found = lockOf({ ...INPUTS, ...change }).images;
  return differencesOf(lockOf(INPUTS), found).map(differenceLine);
}

Deno.test("lock: the same text whatever the order, which is read as what was written", async () => {
  const lock = withImages(
    lockOf({ ...INPUTS, importPath: "example.com/b" }),
    lockOf(INPUTS).images,
  );
  const turned = {
    version: lock.version,
    images: Object.fromEntries(
      Object.entries(lock.images).toReversed().map(([name, image]) => [name, {
        ...image,
        platforms: Object.fromEntries(Object.entries(image.platforms).toReversed()),
        modules: Object.fromEntries(Object.entries(image.modules ?? {}).toReversed()),
      }]),
    ),
  };
  const text = lockText(lock);
  assert.equal(lockText(turned), text);
  const read = await again(text);
  assert.equal(lockText(read), text);
  assert.deepEqual(differencesOf(read, lock.images), []);
  assert.deepEqual(read.images["example.com/app"]?.modules, {
    "example.com/a": "v0.0.0 => ../a",
    "example.com/b": `v1.0.0 => example.com/fork v0.1.0 ${sum("F")}`,
    "example.com/v": "v2.0.0",
    "example.com/z": `v1.0.0 ${sum("Z")}`,
  });
  // Where go has modules from is no matter of what it makes of them.
  assert.deepEqual(read.images["example.com/app"]?.build.env, ["GOEXPERIMENT=arenas"]);
});

Deno.test("lock: every difference has a line, with both values", () => {
  const [first, ...others] = INPUTS.modules;
  assert.ok(first);
  const { told, platforms, toolchain, base } = INPUTS;
  const cases: readonly (readonly [Partial<ImageInputs>, ...string[]])[] = [
    [{}],
    [
      { base: { ...base, digest: digestOf("new") } },
      `base digest: locked ${BASE}, found ${digestOf("new")}`,
    ],
    [
      { base: { name: "scratch", digest: undefined } },
      "base: locked registry.test/base:v1, found scratch",
      `base digest: locked ${BASE}, found nothing`,
    ],
    [
      { platforms: { "linux/amd64": { base: digestOf("x"), settings: { CGO_ENABLED: "1" } } } },
      "platforms: locked linux/amd64,linux/arm64, found linux/amd64",
      `base for linux/amd64: locked ${digestOf("amd")}, found ${digestOf("x")}`,
      "CGO_ENABLED for linux/amd64: locked 0, found 1",
    ],
    [{ platforms: Object.fromEntries(Object.entries(platforms).toReversed()) }],
    [
      { toolchain: { version: "go1.27.0", sums: { "linux/amd64": sum("X") } } },
      "go: locked go1.26.8, found go1.27.0",
    ],
    [
      { toolchain: { ...toolchain, sums: { "linux/amd64": sum("X") } } },
      `toolchain for linux/amd64: locked ${sum("T")}, found ${sum("X")}`,
    ],
    // On another platform, and where Go is installed, the version is all there is.
    [{ toolchain: { ...toolchain, sums: { "darwin/arm64": sum("X") } } }],
    [{ toolchain: { ...toolchain, sums: {} } }],
    [{ told: { ...told, trimpath: false } }, "trimpath: locked true, found false"],
    [
      { told: { ...told, ldflags: ["-s", "-w"], flags: [] } },
      'flags: locked ["-tags=netgo"], found nothing',
      'ldflags: locked nothing, found ["-s","-w"]',
    ],
    [
      { told: { ...told, disableOptimizations: true } },
      "disableOptimizations: locked nothing, found true",
    ],
    [{ modules: others }, `module example.com/z: locked v1.0.0 ${sum("Z")}, found nothing`],
    [
      { modules: [{ ...first, sum: sum("Y") }, ...others] },
      `module example.com/z: locked v1.0.0 ${sum("Z")}, found v1.0.0 ${sum("Y")}`,
    ],
  ];
  for (const [change, ...expected] of cases) {
    assert.deepEqual(
      [...lines(change)].sort(),
      expected.map((line) => `example.com/app: ${line}`).sort(),
    );
  }
  const other = lockOf({ ...INPUTS, importPath: "example.com/\u001b[2J" });
  assert.deepEqual(differencesOf(lockOf(INPUTS), other.images).map(differenceLine), [
    "example.com/\\u{1b}[2J: it is not locked",
  ]);
  assert.deepEqual(goneFrom(lockOf(INPUTS), other.images).map(differenceLine), [
    "example.com/app: it is locked, and not there any more",
  ]);
});

Deno.test("lock: one image is brought up to date, and sums for other platforms stay", () => {
  const both = withImages(
    lockOf(INPUTS),
    lockOf({ ...INPUTS, importPath: "example.com/b" }).images,
  );
  const mac = { ...INPUTS.toolchain, sums: { "darwin/arm64": sum("M") } };
  const made = withImages(both, lockOf({ ...INPUTS, toolchain: mac, modules: [] }).images);
  assert.deepEqual(made.images["example.com/b"], both.images["example.com/b"]);
  assert.deepEqual(made.images["example.com/app"]?.go.toolchain, {
    "linux/amd64": sum("T"),
    "darwin/arm64": sum("M"),
  });
  const newer = { ...mac, version: "go1.27.0" };
  const next = withImages(made, lockOf({ ...INPUTS, toolchain: newer }).images);
  assert.deepEqual(next.images["example.com/app"]?.go.toolchain, { "darwin/arm64": sum("M") });
  assert.deepEqual(Object.keys(onlyImages(next, ["example.com/b", "toString"]).images), [
    "example.com/b",
  ]);
});

Deno.test("lock: a build gets the digest of the base that is locked, and of no other", async () => {
  const kept = keptTo(lockOf(INPUTS), { path: "kodeno.lock" });
  const { name } = INPUTS.base;
  assert.equal(kept.baseDigest("example.com/app", name), BASE);
  assert.equal(kept.baseDigest("example.com/app", `${name}2`), undefined);
  assert.equal(kept.baseDigest("toString", name), undefined);
  kept.checkBase("example.com/app", name);
  kept.check([INPUTS]);
  const failing = (work: () => void, message: RegExp) => failsWith("LOCK_DIFFERS", work, message);
  await failing(
    () => kept.checkBase("example.com/app", "x"),
    /^example\.com\/app: base: locked reg.*, found x$/m,
  );
  await failing(() => kept.checkBase("toString", name), /^toString: it is not locked$/m);
  const artifact = keptTo(lockOf(INPUTS, "app"), { path: "kodeno.lock", artifact: "app" });
  artifact.check([INPUTS]);
  assert.equal(artifact.baseDigest("example.com/app", name), BASE);
  const other = { ...INPUTS, importPath: "example.com/other" };
  await failing(
    () => artifact.check([other]),
    /^app: package: locked example\.com\/app, found ex.*er$/m,
  );
  await failing(() => kept.check([{ ...INPUTS, modules: [] }, other]), /: it is not locked$/m);
});

Deno.test("lock: a file that is none is told of, with the place", async () => {
  const text = lockText(lockOf(INPUTS));
  const cases: readonly (readonly [string, RegExp])[] = [
    ["", /^kodeno\.lock:1:1: version: found nothing; 1 is allowed/],
    ["null", /version: found nothing/],
    ["version: 1\nimages:\n", /images: found nothing; a map is needed/],
    ["version: 1\nimages: {a: null, b: 1}\n", /images\.b: found 1; a map is allowed/],
    [
      "version: 2\nimages: []\nmore: 1\n",
      /^Cannot use kodeno\.lock: it is of version 2, not 1; it is of a newer/,
    ],
    ["version: 0\n", /^Cannot use kodeno\.lock: it is of version 0, not 1; write it anew/],
    ['version: "1"\n', /version: found "1"; 1 is allowed/],
    [
      text.replace(BASE, "sha256:../.."),
      /base\.digest: found "sha256:\.\.\/\.\."; a digest, sha256:HEX, is/,
    ],
    [
      text.replace(sum("T"), "h1:x"),
      /toolchain\["?linux\/amd64"?\].*: found "h1:x"; a sum of go\.sum is/,
    ],
    [
      text.replace("trimpath: true", "trimpath: null"),
      /build\.trimpath: found nothing; true or false is/,
    ],
    [text.replace("    base:", "    bse:"), /found unknown field "bse"; did you mean "base"\?/],
    [text.replace("    go:", "    go: null\n    no:"), /go: found nothing; a map is needed/],
    [
      text.slice(0, -20).replace("modules:", "modules: {"),
      /^kodeno\.lock:\d+:\d+: found \{ that is never closed/,
    ],
    [`${text}---\n${text}`, /found 2 documents; one is allowed/],
    [`<<<<<<< ours\n${text}`, /^kodeno\.lock:\d+:\d+: /],
  ];
  for (const [text, message] of cases) await failsWith("BAD_CONFIG", () => again(text), message);
});
