/**
 * The examples for Skaffold: kodeno reads them, and they leave no field of the ko builder out.
 * @module
 */
import assert from "node:assert/strict";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { planSkaffold } from "../../src/config/skaffold/plan.ts";
import { koArtifact } from "../../src/config/skaffold/schema.ts";
import { readYaml } from "../../src/config/yaml/document.ts";

const EXAMPLES = fileURLToPath(new URL("../../examples/", import.meta.url));

async function plan(example: string, file = "skaffold.yaml") {
  return await planSkaffold(
    { workingDirectory: join(EXAMPLES, example), file, environment: {} },
    { gitTag: () => Promise.resolve("abc1234") },
  );
}

Deno.test("skaffold examples: each one is read", async () => {
  const { artifacts: [basic, ...others], notes } = await plan("skaffold-basic");
  assert.deepEqual([basic?.reference, others, notes], ["skaffold-basic:abc1234", [], []]);
  const complete = await plan("skaffold-complete");
  assert.deepEqual(complete.artifacts.map(({ reference }) => reference), [
    "skaffold-complete:dev-abc1234",
    "ko://example.com/skaffold-complete/cmd/worker:dev-abc1234",
  ]);
  assert.deepEqual(complete.notes, []);
  assert.deepEqual((await plan("skaffold-complete", "kodeno.yaml")).notes, []);
  const { skipped } = await plan("skaffold-custom");
  assert.deepEqual(skipped, [{ imageName: "skaffold-custom", builder: "custom" }]);
});

Deno.test("skaffold examples: every field of the ko builder is in use", async () => {
  const used = new Set<string>();
  for (const file of ["skaffold.yaml", "kodeno.yaml"]) {
    const path = join(EXAMPLES, "skaffold-complete", file);
    const [{ value }] = await readYaml(path);
    const { build } = value as { build: { artifacts: readonly { ko: object }[] } };
    for (const { ko } of build.artifacts) Object.keys(ko).forEach((key) => used.add(key));
  }
  assert.deepEqual([...used].sort(), Object.keys(koArtifact.shape).sort());
});
