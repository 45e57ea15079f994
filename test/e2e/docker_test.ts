/**
 * Docker with its own image store and Docker of today, which keeps images in containerd's: whatever
 * way an image gets there, it runs under its short name and is one image.
 * @module
 */
import assert from "node:assert/strict";
import { type Dockerd, dockerdKinds, startDockerd } from "../parts/dockerd.ts";
import { needs } from "../parts/tools.ts";
import { startServe } from "../serve/served.ts";
import { simpleModule } from "../support/go_module.ts";
import { done, kodeno } from "../support/kodeno.ts";
import { tempDir } from "../support/temp.ts";

const PLATFORMS = ["--platform", "linux/amd64,linux/arm64"];

/** Runs docker, which has to succeed; gives what it printed. */
async function docker(dockerd: Dockerd, ...args: string[]): Promise<string> {
  const { code, stdout, stderr } = await dockerd.docker(...args);
  assert.equal(code, 0, `docker ${args.join(" ")}: ${stderr}`);
  return stdout.trim();
}

/** The rows of `docker images`, without IDs; those of images that lost their names are among them. */
async function rows(dockerd: Dockerd): Promise<string[]> {
  const found = await docker(dockerd, "images", "-a", "--format", "{{.Repository}}:{{.Tag}}");
  return found === "" ? [] : found.split("\n").sort();
}

async function removeAll(dockerd: Dockerd): Promise<void> {
  const ids = (await docker(dockerd, "images", "-aq")).split("\n").filter(Boolean);
  if (ids.length > 0) await docker(dockerd, "rmi", "-f", ...new Set(ids));
  assert.deepEqual(await rows(dockerd), []);
}

/** Checks that images are there, and no others, and that each runs. */
async function runs(dockerd: Dockerd, says: string, ...images: string[]): Promise<void> {
  assert.deepEqual(await rows(dockerd), images.toSorted());
  for (const image of images) {
    assert.equal(await docker(dockerd, "run", "--rm", "--network=none", image), says, image);
  }
}

for (const [kind, ...parts] of dockerdKinds) {
  Deno.test({
    name: `docker (${kind}): an image runs under its short name, and is one image`,
    ...needs(...parts),
    async fn(t) {
      await using dir = await tempDir();
      await simpleModule(dir, "it says");
      const says = "it says dev";
      await using dockerd = await startDockerd({ kind });
      const env = { DOCKER_HOST: dockerd.host };
      const run = (...args: string[]) => done(dir, args, env);
      const name = (await run("build", ...PLATFORMS)).replace(/@.*/, "");
      assert.match(name, /^[a-z]+:latest$/);
      const app = name.replace(":latest", "");

      await t.step("loaded, once and again", async () => {
        assert.equal(await run("load", "out"), name);
        await runs(dockerd, says, name);
        await run("tag", "out", name, "docker.io/team/app:v1", "reg.local:5000/app:v1");
        assert.equal(await run("load", "out"), `${name}\nreg.local:5000/app:v1\nteam/app:v1`);
        await runs(dockerd, says, name, "reg.local:5000/app:v1", "team/app:v1");
        await removeAll(dockerd);
      });

      await t.step("built into it", async () => {
        const local = ["build", "-L", "-B", "-t", "v1"];
        const [printed = ""] = (await run(...local, ...PLATFORMS)).split("\n");
        await runs(dockerd, says, printed, `ko.local/${app}:v1`);
        await removeAll(dockerd);
      });

      await t.step("from archives that docker loads", async () => {
        await run("copy", `oci:out:${name}`, "archive:all.tar");
        assert.equal(
          await docker(dockerd, "load", "-i", dir.join("all.tar")),
          `Loaded image: ${name}`,
        );
        await runs(dockerd, says, name);
        // It is there, with all its platforms where the daemon keeps them.
        assert.equal(await run("load", "all.tar"), name);
        await runs(dockerd, says, name);
        await removeAll(dockerd);
        const tags = ["-t", "v1,v2", "--tarball", "one.tar", "--platform", "linux/amd64"];
        await run("build", ...tags);
        await docker(dockerd, "load", "-i", dir.join("one.tar"));
        await runs(dockerd, says, `${app}:v1`, `${app}:v2`);
      });

      await t.step("and back, as a base, and as docker saves it", async () => {
        await run("copy", `daemon:${app}:v1`, "oci:back");
        assert.match(await run("ls", "back"), new RegExp(`^${app}:v1 .* linux/amd64$`));
        const saved = dir.join("saved.tar");
        await docker(dockerd, "save", "-o", saved, `${app}:v1`, `${app}:v2`);
        assert.match(await run("ls", saved), new RegExp(`^${app}:v1 .*\n${app}:v2 .*linux/amd64$`));
        const base = ["build", "--base-image", `daemon:${app}:v2`, "--oci-layout", "on-top"];
        await run(...base, "--platform", "linux/amd64", "-t", "top");
        await removeAll(dockerd);
        for (const place of ["back", saved, "on-top"]) await run("load", place);
        await runs(dockerd, says, `${app}:v1`, `${app}:v2`, `${app}:top`);
      });
    },
  });
}

Deno.test({
  name: "docker (today): what it pulled of an index alone can be copied and built on",
  ...needs("root", "docker", "gcc"),
  async fn() {
    await using dir = await tempDir();
    await simpleModule(dir, "it says");
    const name = (await done(dir, ["build", ...PLATFORMS])).replace(/@.*/, "");
    await using server = await startServe(dir.join("out"));
    // A mirror of Docker Hub, for which app:latest is library/app.
    const config = { "registry-mirrors": [`http://${server.host}`] };
    await using dockerd = await startDockerd({ kind: "today", config });
    await docker(dockerd, "pull", name);
    await runs(dockerd, "it says dev", name);
    const env = { DOCKER_HOST: dockerd.host };
    const saved = dir.join("saved.tar");
    await docker(dockerd, "save", "-o", saved, name);
    const ways = [
      ["copy", `daemon:${name}`, "oci:copied"],
      ["copy", "archive:saved.tar", "oci:saved"],
      ["copy", "archive:saved.tar", "oci:chosen", "--platform", "linux/amd64"],
      ["merge", "merged", "saved.tar"],
    ];
    for (const way of ways) {
      const { code, stderr } = await kodeno(way, { cwd: dir.path, env });
      assert.equal(code, 0, stderr);
      // What nobody chose is told.
      const isTold = /Took linux\/amd64 of .* alone/.test(stderr);
      assert.equal(isTold, !way.includes("--platform"), stderr);
      const place = way.find((one) => one.startsWith("oci:"))?.slice("oci:".length) ?? "merged";
      assert.match(await done(dir, ["ls", place]), new RegExp(`^${name} .* linux/amd64$`));
    }
    const arm = ["copy", `daemon:${name}`, "oci:arm", "--platform", "linux/arm64"];
    const refused = await kodeno(arm, { cwd: dir.path, env });
    assert.match(refused.stderr, /Cannot choose linux\/arm64 of daemon:.*: it has linux\/amd64/);
    const base = ["build", "--base-image", `daemon:${name}`, "--oci-layout", "top"];
    await done(dir, [...base, "--platform", "linux/amd64"], env);
    // What is there is named alone, and an index of another platform's image is not what is wanted.
    await done(dir, ["load", "out"], env);
    await runs(dockerd, "it says dev", name);
    await removeAll(dockerd);
    await docker(dockerd, "pull", "--platform", "linux/arm64", name);
    await done(dir, ["load", "out"], env);
    assert.equal(await docker(dockerd, "run", "--rm", "--network=none", name), "it says dev");
    for (const place of ["copied", saved, "top"]) {
      await removeAll(dockerd);
      await done(dir, ["load", place], env);
      await runs(dockerd, "it says dev", name);
    }
  },
});
