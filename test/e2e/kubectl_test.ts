/**
 * `kodeno apply`, `create`, `delete` and `run`: what kubectl gets. Most of it is seen by a recorder
 * in kubectl's place, for no cluster runs in a test; the real kubectl talks to as much of an API
 * server as it needs for ConfigMaps.
 * @module
 */
import assert from "node:assert/strict";
import { recordKubectl, startApiServer } from "../parts/kubectl.ts";
import { startRegistry } from "../parts/registry.ts";
import { needs } from "../parts/tools.ts";
import { goModule, printer } from "../support/go_module.ts";
import { kodeno } from "../support/kodeno.ts";
import { type TempDir, tempDir } from "../support/temp.ts";

async function makeModule(dir: TempDir): Promise<void> {
  await goModule(dir, "example.com/app", { "cmd/a/main.go": printer("a") });
  await dir.write("config/a.yaml", "image: ko://example.com/app/cmd/a\n");
  await dir.write("config/b.yaml", "b: c # d\n");
}

for (const verb of ["apply", "create"]) {
  Deno.test(`${verb}: kubectl gets the resolved objects, and the arguments after --`, async () => {
    await using dir = await tempDir();
    await makeModule(dir);
    const { path, runs, input } = await recordKubectl(dir);
    const args = [verb, "--push=false", "-f", "config", "--", "--namespace=x", "--wait=true"];
    const done = await kodeno(args, { cwd: dir.path, env: { PATH: path } });
    assert.equal(done.code, 0, done.stderr);
    assert.deepEqual(await runs(), [[verb, "-f", "-", "--namespace=x", "--wait=true"]]);
    assert.match(await input(0), /^image: a:latest@sha256:\S{64}\n---\nb: c # d\n---\n$/);
    assert.equal(done.stdout, "kubectl was here\n");
  });
}

Deno.test("apply: kubectl does not start when something cannot be built", async () => {
  await using dir = await tempDir();
  await makeModule(dir);
  await dir.write("cmd/a/main.go", "package main\n\nfunc main() { broken }\n");
  const { path, runs } = await recordKubectl(dir);
  const args = ["apply", "--push=false", "-f", "config"];
  const done = await kodeno(args, { cwd: dir.path, env: { PATH: path } });
  assert.equal(done.code, 1, done.stderr);
  assert.match(done.stderr, /broken/);
  assert.deepEqual(await runs(), []);
});

Deno.test("apply: a kubectl that fails or is not there is told", async () => {
  await using dir = await tempDir();
  await makeModule(dir);
  const { path } = await recordKubectl(dir, 3);
  const args = ["apply", "-f", "config/b.yaml"];
  const failed = await kodeno(args, { cwd: dir.path, env: { PATH: path } });
  assert.equal(failed.code, 1);
  assert.match(failed.stderr, /^Error: kubectl apply ended with exit code 3$/m);
  // Before anything is built: Go is not there either.
  for (const verb of [["apply", "-f", "config"], ["run", "./cmd/a"], ["delete", "x"]]) {
    const none = await kodeno(verb, { cwd: dir.path, env: { PATH: dir.join("nothing") } });
    assert.equal(none.code, 1);
    assert.match(none.stderr, /^Error: Cannot run "kubectl": there is no such command on PATH/);
    assert.equal(none.stderr.trim().split("\n").length, 1);
  }
});

Deno.test("delete: kubectl gets everything as it was said", async () => {
  await using dir = await tempDir();
  const { path, runs } = await recordKubectl(dir);
  const args = ["delete", "-f", "config/", "--wait=false", "pod", "x", "--", "-n"];
  const done = await kodeno(args, { cwd: dir.path, env: { PATH: path } });
  assert.equal(done.code, 0, done.stderr);
  assert.deepEqual(await runs(), [args]);
});

Deno.test({
  name: "run: kubectl runs the image that was pushed, once, and removes it",
  ...needs("docker-registry"),
  async fn() {
    await using dir = await tempDir();
    await using registry = await startRegistry();
    await makeModule(dir);
    const { path, runs } = await recordKubectl(dir);
    const env = { PATH: path, KO_DOCKER_REPO: `${registry.host}/team` };
    const args = ["run", "./cmd/a", "-B", "--", "--namespace=x", "--", "--flag", "arg"];
    const done = await kodeno(args, { cwd: dir.path, env });
    assert.equal(done.code, 0, done.stderr);
    const [[verb, pod, flag, image, ...rest] = []] = await runs();
    assert.deepEqual([verb, pod, flag], ["run", "a", "--image"]);
    assert.match(image ?? "", /^127\.0\.0\.1:\d+\/team\/a(?::latest)?@sha256:[0-9a-f]{64}$/);
    const defaults = ["--attach", "--rm", "--restart=Never", "--log-flush-frequency=1s"];
    assert.deepEqual(rest, [...defaults, "--namespace=x", "--", "--flag", "arg"]);
  },
});

Deno.test({
  name: "apply: the real kubectl takes what it gets",
  ...needs("kubectl"),
  async fn() {
    await using dir = await tempDir();
    await using server = startApiServer();
    await makeModule(dir);
    const object = (name: string): string =>
      `apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: ${name}\ndata:\n` +
      "  image: ko://example.com/app/cmd/a # built\n";
    await dir.write("maps/a.yaml", `# Two.\n${object("one")}---\n${object("two")}`);
    await dir.write("maps/b.yaml", "# Nothing.\n");
    await dir.write("maps/c.json", '{"apiVersion": "v1", "kind": "List", "items": []}');
    for (const [verb, file] of [["apply", "maps"], ["create", "more"]] as const) {
      if (verb === "create") await dir.write("more/d.yaml", object("three"));
      const cache = `--cache-dir=${dir.join("discovery")}`;
      const kubectl = ["--", `--server=${server.url}`, "--validate=false", cache];
      const env = { KUBECONFIG: "/dev/null", NO_PROXY: "127.0.0.1" };
      const args = [verb, "--push=false", "-f", file, ...kubectl];
      const done = await kodeno(args, { cwd: dir.path, env });
      assert.equal(done.code, 0, done.stderr + done.stdout);
      assert.match(
        done.stdout,
        new RegExp(`configmap/${verb === "apply" ? "one" : "three"} created`),
      );
    }
    assert.deepEqual([...server.made.keys()].sort(), ["one", "three", "two"]);
    for (const { data } of server.made.values()) {
      assert.match((data as { image: string }).image, /^a:latest@sha256:[0-9a-f]{64}$/);
    }
  },
});
