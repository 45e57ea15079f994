/**
 * A layout with one image, app:v1, whose layer is more than a connection takes at once, and how
 * many blobs a server has open.
 * @module
 */
import { randomBytes } from "node:crypto";
import { type Layout, openLayout } from "../../src/place/layout/layout.ts";
import { blob, image, pushAll } from "../support/image_graph.ts";

/** The only layer, of 16 MiB. */
export const layer = blob(randomBytes(16 * 1024 * 1024));
/** Where a server of the layout has the layer. */
export const BLOB = `/v2/app/blobs/${layer.descriptor.digest}`;

const { manifest, config } = image({ os: "linux", architecture: "amd64" }, [layer]);

/** Makes the layout. */
export async function appLayout(folder: string): Promise<Layout> {
  const layout = await openLayout(folder, { create: true });
  await pushAll(layout, [layer, config, manifest]);
  await layout.tag(manifest.descriptor, "app:v1");
  return layout;
}

/** How many blobs, of a layout in that folder or of any, a process has open. */
export function openBlobs(pid: number, folder = ""): number {
  const links = [...Deno.readDirSync(`/proc/${pid}/fd`)].map(({ name }) => {
    try {
      return Deno.readLinkSync(`/proc/${pid}/fd/${name}`);
    } catch {
      return "";
    }
  });
  return links.filter((path) => path.includes(`${folder}/blobs/sha256/`)).length;
}
