/**
 * Base images for those who build no program: as a build of the same configuration opens them.
 * @module
 */
import type { BuildConfig } from "../config/config.ts";
import type { WorkOptions } from "../events.ts";
import { goEnvironment } from "../go/list.ts";
import type { LayerCache } from "../layers/cache.ts";
import { BaseSet } from "./bases.ts";
import { openLayers } from "./cache.ts";

/** Opens none yet; go and the cache of layers are asked for by a base that kodeno makes. */
export function openBases(config: BuildConfig, work: WorkOptions): BaseSet {
  const { go, workingDirectory: directory } = config;
  let cache: Promise<LayerCache> | undefined;
  const set = new BaseSet(config, work, async () => {
    const how = { ...go, directory, signal: work.signal };
    const { GOROOT: goroot } = await goEnvironment(how, ["GOROOT"]);
    return { goroot, cache: await (cache ??= openLayers(config.cache)) };
  });
  const dispose = set[Symbol.asyncDispose].bind(set);
  return Object.assign(set, {
    [Symbol.asyncDispose]: async () => {
      await dispose();
      await (await cache)?.close();
    },
  });
}
