/**
 * Mutations of tar files that stay tar files: headers with right checksums that say something else,
 * members twice, gone, or in another order, and what pax and GNU put before a member.
 * @module
 */
import { concat, member } from "../archive/images.ts";
import type { Dice } from "../support/dice.ts";
import { mutateBytes } from "./mutate_bytes.ts";
import { TEXTS } from "./mutate_tree.ts";

/** A member: its header, and what follows that up to the next one. */
interface Part {
  readonly header: Uint8Array;
  readonly content: Uint8Array;
}

const TYPES = [..."\x000123456789gxLKSVDMNX~"];
const PATHS: readonly string[] = [
  "index.json",
  "oci-layout",
  "manifest.json",
  "./index.json",
  "blobs/../index.json",
  "blobs/sha256/../../index.json",
  "../outside/pwned",
  "/etc/passwd",
  "blobs",
  "blobs/sha256/",
  ".",
  "a/",
  "\u00e9",
];
const SIZES: readonly (string | Uint8Array)[] = [
  "00000000000\0",
  "00000000001\0",
  "00000001000\0",
  "77777777777\0",
  "-0000000001\0",
  "0x000000001\0",
  "            ",
  "\0\0\0\0\0\0\0\0\0\0\0\0",
  "99999999999\0",
  Uint8Array.of(0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2, 0),
  Uint8Array.of(0x80, 0, 0, 0, 0, 4, 0, 0, 0, 0, 0, 0),
  new Uint8Array(12).fill(255),
];

/** Where the fields of a header are. */
const FIELDS: readonly (readonly [offset: number, length: number])[] = [
  [0, 100],
  [100, 8],
  [108, 8],
  [116, 8],
  [124, 12],
  [136, 12],
  [148, 8],
  [156, 1],
  [157, 100],
  [257, 6],
  [263, 2],
  [265, 32],
  [297, 32],
  [329, 8],
  [337, 8],
  [345, 155],
];

/** A tar with one to three members changed. */
export function mutateTar(bytes: Uint8Array, dice: Dice): Uint8Array<ArrayBuffer> {
  if (dice.chance(0.15)) return mutateBytes(bytes, dice);
  const parts = split(bytes);
  const end = dice.chance(0.05) ? new Uint8Array(dice.pick([0, 512, 4096])) : new Uint8Array(1024);
  for (let times = 1 + dice.below(3); times > 0; times--) mutateParts(parts, dice);
  const whole = concat(...parts.flatMap(({ header, content }) => [header, content]), end);
  return dice.chance(0.05) ? whole.subarray(0, dice.below(whole.length + 1)) : whole;
}

function split(bytes: Uint8Array): Part[] {
  const parts: Part[] = [];
  for (let at = 0; at + 512 <= bytes.length && bytes[at] !== 0;) {
    const field = new TextDecoder().decode(bytes.subarray(at + 124, at + 135));
    const end = at + 512 + Math.ceil(parseInt(field, 8) / 512) * 512;
    parts.push({ header: bytes.slice(at, at + 512), content: bytes.slice(at + 512, end) });
    at = end;
  }
  return parts;
}

function mutateParts(parts: Part[], dice: Dice): void {
  const at = dice.below(parts.length);
  const part = parts[at];
  if (part === undefined) return;
  const { header, content } = part;
  const change = (offset: number, field: string | Uint8Array): void => {
    parts[at] = { header: withField(header, offset, field), content };
  };
  const before = (...more: readonly Part[]): void => void parts.splice(at, 0, ...more);
  const path = (): string => dice.pick(dice.chance(0.7) ? PATHS : TEXTS).slice(0, 90);
  const [offset, length] = dice.pick(FIELDS);
  dice.pick<() => void>([
    () => change(156, dice.pick(TYPES)),
    () => change(156, dice.pick(TYPES)),
    () => change(124, dice.pick(SIZES)),
    () => change(0, `${path()}\0`),
    () => change(345, `${path()}\0`),
    () => change(157, `${path()}\0`),
    () => {
      const link = withField(withField(header, 156, dice.pick(["1", "2"])), 157, `${path()}\0`);
      parts[at] = { header: withField(link, 124, "00000000000\0"), content: new Uint8Array() };
    },
    () =>
      change(offset, mutateBytes(header.subarray(offset, offset + length), dice).slice(0, length)),
    () => change(offset, new Uint8Array(length).fill(dice.pick([0, 32, 48, 255]))),
    () => parts[at] = { header: mutateBytes(header, dice).slice(0, 512), content },
    () => void parts.splice(at, 1),
    () => before(part),
    () => parts.push(part),
    () => parts.push({ header, content: mutateBytes(content, dice).slice(0, content.length) }),
    () => void parts.splice(dice.below(parts.length), 0, ...parts.splice(at, 1)),
    () => parts.reverse(),
    () => before(extension(dice.pick(["x", "x", "x", "g"]), paxRecords(path, dice))),
    () => before(extension(dice.pick(["x", "x", "g"]), paxRecords(path, dice))),
    () => before(extension("L", `${path()}${dice.pick(["\0", "", "\0junk"])}`)),
    () => before(extension("K", `${path()}\0`), extension("L", `${path()}\0`)),
    () => before(extension("L", dice.pick(["", "\0", "x".repeat(5000), "../".repeat(200)]))),
    () => before(extension(dice.pick(["x", "g", "L"]), "x".repeat(1.2e6))),
    () => void parts.splice(0, 0, ...Array.from({ length: 300 }, (_, i) => empty(`f${i}`))),
    () => parts[at] = { header, content: mutateBytes(content, dice) },
    () => parts[at] = { header, content: mutateBytes(content, dice).slice(0, content.length) },
  ])();
}

function withField(header: Uint8Array, offset: number, field: string | Uint8Array): Uint8Array {
  const bytes = typeof field === "string" ? new TextEncoder().encode(field) : field;
  const changed = new Uint8Array(512);
  changed.set(header);
  changed.set(bytes.subarray(0, 512 - offset), offset);
  changed.fill(0x20, 148, 156);
  const sum = changed.reduce((all, byte) => all + byte, 0);
  changed.set(new TextEncoder().encode(`${sum.toString(8).padStart(6, "0")}\0 `), 148);
  return changed;
}

function empty(name: string): Part {
  return { header: member(name), content: new Uint8Array() };
}

/** A member of pax's or GNU's that says something of the next one. */
function extension(type: string, text: string): Part {
  const whole = member("ext", text);
  return { header: withField(whole.subarray(0, 512), 156, type), content: whole.subarray(512) };
}

function paxRecords(path: () => string, dice: Dice): string {
  const record = (key: string, value: string): string => {
    const rest = ` ${key}=${value}\n`;
    let length = new TextEncoder().encode(rest).length;
    length += String(length + String(length).length).length;
    return `${length + dice.pick([0, 0, 0, 0, 1, -1, 1e6])}${rest}`;
  };
  const one = (): string =>
    dice.pick<() => string>([
      () => record("path", path()),
      () => record("linkpath", path()),
      () => record("size", dice.pick(["0", "1", "-1", "1e3", "0x10", "", "99999999999999999999"])),
      () => record("GNU.sparse.major", "1"),
      () => record("GNU.sparse.name", path()),
      () => record("GNU.sparse.realsize", "100000000000"),
      () => record("GNU.sparse.map", "0,1,1000000,1"),
      () => record(dice.pick(["__proto__", "constructor", "hdrcharset", "", "mtime"]), path()),
      () => "garbage\n",
      () => "0 a=b\n",
    ])();
  return Array.from({ length: 1 + dice.below(3) }, one).join("");
}
