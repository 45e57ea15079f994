/**
 * Runs kodeno and sees how much memory it takes.
 * @module
 */
import { soon } from "./fails.ts";
import { spawnKodeno } from "./kodeno.ts";
import type { Outcome } from "./process.ts";

/** The most memory that a process had, in MiB, as far as it was seen. */
export async function watchMemory(child: Deno.ChildProcess): Promise<number> {
  let most = 0;
  let ended = false;
  child.status.then(() => ended = true);
  while (!ended) {
    const status = await Deno.readTextFile(`/proc/${child.pid}/status`).catch(() => "");
    most = Math.max(most, Number(/^VmHWM:\s*(\d+)/m.exec(status)?.[1] ?? 0) / 1024);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  return most;
}

/**
 * Runs kodeno to its end, which has to come soon.
 *
 * @param milliseconds after which it is killed
 */
export async function measured(
  args: readonly string[],
  how: {
    readonly cwd: string;
    readonly milliseconds: number;
    readonly env?: Readonly<Record<string, string>>;
  },
): Promise<Outcome & { readonly mebibytes: number }> {
  const { milliseconds, ...options } = how;
  const child = spawnKodeno(args, options);
  const memory = watchMemory(child);
  const { code, stdout, stderr } = await soon(child.output(), milliseconds).catch((error) => {
    child.kill("SIGKILL");
    throw new Error(`${args.join(" ")}: ${error}`);
  });
  const text = new TextDecoder();
  const said = { code, stdout: text.decode(stdout), stderr: text.decode(stderr) };
  return { ...said, mebibytes: await memory };
}
