/**
 * How one flag names several values: commas, words, or saying it again.
 * @module
 */
import { KodenoError } from "../errors.ts";

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
