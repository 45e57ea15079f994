/**
 * What programs are told of images when all of them are where they belong: their references one a line,
 * the files that `docker buildx build` and `bake` write, and what GitHub Actions takes from a step.
 * @module
 */
import type { ResultsConfig } from "../config/config.ts";
import type { Blobs, CallOptions } from "../content/places.ts";
import { summarize } from "../content/reader.ts";
import { readGraphDocument } from "../content/walk.ts";
import { ioFailure } from "../io/files.ts";
import { checkOutput, writeTextOutput } from "../io/output.ts";
import { bareDescriptor, type Descriptor } from "../oci/descriptor.ts";
import { normalizeName } from "../oci/reference.ts";

/** An image that is in its place. */
interface ResultImage {
  /** What stands for it among others: import path, name of an artifact, name in a layout. */
  readonly key: string;
  /** `NAME:TAG` each. */
  readonly names: readonly string[];
  /** What it can be asked for by. */
  readonly references: readonly string[];
  readonly root: Descriptor;
  /** Where it can be read. */
  readonly source: Blobs;
}

/** What is kept of one. */
interface Taken extends Omit<ResultImage, "source"> {
  /** Digest of its config, which an image of one platform has. */
  readonly config: string | undefined;
  readonly size: number;
  readonly platforms: readonly string[];
}

/** Rows of a table; what a step may add to the summary of a job ends at 1 MiB. */
const MOST_ROWS = 1000;

/** Takes images as they come, and writes of them in the end. Made by {@link openResults}. */
class Results {
  readonly #taken = new Map<string, Taken>();

  constructor(readonly config: ResultsConfig) {}

  /** Takes an image, which another one of its key replaces. */
  async take({ source, ...image }: ResultImage, { signal }: CallOptions = {}): Promise<void> {
    const { manifest } = await readGraphDocument(source, image.root, { signal });
    const config = manifest?.config.digest;
    const { size, platforms } = await summarize(source, image.root, { signal });
    this.#taken.set(image.key, { ...image, config, size, platforms });
  }

  /**
   * Writes all that was asked for.
   *
   * @param order keys of images, the first before the others; default as they came
   * @param isOne whether one image was asked for by its name, of which buildx writes otherwise than of
   * several, be that one or none
   */
  async write(isOne: boolean, order: Iterable<string> = this.#taken.keys()): Promise<void> {
    const { imageRefs, metadataFile, iidFile, github } = this.config;
    const images = [...order].flatMap((key) => this.#taken.get(key) ?? []);
    const write = async (path: string | undefined, what: string, text: () => string) => {
      if (path !== undefined) await writeTextOutput(path, { what: `${what} ${path}` }, text());
    };
    const references = images.flatMap((one) => one.references);
    await write(imageRefs, "references to", () => references.map((one) => `${one}\n`).join(""));
    await write(metadataFile, "metadata", () => JSON.stringify(metadata(images, isOne), null, 2));
    const ids = images.map(({ config, root }) => config ?? root.digest);
    await write(iidFile, "image ID", () => ids.join("\n"));
    if (github === undefined) return;
    await append(github.output, outputs(images));
    await append(github.summary, summary(images));
  }
}

/** Says before any work what cannot be written. */
export async function openResults(config: ResultsConfig): Promise<Results> {
  const { imageRefs, metadataFile, iidFile, github } = config;
  const files = { "references to": imageRefs, metadata: metadataFile, "image ID": iidFile };
  for (const [what, path] of Object.entries(files)) {
    if (path !== undefined) await checkOutput(path, `${what} ${path}`);
  }
  for (const path of Object.values(github ?? {})) await append(path, "");
  return new Results(config);
}

/** Adds to a file of the runner, which has made it, and in which other steps may have written. */
async function append(path: string, text: string): Promise<void> {
  try {
    await Deno.writeTextFile(path, text, { append: true, create: false });
  } catch (error) {
    throw ioFailure(`write to ${path} for GitHub (--github)`, error);
  }
}

/** What buildx writes of a build; of several, as its `bake` does, by their keys. */
function metadata(images: readonly Taken[], isOne: boolean): unknown {
  const [only, ...others] = images;
  if (isOne && only !== undefined && others.length === 0) return metadataOf(only);
  const sorted = images.toSorted((a, b) => a.key < b.key ? -1 : 1);
  return Object.fromEntries(sorted.map((one) => [one.key, metadataOf(one)]));
}

function metadataOf({ config, root, names }: Taken) {
  return {
    ...(config === undefined ? {} : { "containerimage.config.digest": config }),
    "containerimage.descriptor": bareDescriptor(root),
    "containerimage.digest": root.digest,
    ...(names.length === 0 ? {} : { "image.name": names.map(normalizeName).join(",") }),
  };
}

/** Outputs of a step: `images` as JSON and, where it is one, its `digest` and its reference as `image`. */
function outputs(images: readonly Taken[]): string {
  const all = images.map(({ key, names, references, root: { digest }, platforms }) => ({
    key,
    name: names[0],
    digest,
    reference: references[0],
    platforms,
  }));
  const [only, ...others] = all;
  const one = others.length > 0 ? {} : { digest: only?.digest, image: only?.reference };
  // No value can have what nobody knows before.
  const end = `end-${crypto.randomUUID()}`;
  return Object.entries({ ...one, images: JSON.stringify(all) })
    .map(([name, value = ""]) => `${name}<<${end}\n${value}\n${end}\n`).join("");
}

/** A table for the page of the run. */
function summary(images: readonly Taken[]): string {
  const rows = images.slice(0, MOST_ROWS).map(({ names, references, root, platforms, size }) => [
    (names.length > 0 ? names : references).map(code).join("<br>"),
    code(root.digest),
    code(platforms.join(", ")),
    `${(size / 1e6).toFixed(1)} MB`,
  ]);
  const left = images.length - rows.length;
  const table = [["Image", "Digest", "Platforms", "Size"], ["---", "---", "---", "---:"], ...rows];
  const lines = table.map((cells) => `| ${cells.join(" | ")} |\n`);
  return `\n${lines.join("")}\n${left > 0 ? `and ${left} more\n\n` : ""}`;
}

/** A text as code in a cell of a table, in which it means nothing else. */
function code(text: string): string {
  const plain = text.replaceAll(/\p{Cc}/gu, " ").trim().slice(0, 300).replaceAll("|", "\\|");
  if (plain === "") return "";
  const most = Math.max(0, ...[...plain.matchAll(/`+/g)].map(([ticks]) => ticks.length));
  const fence = "`".repeat(most + 1);
  return most === 0 ? `${fence}${plain}${fence}` : `${fence} ${plain} ${fence}`;
}
