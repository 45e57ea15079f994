/**
 * Flags as values: each is written once, with what its value is and the option that it fills.
 * @module
 */
import { type Command, Option } from "commander";
import { KodenoError } from "../errors.ts";

/** Takes one more value of a flag to those said before. */
type Reader<T> = (value: string, before?: T) => T;

/** A flag whose value is a `T`. */
export class Flag<T> extends Option {
  /** What it says; only its type matters. */
  declare readonly value: T;

  constructor(flags: string, about: string, read?: Reader<T>, readonly option?: string) {
    super(flags, about);
    if (read !== undefined) this.argParser(read);
  }

  /** Commander keeps its value under this name. */
  override attributeName(): string {
    return this.option ?? super.attributeName();
  }

  /** The same flag, that fills an option. */
  filling(option: string): Flag<T> {
    return Object.assign(new Flag<T>(this.flags, this.description), this, { option });
  }
}

/** Flags by the options that they fill, unless one says itself which. */
export type Flags = Readonly<Record<string, Flag<unknown>>>;

/** What flags say, by the options they fill; and what any command is told. */
export type Given<F extends Flags> = { readonly [K in keyof F]?: F[K]["value"] } & {
  readonly verbose?: boolean;
};

/** Adds flags to a command. */
export function withFlags(command: Command, flags: Flags): Command {
  for (const [option, flag] of Object.entries(flags)) {
    command.addOption(flag.option === undefined ? flag.filling(option) : flag);
  }
  return command;
}

/** A switch. */
export function toggle(flags: string, about: string): Flag<boolean> {
  return new Flag(flags, about);
}

/** A flag with one value; the last one counts. */
export function text(flags: string, about: string): Flag<string> {
  return new Flag(flags, about);
}

/** A flag with one value that is read. */
export function parsed<T>(flags: string, about: string, read: (value: string) => T): Flag<T> {
  return new Flag(flags, about, (value) => read(value));
}

/** As {@link text}, of one among several values. */
export function choice<T extends string>(
  flags: string,
  about: string,
  choices: readonly T[],
): Flag<T> {
  return new Flag<T>(flags, about).choices(choices) as Flag<T>;
}

/** A flag with several values, in the way that `gather` takes them. */
export function texts(
  flags: string,
  about: string,
  gather: Reader<readonly string[]> = appendList,
): Flag<readonly string[]> {
  return new Flag(flags, about, gather);
}

/** Has a command that tells how far it is do so in JSON. */
export const JSON_EVENTS = toggle("--json", "print events and results as JSON, one a line");
/** Has one that prints images do so in JSON. */
export const JSON_IMAGES = toggle("--json", "print as JSON, an image a line");
/** Has one do so in one piece. */
export const JSON_WHOLE = toggle("--json", "print as JSON");

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
