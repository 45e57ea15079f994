/**
 * Equal to ko: what images are called that go into a daemon and into the nodes of a kind cluster, as
 * both programs print it and as the places list it.
 * @module
 */
import assert from "node:assert/strict";
import { type Dockerd, startDockerd } from "../parts/dockerd.ts";
import { type Node, NODE_IMAGE, startNode } from "../parts/kind.ts";
import { needs, rootTool } from "../parts/tools.ts";
import { kodeno } from "../support/kodeno.ts";
import { type Lab, openLab, succeeded } from "./lab.ts";
import { bringModule, SMALL } from "./programs.ts";

const BUILDS: readonly { readonly repository: string; readonly flags: readonly string[] }[] = [
  { repository: "kind.local", flags: [] },
  { repository: "kind.local/team", flags: ["-B", "-t", "v1,v2"] },
  { repository: "kind.local", flags: ["-P", "--platform=linux/amd64,linux/arm64"] },
  { repository: "ko.local", flags: [] },
  {
    repository: "ko.local/team",
    flags: ["-B", "-t", "v1,v2", "--platform=linux/amd64,linux/arm64"],
  },
  { repository: "", flags: ["-L", "--bare"] },
];

/** Digests differ, since each program writes its own name into an image. */
const withoutHex = (text: string): string[] =>
  text.trim().split("\n").filter((line) => line !== "" && !line.startsWith("sha256:"))
    .map((line) => line.replace(/:[0-9a-f]{64}$/, ":HEX")).sort();

/** Takes all images out of the places; gives their names. */
async function takeNames(dockerd: Dockerd, nodes: readonly Node[]): Promise<string[][]> {
  const taken: string[][] = [];
  for (const node of nodes) {
    const { stdout } = await node.ctr("images", "list", "-q");
    taken.push(withoutHex(stdout));
    if (stdout !== "") await node.ctr("images", "remove", ...stdout.trim().split("\n"));
  }
  const { stdout } = await dockerd.docker("images", "--format", "{{.Repository}}:{{.Tag}}");
  const names = stdout.trim().split("\n").filter((name) => name !== NODE_IMAGE);
  taken.push(withoutHex(names.join("\n")));
  if (names.length > 0) await dockerd.docker("rmi", "-f", ...names);
  return taken;
}

/**
 * The docker that ko's kind runs, less a flag of `docker exec` that the machine of a CI may not give
 * and that ctr has no use for; gives the folder it lies in.
 */
async function plainDocker(lab: Lab): Promise<string> {
  const script = '[ "$1 $2" = "exec --privileged" ] && shift 2 && set -- exec "$@"\n';
  const path = await lab.dir.write(
    "bin/docker",
    `#!/bin/sh\n${script}exec ${rootTool("docker")} "$@"\n`,
  );
  await Deno.chmod(path, 0o755);
  return lab.dir.join("bin");
}

Deno.test({
  name: "local: names in a daemon and in kind's nodes are ko's",
  ...needs("root", "dockerd", "docker", "containerd", "ctr", "docker-registry"),
  async fn() {
    await using lab = await openLab();
    await using dockerd = await startDockerd();
    const nodes = [
      await startNode(dockerd, "lab", "lab-control-plane"),
      await startNode(dockerd, "lab", "lab-worker", "worker"),
    ];
    const cwd = lab.dir.join("work");
    await bringModule(SMALL, cwd);
    const { layout, reference } = await lab.base("multi");
    const PATH = `${await plainDocker(lab)}:${Deno.env.get("PATH")}`;
    for (const { repository, flags } of BUILDS) {
      const env = {
        PATH,
        DOCKER_HOST: dockerd.host,
        KIND_CLUSTER_NAME: "lab",
        KO_DOCKER_REPO: repository,
        KO_DEFAULTBASEIMAGE: reference,
      };
      const args = [...flags, "./cmd/tomlv"];
      const theirs = withoutHex(succeeded("ko", await lab.ko(args, { cwd, env })));
      const theirNames = await takeNames(dockerd, nodes);
      const options = { cwd, env: lab.environment(env) };
      const done = await kodeno(["build", `--base-image=${layout}`, ...args], options);
      const ours = withoutHex(succeeded("kodeno", done));
      const ourNames = await takeNames(dockerd, nodes);
      const what = `${repository} ${flags.join(" ")}`;
      assert.deepEqual(ours, theirs, what);
      assert.deepEqual(ourNames, theirNames, what);
      const isKind = repository.startsWith("kind.");
      assert.deepEqual(ourNames.map((names) => names.length > 0), [isKind, isKind, !isKind], what);
    }
  },
});
