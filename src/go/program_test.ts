/**
 * Programs read without go, compared with what go itself tells of them.
 * @module
 */
import assert from "node:assert/strict";
import { goModule } from "../../test/support/go_module.ts";
import { succeed } from "../../test/support/process.ts";
import { tempDir } from "../../test/support/temp.ts";
import { goCommandOf } from "../config/environment.ts";
import { buildInfosIn } from "./build_info.ts";
import { readProgram } from "./program.ts";

const MAIN = `package main

import (
	"example.com/app/deep.er/util"
	"fmt"
)

func main() { fmt.Println(util.Max(1, 2), util.Max("a", "b")) }
`;
const UTIL = `package util

//go:noinline
func Max[T int | string](a, b T) T {
	if a > b {
		return a
	}
	return b
}
`;

Deno.test("program: of each platform it says what go says; code is of packages as in go's own table", async () => {
  await using dir = await tempDir();
  await goModule(dir, "example.com/app", { "main.go": MAIN, "deep.er/util/util.go": UTIL });
  const platforms: readonly (readonly [os: string, flags: string, isElf: boolean])[] = [
    ["linux", "", true],
    ["linux", "-s -w", true],
    ["windows", "", false],
  ];
  for (const [i, [os, flags, isElf]] of platforms.entries()) {
    const out = dir.join(`out${i}`, "app.exe");
    const env = { ...Deno.env.toObject(), GOOS: os, GOARCH: "amd64", CGO_ENABLED: "0" };
    await succeed("go", ["build", "-trimpath", `-ldflags=${flags}`, "-o", out, "."], {
      cwd: dir.path,
      env,
    });
    const how = {
      command: goCommandOf(Deno.env.toObject()),
      environment: Deno.env.toObject(),
      directory: dir.join(`out${i}`),
    };
    const program = await readProgram(out);
    assert.ok(program !== undefined, `${os} ${flags}`);
    assert.deepEqual(program.info, (await buildInfosIn(how)).get("app.exe"), `${os} ${flags}`);
    assert.equal(program.code.size > 0, isElf);
    if (!isElf) continue;
    assert.ok((program.code.get("fmt") ?? 0) > 10_000);
    assert.ok((program.code.get("main") ?? 0) > 50);
    if (i > 0) continue;
    assert.ok((program.code.get("example.com/app/deep.er/util") ?? 0) > 20);
    const sizes = new Map<string, number>();
    const symbols = await succeed("go", ["tool", "nm", "-size", out]);
    for (const [, size, name = ""] of symbols.matchAll(/^ *\S+ +(\d+) [tT] (.*)$/gm)) {
      const [path = ""] = /^(?:fmt|strconv|reflect)\b/.exec(name) ?? [];
      sizes.set(path, (sizes.get(path) ?? 0) + Number(size));
    }
    for (const path of ["fmt", "strconv", "reflect"]) {
      const ratio = (program.code.get(path) ?? 0) / (sizes.get(path) ?? 0);
      assert.ok(ratio > 0.95 && ratio < 1.1, `${path}: ${ratio}`);
    }
  }
});

Deno.test("program: what go has not built, or what lies, is none", async () => {
  await using dir = await tempDir();
  const magic = "\xff Go buildinf:\x08\x02".padEnd(32, "\0");
  const latin1 = (text: string) => Uint8Array.from(text, (one) => one.charCodeAt(0));
  const cases: readonly Uint8Array[] = [
    new Uint8Array(),
    latin1("#!/bin/sh\n"),
    // Lengths that are not there.
    latin1(`${magic}\xff\xff\xff\xff\xff\xff\x7f`),
    latin1(magic),
    // A table of sections that is not there.
    Uint8Array.from({ length: 64 }, (_, i) => [0x7f, 0x45, 0x4c, 0x46, 2, 1][i] ?? 0xff),
    await Deno.readFile(Deno.execPath()).then((all) => all.subarray(0, 4096)),
  ];
  for (const [i, bytes] of cases.entries()) {
    await Deno.writeFile(dir.join("file"), bytes);
    assert.equal(await readProgram(dir.join("file")), undefined, `${i}`);
  }
});
