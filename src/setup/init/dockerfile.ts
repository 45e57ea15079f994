/**
 * Reads a Dockerfile into stages of instructions. Pure; nothing is carried out here.
 * @module
 */
import { LeftAlone } from "./left_alone.ts";

/** An instruction. */
export interface Instruction {
  /** In capital letters. */
  readonly name: string;
  /** `--name=value` before the arguments; a flag without a value has "". */
  readonly flags: readonly (readonly [name: string, value: string])[];
  /** What follows, on one line, as it is written. */
  readonly text: string;
  /** Where it begins, from 1. */
  readonly line: number;
}

/** What stands between two `FROM`. */
export interface Stage {
  /** `AS name`, in small letters; "" without one. */
  readonly name: string;
  readonly from: Instruction;
  readonly instructions: readonly Instruction[];
}

/** A Dockerfile. */
export interface Dockerfile {
  /** `ARG` before the first `FROM`. */
  readonly globals: readonly Instruction[];
  readonly stages: readonly Stage[];
}

/**
 * Reads the text of a Dockerfile.
 *
 * @throws {LeftAlone} for what no Dockerfile has, for here-documents and for another escape character
 */
export function parseDockerfile(text: string): Dockerfile {
  const globals: Instruction[] = [];
  const stages: { name: string; from: Instruction; instructions: Instruction[] }[] = [];
  for (const instruction of instructionsOf(text)) {
    const { name, line } = instruction;
    if (name === "FROM") {
      const alias = /^\S+\s+as\s+(\S+)\s*$/i.exec(instruction.text)?.[1] ?? "";
      stages.push({ name: alias.toLowerCase(), from: instruction, instructions: [] });
    } else if (stages.length > 0) stages.at(-1)?.instructions.push(instruction);
    else if (name === "ARG") globals.push(instruction);
    else throw new LeftAlone(`${name} stands before the first FROM`, line);
  }
  if (stages.length === 0) throw new LeftAlone("it has no FROM");
  return { globals, stages };
}

function* instructionsOf(text: string): Generator<Instruction> {
  const lines = text.replace(/^\ufeff/, "").split(/\r?\n/);
  if (lines.some((line) => /^#\s*escape\s*=\s*`/i.test(line))) {
    throw new LeftAlone("it has another escape character than \\", 1);
  }
  for (let i = 0; i < lines.length; i++) {
    if (isPassedOver(lines[i])) continue;
    const line = i + 1;
    let whole = "";
    for (;; i++) {
      const part = lines[i] ?? "";
      // A comment in the middle of an instruction is none of it.
      if (whole !== "" && isPassedOver(part) && i + 1 < lines.length) continue;
      const goesOn = /\\[ \t]*$/.test(part);
      whole += goesOn ? part.replace(/\\[ \t]*$/, " ") : part;
      if (!goesOn || i + 1 >= lines.length) break;
    }
    yield instructionOf(whole, line);
  }
}

function isPassedOver(line: string | undefined): boolean {
  return line === undefined || /^\s*(#|$)/.test(line);
}

function instructionOf(whole: string, line: number): Instruction {
  const [, name = "", rest = ""] = /^\s*([A-Za-z]+)(?:\s+(.*))?$/s.exec(whole) ?? [];
  if (name === "") throw new LeftAlone("it holds a line that is no instruction", line);
  if (/<<-?\s*["']?[A-Za-z_]/.test(rest)) throw new LeftAlone("it uses a here-document", line);
  const flags: [string, string][] = [];
  let text = rest.trim();
  for (
    let found = /^--([a-z-]+)(?:=(\S*))?(?:\s+|$)/.exec(text);
    found !== null;
    found = /^--([a-z-]+)(?:=(\S*))?(?:\s+|$)/.exec(text)
  ) {
    flags.push([found[1] ?? "", found[2] ?? ""]);
    text = text.slice(found[0].length);
  }
  return { name: name.toUpperCase(), flags, text, line };
}
