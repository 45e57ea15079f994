/**
 * Into a Docker daemon: the same archive by kodeno and by `docker load`. The image is removed before
 * each run.
 * @module
 */
import { type Dockerd, startDockerd } from "../test/parts/dockerd.ts";
import { rootTool } from "../test/parts/tools.ts";
import type { Setting } from "./competitors.ts";
import { makeSingle, type Single } from "./images.ts";
import { environment, run } from "./process.ts";
import type { Comparison } from "./comparison.ts";

/** Loads of both into one daemon. */
export async function openLoad({ work, kodeno }: Setting): Promise<Comparison> {
  const single = await makeSingle(work, kodeno);
  const docker = rootTool("docker");
  if (docker === undefined) throw new Error("docker is not on PATH");
  const daemon = await startDockerd();
  const env = environment({ DOCKER_HOST: daemon.host, DOCKER_CONFIG: daemon.root });
  return {
    run: async (side, watch) => {
      await removeImages(daemon);
      const command = side === "kodeno"
        ? { program: kodeno, args: ["load", single.archive], env, cwd: work }
        : { program: docker, args: ["load", "--input", single.archive], env, cwd: work };
      const done = await run(command, watch);
      await check(daemon, single);
      return done;
    },
    [Symbol.asyncDispose]: () => daemon.stop(),
  };
}

async function imagesOf(daemon: Dockerd): Promise<readonly string[]> {
  const { code, stdout, stderr } = await daemon.docker("images", "--no-trunc", "--quiet");
  if (code !== 0) throw new Error(`docker images: ${stderr}`);
  return stdout.split("\n").filter((line) => line !== "");
}

async function removeImages(daemon: Dockerd): Promise<void> {
  const images = await imagesOf(daemon);
  if (images.length > 0) await daemon.docker("rmi", "--force", ...images);
  const left = await imagesOf(daemon);
  if (left.length > 0) throw new Error(`docker rmi left ${left.join(" ")}`);
}

async function check(daemon: Dockerd, { id, reference }: Single): Promise<void> {
  const images = await imagesOf(daemon);
  const { stdout } = await daemon.docker("inspect", "--format", "{{.Id}}", reference);
  if (images.length === 1 && stdout.trim() === id) return;
  throw new Error(`the daemon has ${images.join(" ")} instead of ${id}`);
}
