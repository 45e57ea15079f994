/**
 * `kodeno mirror-config` with those who read what it writes: containerd of a registry that has the images
 * below a path, and kustomize. Of `kodeno serve` test/serve/clients_test.ts tries it.
 * @module
 */
import assert from "node:assert/strict";
import { mirrorConfig } from "../../src/app/mirror_config.ts";
import { realImage, together, writeArchive } from "../archive/images.ts";
import { startKubernetesContainerd } from "../parts/containerd.ts";
import { startRegistry } from "../parts/registry.ts";
import { needs } from "../parts/tools.ts";
import { failsWith } from "../support/fails.ts";
import { done } from "../support/kodeno.ts";
import { succeed } from "../support/process.ts";
import { tempDir } from "../support/temp.ts";

Deno.test({
  name: "mirror-config: what was pushed below a path is pulled by the names it had",
  ...needs("root", "docker-registry", "kubectl"),
  async fn() {
    await using dir = await tempDir();
    await using registry = await startRegistry();
    const image = await realImage();
    const { digest } = image.root;
    await writeArchive(dir.join("in.tar"), await together([image]), [
      { descriptor: image.root, names: ["registry.example/team/app:v1"] },
    ]);
    await done(dir, ["bundle", "create", "-o", "app.tar", "in.tar"]);
    const site = `${registry.host}/site`;
    await done(dir, ["push", "app.tar", "--to", site]);
    const args = ["mirror-config", "app.tar", "--host", site, "--format"];
    const path = await done(dir, [...args, "containerd", "--certs-dir", "certs.d"]);
    assert.equal(path.trim(), "certs.d/registry.example/hosts.toml");
    const hosts = await Deno.readTextFile(dir.join(path.trim()));
    await using node = await startKubernetesContainerd({ "registry.example": hosts });
    const pulled = await node.crictl("pull", "registry.example/team/app:v1");
    assert.equal(pulled.code, 0, pulled.stderr);

    await dir.write("kustomize/images/kustomization.yaml", await done(dir, [...args, "kustomize"]));
    await dir.write(
      "kustomize/kustomization.yaml",
      "resources: [pod.yaml]\ncomponents: [images]\n",
    );
    await dir.write(
      "kustomize/pod.yaml",
      `apiVersion: v1
kind: Pod
metadata: {name: app}
spec: {containers: [{name: app, image: registry.example/team/app:v1}]}
`,
    );
    const made = await succeed("kubectl", ["kustomize", "kustomize"], { cwd: dir.path });
    assert.match(made, new RegExp(` image: ${site}/team/app@${digest}\n`));
  },
});

Deno.test("mirror-config: what it is not told is asked for in a line", async () => {
  const host = "10.0.0.5:5000";
  const cases: readonly (readonly [why: RegExp, Parameters<typeof mirrorConfig>[0]])[] = [
    [/say --format with one of containerd, k3s/, { place: "out" }],
    [/say with --host HOST:PORT who has the images/, { form: "k3s" }],
    [/Cannot write idms for all registries: /, { form: "idms", host }],
    [/say the layout, archive or bundle whose images/, { form: "hauler" }],
    [/--certs-dir is a folder of containerd/, { form: "k3s", certsDir: "x", host }],
    [/Cannot use --host "site": it has to begin with a host/, { form: "k3s", host: "site" }],
  ];
  for (const [why, request] of cases) {
    await failsWith("BAD_OPTION", () => mirrorConfig(request), why);
  }
});
