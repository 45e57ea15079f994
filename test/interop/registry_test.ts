/**
 * Each program of others takes an image that kodeno pushed and sends it on, and kodeno pulls that: all
 * blobs are the same, but where a program is known to write layers anew.
 * @module
 */
import assert from "node:assert/strict";
import { startContainerd } from "../parts/containerd.ts";
import { startPodman } from "../parts/podman.ts";
import { startRegistry } from "../parts/registry.ts";
import { goTool, needs, rootTool } from "../parts/tools.ts";
import { succeed } from "../support/process.ts";
import type { TempDir } from "../support/temp.ts";
import { type Lab, onlyManifest, openLab } from "./lab.ts";

interface Tool {
  readonly parts: readonly string[];
  /** What it takes: an image of several platforms, or one alone. */
  readonly takes: readonly ("all" | "one")[];
  /** It unpacks layers and packs them again. */
  readonly packsAnew?: boolean;
  /** Pulls an image to where the tool keeps its own, and pushes it from there. */
  readonly relay: (from: string, to: string, dir: TempDir) => Promise<unknown>;
}

type Run = (...args: string[]) => Promise<{ readonly code: number; readonly stderr: string }>;

async function done(run: Run, ...args: string[]): Promise<void> {
  const { code, stderr } = await run(...args);
  assert.equal(code, 0, `${args.join(" ")}: ${stderr}`);
}

/** The host of a reference. */
const hostOf = (reference: string): string => reference.split("/")[0] ?? "";

const TOOLS: Readonly<Record<string, Tool>> = {
  crane: {
    parts: [],
    takes: ["all", "one"],
    async relay(from, to, dir) {
      const crane = await goTool("crane");
      await succeed(crane, ["pull", "--format=oci", from, dir.join("crane")]);
      await succeed(crane, ["push", dir.join("crane"), to]);
    },
  },
  skopeo: {
    parts: ["skopeo"],
    takes: ["all", "one"],
    async relay(from, to, dir) {
      const skopeo = rootTool("skopeo") ?? "skopeo";
      const copy = ["--insecure-policy", "copy", "--all", "--preserve-digests"];
      const local = `oci:${dir.join("skopeo")}:x`;
      await succeed(skopeo, [...copy, "--src-tls-verify=false", `docker://${from}`, local]);
      await succeed(skopeo, [...copy, "--dest-tls-verify=false", local, `docker://${to}`]);
    },
  },
  regctl: {
    parts: [],
    takes: ["all", "one"],
    async relay(from, to, dir) {
      const regctl = await goTool("regctl");
      const hosts = [...new Set([from, to].map(hostOf))]
        .flatMap((host) => ["--host", `reg=${host},tls=disabled`]);
      const env = { HOME: dir.path, PATH: "/usr/bin:/bin" };
      const local = `ocidir://${dir.join("regctl")}:x`;
      await succeed(regctl, [...hosts, "image", "copy", from, local], { env });
      await succeed(regctl, [...hosts, "image", "copy", local, to], { env });
    },
  },
  ctr: {
    parts: ["root", "containerd", "ctr"],
    takes: ["all", "one"],
    async relay(from, to) {
      await using containerd = await startContainerd();
      await done(containerd.ctr, "images", "pull", "--plain-http", "--all-platforms", from);
      await done(containerd.ctr, "images", "push", "--plain-http", to, from);
    },
  },
  podman: {
    parts: ["root", "podman"],
    takes: ["one"],
    packsAnew: true,
    async relay(from, to) {
      await using service = await startPodman();
      await done(service.podman, "pull", "--tls-verify=false", from);
      await done(service.podman, "push", "--tls-verify=false", "--format=oci", from, to);
    },
  },
};

async function relayed(lab: Lab, tool: Tool, which: "all" | "one"): Promise<void> {
  await using one = await startRegistry();
  await using two = await startRegistry();
  const [from, to] = [`${one.host}/by/kodeno:v1`, `${two.host}/by/other:v2`];
  await lab.kodeno(["copy", `oci:out:app:${which}`, from]);
  await tool.relay(from, to, lab.dir);
  await lab.kodeno(["pull", to, "--oci-layout", "back"]);
  if (!tool.packsAnew) {
    assert.deepEqual(await lab.blobs("back", to), await lab.blobs("out", `app:${which}`));
    return;
  }
  // The config names the unpacked bytes of the layers by their digests.
  await lab.blobs("back", to);
  const ours = await onlyManifest(lab.dir.join("out"), `app:${which}`);
  const theirs = await onlyManifest(lab.dir.join("back"), to);
  assert.deepEqual(theirs.config, ours.config);
  assert.equal(theirs.manifest.layers.length, ours.manifest.layers.length);
}

for (const [name, tool] of Object.entries(TOOLS)) {
  for (const which of tool.takes) {
    Deno.test({
      name: `interop: ${name} sends on what kodeno pushed (${which}), and kodeno pulls the same`,
      ...needs("docker-registry", ...tool.parts),
      async fn() {
        await using lab = await openLab();
        await relayed(lab, tool, which);
      },
    });
  }
}

Deno.test({
  name: "interop: umoci changes an image of kodeno's layout, and kodeno pushes what came of it",
  ...needs("umoci", "root", "docker-registry"),
  async fn() {
    await using lab = await openLab();
    await using registry = await startRegistry();
    const umoci = rootTool("umoci") ?? "umoci";
    // umoci knows tags alone, and calls one that two images have ambiguous.
    await lab.kodeno(["copy", "oci:out:app:one", "oci:single:v1"]);
    const single = lab.dir.join("single");
    await lab.dir.write("note", "umoci was here\n");
    const image = ["--image", `${single}:v1`];
    await succeed(umoci, ["insert", ...image, "--tag", "v2", lab.dir.join("note"), "/umoci"]);
    await succeed(umoci, ["config", "--image", `${single}:v2`, "--config.label", "by=umoci"]);
    const to = `${registry.host}/by/umoci:v2`;
    await lab.kodeno(["copy", "oci:single:v2", to]);
    const crane = await goTool("crane");
    await succeed(crane, ["validate", "--remote", to]);
    const config = JSON.parse(await succeed(crane, ["config", to]));
    assert.deepEqual(config.config.Labels, { by: "umoci" });
    assert.equal(config.rootfs.diff_ids.length, 3);
    await lab.kodeno(["pull", to, "--oci-layout", "back"]);
    assert.deepEqual(await lab.blobs("back", to), await lab.blobs("single", "v2"));

    // An image of umoci's own, with no layer at all.
    const own = lab.dir.join("own");
    await succeed(umoci, ["init", "--layout", own]);
    await succeed(umoci, ["new", "--image", `${own}:empty`]);
    await lab.kodeno(["copy", "oci:own:empty", `${registry.host}/by/empty:v1`]);
    await succeed(crane, ["validate", "--remote", `${registry.host}/by/empty:v1`]);
    // What kodeno writes of the changed one, umoci unpacks.
    await lab.kodeno(["copy", to, "oci:again:v3"]);
    await succeed(umoci, ["unpack", "--image", `${lab.dir.join("again")}:v3`, lab.dir.join("b")]);
    assert.equal(await Deno.readTextFile(lab.dir.join("b/rootfs/umoci")), "umoci was here\n");
    assert.match(await succeed(lab.dir.join("b/rootfs/app"), []), /it runs dev/);
  },
});
