/**
 * The base image of both programs: one small layer for every platform, as a layout (for kodeno) and
 * in a registry of this machine (for ko, which reads base images from registries only).
 * @module
 */
import { createHash } from "node:crypto";
import { gzipSync } from "node:zlib";
import { join } from "node:path";
import { goTool } from "../test/parts/tools.ts";
import { environment, output } from "./process.ts";

const OCI = "application/vnd.oci.image";
/** About what a base image without a distribution has. */
const LAYER_BYTES = 1_000_000;

/** The folder of the layout. */
export function baseFolder(work: string): string {
  return join(work, "base");
}

/** Makes the layout, unless it is there. */
export async function makeBase(work: string, platforms: readonly string[]): Promise<void> {
  const folder = baseFolder(work);
  if (await Deno.stat(folder).catch(() => undefined)) return;
  const half = `${folder}.new`;
  await Deno.remove(half, { recursive: true }).catch(() => {});
  const blobs = join(half, "blobs", "sha256");
  await Deno.mkdir(blobs, { recursive: true });

  const blob = async (mediaType: string, content: unknown) => {
    const bytes = content instanceof Uint8Array
      ? content
      : new TextEncoder().encode(JSON.stringify(content));
    const hex = sha256(bytes);
    await Deno.writeFile(join(blobs, hex), bytes);
    return { mediaType, digest: `sha256:${hex}`, size: bytes.length };
  };

  const tar = await makeTar(half);
  const layer = await blob(`${OCI}.layer.v1.tar+gzip`, new Uint8Array(gzipSync(tar)));
  const manifests = [];
  for (const name of platforms) {
    const [os, architecture, variant] = name.split("/");
    const platform = { architecture, os, ...(variant ? { variant } : {}) };
    const rootfs = { type: "layers", diff_ids: [`sha256:${sha256(tar)}`] };
    const config = await blob(`${OCI}.config.v1+json`, { ...platform, config: {}, rootfs });
    const mediaType = `${OCI}.manifest.v1+json`;
    const manifest = { schemaVersion: 2, mediaType, config, layers: [layer] };
    manifests.push({ ...await blob(mediaType, manifest), platform });
  }
  const mediaType = `${OCI}.index.v1+json`;
  const index = await blob(mediaType, { schemaVersion: 2, mediaType, manifests });
  const entries = { schemaVersion: 2, mediaType, manifests: [index] };
  await Deno.writeTextFile(join(half, "index.json"), JSON.stringify(entries));
  await Deno.writeTextFile(join(half, "oci-layout"), '{"imageLayoutVersion":"1.0.0"}');
  await Deno.rename(half, folder);
}

function sha256(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex");
}

/** A tar archive with one file of random bytes, which do not compress. */
async function makeTar(parent: string): Promise<Uint8Array<ArrayBuffer>> {
  const folder = await Deno.makeTempDir({ dir: parent });
  const random = new Uint8Array(LAYER_BYTES);
  for (let at = 0; at < random.length; at += 50_000) {
    crypto.getRandomValues(random.subarray(at, at + 50_000));
  }
  await Deno.mkdir(join(folder, "etc"));
  await Deno.writeFile(join(folder, "etc", "random"), random);
  const archive = join(folder, "layer.tar");
  const args = ["-cf", archive, "-C", folder, "etc"];
  await output({ program: "tar", args, env: environment(), cwd: folder });
  const bytes = await Deno.readFile(archive);
  await Deno.remove(folder, { recursive: true });
  return bytes;
}

/**
 * Puts the base image into a registry.
 *
 * @param host of the registry
 * @returns its reference
 */
export async function pushBase(work: string, host: string): Promise<string> {
  const reference = `${host}/base:latest`;
  const args = ["push", baseFolder(work), reference];
  await output({ program: await goTool("crane"), args, env: environment(), cwd: work });
  return reference;
}
