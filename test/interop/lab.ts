/**
 * What the programs of others are tried with: a layout of real images, kodeno's command line, and
 * looking into what came of them.
 * @module
 */
import assert from "node:assert/strict";
import { copy } from "../../src/content/copy.ts";
import { verify } from "../../src/content/check.ts";
import { readDocument, successors } from "../../src/content/walk.ts";
import type { Source } from "../../src/content/places.ts";
import { type Descriptor, isManifestType } from "../../src/oci/descriptor.ts";
import { type Manifest, parseManifest } from "../../src/oci/manifest.ts";
import { openLayout } from "../../src/place/layout/layout.ts";
import { type RealImage, realImage } from "../archive/images.ts";
import { kodeno } from "../support/kodeno.ts";
import { type TempDir, tempDir } from "../support/temp.ts";

/** A folder with the layout `out`, whose images print "it runs dev". */
export interface Lab extends AsyncDisposable {
  readonly dir: TempDir;
  readonly image: RealImage;
  /** Runs kodeno in the folder; it has to succeed. Gives what it printed on stdout. */
  kodeno(args: readonly string[], env?: Readonly<Record<string, string>>): Promise<string>;
  /** Digests of all blobs below an image of a layout in the folder, each checked, sorted. */
  blobs(layout: string, ref: string): Promise<string[]>;
}

/** Makes the layout: `app:all` for two platforms, and `app:one` for linux/amd64 alone. */
export async function openLab(): Promise<Lab> {
  const dir = await tempDir();
  const image = await realImage();
  const layout = await openLayout(dir.join("out"), { create: true });
  const one = {
    ...image.amd64.manifest.descriptor,
    platform: { os: "linux", architecture: "amd64" },
  };
  await copy(image.store, image.root, layout, { tags: ["app:all"] });
  await copy(image.store, one, layout, { tags: ["app:one"] });
  return {
    dir,
    image,
    async kodeno(args, env = {}) {
      const { code, stdout, stderr } = await kodeno(args, { cwd: dir.path, env });
      assert.equal(code, 0, `kodeno ${args.join(" ")}:\n${stderr}`);
      return stdout.trimEnd();
    },
    async blobs(path, ref) {
      const place = await openLayout(dir.join(path));
      const root = await place.resolve(ref);
      await verify(place, root);
      return [...await digestsBelow(place, root)].sort();
    },
    [Symbol.asyncDispose]: () => dir[Symbol.asyncDispose](),
  };
}

async function digestsBelow(source: Source, root: Descriptor): Promise<Set<string>> {
  const found = new Set<string>();
  const visit = async (d: Descriptor): Promise<void> => {
    found.add(d.digest);
    if (!/(manifest|index)/.test(d.mediaType)) return;
    for (const child of successors(d, await readDocument(source, d))) await visit(child);
  };
  await visit(root);
  return found;
}

/** The manifest of an only image of a layout, and the texts that make its layers what they are. */
export async function onlyManifest(
  layout: string,
  ref: string,
): Promise<{ readonly manifest: Manifest; readonly config: Uint8Array }> {
  const place = await openLayout(layout);
  const root = await place.resolve(ref);
  assert.ok(isManifestType(root.mediaType), root.mediaType);
  const manifest = parseManifest(await readDocument(place, root), ref);
  return { manifest, config: await readDocument(place, manifest.config) };
}
