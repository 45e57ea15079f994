/**
 * The recipe of `kodeno cat`: the content of a file of an image, wherever the image is.
 * @module
 */
import { posix } from "node:path";
import { resolveTransferConfig } from "../config/config.ts";
import type { TransferOptions } from "../config/options.ts";
import { KodenoError, nearest } from "../errors.ts";
import type { WorkOptions } from "../events.ts";
import { RootFiles } from "../image/root_files.ts";
import type { Found, Leaf } from "../image/root_tree.ts";
import { type TakeBytes, writeOutput } from "../io/output.ts";
import { openLayered } from "../place/open_image.ts";

/** What was asked for. */
interface CatRequest extends TransferOptions, WorkOptions {
  /** `IMAGE:/PATH`, with an image as `placeToRead` has it. */
  readonly file: string;
  /** The image of one of several platforms; default a usual one, linux/amd64, or else the first. */
  readonly platform?: string | undefined;
}

/**
 * Writes the content of a file to stdout, as `RootFiles` finds it; links are followed within the image.
 *
 * @throws {KodenoError} `NOT_FOUND` where there is no file, `BAD_REFERENCE` for what is no `IMAGE:/PATH`
 */
export async function cat(request: CatRequest): Promise<void> {
  const { signal } = request;
  const what = `${request.file} to stdout`;
  const write = (take: TakeBytes) => readFile(request, take);
  await writeOutput("-", { what, signal }, write);
}

async function readFile(request: CatRequest, take: TakeBytes): Promise<void> {
  const [from, path] = splitFile(request.file);
  const config = resolveTransferConfig(request);
  await using image = await openLayered({ ...request, config, from });
  const { source, layers } = image;
  const files = new RootFiles(source, layers, image);
  const found = await files.find(path);
  const leaf = found.kind === "leaf" ? found.leaf : undefined;
  const why = leaf ? whyNoFile(leaf) : whyMissing(found, path, (i) => layers[i]?.digest ?? "");
  if (leaf !== undefined && why === undefined) return await files.writeTo(leaf, take);
  throw new KodenoError("NOT_FOUND", `Cannot print ${path} of ${from}: ${why}`, { path });
}

const SCHEME = /^(?:oci|archive|daemon|[a-z]+-[a-z]+)$/;

/** The image, and the path of a file in it. */
function splitFile(text: string): readonly [image: string, path: string] {
  const bad = (why: string) =>
    new KodenoError("BAD_REFERENCE", `Cannot print ${JSON.stringify(text)}: ${why}`);
  for (const { index } of text.matchAll(/:\//g)) {
    const image = text.slice(0, index);
    if (image === "" || SCHEME.test(image)) continue;
    const path = text.slice(index + 1);
    if (path.includes("\0")) throw bad("a path has no NUL");
    if (path.split("/").includes("..")) throw bad("say its path without ..");
    return [image, posix.normalize(path).replace(/(?<=.)\/$/, "")];
  }
  throw bad("say IMAGE:/PATH, such as out:app:v1:/etc/passwd");
}

/** Why something that is no folder has no content. */
function whyNoFile({ entry: { kind, odd } }: Leaf): string | undefined {
  if (odd !== undefined) return `it is ${odd}`;
  if (kind === "file") return undefined;
  return kind === "pipe" ? "it is a pipe" : `it is a ${kind} device`;
}

function whyMissing(found: Found, path: string, digestOf: (layer: number) => string): string {
  switch (found.kind) {
    case "folder":
      return "it is a folder";
    case "gone":
      return `layer ${digestOf(found.layer)} has removed it`;
    case "loop":
      return "it is behind links that do not end";
    case "missing": {
      if (found.below !== undefined) return `${found.below} is no folder`;
      const meant = nearest(posix.basename(path), found.beside);
      return `it is not there${meant ? ` (Did you mean ${meant}?)` : ""}`;
    }
    default:
      return "it is not there";
  }
}
