/**
 * The commands for the bases of images that are built: `kodeno check-base`.
 * @module
 */
import { printable } from "../errors.ts";
import { command, type Commands } from "./command.ts";
import { DOCUMENT_FLAGS, IMAGE_PLACES } from "./flags.ts";
import { alignedRows, fitting, printJson, printResult } from "./output.ts";

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

export default { "check-base": checkBase } satisfies Commands;
