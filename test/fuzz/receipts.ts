/**
 * Receipts as inputs, in both of their forms.
 * @module
 */
import assert from "node:assert/strict";
import { encodeReceipt, parseReceipt } from "../../src/airgap/receipt.ts";
import { digestOf } from "../../src/io/hash.ts";
import type { Dice } from "../support/dice.ts";
import { mutateBytes, mutateLines } from "./mutate_bytes.ts";
import { mutateTree, type Tree, treeJson } from "./mutate_tree.ts";
import { attempt, type FuzzBench, type FuzzTarget, outcomeOf } from "./target.ts";

const WORDS = ["receipt", "sha256:", "end 001", "blobs", "1", "kodeno receipt"];
const BLOBS = Array.from({ length: 9 }, (_, i) => digestOf(`${i}`));
const CONTENT = {
  site: "plant",
  sequence: 2,
  bundle: digestOf("bundle"),
  blobs: BLOBS,
  modules: [{ path: "example.com/m", version: "v1.0.0", sum: "h1:x" }],
};

/** The receipts that are fuzzed. */
export const RECEIPTS: FuzzTarget = {
  name: "receipts",
  async open(folder: string): Promise<FuzzBench> {
    const input = `${folder}/in/receipt`;
    const json = (await encodeReceipt(CONTENT, {})).bytes;
    const text = (await encodeReceipt(CONTENT, { text: true })).bytes;
    const [value, lines] = [json, text].map((bytes) => new TextDecoder().decode(bytes));
    const utf8 = (changed: string): Uint8Array => new TextEncoder().encode(changed);
    const make = (dice: Dice): Uint8Array =>
      dice.pick<() => Uint8Array>([
        () => mutateBytes(json, dice),
        () => mutateBytes(text, dice),
        () => utf8(mutateLines(lines ?? "", dice)),
        () => utf8(treeJson(mutateTree(JSON.parse(value ?? "") as Tree, dice, WORDS))),
      ])();
    return {
      names: new Set(["receipt"]),
      make: (dice) => Deno.writeFileSync(input, make(dice)),
      check: async () => {
        const bytes = Deno.readFileSync(input);
        const read = await attempt(() => parseReceipt(bytes, "receipt"));
        // What is read is what was written, whatever happened to its blanks and letters.
        if (read.value) assert.ok(BLOBS.every(read.value.hasBlob));
        return outcomeOf(read);
      },
      commands: () => [["bundle", "create", "-o", "-", "--since", "receipt", "absent.tar"]],
    };
  },
};
