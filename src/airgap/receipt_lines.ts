/**
 * Bytes as lines that can be printed, read from paper and typed: base32 without letters that look like
 * digits (Crockford's), each line with its number and a check of its own.
 * @module
 */
import { Buffer } from "node:buffer";
import { listed } from "../oci/entries.ts";
import { digestOf } from "../io/hash.ts";

const TITLE = "kodeno receipt";
const ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";
/** Of 8 groups of 5 characters. */
const LINE_BYTES = 25;
const GROUP = /.{1,5}/g;
/** Characters of the check of a line (20 bits), and of all of them (40 bits). */
const CHECK = 4;
const WHOLE_CHECK = 8;
/** Lines that a message names. */
const MOST_NAMED = 30;
/** Lines of a receipt of a million blobs; what has more is none. */
const MOST_LINES = 500_000;

/** The lines, with a title before them and the check of all of them behind. */
export function linesOf(bytes: Uint8Array): string {
  const lines: string[] = [];
  for (let at = 0; at < bytes.length; at += LINE_BYTES) {
    const part = bytes.subarray(at, at + LINE_BYTES);
    const number = lines.length + 1;
    const groups = base32(part).match(GROUP)?.join(" ") ?? "";
    lines.push(`${numbered(number)} ${groups} ${checkOf(number, part)}`);
  }
  const end = `end ${numbered(lines.length)} ${wholeCheck(bytes)}`;
  return [TITLE, ...lines, end, ""].join("\n");
}

const numbered = (number: number): string => String(number).padStart(3, "0");

/**
 * Reads them again, in any order; blanks, dashes and the case of letters do not matter.
 *
 * @param bad the error for lines that are mistyped or missing, which names all of them
 */
export function readLines(text: string, bad: (why: string) => Error): Buffer {
  const found = new Map<number, Uint8Array>();
  const wrong: string[] = [];
  let end: { readonly count: number; readonly check: string } | undefined;
  const lines = text.split(/\r?\n/);
  if (lines.length > MOST_LINES) throw bad(`it has over ${MOST_LINES} lines`);
  for (const [at, line] of lines.entries()) {
    const words = line.trim();
    if (words === "" || new RegExp(`^${TITLE}$`, "i").test(words)) continue;
    const shown = `line ${at + 1} (${JSON.stringify(words.slice(0, 12))}...)`;
    const [, last, check = ""] = /^end\s+(\d{1,6})\s+(.*)$/i.exec(words) ?? [];
    if (last !== undefined) {
      end = { count: Number(last), check: plain(check) };
      continue;
    }
    const [, number, rest = ""] = /^([\dOIL]{1,6})\s+(.+)$/i.exec(words) ?? [];
    const characters = plain(rest);
    const part = unbase32(characters.slice(0, -CHECK));
    const place = number === undefined ? 0 : Number(plain(number));
    const isRight = place > 0 && part !== undefined && part.length > 0 &&
      checkOf(place, part) === characters.slice(-CHECK);
    if (isRight) found.set(place, part);
    else wrong.push(shown);
  }
  const faults: string[] = [];
  if (wrong.length > 0) {
    faults.push(`${listed(wrong, MOST_NAMED)} ${wrong.length > 1 ? "are" : "is"} mistyped`);
  }
  const count = end?.count ?? found.keys().reduce((most, one) => Math.max(most, one), 0);
  // One that is mistyped may be one of those.
  if (wrong.length === 0) {
    const lacks = Array.from({ length: Math.min(count, MOST_LINES) }, (_, i) => i + 1)
      .filter((number) => !found.has(number)).map(numbered);
    if (lacks.length > 0) faults.push(`line ${listed(lacks, MOST_NAMED)} is missing`);
    else if (end === undefined) faults.push('its last line, "end ...", is missing');
  }
  if (faults.length > 0) throw bad(`${faults.join("; ")}; type it again`);
  const parts = Array.from({ length: count }, (_, i) => found.get(i + 1) ?? new Uint8Array(0));
  const whole = Buffer.concat(parts);
  if (found.size === count && wholeCheck(whole) === end?.check) return whole;
  throw bad(
    "its lines do not belong together: its last line is mistyped, or they are of two receipts",
  );
}

/** What may be mistaken for something else means that. */
function plain(text: string): string {
  return text.replaceAll(/[\s-]/g, "").toUpperCase().replaceAll("O", "0").replaceAll(/[IL]/g, "1");
}

function checkOf(number: number, part: Uint8Array): string {
  return sumOf(Buffer.concat([Buffer.from(`${number} `), part])).slice(0, CHECK);
}

const wholeCheck = (bytes: Uint8Array): string => sumOf(bytes).slice(0, WHOLE_CHECK);
const sumOf = (bytes: Uint8Array): string =>
  base32(Buffer.from(digestOf(bytes).slice("sha256:".length), "hex"));

function base32(bytes: Uint8Array): string {
  let text = "";
  let [value, bits] = [0, 0];
  for (const byte of bytes) {
    value = (value << 8 | byte) & 0xfff;
    for (bits += 8; bits >= 5; bits -= 5) text += ALPHABET[value >> (bits - 5) & 31];
  }
  return bits > 0 ? text + ALPHABET[value << (5 - bits) & 31] : text;
}

/** The bytes; nothing for characters of no alphabet, and for bits that no bytes give. */
function unbase32(text: string): Uint8Array | undefined {
  const bytes: number[] = [];
  let [value, bits] = [0, 0];
  for (const character of text) {
    const digit = ALPHABET.indexOf(character);
    if (digit < 0) return undefined;
    value = (value << 5 | digit) & 0xfff;
    bits += 5;
    if (bits >= 8) bytes.push(value >> (bits -= 8) & 255);
  }
  return bits < 5 && (value & ((1 << bits) - 1)) === 0 ? Uint8Array.from(bytes) : undefined;
}
