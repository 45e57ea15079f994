/**
 * `--compression zstd`: what unpacks such layers, wherever the image goes; and a runtime that cannot
 * write them.
 * @module
 */
import assert from "node:assert/strict";
import { startContainerd } from "../parts/containerd.ts";
import { type Outcome, startDockerd } from "../parts/dockerd.ts";
import { startPodman } from "../parts/podman.ts";
import { startRegistry } from "../parts/registry.ts";
import { needs, rootTool } from "../parts/tools.ts";
import { simpleModule } from "../support/go_module.ts";
import { done, kodeno, kodenoEnvironment, ROOT } from "../support/kodeno.ts";
import { digestIn, manifestOf, outputOf } from "../support/layout.ts";
import { run, succeed } from "../support/process.ts";
import { type TempDir, tempDir } from "../support/temp.ts";

/** Builds with the runtime of the tests, which can write zstd; that of the binary may be older. */
async function build(dir: TempDir, ...flags: string[]): Promise<string> {
  const args = ["run", "-A", "--no-prompt", `${ROOT}cli.ts`, "build", ...flags];
  const { code, stdout, stderr } = await run(Deno.execPath(), args, {
    cwd: dir.path,
    env: kodenoEnvironment(),
  });
  assert.equal(code, 0, stderr);
  return stdout.trimEnd();
}

Deno.test({
  name: "zstd: what unpacks its layers",
  ...needs("root", "docker", "gcc", "docker-registry", "podman", "skopeo", "containerd", "ctr"),
  async fn(t) {
    await using dir = await tempDir();
    await simpleModule(dir);
    await using registry = await startRegistry();
    const image = `${registry.host}/app:zstd`;
    const well = ({ code, stdout, stderr }: Outcome) => {
      assert.equal(code, 0, stderr);
      return stdout + stderr;
    };

    await t.step("kodeno, which compares them with others, and regctl", async () => {
      const flags = ["--compression=zstd", "-t", "zstd", "--oci-layout", "out"];
      const digest = digestIn(await build(dir, ...flags, "--tarball", "app.tar"));
      assert.equal(digestIn(await build(dir, ...flags, "--no-cache")), digest, "the same bytes");
      const { layers } = await manifestOf(dir.join("out"), "zstd");
      assert.deepEqual(layers.map(({ mediaType }) => mediaType.replace(/^.*\./, "")), [
        "tar+gzip",
        "tar+zstd",
        "tar+zstd",
      ]);
      const [, , binary] = layers;
      assert.equal(await outputOf(dir.join("out"), "zstd"), "hello dev\n");
      const small = await build(dir, "--compression=zstd:19", "-t", "small", "--oci-layout=out");
      const [, , smaller] = (await manifestOf(dir.join("out"), digestIn(small))).layers;
      assert.ok((smaller?.size ?? 0) < 0.95 * (binary?.size ?? 0));
      const args = ["diff", "out:app:zstd", "out:app:small"];
      const { stdout } = await kodeno(args, { cwd: dir.path });
      assert.match(stdout, /^layer of the binary: 1 packed otherwise$/m);
      await done(dir, ["push", "out", "app:zstd", "--to", registry.host]);
    });

    await t.step("Docker of today, from a registry, an archive and kodeno load", async () => {
      await using dockerd = await startDockerd({ kind: "today" });
      const runs = async (name: string) => {
        assert.match(
          well(await dockerd.docker("run", "--rm", "--network=none", name)),
          /hello dev/,
        );
      };
      well(await dockerd.docker("pull", image));
      await runs(image);
      well(await dockerd.docker("load", "-i", dir.join("app.tar")));
      await runs("app:zstd");
      await done(dir, ["load", "out", "app:small"], { DOCKER_HOST: dockerd.host });
      await runs("app:small");
    });

    await t.step("podman, containerd and skopeo", async () => {
      await using podman = await startPodman();
      well(await podman.podman("pull", "--tls-verify=false", image));
      well(await podman.podman("load", "-i", dir.join("app.tar")));
      await using containerd = await startContainerd();
      const native = "--snapshotter=native";
      well(await containerd.ctr("images", "pull", "--plain-http", native, image));
      well(await containerd.ctr("images", "import", native, dir.join("app.tar")));
      const copied = ["copy", "--quiet", `oci:${dir.join("out")}:zstd`, `dir:${dir.join("dir")}`];
      await succeed(rootTool("skopeo") ?? "skopeo", ["--insecure-policy", ...copied]);
    });
  },
});

Deno.test("zstd: a runtime that cannot write it says so before anything is built", async () => {
  await using dir = await tempDir();
  await simpleModule(dir);
  const { deno } = JSON.parse(await done(dir, ["version", "--json"]));
  const outcome = await kodeno(["build", "--compression", "zstd:3"], { cwd: dir.path });
  if (Number(deno.split(".")[1]) >= 7) return assert.equal(outcome.code, 0, outcome.stderr);
  assert.equal(outcome.code, 2);
  const why =
    `this runtime (Deno ${deno}) cannot write zstd; use gzip, or kodeno on Deno 2.7 or newer`;
  assert.equal(outcome.stderr, `Error: Cannot use compression "zstd:3": ${why}\n`);
  assert.deepEqual(await dir.list(), ["go.mod", "main.go"]);
});
