/**
 * Runs kubectl, which gets objects through its standard input and prints for itself.
 * @module
 */
import { programOnPath } from "../config/environment.ts";
import { KodenoError } from "../errors.ts";
import { howEnded, runProgram, StartError } from "../exec/run.ts";

/** How kubectl is run. */
interface KubectlOptions {
  /** All variables it gets; `PATH` is where it is looked for. */
  readonly environment: Readonly<Record<string, string>>;
  /** Objects for its standard input, piece by piece; without it, it reads the terminal. */
  readonly input?: Iterable<string> | undefined;
  /** Ends it. */
  readonly signal?: AbortSignal | undefined;
}

/** Where kubectl is; `KUBECTL_FAILED` says before anything is built that there is none. */
export function findKubectl(environment: KubectlOptions["environment"]): string {
  const path = programOnPath(environment, "kubectl");
  if (path !== undefined) return path;
  throw new KodenoError(
    "KUBECTL_FAILED",
    'Cannot run "kubectl": there is no such command on PATH; install it, or use "kodeno resolve"',
  );
}

/** Runs kubectl to its end; what it prints goes where kodeno's own output goes. */
export async function runKubectl(args: readonly string[], options: KubectlOptions): Promise<void> {
  const { environment, input, signal } = options;
  const path = findKubectl(environment);
  const result = await runProgram({
    command: [path, ...args],
    environment,
    stdin: input ?? "inherit",
    stdout: "inherit",
    stderr: "inherit",
    signal,
  }).catch((error) => {
    if (!(error instanceof StartError)) throw error;
    const why = `Cannot run ${path}: ${error.message}`;
    throw new KodenoError("KUBECTL_FAILED", why, {}, { cause: error });
  });
  if (result.code !== 0) {
    throw new KodenoError("KUBECTL_FAILED", `kubectl ${args[0]} ${howEnded(result)}`);
  }
}
