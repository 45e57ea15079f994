import assert from "node:assert/strict";
import type { Descriptor } from "../oci/descriptor.ts";
import { MAX_GRAPH_BLOBS, MAX_GRAPH_DEPTH } from "../oci/limits.ts";
import { MediaType } from "../oci/media_types.ts";
import { GraphBounds } from "./bounds.ts";

const d = (n: number, more: Partial<Descriptor> = {}): Descriptor => ({
  mediaType: MediaType.layer,
  digest: `sha256:${n.toString(16).padStart(64, "0")}`,
  size: n,
  ...more,
});

Deno.test("bounds: what every image has is taken", () => {
  const bounds = new GraphBounds();
  for (let i = 0; i < MAX_GRAPH_BLOBS; i++) bounds.enter(d(i), i % MAX_GRAPH_DEPTH);
  assert.throws(() => bounds.enter(d(1), 1), /^KodenoError: Cannot use sha256:0{64}: it leads to/);
});

Deno.test("bounds: too deep, and too much to hold", () => {
  const bounds = new GraphBounds(1000);
  bounds.enter(d(7), MAX_GRAPH_DEPTH);
  assert.throws(() => bounds.enter(d(8), MAX_GRAPH_DEPTH + 1), /sha256:0+7: .*levels deep/);
  // A layer is not held, however large.
  bounds.enter(d(9, { size: 1e12 }), 1);
  bounds.enter(d(10, { size: 1000, mediaType: MediaType.index }), 1);
  assert.throws(() => bounds.enter(d(11, { size: 1, mediaType: MediaType.manifest }), 1), /1000/);
});
