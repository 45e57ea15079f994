/**
 * Flags as values: how one is written, and how what is said of it is read.
 * @module
 */
import { badValue, parsePairs } from "../config/checks.ts";
import { KodenoError } from "../errors.ts";
import { Option } from "../npm/commander.ts";

/** How a flag is written and, behind two blanks, what it is; a line break is a blank. */
type Text = `-${string}  ${string}`;

/** A flag whose value is a `T`. */
interface Flag<T> {
  readonly text: Text;
  /** Reads its value. */
  read?(value: string): T;
  /** Takes one more value to those said before; of others, one is all that may be said. */
  add?(value: string, before?: T): T;
  readonly choices?: readonly (T & string)[];
  /** The option that it fills, where that is another one's. */
  readonly fills?: string;
}

/** Flags by the options that they fill; of those that are a text alone the last value counts. */
export type Flags = Readonly<Record<string, Text | Flag<unknown>>>;

type Value<F> = F extends { readonly choices: readonly (infer T)[] } ? T
  : F extends Flag<infer T> ? T
  : F extends `${infer Names}  ${string}` ? Names extends `${string}<${string}` ? string : boolean
  : never;

/** What flags say, by the options they fill; and what any command is told. */
export type Given<F extends Flags> = { readonly [K in keyof F]?: Value<F[K]> } & {
  readonly verbose?: boolean;
};

/** A text whose line breaks are blanks: whoever prints it knows how wide it can be. */
export function unbroken(text: string): string {
  return text.replaceAll(/\n */g, " ");
}

/** A name and what is called so. */
export function named(text: string): [name: string, about: string] {
  const [name = "", about = ""] = unbroken(text).split(/ {2}(.*)/);
  return [name, about];
}

/** A flag in the way that commander has it. */
export function optionOf(name: string, flag: Text | Flag<unknown>): Option {
  const { text, read, add, choices, fills = name } = typeof flag === "string"
    ? { text: flag }
    : flag;
  const option = new Option(...named(text));
  if (choices !== undefined) option.choices(choices);
  const { required, long, parseArg = (value: string) => value } = option;
  const once = (value: string, before?: unknown): unknown => {
    if (before === undefined) return read ? read(value) : parseArg(value, before);
    const why = "it takes one value, and has one already";
    throw new KodenoError("BAD_OPTION", `Cannot use ${long} again: ${why}`);
  };
  if (required) option.argParser(add ?? once);
  // Of --no-x, it knows that it fills x.
  if (!option.negate) option.attributeName = () => fills;
  return option;
}

/** One that the help does not name, which fills the option of another. */
export function hiddenOption(long: string, fills: string): Option {
  const option = new Option(long).hideHelp();
  option.attributeName = () => fills;
  return option;
}

/** A flag that may be said again, each time with the values that `split` finds. */
export function texts(
  text: Text,
  split: (value: string) => readonly string[] = splitList,
): Flag<readonly string[]> {
  return { text, add: (value, before = []) => [...before, ...split(value)] };
}

/** A flag that may be said again, each time with one value. */
export function each(text: Text): Flag<readonly string[]> {
  return texts(text, (value) => [value]);
}

/** Values between commas; double quotes hold one with a comma together, as in ko. */
function splitList(value: string): readonly string[] {
  const parts = value.match(/(?:"(?:[^"]|"")*"|[^,"]|"(?!.*"))+|(?<=,|^)(?=,|$)/g) ?? [];
  const unquote = (part: string): string =>
    /^".*"$/s.test(part) ? part.slice(1, -1).replaceAll('""', '"') : part;
  return parts.map(unquote).filter((part) => part !== "");
}

/** Flags of the linker: `-s,-w` are two, as in ko, but `-X main.v=a,b` is one. */
export function splitFlags(value: string): readonly string[] {
  return value.split(/,(?=-)/);
}

/** Words between blanks; quotes around a word hold blanks in it, as in GOFLAGS. */
export function splitWords(value: string): readonly string[] {
  const text = value.trim();
  const found = [...text.matchAll(/(?:'([^']*)'|"([^"]*)"|([^\s'"]\S*))(?:\s+|$)/gy)];
  if (found.map(([part]) => part).join("") !== text) {
    throw badValue("flags", value, "a quote has no other half before a blank");
  }
  return found.map(([, ...forms]) => forms.find((word) => word !== undefined) ?? "");
}

/** Flags of which each fills an option of a type. */
export type Filling<Options> = { readonly [K in keyof Options]?: Flags[string] };

/** A flag that may be said again, each time with pairs `name=value`. */
export function pairs(
  what: string,
  text: Text,
  split: (value: string) => readonly string[] = splitList,
): Flag<Readonly<Record<string, string>>> {
  const form = /<(.*?)>/.exec(text)?.[1]?.toUpperCase();
  return { text, add: (value, before) => ({ ...before, ...parsePairs(what, split(value), form) }) };
}
