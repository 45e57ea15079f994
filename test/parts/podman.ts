/**
 * Podman's service for one test: it answers the Docker Engine API with images of its own, and leaves
 * no process, mount or file behind.
 * @module
 */
import { dirname, join } from "node:path";
import { clearFolder, type Outcome } from "./dockerd.ts";
import { rootTool, searchPath, startDaemon } from "./tools.ts";

/** A podman that answers at `host` until it is stopped. */
export interface Podman extends AsyncDisposable {
  /** The value for DOCKER_HOST. */
  readonly host: string;
  /** The path of the unix socket. */
  readonly socket: string;
  /** The value for XDG_RUNTIME_DIR under which the socket is where podman has it for a user. */
  readonly runtimeDirectory: string;
  /** The folder of everything it keeps; the command line of each of its processes names it. */
  readonly root: string;
  /** Runs the podman command on the same images. */
  podman(...args: string[]): Promise<Outcome>;
  /** Ends it and removes all it kept. */
  stop(): Promise<void>;
}

/** Starts podman's service with more variables; needs the parts "root" and "podman". */
export async function startPodman(more: Readonly<Record<string, string>> = {}): Promise<Podman> {
  const path = rootTool("podman");
  if (!path) throw new Error("podman is not on PATH");
  // Not under TMPDIR: the path of a unix socket has room for about a hundred characters.
  const root = await Deno.makeTempDir({ dir: "/tmp", prefix: "kp-" });
  const socket = join(root, "podman", "podman.sock");
  const host = `unix://${socket}`;
  // The user's own settings and logins stay out of it.
  const usual = { PATH: searchPath().join(":"), HOME: root };
  const env = { ...usual, XDG_RUNTIME_DIR: join(root, "runtime"), ...more };
  const own = [
    ...["--root", join(root, "root"), "--runroot", join(root, "runroot")],
    ...["--tmpdir", join(root, "tmp"), "--storage-driver", "vfs"],
    ...["--events-backend", "none", "--cgroup-manager", "cgroupfs"],
  ];
  const run = async (...args: string[]): Promise<Outcome> => {
    const command = new Deno.Command(path, { args: [...own, ...args], env, clearEnv: true });
    const { code, stdout, stderr } = await command.output();
    const text = new TextDecoder();
    return { code, stdout: text.decode(stdout), stderr: text.decode(stderr) };
  };
  try {
    await Deno.mkdir(dirname(socket));
    const args = [...own, "system", "service", "--time", "0", host];
    const ready = async () => await answers(socket) || undefined;
    const daemon = await startDaemon(path, args, ready, env);
    let ending: Promise<void> | undefined;
    const stop = () => ending ??= daemon.stop().then(() => clearFolder(root));
    const runtimeDirectory = root;
    return { host, socket, runtimeDirectory, root, podman: run, stop, [Symbol.asyncDispose]: stop };
  } catch (error) {
    await clearFolder(root);
    throw error;
  }
}

async function answers(socket: string): Promise<boolean> {
  const proxy = { transport: "unix" as const, path: socket };
  using client = Deno.createHttpClient({ proxy, poolMaxIdlePerHost: 0 });
  try {
    const response = await fetch("http://podman/_ping", { client });
    await response.body?.cancel();
    return response.ok;
  } catch {
    return false;
  }
}
