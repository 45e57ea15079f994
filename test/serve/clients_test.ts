/**
 * What docs/serving.md tells clients, tried with them: the files as they stand there, but for the
 * address and for folders, and the commands behind them. k3s does not run everywhere; Rancher's own
 * reader of its file does.
 * @module
 */
import assert from "node:assert/strict";
import { type KubernetesContainerd, startKubernetesContainerd } from "../parts/containerd.ts";
import { startDockerd } from "../parts/dockerd.ts";
import { startPodman } from "../parts/podman.ts";
import { needs, rootTool } from "../parts/tools.ts";
import { askOracle } from "../support/go_oracle.ts";
import { simpleModule } from "../support/go_module.ts";
import { done, ROOT } from "../support/kodeno.ts";
import { assertClean, digestIn } from "../support/layout.ts";
import { succeed } from "../support/process.ts";
import { type TempDir, tempDir } from "../support/temp.ts";
import { type Served, startServe } from "./served.ts";

const PAGE = await Deno.readTextFile(`${ROOT}docs/serving.md`);
const IMAGE = "registry.example/team/app:v1";
const PODMAN = "podman, skopeo, buildah and CRI-O";

/** The blocks of a section of the page, in their order, for a server. */
function blocksOf(section: string, kind: string, host: string): readonly string[] {
  const text = PAGE.split(/^(?=## )/m).find((one) => one.startsWith(`## ${section}\n`)) ?? "";
  const blocks = [...text.matchAll(new RegExp(`^\`\`\`${kind}\n(.*?)^\`\`\`$`, "gms"))];
  assert.ok(blocks.length > 0, `${section}: ${kind}`);
  return blocks.map(([, block = ""]) => block.replaceAll("10.0.0.5:5000", host));
}

/** The words behind the name of a client, of each command that a section has for it. */
function commandsOf(section: string, client: string, host: string): readonly string[][] {
  const commands = blocksOf(section, "sh", host).map((block) => block.trim().split(" "));
  const own = commands.filter(([name]) => name === client).map(([, ...words]) => words);
  assert.ok(own.length > 0, `${section}: ${client}`);
  return own;
}

/** A server of the image that the page speaks of, which is `app:latest` there, too. */
async function serving(
  ...flags: readonly string[]
): Promise<Served & { readonly dir: TempDir; readonly digest: string }> {
  const dir = await tempDir();
  await simpleModule(dir);
  const env = { KO_DOCKER_REPO: "registry.example/team/app" };
  const digest = digestIn(await done(dir, ["build", "--bare", "-t", "v1"], env));
  await done(dir, ["tag", "out", IMAGE, "app:latest"]);
  const server = await startServe(dir.join("out"), ...flags);
  const stop = async () => {
    await server.stop();
    await dir[Symbol.asyncDispose]();
  };
  return { ...server, dir, digest, [Symbol.asyncDispose]: stop };
}

/** What kodeno writes for clients of a server, for the registry that the image is of. */
async function written({ dir, host }: Served & { readonly dir: TempDir }, form: string) {
  const args = ["mirror-config", "out", IMAGE, "--host", `http://${host}`, "--format", form];
  return `${await done(dir, args)}\n`;
}

/** An environment of somebody for whom alone a file is what one in /etc/containers is for all. */
async function homeWith(dir: TempDir, config: string): Promise<Record<string, string>> {
  await dir.write(".config/containers/registries.conf.d/kodeno.conf", config);
  const { XDG_CONFIG_HOME: _, ...env } = Deno.env.toObject();
  return { ...env, HOME: dir.path };
}

/** Has a node of Kubernetes pull the image. */
async function pull(node: KubernetesContainerd): Promise<void> {
  for (const words of commandsOf("containerd", "crictl", "")) {
    const { code, stderr } = await node.crictl(...words);
    assert.equal(code, 0, stderr);
  }
}

Deno.test({
  name: "clients: containerd, by hosts.toml of one registry and of all",
  ...needs("root"),
  async fn() {
    await using server = await serving();
    const [config = "", hosts = ""] = blocksOf("containerd", "toml", server.host);
    assert.equal(await written(server, "containerd"), hosts);
    for (const folder of ["registry.example", "_default"]) {
      await using node = await startKubernetesContainerd({ [folder]: hosts });
      // What the test starts says the same of its own folder.
      const [, table = ""] = /^(\[.*\])$/m.exec(config) ?? [];
      const own = await Deno.readTextFile(`${node.root}/config.toml`);
      assert.ok(own.includes(`${table}\nconfig_path = `) && own.startsWith("version = 3\n"));
      await pull(node);
      const [words = []] = commandsOf("containerd", "ctr", server.host);
      const with_ = words.map((word) =>
        word.replace("/etc/containerd/certs.d", `${node.root}/hosts`)
      );
      const add = ["--local", "--snapshotter", "native"];
      const { code, stderr } = await node.ctr(...with_.slice(0, 2), ...add, ...with_.slice(2));
      assert.equal(code, 0, stderr);
    }
  },
});

Deno.test("clients: k3s, by registries.yaml", async () => {
  await using server = await serving();
  const [config = ""] = blocksOf("k3s", "yaml", server.host);
  const made = await written(server, "k3s");
  for (const text of [config, config.replace("registry.example", '"*"'), made]) {
    const file = await server.dir.write("registries.yaml", text);
    const found = await askOracle("k3sregistries", { config: file, image: IMAGE });
    assert.deepEqual(found, { digest: server.digest });
  }
});

Deno.test({
  name: "clients: podman and skopeo, by registries.conf",
  ...needs("root", "podman", "skopeo"),
  async fn() {
    await using server = await serving();
    const [config = ""] = blocksOf(PODMAN, "toml", server.host);
    assert.equal(await written(server, "registries.conf"), config);
    const home = await homeWith(server.dir, config);
    const [words = []] = commandsOf(PODMAN, "skopeo", server.host);
    await succeed(rootTool("skopeo") ?? "", words, { cwd: server.dir.path, env: home });
    assert.equal((await assertClean(server.dir.join("copied")))[0]?.digest, server.digest);
    await using podman = await startPodman({ HOME: server.dir.path });
    for (const words of commandsOf(PODMAN, "podman", server.host)) {
      const { code, stderr } = await podman.podman(...words);
      assert.equal(code, 0, stderr);
    }
  },
});

Deno.test({
  name: "clients: Docker, by daemon.json",
  ...needs("root", "dockerd", "docker"),
  async fn() {
    await using server = await serving();
    const [config = ""] = blocksOf("Docker", "json", server.host);
    await using dockerd = await startDockerd({ config: JSON.parse(config) });
    for (const words of commandsOf("Docker", "docker", server.host)) {
      const { code, stderr } = await dockerd.docker(...words);
      assert.equal(code, 0, stderr);
    }
  },
});

Deno.test({
  name: "clients: containerd, k3s and skopeo have the certificate, and take no plain HTTP",
  ...needs("root", "openssl", "skopeo"),
  async fn() {
    await using dir = await tempDir();
    const [script = ""] = blocksOf("With a certificate", "sh", "");
    const [make = ""] = /^openssl (?:.*\\\n)*.*$/m.exec(script) ?? [];
    await succeed("bash", ["-c", make], { cwd: dir.path });
    const [ca, key] = [dir.join("cert.pem"), dir.join("key.pem")];
    await using server = await serving("--tls-cert", ca, "--tls-key", key);
    const { host } = server;
    const secure = (text: string) => text.replaceAll("http://", "https://");

    const [line = ""] = blocksOf("With a certificate", "toml", host);
    const [, hosts = ""] = blocksOf("containerd", "toml", host).map(secure);
    const named = hosts + line.replace(/"\/.*"/, JSON.stringify(ca));
    await using node = await startKubernetesContainerd({ "registry.example": named });
    await pull(node);

    const [mirrors = ""] = blocksOf("k3s", "yaml", host).map(secure);
    const [configs = ""] = blocksOf("With a certificate", "yaml", host);
    const text = mirrors + configs.replace(/(?<=ca_file: ).*/, ca);
    const config = await dir.write("registries.yaml", text);
    const found = await askOracle("k3sregistries", { config, image: IMAGE });
    assert.deepEqual(found, { digest: server.digest });

    const [conf = ""] = blocksOf(PODMAN, "toml", host);
    const env = await homeWith(dir, conf.replace("insecure = true\n", ""));
    const trusted = `.config/containers/certs.d/${host}/ca.crt`;
    await dir.write(trusted, await Deno.readTextFile(ca));
    const [words = []] = commandsOf(PODMAN, "skopeo", host);
    await succeed(rootTool("skopeo") ?? "", words, { cwd: dir.path, env });
  },
});
