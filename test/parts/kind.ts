/**
 * Nodes as kind has them, as far as images go: containers of a Docker daemon, labelled as nodes,
 * each with a real containerd of its own: this machine's program, in the place where kind has it.
 * @module
 */
import assert from "node:assert/strict";
import type { Dockerd, Outcome } from "./dockerd.ts";
import { goTool, rootTool } from "./tools.ts";

/** The images that nodes are made of, once there are any, by the version of their containerd. */
const NODE_IMAGES = { 1: "kodeno-test/node:1", 2: "kodeno-test/node:2" } as const;
/** The one with the containerd of this machine. */
export const NODE_IMAGE = NODE_IMAGES[1];

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
 * @param version of its containerd: 1 is that of this machine, 2 as in kind of today
 */
export async function startNode(
  dockerd: Dockerd,
  cluster: string,
  name: string,
  role = "control-plane",
  version: keyof typeof NODE_IMAGES = 1,
): Promise<Node> {
  const docker = async (...args: string[]): Promise<string> => {
    const { code, stdout, stderr } = await dockerd.docker(...args);
    assert.equal(code, 0, `docker ${args.join(" ")}: ${stderr}`);
    return stdout.trim();
  };
  const image = NODE_IMAGES[version];
  if (await docker("images", "-q", image) === "") {
    const programs = version === 1
      ? ["containerd", "ctr"].map((name) => rootTool(name) ?? name)
      : await Promise.all((["containerd", "ctr"] as const).map(goTool));
    await importImage(docker, image, programs);
  }
  const labels = [`io.x-k8s.kind.cluster=${cluster}`, `io.x-k8s.kind.role=${role}`];
  await docker(
    ...["run", "-d", "--name", name, ...labels.flatMap((label) => ["--label", label])],
    // Not --privileged, which asks for more than the machine of a CI may give: only what mounts need.
    ...["--network", "none", "--cap-add", "SYS_ADMIN"],
    ...["--security-opt", "seccomp=unconfined", "--security-opt", "apparmor=unconfined"],
    // What overlays lie on cannot be one itself.
    ...["-v", "/var/lib/containerd", "--tmpfs", "/run", "--tmpfs", "/tmp:exec"],
    ...[image, "/usr/bin/containerd", "--log-level", "error"],
  );
  const ctr = (...args: string[]) =>
    dockerd.docker("exec", name, "ctr", "--namespace=k8s.io", ...args);
  for (const giveUp = Date.now() + 30_000; (await ctr("version")).code !== 0;) {
    if (Date.now() > giveUp) assert.fail(await docker("logs", name));
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  return { name, ctr };
}

/** An image of containerd, ctr and the libraries they need, which are at the places they have here. */
async function importImage(
  docker: (...args: string[]) => Promise<string>,
  image: string,
  programs: readonly string[],
): Promise<void> {
  const folder = await Deno.makeTempDir({ prefix: "kodeno-test-" });
  try {
    const output = async (program: string, args: readonly string[]): Promise<string> => {
      const { code, stdout, stderr } = await new Deno.Command(program, { args: [...args] })
        .output();
      assert.equal(code, 0, new TextDecoder().decode(stderr));
      return new TextDecoder().decode(stdout);
    };
    // One that has all in it has no list of libraries, and ends with 1.
    const ldd = await new Deno.Command("ldd", { args: [...programs] }).output();
    const libraries = new TextDecoder().decode(ldd.stdout).match(/(?<=\s)\/\S+(?= \()/g) ?? [];
    const tar = `${folder}/node.tar`;
    // Links are followed, since their targets would have to come along.
    const files = [...new Set(libraries.map((path) => path.slice(1)))];
    const below = files.length > 0 ? ["-C", "/", ...files] : [];
    await output("mkdir", ["-p", `${folder}/usr/bin`]);
    await output("cp", ["-L", ...programs, `${folder}/usr/bin`]);
    await output("tar", ["-chf", tar, ...below, "-C", folder, "usr"]);
    await docker("import", tar, image);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}
