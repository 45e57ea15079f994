/**
 * The command that puts what is in images on a page: `kodeno report`.
 * @module
 */
import { counted, formatBytes } from "../io/sizes.ts";
import { command, type Commands } from "./command.ts";
import { DOCUMENT_FLAGS, IMAGE_PLACES, JSON_WHOLE, TRUST_FLAGS } from "./flags.ts";
import { printJson, printNote, yieldStdout } from "./output.ts";

const report = command({
  about:
    `Writes a page of HTML for the person who decides whether images may cross a gap: platforms and
    sizes, what takes the space, Go modules of the programs, base images, SBOMs, who has signed what,
    and what has changed since another place. The page needs no network, no script and nothing beside
    it. All layers are read; what is damaged, or not signed as it is demanded, the page tells, and the
    exit code is 1.`,
  words: ["<place>  a layout, archive or bundle with all its images, or one image; see below"],
  flags: {
    output: '-o, --output <file>  file of the page; - is stdout (default: "report.html")',
    since: "--since <place>  what was carried across before: tells what differs (default: nothing)",
    ...TRUST_FLAGS,
    ...DOCUMENT_FLAGS,
    json: JSON_WHOLE,
  },
  list: IMAGE_PLACES,
  examples: {
    "of a layout, as report.html": "kodeno report out",
    "with the key that has to have signed": "kodeno report out --verify-key kodeno.pub -o out.html",
    "what a bundle brings that the one before did not":
      "kodeno report app.bundle.tar --since old.bundle.tar",
  },
  run: async ({ output = "report.html", json, ...given }, work, place) => {
    const { checkPage, report, writePage } = await import("../app/report.ts");
    if (!json) {
      await yieldStdout({ "--output": output });
      await checkPage(output);
    }
    const found = await report({ ...given, place, ...work });
    const bytes = json ? 0 : await writePage(output, found, work);
    return { found, bytes, output };
  },
  print: async ({ found, bytes, output }, { json }) => {
    const { jsonOf, refuseReported } = await import("../app/report.ts");
    if (json) printJson("report", jsonOf(found));
    else {
      const what = counted(found.images.length, "image");
      printNote(`Wrote ${output}: ${what}, ${formatBytes(bytes)}`);
    }
    refuseReported(found);
  },
});

export default { report } satisfies Commands;
