/**
 * Equal to ko: real programs, built by kodeno and by real ko on the same base, have the same layers
 * and the same configs.
 * @module
 */
import assert from "node:assert/strict";
import { needs } from "../parts/tools.ts";
import type { Image } from "./images.ts";
import { type Lab, makeRepository, openLab } from "./lab.ts";
import { bringModule, type Program, PROGRAMS } from "./programs.ts";

const PLATFORMS = "--platform=linux/amd64,linux/arm64,linux/arm/v7,linux/s390x";

async function compareProgram(lab: Lab, program: Program): Promise<ReadonlyMap<string, Image>> {
  const { module, patterns, prepare, subfolder } = program;
  const top = lab.dir.join("work", module.replaceAll(/[^\w.]/g, "_"));
  const cwd = subfolder ? `${top}/${subfolder}` : top;
  await bringModule(module, cwd);
  await prepare?.(cwd);
  const build = { base: "multi", patterns, flags: [PLATFORMS], cwd } as const;
  if (!subfolder) return await lab.compare(build);
  await makeRepository(top);
  const from = { cwd: top, patterns: patterns.map((p) => p.replace(/^\./, `./${subfolder}`)) };
  // The commit is in the binary, and both have to find it.
  return await lab.compare({ ...build, from, env: { GOFLAGS: "-buildvcs=true" } });
}

Deno.test({
  name: "equal to ko: real programs on four platforms",
  ...needs("docker-registry", "git"),
  async fn(t) {
    await using lab = await openLab();
    for (const program of PROGRAMS) {
      await t.step(program.importPaths.join(" and "), async () => {
        const images = await compareProgram(lab, program);
        assert.deepEqual([...images.keys()].sort(), [...program.importPaths].sort());
      });
    }
  },
});
