/**
 * HTML of texts that anybody may have written: what is put into it is escaped, unless it is HTML already.
 * It is one function; a library for pages would bring a way of writing them that one page does not need.
 * @module
 */
import { printable } from "../errors.ts";

/** A piece of a page. */
export class Html {
  constructor(readonly text: string) {}
}

type Part = Html | readonly Part[] | number | string | undefined;

const ESCAPED: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "'": "&#39;",
};

/**
 * Makes HTML. Characters that turn or hide a text are shown by their numbers.
 *
 * @example
 * ```ts
 * import { html } from "./html.ts";
 * const { text } = html`<p>${"<script>"}</p>`;
 * if (text !== "<p>&lt;script&gt;</p>") throw new Error(text);
 * ```
 */
export function html(strings: TemplateStringsArray, ...parts: readonly Part[]): Html {
  return new Html(String.raw({ raw: plainOf(strings) }, ...parts.map(textOf)));
}

const plain = new WeakMap<TemplateStringsArray, readonly string[]>();

/** Without the blanks that only say how the source is indented. */
function plainOf(strings: TemplateStringsArray): readonly string[] {
  let known = plain.get(strings);
  if (known === undefined) {
    known = strings.map((one) => one.replaceAll(/\s*\n\s*/g, "\n"));
    plain.set(strings, known);
  }
  return known;
}

function textOf(part: Part): string {
  if (part === undefined) return "";
  if (part instanceof Html) return part.text;
  if (Array.isArray(part)) return part.map(textOf).join("");
  return printable(String(part)).replaceAll(/[&<>"']/g, (char) => ESCAPED[char] ?? char);
}
