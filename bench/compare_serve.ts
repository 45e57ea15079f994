/**
 * Out of a layout that kodeno serves, and out of docker-registry: `crane pull`, one or many at once.
 * @module
 */
import { join } from "node:path";
import { startRegistry } from "../test/parts/registry.ts";
import { goTool } from "../test/parts/tools.ts";
import { craneCommand, pullArguments } from "./compare_push.ts";
import type { Setting } from "./competitors.ts";
import { checkCopy, makeMany, manyFolder, NAME, TAG } from "./images.ts";
import { environment, peakOf, run } from "./process.ts";
import type { Comparison } from "./comparison.ts";

/** Pulls of both, so many at once. The time is that of all pulls; the memory is the server's. */
export async function openServe({ work, kodeno }: Setting, pulls: number): Promise<Comparison> {
  const graph = await makeMany(work);
  const crane = await goTool("crane");
  const registry = await startRegistry();
  const served = await startServe(kodeno, work);
  const args = ["push", manyFolder(work), `${registry.host}/${NAME}:${TAG}`];
  await run(craneCommand(crane, args, work));
  return {
    run: async (side) => {
      const host = side === "kodeno" ? served.host : registry.host;
      const folder = await Deno.makeTempDir({ dir: work, prefix: "pulled-" });
      const layouts = Array.from({ length: pulls }, (_, i) => join(folder, String(i)));
      try {
        const began = performance.now();
        await Promise.all(layouts.map((layout) => {
          const args = pullArguments(`${host}/${NAME}:${TAG}`, layout);
          return run(craneCommand(crane, args, work), false);
        }));
        const ms = performance.now() - began;
        for (const layout of layouts) await checkCopy(layout, graph);
        return { ms, peakBytes: side === "kodeno" ? peakOf(served.pid) ?? 0 : 0 };
      } finally {
        await Deno.remove(folder, { recursive: true });
      }
    },
    [Symbol.asyncDispose]: async () => {
      await served.stop();
      await registry.stop();
    },
  };
}

/** Starts `kodeno serve` on a free port, and waits for the line that tells where. */
async function startServe(kodeno: string, work: string) {
  const args = ["serve", manyFolder(work), "--listen", "127.0.0.1:0"];
  const options = { args, env: environment(), clearEnv: true, stdin: "null" } as const;
  const child = new Deno.Command(kodeno, { ...options, stdout: "null", stderr: "piped" }).spawn();
  const lines = child.stderr.pipeThrough(new TextDecoderStream()).getReader();
  const stop = async (): Promise<void> => {
    await lines.cancel();
    child.kill("SIGTERM");
    await child.status;
  };
  for (let log = "";;) {
    const { done, value } = await lines.read();
    if (done) throw new Error(`kodeno serve did not start: ${log}`);
    log += value;
    const host = /Serving .* at http:\/\/(127\.0\.0\.1:\d+)/.exec(log)?.[1];
    if (host !== undefined) return { host, pid: child.pid, stop };
  }
}
