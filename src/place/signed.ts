/**
 * Images of a layout, archive or registry with what is known there about them, for those who sign and verify.
 * @module
 */
import type { Source } from "../content/places.ts";
import { cosignTagFinder, cosignTagged, referrerFinder } from "../content/referrers.ts";
import { KodenoError } from "../errors.ts";
import type { WorkOptions } from "../events.ts";
import { exists, isFolder } from "../io/files.ts";
import { cosignTag, type CosignTagKind, type Descriptor } from "../oci/descriptor.ts";
import { cosignSubject, entryName, repositoryName, repositoryOfPath } from "../oci/entries.ts";
import { parseReference, splitHost } from "../oci/reference.ts";
import { openLayout } from "./layout/layout.ts";
import { openRegistries, parsePlace, pathOf, type WritablePlace } from "./open.ts";
import { type ChosenImages, openChosen } from "./open_image.ts";
import type { TransferConfig } from "./registry/transport.ts";

/** An image in its place. */
export interface SignedImage {
  readonly place: WritablePlace & Source;
  readonly root: Descriptor;
  readonly name: string | undefined;
  /** What a signature names as where the image is from. */
  readonly repository: string;
  /** What refers to the image, to its platforms, or to one of these. */
  readonly referrers: readonly Descriptor[];
  /** What stands under cosign's tag of a manifest, beside an image of this name. */
  readonly legacyOf: (
    subject: Descriptor,
    kind: CosignTagKind,
  ) => Promise<Descriptor | undefined>;
  /**
   * Has a manifest stand under such a tag that is made of what stands there; nobody else changes that of a
   * layout meanwhile.
   */
  readonly keepLegacy: (
    subject: Descriptor,
    kind: CosignTagKind,
    make: (present: Descriptor | undefined) => Promise<Descriptor>,
  ) => Promise<void>;
}

/** Images that were opened; those who are done with them dispose of it. */
interface OpenSigned extends AsyncDisposable {
  /** The place, as it is read. */
  readonly source: Source;
  readonly images: readonly SignedImage[];
  /**
   * What else a layout has, where no image was named: what cannot be read as an image, blobs alone, and
   * what refers to something that is not there.
   */
  readonly others: readonly Pick<SignedImage, "place" | "root" | "name">[];
  /** Writes what was put beside images where it is not there yet: an archive gets all of it at once. */
  save(): Promise<void>;
}

interface SignedOptions extends WorkOptions {
  readonly config: TransferConfig;
  /** What is done with the images, for messages: `sign`. */
  readonly verb: string;
  /** Names, tags or digests of the images of a layout or archive; all when none is named. */
  readonly images: readonly string[];
  /** Whether something is to be put beside the images: then a place has to take that. */
  readonly writes?: boolean | undefined;
}

/**
 * Opens a place by the path of a layout or archive, or by the reference of an image in a registry.
 *
 * @throws {KodenoError} what opening gives, and what writing there would fail with
 */
export async function openSigned(
  place: string,
  options: SignedOptions,
): Promise<OpenSigned> {
  // deno-lint-ignore no-undef -- the linter does not know it yet
  await using opening = new AsyncDisposableStack();
  const path = await pathOf(place);
  const isHere = path !== place || path === "-" || exists(path);
  const { target, ...found } = isHere
    ? await imagesOfStore(path, opening, options)
    : await imageOfRegistry(place, opening, options);
  const { signal } = options;
  if (options.writes) await target.check({ signal });
  const opened = opening.move();
  return {
    ...found,
    // A registry has what it was given, and is left with the others.
    save: async () => void (isHere && await target.close({ signal })),
    [Symbol.asyncDispose]: () => opened.disposeAsync(),
  };
}

type Found = Pick<OpenSigned, "source" | "images" | "others"> & { readonly target: WritablePlace };

async function imagesOfStore(
  path: string,
  opening: AsyncDisposableStack,
  { images, verb, signal, emit }: SignedOptions,
): Promise<Found> {
  const layout = isFolder(path) ? opening.use(await openLayout(path, { emit })) : undefined;
  const chosen = opening.use(await openChosen(path, { images, verb, signal }));
  const { source } = chosen;
  const place = layout ?? await archivePlace(path, source);
  const entries = await (layout ?? source).entries();
  const { ownName = repositoryOfPath(path) } = source;
  const find = await cosignTagFinder(layout ?? source, { signal });
  const found = chosen.images
    // Signatures in cosign's old form have names as images do.
    .filter((root) => cosignSubject(root) === undefined)
    .map((root): SignedImage => {
      const named = repositoryName(root);
      const ownOf = (tagged: readonly Descriptor[]): Descriptor | undefined =>
        tagged.find((entry) => repositoryName(entry, ownName) === own);
      // What has no name is in the repository that a server of the place shows it in.
      const own = repositoryName(root, ownName) ?? ownName;
      return {
        place,
        root,
        name: entryName(root),
        repository: own,
        referrers: chosen.referrers.get(root.digest) ?? [],
        legacyOf: async (subject, kind) => ownOf(await find(subject, kind)),
        keepLegacy: async (subject, kind, make) => {
          const tag = cosignTag(subject, kind);
          const ref = named === undefined ? tag : `${named}:${tag}`;
          if (layout === undefined) {
            await place.tag(await make(ownOf(await find(subject, kind))), ref, { signal });
          } else {
            const makeOf = (all: readonly Descriptor[]) =>
              make(ownOf(cosignTagged(all, subject, kind)));
            await layout.tagMade(ref, makeOf, { signal });
          }
        },
      };
    });
  const known = new Set(
    found.flatMap(({ root, referrers }) => [root, ...referrers]).map(({ digest }) => digest),
  );
  const others = images.length > 0 ? [] : entries
    .filter(({ digest }) => !known.has(digest))
    .map((root) => ({ place, root, name: entryName(root) }));
  return { source, images: found, others, target: place };
}

/** An archive as it is read, and what it gets. */
async function archivePlace(path: string, source: ChosenImages["source"]) {
  // Most are layouts, and do not wait for its code.
  const { ArchiveAddition } = await import("./archive/archive_addition.ts");
  return new ArchiveAddition(path, source);
}

async function imageOfRegistry(
  place: string,
  opening: AsyncDisposableStack,
  { config, images, signal, emit }: SignedOptions,
): Promise<Found> {
  const parsed = parsePlace(place);
  if (parsed.kind !== "registry" || images.length > 0) {
    const why = images.length > 0
      ? "an image of a registry is named whole: HOST/PATH:TAG"
      : "say the path of a layout or archive, or HOST/PATH:TAG";
    throw new KodenoError("BAD_PLACE", `Cannot use ${place}: ${why}`);
  }
  const { name, tag, digest } = parsed.reference;
  if (splitHost(name).host === undefined) {
    const next = "say the path of a layout or archive, or HOST/PATH:TAG";
    const why = "there is no such folder or file";
    throw new KodenoError("BAD_PLACE", `Cannot use ${place}: ${why}; ${next}`);
  }
  const registries = opening.use(await openRegistries(config, { named: [name], emit }));
  const store = registries.open(name);
  const root = await store.resolve(digest ?? tag ?? "latest", { signal });
  const find = await referrerFinder(store, { signal });
  const image: SignedImage = {
    place: store,
    root,
    name: place,
    repository: parseReference(place).name,
    referrers: await find(root),
    legacyOf: (subject, kind) => store.findTag(cosignTag(subject, kind), { signal }),
    keepLegacy: async (subject, kind, make) => {
      const tag = cosignTag(subject, kind);
      await store.tag(await make(await store.findTag(tag, { signal })), tag, { signal });
    },
  };
  return { source: store, images: [image], others: [], target: store };
}
