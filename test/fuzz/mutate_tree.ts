/**
 * Mutations of JSON values that leave them well formed: what a document says changes, not that it
 * can be read.
 * @module
 */
import type { Dice } from "../support/dice.ts";

/** A JSON value. */
export type Tree = null | boolean | number | string | Tree[] | { [key: string]: Tree };

/** A text that stands for itself in the JSON, without quotes; see {@link treeJson}. */
const raw = (json: string): string => `@raw:${json}`;

const NUMBERS: readonly Tree[] = [
  0,
  -1,
  1,
  2,
  0.5,
  1e9,
  2 ** 31,
  2 ** 53 - 1,
  2 ** 53,
  1e21,
  raw("1e400"),
  raw("-0"),
  raw("1e-400"),
  raw("9223372036854775808"),
];

/** Texts that are hard for somebody: to print, to compare, to use as a path or a key. */
export const TEXTS: readonly string[] = [
  "",
  " ",
  "0",
  "null",
  "true",
  "~",
  "../../../outside/pwned",
  "/etc/passwd",
  "..",
  ".",
  "a/../../b",
  "C:\\x",
  "a\0b",
  "a\nError: b",
  "\r\x1b[2Kx",
  "\u009b31m",
  "\u202egpj",
  "\u2028",
  "\ufeff",
  "\ud800",
  "e\u0301\u00e9",
  "\u{1f600}",
  "x".repeat(300),
  "x".repeat(70_000),
  "-rf",
  "%2e%2e%2f",
  "$(id)",
  "{{.}}",
  "{{",
  "${HOME}",
  "*",
  "[",
  "a=b=c",
  "=",
  "ko://",
  "a:b:c@d",
  ":latest",
  "latest",
  "sha256:",
  `sha256:${"0".repeat(64)}`,
  `sha256:${"A".repeat(64)}`,
  `sha512:${"0".repeat(128)}`,
  "1970-01-01T00:00:00Z",
  "99999999999",
  "constructor",
  "__proto__",
];

const KEYS: readonly string[] = [
  "__proto__",
  "constructor",
  "prototype",
  "hasOwnProperty",
  "toString",
  "valueOf",
  "then",
  "toJSON",
  "length",
  "",
  "0",
  " ",
  "a.b",
  "a\0b",
  "\u{1f600}",
];

/** Deeper than what is allowed, and a little less. */
const DEPTHS: readonly number[] = [3, 20, 98, 101, 400, 6000];

/** A place in a tree. */
interface Slot {
  readonly holder: Tree[] | { [key: string]: Tree };
  readonly key: string | number;
}

/**
 * Changes a tree in one to four places.
 *
 * @param words texts that mean something in such a document, to be put where they do not belong
 * @returns another tree; the first one stays as it is
 */
export function mutateTree(root: Tree, dice: Dice, words: readonly string[] = []): Tree {
  const top: Tree[] = [structuredClone(root)];
  const times = dice.chance(0.6) ? 1 : 1 + dice.below(4);
  for (let i = 0; i < times; i++) {
    const slots = slotsOf(top);
    if (slots.length === 0) return null;
    // The whole document is seldom worth it.
    const slot = dice.chance(0.02) ? slots[0] : dice.pick(slots);
    if (slot !== undefined) mutateSlot(slot, slots, dice, words);
  }
  return top[0] ?? null;
}

/** The JSON of a tree. */
export function treeJson(tree: Tree): string {
  return JSON.stringify(tree).replaceAll(/"@raw:([^"]*)"/g, "$1");
}

function slotsOf(top: Tree[]): readonly Slot[] {
  const found: Slot[] = [];
  const visit = (holder: Slot["holder"]): void => {
    const keys = Array.isArray(holder) ? [...holder.keys()] : Object.keys(holder);
    for (const key of keys) {
      const slot = { holder, key };
      found.push(slot);
      // What was nested very deep, or copied a thousand times, is enough as it is.
      if (found.length > 500) return;
      const value = get(slot);
      if (typeof value === "object" && value !== null) visit(value);
    }
  };
  visit(top);
  return found;
}

function get({ holder, key }: Slot): Tree {
  return (holder as Record<string, Tree>)[key] ?? null;
}

/** Sets a field, also one called `__proto__`. */
function set({ holder, key }: Slot, value: Tree): void {
  Object.defineProperty(holder, key, {
    value,
    enumerable: true,
    configurable: true,
    writable: true,
  });
}

function drop({ holder, key }: Slot): void {
  if (Array.isArray(holder)) holder.splice(Number(key), 1);
  else delete holder[key];
}

function mutateSlot(
  slot: Slot,
  slots: readonly Slot[],
  dice: Dice,
  words: readonly string[],
): void {
  const value = get(slot);
  const text = (): string => dice.pick(words.length > 0 && dice.chance(0.5) ? words : TEXTS);
  const any = (): Tree =>
    dice.pick<() => Tree>([
      () => null,
      () => dice.chance(0.5),
      () => dice.pick(NUMBERS),
      text,
      () => [],
      () => ({}),
      () => [text()],
      () => ({ [dice.pick(KEYS)]: text() }),
    ])();
  const inside = (key: string): void => {
    if (typeof value !== "object" || value === null) return set(slot, any());
    if (!Array.isArray(value)) return set({ holder: value, key }, any());
    value.splice(dice.below(value.length + 1), 0, any());
  };
  dice.pick<() => void>([
    () => drop(slot),
    () => drop(slot),
    () => set(slot, null),
    () => set(slot, any()),
    () => set(slot, any()),
    () => set(slot, text()),
    () => set(slot, text()),
    () => set(slot, typeof value === "number" ? dice.pick(NUMBERS) : text()),
    () => set(slot, typeof value === "number" ? value + dice.pick([-1, 1, 0.5]) : any()),
    () => set(slot, typeof value === "string" ? mutateText(value, dice) : any()),
    () => set(slot, typeof value === "string" ? mutateText(value, dice) : any()),
    () => set(slot, structuredClone(get(dice.pick(slots)))),
    () => set(slot, structuredClone(get(dice.pick(slots)))),
    () => swap(slot, dice.pick(slots)),
    () => inside(dice.pick(KEYS)),
    () => inside(text()),
    () => inside(String(dice.pick(slots).key)),
    () => duplicate(slot, dice),
    () => duplicate(slot, dice),
    () => set(slot, nested(value, dice)),
  ])();
}

/** Two values in each other's places, unless one is in the other. */
function swap(a: Slot, b: Slot): void {
  const [x, y] = [structuredClone(get(a)), structuredClone(get(b))];
  set(a, y);
  set(b, x);
}

function duplicate(slot: Slot, dice: Dice): void {
  const { holder, key } = slot;
  const value = get(slot);
  if (!Array.isArray(holder)) {
    const name = dice.pick([`${key} `, `${key}2`, String(key).toUpperCase(), String(key).slice(1)]);
    return set({ holder, key: name }, structuredClone(value));
  }
  const times = dice.pick([1, 1, 2, 70, 300]);
  const copies = Array.from({ length: times }, () => value);
  holder.splice(dice.below(holder.length + 1), 0, ...structuredClone(copies));
}

function nested(value: Tree, dice: Dice): Tree {
  const depth = dice.pick(DEPTHS);
  // Written by hand, since what makes JSON of values has a bound of its own.
  if (depth > 1000) return raw(`${"[".repeat(depth)}${"]".repeat(depth)}`);
  const asList = dice.chance(0.5);
  let tree = value;
  for (let i = 0; i < depth; i++) tree = asList ? [tree] : { a: tree };
  return tree;
}

/** A text with a piece of it changed, gone, twice, or in other letters. */
export function mutateText(text: string, dice: Dice): string {
  const at = dice.below(text.length + 1);
  const to = Math.min(text.length, at + dice.pick([0, 1, 1, 2, 8]));
  const piece = text.slice(at, to);
  return dice.pick<() => string>([
    () => text.slice(0, at) + text.slice(to),
    () => text.slice(0, to) + text.slice(at),
    () => text.slice(0, at) + dice.pick(TEXTS) + text.slice(to),
    () => text.slice(0, at) + String.fromCharCode(dice.below(128)) + text.slice(to),
    () => text.slice(0, at) + piece.toUpperCase() + text.slice(to),
    () => text.toUpperCase(),
    () => `${text} `,
    () => ` ${text}`,
    () => text.slice(0, at),
    () => text.repeat(2),
    () => [...text].reverse().join(""),
  ])();
}
