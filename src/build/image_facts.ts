/**
 * What is known of the images below a root, for SBOMs and provenance: their bases, the files beside those, and what go
 * has left in the programs among them. All of it is read from the image itself, so that an SBOM is the
 * same whether it is made with the image or afterwards.
 * @module
 */
import { createHash } from "node:crypto";
import { tmpdir } from "node:os";
import { join, posix } from "node:path";
import { imagesWithPlatform } from "../content/images.ts";
import type { Blobs } from "../content/places.ts";
import { readDocument, readGraphDocument } from "../content/walk.ts";
import { KodenoError } from "../errors.ts";
import type { WorkOptions } from "../events.ts";
import { type BuildInfo, buildInfosIn } from "../go/build_info.ts";
import type { GoCommand } from "../go/command.ts";
import { KeptProgram } from "../go/kept_program.ts";
import { moduleZips } from "../go/module_zips.ts";
import { statedBase } from "../image/base.ts";
import { readLayer } from "../image/layer_entries.ts";
import { LayerFiles, pathInImage, whiteoutOf } from "../image/layer_files.ts";
import { builtPackage, type LayerPart, layerPart } from "../image/layer_parts.ts";
import type { Records } from "../io/records.ts";
import {
  type Descriptor,
  isForeign,
  isIndexType,
  MediaType,
  ociMediaType,
} from "../oci/descriptor.ts";
import { type ImageConfig, type Manifest, parseConfig } from "../oci/manifest.ts";
import type { FileFacts, ImageFacts } from "../trust/contents.ts";

/** How facts are found out of one image. */
interface FactsOptions extends WorkOptions {
  /** What an image is called that does not say what it was built from. */
  readonly name?: string | undefined;
}

/** Where facts are from, beside the image. */
interface FactsSources {
  /** What tells of programs and modules. */
  readonly go: Pick<GoCommand, "command" | "environment">;
  /** What was seen in layers before; with it they are not read again. */
  readonly records?: Records | undefined;
}

/** Changes when the same layers would give other records. */
const FORMAT = 3;

/** Finds out facts; what go says of its modules is asked once. */
export class FactsFinder {
  #modules: ReturnType<typeof moduleZips> | undefined;

  constructor(readonly from: FactsSources) {}

  /** Facts of a root: of an index itself, and of each image below it. */
  async below(
    source: Blobs,
    root: Descriptor,
    options: FactsOptions = {},
  ): Promise<readonly ImageFacts[]> {
    const images = await imagesWithPlatform(source, root, options);
    const facts: ImageFacts[] = [];
    for (const image of images) facts.push(await this.#image(source, image, options));
    if (!isIndexType(root.mediaType)) return facts;
    const { index } = await readGraphDocument(source, root, options);
    const name = facts[0]?.name ?? options.name ?? "image";
    const base = baseOf(index?.annotations);
    return [{ image: root, name, ...base, files: [], images }, ...facts];
  }

  async #image(source: Blobs, image: Descriptor, options: FactsOptions): Promise<ImageFacts> {
    const { manifest } = await readGraphDocument(source, image, options);
    if (manifest === undefined || ociMediaType(manifest.config.mediaType) !== MediaType.config) {
      const why = "it is no image";
      throw new KodenoError("BAD_CONTENT", `Cannot list what is in ${image.digest}: ${why}`);
    }
    const bytes = await readDocument(source, manifest.config, options);
    const config = parseConfig(bytes, `config ${manifest.config.digest}`);
    const built = builtPackage(config);
    const name = (built && posix.basename(built)) || options.name || "image";
    const layers = ownLayers(manifest, config);
    for (const { layer } of layers.filter(({ layer }) => isForeign(layer))) {
      const message = `Note: the foreign layer ${layer.digest} of ${image.digest} is not looked ` +
        "into; its SBOM lists no files of that";
      options.emit?.({ type: "note", level: "info", message });
    }
    const files: FileFacts[] = [];
    const here = layers.filter(({ layer }) => !isForeign(layer));
    for (const { program, ...file } of await this.#files(source, here, options)) {
      files.push({ ...file, program: program && await this.#complete(program, options) });
    }
    if (!files.some(({ program }) => program)) {
      const message = `Note: no program in ${image.digest} says what it is made of; its SBOM ` +
        "lists what the image stands on, and files";
      options.emit?.({ type: "note", level: "info", message });
    }
    const { platform } = image;
    return { image, name, ...baseOf(manifest.annotations), platform, files, images: [] };
  }

  async #files(source: Blobs, layers: readonly OwnLayer[], options: FactsOptions) {
    const { go, records } = this.from;
    const key = JSON.stringify([
      FORMAT,
      layers.map(({ layer, part }) => [layer.digest, part !== undefined]),
    ]);
    const known = records?.known(key) as readonly FoundFile[] | undefined;
    if (known !== undefined) return known;
    const found = await filesIn(source, layers, go, options);
    await records?.remember(key, found);
    return found;
  }

  /** Adds what is known of the files that modules come in. */
  async #complete(info: BuildInfo, { signal }: FactsOptions) {
    const { go, records } = this.from;
    // In a folder of no module, whose go.mod could ask for another toolchain.
    const how = { ...go, directory: tmpdir(), signal };
    const complete = await (this.#modules ??= moduleZips(how, records));
    // One after the other: a large program has hundreds of them.
    const modules: Awaited<ReturnType<typeof complete>>[] = [];
    for (const module of info.modules) modules.push(await complete(module));
    return { ...info, main: info.main && await complete(info.main), modules };
  }
}

function baseOf(annotations: Readonly<Record<string, string>> | undefined) {
  const base = statedBase(annotations);
  return base.digest === undefined && base.name === undefined ? {} : { base };
}

/** A layer that is not the base's, as far as that is known. */
interface OwnLayer {
  readonly layer: Descriptor;
  readonly part: LayerPart | undefined;
}

/** The layers that are not the base's; all of an image that does not tell which these are. */
function ownLayers({ layers }: Manifest, config: ImageConfig): readonly OwnLayer[] {
  const parts = layers.map((layer, i) => ({ layer, part: layerPart(config, i - layers.length) }));
  return parts.filter(({ part }) => part !== "base");
}

/** A file, and what go has left in it. */
interface FoundFile extends Pick<FileFacts, "path" | "sha1" | "sha256"> {
  readonly program?: BuildInfo | undefined;
}

/** A file while it is looked at; its content is kept where it may be a program. */
interface SeenFile extends FoundFile {
  readonly kept?: string | undefined;
  /** Whether it is listed though it is no program. */
  readonly isOwn: boolean;
}

async function filesIn(
  source: Blobs,
  layers: readonly OwnLayer[],
  go: FactsSources["go"],
  options: FactsOptions,
): Promise<readonly FoundFile[]> {
  const folder = await Deno.makeTempDir({ prefix: "kodeno-" });
  try {
    const files = new Map<string, SeenFile>();
    const keep = keeper(folder);
    for (const { layer, part } of layers) {
      await lookInto(source, layer, { files, keep, isOwn: part !== undefined }, options);
    }
    const isKept = files.values().some((file) => file.kept !== undefined);
    const how = { ...go, directory: folder, signal: options.signal };
    const infos = isKept ? await buildInfosIn(how) : new Map<string, BuildInfo>();
    const found: FoundFile[] = [];
    for (const { kept = "", isOwn, ...file } of files.values()) {
      const program = infos.get(kept);
      if (isOwn || program !== undefined) found.push({ ...file, program });
    }
    return found.sort((a, b) => a.path < b.path ? -1 : 1);
  } finally {
    await Deno.remove(folder, { recursive: true }).catch(() => {});
  }
}

interface Looking {
  /** By their paths; a layer takes away, or replaces, what is in those below it. */
  readonly files: Map<string, SeenFile>;
  readonly keep: () => FileLook;
  readonly isOwn: boolean;
}

/** Gives each file that is looked at a name in a folder. */
function keeper(folder: string): () => FileLook {
  let count = 0;
  return () => new FileLook(folder, String(count++));
}

async function lookInto(
  source: Blobs,
  layer: Descriptor,
  { files, keep, isOwn }: Looking,
  options: FactsOptions,
): Promise<void> {
  const seen = new LayerFiles<SeenFile>();
  await readLayer(source, layer, (entry) => {
    const path = pathInImage(entry.path);
    seen.see(path, entry.type === "Directory");
    if (!entry.isFile || whiteoutOf(path) !== undefined) return undefined;
    const file = keep();
    return {
      write: (chunk) => file.write(chunk),
      end: () => {
        const found = file.end();
        if (isOwn || found.kept !== undefined) seen.set(path, { path, ...found, isOwn });
      },
    };
  }, { signal: options.signal });
  seen.putOn(files);
}

/** Hashes a file, and keeps it where it may be a program. */
class FileLook {
  readonly #hashes = { sha1: createHash("sha1"), sha256: createHash("sha256") };
  readonly #kept: KeptProgram;

  constructor(folder: string, readonly name: string) {
    this.#kept = new KeptProgram(join(folder, name));
  }

  write(chunk: Uint8Array): void {
    this.#hashes.sha1.update(chunk);
    this.#hashes.sha256.update(chunk);
    this.#kept.write(chunk);
  }

  /** The hashes, and the name where the content is kept. */
  end(): Pick<SeenFile, "sha1" | "sha256" | "kept"> {
    const { sha1, sha256 } = this.#hashes;
    const kept = this.#kept.end() ? this.name : undefined;
    return { sha1: sha1.digest("hex"), sha256: sha256.digest("hex"), kept };
  }
}
