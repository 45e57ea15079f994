/**
 * A real containerd for one test, with its own folders and socket and without the parts that make it
 * a node of Kubernetes.
 * @module
 */
import { join } from "node:path";
import { clearFolder, type Outcome } from "./dockerd.ts";
import { rootTool, searchPath, startDaemon } from "./tools.ts";

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

/** Starts a containerd; needs the parts "root", "containerd" and "ctr". */
export async function startContainerd(): Promise<Containerd> {
  const path = rootTool("containerd");
  const client = rootTool("ctr");
  if (!path || !client) throw new Error("containerd and ctr are not both on PATH");
  // Not under TMPDIR: the path of a unix socket has room for about a hundred characters.
  const root = await Deno.makeTempDir({ dir: "/tmp", prefix: "kc-" });
  const socket = join(root, "s");
  const env = { PATH: searchPath().join(":"), HOME: root };
  const ctr = async (...args: string[]): Promise<Outcome> => {
    const all = ["--address", socket, ...args];
    const command = new Deno.Command(client, { args: all, env, clearEnv: true });
    const { code, stdout, stderr } = await command.output();
    const text = new TextDecoder();
    return { code, stdout: text.decode(stdout), stderr: text.decode(stderr) };
  };
  try {
    const config = join(root, "config.toml");
    await Deno.writeTextFile(config, configuration(root, socket));
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

/** The path of the shims' sockets is not set: no container is run. */
function configuration(root: string, socket: string): string {
  const path = (...parts: string[]) => JSON.stringify(join(root, ...parts));
  return `version = 2
root = ${path("root")}
state = ${path("state")}
disabled_plugins = ["io.containerd.grpc.v1.cri", "io.containerd.internal.v1.opt"]
[grpc]
address = ${JSON.stringify(socket)}
[ttrpc]
address = ${JSON.stringify(`${socket}.ttrpc`)}
`;
}
