/**
 * Every command of the README is run as it stands there, in a module like the one it speaks of, and
 * so is its library example. A block says above it which real parts it needs.
 * @module
 */
import assert from "node:assert/strict";
import { join } from "node:path";
import { startDockerd } from "../parts/dockerd.ts";
import { startRegistry } from "../parts/registry.ts";
import { needs, searchPath } from "../parts/tools.ts";
import { kodenoEnvironment, kodenoWords, ROOT } from "../support/kodeno.ts";
import { run } from "../support/process.ts";
import { type TempDir, tempDir } from "../support/temp.ts";

const README = await Deno.readTextFile(join(ROOT, "README.md"));
const BLOCK = /^<!-- test ?(.*?) ?-->\n\n```sh\n(.*?)^```$/gms;
/** The commands of a page, with the real parts that they need. */
function blocksOf(page: string) {
  return [...page.matchAll(BLOCK)].map(([, parts = "", text = ""]) => ({
    parts: parts.split(" ").filter((part) => part !== ""),
    text,
  }));
}

const BLOCKS = blocksOf(README);
const SECURITY = await Deno.readTextFile(join(ROOT, "docs/security.md"));

const PROGRAM = `package main

import (
	"fmt"
	"os"
)

var version = "dev"

func main() { fmt.Println("app", version, len(os.Args)) }
`;

/** The module that the README speaks of, with a base image in a layout and kodeno on PATH. */
async function userModule(): Promise<{ dir: TempDir; env: Record<string, string> }> {
  const dir = await tempDir();
  await dir.write("go.mod", "module example.com/user\n\ngo 1.22\n");
  await dir.write("cmd/app/main.go", PROGRAM);
  await dir.write("cmd/worker/main.go", PROGRAM);
  await Deno.chmod(await dir.write("bin/kodeno", `#!/bin/sh\nexec ${kodenoWords()} "$@"\n`), 0o755);
  const env = kodenoEnvironment({ KODENO_CACHE: dir.join("cache") });
  env["PATH"] = [dir.join("bin"), ...searchPath()].join(":");
  return { dir, env };
}

Deno.test("the README has a command for each thing people do", () => {
  assert.ok(BLOCKS.length >= 10, `${BLOCKS.length} blocks`);
  // A shell block without the mark would be run by nobody; those of "Try it" are run by CI.
  const shell = [...README.matchAll(/^```sh$/gm)].length;
  assert.equal(shell - BLOCKS.length, 2);
  assert.equal([...SECURITY.matchAll(/^```sh$/gm)].length, blocksOf(SECURITY).length);
  for (const task of ["quickstart", "test"]) {
    assert.ok(README.includes(`\`\`\`sh\nnpx -y deno@2.9.6 task ${task}\n\`\`\``), task);
  }
});

for (const { parts, text } of [...BLOCKS, ...blocksOf(SECURITY)]) {
  const [first = ""] = text.split("\n").filter((line) => line.includes("kodeno"));
  Deno.test({
    name: `README: ${first}`,
    ...needs(...parts, ...(parts.includes("dockerd") ? ["docker", "root"] : [])),
    fn: async () => {
      const { dir, env } = await userModule();
      await using _ = dir;
      if (text.includes("oci:bases:static")) {
        const base = ["build", "./cmd/worker", "--oci-layout", "bases", "-t", "static"];
        const made = await run(dir.join("bin/kodeno"), base, { cwd: dir.path, env });
        assert.equal(made.code, 0, made.stderr);
      }
      await using registry = parts.includes("docker-registry") ? await startRegistry() : undefined;
      await using dockerd = parts.includes("dockerd") ? await startDockerd() : undefined;
      if (registry) env["REGISTRY"] = registry.host;
      if (dockerd) env["DOCKER_HOST"] = dockerd.host;
      const outcome = await run("bash", ["-euo", "pipefail", "-c", text], { cwd: dir.path, env });
      assert.equal(outcome.code, 0, `${text}\n${outcome.stderr}`);
      if (dockerd) assert.match(outcome.stdout, /^app dev 1$/m);
      if (text.includes("export KO_DOCKER_REPO=")) {
        assert.match(
          outcome.stdout,
          /^registry\.example\/team\/app:v1\.2\.0@sha256:[0-9a-f]{64}$/m,
        );
      }
    },
  });
}

Deno.test("README: the library examples", async () => {
  const examples = [...README.matchAll(/^```ts\n(.*?)^```$/gms)].map(([, text]) => text ?? "");
  const said = [/^hello:v1@sha256:[0-9a-f]{64}$/m, /^sha256:[0-9a-f]{64} \[ "copied:v1" \]$/m];
  assert.equal(examples.length, said.length);
  for (const [i, example] of examples.entries()) {
    await using dir = await tempDir();
    const text = example.replace('"./mod.ts"', JSON.stringify(join(ROOT, "mod.ts")))
      .replace('"examples/hello"', JSON.stringify(join(ROOT, "examples/hello")))
      .replaceAll(/"(out|hello\.tar)"/g, (_, name) => JSON.stringify(dir.join(name)));
    const file = await dir.write("example.ts", text);
    const args = ["run", "-A", "--no-prompt", "--config", join(ROOT, "deno.json"), file];
    const outcome = await run(Deno.execPath(), args, { cwd: ROOT, env: kodenoEnvironment() });
    assert.equal(outcome.code, 0, outcome.stderr);
    assert.match(outcome.stdout, said[i] ?? /^$/);
  }
});
