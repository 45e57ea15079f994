/**
 * Nodes as kind has them, as far as images go: containers of a Docker daemon, labelled as nodes,
 * each with a real containerd of its own: this machine's program, in the place where kind has it.
 * @module
 */
import assert from "node:assert/strict";
import type { Dockerd, Outcome } from "./dockerd.ts";
import { rootTool } from "./tools.ts";

/** The image that nodes are made of, once there is one. */
export const NODE_IMAGE = "kodeno-test/node:1";

/** A node that runs. */
export interface Node {
  readonly name: string;
  /** Runs ctr in it, on the images of Kubernetes. */
  ctr(...args: string[]): Promise<Outcome>;
}

/**
 * Starts a node; it goes away with the daemon. Needs the parts "root", "dockerd", "docker",
 * "containerd" and "ctr".
 *
 * @param role as kind has them: a worker, say
 */
export async function startNode(
  dockerd: Dockerd,
  cluster: string,
  name: string,
  role = "control-plane",
): Promise<Node> {
  const docker = async (...args: string[]): Promise<string> => {
    const { code, stdout, stderr } = await dockerd.docker(...args);
    assert.equal(code, 0, `docker ${args.join(" ")}: ${stderr}`);
    return stdout.trim();
  };
  if (await docker("images", "-q", NODE_IMAGE) === "") await importImage(docker);
  const labels = [`io.x-k8s.kind.cluster=${cluster}`, `io.x-k8s.kind.role=${role}`];
  await docker(
    ...["run", "-d", "--name", name, ...labels.flatMap((label) => ["--label", label])],
    // Not --privileged, which asks for more than the machine of a CI may give: only what mounts need.
    ...["--network", "none", "--cap-add", "SYS_ADMIN"],
    ...["--security-opt", "seccomp=unconfined", "--security-opt", "apparmor=unconfined"],
    // What overlays lie on cannot be one itself.
    ...["-v", "/var/lib/containerd", "--tmpfs", "/run", "--tmpfs", "/tmp:exec"],
    ...[NODE_IMAGE, "/usr/bin/containerd", "--log-level", "error"],
  );
  const ctr = (...args: string[]) =>
    dockerd.docker("exec", name, "ctr", "--namespace=k8s.io", ...args);
  for (const giveUp = Date.now() + 30_000; (await ctr("version")).code !== 0;) {
    if (Date.now() > giveUp) assert.fail(await docker("logs", name));
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  return { name, ctr };
}

/** An image of containerd, ctr and the libraries they need, at the places they have here. */
async function importImage(docker: (...args: string[]) => Promise<string>): Promise<void> {
  const folder = await Deno.makeTempDir({ prefix: "kodeno-test-" });
  try {
    const programs = ["containerd", "ctr"].map((name) => rootTool(name) ?? name);
    const output = async (program: string, args: string[]): Promise<string> => {
      const { code, stdout, stderr } = await new Deno.Command(program, { args }).output();
      assert.equal(code, 0, new TextDecoder().decode(stderr));
      return new TextDecoder().decode(stdout);
    };
    const libraries = (await output("ldd", programs)).match(/(?<=\s)\/\S+(?= \()/g) ?? [];
    const tar = `${folder}/node.tar`;
    // Links are followed, since their targets would have to come along.
    const files = [...new Set([...programs, ...libraries])].map((path) => path.slice(1));
    await output("tar", ["-C", "/", "-chf", tar, ...files]);
    await docker("import", tar, NODE_IMAGE);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}
