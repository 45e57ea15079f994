/**
 * An image of a registry as a place of its own: what refers to it is in it, too, and nothing else.
 * @module
 */
import type { ImageStore } from "../content/places.ts";
import { findAbout, keptEntry } from "../content/referrers.ts";
import type { WorkOptions } from "../events.ts";
import type { Descriptor } from "../oci/descriptor.ts";
import { namedEntry } from "../oci/entries.ts";
import { openImage } from "./open_image.ts";
import type { PlaceName } from "./open.ts";
import type { TransferConfig } from "./registry/transport.ts";

interface RegistryImageOptions extends WorkOptions {
  readonly config: TransferConfig;
  /** As the user wrote it. */
  readonly from: string;
  /** Whether what refers to it counts; default true. */
  readonly referrers?: boolean | undefined;
  /** What one is called, `NAME:TAG` each, that is named by its digest alone; `latest` of its name else. */
  readonly namesOf?: ((name: string) => readonly string[]) | undefined;
}

/** Opens an image of a registry, which is there till what was opened is disposed of. */
export async function openRegistryImage(
  place: Extract<PlaceName, { kind: "registry" }>,
  opened: AsyncDisposableStack,
  { namesOf, referrers = true, ...options }: RegistryImageOptions,
): Promise<ImageStore> {
  const { source, root } = opened.use(await openImage(place, options));
  const { name, tag, digest } = place.reference;
  const known = tag === undefined && digest !== undefined ? namesOf?.(name) ?? [] : [];
  const names = known.length > 0 ? known : [`${name}:${tag ?? "latest"}`];
  const find = async (): Promise<readonly Descriptor[]> => {
    const own = names.map((one) => namedEntry(root, one));
    if (!referrers) return own;
    const { signal } = options;
    const { referrers: about, tagged } = await findAbout(source, root, { signal });
    const kept = await Promise.all(about.map((one) => keptEntry(source, one, { signal })));
    return [...own, ...kept, ...tagged];
  };
  let entries: Promise<readonly Descriptor[]> | undefined;
  return {
    what: options.from,
    resolve: (ref, o) => source.resolve(ref, o),
    fetch: (d, o) => source.fetch(d, o),
    entries: () => entries ??= find(),
  };
}
