/**
 * Names and tags of images, against those of the real Skaffold.
 * @module
 */
import assert from "node:assert/strict";
import { planSkaffold } from "../../src/config/skaffold/plan.ts";
import { gitCommitTag } from "../../src/git/commit_tag.ts";
import { GIT_ENVIRONMENT } from "../support/git_repository.ts";
import { GOLDEN } from "./golden.ts";
import { prepare } from "./prepare.ts";

for (const one of GOLDEN) {
  Deno.test(`skaffold names and tags: ${one.what}`, async () => {
    await using folder = await prepare(one);
    const plan = await planSkaffold(
      {
        ...one.options,
        workingDirectory: folder.path,
        environment: { ...GIT_ENVIRONMENT, ...one.options?.environment },
      },
      { gitTag: (how) => gitCommitTag({ ...how, environment: GIT_ENVIRONMENT }) },
    );
    const images = plan.artifacts.map(({ imageName, reference }) => [imageName, reference]);
    // As text: the order counts.
    assert.equal(JSON.stringify(Object.fromEntries(images)), JSON.stringify(one.images));
  });
}
