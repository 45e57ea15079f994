/**
 * Images of a layout or registry with what is known there about them, for those who sign and verify.
 * @module
 */
import type { Source } from "../content/places.ts";
import { referrerFinder } from "../content/referrers.ts";
import { KodenoError } from "../errors.ts";
import type { WorkOptions } from "../events.ts";
import { isFile, isFolder } from "../io/files.ts";
import { type Descriptor, signatureTag } from "../oci/descriptor.ts";
import { cosignSubject, entryName, refName, repositoryName } from "../oci/entries.ts";
import { parseReference, splitHost } from "../oci/reference.ts";
import { openLayout } from "./layout/layout.ts";
import { openRegistries, parsePlace, pathOf, type WritablePlace } from "./open.ts";
import { openChosen } from "./open_image.ts";
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
  /** What stands under cosign's signature tag of a manifest. */
  readonly legacyOf: (subject: Descriptor) => Promise<Descriptor | undefined>;
  /** Has a manifest stand under such a tag. */
  readonly keepLegacy: (signatures: Descriptor, tag: string) => Promise<void>;
}

/** Images that were opened; those who are done with them dispose of it. */
interface OpenSigned extends AsyncDisposable {
  readonly images: readonly SignedImage[];
  /**
   * What else a layout has, where no image was named: what cannot be read as an image, blobs alone, and
   * what refers to something that is not there.
   */
  readonly others: readonly Pick<SignedImage, "place" | "root" | "name">[];
}

interface SignedOptions extends WorkOptions {
  readonly config: TransferConfig;
  /** What is done with the images, for messages: `sign`. */
  readonly verb: string;
  /** Names, tags or digests of the images of a layout; all when none is named. */
  readonly images: readonly string[];
}

/** Opens a place by the path of a layout, or by the reference of an image in a registry. */
export async function openSigned(
  place: string,
  options: SignedOptions,
): Promise<OpenSigned> {
  // deno-lint-ignore no-undef -- the linter does not know it yet
  await using opening = new AsyncDisposableStack();
  const path = await pathOf(place);
  if (isFile(path)) {
    const next = "bring its images into a layout (kodeno merge DIR FILE)";
    throw new KodenoError("BAD_PLACE", `Cannot use ${place}: it is a file; ${next}`);
  }
  const isLayout = path !== place || isFolder(path);
  const found = isLayout
    ? await imagesOfLayout(path, opening, options)
    : { images: [await imageOfRegistry(place, opening, options)], others: [] };
  const opened = opening.move();
  return { ...found, [Symbol.asyncDispose]: () => opened.disposeAsync() };
}

async function imagesOfLayout(
  path: string,
  opening: AsyncDisposableStack,
  { images, verb, signal, emit }: SignedOptions,
): Promise<Pick<OpenSigned, "images" | "others">> {
  const layout = opening.use(await openLayout(path, { emit }));
  const chosen = opening.use(await openChosen(path, { images, verb, signal }));
  const entries = await layout.entries();
  const found = chosen.images
    // Signatures in cosign's old form have names as images do.
    .filter((root) => cosignSubject(root) === undefined)
    .map((root): SignedImage => {
      const name = entryName(root);
      const named = repositoryName(root);
      const repository = repositoryName(root, chosen.source.ownName) ?? path;
      return {
        place: layout,
        root,
        name,
        repository,
        referrers: chosen.referrers.get(root.digest) ?? [],
        legacyOf: (subject) => {
          const tag = signatureTag(subject);
          return Promise.resolve(entries.find((entry) => refName(entry)?.endsWith(tag)));
        },
        keepLegacy: (signatures, tag) =>
          layout.tag(signatures, named === undefined ? tag : `${named}:${tag}`),
      };
    });
  const known = new Set(
    found.flatMap(({ root, referrers }) => [root, ...referrers]).map(({ digest }) => digest),
  );
  const others = images.length > 0 ? [] : entries
    .filter(({ digest }) => !known.has(digest))
    .map((root) => ({ place: layout, root, name: entryName(root) }));
  return { images: found, others };
}

async function imageOfRegistry(
  place: string,
  opening: AsyncDisposableStack,
  { config, images, signal, emit }: SignedOptions,
): Promise<SignedImage> {
  const parsed = parsePlace(place);
  if (parsed.kind !== "registry" || images.length > 0) {
    const why = images.length > 0
      ? "an image of a registry is named whole: HOST/PATH:TAG"
      : "say the path of a layout, or HOST/PATH:TAG";
    throw new KodenoError("BAD_PLACE", `Cannot use ${place}: ${why}`);
  }
  const { name, tag, digest } = parsed.reference;
  if (splitHost(name).host === undefined) {
    const next = "say the path of a layout, or HOST/PATH:TAG";
    throw new KodenoError("BAD_PLACE", `Cannot use ${place}: there is no such folder; ${next}`);
  }
  const registries = opening.use(await openRegistries(config, { named: [name], emit }));
  const store = registries.open(name);
  const root = await store.resolve(digest ?? tag ?? "latest", { signal });
  const find = await referrerFinder(store, { signal });
  return {
    place: store,
    root,
    name: place,
    repository: parseReference(place).name,
    referrers: await find(root),
    legacyOf: (subject) => store.findTag(signatureTag(subject), { signal }),
    keepLegacy: (signatures, tag) => store.tag(signatures, tag, { signal }),
  };
}
