/**
 * The commands for the bases of images that are built: `kodeno check-base` and `rebase`.
 * @module
 */
import { printable } from "../errors.ts";
import { command, type Commands } from "./command.ts";
import { each } from "./flag.ts";
import { DOCUMENT_FLAGS, IMAGE_PLACES, JSON_EVENTS, TRANSFER_FLAGS } from "./flags.ts";
import { alignedRows, fitting, printJson, printNote, printResult } from "./output.ts";

const checkBase = command({
  about:
    `Tells whether images stand on what the names of their bases stand for now, or whether a newer base
    is there. What an image stands on is what kodeno and ko have written into it. The registries of
    these names are asked, each base once; offline, what a build would take counts: the cache. The
    exit code is 1 where a newer base is there.`,
  words: [
    `[places...]  layouts and archives with all their images, or single images; see below
    (default: "out")`,
  ],
  flags: {
    bases: `--bases <layout|archive>  look for bases there, by their names, and in no registry
      (default: none)`,
    ...DOCUMENT_FLAGS,
    json: "--json  print JSON, one image per line",
  },
  list: IMAGE_PLACES,
  examples: {
    "of all images of a layout": "kodeno check-base out",
    "of an image in a registry": "kodeno check-base registry.local/team/app:v1",
    "by the bases that have crossed the gap": "kodeno check-base out --bases bases",
  },
  run: async (given, work, places) => {
    const { checkImageBases } = await import("../app/check_base.ts");
    return await checkImageBases({ ...given, places, ...work });
  },
  print: ({ images, failure }, { json }) => {
    if (json) {
      for (const { status, base, newest, platforms, why, ...image } of images) {
        printJson("base", { ...image, status, base, newest, platforms, why });
      }
    } else {
      const rows = images.map(({ name, digest, base, status, newest, platforms, why = "" }) => [
        status,
        printable(name ?? digest),
        printable(base.name ?? "-"),
        status === "unknown"
          ? `(${printable(why)})`
          : [base.digest ?? "", newest ?? ""].filter((digest) => digest !== "").join(" -> "),
        platforms.length > 1 ? `(${printable(platforms.join(","))})` : "",
      ]);
      const lines = (short: (text: string) => string) =>
        alignedRows(rows.map((cells) => cells.map(short)), "  ");
      fitting(lines).forEach(printResult);
    }
    if (failure !== undefined) throw failure;
  },
});

const rebase = command({
  about:
    `Puts an image of kodeno or ko on another base, for each of its platforms, and builds nothing: the
    layers of the program stay, and the configuration is what a build on the new base would write. What
    the image stands on is looked for by its digest: beside the new base, in the layout of the image, in
    the cache, and in the registry of its name. Signatures, SBOMs and provenance are of the old image, and
    do not come along.`,
  words: ["<image>  an image; see below"],
  flags: {
    base:
      `--base <image>  what it is to stand on, as --base-image of "kodeno build" (default: none)`,
    oldBase: "--old-base <image>  what it stands on (default: as it says itself)",
    to:
      `--to <place>  where the new image goes, as in "kodeno copy" (default: under the same name, in
      the same layout or registry)`,
    verifyKeys: each(
      `--verify-key <file>  public key that must have signed the new base; may be repeated, and one is
      enough (default: none)`,
    ),
    policy: `--policy <file>  rules that say by names who must have signed the new base
      (default: baseImagePolicy of .ko.yaml)`,
    ...TRANSFER_FLAGS,
    json: JSON_EVENTS,
  },
  list: IMAGE_PLACES,
  examples: {
    "on what is built in now": "kodeno rebase out:app:v1 --base static",
    "in a registry, under another tag":
      "kodeno rebase registry.local/team/app:v1 --base static --to registry.local/team/app:v1-1",
  },
  view: true,
  run: async (given, work, image) =>
    await (await import("../app/rebase.ts")).rebase({ ...given, image, ...work }),
  print: ({ before, ...image }, { json }) => {
    if (json) return printJson("image", image);
    image.references.map(printable).forEach(printResult);
    printNote(before === image.digest ? "It stands on that already" : `was ${before}`);
  },
});

export default { "check-base": checkBase, rebase } satisfies Commands;
