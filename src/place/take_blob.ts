/**
 * Blobs on their way into a file of a layout or an archive: checked, and what their source says of
 * itself told apart from what writing them comes to.
 * @module
 */
import type { CallOptions, OpenBlob } from "../content/places.ts";
import { writeBeside } from "../io/files.ts";
import { checkedChunks } from "../io/streams.ts";
import type { Descriptor } from "../oci/descriptor.ts";

/** Writes a blob to the file that `into` makes; `failed` has the words where that cannot be written. */
export async function takeBlob(
  d: Descriptor,
  open: OpenBlob,
  { signal }: CallOptions,
  into: (write: (file: Deno.FsFile) => Promise<void>) => Promise<void>,
  failed: (error: unknown) => Error | Promise<Error>,
): Promise<void> {
  let unopened: unknown;
  try {
    await into(async (file) => {
      const stream = await open().catch((error) => {
        throw unopened = error;
      });
      for await (const chunk of checkedChunks(stream, d, { signal })) {
        await writeBeside(file, chunk);
      }
    });
  } catch (error) {
    if (signal?.aborted) throw signal.reason;
    throw error === unopened ? error : await failed(error);
  }
}
