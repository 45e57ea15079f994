/**
 * Images with a debugger: a real Delve stops a program in a container, what is locked crosses a gap, and
 * what cannot be debugged is refused.
 * @module
 */
import assert from "node:assert/strict";
import { type Dockerd, startDockerd } from "../parts/dockerd.ts";
import { needs } from "../parts/tools.ts";
import { assertFails } from "../support/failure.ts";
import { goModule, simpleModule } from "../support/go_module.ts";
import { done, kodeno } from "../support/kodeno.ts";
import { configOf, fileOf } from "../support/layout.ts";
import { run, succeed, until } from "../support/process.ts";
import { tempDir } from "../support/temp.ts";

const LOOP = `package main

import "time"

//go:noinline
func work(n int) int {
	return n * 2
}

func main() {
	for n := 21; ; n++ {
		work(n)
		time.Sleep(100 * time.Millisecond)
	}
}
`;

/** As ko has it (pkg/build/gobuild.go); Skaffold knows it by its first word, and reads the port. */
const ENTRYPOINT = [
  "/ko-app/dlv",
  "exec",
  "--listen=:40000",
  "--headless",
  "--log",
  "--accept-multiclient",
  "--api-version=2",
  "--",
];

/** The machine of a program (System V ABI, e_machine). */
const EM_AARCH64 = 183;

/** A container of an image, in a network of its own; its process, for those who enter that. */
async function started({ docker }: Dockerd, image: string) {
  const { code, stdout, stderr } = await docker("run", "-d", "--network=none", image);
  assert.equal(code, 0, stderr);
  const id = stdout.trim();
  const listens = async () => (await docker("logs", id)).stdout.includes("listening at");
  await until(`Delve listens in ${id}`, listens);
  const { stdout: pid } = await docker("inspect", "-f", "{{.State.Pid}}", id);
  return { id, pid: pid.trim() };
}

Deno.test({
  name: "debug: a real Delve stops a program in a container; behind a gap it is built of a bundle",
  ...needs("root", "dockerd", "docker"),
  async fn() {
    await using dir = await tempDir();
    await goModule(dir, "example.com/loop", { "main.go": LOOP });
    const platforms = ["--platform", "linux/amd64,linux/arm64"];
    await done(dir, ["lock", "--debug", ...platforms]);
    const lock = await Deno.readTextFile(dir.join("kodeno.lock"));
    assert.match(lock, /\ndelve:\n {2}version: v1\.\d+\.\d+\n {2}sum: h1:/);
    await done(dir, ["lock", "--check", ...platforms]);
    // Go's own cache of modules is empty there, and nobody is asked.
    await done(dir, ["bundle", "create", "--sources-only", "-o", "gap.tar", ".", ...platforms]);
    const env = {
      GOMODCACHE: dir.join("modules"),
      GOPROXY: "off",
      KODENO_CACHE: dir.join("cache"),
    };
    await done(dir, ["bundle", "apply", "gap.tar"], env);
    const build = ["build", "--debug", "--locked", "--offline", "-t", "debug", ...platforms];
    await done(dir, [
      ...build,
      "--provenance",
      "--entrypoint-arg",
      "there",
    ], env);

    await using dockerd = await startDockerd();
    await done(dir, ["load", "out"], { DOCKER_HOST: dockerd.host });
    const { id, pid } = await started(dockerd, "loop:debug");
    await succeed("docker", ["-H", dockerd.host, "cp", `${id}:/ko-app/dlv`, dir.join("dlv")]);
    await dir.write("commands", "break main.go:7\ncontinue\nprint n\nclearall\nexit -c\n");
    const client = [dir.join("dlv"), "connect", "127.0.0.1:40000", "--init", dir.join("commands")];
    const { stdout, stderr } = await run("nsenter", ["-t", pid, "-n", ...client], {});
    assert.match(
      stdout,
      /> \[Breakpoint 1\] main\.work\(\) example\.com\/loop\/main\.go:7/,
      stderr,
    );
    assert.match(stdout, /\n21\n/);

    const config = await configOf(dir.join("out"), "debug", "linux/amd64");
    const arm = await fileOf(dir.join("out"), "debug", "/ko-app/dlv", "linux/arm64");
    assert.equal(new DataView(arm.buffer).getUint16(18, true), EM_AARCH64);
    assert.deepEqual(config.config?.Entrypoint, [...ENTRYPOINT, "/ko-app/loop", "there"]);
    assert.equal(config.history?.at(-1)?.comment, "Delve debugger, at /ko-app/dlv");
    assert.match(await done(dir, ["inspect", "out"]), /- layer debugger sha256:/);
    // Of what its provenance says it becomes the same, Delve and all.
    await done(dir, ["rebuild", "out", "--offline"], env);
  },
});

const SKAFFOLD = `apiVersion: skaffold/v4beta13
kind: Config
build:
  artifacts:
  - image: app
    ko: {}
`;

Deno.test("debug: a program of one's own, for skaffold.yaml and for Skaffold's custom builder, too", async () => {
  await using dir = await tempDir();
  await simpleModule(dir);
  await dir.write("skaffold.yaml", SKAFFOLD);
  await done(dir, ["build", "--oci-layout", "plain"]);
  await Deno.writeFile(
    dir.join("own"),
    await fileOf(dir.join("plain"), "latest", "/ko-app/app"),
  );
  const own = ["--debug", "--debugger", "own"];
  const entrypoint = [...ENTRYPOINT, "/ko-app/app"];
  const runs: readonly (readonly [ref: string, args: readonly string[]])[] = [
    ["one", ["build", "-t", "one"]],
    ["two", ["build", "-f", "skaffold.yaml", "-t", "two"]],
    ["three", ["build", "-f", "skaffold.yaml", "--mode", "debug", "-t", "three"]],
  ];
  for (const [ref, args] of runs) {
    const { code, stderr } = await kodeno([...args, ...own], { cwd: dir.path });
    assert.equal(code, 0, stderr);
    const config = await configOf(dir.join("out"), ref);
    assert.deepEqual(config.config?.Entrypoint, entrypoint, ref);
    const debug = await fileOf(dir.join("out"), ref, "/ko-app/dlv");
    assert.deepEqual(debug, await Deno.readFile(dir.join("own")), ref);
  }
  await done(dir, ["build", "--platform", "linux/amd64,linux/arm64", "--oci-layout", "bases"]);
  const all = ["build", "--base-image", "oci:bases", "--platform", "all", "-t", "all", ...own];
  const { code, stderr } = await kodeno(all, { cwd: dir.path });
  assert.equal(code, 0, stderr);
  assert.match(
    stderr,
    /^Note: example.com\/app gets no debugger for linux\/arm64: .*own is for linux\/amd64$/m,
  );
  const other = await configOf(dir.join("out"), "all", "linux/arm64");
  assert.deepEqual(other.config?.Entrypoint, ["/ko-app/app"]);
  for (
    const [args, told] of [
      [
        ["-t", "debug", "--ldflags=-s -w"],
        /^Warning: the linker flags of example.com\/app \(-s, -w\)/m,
      ],
      [[], /^Note: images for a debugger get the tag latest, .* -t debug tells them apart$/m],
    ] as const
  ) {
    assert.match((await kodeno(["build", ...own, ...args], { cwd: dir.path })).stderr, told);
  }
});

/** A go that says another version of itself. */
const OTHER_GO = `#!/bin/sh
go "$@" | sed "s/go1\\.[0-9]*\\.[0-9]*/go1.99.1/"
`;

Deno.test("debug: what cannot be debugged is refused in one line", async () => {
  await using dir = await tempDir();
  await simpleModule(dir);
  await dir.write("go", OTHER_GO);
  await Deno.chmod(dir.join("go"), 0o755);
  await dir.write("notes", "no program");
  const offline = {
    GOPROXY: "off",
    GOMODCACHE: dir.join("modules"),
    KODENO_CACHE: dir.join("cache"),
  };
  const cases:
    readonly (readonly [args: readonly string[], 1 | 2, RegExp, Record<string, string>?])[] = [
      [
        ["--platform", "linux/arm/v7"],
        2,
        /^Cannot build example.com\/app for linux\/arm\/v7 with a debugger: Delve is for linux\/amd64 and linux\/arm64; say these platforms, or build without --debug$/,
      ],
      [
        [],
        2,
        /^Cannot put a debugger into the image: kodeno knows no version of Delve for go1.99.1; say a version of Delve that does with --delve/,
        { KO_GO_PATH: dir.join("go") },
      ],
      [
        ["--delve", "1.26"],
        2,
        /^Cannot use Delve 1.26: it is no version of a module, such as v1.26.3$/,
      ],
      [
        ["--delve", "v1.26.3", "--debugger", "notes"],
        2,
        /^Cannot use Delve v1.26.3: .*notes is to be the debugger; say one of both$/,
      ],
      [
        ["--delve", "v1.26.3"],
        1,
        /^Cannot have Delve v1.26.3: .*disabled by GOPROXY=off; run "go mod download github.com\/go-delve\/delve@v1.26.3" once with the network$/,
        offline,
      ],
      [
        ["--debugger", "notes"],
        2,
        /^Cannot use debugger .*notes: it is no program for Linux \(ELF\)/,
      ],
      [
        ["--debugger", "nowhere"],
        2,
        /^Cannot use debugger .*nowhere: there is no such file; name one that dlv is$/,
      ],
      [
        ["--debugger", "/proc/self/exe", "--platform", "linux/arm64"],
        2,
        /^Cannot build example.com\/app for linux\/arm64 with a debugger: debugger \/proc\/self\/exe is for linux\/amd64/,
      ],
      [
        ["--affected-since", "HEAD", "--reuse", "out"],
        2,
        /^Cannot use --reuse out with --debug: images that were built before have no debugger/,
      ],
    ];
  for (const [args, code, message, env = {}] of cases) {
    await assertFails(dir, ["build", "--debug", "-t", "debug", ...args], { code, message }, {
      env,
    });
  }
  const undebugged = /^Cannot use Delve v1.26.3: no image is to be debugged; say --debug, too$/;
  await assertFails(dir, ["build", "--delve", "v1.26.3"], { code: 2, message: undebugged });
});
