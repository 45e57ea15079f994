/**
 * `kodeno lock`: what images are built from, in a file.
 * @module
 */
import { KodenoError } from "../errors.ts";
import { counted } from "../io/sizes.ts";
import { command, type Commands } from "./command.ts";
import {
  askedFile,
  DEBUG_FLAGS,
  INPUT_FLAGS,
  JSON_EVENTS,
  refusePatterns,
  SKAFFOLD_FLAGS,
} from "./flags.ts";
import { printJson, printNote, printResult } from "./output.ts";

const lock = command({
  about:
    `Writes what images of Go main packages are built from into kodeno.lock, here or where it is
    above: base images by digest, the Go version, flags, and the modules with their sums. With
    --locked, builds refuse anything else. Prints what has changed in the file.`,
  words: [
    '[patterns...]  import paths, folders, or patterns such as "./..." (default: ".", or what is locked)',
  ],
  flags: {
    check: "--check  compare, and write nothing; the exit code is 1 if anything differs",
    update: "--update  leave the other images of the file as they are",
    ...INPUT_FLAGS,
    ...DEBUG_FLAGS,
    ...SKAFFOLD_FLAGS,
    json: JSON_EVENTS,
  },
  examples: {
    "lock all images of the module": "kodeno lock ./...",
    "build them as they are locked, and from nothing else": "kodeno build --locked ./...",
    "fail in CI if the file does not say what a build would be made from": "kodeno lock --check",
    "take a newer base image and newer modules of one image": "kodeno lock --update ./cmd/app",
    "lock the artifacts of a skaffold.yaml": "kodeno lock -f skaffold.yaml",
  },
  view: "seldom",
  run: async (given, work, patterns) => {
    const { check = false, update = false, json } = given;
    if (check && update) {
      const why = "one compares, the other writes; say one of them";
      throw new KodenoError("BAD_OPTION", `Cannot use --check with --update: ${why}`);
    }
    refusePatterns(given, patterns, "lock");
    const skaffold = await askedFile(given, work.emit);
    const { lock } = await import("../app/lock.ts");
    const mode = check ? "check" : update ? "update" : "write";
    const request = { patterns, options: given, skaffold, mode } as const;
    await lock(request, ({ lines, ...result }) =>
      work.tell(() => {
        if (json) return printJson("lock", result);
        if (result.written) lines.forEach(printResult);
        const what = counted(result.images.length, "image");
        if (result.written) printNote(`Wrote ${result.path}: ${what}`);
        else if (lines.length === 0) printNote(`${result.path} holds for ${what}`);
      }), work);
  },
});

export default { lock } satisfies Commands;
