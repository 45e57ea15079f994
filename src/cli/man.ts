/**
 * `kodeno man`: a manual page of each command, from what the commands say of themselves.
 * @module
 */
import { join } from "node:path";
import { VERSION } from "../config/version.ts";
import { makeFolder, removeStaleTemporaries, syncDirectory, writeSynced } from "../io/atomic.ts";
import { ioFailure, writeAll } from "../io/files.ts";
import type { Command } from "../npm/commander.ts";
import { counted } from "../io/sizes.ts";
import { command, type Commands } from "./command.ts";
import { printNote } from "./output.ts";
import { commandPath, type Manual, manualOf } from "./manual.ts";

/** What a page of 80 columns has room for, where text is indented twice. */
const COLUMNS = 68;

const man = command({
  about: `Writes the manual pages of kodeno, one of each command (kodeno-build.1) and one of all
    (kodeno.1), into a folder, which is made. Pages of these names that are there are replaced.`,
  words: ["<dir>  folder of section 1 of the manual"],
  examples: {
    'where "man kodeno-build" finds them, with kodeno in ~/.local/bin':
      "kodeno man ~/.local/share/man/man1",
    "for a package": "kodeno man build/man1",
  },
  isLocal: true,
  endsAtOnce: true,
  run: async (_, { program }, directory) => {
    const pages = everyOne(program).map((one) => [`${pageOf(one)}.1`, manualPage(one)] as const);
    try {
      await makeFolder(directory);
      await removeStaleTemporaries(directory);
      for (const [name, text] of pages) {
        await writeSynced(
          join(directory, name),
          directory,
          (file) => writeAll(file, new TextEncoder().encode(text)),
        );
      }
      await syncDirectory(directory);
    } catch (error) {
      throw ioFailure(`write the pages of the manual into ${directory}`, error);
    }
    printNote(`Wrote ${counted(pages.length, "page")} into ${directory}`);
  },
});

export default { man } satisfies Commands;

function everyOne(command: Command): readonly Command[] {
  return [command, ...command.commands.flatMap(everyOne)];
}

function pageOf(command: Command): string {
  return commandPath(command).replaceAll(" ", "-");
}

/** The page, for man and mandoc. */
function manualPage(command: Command): string {
  const { path, usage, about, aliases, words, flags, blocks } = manualOf(command, COLUMNS);
  const name = pageOf(command);
  const isExample = ({ title = "" }: Manual["blocks"][number]) => /^Examples?:$/.test(title);
  const notes = blocks.filter((one) => !isExample(one));
  const lines = [
    // Without a date, by which the same program would write other pages.
    `.TH ${roff(name.toUpperCase())} 1 "" "kodeno ${roff(VERSION)}" "kodeno"`,
    // Words are not parted, which may be names of flags and files.
    ...[".nh", ".ad l"],
    ...[".SH NAME", `${roff(name)} \\- ${roff(summaryOf(command))}`],
    ...[".SH SYNOPSIS", `.B ${roff(path)}`, roff(usage)],
    ...[".SH DESCRIPTION", roff(about)],
    ...aliases.flatMap((one) => [".PP", `Also: ${roff(`kodeno ${one}`)}.`]),
    ...command.commands.length > 0 ? [".SH COMMANDS"] : [],
    ...[...Map.groupBy(command.commands, (one) => one.helpGroup())].flatMap(([group, members]) => [
      ...group === "" ? [] : [`.SS ${roff(group.replace(/:$/, ""))}`],
      ...members.flatMap((one) => termOf(commandPath(one), summaryOf(one))),
    ]),
    ...words.length > 0 ? [".SH ARGUMENTS", ...words.flatMap((one) => termOf(...one))] : [],
    ...flags.length > 0 ? [".SH OPTIONS", ...flags.flatMap((one) => termOf(...one))] : [],
    ...notes.length > 0 ? [".SH NOTES", ...notes.flatMap(blockOf).slice(1)] : [],
    ...blocks.filter(isExample).flatMap(({ text }) => [".SH EXAMPLES", ...literal(text)]),
    ...[".SH EXIT STATUS", "0: done; 1: the work failed; 2: the input is wrong; 130: interrupted."],
    ".SH SEE ALSO",
    [command.parent, ...command.commands].filter((one) => one !== null)
      .map((one) => `.BR ${roff(pageOf(one))} (1)`).join(" ,\n"),
  ];
  return `${lines.join("\n")}\n`;
}

/** In a few words; a command below another has the first sentence of what it says. */
function summaryOf(command: Command): string {
  const [first = ""] = command.description().split(/\.(?:\s|$)/);
  return command.summary() || first.charAt(0).toLowerCase() + first.slice(1);
}

function termOf(name: string, about: string): readonly string[] {
  return [".TP", `.B ${roff(name)}`, roff(about)];
}

function blockOf({ title, text }: Manual["blocks"][number]): readonly string[] {
  if (title === undefined) return [".PP", roff(text)];
  return [".PP", roff(title), ".PP", ...literal(text)];
}

/** Line by line as it is. */
function literal(text: string): readonly string[] {
  return [".RS 4", ".nf", roff(text), ".fi", ".RE"];
}

/** Text as roff reads it: what it would take for its own, or show as another sign, is escaped. */
function roff(text: string): string {
  const signs: Readonly<Record<string, string>> = {
    "\\": "\\e",
    "-": "\\-",
    "'": "\\(aq",
    "`": "\\(ga",
    "^": "\\(ha",
    "~": "\\(ti",
    '"': "\\(dq",
  };
  return text.replaceAll(/[\\\-'`^~"]/g, (sign) => signs[sign] ?? sign).replaceAll(/^\./gm, "\\&.");
}
