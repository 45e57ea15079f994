/**
 * What pushes to registries would send, told without sending anything.
 * @module
 */
import { measureCopy } from "../../content/copy.ts";
import type { CallOptions, Source, Target } from "../../content/places.ts";
import { hasSuccessors } from "../../content/walk.ts";
import { hasCode, messageOf } from "../../errors.ts";
import type { Emit } from "../../events.ts";
import { getOrSet } from "../../io/concurrency.ts";
import type { Descriptor } from "../../oci/descriptor.ts";
import { splitHost } from "../../oci/reference.ts";
import type { RegistryStore } from "./registry.ts";

/** What a registry would take from another of its repositories. */
interface Mounted {
  readonly from: string;
  blobs: number;
  bytes: number;
}

/** Looks what pushes would send, one after the other: what one of them sends is there for the next. */
export class DryRun {
  /** Digests that each repository would have. */
  readonly #seen = new Map<string, Set<string>>();
  /** The first repository of a registry that has a blob, or would. */
  readonly #holders = new Map<string, Mounted>();
  readonly #away = new Set<string>();

  constructor(readonly emit: Emit | undefined) {}

  /** What a push would send, and what the registry would mount from other repositories. */
  async measure(
    source: Source,
    roots: readonly Descriptor[],
    store: RegistryStore,
    options: Parameters<typeof measureCopy>[3],
  ) {
    const { name } = store;
    const registry = splitHost(name).host ?? "";
    const own: Mounted = { from: name, blobs: 0, bytes: 0 };
    const mounted = new Map<string, Mounted>();
    const holder = ({ digest }: Descriptor) =>
      getOrSet(this.#holders, `${registry} ${digest}`, () => own);
    const isMounted = (d: Descriptor): boolean => {
      const { from } = holder(d);
      if (from === name || hasSuccessors(d)) return false;
      const sum = getOrSet(mounted, from, () => ({ from, blobs: 0, bytes: 0 }));
      sum.blobs++;
      sum.bytes += d.size;
      return true;
    };
    const target = {
      has: async (d: Descriptor, call?: CallOptions) => {
        const isThere = await this.#isThere(store, registry, d, call);
        if (isThere) holder(d);
        return isThere;
      },
    };
    const counted = getOrSet(this.#seen, name, () => new Set<string>());
    const how = { ...options, counted, isMounted };
    const moved = await measureCopy(source, roots, target as Target, how);
    return { ...moved, mounted: [...mounted.values()] };
  }

  async #isThere(store: RegistryStore, registry: string, d: Descriptor, call?: CallOptions) {
    if (this.#away.has(registry)) return false;
    try {
      return await store.has(d, call);
    } catch (error) {
      if (!hasCode(error, "REGISTRY_FAILED")) throw error;
      this.#away.add(registry);
      const why = messageOf(error).replace(/^Cannot push to .+?: /, "");
      const message = `Could not ask ${registry} what it has: ${why}; counted as if it had nothing`;
      this.emit?.({ type: "note", level: "warning", message });
      return false;
    }
  }
}
