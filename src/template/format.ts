/**
 * Go's `fmt.Sprint`, `Sprintln` and `Sprintf`.
 * @module
 */
import { type Flags, formatValue, noFlags } from "./format_value.ts";
import { GoInt, typeOf, type Value } from "./value.ts";

/** The value as a template prints it. */
export function display(value: Value): string {
  return typeof value === "string" ? value : formatValue(value, "v", noFlags());
}

/** Values in a row, with a space between two that are no texts. */
export function sprint(values: readonly Value[]): string {
  let text = "";
  let afterText = true;
  for (const value of values) {
    const isText = typeof value === "string";
    text += (isText || afterText ? "" : " ") + display(value);
    afterText = isText;
  }
  return text;
}

/** Values with spaces between them and a newline at the end. */
export function sprintln(values: readonly Value[]): string {
  return `${values.map(display).join(" ")}\n`;
}

/** Go writes numbers larger than this neither as width nor as precision. */
const TOO_LARGE = 1_000_000;

/** Values in the places of a format's verbs, such as `%s`, `%05d` and `%-8q`. */
export function sprintf(format: string, values: readonly Value[]): string {
  return new Printer(format, values).whole();
}

class Printer {
  #at = 0;
  #next = 0;
  #reordered = false;
  #goodIndex = true;
  /** Whether the last thing read was an index such as `[1]`. */
  #afterIndex = false;
  #text = "";

  constructor(readonly format: string, readonly values: readonly Value[]) {}

  whole(): string {
    while (this.#at < this.format.length) {
      const found = this.format.indexOf("%", this.#at);
      const end = found < 0 ? this.format.length : found;
      this.#text += this.format.slice(this.#at, end);
      this.#at = end + 1;
      if (found >= 0) this.#verb();
    }
    this.#extra();
    return this.#text;
  }

  #verb(): void {
    this.#goodIndex = true;
    this.#afterIndex = false;
    const flags = this.#flags();
    this.#index();
    this.#width(flags);
    this.#precision(flags);
    if (!this.#afterIndex) this.#index();
    if (this.#at >= this.format.length) {
      this.#text += "%!(NOVERB)";
      return;
    }
    const verb = String.fromCodePoint(this.format.codePointAt(this.#at) ?? 0);
    this.#at += verb.length;
    if (verb === "%") this.#text += "%";
    else if (!this.#goodIndex) this.#text += `%!${verb}(BADINDEX)`;
    else if (this.#next >= this.values.length) this.#text += `%!${verb}(MISSING)`;
    else this.#text += formatVerb(this.values[this.#next++], verb, flags);
  }

  #flags(): Flags {
    const flags = noFlags();
    for (;; this.#at++) {
      const char = this.format[this.#at];
      if (char === "#") flags.sharp = true;
      else if (char === "0") flags.zero = true;
      else if (char === "+") flags.plus = true;
      else if (char === "-") flags.minus = true;
      else if (char === " ") flags.space = true;
      else return flags;
    }
  }

  /** `[3]` before a width, a precision or a verb: which value is next. */
  #index(): void {
    this.#afterIndex = false;
    if (this.format[this.#at] !== "[") return;
    this.#reordered = true;
    const end = this.format.indexOf("]", this.#at);
    if (end < 0 || this.format.length - this.#at < 3) {
      this.#goodIndex = false;
      this.#at++;
      return;
    }
    const number = this.format.slice(this.#at + 1, end);
    this.#at = end + 1;
    const isNumber = /^\d+$/.test(number) && Number(number) <= TOO_LARGE;
    const index = Number(number) - 1;
    this.#afterIndex = isNumber;
    if (isNumber && index >= 0 && index < this.values.length) this.#next = index;
    else this.#goodIndex = false;
  }

  #number(): number | undefined {
    const digits = /^\d*/.exec(this.format.slice(this.#at))?.[0] ?? "";
    if (digits === "") return undefined;
    if (Number(digits.slice(0, -1)) > TOO_LARGE) {
      // Go gives up on the whole rest of the format.
      this.#at = this.format.length;
      return undefined;
    }
    this.#at += digits.length;
    return Number(digits);
  }

  /** The value that `*` stands for. */
  #star(): number | undefined {
    this.#at++;
    const value = this.values[this.#next];
    if (this.#next < this.values.length) this.#next++;
    if (!(value instanceof GoInt)) return undefined;
    const number = Number(value.value);
    return Math.abs(number) > TOO_LARGE ? undefined : number;
  }

  #width(flags: Flags): void {
    if (this.format[this.#at] !== "*") {
      flags.width = this.#number();
      if (this.#afterIndex && flags.width !== undefined) this.#goodIndex = false;
      return;
    }
    const width = this.#star();
    if (width === undefined) this.#text += "%!(BADWIDTH)";
    else if (width < 0) Object.assign(flags, { width: -width, minus: true, zero: false });
    else flags.width = width;
    this.#afterIndex = false;
  }

  #precision(flags: Flags): void {
    if (this.format[this.#at] !== "." || this.#at + 1 >= this.format.length) return;
    this.#at++;
    if (this.#afterIndex) this.#goodIndex = false;
    this.#index();
    if (this.format[this.#at] !== "*") {
      flags.precision = this.#number() ?? 0;
      return;
    }
    const precision = this.#star();
    if (precision === undefined || precision < 0) this.#text += "%!(BADPREC)";
    else flags.precision = precision;
    this.#afterIndex = false;
  }

  #extra(): void {
    if (this.#reordered || this.#next >= this.values.length) return;
    const left = this.values.slice(this.#next).map((value) =>
      value === undefined || value === null ? "<nil>" : `${typeOf(value)}=${display(value)}`
    );
    this.#text += `%!(EXTRA ${left.join(", ")})`;
  }
}

function formatVerb(value: Value, verb: string, flags: Flags): string {
  if (verb !== "v") return formatValue(value, verb, flags);
  return formatValue(value, verb, { ...flags, source: flags.sharp, sharp: false, plus: false });
}
