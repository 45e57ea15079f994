/**
 * What is worth knowing about the machine and the programs. No names and no paths: the report is
 * published.
 * @module
 */
import { availableParallelism, cpus, loadavg, totalmem } from "node:os";
import { versionLine } from "./binary.ts";
import type { Setting } from "./competitors.ts";
import { environment, output } from "./process.ts";
import type { Machine } from "./report.ts";

/** Asks the machine and the programs; called before anything is measured, for the load. */
export async function describeMachine({ work, kodeno, ko }: Setting): Promise<Machine> {
  const [load = 0] = loadavg();
  const busy = load > availableParallelism() / 4;
  const ask = (program: string, ...args: string[]): Promise<string> =>
    output({ program, args, env: environment(), cwd: work });
  const release = await Deno.readTextFile("/etc/os-release").catch(() => "");
  const distribution = /^PRETTY_NAME="(.*)"$/m.exec(release)?.[1] ?? "unknown";
  const kernel = /^[\d.]+/.exec(Deno.osRelease())?.[0] ?? "";
  return [
    ["cores", `${availableParallelism()} (${cpus()[0]?.model.trim() ?? "unknown"})`],
    ["memory", `${Math.round(totalmem() / 1e9)} GB`],
    ["system", `${distribution}, ${Deno.build.os} ${kernel}, ${Deno.build.arch}`],
    ["load before", busy ? `**${load.toFixed(2)}: busy, times are noisy**` : load.toFixed(2)],
    ["kodeno", await versionLine(kodeno, work)],
    ["ko", await ask(ko, "version")],
    ["go", (await ask("go", "version")).replace("go version ", "")],
    ["GOFLAGS", (await ask("go", "env", "GOFLAGS")) || "(none)"],
    ["deno of the bench", Deno.version.deno],
  ];
}
