/**
 * What binaries need to start, of those that go makes for systems of several widths and byte orders,
 * and of what is damaged.
 * @module
 */
import assert from "node:assert/strict";
import { Dice } from "../../test/support/dice.ts";
import { failsWith } from "../../test/support/fails.ts";
import { simpleModule } from "../../test/support/go_module.ts";
import { succeed } from "../../test/support/process.ts";
import { tempDir } from "../../test/support/temp.ts";
import { type Needs, needsOf } from "./elf.ts";

/** What go makes without a C compiler, and what that needs. */
const BUILDS: readonly (readonly [GOOS: string, flags: string[], Needs | undefined])[] = [
  ["linux", [], undefined],
  ["linux", ["-buildmode=pie"], { interpreter: "/lib64/ld-linux-x86-64.so.2", libraries: [] }],
  ["windows", [], undefined],
];

Deno.test("elf: the interpreter and the libraries of what go makes", async () => {
  await using dir = await tempDir();
  await simpleModule(dir);
  await dir.write("main.go", "package main\n\nfunc main() {}\n");
  for (const [GOOS, flags, needs] of BUILDS) {
    const env = { ...Deno.env.toObject(), CGO_ENABLED: "0", GOFLAGS: "", GOOS, GOARCH: "amd64" };
    const path = dir.join("binary");
    await succeed("go", ["build", "-o", path, ...flags, "."], { cwd: dir.path, env });
    assert.deepEqual(await needsOf(path), needs, `${GOOS} ${flags}`);
  }
});

/** A small file of ELF that is linked to a library. */
function smallBinary(wide: boolean, little: boolean): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(512);
  const view = new DataView(bytes.buffer);
  const width = wide ? 8 : 4;
  const half = (at: number, value: number): void => view.setUint16(at, value, little);
  const put = (at: number, value: number): void =>
    wide ? view.setBigUint64(at, BigInt(value), little) : view.setUint32(at, value, little);
  bytes.set([0x7f, 0x45, 0x4c, 0x46, wide ? 2 : 1, little ? 1 : 2, 1]);
  put(wide ? 32 : 28, 64);
  half(wide ? 54 : 42, wide ? 56 : 32);
  half(wide ? 56 : 44, 3);
  const segments = [[1, 0, 0x1000, 512], [3, 400, 0, 16], [2, 300, 0, 8 * width]] as const;
  for (const [i, [type, offset, address, size]] of segments.entries()) {
    const at = 64 + (wide ? 56 : 32) * i;
    view.setUint32(at, type, little);
    put(at + (wide ? 8 : 4), offset);
    put(at + (wide ? 16 : 8), address);
    put(at + (wide ? 32 : 16), size);
  }
  bytes.set(new TextEncoder().encode("/lib/ld.so\0"), 400);
  bytes.set(new TextEncoder().encode("\0libz.so.1\0"), 440);
  const entries = [5, 0x1000 + 440, 1, 1, 0, 0, 1, 3];
  for (const [i, value] of entries.entries()) put(300 + width * i, value);
  return bytes;
}

Deno.test("elf: of any width and byte order; what is damaged needs nothing, and never fails", async () => {
  await using dir = await tempDir();
  const needs = async (bytes: Uint8Array<ArrayBuffer>) => {
    await Deno.writeFile(dir.join("file"), bytes);
    return await needsOf(dir.join("file"));
  };
  for (const [wide, little] of [[false, false], [false, true], [true, false]] as const) {
    const found = { interpreter: "/lib/ld.so", libraries: ["libz.so.1"] };
    assert.deepEqual(await needs(smallBinary(wide, little)), found);
  }
  const whole = smallBinary(true, true);
  assert.equal((await needs(whole))?.interpreter, "/lib/ld.so");
  for (const length of [0, 3, 16, 63, 64, 100, 231]) {
    assert.equal(await needs(whole.slice(0, length)), undefined, `${length} bytes`);
  }
  const dice = new Dice(1);
  for (let i = 0; i < 2000; i++) {
    const bytes = whole.slice();
    for (let n = 0; n < 1 + i % 3; n++) bytes[4 + dice.below(230)] = dice.below(256);
    const { interpreter = "", libraries = [] } = await needs(bytes) ?? {};
    assert.equal(typeof interpreter, "string");
    assert.ok(libraries.length <= 4);
  }
  await failsWith("IO_FAILED", () => needsOf(dir.join("absent")), /there is no such file/);
});
