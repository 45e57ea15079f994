/**
 * `kodeno load` and `kodeno copy ... daemon:` into a real daemon: of a flat index the right platform, each
 * image under its own name, and those without one by their IDs.
 * @module
 */
import assert from "node:assert/strict";
import { copy } from "../../src/content/copy.ts";
import { MediaType } from "../../src/oci/descriptor.ts";
import { openLayout } from "../../src/place/layout/layout.ts";
import { type RealImage, realImage } from "../archive/images.ts";
import { type Dockerd, startDockerd } from "../parts/dockerd.ts";
import { startNode } from "../parts/kind.ts";
import { needs } from "../parts/tools.ts";
import { jsonBlob, pushAll } from "../support/image_graph.ts";
import { done, kodeno } from "../support/kodeno.ts";
import { succeed } from "../support/process.ts";
import { type TempDir, tempDir } from "../support/temp.ts";

const REF = "org.opencontainers.image.ref.name";
const NAME = "io.containerd.image.name";

/** A layout that lists these entries, with the blobs of the images. */
async function layoutOf(
  dir: TempDir,
  folder: string,
  images: readonly RealImage[],
  manifests: readonly unknown[],
): Promise<void> {
  const layout = await openLayout(dir.join(folder), { create: true });
  for (const { store, root } of images) await copy(store, root, layout);
  const text = JSON.stringify({ schemaVersion: 2, manifests });
  await Deno.writeTextFile(dir.join(folder, "index.json"), text);
}

/** The two images of an index, each with its platform. */
function flat({ amd64, arm64 }: RealImage, annotations?: Record<string, string>) {
  const more = annotations ? { annotations } : {};
  const on = (architecture: string) => ({ platform: { os: "linux", architecture }, ...more });
  return [
    // As crane writes it.
    { ...arm64.manifest.descriptor, ...on("arm64"), artifactType: MediaType.config },
    { ...amd64.manifest.descriptor, ...on("amd64") },
  ];
}

/** `NAME:TAG ID` of each image that a daemon has. */
async function imagesIn({ docker }: Dockerd): Promise<string[]> {
  const format = "{{.Repository}}:{{.Tag}} {{.ID}}";
  const { stdout } = await docker("images", "--no-trunc", "--format", format);
  return stdout.trim().split("\n").filter((line) => line).sort();
}

const idOf = (image: { readonly config: RealImage["amd64"]["config"] }) =>
  image.config.descriptor.digest;

Deno.test({
  name: "load: platforms of a flat index, names of folders and domains, and none",
  ...needs("root", "dockerd", "docker"),
  async fn() {
    await using dir = await tempDir();
    await using dockerd = await startDockerd();
    const { docker, host: DOCKER_HOST } = dockerd;
    const env = { DOCKER_HOST };
    const [one, two] = [await realImage("one"), await realImage("two")];
    const empty = async () => {
      const { stdout } = await docker("images", "-aq");
      const ids = [...new Set(stdout.trim().split("\n"))];
      if (stdout.trim() !== "") await docker("rmi", "-f", ...ids);
    };
    const fails = async (message: RegExp, ...args: readonly string[]) => {
      const { code, stderr, stdout } = await kodeno(args, { cwd: dir.path, env });
      assert.deepEqual([code, stdout], [2, ""], stderr);
      assert.match(stderr, message);
      assert.deepEqual(await imagesIn(dockerd), []);
    };

    // Two manifests with their platforms: no name, a tag, and a whole name.
    const cases = [
      [undefined, "<none>:<none>"],
      [{ [REF]: "v1" }, "my-images:v1"],
      [{ [REF]: "v1", [NAME]: "reg.example/app:v1" }, "reg.example/app:v1"],
      [{ [REF]: "team/app:v1" }, "team/app:v1"],
    ] as const;
    for (const [annotations, name] of cases) {
      await layoutOf(dir, "My_Images", [one], flat(one, annotations));
      for (
        const [flags, id] of [
          [["--platform", "linux/arm64"], idOf(one.arm64)],
          [["--platform", "linux/amd64"], idOf(one.amd64)],
          [[], idOf(one.amd64)],
        ] as const
      ) {
        const printed = await done(dir, ["load", "My_Images", ...flags], env);
        assert.equal(printed, name.startsWith("<") ? id : name);
        assert.deepEqual(await imagesIn(dockerd), [`${name} ${id}`]);
        await empty();
      }
      await fails(
        /for linux\/s390x|has linux\/arm64/,
        "load",
        "My_Images",
        "--platform",
        "linux/s390x",
      );
    }
    // An only image is no other platform's.
    const [, only] = flat(two, { [REF]: "v2", [NAME]: "other:v2" });
    await layoutOf(dir, "mixed", [one, two], [...flat(one, { [REF]: "v1" }), only]);
    await fails(/it has linux\/amd64/, "load", "mixed", "--platform", "linux/arm64");

    // Two images that would get one name.
    const twice = [one, two].map(({ root }) => ({ ...root, annotations: { [NAME]: "app:v1" } }));
    await layoutOf(dir, "twice", [one, two], twice);
    const both = new RegExp(`they are ${one.root.digest} and ${two.root.digest}`);
    await fails(both, "load", "twice");
    const named = ["one.example/app:v1", "two.example/app:v1"];
    await layoutOf(
      dir,
      "hosts",
      [one, two],
      [one, two].map(({ root }, i) => ({ ...root, annotations: { [NAME]: named[i] } })),
    );
    await fails(/they are/, "load", "hosts", "--local-domain", "dev.local");

    // Names below a domain, as build -L gives them.
    const flag = ["--local-domain", "dev.local"];
    await done(dir, ["load", "hosts", "--image", "one.example/app", ...flag], env);
    await done(dir, ["copy", `oci:hosts:two.example/app:v1`, "daemon:", ...flag], env);
    assert.deepEqual(
      await imagesIn(dockerd),
      [`dev.local/app:v1 ${idOf(two.amd64)}`, `<none>:<none> ${idOf(one.amd64)}`].sort(),
    );
    await done(dir, ["copy", "oci:hosts:one.example/app:v1", "daemon:web:v2", ...flag], env);
    const out = await docker("run", "--rm", "--network=none", "dev.local/web:v2");
    assert.match(out.stdout + out.stderr, /it runs dev/);
    await done(dir, ["copy", "oci:hosts:one.example/app:v1", "daemon:"], env);
    assert.ok((await imagesIn(dockerd)).some((line) => line.startsWith("one.example/app:v1 ")));

    // A daemon keeps nothing that only refers to an image.
    const sbom = jsonBlob({
      schemaVersion: 2,
      mediaType: MediaType.manifest,
      artifactType: "application/x-sbom",
      config: one.amd64.config.descriptor,
      layers: [],
      subject: one.root,
    }, MediaType.manifest);
    const about = { ...one.root, annotations: { [NAME]: "app:v1" } };
    await layoutOf(dir, "about", [one], [about, sbom.descriptor]);
    await pushAll(await openLayout(dir.join("about")), [sbom]);
    const told = await kodeno(["load", "about"], { cwd: dir.path, env });
    assert.deepEqual([told.code, told.stdout], [0, "app:v1\n"], told.stderr);
    assert.match(told.stderr, /Left out 1 entries that only refer to images/);

    // Nor what is no image at all: an artifact, and the attestation of one.
    const config = jsonBlob({}, "application/vnd.oci.empty.v1+json");
    const artifact = jsonBlob({
      schemaVersion: 2,
      mediaType: MediaType.manifest,
      config: config.descriptor,
      layers: [config.descriptor],
    }, MediaType.manifest);
    const unknown = { platform: { os: "unknown", architecture: "unknown" } };
    const attestation = { ...one.arm64.manifest.descriptor, ...unknown };
    await layoutOf(dir, "more", [one], [about, artifact.descriptor, attestation]);
    await pushAll(await openLayout(dir.join("more")), [config, artifact]);
    const loading = await kodeno(["load", "more"], { cwd: dir.path, env });
    assert.deepEqual([loading.code, loading.stdout], [0, "app:v1\n"], loading.stderr);
    assert.match(loading.stderr, /Left out sha256:.*: it is no image: its config is of the type/);
    assert.match(loading.stderr, /Left out sha256:.*: it is an attestation, and no image/);

    // One that is there in part, without what the daemon runs, does not hinder the others.
    const part = { ...two.root, annotations: { [NAME]: "part:v1" } };
    await layoutOf(dir, "part", [one, two], [part, about]);
    const { digest } = two.amd64.manifest.descriptor;
    await Deno.remove(dir.join("part/blobs/sha256", digest.slice("sha256:".length)));
    const partly = await kodeno(["load", "part"], { cwd: dir.path, env });
    assert.deepEqual([partly.code, partly.stdout], [1, ""], partly.stderr);
    assert.match(partly.stderr, /^Loaded app:v1$/m);
    assert.match(partly.stderr, /; missing: linux\/amd64; there, .*--platform: linux\/arm64$/m);

    // What docker saves by its ID has no name, and keeps none.
    const id = idOf(two.amd64);
    await docker("save", "-o", dir.join("saved.tar"), id, idOf(one.amd64));
    await succeed("chmod", ["a+r", dir.join("saved.tar")]);
    await empty();
    const loaded = await done(dir, ["load", "saved.tar"], env);
    assert.deepEqual(loaded.split("\n").sort(), [idOf(one.amd64), id].sort());
    assert.equal((await imagesIn(dockerd)).length, 2);
    const byId = await done(dir, ["copy", `daemon:${id}`, "oci:back"], env);
    assert.match(await done(dir, ["ls", "back"]), new RegExp(`^- +${byId} `));
  },
});

Deno.test({
  name: "load: below kind.local images go into the nodes of the cluster",
  ...needs("root", "dockerd", "docker", "containerd", "ctr"),
  async fn() {
    await using dir = await tempDir();
    await using dockerd = await startDockerd();
    const node = await startNode(dockerd, "dev", "dev-control-plane");
    const one = await realImage("one");
    await layoutOf(dir, "flat", [one], flat(one, { [REF]: "v1" }));
    const env = { DOCKER_HOST: dockerd.host, KIND_CLUSTER_NAME: "dev" };
    const flag = ["--local-domain", "kind.local"];
    assert.equal(await done(dir, ["load", "flat", ...flag], env), "kind.local/flat:v1");
    const copied = ["copy", "oci:flat", "daemon:app:v2", "--platform", "linux/amd64", ...flag];
    assert.equal(await done(dir, copied, env), "kind.local/app:v2");
    const { stdout } = await node.ctr("images", "list");
    for (const name of ["flat:v1", "app:v2"]) {
      assert.match(
        stdout,
        new RegExp(`kind\\.local/${name} .*${one.amd64.manifest.descriptor.digest}`),
      );
    }
  },
});
