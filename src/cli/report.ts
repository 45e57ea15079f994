/**
 * The command that tells all that is in images: `kodeno report`.
 * @module
 */
import { command, type Commands } from "./command.ts";
import { DOCUMENT_FLAGS, IMAGE_PLACES, JSON_WHOLE, TRUST_FLAGS } from "./flags.ts";
import { printJson } from "./output.ts";

const report = command({
  about:
    `Prints as JSON what is in images, for who decides whether they may cross a gap: platforms and
    sizes, Go modules of the programs and whose their code is, base images, SBOMs, who has signed what,
    and what has changed since another place. All layers are read; where something is damaged, or not
    signed as it is demanded, the exit code is 1.`,
  words: ["<place>  a layout, archive or bundle with all its images, or one image; see below"],
  flags: {
    since: "--since <place>  what was carried across before: tells what differs (default: nothing)",
    ...TRUST_FLAGS,
    ...DOCUMENT_FLAGS,
    json: JSON_WHOLE,
  },
  list: IMAGE_PLACES,
  examples: {
    "of a layout": "kodeno report out --json",
    "with the key that has to have signed": "kodeno report out --verify-key kodeno.pub --json",
    "what a bundle brings that the one before did not":
      "kodeno report app.bundle.tar --since old.bundle.tar --json",
  },
  run: async ({ json: _, ...given }, work, place) =>
    await (await import("../app/report.ts")).report({ ...given, place, ...work }),
  print: async (found) => {
    const { jsonOf, refuseReported } = await import("../app/report.ts");
    printJson("report", jsonOf(found));
    refuseReported(found);
  },
});

export default { report } satisfies Commands;
