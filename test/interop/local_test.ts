/**
 * Podman's service and containerd at both ends: they take kodeno's archives and pull from its server,
 * give images back, and podman's service is a daemon like Docker's.
 * @module
 */
import assert from "node:assert/strict";
import { type Containerd, startContainerd } from "../parts/containerd.ts";
import type { Outcome } from "../parts/dockerd.ts";
import { startPodman } from "../parts/podman.ts";
import { startRegistry } from "../parts/registry.ts";
import { needs } from "../parts/tools.ts";
import { startServe } from "../serve/served.ts";
import { type Lab, onlyManifest, openLab } from "./lab.ts";

const PODMAN = ["root", "podman"];
const CONTAINERD = ["root", "containerd", "ctr"];

async function done(outcome: Promise<Outcome>): Promise<string> {
  const { code, stdout, stderr } = await outcome;
  assert.equal(code, 0, stderr);
  return stdout.trim();
}

/** Checks that an image of a layout is `app:one` in all but how its layers are packed. */
async function assertSame(lab: Lab, layout: string, ref: string): Promise<void> {
  await lab.blobs(layout, ref);
  const ours = await onlyManifest(lab.dir.join("out"), "app:one");
  const theirs = await onlyManifest(lab.dir.join(layout), ref);
  assert.deepEqual(theirs.config, ours.config);
  assert.equal(theirs.manifest.layers.length, ours.manifest.layers.length);
}

/** Checks that containerd has an image whole, and gives it back with its bytes. */
async function assertThere(lab: Lab, { ctr }: Containerd, name: string): Promise<void> {
  const [, row = ""] = (await done(ctr("images", "list", `name==${name}`))).split("\n");
  assert.ok(row.includes(lab.image.root.digest), row);
  const exported = lab.dir.join("exported.tar");
  await done(ctr("images", "export", "--all-platforms", exported, name));
  await lab.kodeno(["copy", "archive:exported.tar", "oci:back:given:back"]);
  assert.deepEqual(await lab.blobs("back", "given:back"), await lab.blobs("out", "app:all"));
}

Deno.test({
  name: "interop: podman loads kodeno's archive, and kodeno reads both kinds of podman's",
  ...needs(...PODMAN),
  async fn() {
    await using lab = await openLab();
    await using service = await startPodman();
    const { podman } = service;
    const name = "reg.local/team/app:v1";
    // Of several platforms podman takes the one that the part for Docker names.
    await lab.kodeno(["copy", "oci:out:app:all", `archive:app.tar:${name}`]);
    assert.match(
      await done(podman("load", "-i", lab.dir.join("app.tar"))),
      /reg\.local\/team\/app:v1/,
    );
    const id = await done(podman("inspect", "--format", "{{.Id}}", name));
    assert.equal(`sha256:${id}`, lab.image.amd64.config.descriptor.digest);
    for (const format of ["oci-archive", "docker-archive"]) {
      const file = lab.dir.join(`${format}.tar`);
      await done(podman("save", "--format", format, "-o", file, name));
      await lab.kodeno(["copy", `archive:${format}.tar`, `oci:${format}:app:back`]);
      await assertSame(lab, format, "app:back");
    }
  },
});

Deno.test({
  name: "interop: a name of podman's is the image's own, wherever it goes",
  ...needs(...PODMAN, "docker-registry"),
  async fn() {
    await using lab = await openLab();
    await using service = await startPodman();
    await using registry = await startRegistry();
    const { podman } = service;
    await lab.kodeno(["copy", "oci:out:app:one", "archive:app.tar:localhost/app:v1"]);
    await done(podman("load", "-i", lab.dir.join("app.tar")));
    const file = lab.dir.join("f.tar");
    await done(podman("save", "--format", "oci-archive", "-o", file, "localhost/app:v1"));
    const push = ["push", "f.tar", "--to", `${registry.host}/x`];
    const planned = await lab.kodeno([...push, "--dry-run"]);
    assert.ok(planned.startsWith(`${registry.host}/x/app:v1@sha256:`), planned);
    assert.equal(await lab.kodeno(push), planned);
    const env = { DOCKER_HOST: service.host };
    assert.equal(await lab.kodeno(["load", "f.tar"], env), "localhost/app:v1");
    assert.match(await lab.kodeno(["merge", "all", "f.tar"]), /^localhost\/app:v1@/);
  },
});

Deno.test({
  name: "interop: containerd imports kodeno's archive and exports one with the same blobs",
  ...needs(...CONTAINERD),
  async fn() {
    await using lab = await openLab();
    await using containerd = await startContainerd();
    const name = "reg.local/team/app:v1";
    await lab.kodeno(["copy", "oci:out:app:all", `archive:app.tar:${name}`]);
    const file = lab.dir.join("app.tar");
    await done(containerd.ctr("images", "import", "--all-platforms", file));
    await assertThere(lab, containerd, name);
  },
});

Deno.test({
  name: "interop: podman's service is a daemon to load into and to copy from",
  ...needs(...PODMAN),
  async fn() {
    await using lab = await openLab();
    await using service = await startPodman();
    const usual = await Deno.stat("/var/run/docker.sock").then(() => true, () => false);
    const places: Readonly<Record<string, string>>[] = [{ DOCKER_HOST: service.host }];
    // Where no variable says it, and Docker itself is not there.
    const unset = { DOCKER_HOST: "", DOCKER_CONTEXT: "", DOCKER_CONFIG: lab.dir.path };
    if (!usual) places.push({ ...unset, XDG_RUNTIME_DIR: service.runtimeDirectory });
    let sent = true;
    for (const [at, env] of places.entries()) {
      const load = ["load", "out", "--image", "app:all", "--json"];
      const [loaded] = (await lab.kodeno(load, env)).split("\n").map((line) => JSON.parse(line))
        .filter((line) => "sent" in line);
      assert.deepEqual([loaded.name, loaded.sent], ["app:all", sent], "sent once");
      assert.equal(loaded.id, lab.image.amd64.config.descriptor.digest);
      sent = false;
      await lab.kodeno(["copy", "oci:out:app:one", `daemon:reg.local/app:v${at}`], env);
      for (const name of ["app:all", `reg.local/app:v${at}`]) {
        const shown = await done(service.podman("inspect", "--format", "{{.Id}}", name));
        assert.equal(`sha256:${shown}`, loaded.id);
        await lab.kodeno(["copy", `daemon:${name}`, `oci:back${at}:app:back`], env);
        await assertSame(lab, `back${at}`, "app:back");
      }
    }
  },
});

Deno.test({
  name: "interop: containerd and podman pull from kodeno serve",
  ...needs(...PODMAN, ...CONTAINERD),
  async fn() {
    await using lab = await openLab();
    await using served = await startServe(lab.dir.join("out"));
    await using containerd = await startContainerd();
    const name = `${served.host}/app:all`;
    await done(containerd.ctr("images", "pull", "--plain-http", "--all-platforms", name));
    await assertThere(lab, containerd, name);
    const push = await containerd.ctr(
      "images",
      "push",
      "--plain-http",
      `${served.host}/new:v1`,
      name,
    );
    assert.notEqual(push.code, 0, "it cannot be pushed to");

    await using service = await startPodman();
    await done(service.podman("pull", "--tls-verify=false", name));
    const id = await done(service.podman("inspect", "--format", "{{.Id}}", name));
    assert.equal(`sha256:${id}`, lab.image.amd64.config.descriptor.digest);
    const digest = await done(service.podman("inspect", "--format", "{{.Digest}}", name));
    const { root, amd64 } = lab.image;
    assert.ok([`${root.digest}`, `${amd64.manifest.descriptor.digest}`].includes(digest), digest);
  },
});
