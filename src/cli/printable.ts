/**
 * Text from images on its way to a terminal.
 * @module
 */

/** Text without what a terminal would obey: control characters come out as their numbers. */
export function printable(text: string): string {
  return text.replaceAll(
    /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu,
    (char) => `\\u{${char.codePointAt(0)?.toString(16)}}`,
  );
}
