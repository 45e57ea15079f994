/**
 * `kodeno serve` as a node of Kubernetes sees it: containerd 2 takes it for a mirror of the registry
 * that an image's name says, or of Docker Hub, and gets what kodeno made as an archive, too.
 * @module
 */
import assert from "node:assert/strict";
import { type KubernetesContainerd, startKubernetesContainerd } from "../parts/containerd.ts";
import { needs } from "../parts/tools.ts";
import { simpleModule } from "../support/go_module.ts";
import { done } from "../support/kodeno.ts";
import { tempDir } from "../support/temp.ts";
import { startServe } from "./served.ts";

/** What the kubelet is told that the node has, by name. */
async function imagesOf(node: KubernetesContainerd): Promise<string[]> {
  const { code, stdout, stderr } = await node.crictl("images", "-o", "json");
  assert.equal(code, 0, stderr);
  const { images }: { images: { repoTags: string[] }[] } = JSON.parse(stdout);
  return images.flatMap(({ repoTags }) => repoTags).sort();
}

Deno.test({
  name: "kubernetes: a node pulls what is served, and finds what was imported, by every name",
  ...needs("root"),
  async fn() {
    await using dir = await tempDir();
    await simpleModule(dir);
    const built = await done(dir, ["build", "--platform", "linux/amd64,linux/arm64"]);
    const name = built.replace(/@.*/, "");
    assert.match(name, /^[a-z]+:latest$/);
    const app = name.slice(0, -":latest".length);
    const more = ["team/app:v1", "reg.local:5000/team/app:v2", "other.local/app:v3", "loose"];
    await done(dir, ["tag", "out", name, ...more]);
    await using server = await startServe(dir.join("out"));
    const mirror = `server = "http://${server.host}"\n`;
    const hosts = ["docker.io", "reg.local:5000", "other.local"];
    await using node = await startKubernetesContainerd(
      Object.fromEntries(hosts.map((host) => [host, mirror])),
    );
    const { digest } = JSON.parse((await done(dir, ["ls", "out", "--json"])).split("\n")[0] ?? "");
    const images: Record<string, string> = {
      [app]: `docker.io/library/${app}:latest`,
      "team/app:v1": "docker.io/team/app:v1",
      "reg.local:5000/team/app:v2": "reg.local:5000/team/app:v2",
      "other.local/app:v3": "other.local/app:v3",
      "out:loose": "docker.io/library/out:loose",
    };
    for (const image of [...Object.keys(images), name, `${app}@${digest}`]) {
      const pulled = await node.crictl("pull", image);
      assert.equal(pulled.code, 0, `${image}: ${pulled.stderr}`);
    }
    assert.deepEqual(await imagesOf(node), Object.values(images).sort());
    // Another registry's image has this path and tag.
    assert.notEqual((await node.crictl("pull", "reg.local:5000/app:v3")).code, 0);

    // Without a registry: the archive, by the same names.
    assert.equal((await node.crictl("rmi", "--all")).code, 0);
    assert.deepEqual(await imagesOf(node), []);
    const named = `${app}.tar`;
    await done(dir, ["copy", `oci:out:${name}`, `archive:${named}`]);
    const add = ["-n", "k8s.io", "images", "import", "--local", "--snapshotter", "native"];
    const imported = await node.ctr(...add, dir.join(named));
    assert.equal(imported.code, 0, imported.stderr);
    assert.deepEqual(await imagesOf(node), [`docker.io/library/${name}`]);
    const found = await node.crictl("inspecti", app);
    assert.equal(found.code, 0, found.stderr);
    assert.equal(JSON.parse(found.stdout).status.repoTags.join(), `docker.io/library/${name}`);
  },
});
