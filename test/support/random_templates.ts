/**
 * Templates made up by chance, most of them well formed: the same ones for the same seed.
 * @module
 */

const FIELDS = [
  ".n",
  ".zero",
  ".float",
  ".list",
  ".map",
  ".nil",
  ".Env.FOO",
  ".Env.EMPTY",
  ".Git.Tag",
  ".Git.IsClean",
  ".Git",
  ".mixed",
  ".none",
  ".Missing",
  ".nested.deep",
  ".",
  "$",
  "$.n",
  "$v",
];
const LITERALS = ["1", "-3", "2.5", "1e3", "0x10", "'a'", '"q\\n"', "`raw`", '""', "true", "nil"];
const FUNCTIONS = [
  "print",
  "println",
  "len",
  "not",
  "and",
  "or",
  "eq",
  "ne",
  "lt",
  "le",
  "gt",
  "ge",
  "index",
  "slice",
  "html",
  "js",
  "urlquery",
  "printf `%v`",
  "printf `%d|%s`",
  "printf `%5.1f`",
  "printf",
];
const NOISE = [
  "{{",
  "}}",
  "|",
  "(",
  ")",
  ".",
  "$",
  ":=",
  "end",
  "-",
  '"',
  "`",
  " ",
  "{{- ",
  " -}}",
];

/** Numbers from zero to less than one. */
function generator(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
}

class Maker {
  readonly #random: () => number;

  constructor(seed: number) {
    this.#random = generator(seed);
  }

  #pick<T>(choices: readonly T[]): T {
    const choice = choices[Math.floor(this.#random() * choices.length)];
    if (choice === undefined) throw new Error("nothing to choose from");
    return choice;
  }

  #chance(share: number): boolean {
    return this.#random() < share;
  }

  #operand(depth: number): string {
    if (depth > 0 && this.#chance(0.3)) return `(${this.#pipeline(depth - 1)})`;
    return this.#chance(0.6) ? this.#pick(FIELDS) : this.#pick(LITERALS);
  }

  #command(depth: number): string {
    if (this.#chance(0.35)) return this.#operand(depth);
    const count = Math.floor(this.#random() * 4);
    const args = Array.from({ length: count }, () => this.#operand(depth));
    return [this.#pick(FUNCTIONS), ...args].join(" ");
  }

  #pipeline(depth: number): string {
    const rest = this.#chance(0.3) ? ` | ${this.#pick(FUNCTIONS)}` : "";
    return this.#command(depth) + rest;
  }

  #action(inside: string): string {
    return `${this.#pick(["{{", "{{ ", "{{- "])}${inside}${this.#pick(["}}", " }}", " -}}"])}`;
  }

  #nodes(depth: number): string {
    const count = 1 + Math.floor(this.#random() * 3);
    return Array.from({ length: count }, () => this.#node(depth)).join("");
  }

  #node(depth: number): string {
    if (this.#chance(0.2)) return this.#pick([" text ", "\n", "x", " - "]);
    if (depth === 0 || this.#chance(0.5)) {
      const set = this.#chance(0.15) ? this.#pick(["$v := ", "$v = ", "$w := "]) : "";
      return this.#action(set + this.#pipeline(2));
    }
    const word = this.#pick(["if", "with", "range", "range $i, $v :=", "with $v :="]);
    const leave = word.startsWith("range") && this.#chance(0.2)
      ? `{{if ${this.#operand(0)}}}{{${this.#pick(["break", "continue"])}}}{{end}}`
      : "";
    const other = this.#chance(0.3) ? `${this.#action("else")}${this.#nodes(depth - 1)}` : "";
    const body = this.#nodes(depth - 1) + leave;
    return this.#action(`${word} ${this.#pipeline(1)}`) + body + other + this.#action("end");
  }

  template(): string {
    const whole = `{{$v := 1}}${this.#nodes(2)}`;
    if (!this.#chance(0.15)) return whole;
    // Something that stands where it should not, or is gone.
    const at = Math.floor(this.#random() * whole.length);
    const gone = this.#chance(0.5) ? 1 : 0;
    return whole.slice(0, at) + (gone ? "" : this.#pick(NOISE)) + whole.slice(at + gone);
  }
}

/** Makes templates that read the data of the tables in `test/differential/templates_test.ts`. */
export function randomTemplates(seed: number, count: number): readonly string[] {
  const maker = new Maker(seed);
  return Array.from({ length: count }, () => maker.template());
}
