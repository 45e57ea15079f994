/**
 * Which repository and tag an entry of a layout is served as. What a layout says is not trusted:
 * a name that no registry could have is no name.
 * @module
 */
import type { Descriptor } from "../oci/descriptor.ts";
import { imageName, refName } from "../oci/entries.ts";
import { parseReference, parseTag, shortName, splitHost } from "../oci/reference.ts";

/** Where an entry is served. */
export interface Served {
  /** Left out for an entry with a tag alone, or with nothing: the layout names its repository. */
  readonly repository?: string | undefined;
  /** The repository with its registry, where the name says one. */
  readonly name?: string | undefined;
  /** Left out where it can be had by digest only. */
  readonly tag?: string | undefined;
}

/** The repository and tag of an entry. */
export function servedAs(entry: Descriptor): Served {
  const ref = refName(entry) ?? "";
  const whole = imageName(entry);
  const named = whole === undefined ? undefined : attempt(() => parseReference(whole));
  const tag = named?.tag ?? attempt(() => parseTag(ref));
  if (named === undefined) return { tag };
  const name = shortName(named.name);
  return { repository: splitHost(name).path, name, tag };
}

function attempt<T>(work: () => T): T | undefined {
  try {
    return work();
  } catch {
    return undefined;
  }
}
