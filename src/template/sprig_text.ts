/**
 * The functions of sprig that make texts of texts.
 * @module
 */
import { createHash } from "node:crypto";
import { display } from "./format.ts";
import { fixed, type Functions, variadic } from "./functions.ts";
import { quoteText } from "./quote.ts";
import { GoList, GoMap, type Value } from "./value.ts";

/** How long a repeated text may become, in characters. */
const MAX_REPEATED = 1 << 20;
/** What Go takes for space; JavaScript has one character more and one less. */
const SPACE = "\\t\\n\\v\\f\\r \\x85\\xa0\\u1680\\u2000-\\u200a\\u2028\\u2029\\u202f\\u205f\\u3000";
const AROUND = new RegExp(`^[${SPACE}]+|(?<![${SPACE}])[${SPACE}]+$`, "g");
const SPACES = new RegExp(`[${SPACE}]`, "g");
/** What a word of `title` begins behind. */
const SEPARATOR = new RegExp(`^(?:[\\x00-\\x2f:-@[-^\`{-\\x7f]|[${SPACE}])$`);

/** Go changes each character by itself, and only to one other. */
function mapCase(text: string, change: (character: string) => string): string {
  return [...text].map((one) => {
    const changed = change(one);
    return [...changed].length === 1 ? changed : one;
  }).join("");
}

const upper = (text: string): string => mapCase(text, (one) => one.toUpperCase());
const lower = (text: string): string => mapCase(text, (one) => one.toLowerCase());

function title(text: string): string {
  let before = " ";
  return [...text].map((one) => {
    const starts = SEPARATOR.test(before);
    before = one;
    return starts ? upper(one) : one;
  }).join("");
}

/** Part of a text, counted in bytes of UTF-8. */
function bytes(text: string, from: number, to: number | undefined): string {
  const all = new TextEncoder().encode(text);
  const end = to ?? all.length;
  if (from < 0 || end > all.length || from > end) {
    throw new Error(`a text of ${all.length} bytes has none from ${from} to ${end}`);
  }
  return new TextDecoder("utf-8", { ignoreBOM: true }).decode(all.subarray(from, end));
}

function substr(start: number, end: number, text: string): string {
  if (start < 0) return bytes(text, 0, end);
  const { length } = new TextEncoder().encode(text);
  return bytes(text, start, end < 0 || end > length ? undefined : end);
}

function trunc(count: number, text: string): string {
  return new TextEncoder().encode(text).length <= count ? text : bytes(text, 0, count);
}

function repeat(count: number, text: string): string {
  if (count < 0) throw new Error("a text cannot be repeated less than 0 times");
  if (count * text.length > MAX_REPEATED) throw new Error("the text becomes too long");
  return text.repeat(count);
}

function trimAll(cut: string, text: string): string {
  const all = [...text];
  const isCut = (one: string | undefined): boolean => one !== undefined && [...cut].includes(one);
  let [from, to] = [0, all.length];
  while (from < to && isCut(all[from])) from++;
  while (to > from && isCut(all[to - 1])) to--;
  return all.slice(from, to).join("");
}

function replace(old: string, fresh: string, text: string): string {
  if (old !== "") return text.split(old).join(fresh);
  return [...text].map((one) => fresh + one).join("") + fresh;
}

const indent = (count: number, text: string): string => {
  const space = repeat(count, " ");
  return space + text.replaceAll("\n", `\n${space}`);
};

/** The parts of a text; without a separator, its characters. At most `count`, when that is given. */
function split(separator: string, text: string, count = Infinity): string[] {
  if (count === 0) return [];
  const parts = separator === "" ? [...text] : text.split(separator);
  if (count < 0 || parts.length <= count) return parts;
  return [...parts.slice(0, count - 1), parts.slice(count - 1).join(separator)];
}

function splitMap(parts: readonly string[]): GoMap {
  return new GoMap(new Map(parts.map((part, i) => [`_${i}`, part])), "string");
}

/** The items of a list as texts, without nil; one text of anything else. */
export function textsOf(value: Value): string[] {
  if (value === null || value === undefined) return [];
  if (!(value instanceof GoList)) return [display(value)];
  return value.items.filter((item) => item !== null && item !== undefined).map(display);
}

const present = (values: readonly Value[]): Value[] =>
  values.filter((value) => value !== null && value !== undefined);

function adler32(text: string): string {
  let [low, high] = [1, 0];
  for (const byte of new TextEncoder().encode(text)) {
    low = (low + byte) % 65521;
    high = (high + low) % 65521;
  }
  return String(high * 65536 + low);
}

const hash = (name: string) => (text: string) => createHash(name).update(text).digest("hex");

function decode64(text: string): string {
  const compact = text.replace(/[\r\n]/g, "");
  const padded = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/.test(compact);
  if (!padded) throw new Error("this is no base64");
  const raw = Uint8Array.from(atob(compact), (char) => char.charCodeAt(0));
  return new TextDecoder("utf-8", { ignoreBOM: true }).decode(raw);
}

function encode64(text: string): string {
  return btoa(String.fromCharCode(...new TextEncoder().encode(text)));
}

const one = ["string"] as const;
const two = ["string", "string"] as const;

/** Functions of texts, by their names. */
export const textFunctions: Functions = new Map([
  ["upper", fixed(one, upper)],
  ["lower", fixed(one, lower)],
  ["title", fixed(one, title)],
  [
    "untitle",
    fixed(one, (text) =>
      text.replace(/\S+/gu, (word) => {
        const [first = "", ...rest] = word;
        return lower(first) + rest.join("");
      })),
  ],
  ["trim", fixed(one, (text) => text.replace(AROUND, ""))],
  ["trimAll", fixed(two, trimAll)],
  ["trimall", fixed(two, trimAll)],
  ["trimPrefix", fixed(two, (cut, text) => text.startsWith(cut) ? text.slice(cut.length) : text)],
  [
    "trimSuffix",
    fixed(two, (cut, text) => cut !== "" && text.endsWith(cut) ? text.slice(0, -cut.length) : text),
  ],
  ["nospace", fixed(one, (text) => text.replace(SPACES, ""))],
  ["trunc", fixed(["int", "string"], trunc)],
  ["substr", fixed(["int", "int", "string"], substr)],
  ["repeat", fixed(["int", "string"], repeat)],
  ["contains", fixed(two, (part, text) => text.includes(part))],
  ["hasPrefix", fixed(two, (part, text) => text.startsWith(part))],
  ["hasSuffix", fixed(two, (part, text) => text.endsWith(part))],
  ["replace", fixed(["string", "string", "string"], replace)],
  ["indent", fixed(["int", "string"], indent)],
  ["nindent", fixed(["int", "string"], (count, text) => `\n${indent(count, text)}`)],
  ["plural", fixed(["string", "string", "int"], (single, many, n) => n === 1 ? single : many)],
  [
    "quote",
    variadic(
      [],
      "interface {}",
      (values) => present(values).map((value) => quoteText(display(value))).join(" "),
    ),
  ],
  [
    "squote",
    variadic(
      [],
      "interface {}",
      (values) => present(values).map((value) => `'${display(value)}'`).join(" "),
    ),
  ],
  [
    "cat",
    variadic([], "interface {}", (values) => present(values).map(display).join(" ")),
  ],
  ["toString", fixed(["interface {}"], (value) => display(value))],
  ["toStrings", fixed(["interface {}"], (value) => new GoList(textsOf(value), "string"))],
  ["join", fixed(["string", "interface {}"], (glue, value) => textsOf(value).join(glue))],
  ["split", fixed(two, (separator, text) => splitMap(split(separator, text)))],
  [
    "splitn",
    fixed(
      ["string", "int", "string"],
      (separator, count, text) => splitMap(split(separator, text, count)),
    ),
  ],
  ["splitList", fixed(two, (separator, text) => new GoList(split(separator, text), "string"))],
  ["sha1sum", fixed(one, hash("sha1"))],
  ["sha256sum", fixed(one, hash("sha256"))],
  ["adler32sum", fixed(one, adler32)],
  ["b64enc", fixed(one, encode64)],
  ["b64dec", fixed(one, decode64)],
]);
