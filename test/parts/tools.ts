/**
 * The real tools that the tests compare with: Go programs at pinned versions, installed into the
 * project's own cache, and programs that only a package manager brings, which a test may lack.
 * @module
 */
import { statSync } from "node:fs";
import { basename, dirname, join, resolve } from "node:path";
import { kodenoBinary, ROOT } from "../support/kodeno.ts";

const REGISTRY_TOOLS = "github.com/google/go-containerregistry";
const GO_TOOL_CACHE = {
  module: "github.com/bradfitz/go-tool-cache",
  version: "v0.0.0-20260722201841-0bb331e19f64",
};
const CONTAINERD = { module: "github.com/containerd/containerd/v2", version: "v2.4.2" };

/** A Go program: module, version, and the package's folder inside the module. */
interface GoProgram {
  readonly module: string;
  readonly version: string;
  readonly folder: string;
  /** Set for one that holds C, which needs a C compiler. */
  readonly cgo?: boolean;
}

/** Go programs by name. */
const GO_TOOLS = {
  ko: { module: "github.com/google/ko", version: "v0.19.1", folder: "" },
  crane: { module: REGISTRY_TOOLS, version: "v0.22.1", folder: "/cmd/crane" },
  registry: { module: REGISTRY_TOOLS, version: "v0.22.1", folder: "/cmd/registry" },
  regctl: { module: "github.com/regclient/regclient", version: "v0.11.7", folder: "/cmd/regctl" },
  // Docker and containerd of today, which Debian does not have yet.
  dockerd: {
    module: "github.com/moby/moby/v2",
    version: "v2.0.0-beta.24",
    folder: "/cmd/dockerd",
  },
  containerd: { ...CONTAINERD, folder: "/cmd/containerd" },
  ctr: { ...CONTAINERD, folder: "/cmd/ctr" },
  "containerd-shim-runc-v2": { ...CONTAINERD, folder: "/cmd/containerd-shim-runc-v2" },
  runc: { module: "github.com/opencontainers/runc", version: "v1.5.2", folder: "", cgo: true },
  cosign2: { module: "github.com/sigstore/cosign/v2", version: "v2.6.5", folder: "/cmd/cosign" },
  cosign3: { module: "github.com/sigstore/cosign/v3", version: "v3.1.2", folder: "/cmd/cosign" },
  oras: { module: "oras.land/oras", version: "v1.3.0", folder: "/cmd/oras" },
  // A cache of Go's for GOCACHEPROG, and the server that several machines of it ask.
  "go-cacher": { ...GO_TOOL_CACHE, folder: "/cmd/go-cacher" },
  "go-cacher-server": { ...GO_TOOL_CACHE, folder: "/cmd/go-cacher-server" },
  actionlint: {
    module: "github.com/rhysd/actionlint",
    version: "v1.7.12",
    folder: "/cmd/actionlint",
  },
  kubeconform: {
    module: "github.com/yannh/kubeconform",
    version: "v0.8.0",
    folder: "/cmd/kubeconform",
  },
  crictl: { module: "sigs.k8s.io/cri-tools", version: "v1.37.0", folder: "/cmd/crictl" },
} as const satisfies Record<string, GoProgram>;

/** Programs that need a package manager, with the Debian package that has them. */
const DEBIAN_PACKAGES: Readonly<Record<string, string>> = {
  dockerd: "docker.io",
  docker: "docker.io",
  "docker-registry": "docker-registry",
  skopeo: "skopeo",
  umoci: "umoci",
  containerd: "containerd",
  ctr: "containerd",
  podman: "podman",
  tmux: "tmux",
  zsh: "zsh",
  fish: "fish",
  kubectl: "kubernetes-client",
  script: "bsdutils",
  unshare: "util-linux",
  strace: "strace",
  ip: "iproute2",
  curl: "curl",
  openssl: "openssl",
  mandoc: "mandoc",
  groff: "groff-base",
  shellcheck: "shellcheck",
  chromium: "chromium",
  rsync: "rsync",
  // For those of the Go programs that hold C.
  gcc: "gcc",
};

/** A program that `goTool` can bring. */
export type GoToolName = keyof typeof GO_TOOLS;

/** Every program that `goTool` can bring. */
export const goToolNames = Object.keys(GO_TOOLS) as GoToolName[];

/** A variable of the environment; unset and empty mean the same. */
const setting = (name: string): string | undefined => Deno.env.get(name) || undefined;

/** Where `goTool` keeps a program, whether or not it is there yet. */
export function goToolPath(name: GoToolName): string {
  const { module, version }: GoProgram = GO_TOOLS[name];
  return join(toolsFolder(), `${module}@${version}`, name);
}

/** Where tools are kept between runs. */
const toolsFolder = (): string =>
  resolve(setting("KODENO_TOOLS_DIR") ?? join(ROOT, ".cache", "tools"));

/** A folder that is kept between runs; `make` fills it the first time. */
export async function keptFolder(
  name: string,
  make: (folder: string) => Promise<void>,
): Promise<string> {
  const folder = join(toolsFolder(), name);
  const isThere = () => Deno.stat(folder).then(() => true, () => false);
  if (await isThere()) return folder;
  await Deno.mkdir(dirname(folder), { recursive: true });
  // Beside its final place, so that the rename is atomic: two test processes may both make it.
  const made = await Deno.makeTempDir({ dir: dirname(folder), prefix: ".new-" });
  try {
    await make(made);
    await Deno.rename(made, folder);
  } catch (error) {
    await Deno.remove(made, { recursive: true });
    if (!await isThere()) throw error;
  }
  return folder;
}

/** Whether there is what a program needs to be built. */
export function canBuild(name: GoToolName): boolean {
  const { cgo = false }: GoProgram = GO_TOOLS[name];
  return !cgo || rootTool("gcc") !== undefined;
}

const coming = new Map<string, Promise<string>>();

/** The path of a pinned Go program; installs it the first time. */
export function goTool(name: GoToolName): Promise<string> {
  const path = goToolPath(name);
  let found = coming.get(path);
  if (!found) {
    found = isProgram(path) ? Promise.resolve(path) : install(name, path);
    coming.set(path, found);
    // A failed install may be tried again; the caller sees the error through the promise it holds.
    found.catch(() => coming.delete(path));
  }
  return found;
}

async function install(name: GoToolName, path: string): Promise<string> {
  const { module, version, folder, cgo }: GoProgram = GO_TOOLS[name];
  const home = dirname(path);
  await Deno.mkdir(home, { recursive: true });
  // Beside its final place, so that the rename is atomic: two test processes may both install.
  const bin = await Deno.makeTempDir({ dir: home, prefix: ".new-" });
  const args = ["install", `${module}${folder}@${version}`];
  const env = Deno.env.toObject();
  // What a caller sets for its own builds must not reach this one.
  for (const key of ["GOOS", "GOARCH", "GOARM", "GOEXPERIMENT"]) delete env[key];
  env.GOFLAGS = (env.GOFLAGS ?? "").split(/\s+/).filter((f) => !/^--?mod(file)?=/.test(f)).join(
    " ",
  );
  Object.assign(env, { GOBIN: bin, GOWORK: "off", CGO_ENABLED: cgo ? "1" : "0" });
  try {
    const go = new Deno.Command("go", { args, env, clearEnv: true, cwd: home, stdout: "null" });
    const { code, stderr } = await go.output();
    if (code !== 0) {
      throw new Error(`exit code ${code}\n${new TextDecoder().decode(stderr).trim()}`);
    }
    await Deno.rename(join(bin, basename(module + folder)), path);
    return path;
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new Error(`cannot bring ${name}: go ${args.join(" ")}: ${why}`, { cause: error });
  } finally {
    await Deno.remove(bin, { recursive: true });
  }
}

/** The path of a program that a package manager brought, or undefined. */
export function rootTool(name: string): string | undefined {
  return searchPath().map((folder) => join(folder, name)).find(isProgram);
}

/** The folders of PATH, and those of daemons, which an ordinary user's PATH leaves out. */
export function searchPath(): string[] {
  const folders = (setting("PATH") ?? "").split(":").filter((folder) => folder !== "");
  return [...new Set([...folders, "/usr/sbin", "/sbin"])];
}

/** How a person gets a part that a test lacked. */
export function howToGet(part: string): string {
  if (part === "root") return "run the tests as root";
  if (part === "tmpfs") return "run the tests as root, where mount works";
  if (part === "ext4") return "run the tests as root, with e2fsprogs, where mount -o loop works";
  if (part === "binary") return "deno task compile";
  const name = DEBIAN_PACKAGES[part];
  return name ? `apt-get install ${name}` : "put it on PATH";
}

/** To spread in a test's definition: ignores the test, and notes it down, when a part is missing. */
export function needs(...parts: string[]): { ignore: boolean } {
  const missing = parts.filter((part) => !has(part));
  const file = setting("KODENO_LEFT_OUT");
  if (file && missing.length > 0) {
    // The name of the test is not known yet, but the line that defines it is on the stack.
    const frames = (new Error().stack ?? "").split("\n").filter((line) => line.includes("file://"));
    const test = frames.find((line) => !line.includes(import.meta.url))?.match(/file:[^)\s]+/)?.[0];
    const lines = missing.map((part) => JSON.stringify({ part, test }) + "\n");
    Deno.writeTextFileSync(file, lines.join(""), { append: true });
  }
  return { ignore: missing.length > 0 };
}

function has(part: string): boolean {
  if (part === "root") return Deno.uid() === 0;
  if (part === "tmpfs") return Deno.uid() === 0 && mountWorks();
  if (part === "ext4") return Deno.uid() === 0 && loopWorks();
  if (part === "binary") return kodenoBinary() !== undefined;
  return rootTool(part) !== undefined;
}

let mountTried: boolean | undefined;
let loopTried: boolean | undefined;

function mountWorks(): boolean {
  return mountTried ??= tryMount((folder) => runs("mount", "-t", "tmpfs", "tmpfs", folder));
}

function loopWorks(): boolean {
  return loopTried ??= tryMount((folder) => {
    const file = `${folder}.img`;
    Deno.writeFileSync(file, new Uint8Array());
    Deno.truncateSync(file, 1024 * 1024);
    try {
      return runs("mkfs.ext4", "-q", file) && runs("mount", "-o", "loop", file, folder);
    } finally {
      Deno.removeSync(file);
    }
  });
}

function tryMount(mount: (folder: string) => boolean): boolean {
  const folder = Deno.makeTempDirSync({ prefix: "kodeno-mount-" });
  try {
    return mount(folder) && runs("umount", folder);
  } finally {
    Deno.removeSync(folder);
  }
}

function runs(name: string, ...args: string[]): boolean {
  const path = rootTool(name);
  return path !== undefined && new Deno.Command(path, { args }).outputSync().success;
}

function isProgram(path: string): boolean {
  const info = statSync(path, { throwIfNoEntry: false });
  return info !== undefined && info.isFile() && (info.mode & 0o111) !== 0;
}

/** A server that a test started. */
export interface Daemon {
  /** Ends it and waits till it is gone; its log stays out of sight. */
  stop(): Promise<void>;
}

/**
 * Starts a server and waits till `ready`, which gets what it logged so far, finds what it looks for.
 * A server that does not start is ended again, and the error shows its log.
 */
export async function startDaemon<T>(
  path: string,
  args: string[],
  ready: (log: string) => Promise<T | undefined> | T | undefined,
  env: Record<string, string> = {},
): Promise<Daemon & { ready: T }> {
  const child = new Deno.Command(path, { args, env, stdout: "null", stderr: "piped" }).spawn();
  const reader = child.stderr.pipeThrough(new TextDecoderStream()).getReader();
  let log = "";
  const reading = (async () => {
    // Always read, or a full pipe would block the server; only the end of the log is of use.
    for (let next = await reader.read(); !next.done; next = await reader.read()) {
      log = (log + next.value).slice(-50_000);
    }
  })();
  let ended: Deno.CommandStatus | undefined;
  const exited = child.status.then((status) => ended = status);

  const end = async () => {
    if (!ended) child.kill("SIGTERM");
    const impatience = setTimeout(() => ended || child.kill("SIGKILL"), 30_000);
    await exited;
    clearTimeout(impatience);
    // A grandchild may hold the pipe open, so nobody waits for its end.
    await reader.cancel();
    await reading;
  };
  let ending: Promise<void> | undefined;
  const stop = () => ending ??= end();

  for (const giveUp = Date.now() + 60_000; !ended && Date.now() < giveUp;) {
    const found = await ready(log);
    if (found !== undefined) return { ready: found, stop };
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  const why = ended ? `exit code ${ended.code}` : "no answer in 60 s";
  await stop();
  throw new Error(`${path} did not start: ${why}\n${log.trim()}`);
}
