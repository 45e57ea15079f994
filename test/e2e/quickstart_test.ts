/**
 * The quickstart, which is what many see first: what it makes, and that each command it ends with does
 * what it says.
 * @module
 */
import assert from "node:assert/strict";
import { join } from "node:path";
import { freePort, startDockerd } from "../parts/dockerd.ts";
import { startRegistry } from "../parts/registry.ts";
import { needs } from "../parts/tools.ts";
import { kodenoEnvironment, kodenoWords, ROOT } from "../support/kodeno.ts";
import { assertClean, digestIn, fileOf, manifestOf } from "../support/layout.ts";
import { type Outcome, run, succeed } from "../support/process.ts";
import { type TempDir, tempDir } from "../support/temp.ts";

/** Runs it in a copy, since it writes beside the sources. */
async function quickstart(dir: TempDir): Promise<Outcome> {
  for (const name of ["cli.ts", "mod.ts", "deno.json", "deno.lock", "src", "tasks", "examples"]) {
    await succeed("cp", ["-r", join(ROOT, name), dir.path]);
  }
  const how = { cwd: dir.path, env: kodenoEnvironment() };
  const outcome = await run(Deno.execPath(), ["task", "quickstart"], how);
  assert.equal(outcome.code, 0, outcome.stderr);
  return outcome;
}

Deno.test("quickstart: it prints the reference of the image it makes, and no more", async () => {
  await using dir = await tempDir();
  const { stdout, stderr } = await quickstart(dir);
  assert.match(stdout, /^hello:latest@sha256:[0-9a-f]{64}\n$/);
  assert.match(stderr, /\$ kodeno build \.\/examples\/hello --platform linux\/amd64,/);

  const out = dir.join("out");
  const digest = digestIn(stdout);
  const [image, ...beside] = await assertClean(out);
  assert.equal(image?.digest, digest);
  const types = beside.map(({ artifactType }) => artifactType);
  assert.deepEqual(types, Array(3).fill("application/spdx+json"));
  const { manifests } = await manifestOf(out, digest);
  assert.deepEqual(manifests.map(({ platform }) => platform?.architecture), ["amd64", "arm64"]);
  const greeting = await fileOf(out, digest, "var/run/ko/greeting.txt", "linux/arm64");
  assert.equal(new TextDecoder().decode(greeting), "Hello from kodata\n");
});

Deno.test({
  name: "quickstart: what it proposes to do next works",
  ...needs("root", "dockerd", "docker", "ip", "curl", "docker-registry"),
  async fn() {
    await using dir = await tempDir();
    const { stderr } = await quickstart(dir);
    const [sbom, load, docker, push, serve, build, ...others] = [
      ...stderr.matchAll(/^ {2}((?:kodeno|docker) .*)$/gm),
    ].map(([, command = ""]) => command);
    assert.ok(sbom && load && docker && push && serve && build);
    assert.deepEqual(others, []);
    await using dockerd = await startDockerd({ ports: true });
    await using registry = await startRegistry();
    const [port, served] = [freePort(), freePort()];
    const script = `
kodeno() { ${kodenoWords()} "$@"; }
${sbom} > sbom.json
${load}
${docker.replace("-p 8080:", `--name hello -p ${port}:`)} &
curl --no-progress-meter --retry 20 --retry-all-errors --retry-delay 1 http://localhost:${port}/
docker stop hello
${push.replace("REGISTRY/TEAM", `${registry.host}/team`)}
${kodenoWords()}${serve.replace("kodeno", "")} --listen 127.0.0.1:${served} &
sleep 2
kodeno copy 127.0.0.1:${served}/hello:latest archive:hello.tar
kill $!
${build.replace("PATH/TO/MAIN/PACKAGE", "./examples/hello")}
`;
    const env = kodenoEnvironment({ DOCKER_HOST: dockerd.host });
    const said = await run("bash", ["-euo", "pipefail", "-c", script], { cwd: dir.path, env });
    assert.equal(said.code, 0, said.stderr);
    assert.match(said.stdout, /^Hello from kodata$/m);
    assert.match(said.stdout, new RegExp(`^${registry.host}/team/hello:latest@sha256:`, "m"));
  },
});
