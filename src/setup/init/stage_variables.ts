/**
 * Variables of a Dockerfile: `ARG` and `ENV`, global and of a stage. Pure.
 * @module
 */
import type { Dockerfile, Instruction } from "./dockerfile.ts";
import { TARGET } from "./go_build_command.ts";
import { LeftAlone } from "./left_alone.ts";
import { type Lookup, splitWords } from "./shell_words.ts";

/** What the builder sets by itself. */
const AUTOMATIC = /^(?:TARGET|BUILD)(?:PLATFORM|OS|ARCH|VARIANT)$/;

/** Variables of a stage while it is read. */
export interface StageVariables {
  readonly get: Lookup;
  /** Takes an `ENV` or `ARG`. */
  set(instruction: Instruction): void;
  /** The variables that commands see. */
  readonly values: ReadonlyMap<string, string>;
}

/** Variables of a Dockerfile. */
export class Variables {
  /** What was decided about them, a line each. */
  readonly notes: string[] = [];
  readonly #globals = new Map<string, string>();

  /** Takes the global ones of a Dockerfile. */
  constructor({ globals }: Dockerfile) {
    for (const { text, line } of globals) {
      for (const word of splitWords(text, this.global, line)) {
        const [name = "", value] = pairOf(word);
        if (value !== undefined) this.#globals.set(name, value);
      }
    }
  }

  /** Of a `FROM`. */
  readonly global: Lookup = (name) => {
    const value = this.#globals.get(name) ?? (AUTOMATIC.test(name) ? TARGET : undefined);
    if (value === undefined) throw new LeftAlone(`its build argument ${name} has no default`);
    return value;
  };

  /** Those of a stage, which knows a global one when it says its name again. */
  stage(): StageVariables {
    const values = new Map<string, string>();
    const unknown = new Set<string>();
    const get: Lookup = (name) => {
      if (unknown.has(name)) throw new LeftAlone(`its build argument ${name} has no default`);
      const value = values.get(name);
      if (value === undefined) throw new LeftAlone(`it uses ${name}, which it does not set`);
      return value;
    };
    const set = (instruction: Instruction): void => {
      const { name: kind, text, line } = instruction;
      if (kind === "ENV") {
        for (const [name, value] of pairsOf(instruction, get)) values.set(name, value);
        return;
      }
      for (const word of splitWords(text, get, line)) {
        const [name = "", given] = pairOf(word);
        if (AUTOMATIC.test(name)) values.set(name, TARGET);
        else {
          const value = given ?? this.#globals.get(name);
          if (value === undefined) unknown.add(name);
          else {
            values.set(name, value);
            this.#tell(name, value);
          }
        }
      }
    };
    return { get, set, values };
  }

  #tell(name: string, value: string): void {
    const note =
      `build argument ${name}: its default ${JSON.stringify(value)} is taken; in flags ` +
      `and ldflags {{.Env.${name}}} stands for a variable`;
    if (!this.notes.includes(note)) this.notes.push(note);
  }
}

/** `NAME=VALUE`, or a name alone. */
export function pairOf(word: string): readonly [string, string | undefined] {
  const at = word.indexOf("=");
  return at < 0 ? [word, undefined] : [word.slice(0, at), word.slice(at + 1)];
}

/** `K=V K2=V2`, or the old `K V` of an `ENV` or `LABEL`. */
export function pairsOf(
  { text, line }: Instruction,
  lookup: Lookup,
): readonly (readonly [string, string])[] {
  const words = splitWords(text, lookup, line);
  const [first = ""] = words;
  if (!first.includes("=")) return [[first, words.slice(1).join(" ")]];
  return words.map((word) => {
    const [name, value = ""] = pairOf(word);
    return [name, value] as const;
  });
}

/** The JSON list of an instruction. */
export function listOf({ name, text, line }: Instruction): readonly string[] {
  try {
    const list: unknown = JSON.parse(text);
    if (Array.isArray(list) && list.every((one) => typeof one === "string")) return list;
  } catch {
    // The same as for a list of something else.
  }
  throw new LeftAlone(`its ${name} is no list of texts`, line);
}
