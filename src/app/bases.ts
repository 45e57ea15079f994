/**
 * Where base images come from: the one place that knows what a base image's name can mean.
 * @module
 */
import { isAbsolute, resolve } from "node:path";
import type { BuildConfig } from "../config/build_config.ts";
import { KodenoError } from "../errors.ts";
import { type Base, readBase } from "../image/base.ts";
import { isBuiltinBase, scratchBase, staticBase } from "../image/builtin_base.ts";
import type { LayerCache } from "../layers/cache.ts";
import { parseReference } from "../oci/reference.ts";
import { imageName, refName } from "../store/layout/entries.ts";
import { openLayout } from "../store/layout/layout.ts";

/** What opening a base may need. */
export interface BaseContext {
  readonly cache: LayerCache;
  /** Asked only for the `static` base. */
  readonly go: () => Promise<{ readonly GOROOT: string; readonly GOVERSION: string }>;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Opens the base image of a configuration for the platforms it asks for.
 *
 * @throws {KodenoError} `BAD_OPTION` for a name of no known kind, and see `readBase`
 */
export async function openBase(config: BuildConfig, context: BaseContext): Promise<Base> {
  const { baseImage, platforms: wanted, workingDirectory } = config;
  if (baseImage === "scratch") return scratchBase(wanted);
  if (isBuiltinBase(baseImage)) {
    const { GOROOT, GOVERSION } = await context.go();
    const { compression } = config;
    const level = compression.type === "gzip" ? compression.level : 9;
    const { cache, signal } = context;
    return staticBase(wanted, { cache, level, goroot: GOROOT, goVersion: GOVERSION, signal });
  }
  const what = `base image ${baseImage}`;
  const { directory, ref } = parseLayoutName(baseImage);
  const path = isAbsolute(directory) ? directory : resolve(workingDirectory, directory);
  const layout = await openLayout(path);
  const root = await layout.resolve(ref, { signal: context.signal });
  const name = imageName(root) ?? (ref.startsWith("sha256:") ? undefined : refName(root));
  const base = await readBase(layout, root, wanted, what, {
    signal: context.signal,
    // A folder's name would differ from machine to machine; the image's own name does not.
    name: name?.includes(":") ? name : undefined,
  });
  for (const image of base.images) {
    for (const layer of image.manifest.layers) {
      if (await layout.has(layer)) continue;
      throw new KodenoError(
        "NOT_FOUND",
        `Cannot use ${what}: layer ${layer.digest} is not there, or has another size; ` +
          "make the layout again",
      );
    }
  }
  return base;
}

/** Splits `oci:DIR[:TAG]` or `oci:DIR@DIGEST`. */
function parseLayoutName(text: string): { readonly directory: string; readonly ref: string } {
  const found = /^oci:(.+?)(?:@(sha256:[0-9a-f]{64})|:([^:/\\@]+))?$/.exec(text);
  const [, directory, digest, tag] = found ?? [];
  if (directory !== undefined) return { directory, ref: digest ?? tag ?? "" };
  // Names the mistake where there is one, before saying what is not there yet.
  parseReference(text);
  throw new KodenoError(
    "BAD_OPTION",
    `Cannot use base image ${JSON.stringify(text)}: kodeno takes "static", "scratch" and ` +
      "oci:DIR[:TAG]; copy the image into a layout first",
  );
}
