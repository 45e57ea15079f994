/**
 * Writes a layout by hand, so that what is measured does not depend on what is being measured.
 * @module
 */
import { createHash } from "node:crypto";
import { gzipSync } from "node:zlib";
import { join } from "node:path";
import { environment, output } from "./process.ts";

const OCI = "application/vnd.oci.image";

/** What points to a blob. */
export interface Descriptor {
  readonly mediaType: string;
  readonly digest: string;
  readonly size: number;
}

/** A layer: the blob, and what it is when unpacked. */
export interface Layer {
  readonly descriptor: Descriptor;
  readonly diffId: string;
}

/** A layout that is being written. */
export class LayoutWriter {
  readonly #blobs: string;

  /** @param folder of the layout, which exists */
  constructor(readonly folder: string) {
    this.#blobs = join(folder, "blobs", "sha256");
  }

  /** Writes a blob: bytes, or a document. */
  async blob(mediaType: string, content: unknown): Promise<Descriptor> {
    await Deno.mkdir(this.#blobs, { recursive: true });
    const bytes = content instanceof Uint8Array
      ? content
      : new TextEncoder().encode(JSON.stringify(content));
    const hex = sha256(bytes);
    await Deno.writeFile(join(this.#blobs, hex), bytes);
    return { mediaType, digest: `sha256:${hex}`, size: bytes.length };
  }

  /** Writes a layer with one file. */
  async layer(content: Uint8Array): Promise<Layer> {
    const tar = await makeTar(this.folder, content);
    const packed = new Uint8Array(gzipSync(tar, { level: 1 }));
    const descriptor = await this.blob(`${OCI}.layer.v1.tar+gzip`, packed);
    return { descriptor, diffId: `sha256:${sha256(tar)}` };
  }

  /** Packs a tar that is a file into a layer; it is not held in memory. */
  async packed(tar: string): Promise<Layer> {
    const shell = async (script: string): Promise<string> =>
      await output({ program: "sh", args: ["-euc", script, tar], env: environment(), cwd: "/" });
    const [diffId] = (await shell('sha256sum "$0"; gzip -1 "$0"')).split(" ");
    const [hex = ""] = (await shell('sha256sum "$0.gz"')).split(" ");
    await Deno.mkdir(this.#blobs, { recursive: true });
    const { size } = await Deno.stat(`${tar}.gz`);
    await Deno.rename(`${tar}.gz`, join(this.#blobs, hex));
    const mediaType = `${OCI}.layer.v1.tar+gzip`;
    const descriptor = { mediaType, digest: `sha256:${hex}`, size };
    return { descriptor, diffId: `sha256:${diffId}` };
  }

  /** Writes the manifest and config of one platform. */
  async manifest(name: string, layers: readonly Layer[]): Promise<Descriptor> {
    const [os, architecture, variant] = name.split("/");
    const platform = { architecture, os, ...(variant ? { variant } : {}) };
    const rootfs = { type: "layers", diff_ids: layers.map(({ diffId }) => diffId) };
    const config = await this.blob(`${OCI}.config.v1+json`, { ...platform, config: {}, rootfs });
    const mediaType = `${OCI}.manifest.v1+json`;
    const descriptors = layers.map(({ descriptor }) => descriptor);
    const manifest = { schemaVersion: 2, mediaType, config, layers: descriptors };
    return { ...await this.blob(mediaType, manifest), platform } as Descriptor;
  }

  /** Writes an index of manifests. */
  async index(manifests: readonly Descriptor[]): Promise<Descriptor> {
    const mediaType = `${OCI}.index.v1+json`;
    return await this.blob(mediaType, { schemaVersion: 2, mediaType, manifests });
  }

  /** Writes what makes the folder a layout: its entries, with their names where they have some. */
  async finish(entries: readonly (readonly [Descriptor, name?: string])[]): Promise<void> {
    const mediaType = `${OCI}.index.v1+json`;
    const manifests = entries.map(([entry, name]) => {
      if (name === undefined) return entry;
      const annotations = {
        "io.containerd.image.name": name,
        "org.opencontainers.image.ref.name": name.slice(name.lastIndexOf(":") + 1),
      };
      return { ...entry, annotations };
    });
    const index = JSON.stringify({ schemaVersion: 2, mediaType, manifests });
    await Deno.writeTextFile(join(this.folder, "index.json"), index);
    await Deno.writeTextFile(join(this.folder, "oci-layout"), '{"imageLayoutVersion":"1.0.0"}');
  }
}

/** Makes a layout, unless it is there; an interrupted bench leaves no half of one. */
export async function makeLayout(
  folder: string,
  write: (layout: LayoutWriter) => Promise<void>,
): Promise<void> {
  if (await Deno.stat(folder).catch(() => undefined)) return;
  const half = `${folder}.new`;
  await Deno.remove(half, { recursive: true }).catch(() => {});
  await Deno.mkdir(half, { recursive: true });
  await write(new LayoutWriter(half));
  await Deno.rename(half, folder);
}

/** The digest of some bytes, in hex. */
export function sha256(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex");
}

/** Random bytes. */
export function randomBytes(length: number): Uint8Array {
  const random = new Uint8Array(length);
  for (let at = 0; at < length; at += 50_000) {
    crypto.getRandomValues(random.subarray(at, at + 50_000));
  }
  return random;
}

/** A tar archive with one file. */
async function makeTar(parent: string, content: Uint8Array): Promise<Uint8Array> {
  const folder = await Deno.makeTempDir({ dir: parent });
  await Deno.mkdir(join(folder, "etc"));
  // Layers of one image are laid over one another: each has a file of its own.
  await Deno.writeFile(join(folder, "etc", sha256(content).slice(0, 12)), content);
  const archive = join(folder, "layer.tar");
  const args = ["-cf", archive, "-C", folder, "etc"];
  await output({ program: "tar", args, env: environment(), cwd: folder });
  const bytes = await Deno.readFile(archive);
  await Deno.remove(folder, { recursive: true });
  return bytes;
}
