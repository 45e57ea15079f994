/**
 * The places that need nothing but this process and its disk, against the contract of places.
 * @module
 */
import { openLayout } from "../../src/place/layout/layout.ts";
import { MemoryStore } from "../../src/place/memory.ts";
import { fingerprint } from "../support/layout.ts";
import { tempDir } from "../support/temp.ts";
import { targetContract } from "./target_contract.ts";

targetContract("memory", () =>
  Promise.resolve({
    place: new MemoryStore(),
    [Symbol.asyncDispose]: () => Promise.resolve(),
  }));

targetContract("layout", async () => {
  const folder = await tempDir();
  const place = await openLayout(folder.join("layout"), { create: true });
  return {
    place,
    // From the folder above: a path that leads out of the layout shows, too.
    traces: () => fingerprint(folder.path),
    [Symbol.asyncDispose]: () => folder[Symbol.asyncDispose](),
  };
});
