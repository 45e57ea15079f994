/**
 * Words as a shell and a Dockerfile read them: quotes, backslashes and variables. What only a shell
 * could carry out is refused.
 * @module
 */
import { LeftAlone } from "./left_alone.ts";

/** The value of a variable; throws for one that has none to be known. */
export type Lookup = (name: string) => string;

/** Commands with `&&` or `;` between, each a list of words. */
export type Commands = readonly (readonly string[])[];

const VARIABLE = /^\$(?:([A-Za-z_]\w*)|\{([A-Za-z_]\w*)(?:(:?[-+])([^{}$]*))?\})/;

/** The value of `$NAME` or `${NAME:-default}` at the start of a text, and its length there. */
function variableAt(text: string, lookup: Lookup, line: number) {
  const [whole, plain, braced, operator, other = ""] = VARIABLE.exec(text) ?? [];
  if (whole === undefined) throw new LeftAlone(`it uses ${text.slice(0, 12)}...`, line);
  const name = plain ?? braced ?? "";
  if (operator?.endsWith("-")) return { length: whole.length, value: defaulted(name, other) };
  if (operator !== undefined) throw new LeftAlone(`it uses ${whole}`, line);
  return { length: whole.length, value: lookup(name) };

  function defaulted(name: string, other: string): string {
    try {
      return lookup(name) || other;
    } catch (error) {
      if (error instanceof LeftAlone) return other;
      throw error;
    }
  }
}

/**
 * Reads the words of an instruction such as `ENV` or `COPY`: quotes are taken off.
 *
 * @throws {LeftAlone}
 */
export function splitWords(text: string, lookup: Lookup, line: number): readonly string[] {
  return new Reader(text, lookup, line, false).read()[0] ?? [];
}

/**
 * Reads a line for a shell.
 *
 * @throws {LeftAlone} when it does more than to run one command after the other
 */
export function splitCommands(text: string, lookup: Lookup, line: number): Commands {
  return new Reader(text, lookup, line, true).read();
}

class Reader {
  readonly #done: string[][] = [[]];
  #word: string | undefined;
  #at = 0;

  constructor(
    readonly text: string,
    readonly lookup: Lookup,
    readonly line: number,
    readonly shell: boolean,
  ) {}

  read(): Commands {
    while (this.#at < this.text.length) this.#step();
    this.#end();
    return this.#done.filter((words) => words.length > 0);
  }

  #step(): void {
    const rest = this.text.slice(this.#at);
    const [char = ""] = rest;
    if (/\s/.test(char)) {
      this.#end();
      this.#at++;
    } else if (char === "'") this.#single();
    else if (char === '"') this.#double();
    else if (char === "\\") {
      this.#add(this.text[this.#at + 1] ?? "");
      this.#at += 2;
    } else if (char === "$") this.#variable(rest, false);
    else if (!this.shell) this.#plain(char);
    else if (rest.startsWith("&&") || char === ";") {
      this.#end();
      this.#done.push([]);
      this.#at += char === ";" ? 1 : 2;
    } else if (/[|&<>()`*?[\]{}~#!]/.test(char) && !(char === "#" && this.#word !== undefined)) {
      throw new LeftAlone(`its shell command uses ${char}`, this.line);
    } else this.#plain(char);
  }

  #plain(char: string): void {
    this.#add(char);
    this.#at++;
  }

  #single(): void {
    const end = this.text.indexOf("'", this.#at + 1);
    if (end < 0) throw new LeftAlone("it has a quote without an end", this.line);
    this.#add(this.text.slice(this.#at + 1, end));
    this.#at = end + 1;
  }

  #double(): void {
    this.#add("");
    this.#at++;
    for (;;) {
      const rest = this.text.slice(this.#at);
      const [char] = rest;
      if (char === undefined) throw new LeftAlone("it has a quote without an end", this.line);
      if (char === '"') break;
      if (char === "`" && this.shell) {
        throw new LeftAlone("it uses the output of a command", this.line);
      }
      if (char === "\\" && /["\\$`]/.test(rest[1] ?? "")) {
        this.#add(rest[1] ?? "");
        this.#at += 2;
      } else if (char === "$") this.#variable(rest, true);
      else this.#plain(char);
    }
    this.#at++;
  }

  #variable(rest: string, quoted: boolean): void {
    if (rest.startsWith("$(")) throw new LeftAlone("it uses the output of a command", this.line);
    const { length, value } = variableAt(rest, this.lookup, this.line);
    // An unquoted value falls apart into words.
    if (this.shell && !quoted && /\s/.test(value)) {
      throw new LeftAlone(`${rest.slice(0, length)} stands for several words`, this.line);
    }
    if (value !== "" || quoted || !this.shell) this.#add(value);
    this.#at += length;
  }

  #add(text: string): void {
    this.#word = (this.#word ?? "") + text;
  }

  #end(): void {
    if (this.#word !== undefined) this.#done.at(-1)?.push(this.#word);
    this.#word = undefined;
  }
}
