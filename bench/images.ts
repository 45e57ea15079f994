/**
 * The images that are moved: one for eight platforms, 300 MB all in all, one of 300 MB for the
 * platform of a Docker daemon, a small one, and one of 2 GB. Their layers are gzipped and unpack to twice their size, as programs
 * do.
 * @module
 */
import { join } from "node:path";
import { environment, output } from "./process.ts";
import { makeLayout, randomBytes, sha256 } from "./write_layout.ts";

/** Name and tag of all images. */
export const NAME = "bench/image";
export const TAG = "v1";

const PLATFORMS = [
  ...["linux/amd64", "linux/arm64", "linux/arm/v7", "linux/s390x"],
  ...["linux/386", "linux/arm/v6", "linux/ppc64le", "linux/riscv64"],
];
/** What all platforms share, as they share kodata; a base; and a program. */
const SHARED_BYTES = 12_000_000;
const BASE_BYTES = 6_000_000;
const PROGRAM_BYTES = 30_000_000;
const SMALL_LAYERS = [200_000, 100_000];
const LARGE_LAYERS = 16;
const LARGE_LAYER_BYTES = 125_000_000;
const SINGLE_LAYERS = [12_000_000, 48_000_000, 90_000_000, 150_000_000];

/** The folder of the image for eight platforms. */
export function manyFolder(work: string): string {
  return join(work, "images", "many");
}

interface Index {
  readonly manifests: readonly { readonly digest: string }[];
}

/** Digests of a layout's entry and of everything below it. */
export interface Graph {
  readonly root: string;
  /** Their sizes, in bytes. */
  readonly blobs: ReadonlyMap<string, number>;
}

/** Makes the image for eight platforms, unless it is there. */
export async function makeMany(work: string): Promise<Graph> {
  const folder = manyFolder(work);
  await makeLayout(folder, async (layout) => {
    const shared = await layout.layer(content(SHARED_BYTES));
    const manifests = [];
    for (const platform of PLATFORMS) {
      const own = [await layout.layer(content(BASE_BYTES)), shared];
      own.push(await layout.layer(content(PROGRAM_BYTES)));
      manifests.push(await layout.manifest(platform, own));
    }
    await layout.finish([[await layout.index(manifests), `${NAME}:${TAG}`]]);
  });
  return await graphOf(folder);
}

/** The folder of the small image. */
export function smallFolder(work: string): string {
  return join(work, "images", "small");
}

/** Makes the small image, for one platform, unless it is there. */
export async function makeSmall(work: string): Promise<Graph> {
  const folder = smallFolder(work);
  await makeLayout(folder, async (layout) => {
    const layers = [];
    for (const bytes of SMALL_LAYERS) layers.push(await layout.layer(content(bytes)));
    await layout.finish([[await layout.manifest("linux/amd64", layers), `${NAME}:${TAG}`]]);
  });
  return await graphOf(folder);
}

/** The image for one platform, as an archive for `docker load`. */
export interface Single {
  readonly archive: string;
  /** What the daemon calls it. */
  readonly reference: string;
  /** Digest of its config. */
  readonly id: string;
}

/** Makes the image for one platform and its archive, unless they are there. */
export async function makeSingle(work: string, kodeno: string): Promise<Single> {
  const folder = join(work, "images", "single");
  const archive = `${folder}.tar`;
  const reference = `${NAME}:${TAG}`;
  await makeLayout(folder, async (layout) => {
    const layers = [];
    for (const bytes of SINGLE_LAYERS) layers.push(await layout.layer(content(bytes)));
    await layout.finish([[await layout.manifest("linux/amd64", layers), reference]]);
  });
  if (!await Deno.stat(archive).catch(() => undefined)) {
    const args = ["copy", `oci:${folder}:${reference}`, `archive:${archive}:${reference}`];
    await output({ program: kodeno, args, env: environment(), cwd: work });
  }
  const { root } = await graphOf(folder);
  const manifest = await Deno.readTextFile(blobFile(folder, root));
  const { config } = JSON.parse(manifest) as { config: { digest: string } };
  return { archive, reference, id: config.digest };
}

/** The folder of images of 2 GB all in all. */
export function largeFolder(work: string): string {
  return join(work, "images", "large");
}

/** Makes an image of 2 GB, whose layers nobody can unpack, unless it is there. */
export async function makeLarge(work: string): Promise<Graph> {
  const folder = largeFolder(work);
  await makeLayout(folder, async (layout) => {
    const layers = [];
    for (let i = 0; i < LARGE_LAYERS; i++) {
      const bytes = randomBytes(LARGE_LAYER_BYTES);
      const descriptor = await layout.blob("application/vnd.oci.image.layer.v1.tar", bytes);
      layers.push({ descriptor, diffId: descriptor.digest });
    }
    await layout.finish([[await layout.manifest("linux/amd64", layers), `${NAME}:${TAG}`]]);
  });
  return await graphOf(folder);
}

/** The entry of a layout with one image, and all of its blobs. */
async function graphOf(folder: string): Promise<Graph> {
  const index = await Deno.readTextFile(join(folder, "index.json"));
  const { manifests: [root] } = JSON.parse(index) as Index;
  if (root === undefined) throw new Error(`${folder} has no image`);
  const blobs = new Map<string, number>();
  for await (const { name } of Deno.readDir(join(folder, "blobs", "sha256"))) {
    const digest = `sha256:${name}`;
    blobs.set(digest, (await Deno.stat(blobFile(folder, digest))).size);
  }
  return { root: root.digest, blobs };
}

function blobFile(layout: string, digest: string): string {
  return join(layout, "blobs", ...digest.split(":"));
}

/**
 * Checks that a layout has an image whole, all bytes of it.
 *
 * @throws when something is missing or other than it was
 */
export async function checkCopy(layout: string, { root, blobs }: Graph): Promise<void> {
  const index = await Deno.readTextFile(join(layout, "index.json"));
  const { manifests } = JSON.parse(index) as Index;
  if (!manifests.some(({ digest }) => digest === root)) throw new Error(`no ${root} was pulled`);
  for (const digest of blobs.keys()) {
    const actual = `sha256:${sha256(await Deno.readFile(blobFile(layout, digest)))}`;
    if (actual !== digest) throw new Error(`blob ${digest} was pulled as ${actual}`);
  }
}

/**
 * Checks what lies in the storage of docker-registry, which checks digests itself.
 *
 * @param image what has to be there; of an image whose digests are not known, how many platforms
 * @throws when something is missing
 */
export async function checkStorage(
  storage: string,
  repository: string,
  image: Graph | number,
): Promise<void> {
  const root = join(storage, "docker", "registry", "v2");
  const tag = typeof image === "number" ? "latest" : TAG;
  const link = join(root, "repositories", repository, "_manifests", "tags", tag, "current", "link");
  const digest = await Deno.readTextFile(link);
  const data = (digest: string): string => {
    const hex = digest.slice("sha256:".length);
    return join(root, "blobs", "sha256", hex.slice(0, 2), hex, "data");
  };
  if (typeof image !== "number") {
    if (digest !== image.root) throw new Error(`${digest} was pushed, not ${image.root}`);
    for (const [blob, size] of image.blobs) {
      const { size: actual } = await Deno.stat(data(blob));
      if (actual !== size) throw new Error(`blob ${blob} was pushed with ${actual} bytes`);
    }
    return;
  }
  const { manifests } = JSON.parse(await Deno.readTextFile(data(digest))) as Index;
  if (manifests.length !== image) throw new Error(`${manifests.length} platforms were pushed`);
  for (const { digest } of manifests) await Deno.stat(data(digest));
}

/** Bytes that gzip makes half of: each piece is there twice, near enough for it to see. */
function content(packedBytes: number): Uint8Array {
  const piece = 16_000;
  const random = randomBytes(packedBytes);
  const whole = new Uint8Array(2 * packedBytes);
  for (let at = 0; at < packedBytes; at += piece) {
    const part = random.subarray(at, at + piece);
    whole.set(part, 2 * at);
    whole.set(part, 2 * at + part.length);
  }
  return whole;
}
