/**
 * A repository of a real registry against the contract of places.
 * @module
 */
import { openRegistry } from "../../src/place/registry/registry.ts";
import { targetContract } from "../contract/target_contract.ts";
import { startRegistry } from "../parts/registry.ts";
import { needs } from "../parts/tools.ts";
import { filesBelow } from "../support/temp.ts";

targetContract("registry", async () => {
  const registry = await startRegistry();
  const place = openRegistry(`${registry.host}/team/app`);
  return {
    place,
    ref: (tag) => `${registry.host}/team/app:${tag}`,
    // What the registry notes of an upload is its own: one that is given up while docker-registry is
    // still busy with its broken request may stay in _uploads until the registry purges it.
    traces: async () =>
      (await filesBelow(registry.storage).catch(() => [])).filter((f) => !f.includes("/_uploads/")),
    async [Symbol.asyncDispose]() {
      place.close();
      await registry.stop();
    },
  };
}, needs("docker-registry"));
