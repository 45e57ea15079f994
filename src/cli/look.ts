/**
 * The commands that look into images of any place: `kodeno inspect`, `digest`, `cat` and `export`.
 * @module
 */
import { KodenoError } from "../errors.ts";
import { command, type Commands } from "./command.ts";
import { DOCUMENT_FLAGS, IMAGE_PLACES, JSON_IMAGES, TRANSFER_FLAGS } from "./flags.ts";
import { printBytes, printResult } from "./output.ts";

const inspect = command({
  about:
    `Shows images as trees: index, platforms, layers (of ko's and kodeno's images: base, kodata or
    binary), configuration, and, in a layout or archive, what refers to them (signatures, SBOMs,
    provenance). The size of an image or platform is that of all its blobs. A registry is asked for
    nothing but the index, and manifest and config of each image. In colour on a terminal, unless
    NO_COLOR is set.`,
  words: [
    "<image>  an image, or a layout or archive with all its images; see below",
    "[name]  NAME[:TAG], tag or digest of one image of a layout or archive (default: all)",
  ],
  flags: {
    platform: "--platform <platform>  show one platform only (default: all)",
    raw: "--raw  print the bytes of the manifest or index instead, as they are",
    config: `--config  print the bytes of the config instead, as they are: of several platforms
      that of linux/amd64 or else the first, unless --platform says which`,
    ...DOCUMENT_FLAGS,
    json: JSON_IMAGES,
  },
  list: IMAGE_PLACES,
  examples: {
    "all images of a layout": "kodeno inspect out",
    "one of an archive": "kodeno inspect images.tar app:v1",
    "one platform of an image in a registry":
      "kodeno inspect registry.local/team/app:v1 --platform linux/arm64",
    "the index, byte by byte as its digest says": "kodeno inspect out:app:v1 --raw",
  },
  run: async ({ raw, config, ...given }, work, place, name) => {
    const { inspect, readRaw } = await import("../app/inspect.ts");
    const request = { ...given, place, name, ...work };
    if (!raw && !config) return await inspect(request);
    const own = raw ? "--raw" : "--config";
    const other = raw && config ? "--config" : given.json ? "--json" : undefined;
    if (other === undefined) return await readRaw(raw ? "manifest" : "config", request);
    const why = "each is an output of its own; say one of them";
    throw new KodenoError("BAD_OPTION", `Cannot use ${own} with ${other}: ${why}`);
  },
  jsonType: "image",
  print: async (found) => {
    if (found instanceof Uint8Array) printBytes(found);
    else (await import("./inspect_tree.ts")).printTrees(found);
  },
});

/** Of several platforms one has to be looked into. */
const ONE_PLATFORM =
  "--platform <platform>  platform to look into (default: linux/amd64, or else the first)" as const;

const LAYER_FLAGS = {
  ...TRANSFER_FLAGS,
  foreign: "--foreign  look into foreign layers, too, from their URLs where they are missing",
} as const;

const cat = command({
  about:
    `Prints the content of a file of an image as it is when the layers are unpacked: of layers the
    topmost one that has it counts, links are followed within the image, and what was removed is not
    there. Layers below those that say where it is are not read; those are, to their end, since
    a later entry of the same name would count, and so that content is what their digests say. A file
    of over 16 MiB is read once more to print it.`,
  words: ["<file>  IMAGE:/PATH, a file of an image; see below"],
  flags: {
    platform: ONE_PLATFORM,
    ...LAYER_FLAGS,
  },
  list: IMAGE_PLACES,
  examples: {
    "a file of a layout": "kodeno cat out:app:v1:/etc/passwd",
    "of an image in a registry, for another platform":
      "kodeno cat registry.local/team/app:v1:/var/run/ko/a.txt --platform linux/arm64",
    "of an archive on stdin": "kodeno cat archive:-:app:v1:/etc/passwd < images.tar",
  },
  run: async (given, work, file) =>
    await (await import("../app/cat.ts")).cat({ ...given, file, ...work }),
});

const exported = command({
  about:
    `Writes a tar of all files of an image, as they are when its layers are unpacked: without what was
    removed, and with each hard link behind the file that it leads to. The same image gives the same
    bytes. Owners are numbers alone. Entries that lead out of the image, and what no runtime could
    unpack, are refused.`,
  words: ["<image>  an image; see below"],
  flags: {
    output: "-o, --output <file>  the file to write; - is stdout (default: stdout)",
    platform: ONE_PLATFORM,
    ...LAYER_FLAGS,
  },
  list: IMAGE_PLACES,
  examples: {
    "a file": "kodeno export out:app:v1 -o files.tar",
    "what is in an image, for another platform":
      "kodeno export registry.local/team/app:v1 --platform linux/arm64 | tar -tv",
  },
  run: async ({ output = "-", ...given }, work, image) =>
    await (await import("../app/export.ts")).exportImage({ ...given, image, output, ...work }),
});

const digest = command({
  about: `Prints the digest of images: that of the index where there are several platforms, and with
    --platform that of one of them. A registry is asked without reading anything, but for a
    platform.`,
  words: ["<images...>  images; see below"],
  flags: {
    platform: "--platform <platform>  the digest of one platform (default: of all of it)",
    ...DOCUMENT_FLAGS,
    json: "--json  print JSON, one image per line",
  },
  list: IMAGE_PLACES,
  examples: {
    "what is here, and what a registry has": "kodeno digest out:app:v1 registry.local/team/app:v1",
    "of one platform": "kodeno digest registry.local/team/app:v1 --platform linux/arm64",
  },
  run: async (given, work, places) =>
    await (await import("../app/digest.ts")).digest({ ...given, places, ...work }),
  jsonType: "digest",
  print: (found) => {
    for (const { digest } of found) printResult(digest);
  },
});

export default { inspect, digest, cat, export: exported } satisfies Commands;
