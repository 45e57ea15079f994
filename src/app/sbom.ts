/**
 * The recipe of `kodeno sbom`: what images of a layout, an archive or a registry are made of, told from
 * what is in them.
 * @module
 */
import { join } from "node:path";
import { FactsFinder } from "../build/image_facts.ts";
import { writeSboms } from "../build/sboms.ts";
import type { SbomForm } from "../config/checks.ts";
import { resolveTransferConfig } from "../config/config.ts";
import { goCommandOf, sourceDateEpoch } from "../config/environment.ts";
import type { TransferOptions } from "../config/options.ts";
import { VERSION } from "../config/version.ts";
import { whyNoImage } from "../content/images.ts";
import type { Source } from "../content/places.ts";
import { KodenoError } from "../errors.ts";
import type { WorkOptions } from "../events.ts";
import { isFile } from "../io/files.ts";
import { entryName } from "../oci/entries.ts";
import { formatPlatform } from "../oci/platform.ts";
import { pathOf } from "../place/open.ts";
import { openChosen } from "../place/open_image.ts";
import { openSigned, type SignedImage } from "../place/signed.ts";
import { makeSbom, type Sbom, sbomAttachment } from "../trust/sbom.ts";
import { keepAttachments } from "../trust/attachment.ts";

interface SbomRequest extends TransferOptions, WorkOptions {
  /** Path of a layout or archive, or an image of a registry. */
  readonly place: string;
  /** Names, tags or digests of the images of a layout or archive; default all. */
  readonly images?: readonly string[] | undefined;
  readonly form: SbomForm;
  /** `os/arch[/variant]`: the image for that alone, of an index. */
  readonly platform?: string | undefined;
  /** Folder that gets a file for each SBOM. */
  readonly folder?: string | undefined;
  /** Puts each SBOM beside its image, which it refers to. */
  readonly attach?: boolean | undefined;
}

/** An SBOM that was made, and where it is now. */
interface MadeSbom extends Pick<Sbom, "form" | "file"> {
  /** The digest of what it is about. */
  readonly digest: string;
  /** Nothing of an index. */
  readonly platform: string | undefined;
  /** The SBOM itself, where it goes nowhere. */
  readonly text: string | undefined;
  /** Where it was written. */
  readonly path: string | undefined;
  /** The manifest that has it, where it was attached. */
  readonly attached: string | undefined;
}

/** Makes SBOMs: of each image, and of the index of several. Where they go nowhere there has to be one. */
export async function sbom(request: SbomRequest): Promise<readonly MadeSbom[]> {
  const { form, folder, attach = false, signal, emit, place } = request;
  const isPrinted = folder === undefined && !attach;
  const config = resolveTransferConfig(request);
  const { environment } = config;
  const time = sourceDateEpoch(environment);
  const facts = new FactsFinder({ go: { command: goCommandOf(environment), environment } });
  await using opened = await openPlace(request, config);
  const made: (MadeSbom & { readonly sbom: Sbom; readonly of: OpenedImage })[] = [];
  const images = new Map(opened.images.map((image) => [image.root.digest, image]));
  const areNamed = (request.images ?? []).length > 0;
  for (const of of images.values()) {
    // Who asks for all of a layout may not know that there is a chart in it.
    const why = areNamed ? undefined : await whyNoImage(of.place, of.root, { signal });
    if (why !== undefined) {
      const message = `Left out ${of.name ?? of.root.digest} of ${place}: ${why}`;
      emit?.({ type: "note", level: "info", message });
      continue;
    }
    const name = of.name?.split("/").at(-1)?.replace(/[:@].*$/, "");
    for (const one of await facts.below(of.place, of.root, { name, signal, emit })) {
      const platform = one.platform && formatPlatform(one.platform);
      if (request.platform !== undefined && platform !== request.platform) continue;
      const sbom = makeSbom(one, form, { version: VERSION, time });
      const { file, image: { digest }, bytes } = sbom;
      const text = isPrinted ? new TextDecoder().decode(bytes) : undefined;
      const path = folder === undefined ? undefined : join(folder, file);
      made.push({ sbom, of, form, file, digest, platform, text, path, attached: undefined });
    }
  }
  if (isPrinted) refuseSeveral(place, made);
  if (folder !== undefined) {
    refuseSameFile(place, made);
    await writeSboms(folder, made.map(({ sbom }) => sbom), { signal });
  }
  const done: MadeSbom[] = [];
  for (const { sbom, of, ...one } of made) {
    const attached = attach ? await attachTo(of, sbom, request) : undefined;
    done.push({ ...one, attached });
  }
  await opened.save();
  return done;
}

/** An image in its place, which may be written where something is to be attached. */
type OpenedImage = Pick<SignedImage, "root" | "name"> & {
  readonly place: Source;
  readonly target?: SignedImage["place"];
};

interface OpenedImages extends AsyncDisposable {
  readonly images: readonly OpenedImage[];
  /** See `openSigned`. */
  save(): Promise<void>;
}

async function openPlace(
  { place, images = [], attach, signal, emit }: SbomRequest,
  config: ReturnType<typeof resolveTransferConfig>,
): Promise<OpenedImages> {
  const path = await pathOf(place);
  if (attach || !isFile(path)) {
    const how = { config, images, verb: "list", writes: attach, signal, emit };
    const opened = await openSigned(place, how);
    const all = opened.images.map((image) => ({ ...image, target: image.place }));
    return { ...opened, images: all };
  }
  const chosen = await openChosen(path, { images, verb: "list", imagesOnly: true, signal });
  const all = chosen.images.map((root) => ({ root, name: entryName(root), place: chosen.source }));
  const close = () => Promise.resolve(chosen[Symbol.dispose]());
  return { images: all, save: () => Promise.resolve(), [Symbol.asyncDispose]: close };
}

function refuseSeveral(place: string, made: readonly MadeSbom[]): void {
  if (made.length === 1) return;
  const platforms = new Set(made.flatMap(({ platform }) => platform ?? []));
  const why = made.length === 0
    ? "there is no such image"
    : `there are ${made.length} of its images` +
      (platforms.size > 0 ? ` (${[...platforms].join(", ")})` : "");
  const next = "say a name and --platform, or --sbom-dir DIR for files, or --attach";
  throw new KodenoError("BAD_OPTION", `Cannot print an SBOM of ${place}: ${why}; ${next}`);
}

/** Images of one program have files of the same names. */
function refuseSameFile(place: string, made: readonly MadeSbom[]): void {
  for (const [file, sboms] of Map.groupBy(made, (one) => one.file)) {
    const digests = [...new Set(sboms.map(({ digest }) => digest))];
    if (digests.length < 2) continue;
    const why = `${digests.slice(0, 2).join(" and ")} would both be ${file}; say a name`;
    throw new KodenoError("BAD_OPTION", `Cannot write SBOMs of ${place}: ${why}`);
  }
}

/** Puts an SBOM where its image is. The same one is there once. */
async function attachTo(
  { target }: OpenedImage,
  sbom: Sbom,
  { signal }: WorkOptions,
): Promise<string | undefined> {
  if (target === undefined) return undefined;
  const made = sbomAttachment(sbom);
  await keepAttachments([made], target, { signal });
  return made.manifest.descriptor.digest;
}
