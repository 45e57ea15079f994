/**
 * Texts and characters in quotes, as Go's strconv writes them.
 * @module
 */

const SHORT: Readonly<Record<string, string>> = {
  "\x07": "\\a",
  "\b": "\\b",
  "\f": "\\f",
  "\n": "\\n",
  "\r": "\\r",
  "\t": "\\t",
  "\v": "\\v",
  "\\": "\\\\",
};

/** What Go takes for printable: letters, marks, numbers, punctuation, symbols, and the space. */
const PRINTABLE = /^[\p{L}\p{M}\p{N}\p{P}\p{S} ]$/u;

/** Whether a character shows on a screen, by Go's rules. */
export function isPrintable(character: string): boolean {
  return PRINTABLE.test(character);
}

function escaped(character: string, quote: string, ascii: boolean): string {
  if (character === quote) return `\\${quote}`;
  const short = SHORT[character];
  if (short !== undefined) return short;
  const code = character.codePointAt(0) ?? 0;
  if (code >= 0x20 && code < 0x7f) return character;
  if (!ascii && isPrintable(character)) return character;
  const hex = code.toString(16);
  if (code < 0x20 || code === 0x7f) return `\\x${hex.padStart(2, "0")}`;
  return code < 0x10000 ? `\\u${hex.padStart(4, "0")}` : `\\U${hex.padStart(8, "0")}`;
}

/** A text between double quotes; `ascii` escapes every other character. */
export function quoteText(text: string, ascii = false): string {
  return `"${[...text].map((one) => escaped(one, '"', ascii)).join("")}"`;
}

/** A character between single quotes. */
export function quoteCharacter(character: string, ascii = false): string {
  return `'${escaped(character, "'", ascii)}'`;
}

/** Whether a text can stand between backquotes. */
export function canBackquote(text: string): boolean {
  // deno-lint-ignore no-control-regex
  return !/[\x00-\x08\x0a-\x1f`\x7f\ufeff\ufffd]/.test(text);
}
