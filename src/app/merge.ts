/**
 * The use case of `kodeno merge`.
 * @module
 */
import { imageName, refName } from "../oci/entries.ts";
import { type Layout, openLayout } from "../store/layout/layout.ts";
import { mergeLayouts, type MergeOptions } from "../store/layout/merge.ts";

/** An image that came in. */
export interface MergedImage {
  /** `NAME:TAG`, or the tag alone; left out for what refers to another image. */
  readonly name?: string | undefined;
  readonly digest: string;
}

/**
 * Copies all images of layouts into one, which is made when it is not there.
 *
 * @throws {KodenoError} `BAD_PLACE`, `BAD_OPTION` for a name of different images, `BAD_CONTENT`,
 * `NOT_FOUND`, `IO_FAILED`; nothing of it shows then
 */
export async function merge(
  out: string,
  ins: readonly string[],
  options: MergeOptions = {},
): Promise<readonly MergedImage[]> {
  const from: Layout[] = [];
  for (const directory of ins) from.push(await openLayout(directory));
  const layout = await openLayout(out, { create: true });
  try {
    const entries = await mergeLayouts(layout, from, options);
    return entries.map((entry) => ({
      name: imageName(entry) ?? refName(entry),
      digest: entry.digest,
    }));
  } catch (error) {
    await layout.undo();
    throw error;
  }
}
