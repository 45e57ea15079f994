/**
 * Bundles as inputs: tars of which something was changed, and documents that say something else.
 * @module
 */
import assert from "node:assert/strict";
import { encodeDocument } from "../../src/airgap/document.ts";
import { BundleImages } from "../../src/airgap/images.ts";
import { openBundle } from "../../src/airgap/input.ts";
import { readBundle } from "../../src/airgap/reader.ts";
import { memberOfBytes, writeBundle } from "../../src/airgap/writer.ts";
import { MemoryStore } from "../../src/place/memory.ts";
import { concat, member } from "../archive/images.ts";
import type { Dice } from "../support/dice.ts";
import { imageGraph, pushAll } from "../support/image_graph.ts";
import { mutateTar } from "./mutate_tar.ts";
import { mutateTree, type Tree, treeJson } from "./mutate_tree.ts";
import { attempt, type FuzzBench, type FuzzTarget, outcomeOf } from "./target.ts";

const WORDS = ["blobs", "files", "omitted", "index.json", "../x", "sha256:", "kodeno-bundle.json"];

async function whole() {
  const graph = imageGraph();
  const source = new MemoryStore();
  await pushAll(source, graph.blobs);
  const images = new BundleImages();
  await images.add({ source, root: graph.root.descriptor, name: "app:v1", role: "image" });
  const files = [
    memberOfBytes("gomod/example.com/m/@v/list", new TextEncoder().encode("v1.0.0\n")),
  ];
  const chunks: Uint8Array[] = [];
  const { document } = await writeBundle(
    { images, files },
    (chunk) => void chunks.push(Uint8Array.from(chunk)),
  );
  return { bytes: concat(...chunks), document };
}

/** The same with another document, right in itself or not. */
function withDocument(bytes: Uint8Array, document: string): Uint8Array {
  const [head, size] = [1024, parseInt(new TextDecoder().decode(bytes.subarray(1148, 1160)), 8)];
  const rest = head + 512 + Math.ceil(size / 512) * 512;
  return concat(
    bytes.subarray(0, head),
    member("kodeno-bundle.json", document),
    bytes.subarray(rest),
  );
}

/** The bundles that are fuzzed. */
export const BUNDLES: FuzzTarget = {
  name: "bundles",
  async open(folder: string): Promise<FuzzBench> {
    const input = `${folder}/in/evil.tar`;
    const { bytes, document } = await whole();
    const mutated = (dice: Dice): Tree =>
      mutateTree(JSON.parse(JSON.stringify(document)), dice, WORDS);
    const make = (dice: Dice): Uint8Array =>
      dice.pick<() => Uint8Array>([
        () => mutateTar(bytes, dice),
        () => withDocument(bytes, treeJson(mutated(dice))),
        () => {
          // Whoever changes it knows how its id is made.
          const text = treeJson(mutated(dice));
          try {
            const { bytes: own } = encodeDocument({ ...document, ...JSON.parse(text) });
            return withDocument(bytes, new TextDecoder().decode(own));
          } catch (error) {
            // Nested too deep to be written.
            assert.ok(error instanceof RangeError);
            return withDocument(bytes, text);
          }
        },
      ])();
    return {
      names: new Set(["evil.tar"]),
      make: (dice) => Deno.writeFileSync(input, make(dice)),
      check: async () => {
        const read = await attempt(async () => {
          let taken = 0;
          const found = await readBundle(await openBundle(input, {}), {
            member: async (one, chunks) => {
              for await (const chunk of chunks) taken += chunk.length;
              assert.ok(one.size <= taken);
            },
          });
          return { ...found, taken };
        });
        return outcomeOf(read);
      },
      commands: () => [
        ["bundle", "verify", "evil.tar", "--json"],
        ["bundle", "inspect", "evil.tar"],
      ],
    };
  },
};
