/**
 * Images run: a real Docker daemon gets them from a layout, and the programs in them tell what they
 * found. The `static` base has all that a program without rights needs; `scratch` has nothing.
 * @module
 */
import assert from "node:assert/strict";
import { join } from "node:path";
import { type Dockerd, startDockerd } from "../parts/dockerd.ts";
import { needs, rootTool } from "../parts/tools.ts";
import { goModule, printer } from "../support/go_module.ts";
import { kodeno, ROOT } from "../support/kodeno.ts";
import { succeed } from "../support/process.ts";
import { type TempDir, tempDir } from "../support/temp.ts";

const PARTS = ["root", "dockerd", "docker", "skopeo"];

/** Builds an image into `out` and hands it to the daemon, under its tag. */
async function load(
  dir: TempDir,
  dockerd: Dockerd,
  tag: string,
  args: readonly string[],
  cwd: string,
): Promise<string> {
  const layout = dir.join("out");
  const all = ["build", ...args, "-t", tag, "--oci-layout", layout];
  const { code, stderr } = await kodeno(all, { cwd });
  assert.equal(code, 0, stderr);
  const name = `loaded:${tag}`;
  const to = ["--dest-daemon-host", dockerd.host, `docker-daemon:${name}`];
  const copy = ["--insecure-policy", "copy", "--quiet", `oci:${layout}:${tag}`, ...to];
  await succeed(rootTool("skopeo") ?? "skopeo", copy);
  return name;
}

/** Runs an image to its end; gives what it printed. */
async function inContainer(dockerd: Dockerd, ...args: string[]): Promise<string> {
  const { code, stdout, stderr } = await dockerd.docker("run", "--rm", "--network=none", ...args);
  assert.equal(code, 0, stderr);
  return stdout;
}

/** The fixture's module with certificates in its kodata. */
async function containerModule(dir: TempDir): Promise<string> {
  const folder = dir.join("container");
  await succeed("cp", ["-r", join(ROOT, "fixtures/container"), folder]);
  await Deno.mkdir(join(folder, "kodata"));
  // The flags kodeno gives, so that go compiles its library once for both.
  const env = { ...Deno.env.toObject(), CGO_ENABLED: "0", GOFLAGS: "" };
  const args = ["run", "-trimpath", "./makecerts", "kodata"];
  await succeed("go", args, { cwd: folder, env });
  return folder;
}

Deno.test({
  name: "run: images of kodeno's run in Docker",
  ...needs(...PARTS),
  fn: async (t) => {
    await using dir = await tempDir();
    await using dockerd = await startDockerd();

    await t.step("on the static base: user, folders, time zones and certificates", async () => {
      const image = await load(
        dir,
        dockerd,
        "static",
        [".", "--entrypoint-arg=first"],
        await containerModule(dir),
      );
      const found = JSON.parse(await inContainer(dockerd, image, "second"));
      assert.deepEqual(found.Args, ["/ko-app/container", "first", "second"]);
      assert.deepEqual([found.UID, found.GID, found.User], [65532, 65532, "nonroot /home/nonroot"]);
      assert.equal(found.Home, "/home/nonroot");
      assert.equal(found.Directory, "/home/nonroot");
      const { "/tmp": tmp, "/home/nonroot": home, ...others } = found.Writable;
      assert.deepEqual([tmp, home], ["ok", "ok"]);
      for (const [folder, said] of Object.entries(others)) {
        assert.match(String(said), /permission denied/, folder);
      }
      assert.equal(found.Berlin, "2024-07-01T14:00:00+02:00");
      assert.ok(found.SystemRoots > 100, `${found.SystemRoots} roots`);
      assert.equal(found.TLSOwn, "ok");
      assert.match(found.TLSSystem, /certificate signed by unknown authority/);

      // An authority of the user's own, as SSL_CERT_FILE names it, takes the place of the others.
      const own = ["-e", "SSL_CERT_FILE=/var/run/ko/ca.pem", "-e", "SSL_CERT_DIR=/none"];
      const trusting = JSON.parse(await inContainer(dockerd, ...own, image));
      assert.equal(trusting.TLSSystem, "ok");
      assert.equal(trusting.SystemRoots, 1);
    });

    await t.step("the example prints the greeting from its kodata", async () => {
      const image = await load(dir, dockerd, "hello", ["."], join(ROOT, "examples/hello"));
      assert.equal(await inContainer(dockerd, image, "once"), "Hello from kodata\n");
    });

    await t.step("on scratch, with a user of one's own", async () => {
      await goModule(dir, "example.com/bare", { "main.go": printer("bare") }, "bare");
      const args = [".", "--base-image=scratch", "--image-user=1234"];
      const image = await load(dir, dockerd, "scratch", args, dir.join("bare"));
      assert.equal(await inContainer(dockerd, image), "bare dev\n");
      const user = await dockerd.docker("inspect", "--format", "{{.Config.User}}", image);
      assert.equal(user.stdout, "1234\n");
    });

    await t.step("on a base that is a layout, whose files are there, too", async () => {
      await goModule(dir, "example.com/top", { "main.go": printer("top") }, "top");
      const args = [".", "--base-image", `oci:${dir.join("out")}:static`];
      const image = await load(dir, dockerd, "stacked", args, dir.join("top"));
      assert.equal(await inContainer(dockerd, image), "top dev\n");
      const below = await inContainer(dockerd, "--entrypoint", "/ko-app/container", image);
      assert.equal(JSON.parse(below).TLSOwn, "ok");
    });
  },
});
