/**
 * Escaping of texts for HTML, JavaScript and URLs, as `html`, `js` and `urlquery` do it.
 * @module
 */
import { isPrintable } from "./quote.ts";

const HTML: Readonly<Record<string, string>> = {
  "\0": "\ufffd",
  '"': "&#34;",
  "'": "&#39;",
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
};

/** For HTML text and attributes. */
export function escapeHtml(text: string): string {
  return text.replace(/[\0"'&<>]/g, (char) => HTML[char] ?? char);
}

const QUOTED: Readonly<Record<string, string>> = { "\\": "\\\\", "'": "\\'", '"': '\\"' };

/** For a text in JavaScript source. */
export function escapeJavaScript(text: string): string {
  // deno-lint-ignore no-control-regex
  return text.replace(/[\0-\x1f\\'"<>&=]|[^\0-\x7f]/gu, (char) => {
    const quoted = QUOTED[char];
    if (quoted !== undefined) return quoted;
    const code = char.codePointAt(0) ?? 0;
    if (code >= 0x80 && isPrintable(char)) return char;
    return `\\u${code.toString(16).toUpperCase().padStart(4, "0")}`;
  });
}

/** For a value in a query of a URL. */
export function escapeQuery(text: string): string {
  return encodeURIComponent(text.toWellFormed()).replaceAll("%20", "+")
    .replace(/[!'()*]/g, (char) => `%${char.charCodeAt(0).toString(16).toUpperCase()}`);
}
