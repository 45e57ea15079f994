/**
 * A real Docker daemon for one test: it has its own socket and folders, changes nothing of the
 * machine's network, and leaves no process, mount or file behind.
 * @module
 */
import { dirname, join } from "node:path";
import { goTool, type GoToolName, rootTool, searchPath, startDaemon } from "./tools.ts";

/** What a program said and how it ended. */
export interface Outcome {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** A Docker daemon that answers at `host` until it is stopped. */
export interface Dockerd extends AsyncDisposable {
  /** The value for DOCKER_HOST. */
  readonly host: string;
  /** Host and port; "" for one that was given no certificates. */
  readonly address: string;
  /** The path of the unix socket. */
  readonly socket: string;
  /** The folder of everything it keeps; the command line of each of its processes names it. */
  readonly root: string;
  /** Runs the docker command against this daemon. */
  docker(...args: string[]): Promise<Outcome>;
  /** Ends it and removes all it kept. */
  stop(): Promise<void>;
}

/** Certificates for a daemon that is reached over the network, as files. */
export interface DockerdTls {
  readonly ca: string;
  readonly cert: string;
  readonly key: string;
}

/**
 * Which daemon: `debian` is Docker 20.10 or what else is installed, with Docker's own image store;
 * `today` keeps images in containerd's, as Docker does from version 29 on.
 */
export type DockerdKind = "debian" | "today";

/** All kinds of daemons with the parts that each needs, for tests of all of them. */
export const dockerdKinds: readonly (readonly [kind: DockerdKind, ...parts: string[]])[] = [
  ["debian", "root", "dockerd", "docker"],
  ["today", "root", "docker", "gcc"],
];

/** What a daemon is to be. */
export interface DockerdOptions {
  /** Makes it listen on loopback, too, for those who have a certificate of the CA. */
  readonly tls?: DockerdTls | undefined;
  /** `debian` unless given. */
  readonly kind?: DockerdKind | undefined;
  /** Lets containers publish ports, over a bridge of its own; needs the part "ip". */
  readonly ports?: boolean | undefined;
  /** Words before the command, as those that have it run in another network. */
  readonly within?: readonly string[] | undefined;
  /** More of `daemon.json`. */
  readonly config?: Readonly<Record<string, unknown>> | undefined;
}

/** What Docker of today runs, the one that the others find on PATH first. */
const TODAY: readonly GoToolName[] = ["dockerd", "containerd", "containerd-shim-runc-v2", "runc"];

/** Starts a Docker daemon; needs the parts "root", "dockerd" and "docker", or see {@link dockerdKinds}. */
export async function startDockerd(options: DockerdOptions = {}): Promise<Dockerd> {
  const { tls, kind = "debian", ports = false, within = [], config = {} } = options;
  const programs = kind === "today" ? await Promise.all(TODAY.map(goTool)) : [];
  const path = programs[0] ?? rootTool("dockerd");
  const client = rootTool("docker");
  if (!path || !client) throw new Error("dockerd and docker are not both on PATH");
  // Not under TMPDIR: the path of a unix socket has room for about a hundred characters.
  const root = await Deno.makeTempDir({ dir: "/tmp", prefix: "kd-" });
  const socket = join(root, "s");
  const host = `unix://${socket}`;
  // The user's own contexts and logins stay out of it; so do the daemon's settings in /etc.
  const folders = [...programs.map((program) => dirname(program)), ...searchPath()];
  const env = { PATH: folders.join(":"), HOME: root, DOCKER_CONFIG: root };
  const docker = async (...args: string[]): Promise<Outcome> => {
    const command = new Deno.Command(client, { args: ["-H", host, ...args], env, clearEnv: true });
    const { code, stdout, stderr } = await command.output();
    const text = new TextDecoder();
    return { code, stdout: text.decode(stdout), stderr: text.decode(stderr) };
  };
  let bridge: string | undefined;
  const clear = async () => {
    await clearFolder(root);
    if (bridge !== undefined) await ip("link", "del", bridge);
  };
  try {
    await Deno.writeTextFile(join(root, "daemon.json"), JSON.stringify(config));
    const ready = async () => (await docker("version")).code === 0 || undefined;
    const address = tls ? `127.0.0.1:${freePort()}` : "";
    const network = tls ? networkArgs(address, tls) : [];
    bridge = ports ? await addBridge(root) : undefined;
    const own = [...daemonArgs(root, host, bridge), ...storeArgs[kind], ...network];
    const [program = path, ...args] = [...within, path, ...own];
    const daemon = await startDaemon(program, args, ready, env);
    let ending: Promise<void> | undefined;
    const stop = () => ending ??= daemon.stop().then(clear);
    return { host, address, socket, root, docker, stop, [Symbol.asyncDispose]: stop };
  } catch (error) {
    await clear();
    throw error;
  }
}

async function ip(...args: string[]): Promise<void> {
  const { code, stderr } = await new Deno.Command(rootTool("ip") ?? "ip", { args }).output();
  if (code !== 0) throw new Error(`ip ${args.join(" ")}: ${new TextDecoder().decode(stderr)}`);
}

/** A bridge with addresses that nobody else is likely to have; gives its name. */
async function addBridge(root: string): Promise<string> {
  const name = `kd${root.slice(-8)}`;
  const [a, b] = crypto.getRandomValues(new Uint8Array(2));
  await ip("link", "add", "name", name, "type", "bridge");
  await ip("addr", "add", `10.${a}.${b}.1/24`, "dev", name);
  await ip("link", "set", name, "up");
  return name;
}

function daemonArgs(root: string, host: string, bridge = "none"): string[] {
  return [
    `--config-file=${join(root, "daemon.json")}`,
    `--data-root=${join(root, "data")}`,
    `--exec-root=${join(root, "exec")}`,
    `--pidfile=${join(root, "pid")}`,
    `--host=${host}`,
    `--bridge=${bridge}`,
    "--iptables=false",
    "--ip6tables=false",
    "--ip-forward=false",
    "--shutdown-timeout=5",
  ];
}

/** Where images are kept; a runc without libseccomp cannot do more than without a profile. */
const storeArgs: Readonly<Record<DockerdKind, readonly string[]>> = {
  debian: ["--storage-driver=vfs"],
  today: [
    "--feature=containerd-snapshotter=true",
    "--storage-driver=native",
    "--seccomp-profile=unconfined",
  ],
};

function networkArgs(address: string, { ca, cert, key }: DockerdTls): string[] {
  const files = [`--tlscacert=${ca}`, `--tlscert=${cert}`, `--tlskey=${key}`];
  return [`--host=tcp://${address}`, "--tlsverify", ...files];
}

/** A port that nobody listens on, for those who do not say which one they took. */
export function freePort(): number {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  return listener.addr.port;
}

/**
 * The processes whose command line names this folder, whose random name makes them ours, and those
 * they started: what runs in a container names nothing.
 */
export async function processesOf(root: string): Promise<number[]> {
  const ours = new Set<number>();
  const parents: [pid: number, parent: number][] = [];
  for await (const { name } of Deno.readDir("/proc")) {
    if (!/^\d+$/.test(name) || Number(name) === Deno.pid) continue;
    // A process may end between the listing and the reading.
    const command = await Deno.readTextFile(`/proc/${name}/cmdline`).catch(() => "");
    const status = await Deno.readTextFile(`/proc/${name}/status`).catch(() => "");
    if (command.includes(root)) ours.add(Number(name));
    parents.push([Number(name), Number(status.match(/^PPid:\s*(\d+)/m)?.[1])]);
  }
  for (let before = -1; before !== ours.size;) {
    before = ours.size;
    for (const [pid, parent] of parents) if (ours.has(parent)) ours.add(pid);
  }
  return [...ours];
}

/** Ends what a daemon left running (it does so when it is killed), its mounts and its files. */
export async function clearFolder(root: string): Promise<void> {
  for (let tries = 0; tries < 100; tries++) {
    const pids = await processesOf(root);
    if (pids.length === 0) break;
    // They get a second to end by themselves.
    if (tries >= 20) { for (const pid of pids) end(pid); }
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  const mounts = (await Deno.readTextFile("/proc/self/mountinfo")).split("\n")
    .map((line) => line.split(" ")[4] ?? "").filter((path) => path.startsWith(`${root}/`));
  // The youngest first, since mounts may stand in one another.
  for (const path of mounts.reverse()) {
    await new Deno.Command(rootTool("umount") ?? "umount", { args: ["-l", path] }).output();
  }
  await Deno.remove(root, { recursive: true });
}

function end(pid: number): void {
  try {
    Deno.kill(pid, "SIGKILL");
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
}
