/**
 * Hooks of builds, against those of the real Skaffold.
 * @module
 */
import assert from "node:assert/strict";
import { startRegistry } from "../parts/registry.ts";
import { needs } from "../parts/tools.ts";
import { kodeno } from "../support/kodeno.ts";
import { tempDir } from "../support/temp.ts";
import { HOOKS, prepareHooks, PROFILE, written } from "./golden_hooks.ts";

Deno.test({
  name: "skaffold hooks: order, folders and variables",
  ...needs("docker-registry"),
  async fn() {
    await using registry = await startRegistry();
    await using folder = await tempDir();
    await prepareHooks(folder, registry);
    const { code, stderr } = await kodeno(
      [
        ...["build", "-f", "skaffold.yaml", "--push", "-t", "v1", "-d", `${registry.host}/sk`],
        ...["-p", PROFILE],
      ],
      { cwd: folder.path, env: { LOG: folder.join("log") } },
    );
    assert.equal(code, 0, stderr);
    assert.equal(await written(folder, registry), HOOKS);
  },
});
