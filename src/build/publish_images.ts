/**
 * Builds images and publishes each as soon as it is finished, as ko's `PublishImages`.
 * @module
 */
import { KodenoError } from "../errors.ts";
import type { BuiltImage } from "../image/assemble.ts";
import { Pool } from "../io/work.ts";
import type { WorkOptions } from "../events.ts";
import type { Builder, PreparedBuild } from "./builder.ts";
import type { PublishCallOptions, Publisher } from "./publisher.ts";
import { summarize } from "../content/reader.ts";

/**
 * Builds main packages and publishes their images.
 *
 * @param importpaths import paths, folders, or patterns with `...`; none stands for `.`
 * @returns the reference of each image by the import path of its package, in the order of the plan
 * @throws {KodenoError} what builder and publisher throw; nothing half-made is left then
 *
 * @example
 * ```ts
 * import { newBuilder, newPublisher, publishImages } from "@kodeno/kodeno";
 * const out = await Deno.makeTempDir();
 * const builder = newBuilder({ workingDirectory: "examples/hello", platforms: ["linux/arm64"] });
 * const publisher = newPublisher({ ociLayout: `${out}/layout` });
 * const images = await publishImages(["."], publisher, builder);
 * if (!images.get("example.com/hello")?.startsWith("hello:latest@sha256:")) throw new Error();
 * await builder.close();
 * await Deno.remove(out, { recursive: true });
 * ```
 */
export async function publishImages(
  importpaths: readonly string[],
  publisher: Publisher,
  builder: Builder,
  options: PublishImagesOptions = {},
): Promise<ReadonlyMap<string, string>> {
  const { signal, naming = publisher } = options;
  return await publishing(publisher, signal, async () => {
    const prepared = await builder.prepare(importpaths, options);
    // Names and places are checked before anything is built.
    const names = naming.names(prepared.importPaths);
    await publisher.check(names.values(), { signal });
    return await publishPrepared({ prepared, names }, publisher, builder, options);
  });
}

/** How images are built and published. */
export interface PublishImagesOptions extends WorkOptions {
  /** Names them in the place of the publisher. */
  readonly naming?: Pick<Publisher, "names"> | undefined;
}

/** Closes a publisher well when all work has succeeded; else what that has left is taken back. */
export async function publishing<T>(
  publisher: Publisher,
  signal: AbortSignal | undefined,
  work: () => Promise<T>,
): Promise<T> {
  try {
    const result = await work();
    await publisher.close({ signal });
    return result;
  } catch (error) {
    await publisher.close({ failed: true });
    throw error;
  }
}

/** Images to build, and what they are called. */
export interface NamedBuild {
  readonly prepared: PreparedBuild;
  /** Names by import path. */
  readonly names: ReadonlyMap<string, string>;
  /** In the place of the publisher's own tags. */
  readonly tags?: readonly string[] | undefined;
}

/**
 * Builds what was prepared and puts the images into the places of a publisher, which stays in use.
 *
 * @throws {KodenoError} what builder and publisher throw
 */
export async function publishPrepared(
  { prepared, names, tags }: NamedBuild,
  publisher: Publisher,
  builder: Builder,
  options: WorkOptions = {},
): Promise<ReadonlyMap<string, string>> {
  const began = performance.now();
  const references = new Map<string, string>();
  const running: Promise<void>[] = [];
  // Each copy moves several blobs at once by itself.
  const places = new Pool(2);
  const failed = new AbortController();
  const signal = options.signal ? AbortSignal.any([options.signal, failed.signal]) : failed.signal;
  const work = { ...options, signal, tags };

  const publish = async (image: BuiltImage): Promise<void> => {
    const name = names.get(image.importPath) ?? image.importPath;
    const reference = await publishChecked(image, name, publisher, builder, prepared, work);
    references.set(image.importPath, reference);
    for (const platform of image.platforms) {
      const elapsedMs = Math.round(performance.now() - began);
      const event = { type: "stage", stage: "done", elapsedMs } as const;
      options.emit?.({ ...event, image: image.importPath, platform });
    }
    if (options.emit === undefined) return;
    const { importPath, platforms, root } = image;
    const { size } = await summarize(image, root, { signal });
    const what = { name: reference.replace(/@.*$/, ""), digest: root.digest, size, platforms };
    options.emit({ type: "image", importPath, ...what, references: [reference] });
  };

  try {
    // Copying the first images goes on while the others are built.
    for await (const image of builder.build(prepared, work)) {
      const one = places.run(() => publish(image));
      one.catch((error) => failed.abort(error));
      running.push(one);
    }
  } catch (error) {
    failed.abort(error);
  }
  await Promise.allSettled(running);
  options.signal?.throwIfAborted();
  failed.signal.throwIfAborted();
  return new Map([...names.keys()].map((path) => [path, references.get(path) ?? ""]));
}

/**
 * Publishes an image; when a layer of the cache turns out to be damaged or gone, it is forgotten and
 * the image is built once more. Each layer gets one such chance.
 */
async function publishChecked(
  image: BuiltImage,
  name: string,
  publisher: Publisher,
  builder: Builder,
  prepared: PreparedBuild,
  work: WorkOptions & PublishCallOptions,
): Promise<string> {
  const evicted = new Set<string>();
  for (let current = image;;) {
    try {
      return await publisher.publish(current, name, work);
    } catch (error) {
      const digest = error instanceof KodenoError ? String(error.detail["digest"]) : "";
      if (evicted.has(digest)) throw error;
      // Those of a base that kodeno makes are in the cache, too. One that was only missed stays: it
      // may be there again, for another image.
      const damaged = error instanceof KodenoError && error.code === "BAD_CONTENT";
      const cached = damaged && await builder.evict(digest);
      if (!cached && !current.ownLayers.includes(digest)) throw error;
      evicted.add(digest);
      const only = { ...work, only: [image.importPath] };
      for await (const again of builder.build(prepared, only)) current = again;
    }
  }
}
