/**
 * Machines that share a folder, on one: a name and numbers of processes of their own, as pods have
 * them.
 * @module
 */
import { rootTool } from "../parts/tools.ts";
import { kodenoEnvironment } from "./kodeno.ts";
import type { Outcome, RunOptions } from "./process.ts";

/** A script that runs on a machine. */
export interface MachineRun {
  /** What it came to; code 137 of one that was killed. */
  readonly ended: Promise<Outcome>;
  /** Takes the power away: all of its processes end at once. */
  kill(): void;
}

/** Runs a script of bash on a machine of this name. Needs the parts "root" and "unshare". */
export function onMachine(name: string, script: string, options: RunOptions): MachineRun {
  const { cwd, env = kodenoEnvironment() } = options;
  const own = ["--pid", "--uts", "--fork", "--kill-child", "--mount-proc"];
  const named = `echo ${name} > /proc/sys/kernel/hostname\n${script}`;
  const child = new Deno.Command(rootTool("unshare") ?? "unshare", {
    args: [...own, "bash", "-euo", "pipefail", "-c", named],
    ...(cwd ? { cwd } : {}),
    env: { ...env },
    clearEnv: true,
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const text = new TextDecoder();
  const ended = child.output().then(({ code, stdout, stderr }) => ({
    code,
    stdout: text.decode(stdout),
    stderr: text.decode(stderr),
  }));
  return { ended, kill: () => child.kill("SIGKILL") };
}
