/**
 * The parts themselves: that the real servers start, answer and leave nothing behind, and that a
 * missing part is noted down.
 * @module
 */
import assert from "node:assert/strict";
import { basename, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { startContainerd } from "./containerd.ts";
import { dockerdKinds, processesOf, startDockerd } from "./dockerd.ts";
import { startNode } from "./kind.ts";
import { startPodman } from "./podman.ts";
import { startRegistry } from "./registry.ts";
import { goTool, needs, rootTool, startDaemon } from "./tools.ts";

async function run(path: string, ...args: string[]): Promise<string> {
  const { code, stdout, stderr } = await new Deno.Command(path, { args }).output();
  const text = new TextDecoder();
  assert.equal(code, 0, `${basename(path)} ${args.join(" ")}: ${text.decode(stderr)}`);
  return text.decode(stdout).trim();
}

async function exists(path: string): Promise<boolean> {
  return await Deno.lstat(path).then(() => true, () => false);
}

/** An image of one file, pushed by crane; gives its reference. */
async function pushImage(host: string, file: string): Promise<string> {
  const folder = await Deno.makeTempDir({ prefix: "kodeno-test-" });
  try {
    const layer = join(folder, "layer.tar");
    const image = `${host}/tiny:one`;
    await run("tar", "-C", dirname(file), "-cf", layer, basename(file));
    await run(await goTool("crane"), "append", "--new_layer", layer, "--new_tag", image);
    return image;
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

Deno.test({
  name: "parts: crane pushes to the registry and pulls from it",
  ...needs("docker-registry"),
  async fn() {
    const folder = await Deno.makeTempDir({ prefix: "kodeno-test-" });
    const registry = await startRegistry();
    const { host, storage } = registry;
    try {
      const crane = await goTool("crane");
      const archive = join(folder, "image.tar");
      const image = await pushImage(host, fileURLToPath(import.meta.url));
      await run(crane, "pull", image, archive);
      await run(crane, "push", archive, `${host}/tiny:two`);
      assert.equal(await run(crane, "ls", `${host}/tiny`), "one\ntwo");
      assert.equal(await exists(storage), true);
    } finally {
      await registry.stop();
      await Deno.remove(folder, { recursive: true });
    }
    const [hostname = "", port] = host.split(":");
    assert.equal(hostname, "127.0.0.1");
    await assert.rejects(Deno.connect({ hostname, port: Number(port) }));
    assert.equal(await exists(storage), false);
  },
});

Deno.test({
  name: "parts: two registries stand beside each other, and stopping twice does no harm",
  ...needs("docker-registry"),
  async fn() {
    await using one = await startRegistry();
    await using two = await startRegistry();
    assert.notEqual(one.host, two.host);
    await one.stop();
  },
});

for (const [kind, ...parts] of dockerdKinds) {
  Deno.test({
    name: `parts: dockerd (${kind}) runs an image of the registry and leaves nothing behind`,
    ...needs(...parts, "docker-registry"),
    async fn() {
      await using registry = await startRegistry();
      // A program that runs until it is stopped, without a C library to look for.
      const image = await pushImage(registry.host, await goTool("registry"));
      const dockerd = await startDockerd({ kind });
      const { docker, root } = dockerd;
      try {
        const store = await docker("info", "--format", "{{.DriverStatus}}");
        assert.equal(store.stdout.includes("containerd"), kind === "today", store.stderr);
        const started = await docker("run", "-d", "--network=none", image, "/registry", "serve");
        assert.equal(started.code, 0, started.stderr);
        const running = await docker("ps", "--format", "{{.Image}} {{.State}}");
        assert.equal(running.stdout, `${image} running\n`);
        assert.ok((await processesOf(root)).length > 0);
        assert.notEqual((await docker("inspect", "no-such-image")).code, 0);
      } finally {
        await dockerd.stop();
      }
      await leftNothing(root);
    },
  });
}

/** Checks that nothing is left of a daemon. */
async function leftNothing(root: string): Promise<void> {
  assert.deepEqual(await processesOf(root), []);
  assert.equal((await Deno.readTextFile("/proc/self/mountinfo")).includes(root), false);
  assert.equal(await exists(root), false);
}

Deno.test({
  name: "parts: podman pulls from the registry and leaves nothing behind",
  ...needs("root", "podman", "docker-registry"),
  async fn() {
    await using registry = await startRegistry();
    const image = await pushImage(registry.host, fileURLToPath(import.meta.url));
    const service = await startPodman();
    try {
      const pulled = await service.podman("pull", "--tls-verify=false", image);
      assert.equal(pulled.code, 0, pulled.stderr);
      const listed = await service.podman("images", "--format", "{{.Repository}}:{{.Tag}}");
      assert.equal(listed.stdout, `${image}\n`);
      assert.notEqual((await service.podman("inspect", "no-such-image")).code, 0);
    } finally {
      await service.stop();
    }
    await leftNothing(service.root);
  },
});

Deno.test({
  name: "parts: containerd pulls from the registry and leaves nothing behind",
  ...needs("root", "containerd", "ctr", "docker-registry"),
  async fn() {
    await using registry = await startRegistry();
    const image = await pushImage(registry.host, fileURLToPath(import.meta.url));
    const containerd = await startContainerd();
    try {
      const pulled = await containerd.ctr("images", "pull", "--plain-http", image);
      assert.equal(pulled.code, 0, pulled.stderr);
      assert.equal((await containerd.ctr("images", "list", "-q")).stdout, `${image}\n`);
      assert.notEqual(
        (await containerd.ctr("images", "pull", "--plain-http", `${image}x`)).code,
        0,
      );
    } finally {
      await containerd.stop();
    }
    await leftNothing(containerd.root);
  },
});

Deno.test({
  name: "parts: a node has a containerd of its own and leaves nothing behind",
  ...needs("root", "dockerd", "docker", "containerd", "ctr"),
  async fn() {
    const dockerd = await startDockerd();
    try {
      const nodes = [
        await startNode(dockerd, "c", "c-one"),
        await startNode(dockerd, "c", "c-two"),
      ];
      const [one, two] = nodes;
      assert.equal((await one?.ctr("namespaces", "create", "only-here"))?.code, 0);
      assert.match((await one?.ctr("namespaces", "list"))?.stdout ?? "", /^only-here/m);
      assert.doesNotMatch((await two?.ctr("namespaces", "list"))?.stdout ?? "", /only-here/);
      const labelled = [
        "ps",
        "--filter",
        "label=io.x-k8s.kind.cluster=c",
        "--format",
        "{{.Names}}",
      ];
      assert.equal((await dockerd.docker(...labelled)).stdout, "c-two\nc-one\n");
    } finally {
      await dockerd.stop();
    }
    await leftNothing(dockerd.root);
  },
});

Deno.test("parts: a server that does not start shows its log", async () => {
  const start = startDaemon("/bin/sh", ["-c", "echo no such port >&2; exit 3"], () => undefined);
  await assert.rejects(start, /\/bin\/sh did not start: exit code 3\nno such port$/);
});

Deno.test("parts: a program that is nowhere gives undefined", () => {
  assert.equal(rootTool("no-such-tool"), undefined);
  assert.ok(rootTool("sh")?.endsWith("/sh"));
});

Deno.test("parts: a missing part ignores the test and is noted down", async () => {
  const before = Deno.env.get("KODENO_LEFT_OUT");
  const file = await Deno.makeTempFile({ prefix: "kodeno-test-" });
  try {
    Deno.env.set("KODENO_LEFT_OUT", file);
    assert.deepEqual(needs("sh"), { ignore: false });
    assert.deepEqual(needs("sh", "no-such-tool"), { ignore: true });
    const { part, test } = JSON.parse(await Deno.readTextFile(file));
    assert.equal(part, "no-such-tool");
    assert.match(test, /parts_test\.ts:\d+:\d+$/);
  } finally {
    if (before === undefined) Deno.env.delete("KODENO_LEFT_OUT");
    else Deno.env.set("KODENO_LEFT_OUT", before);
    await Deno.remove(file);
  }
});
