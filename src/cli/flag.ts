/**
 * Flags as values: each is written once, with what its value is and the option that it fills.
 * @module
 */
import { Option } from "commander";
import { KodenoError } from "../errors.ts";

/** How a flag is written and, behind two blanks, what it is; a line break is a blank. */
export type Text = `-${string}  ${string}`;

/** Takes one more value of a flag to those said before. */
type Reader<T> = (value: string, before?: T) => T;

/** A flag whose value is a `T`. */
export interface Flag<T> {
  readonly text: Text;
  read?(value: string, before?: T): T;
  readonly choices?: readonly T[];
  /** The option that it fills, where that is another one's. */
  readonly fills?: string;
}

/** Flags by the options that they fill; of those that are a text alone the last value counts. */
export type Flags = Readonly<Record<string, Text | Flag<unknown>>>;

type Value<F> = F extends Flag<infer T> ? T
  : F extends `${infer Names}  ${string}` ? Names extends `${string}<${string}` ? string : boolean
  : never;

/** What flags say, by the options they fill; and what any command is told. */
export type Given<F extends Flags> = { readonly [K in keyof F]?: Value<F[K]> } & {
  readonly verbose?: boolean;
};

/** A flag in the way that commander has it. */
export function optionOf(name: string, flag: Text | Flag<unknown>): Option {
  const { text, read, choices, fills = name } = typeof flag === "string" ? { text: flag } : flag;
  const [flags = "", about] = text.replaceAll(/\n */g, " ").split(/ {2}(.*)/);
  const option = new Option(flags, about);
  if (choices !== undefined) option.choices(choices as readonly string[]);
  if (read !== undefined) option.argParser(read);
  // Of --no-x, it knows that it fills x.
  if (!option.negate) option.attributeName = () => fills;
  return option;
}

/** A flag with one value that is read. */
export function parsed<T>(text: Text, read: (value: string) => T): Flag<T> {
  return { text, read };
}

/** A flag with one of several values. */
export function choice<T extends string>(text: Text, choices: readonly T[]): Flag<T> {
  return { text, choices };
}

/** A flag with several values, in the way that `read` takes them. */
export function texts(
  text: Text,
  read: Reader<readonly string[]> = appendList,
): Flag<readonly string[]> {
  return { text, read };
}

/** Has a command that tells how far it is do so in JSON. */
export const JSON_EVENTS = "--json  print events and results as JSON, one a line" as const;
/** Has one that prints images do so in JSON. */
export const JSON_IMAGES = "--json  print as JSON, an image a line" as const;
/** Has one do so in one piece. */
export const JSON_WHOLE = "--json  print as JSON" as const;

/** Gathers a flag that may be said again; each value is taken as it is. */
export function append(value: string, before: readonly string[] = []): readonly string[] {
  return [...before, value];
}

/** Gathers values between commas; double quotes hold one with a comma together, as in ko. */
export function appendList(value: string, before: readonly string[] = []): readonly string[] {
  const parts = value.match(/(?:"(?:[^"]|"")*"|[^,"]|"(?!.*"))+|(?<=,|^)(?=,|$)/g) ?? [];
  return [...before, ...parts.map(unquote).filter((part) => part !== "")];
}

function unquote(part: string): string {
  return /^".*"$/s.test(part) ? part.slice(1, -1).replaceAll('""', '"') : part;
}

/** Gathers flags of the linker: `-s,-w` are two, as in ko, but `-X main.v=a,b` is one. */
export function appendFlags(value: string, before: readonly string[] = []): readonly string[] {
  return [...before, ...value.split(/,(?=-)/)];
}

/**
 * Gathers words between blanks; quotes around a word hold blanks in it, as in GOFLAGS.
 *
 * @throws {KodenoError} `BAD_OPTION` for a quote without its other half
 */
export function appendWords(value: string, before: readonly string[] = []): readonly string[] {
  const words: string[] = [];
  let rest = value.trim();
  while (rest !== "") {
    const found = /^(?:'([^']*)'|"([^"]*)"|([^\s'"]\S*))(?=\s|$)/.exec(rest);
    if (found === null) {
      throw new KodenoError(
        "BAD_OPTION",
        `Cannot use flags ${JSON.stringify(value)}: a quote has no other half before a blank`,
      );
    }
    words.push(found[1] ?? found[2] ?? found[3] ?? "");
    rest = rest.slice(found[0].length).trim();
  }
  return [...before, ...words];
}
