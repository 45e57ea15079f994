/**
 * Which images of a layout a name chooses, where others have odd entries.
 * @module
 */
import assert from "node:assert/strict";
import { failsWith } from "../../test/support/fails.ts";
import { imageGraph, pushAll } from "../../test/support/image_graph.ts";
import { tempDir } from "../../test/support/temp.ts";
import { MediaType } from "../oci/descriptor.ts";
import { openLayout } from "./layout/layout.ts";
import { openChosen } from "./open_image.ts";

Deno.test("choose: a name is that of an image before it is what another has for a digest", async () => {
  await using dir = await tempDir();
  const graph = imageGraph();
  const layout = await openLayout(dir.join("l"), { create: true });
  await pushAll(layout, graph.blobs);
  await layout.tag(graph.root.descriptor, "reg.local/app:v1");
  const path = dir.join("l/index.json");
  const index = JSON.parse(await Deno.readTextFile(path));
  for (const odd of ["reg.local/app:v1", "app:v1", "v1", "other"]) {
    index.manifests.unshift({ mediaType: MediaType.manifest, digest: odd, size: 1 });
  }
  await Deno.writeTextFile(path, JSON.stringify(index));
  const { digest } = graph.root.descriptor;
  for (const name of ["reg.local/app:v1", "app:v1", "v1", "reg.local/app", digest]) {
    using chosen = await openChosen(dir.join("l"), { images: [name], verb: "push" });
    assert.deepEqual(chosen.images.map((image) => image.digest), [digest], name);
  }
  const odd = () => openChosen(dir.join("l"), { images: ["other"], verb: "push" });
  await failsWith("BAD_CONTENT", odd, /Cannot push other of .*: its digest: /);
});
