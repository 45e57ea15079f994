/**
 * Runs targets in processes of their own and watches them: one that hangs, fills the memory or dies is
 * a finding, too.
 * @module
 */
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import type { TrialOptions, TrialReport } from "./trial.ts";

const CHILD = fileURLToPath(new URL("child.ts", import.meta.url));
/** How long one mutation may take before its process is ended. */
const HANG_MS = 60_000;
/** What a process may need; one that does nothing needs about 100. */
const MOST_MIB = 900;

/** What a watched run came to. */
export interface FuzzReport extends TrialReport {
  readonly milliseconds: number;
  /** Most memory that the process had, in MiB. */
  readonly memory: number;
}

/** Runs a target. */
export async function fuzz(
  name: string,
  { seed, from, count }: TrialOptions,
): Promise<FuzzReport> {
  const progress = await Deno.makeTempFile({ prefix: "kodeno-fuzz-" });
  const started = performance.now();
  try {
    const child = new Deno.Command(Deno.execPath(), {
      args: ["run", "-A", "--no-prompt", CHILD, name, ...[seed, from, count].map(String), progress],
      // Layouts are synced to the disk, which has nothing to do with what is looked for here.
      env: existsSync("/dev/shm") ? { TMPDIR: "/dev/shm" } : {},
      stdout: "piped",
      stderr: "piped",
    }).spawn();
    const watched = watch(child, progress);
    const { code, stdout, stderr } = await child.output();
    const { memory, ended } = await watched;
    const text = new TextDecoder();
    const failure = ended ?? (code === 0 ? undefined : `it died: ${text.decode(stderr)}`);
    const report: TrialReport = failure === undefined
      ? JSON.parse(text.decode(stdout))
      : { outcomes: {}, findings: [], slowest: [0, 0] };
    const iteration = Number((await Deno.readTextFile(progress)).trim());
    const findings = failure === undefined
      ? report.findings
      : [...report.findings, { iteration, what: failure }];
    return { ...report, findings, memory, milliseconds: performance.now() - started };
  } finally {
    await Deno.remove(progress);
  }
}

/** Ends a process that takes too long for one mutation, or too much memory; says why. */
async function watch(
  child: Deno.ChildProcess,
  progress: string,
): Promise<{ readonly memory: number; readonly ended: string | undefined }> {
  let memory = 0;
  let ended: string | undefined;
  let over = false;
  let [at, since] = ["", performance.now()];
  child.status.then(() => over = true);
  while (!over) {
    await new Promise((resolve) => setTimeout(resolve, 50));
    const status = await Deno.readTextFile(`/proc/${child.pid}/status`).catch(() => "");
    memory = Math.max(memory, Number(/^VmHWM:\s*(\d+)/m.exec(status)?.[1] ?? 0) / 1024);
    const now = await Deno.readTextFile(progress);
    if (now !== at) [at, since] = [now, performance.now()];
    if (performance.now() - since > HANG_MS) ended = `no end after ${HANG_MS} ms`;
    if (memory > MOST_MIB) ended = `it takes ${Math.round(memory)} MiB of memory`;
    if (ended !== undefined && !over) {
      child.kill("SIGKILL");
      break;
    }
  }
  return { memory, ended };
}
