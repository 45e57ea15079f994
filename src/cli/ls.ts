/**
 * `kodeno ls`: the images of a layout or archive, one a line.
 * @module
 */
import { Command } from "commander";
import { type ListedImage, ls } from "../app/ls.ts";
import { printable } from "../errors.ts";
import { interruptible } from "./interrupt.ts";
import { formatBytes, printJson, printNotes, printResult } from "./output.ts";

/** The command with its flags. */
export function lsCommand(): Command {
  return new Command("ls")
    .description("Lists the images of an OCI layout or archive: name, digest, size and platforms.")
    .argument(
      "<layout|archive>",
      "path of a layout folder or an archive file; - is stdin",
    )
    .option("--json", "print as JSON, an image a line")
    .addHelpText("after", "\nExamples:\n  kodeno ls out\n  kodeno ls images.tar --json")
    .action(async (layout: string, flags: { readonly json?: boolean }) => {
      const images = await interruptible((signal) => ls(layout, { signal, emit: printNotes }));
      if (flags.json) return images.forEach((image) => printJson("image", image));
      const rows = images.map(row);
      const widths = [0, 1, 2].map((i) =>
        Math.max(0, ...rows.map((cells) => cells[i]?.length ?? 0))
      );
      for (const [name = "", digest = "", size = "", platforms = ""] of rows) {
        const columns = [name.padEnd(widths[0] ?? 0), digest, size.padStart(widths[2] ?? 0)];
        printResult(`${columns.join("  ")}  ${platforms}`.trimEnd());
      }
    });
}

function row(image: ListedImage): readonly string[] {
  const { name, digest, size, platforms, complete, missingSubject } = image;
  const state = [
    ...(complete ? [] : ["(incomplete)"]),
    ...(missingSubject === undefined ? [] : [`(refers to ${missingSubject}, which is not there)`]),
  ];
  return [
    printable(name ?? "-"),
    digest,
    formatBytes(size),
    [printable(platforms.join(",")), ...state].join(" ").trim(),
  ];
}
