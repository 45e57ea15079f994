/**
 * A writer of layouts and archives as other tools, or nobody, would write them: the documents are given
 * as they are to stand there, and nothing is checked.
 * @module
 */
import { dirname } from "node:path";
import { TAR_END } from "../../src/io/tar_writer.ts";
import { blobPath } from "../../src/oci/descriptor.ts";
import { concat, member } from "../archive/images.ts";
import type { Blob } from "../support/image_graph.ts";

/** What a layout is made of. */
export interface OddLayout {
  /** `index.json`: a value, or its text. */
  readonly index: unknown;
  readonly blobs: readonly Blob[];
  /** Other files, by their paths in the layout: as blobs of digests that kodeno does not know. */
  readonly files?: Readonly<Record<string, string | Uint8Array>>;
}

/** The files of a layout, by their paths. */
function filesOf(
  { index, blobs, files = {} }: OddLayout,
): readonly [string, string | Uint8Array][] {
  return [
    ["oci-layout", '{"imageLayoutVersion":"1.0.0"}'],
    ["index.json", typeof index === "string" ? index : JSON.stringify(index)],
    ...blobs.map(({ descriptor, bytes }): [string, Uint8Array] => [blobPath(descriptor), bytes]),
    ...Object.entries(files),
  ];
}

/** Writes a layout; only the folders that it needs are made. */
export async function writeOddLayout(folder: string, layout: OddLayout): Promise<void> {
  for (const [path, content] of filesOf(layout)) {
    await Deno.mkdir(dirname(`${folder}/${path}`), { recursive: true });
    const bytes = typeof content === "string" ? new TextEncoder().encode(content) : content;
    await Deno.writeFile(`${folder}/${path}`, bytes);
  }
}

/** Writes the same as an archive, each file once. */
export async function writeOddArchive(path: string, layout: OddLayout): Promise<void> {
  const files = new Map(filesOf(layout));
  const members = [...files].map(([name, content]) => member(name, content));
  await Deno.writeFile(path, concat(...members, TAR_END));
}
