/**
 * What a command demands of images before it moves them. Most demand nothing, and do not wait for the code
 * that knows keys and signatures.
 * @module
 */
import type { TrustOptions } from "../config/options.ts";
import type { CallOptions, ImageStore, Source } from "../content/places.ts";
import { allEnded } from "../io/concurrency.ts";
import type { Descriptor } from "../oci/descriptor.ts";

/** Refuses what does not hold; `done` is what would have been done with it, for the message. */
interface Demands {
  /**
   * Looks at one image of any place; what comes over a wire is checked as it comes.
   *
   * @throws {KodenoError} `NOT_TRUSTED`
   */
  onImage(
    source: Source,
    image: {
      readonly root: Descriptor;
      readonly whole: Descriptor;
      readonly name?: string | undefined;
    },
    done: string,
    options: CallOptions & { readonly isNear: boolean },
  ): Promise<void>;
  /**
   * Looks at all images among entries of a layout or archive.
   *
   * @throws {KodenoError} `NOT_TRUSTED`
   */
  onEntries(
    store: ImageStore,
    entries: readonly Descriptor[],
    done: string,
    options: CallOptions & { readonly wholes?: ReadonlyMap<Descriptor, Descriptor> | undefined },
  ): Promise<void>;
}

/**
 * Reads what options demand of images; undefined where they demand nothing.
 *
 * @throws {KodenoError} `BAD_OPTION` for a key that cannot be used, `BAD_CONFIG` for a file
 */
export async function openDemands(options: TrustOptions): Promise<Demands | undefined> {
  if (options.policy === undefined && !options.verifyKeys?.length) return undefined;
  const [{ openPolicy }, { claimsIn, refuseUnverified }, { ContentCheck }] = await allEnded([
    import("./policy.ts"),
    import("./verified.ts"),
    import("../content/check.ts"),
  ]);
  const policy = await openPolicy(options);
  return {
    onImage: async (source, { root, whole, name }, done, { isNear, signal }) => {
      const content = isNear ? new ContentCheck(source, { signal }) : undefined;
      await refuseUnverified(source, [{ root, whole, name }], policy, done, { content, signal });
    },
    onEntries: async (store, entries, done, { wholes, signal }) => {
      const claims = await claimsIn(store, entries, { wholes, signal });
      const content = new ContentCheck(store, { signal });
      await refuseUnverified(store, claims, policy, done, { content, signal });
    },
  };
}
