/**
 * The names that signatures get in a layout: those of the repository that their image is in.
 * @module
 */
import assert from "node:assert/strict";
import type { Descriptor } from "../../src/oci/descriptor.ts";
import { IMAGE_NAME, REF_NAME } from "../../src/oci/entries.ts";
import { openLayout } from "../../src/place/layout/layout.ts";
import { imageGraph, layoutWith } from "../support/image_graph.ts";
import { kodeno } from "../support/kodeno.ts";
import { tempDir } from "../support/temp.ts";

const NAMES: Readonly<Record<string, (digest: string) => Record<string, string>>> = {
  "a name as podman writes it": () => ({ [REF_NAME]: "reg.local/team/app:v1" }),
  "a name of a digest alone": (digest) => ({ [IMAGE_NAME]: `reg.local/team/app@${digest}` }),
};

Deno.test("trust: a signature is in the repository of its image", async (t) => {
  await using dir = await tempDir();
  const run = async (...args: string[]): Promise<void> => {
    const { code, stderr } = await kodeno(args, {
      cwd: dir.path,
      env: { KODENO_KEY_PASSWORD: "" },
    });
    assert.equal(code, 0, stderr);
  };
  await run("key", "new");
  for (const [what, annotationsOf] of Object.entries(NAMES)) {
    await t.step(what, async () => {
      const folder = what.replaceAll(" ", "-");
      await layoutWith(dir, folder, { "reg.local/team/app:v1": imageGraph() });
      using layout = await openLayout(dir.join(folder));
      const [image] = await layout.entries();
      assert.ok(image);
      const annotations = annotationsOf(image.digest);
      await layout.change((entries) => entries.map((one): Descriptor => ({ ...one, annotations })));
      await run("sign", folder, "--key", "kodeno.key", "--format", "legacy");
      const tag = `${image.digest.replace(":", "-")}.sig`;
      const signature = (await layout.entries()).find(({ annotations }) =>
        annotations?.[REF_NAME] === tag
      );
      assert.equal(signature?.annotations?.[IMAGE_NAME], `reg.local/team/app:${tag}`);
      await run("verify", folder, "--key", "kodeno.pub");
    });
  }
});
