/**
 * Images that a daemon can run, and pieces of tar files.
 * @module
 */
import { gzipSync } from "node:zlib";
import { copy } from "../../src/content/copy.ts";
import type { CallOptions, Source } from "../../src/content/places.ts";
import { digestOf } from "../../src/io/hash.ts";
import { TAR_END, type TarEntry, tarHeader, tarPadding } from "../../src/io/tar_writer.ts";
import { type Descriptor, MediaType } from "../../src/oci/descriptor.ts";
import { ArchiveTarget } from "../../src/place/archive/archive_target.ts";
import { MemoryStore } from "../../src/place/memory.ts";
import { simpleModule } from "../support/go_module.ts";
import { type Blob, blob, image, index, pushAll } from "../support/image_graph.ts";
import { succeed } from "../support/process.ts";
import { tempDir } from "../support/temp.ts";

/** Joins bytes. */
export function concat(...parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let offset = 0;
  for (const part of parts) {
    whole.set(part, offset);
    offset += part.length;
  }
  return whole;
}

/** A member of a tar: its header, content and padding. */
export function member(
  entry: string | TarEntry,
  content: string | Uint8Array = "",
): Uint8Array<ArrayBuffer> {
  const bytes = typeof content === "string" ? new TextEncoder().encode(content) : content;
  const whole = typeof entry === "string"
    ? { type: "file" as const, name: entry, mode: 0o755, size: bytes.length }
    : entry;
  return concat(tarHeader(whole), bytes, new Uint8Array(tarPadding(bytes.length)));
}

/** A tar of members, with its end. */
export function tar(...members: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  return concat(...members, TAR_END);
}

/** An image of several platforms in memory. */
export interface RealImage {
  readonly store: MemoryStore;
  /** The index. */
  readonly root: Descriptor;
  /** For linux/amd64, which is the second in the index, and linux/arm64. */
  readonly amd64: { readonly manifest: Blob; readonly config: Blob };
  readonly arm64: { readonly manifest: Blob; readonly config: Blob };
}

let program: Promise<Uint8Array> | undefined;

/** A program that prints "it runs dev" and needs nothing of the system; built once. */
async function build(): Promise<Uint8Array> {
  await using dir = await tempDir();
  await simpleModule(dir, "it runs");
  const env = { ...Deno.env.toObject(), CGO_ENABLED: "0", GOARCH: "amd64", GOOS: "linux" };
  await succeed("go", ["build", "-ldflags=-s -w", "-o", "app", "."], { cwd: dir.path, env });
  return await Deno.readFile(dir.join("app"));
}

/** An image with gzip layers, which prints "it runs dev" on linux/amd64. */
export async function realImage(text = "real"): Promise<RealImage> {
  const app = await (program ??= build());
  const parts = (["arm64", "amd64"] as const).map((architecture) => {
    const tars = [
      tar(member("note", text)),
      tar(member("app", architecture === "amd64" ? app : "")),
    ];
    const layers = tars.map((bytes) => blob(new Uint8Array(gzipSync(bytes)), MediaType.layerGzip));
    const platform = { os: "linux", architecture };
    const made = image(platform, layers, {
      config: { Entrypoint: ["/app"] },
      rootfs: { type: "layers", diff_ids: tars.map((bytes) => digestOf(bytes)) },
    });
    return { ...made, layers, platform };
  });
  const [arm64, amd64] = parts;
  if (!arm64 || !amd64) throw new Error("there are two");
  const root = index(parts.map(({ manifest, platform }) => [manifest, platform]));
  const store = new MemoryStore();
  for (const { layers, config, manifest } of parts) {
    await pushAll(store, [...layers, config, manifest]);
  }
  await pushAll(store, [root]);
  return { store, root: root.descriptor, amd64, arm64 };
}

/** Writes an archive of images; without names they are found by their digests. */
export async function writeArchive(
  path: string,
  source: Source,
  images: readonly { readonly descriptor: Descriptor; readonly names: readonly string[] }[],
  { signal }: CallOptions = {},
): Promise<void> {
  await using archive = new ArchiveTarget(path);
  await archive.check();
  for (const { descriptor, names } of images) {
    await copy(source, descriptor, archive, { tags: names, signal });
    if (names.length === 0) await archive.keep([descriptor], { signal });
  }
  await archive.close({ signal });
}

/** One memory with all that the images have. */
export async function together(images: readonly RealImage[]): Promise<MemoryStore> {
  const all = new MemoryStore();
  for (const { store, root } of images) await copy(store, root, all);
  return all;
}
