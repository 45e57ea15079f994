/**
 * A real containerd for one test, with its own folders and socket: the one that is installed, without
 * the parts that make it a node of Kubernetes, or containerd 2 with them.
 * @module
 */
import { dirname, join } from "node:path";
import { clearFolder, type Outcome } from "./dockerd.ts";
import { goTool, rootTool, searchPath, startDaemon } from "./tools.ts";

/** A containerd that answers until it is stopped. */
export interface Containerd extends AsyncDisposable {
  /** The path of the unix socket. */
  readonly socket: string;
  /** The folder of everything it keeps; the command line of each of its processes names it. */
  readonly root: string;
  /** Runs the ctr command against this containerd. */
  ctr(...args: string[]): Promise<Outcome>;
  /** Ends it and removes all it kept. */
  stop(): Promise<void>;
}

/** A containerd 2 as Kubernetes has it. */
export interface KubernetesContainerd extends Containerd {
  /** Runs the crictl command, which asks for images as a kubelet does. */
  crictl(...args: string[]): Promise<Outcome>;
}

/** Starts a containerd; needs the parts "root", "containerd" and "ctr". */
export async function startContainerd(): Promise<Containerd> {
  const path = rootTool("containerd");
  const client = rootTool("ctr");
  if (!path || !client) throw new Error("containerd and ctr are not both on PATH");
  return await start(path, client, (root, socket) => Promise.resolve(debian(root, socket)));
}

/**
 * Starts a containerd 2 with the parts that a kubelet talks to; needs the part "root".
 *
 * @param hosts the `hosts.toml` of a registry, by its host
 */
export async function startKubernetesContainerd(
  hosts: Readonly<Record<string, string>> = {},
): Promise<KubernetesContainerd> {
  const [path, client, cri] = await Promise.all([
    goTool("containerd"),
    goTool("ctr"),
    goTool("crictl"),
  ]);
  const started = await start(path, client, async (root, socket) => {
    for (const [host, text] of Object.entries(hosts)) {
      const folder = join(root, "hosts", host);
      await Deno.mkdir(folder, { recursive: true });
      await Deno.writeTextFile(join(folder, "hosts.toml"), text);
    }
    await Deno.writeTextFile(join(root, "crictl.yaml"), "");
    return kubernetes(root, socket);
  });
  const endpoint = `unix://${started.socket}`;
  const config = join(started.root, "crictl.yaml");
  const crictl = (...args: string[]) =>
    outcomeOf(cri, ["-c", config, "-r", endpoint, "-i", endpoint, ...args], {});
  return { ...started, crictl };
}

async function outcomeOf(
  program: string,
  args: string[],
  env: Record<string, string>,
): Promise<Outcome> {
  const command = new Deno.Command(program, { args, env, clearEnv: true });
  const { code, stdout, stderr } = await command.output();
  const text = new TextDecoder();
  return { code, stdout: text.decode(stdout), stderr: text.decode(stderr) };
}

async function start(
  path: string,
  client: string,
  configuration: (root: string, socket: string) => Promise<string>,
): Promise<Containerd> {
  // Not under TMPDIR: the path of a unix socket has room for about a hundred characters.
  const root = await Deno.makeTempDir({ dir: "/tmp", prefix: "kc-" });
  const socket = join(root, "s");
  const env = { PATH: [dirname(path), ...searchPath()].join(":"), HOME: root };
  const ctr = (...args: string[]) => outcomeOf(client, ["--address", socket, ...args], env);
  try {
    const config = join(root, "config.toml");
    await Deno.writeTextFile(config, await configuration(root, socket));
    const ready = async () => (await ctr("version")).code === 0 || undefined;
    const daemon = await startDaemon(path, ["--config", config], ready, env);
    let ending: Promise<void> | undefined;
    const stop = () => ending ??= daemon.stop().then(() => clearFolder(root));
    return { socket, root, ctr, stop, [Symbol.asyncDispose]: stop };
  } catch (error) {
    await clearFolder(root);
    throw error;
  }
}

function folders(root: string, socket: string): string {
  return `root = ${JSON.stringify(join(root, "root"))}
state = ${JSON.stringify(join(root, "state"))}
[grpc]
address = ${JSON.stringify(socket)}
[ttrpc]
address = ${JSON.stringify(`${socket}.ttrpc`)}
`;
}

/** The path of the shims' sockets is not set: no container is run. */
function debian(root: string, socket: string): string {
  return `version = 2
disabled_plugins = ["io.containerd.grpc.v1.cri", "io.containerd.internal.v1.opt"]
${folders(root, socket)}`;
}

function kubernetes(root: string, socket: string): string {
  return `version = 3
disabled_plugins = ["io.containerd.nri.v1.nri"]
${folders(root, socket)}
[plugins."io.containerd.internal.v1.opt"]
path = ${JSON.stringify(join(root, "opt"))}
[plugins."io.containerd.cri.v1.images"]
snapshotter = "native"
use_local_image_pull = true
[plugins."io.containerd.cri.v1.images".registry]
config_path = ${JSON.stringify(join(root, "hosts"))}
[plugins."io.containerd.cri.v1.runtime"]
enable_selinux = false
[plugins."io.containerd.cri.v1.runtime".cni]
bin_dirs = [${JSON.stringify(join(root, "cni"))}]
conf_dir = ${JSON.stringify(join(root, "cni"))}
`;
}
