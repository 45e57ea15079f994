/**
 * What the help of a command has behind its flags: paragraphs, lists and examples, as wide as the
 * terminal.
 * @module
 */
import type { Command, Help } from "../npm/commander.ts";
import { unbroken } from "./flag.ts";

/** Calls of a command: by what they do, or alone. */
type Examples = string | Readonly<Record<string, string>>;

/** The parts of a text, in their order; a line break in prose is a blank, an empty line stays. */
export interface HelpParts {
  readonly before?: string | undefined;
  /** What words mean, below a title. */
  readonly list?: readonly [title: string, terms: Readonly<Record<string, string>>] | undefined;
  readonly examples?: Examples | undefined;
  /** An example that is no call, below a title. */
  readonly file?: readonly [title: string, text: string] | undefined;
  readonly after?: string | undefined;
}

/** Where nobody says how wide the terminal is. */
const USUAL_COLUMNS = 80;
const MARGIN = "  ";

/** Adds the parts to the help of a command. */
export function addHelpParts(command: Command, parts: HelpParts): void {
  command.addHelpText("after", ({ error, command }) => {
    const { getErrHelpWidth, getOutHelpWidth } = command.configureOutput();
    const width = (error ? getErrHelpWidth?.() : getOutHelpWidth?.()) ?? USUAL_COLUMNS;
    const help = command.createHelp();
    help.prepareContext({ helpWidth: width });
    const { before, list, examples, file, after } = parts;
    const blocks = [
      before && paragraphs(before, help, width),
      list && `${list[0]}:\n${listText(list[1], help)}`,
      examples && exampleText(examples, help, width),
      file && `${file[0]}:\n${indented(file[1])}`,
      after && paragraphs(after, help, width),
    ];
    return `\n${blocks.filter((block) => block).join("\n\n")}`;
  });
}

function paragraphs(text: string, help: Help, width: number): string {
  const all = text.split(/\n\s*\n/).map((one) => one.replaceAll(/\s*\n\s*/g, " ").trim());
  return all.map((one) => help.boxWrap(one, width)).join("\n\n");
}

function listText(terms: Readonly<Record<string, string>>, help: Help): string {
  const longest = Math.max(...Object.keys(terms).map(({ length }) => length));
  const items = Object.entries(terms).map(([term, about]) =>
    help.formatItem(term, longest, unbroken(about), help)
  );
  return items.join("\n");
}

function exampleText(examples: Examples, help: Help, width: number): string {
  const all = typeof examples === "string" ? [["", examples] as const] : Object.entries(examples);
  const inner = width - MARGIN.length;
  const texts = all.map(([what, lines]) => {
    const comment = what && `${help.boxWrap(what, inner - 2).replaceAll(/^/gm, "# ")}\n`;
    return comment + lines.split("\n").map((line) => broken(line, inner)).join("\n");
  });
  const count = typeof examples === "string" ? examples.split("\n").length : all.length;
  return `Example${count === 1 ? "" : "s"}:\n${indented(texts.join("\n\n"))}`;
}

/** A command over several lines of a shell, where it has no room on one. */
function broken(line: string, width: number): string {
  if (line.length <= width) return line;
  const found: string[] = [];
  for (const part of line.split(/ (?=--?[a-z]|[|>])/)) {
    const last = found.at(-1);
    const isFitting = last !== undefined && last.length + part.length + " \\".length < width;
    if (isFitting) found[found.length - 1] = `${last} ${part}`;
    else found.push(last === undefined ? part : MARGIN + part);
  }
  return found.join(" \\\n");
}

function indented(text: string): string {
  return text.replaceAll(/^(?=.)/gm, MARGIN);
}
