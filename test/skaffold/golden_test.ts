/**
 * Names and tags of images, against those of the real Skaffold.
 * @module
 */
import assert from "node:assert/strict";
import { withSkaffoldEnv } from "../../src/config/skaffold/env_file.ts";
import { planSkaffold } from "../../src/config/skaffold/plan.ts";
import { gitCommitTag } from "../../src/git/git.ts";
import { GIT_ENVIRONMENT } from "../support/git_repository.ts";
import { GOLDEN } from "./golden.ts";
import { prepare, prepareHome } from "./prepare.ts";

for (const one of GOLDEN) {
  Deno.test(`skaffold names and tags: ${one.what}`, async () => {
    await using folder = await prepare(one);
    await using home = await prepareHome(one);
    const own = { ...GIT_ENVIRONMENT, HOME: home.path, ...one.options?.environment };
    const { environment } = await withSkaffoldEnv(folder.path, own);
    const plan = await planSkaffold(
      { ...one.options, workingDirectory: folder.path, environment },
      { gitTag: (how) => gitCommitTag({ ...how, environment: GIT_ENVIRONMENT }) },
    );
    const images = plan.artifacts.map(({ imageName, reference }) => [imageName, reference]);
    // As text: the order counts.
    assert.equal(JSON.stringify(Object.fromEntries(images)), JSON.stringify(one.images));
  });
}
