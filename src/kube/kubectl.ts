/**
 * Runs kubectl, which gets objects through its standard input and prints for itself.
 * @module
 */
import { delimiter, join } from "node:path";
import { KodenoError, messageOf } from "../errors.ts";

/** How kubectl is run. */
export interface KubectlOptions {
  /** All variables it gets; `PATH` is where it is looked for. */
  readonly environment: Readonly<Record<string, string>>;
  /** Objects for its standard input, piece by piece; without it, it reads the terminal. */
  readonly input?: Iterable<string> | undefined;
  /** Ends it. */
  readonly signal?: AbortSignal | undefined;
}

/** How long kubectl may take to stop by itself before it is killed, in milliseconds. */
const GRACE_MS = 3000;

/**
 * Says before anything is built that there is no kubectl.
 *
 * @throws {KodenoError} `KUBECTL_FAILED`
 */
export async function findKubectl(environment: KubectlOptions["environment"]): Promise<string> {
  const names = Deno.build.os === "windows" ? ["kubectl.exe"] : ["kubectl"];
  for (const folder of (environment["PATH"] ?? "").split(delimiter)) {
    for (const name of names) {
      const path = join(folder || ".", name);
      const info = await Deno.stat(path).catch(() => undefined);
      if (info?.isFile && (info.mode === null || (info.mode & 0o111) !== 0)) return path;
    }
  }
  throw new KodenoError(
    "KUBECTL_FAILED",
    'Cannot run "kubectl": there is no such command on PATH; install it, or use "kodeno resolve"',
  );
}

/**
 * Runs kubectl to its end; what it prints goes where kodeno's own output goes.
 *
 * @throws {KodenoError} `KUBECTL_FAILED` when there is none or it ends with an error; the signal's
 * reason when aborted
 */
export async function runKubectl(args: readonly string[], options: KubectlOptions): Promise<void> {
  const { environment, input, signal } = options;
  const path = await findKubectl(environment);
  signal?.throwIfAborted();
  let child: Deno.ChildProcess;
  try {
    child = new Deno.Command(path, {
      args: [...args],
      env: { ...environment },
      clearEnv: true,
      stdin: input === undefined ? "inherit" : "piped",
      stdout: "inherit",
      stderr: "inherit",
    }).spawn();
  } catch (error) {
    const why = messageOf(error);
    throw new KodenoError("KUBECTL_FAILED", `Cannot run ${path}: ${why}`, {}, { cause: error });
  }
  let killer: ReturnType<typeof setTimeout> | undefined;
  const stop = (): void => {
    send(child, "SIGINT");
    killer = setTimeout(() => send(child, "SIGKILL"), GRACE_MS);
  };
  signal?.addEventListener("abort", stop, { once: true });
  try {
    if (input !== undefined) await feed(child, input);
    const { code } = await child.status;
    signal?.throwIfAborted();
    if (code !== 0) {
      throw new KodenoError("KUBECTL_FAILED", `kubectl ${args[0]} ended with exit code ${code}`);
    }
  } finally {
    signal?.removeEventListener("abort", stop);
    clearTimeout(killer);
  }
}

async function feed(child: Deno.ChildProcess, input: Iterable<string>): Promise<void> {
  const writer = child.stdin.getWriter();
  const encoder = new TextEncoder();
  try {
    for (const text of input) await writer.write(encoder.encode(text));
    await writer.close();
  } catch {
    // It has stopped reading: its exit code and its own words say why.
  }
}

function send(child: Deno.ChildProcess, signal: Deno.Signal): void {
  try {
    child.kill(signal);
  } catch {
    // It has ended by itself.
  }
}
